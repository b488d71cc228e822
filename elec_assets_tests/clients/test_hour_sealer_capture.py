"""An hour of live capture and search together: from a real spool and the sandbox of X to its table and coverage."""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from elec_assets.capture.batches import ElectionBatch
from elec_assets.clients.hour_sealer import HourSealer, SealedHour
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import ArchiveDamaged, TweetArchive
from elec_assets.clients.x_counts import CountsArchive
from elec_assets.domain.intervals import NOWHERE
from elec_assets.domain.journal import BatchJournal
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.matcher import matcher_at
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import FREE, Prices
from elec_assets.domain.rules import search_queries
from elec_assets.domain.windows import DAY, Window, epoch_ms, from_epoch_ms, id_bounds, iso
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.sealing import read_table, seal, table_bytes
from elec_assets_tests.clients.captured import (
    LAG_MS,
    counted,
    line_of,
    listened,
    matching,
    minutes,
    originals,
    retweets,
    upload,
)
from elec_assets_tests.clients.hours import HOUR, Clock, election, objects, sealer, search_fill, table

Serve = Callable[..., XServer]
Audited = Callable[..., tuple[XServer, HourSealer]]
TABLE = "xx_2027/data/tables/twitter/20270201/18.parquet"
REJECTS = "xx_2027/data/rejects/twitter/20270201/18.jsonl.gz"
COUNTS = "xx_2027/data/raw/twitter_counts/20270201/"
OUTAGE = minutes(24, 31.5)
# A connection proves nothing of its last 30 seconds.
HOLE = minutes(23.5, 31.5)


@pytest.fixture(scope="module")
def batches(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[ElectionBatch]:
    """A service that listened to the hour, and was cut off for seven and a half minutes of it."""
    return listened(tmp_path_factory.mktemp("spool") / "s", world, outages=[OUTAGE])


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[ElectionBatch]:
    """A service that listened to all of the hour."""
    return listened(tmp_path_factory.mktemp("spool") / "s", world)


def row_of(sealed: SealedHour) -> HourCoverage:
    assert sealed.row is not None
    return sealed.row


def ids(store: Store) -> set[str]:
    return set(table(store)["tweet_id"])


def asked(server: XServer) -> set[tuple[int, int]]:
    return {(int(r.params["since_id"]), int(r.params["until_id"])) for r in server.requests}


def slot(batches: Sequence[ElectionBatch], minute: int) -> ElectionBatch:
    """The batch of the slot that begins so many minutes into the hour."""
    (found,) = [b for b in batches if b.key.slot == HOUR.start + timedelta(minutes=minute)]
    return found


def end_of_proof(batches: Sequence[ElectionBatch], minute: int) -> datetime:
    """Until when the journals up to this slot prove the time: half a minute before the last byte received in it."""
    return from_epoch_ms(slot(batches, minute).journal.covered.spans[-1][1])


def without(batches: Sequence[ElectionBatch], *minutes: int) -> list[ElectionBatch]:
    gone = [slot(batches, minute) for minute in minutes]
    return [batch for batch in batches if batch not in gone]


def test_the_hole_and_nothing_else_is_asked_of_search(
    local: Store, serve: Serve, clock: Clock, world: World, batches: list[ElectionBatch]
) -> None:
    upload(local, batches)
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    row = row_of(sealed)
    assert asked(server) == {id_bounds(HOLE)}
    assert (row.outcome, row.planned_s, row.captured_s, row.filled_s, row.missed_s) == (Outcome.OK, 3600, 3120, 480, 0)
    assert row.retweets_missed_s == 480
    assert row.captured == [[iso(HOUR.start), iso(HOLE.start)], [iso(HOLE.end), iso(HOUR.end)]]
    assert (sealed.stored, sealed.findings, row.batches) == (True, [], len([b for b in batches if holds(b)]))
    found = ids(local)
    assert originals(world) <= found
    heard = {post["id"] for post in matching(world, HOUR) if not_in(OUTAGE, post["id"])}
    assert found == originals(world) | heard
    lost = retweets(world) - found
    assert lost
    assert all(epoch_ms(HOLE.start) <= made(post) < epoch_ms(HOLE.end) for post in lost)


def holds(batch: ElectionBatch) -> bool:
    """Whether a batch may hold posts of the hour."""
    return batch.key.slot in HOUR or "2027-02-01-18:00" in batch.journal.hours


def made(tweet_id: str) -> int:
    return (int(tweet_id) >> 22) + 1_288_834_974_657


def not_in(outage: Window, tweet_id: str) -> bool:
    return from_epoch_ms(made(tweet_id) + LAG_MS) not in outage


def test_posts_of_stream_and_search_are_united(
    local: Store, serve: Serve, clock: Clock, world: World, batches: list[ElectionBatch]
) -> None:
    """Half a minute was listened to and is not proven: its posts come twice."""
    upload(local, batches)
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    found = read_table(local.get(TABLE))
    origins = {row["tweet_id"]: (tuple(row["origin"]), tuple(row["matched_rule_tags"])) for row in found.to_dicts()}
    twice = {post for post in originals(world) if made(post) + LAG_MS < epoch_ms(OUTAGE.start)}
    twice &= {post for post in originals(world) if made(post) >= epoch_ms(HOLE.start)}
    searched = {post for post in originals(world) if not not_in(OUTAGE, post)}
    assert twice
    assert searched
    for post in originals(world):
        expected = ("search", "stream") if post in twice else ("search",) if post in searched else ("stream",)
        assert origins[post] == (expected, () if post in searched else ("elec:xx_2027:person0",))
    assert found["tweet_id"].n_unique() == found.height


def test_a_row_of_the_stream_has_the_time_of_its_own_line(
    local: Store, world: World, whole: list[ElectionBatch]
) -> None:
    upload(local, whole)
    sealer(local, None).seal(HOUR)
    found = read_table(local.get(TABLE))
    assert found.height == len(matching(world, HOUR)) > 0
    for row in found.to_dicts():
        assert epoch_ms(row["received_at"]) == epoch_ms(row["metrics_at"]) == made(row["tweet_id"]) + LAG_MS
        at = from_epoch_ms(made(row["tweet_id"]) + LAG_MS)
        slot_at = at - timedelta(minutes=at.minute % 5, seconds=at.second, microseconds=at.microsecond)
        assert row["batch_id"].startswith(f"{slot_at:%Y%m%d_%H%M}_")


def test_a_captured_hour_needs_no_one_to_be_asked(
    local: Store, serve: Serve, clock: Clock, world: World, whole: list[ElectionBatch]
) -> None:
    upload(local, whole)
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    row = row_of(sealed)
    assert server.requests == []
    assert (row.outcome, row.captured_s, row.filled_s, row.retweets_missed_s) == (Outcome.OK, 3600, 0, 0)
    assert ids(local) == originals(world) | retweets(world)
    assert row.reason is None


def test_refresh_asks_for_captured_time_too(
    local: Store, serve: Serve, clock: Clock, whole: list[ElectionBatch]
) -> None:
    """It is the way to look behind our own evidence."""
    upload(local, whole)
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR, refresh=True)
    assert asked(server) == {id_bounds(HOUR)}
    assert (row_of(sealed).captured_s, row_of(sealed).filled_s) == (3600, 0)


def test_the_same_raw_objects_give_the_same_bytes(
    local: Store, serve: Serve, clock: Clock, batches: list[ElectionBatch]
) -> None:
    upload(local, batches)
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    before = objects(local)
    count = len(server.requests)
    clock.now += timedelta(days=3)
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    sealer(local, None).seal(HOUR)
    assert objects(local) == before
    assert len(server.requests) == count


def test_order_and_repetition_of_batches_and_pages_change_nothing(
    local: Store, serve: Serve, clock: Clock, batches: list[ElectionBatch]
) -> None:
    upload(local, batches)
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    archive = TweetArchive(local, "xx_2027")
    documents = list(archive.documents(archive.raw(HOUR)))
    assert {document.origin for document in documents} == {"search", "stream"}
    match = matcher_at(election(), HOUR.start).match
    rng = random.Random(7)  # noqa: S311 - an order that repeats, no secret
    for _ in range(3):
        shuffled = [*documents, *rng.choices(documents, k=5)]
        rng.shuffle(shuffled)
        assert table_bytes(seal(shuffled, HOUR, match).frame) == local.get(TABLE)


def test_two_spools_stand_in_for_each_other(
    local: Store, serve: Serve, clock: Clock, world: World, batches: list[ElectionBatch], tmp_path: Path
) -> None:
    second = listened(tmp_path / "second", world, outages=[minutes(40, 45)])
    upload(local, [*batches, *second])
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    row = row_of(sealed)
    assert server.requests == []
    assert (row.outcome, row.captured_s, row.retweets_missed_s) == (Outcome.OK, 3600, 0)
    assert ids(local) == originals(world) | retweets(world)
    assert row.duplicates > 0
    assert row.received == row.rows + row.duplicates + row.strays


def test_time_of_a_batch_that_is_not_there_is_asked_until_it_comes(
    local: Store, serve: Serve, clock: Clock, world: World, whole: list[ElectionBatch]
) -> None:
    """The service writes the journal first: an upload that broke off proves nothing, and says what is missing."""
    late = slot(whole, 30)
    upload(local, without(whole, 30))
    upload(local, [late], bodies=False)
    alone = row_of(sealer(local, None).seal(HOUR))
    # With it goes the end of the slot before, whose last posts it may hold.
    lost = Window(end_of_proof(whole, 25), minutes(0, 35).end)
    assert alone.missed == [[iso(lost.start), iso(lost.end)]]
    assert (alone.outcome, alone.missed_s) == (Outcome.PARTIAL, lost.seconds)
    said = "is not in the store, so its journal proves nothing; `elec capture` uploads it"
    assert alone.reason == f"{late.key.body} {said}"
    server = serve()
    filled = row_of(sealer(local, search_fill(local, server, clock)).seal(HOUR))
    assert asked(server) == {id_bounds(lost)}
    assert (filled.outcome, filled.filled_s, filled.retweets_missed_s) == (Outcome.OK, alone.missed_s, alone.missed_s)
    assert ids(local) >= originals(world)
    local.create(late.key.body, packed(late.body))
    mended = row_of(sealer(local, None).seal(HOUR))
    assert (mended.captured_s, mended.filled_s, mended.retweets_missed_s) == (3600, 0, 0)
    assert ids(local) == originals(world) | retweets(world)
    assert mended.capture_first != filled.capture_first


def test_a_batch_without_its_journal_is_used_and_proves_nothing(
    local: Store, serve: Serve, clock: Clock, world: World, whole: list[ElectionBatch]
) -> None:
    """Someone copied bodies only."""
    bare = slot(whole, 30)
    upload(local, without(whole, 30))
    upload(local, [bare], journals=False)
    row = row_of(sealer(local, None).seal(HOUR))
    # The end of the slot is proven by the next journal: its lines are there.
    unproven = Window(end_of_proof(whole, 25), end_of_proof(whole, 30))
    assert row.missed == [[iso(unproven.start), iso(unproven.end)]]
    found = read_table(local.get(TABLE))
    assert set(found["tweet_id"]) == originals(world) | retweets(world)
    times = {epoch_ms(r["received_at"]) for r in found.to_dicts() if r["batch_id"].startswith("20270201_1830_")}
    assert times == {epoch_ms(minutes(0, 35).end)}
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert asked(server) == {id_bounds(unproven)}


@pytest.mark.parametrize(
    ("suffix", "content", "says"),
    [
        (".jsonl.gz", b"", "cannot be unpacked .*; restore it from a backup"),
        (
            ".jsonl.gz",
            packed(b"{}\r\n"),
            "holds 1 lines, its journal tells of [0-9]+; restore it .* or move",
        ),
        (
            ".journal.json",
            b"",
            "not a readable journal: .*; restore it from a backup, or move the journal away: search",
        ),
        (".journal.json", b'{"version":2}', "not a readable journal: version 2, .*; upgrade"),
    ],
)
def test_a_damaged_batch_is_named_with_what_to_do_and_changes_nothing(
    local: Store, whole: list[ElectionBatch], suffix: str, content: bytes, says: str
) -> None:
    upload(local, whole)
    sealer(local, None).seal(HOUR)
    key = f"{slot(whole, 30).key.stem}{suffix}"
    before = local.get(TABLE)
    local.put(key, content)
    with pytest.raises(ArchiveDamaged, match=f"{key}: {says}"):
        sealer(local, None).seal(HOUR)
    assert local.get(TABLE) == before


def test_batches_that_hold_more_lines_than_their_journal_tells_of_are_used(
    local: Store, world: World, whole: list[ElectionBatch]
) -> None:
    upload(local, whole)
    key = slot(whole, 30).key
    local.put(key.body, packed(slot(whole, 30).body + b'{"broken\r\n'))
    row = row_of(sealer(local, None).seal(HOUR))
    assert (row.outcome, row.rejects) == (Outcome.OK, 1)
    assert ids(local) == originals(world) | retweets(world)


def test_late_posts_are_found_by_their_pointers_and_rejects_are_told_once(
    local: Store, world: World, tmp_path: Path
) -> None:
    """Two posts of the hour came a day later, with a line that nobody can read."""
    late = matching(world, minutes(40, 60))[:2]
    gone = [post["id"] for post in late]
    first = listened(tmp_path / "first", world, lost=gone)
    upload(local, first)
    before = row_of(sealer(local, None).seal(HOUR))
    assert not ids(local) & set(gone)
    received = epoch_ms(HOUR.start + DAY)
    extra = [(received + 1_000 * n, line_of(post, world)) for n, post in enumerate(late)]
    window = Window(HOUR.start + DAY - timedelta(minutes=10), HOUR.start + DAY + timedelta(minutes=20))
    next_day = listened(tmp_path / "next", world, window=window, extra=[*extra, (received + 500, b'{"cut\r\n')])
    assert sum(len(batch.late) for batch in next_day) == 1
    upload(local, next_day)
    after = row_of(sealer(local, None).seal(HOUR))
    assert ids(local) == originals(world) | retweets(world)
    assert (after.rows, after.rejects, after.batches) == (before.rows + 2, 0, before.batches + 1)
    assert after.capture_first != before.capture_first
    assert after.captured_s == before.captured_s == 3600
    later = Window(HOUR.start + DAY, HOUR.end + DAY)
    assert row_of(sealer(local, None).seal(later)).rejects == 1
    rows = {r["tweet_id"]: r for r in read_table(local.get(TABLE)).to_dicts()}
    assert [epoch_ms(rows[tweet_id]["received_at"]) for tweet_id in gone] == [received, received + 1_000]


def test_posts_from_before_collection_are_counted_and_in_no_table(local: Store, world: World, tmp_path: Path) -> None:
    old = id_bounds(Window(HOUR.start - 60 * DAY, HOUR.end))[0] + 5
    line = b'{"data":{"id":"%d","text":"old"},"matching_rules":[{"id":"1","tag":"elec:xx_2027:person0"}]}\r\n' % old
    made_of = listened(tmp_path / "s", world, extra=[(epoch_ms(HOUR.start) + 1, line)])
    upload(local, made_of)
    row = row_of(sealer(local, None).seal(HOUR))
    assert (row.outcome, row.outside) == (Outcome.OK, 1)
    assert str(old) not in ids(local)
    assert [pointer.hour for batch in made_of for pointer in batch.late] == [HOUR.start - 60 * DAY]


def test_why_nothing_was_listened_to_names_an_hour_that_nobody_filled(
    local: Store, serve: Serve, clock: Clock, whole: list[ElectionBatch]
) -> None:
    """Where search was asked, what it said counts: it was the last that could have helped."""
    spent = (Outcome.OVER_BUDGET, "the share of capture is spent")
    cut = [_stopped(batch, spent) if 20 <= batch.key.slot.minute < 30 else batch for batch in whole]
    upload(local, cut)
    row = row_of(sealer(local, None).seal(HOUR))
    assert (row.outcome, row.reason) == spent
    assert row.missed_s == (end_of_proof(whole, 25) - end_of_proof(whole, 15)).total_seconds()
    refusing = serve(faults=[Fault(preset="service_unavailable", times=9)])
    asked_in_vain = row_of(sealer(local, search_fill(local, refusing, clock)).seal(HOUR))
    assert asked_in_vain.outcome is Outcome.ERROR
    assert "the share of capture" not in (asked_in_vain.reason or "")


def _stopped(batch: ElectionBatch, cause: tuple[Outcome, str]) -> ElectionBatch:
    return replace(batch, journal=_changed(batch.journal, covered=NOWHERE, causes=(cause,)))


def _changed(journal: BatchJournal, **values: object) -> BatchJournal:
    return replace(journal, **values)  # type: ignore[arg-type]  # fields of BatchJournal


def test_capture_of_the_hour_after_says_nothing_about_an_hour(local: Store, world: World, tmp_path: Path) -> None:
    """The service was started when the hour was over: the hour is as one that no one has looked at."""
    after = Window(HOUR.end + timedelta(minutes=1), HOUR.end + timedelta(minutes=20))
    upload(local, listened(tmp_path / "s", world, window=after))
    sealed = sealer(local, None).seal(HOUR)
    assert not sealed.stored
    assert "nothing was ever received for this hour" in sealed.summary
    assert TABLE not in objects(local)


def test_an_hour_that_is_not_planned_keeps_what_came_and_does_not_fail(
    local: Store, world: World, tmp_path: Path
) -> None:
    dates = replace(election().calendar, collect_from=HOUR.end)
    upload(local, listened(tmp_path / "s", world))
    row = sealer(local, None, election(calendar=dates)).seal(HOUR)
    assert (row.stored, row_of(row).outcome, row_of(row).planned_s) == (True, Outcome.NOT_PLANNED, 0)


# What X counts of the hour


@pytest.fixture
def audited(local: Store, serve: Serve, clock: Clock, world: World) -> Audited:
    """What seals an hour that has been over for more than a day, with a server that counts."""

    def make(*faults: Fault, prices: Prices = FREE, budget_usd: float = 0.0) -> tuple[XServer, HourSealer]:
        clock.now = HOUR.end + timedelta(days=1, minutes=7)
        canned = Fault(path="/2/tweets/counts/*", body=counted(world), times=9)
        server = serve(faults=[*faults, canned])
        fill = search_fill(local, server, clock, prices=prices, budget_usd=budget_usd)
        return server, auditor(local, fill)

    return make


def auditor(store: Store, fill: SearchFill) -> HourSealer:
    return HourSealer(
        election=election(),
        registry_version="0123456789ab",
        store=store,
        fill=fill,
        query_limit=1024,
        counts=fill.counts,
    )


def counts_asked(server: XServer) -> list[tuple[str, str]]:
    return [(r.params["start_time"], r.params["end_time"]) for r in server.requests if r.path == "/2/tweets/counts/all"]


def test_a_whole_hour_passes_the_audit_and_a_day_is_counted_once(
    local: Store,
    audited: Audited,
    clock: Clock,
    world: World,
    batches: list[ElectionBatch],
) -> None:
    upload(local, batches)
    server, work = audited()
    sealed = work.seal(HOUR)
    assert (sealed.findings, sealed.unaudited) == ([], None)
    assert row_of(sealed).counted == row_of(sealed).held == len(originals(world))
    assert counts_asked(server) == [("2027-02-01T00:00:00Z", "2027-02-02T00:00:00Z")]
    (stored,) = local.list(COUNTS)
    assert len(json.loads(gzip.decompress(local.get(stored.key)))["data"]) == 1440
    after = Window(HOUR.end, HOUR.end + timedelta(hours=1))
    clock.now += timedelta(hours=1)
    assert row_of(work.seal(after)).counted is not None
    assert len(counts_asked(server)) == 1
    row = row_of(sealed)
    assert row_of(sealer(local, None).seal(HOUR)) == row


def test_a_hole_that_our_evidence_does_not_know_of_is_noticed_and_mended_by_refresh(
    local: Store,
    audited: Audited,
    world: World,
    tmp_path: Path,
) -> None:
    """X sent keep-alives and left out the posts of five minutes: the journals claim all of the hour."""
    gone = [post["id"] for post in matching(world, minutes(30, 35))]
    upload(local, listened(tmp_path / "s", world, lost=gone))
    server, work = audited()
    sealed = work.seal(HOUR)
    row = row_of(sealed)
    lost = originals(world) & set(gone)
    assert (row.outcome, row.captured_s, sealed.stored) == (Outcome.OK, 3600, True)
    assert row.counted == len(originals(world))
    assert row.held == len(originals(world)) - len(lost)
    (finding,) = sealed.findings
    assert finding.check == "completeness"
    assert finding.text == (
        f"X counted at least {row.counted} posts in covered time, and {len(lost)} of them are not held; "
        "run the hour again with the tag elec/refresh=true, which searches all of it"
    )
    mended = work.seal(HOUR, refresh=True)
    assert mended.findings == []
    assert originals(world) <= ids(local)
    assert len(counts_asked(server)) == 1


def test_time_known_to_be_missing_is_not_told_again_by_the_audit(
    local: Store,
    audited: Audited,
    batches: list[ElectionBatch],
) -> None:
    upload(local, batches)
    _, work = audited(Fault(preset="service_unavailable", path="/2/tweets/search/all", times=9))
    sealed = work.seal(HOUR)
    row = row_of(sealed)
    assert row.missed_s == 480
    assert {finding.check for finding in sealed.findings} == {"complete"}
    assert row.counted == row.held


def test_an_audit_without_budget_is_not_asked_and_says_so(
    local: Store,
    audited: Audited,
    whole: list[ElectionBatch],
) -> None:
    upload(local, whole)
    server, work = audited(prices=Prices(0.005, 0.010, 0.010), budget_usd=0.009)
    sealed = work.seal(HOUR)
    assert server.requests == []
    assert (row_of(sealed).outcome, row_of(sealed).counted) == (Outcome.OK, None)
    assert (sealed.unaudited or "").startswith("over budget: 0.00 USD of 0.01 USD")


def test_an_audit_is_paid_before_it_is_asked(
    local: Store,
    audited: Audited,
    whole: list[ElectionBatch],
) -> None:
    upload(local, whole)
    server, work = audited(prices=Prices(0.005, 0.010, 0.010), budget_usd=0.010)
    assert work.seal(HOUR).unaudited is None
    assert len(counts_asked(server)) == 1
    ledger = json.loads(local.get("state/spend/x_search/202702.json"))
    assert (ledger["settled_usd"], ledger["open_usd"], ledger["calls"]) == (0.010, {}, 1)


@pytest.mark.parametrize("preset", ["unauthorized", "rate_limit"])
def test_an_audit_that_x_refuses_leaves_the_hour_as_it_is(
    local: Store,
    audited: Audited,
    whole: list[ElectionBatch],
    preset: str,
) -> None:
    upload(local, whole)
    _, work = audited(Fault(preset=preset, times=9))
    sealed = work.seal(HOUR)
    assert (row_of(sealed).outcome, sealed.stored, row_of(sealed).counted) == (Outcome.OK, True, None)
    assert (sealed.unaudited or "").startswith("X answered")
    assert local.list(COUNTS) == []


def test_counts_that_nobody_can_read_are_kept_and_asked_again(
    local: Store,
    audited: Audited,
    clock: Clock,
    whole: list[ElectionBatch],
) -> None:
    upload(local, whole)
    server, work = audited(Fault(body='{"data":"none"}'))
    sealed = work.seal(HOUR)
    (kept,) = local.list(COUNTS)
    assert (row_of(sealed).counted, sealed.stored) == (None, True)
    assert sealed.unaudited == f"X answered 200 with no counts by minute; it is kept in {kept.key}"
    work.seal(HOUR)
    assert len(counts_asked(server)) == 1  # not twice in one run: each costs
    assert row_of(auditor(local, search_fill(local, server, clock)).seal(HOUR)).counted
    assert (len(local.list(COUNTS)), len(counts_asked(server))) == (2, 2)


def test_damaged_counts_are_named(
    local: Store,
    audited: Audited,
    whole: list[ElectionBatch],
) -> None:
    upload(local, whole)
    _, work = audited()
    work.seal(HOUR)
    (stored,) = local.list(COUNTS)
    local.put(stored.key, b"\x1f\x8b")
    with pytest.raises(ArchiveDamaged, match=f"{stored.key}: cannot be unpacked"):
        sealer(local, None).seal(HOUR)


def test_an_hour_without_capture_is_not_audited(audited: Audited) -> None:
    """A backfill of a past year would pay for it, and learn nothing about our own evidence."""
    server, work = audited()
    assert row_of(work.seal(HOUR)).counted is None
    assert counts_asked(server) == []


def test_an_hour_is_not_audited_before_its_second_sealing(
    local: Store, serve: Serve, clock: Clock, whole: list[ElectionBatch]
) -> None:
    upload(local, whole)
    clock.now = HOUR.end + timedelta(minutes=7)
    server = serve()
    sealed = auditor(local, search_fill(local, server, clock)).seal(HOUR)
    assert (row_of(sealed).counted, sealed.unaudited, server.requests) == (None, None, [])


def test_recent_search_counts_what_it_reaches_of_a_day(
    local: Store, serve: Serve, clock: Clock, world: World, whole: list[ElectionBatch]
) -> None:
    """A week later the morning of the day is out of reach, and the evening is not."""
    upload(local, whole)
    clock.now = HOUR.start + timedelta(days=6, hours=20)
    server = serve()
    fill = search_fill(local, server, clock, archive="recent")
    sealed = auditor(local, fill).seal(HOUR)
    assert sealed.unaudited is None
    assert row_of(sealed).counted == row_of(sealed).held == len(originals(world))
    assert [(r.path, r.params["start_time"]) for r in server.requests] == [
        ("/2/tweets/counts/recent", "2027-02-01T17:00:00Z")
    ]
    queries = search_queries(election(), HOUR.start, 512)
    assert len(CountsArchive(local, "xx_2027").of_hour(HOUR, queries, ())) == len(queries)
    morning = Window(HOUR.start - timedelta(hours=6), HOUR.end - timedelta(hours=6))
    assert fill.counts.ask("xx_2027", morning, queries) is None
    assert len(server.requests) == 1


def test_batch_keys_of_other_things_are_passed_over(local: Store, whole: list[ElectionBatch]) -> None:
    upload(local, whole)
    sealer(local, None).seal(HOUR)
    before = local.get(TABLE)
    local.put("xx_2027/data/raw/twitter/20270201/notes.txt", b"?")
    local.put("xx_2027/data/raw/twitter_late/20270201/20270201_18_notes.json", b"?")
    stray = BatchKey("xx_2027", HOUR.start + timedelta(minutes=3), "0000000f")
    local.put(stray.body, b"?")
    sealer(local, None).seal(HOUR)
    assert local.get(TABLE) == before
