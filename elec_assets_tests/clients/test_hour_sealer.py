"""An hour from the sandbox of X to its table, through everything that can go wrong between."""

import gzip
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from elec_assets.clients.hour_sealer import SealedHour
from elec_assets.clients.search_fill import SearchFill, page_usd
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import ArchiveDamaged, TweetArchive
from elec_assets.clients.x_api import RECENT_REACH, Archive
from elec_assets.domain import calendar
from elec_assets.domain.layout import parse_search_page
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import Prices
from elec_assets.domain.registry import Candidate, DatedStatus, Election
from elec_assets.domain.rules import query_limit
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import DAY, Grain, Window, id_bounds, iso, parse_iso, window_at
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_api import XApi, XOptions
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.sealing import read_table
from elec_assets_tests.clients.hours import (
    HOUR,
    INCIDENTAL,
    Clock,
    election,
    objects,
    sealer,
    search_fill,
    slots,
    table,
)

Serve = Callable[..., XServer]
TABLE = "xx_2027/data/tables/twitter/20270201/18.parquet"
ROW = "xx_2027/data/coverage/twitter/20270201/18.json"
REJECTS = "xx_2027/data/rejects/twitter/20270201/18.jsonl.gz"
RAW = "xx_2027/data/raw/twitter_search/20270201/"
LEDGER = "state/spend/x_search/202702.json"
PAID = Prices(post_usd=0.005, user_usd=0.010)


def derived(store: Store) -> dict[str, bytes]:
    return {key: data for key, data in objects(store).items() if not key.startswith(RAW)}


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The hour as it is sealed when nothing goes wrong, in a store of its own."""
    store = open_store((tmp_path_factory.mktemp("undisturbed") / "store").as_uri())
    clock = Clock(HOUR.end + timedelta(hours=20), timedelta(milliseconds=1))
    with XServer(XApi(world, clock, XOptions()), FaultScript(), 0) as server:
        ok(sealer(store, search_fill(store, server, clock)).seal(HOUR))
    return table(store)


def ok(sealed: SealedHour) -> None:
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.row.missed_s, sealed.findings) == (Outcome.OK, 0, [])
    assert sealed.stored


def test_a_whole_hour_is_ok(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    ok(sealed)
    assert sealed.row is not None
    assert sealed.frame is not None
    stored = read_table(local.get(TABLE))
    assert stored.equals(sealed.frame)
    assert dict(stored.schema) == polars_schema(TWEETS)
    since, until = id_bounds(HOUR)
    assert all(since < int(i) < until for i in stored["tweet_id"])
    assert (sealed.key, sealed.size, sealed.row.rows) == (TABLE, len(local.get(TABLE)), stored.height)
    assert sealed.summary == f"ok, {stored.height} rows"
    assert stored.height > 200
    assert stored.height == sum(len(day.posts) for day in server.bill.days.values())
    assert (sealed.row.planned_s, sealed.row.filled_s, sealed.row.captured_s) == (3600, 3600, 0)
    assert sealed.row.retweets_missed_s == 3600
    assert sealed.row.raw_objects == len(local.list(RAW)) == 2 * len(server.requests)
    assert REJECTS not in objects(local)


def test_pages_are_stored_as_they_were_received(local: Store, serve: Serve, clock: Clock) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    bodies = [key for key in objects(local) if key.endswith(".json.gz")]
    for number, key in enumerate(sorted(bodies), start=1):
        page = parse_search_page(key)
        assert page is not None
        assert page.page == number
        packed = local.get(key)
        assert packed[4:8] == b"\x00\x00\x00\x00"
        body, meta = json.loads(gzip.decompress(packed)), json.loads(local.get(page.meta))
        assert meta["result_count"] == len(body["data"])
        assert meta["oldest_id"] == body["meta"]["oldest_id"]
        assert meta["last"] == (number == len(bodies)) == ("next_token" not in body["meta"])
        assert meta["status"] == 200
        assert parse_iso(meta["asked_at"]) == page.asked_at < parse_iso(meta["received_at"])


def test_a_rerun_of_a_done_hour_asks_nothing_and_gives_the_same_bytes(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    before, asked = objects(local), len(server.requests)
    clock.now += timedelta(days=3)
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR))
    ok(sealer(local, None).seal(HOUR))
    assert len(server.requests) == asked
    assert objects(local) == before


def test_refresh_asks_again_under_new_names(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    before, asked, rows = objects(local), len(server.requests), table(local)
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR, refresh=True))
    assert len(server.requests) == 2 * asked
    after = objects(local)
    assert {key: after[key] for key in before if key.startswith(RAW)} == {
        key: data for key, data in before.items() if key.startswith(RAW)
    }
    assert len(local.list(RAW)) == 4 * asked
    assert table(local).equals(rows)


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(preset="service_unavailable", times=4), Outcome.ERROR),
        (Fault(cut=0.5, times=4), Outcome.ERROR),
        (Fault(preset="rate_limit", headers={"x-rate-limit-reset": "1901000000"}), Outcome.THROTTLED),
        (Fault(preset="unauthorized", times=9), Outcome.REFUSED),
        (Fault(preset="credits_depleted", times=9), Outcome.OVER_BUDGET),
    ],
)
def test_a_fault_midway_leaves_exactly_the_rest_to_be_asked(
    local: Store, serve: Serve, clock: Clock, undisturbed: pl.DataFrame, fault: Fault, outcome: Outcome, skip: int
) -> None:
    """After the second seal nothing tells that there was a fault."""
    server = serve(faults=[replace(fault, skip=skip)])
    first = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert first.row is not None
    assert first.row.outcome is outcome
    assert first.row.reason is not None
    assert first.row.reason.startswith(("X answered", "no whole answer"))
    assert first.stored == (skip > 0)
    assert (TABLE in objects(local)) == (skip > 0)
    since, until = id_bounds(HOUR)
    end = HOUR.end
    if skip:
        held = table(local)
        assert held.height == 100 * skip
        assert held.equals(undisturbed.tail(100 * skip))
        oldest = held["created_at"][0]
        end = oldest + timedelta(milliseconds=1)
        until = id_bounds(Window(HOUR.start, end))[1]
    assert first.row.missed == [[iso(HOUR.start), iso(end)]]
    assert first.row.missed_s == (end - HOUR.start).total_seconds()
    asked = len(server.requests)
    again = serve()
    ok(sealer(local, search_fill(local, again, clock)).seal(HOUR))
    assert {(int(r.params["since_id"]), int(r.params["until_id"])) for r in again.requests} == {(since, until)}
    assert len(again.requests) == 3 - skip
    assert table(local).equals(undisturbed)
    assert len(server.requests) == asked


def test_after_a_refusal_nothing_more_is_asked_in_this_run(local: Store, serve: Serve, clock: Clock) -> None:
    """A wrong token is wrong for the other hours too; each of them still gets its row and its reason."""
    server = serve()
    fill = search_fill(local, server, clock, token="wrong")
    hours = [HOUR, Window(HOUR.end, HOUR.end + timedelta(hours=1))]
    sealed = [sealer(local, fill).seal(hour) for hour in hours]
    assert [s.row.outcome for s in sealed if s.row] == [Outcome.REFUSED, Outcome.REFUSED]
    assert [s.stored for s in sealed] == [False, False]
    assert len(server.requests) == 1
    assert all("check X_BEARER_TOKEN" in (s.row.reason or "") for s in sealed if s.row)


def test_a_refused_refresh_leaves_the_table(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    before = local.get(TABLE)
    sealed = sealer(local, search_fill(local, server, clock, token="wrong")).seal(HOUR, refresh=True)
    ok(sealed)
    assert local.get(TABLE) == before


def test_over_budget_is_an_outcome_and_not_a_call(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock, prices=PAID)).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.stored) == (Outcome.OVER_BUDGET, False)
    assert "raise ELEC_X_BUDGET_USD" in (sealed.row.reason or "")
    assert server.requests == []
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR))


def test_a_budget_that_ends_midway_keeps_what_was_paid_for(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    fill = search_fill(local, server, clock, prices=PAID, budget_usd=page_usd(PAID) + 0.1)
    sealed = sealer(local, fill).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.row.rows, sealed.stored) == (Outcome.OVER_BUDGET, 100, True)
    assert len(server.requests) == 1


def test_an_hour_asked_too_early_is_partial_and_then_ok(
    local: Store, serve: Serve, clock: Clock, undisturbed: pl.DataFrame
) -> None:
    """X finds posts half a minute late: an answer of 30 s after the hour does not prove the hour's end."""
    clock.now = HOUR.end + timedelta(seconds=30)
    server = serve()
    early = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert early.row is not None
    assert early.row.outcome is Outcome.PARTIAL
    assert early.row.reason == "not asked yet, or asked before X could find the newest posts; run again"
    assert 59 < early.row.missed_s < 61
    assert early.stored
    asked = len(server.requests)
    clock.now = HOUR.end + timedelta(minutes=7)
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR))
    assert table(local).sort("tweet_id")["tweet_id"].to_list() == undisturbed.sort("tweet_id")["tweet_id"].to_list()
    assert all(int(r.params["since_id"]) > id_bounds(HOUR)[0] for r in server.requests[asked:])


def test_an_hour_of_slots_is_asked_slot_by_slot(local: Store, serve: Serve, clock: Clock) -> None:
    chosen = election(capture=slots(5, 60))
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock), chosen).seal(HOUR)
    ok(sealed)
    planned = calendar.planned(chosen, HOUR).windows()
    assert [(int(r.params["since_id"]), int(r.params["until_id"])) for r in server.requests] == [
        id_bounds(window) for window in planned
    ]
    assert sealed.row is not None
    assert sealed.row.planned_s == sealed.row.filled_s == 300
    assert all(any(t in w for w in planned) for t in table(local)["created_at"])


def test_one_failed_slot_names_its_cause(local: Store, serve: Serve, clock: Clock) -> None:
    chosen = election(capture=slots(5, 60))
    server = serve(faults=[Fault(skip=1, times=4, preset="service_unavailable")])
    sealed = sealer(local, search_fill(local, server, clock), chosen).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.row.missed_s) == (Outcome.ERROR, 60)


def test_several_queries_are_asked_each_and_united(
    local: Store, serve: Serve, clock: Clock, undisturbed: pl.DataFrame
) -> None:
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock), query_limit=200).seal(HOUR)
    ok(sealed)
    assert sealed.row is not None
    assert sealed.row.queries == len({r.params["query"] for r in server.requests}) > 1
    assert table(local)["tweet_id"].to_list() == undisturbed["tweet_id"].to_list()
    assert sealed.row.duplicates == sealed.row.received - sealed.row.rows


def test_two_seals_of_an_hour_at_once_end_equal(local: Store, serve: Serve, clock: Clock) -> None:
    """Both ask, both store, and the last table written is one of all pages of both."""
    server = serve()
    barrier = threading.Barrier(2)

    def seal(offset_ms: int) -> SealedHour:
        mine = Clock(clock.now + timedelta(milliseconds=offset_ms), timedelta(milliseconds=2))
        work = sealer(local, search_fill(local, server, mine))
        barrier.wait()
        return work.seal(HOUR)

    for turn in range(3):
        with ThreadPoolExecutor(2) as pool:
            for sealed in pool.map(seal, (10_000 * turn, 10_000 * turn + 1)):
                ok(sealed)
        found = derived(local)
        ok(sealer(local, None).seal(HOUR))
        assert derived(local) == found
        for info in local.list(RAW):
            local.delete(info.key)


def test_a_sidecar_that_comes_while_sealing_is_taken_in(local: Store, serve: Serve, clock: Clock) -> None:
    """Another run wrote the sidecar of a page whose body was there: the table kept the page's earlier time."""
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    whole = derived(local)
    sidecar = next(i.key for i in local.list(RAW) if i.key.endswith(".meta.json"))
    content = local.get(sidecar)
    local.delete(sidecar)
    late = _LateSidecar(local, sidecar, content)
    sealer(late, None).seal(HOUR)
    assert derived(local) == whole


class _LateSidecar(Store):
    """A store in which another run writes a sidecar while this one writes its table."""

    def __init__(self, store: Store, key: str, content: bytes) -> None:
        self.__dict__.update(store.__dict__)
        self._late = (key, content)

    def put(self, key: str, data: bytes) -> None:
        if key == TABLE and self.find(self._late[0]) is None:
            self.create(*self._late)
        super().put(key, data)


def raw_keys(store: Store, suffix: str) -> list[str]:
    return [info.key for info in store.list(RAW) if info.key.endswith(suffix)]


def test_a_body_without_sidecar_is_used_and_its_time_is_asked_again(
    local: Store, serve: Serve, clock: Clock, undisturbed: pl.DataFrame
) -> None:
    """What a crash between the two writes leaves."""
    server = serve()
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    for key in raw_keys(local, ".meta.json"):
        local.delete(key)
    for key in (TABLE, ROW):
        local.delete(key)
    alone = sealer(local, None).seal(HOUR)
    assert alone.row is not None
    assert (alone.row.outcome, alone.row.missed_s, alone.stored) == (Outcome.PARTIAL, 3600, True)
    assert table(local).equals(undisturbed)
    asked = len(server.requests)
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR))
    assert len(server.requests) == 2 * asked
    assert table(local).equals(undisturbed)


@pytest.mark.parametrize(
    ("suffix", "content", "says"),
    [
        (".meta.json", b"", "not a sidecar of a search page .*; restore it from a backup"),
        (".meta.json", b"[" * 50_000, "not a sidecar of a search page .*; restore it from a backup"),
        (".meta.json", b"{}", "not a sidecar of a search page .*; restore it from a backup"),
        (".meta.json", b'{"election":"\xff"}', "not a sidecar of a search page .*; restore it from a backup"),
        (".json.gz", b"", "cannot be unpacked .*; restore it from a backup"),
        (".json.gz", b"\x1f\x8b\x08\x00", "cannot be unpacked .*; restore it from a backup"),
        (".json.gz", b"plain text", "cannot be unpacked .*; restore it from a backup"),
    ],
)
def test_a_damaged_raw_object_is_named_with_what_to_do_and_changes_nothing(
    local: Store, serve: Serve, clock: Clock, suffix: str, content: bytes, says: str
) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    key = raw_keys(local, suffix)[0]
    before = derived(local)
    local.put(key, content)
    with pytest.raises(ArchiveDamaged, match=f"{key}: {says}"):
        sealer(local, None).seal(HOUR)
    assert derived(local) == before


def test_no_damage_of_a_sidecar_or_body_gives_another_error(local: Store, serve: Serve, clock: Clock) -> None:
    """Bytes of a sidecar changed, a body cut at its first bytes; a date 2027-13-01 raised ValueError."""
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    archive = TweetArchive(local, "xx_2027")
    key = raw_keys(local, ".meta.json")[0]
    whole = local.get(key)
    for at in range(0, len(whole), 3):
        local.put(key, whole[:at] + b"\xff" + whole[at + 1 :])
        with pytest.raises(ArchiveDamaged):
            archive.raw(HOUR)
    for name in ("asked_at", "received_at", "since_id", "until_id", "oldest_id"):
        changed = json.loads(whole) | {name: "2027-13-01T00:00:00Z"}
        local.put(key, json.dumps(changed).encode())
        with pytest.raises(ArchiveDamaged, match=key):
            archive.raw(HOUR)
    local.put(key, whole)
    raw, body = archive.raw(HOUR), raw_keys(local, ".json.gz")[0]
    packed = local.get(body)
    for size in [*range(40), len(packed) - 1, len(packed) - 8]:
        local.put(body, packed[:size])
        with pytest.raises(ArchiveDamaged, match=body):
            list(archive.documents(raw))


def test_a_newer_sidecar_is_not_guessed_at(local: Store, serve: Serve, clock: Clock) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    key = raw_keys(local, ".meta.json")[0]
    local.put(key, json.dumps(json.loads(local.get(key)) | {"version": 2}).encode())
    with pytest.raises(ArchiveDamaged, match="version 2, this program reads up to 1; upgrade"):
        sealer(local, None).seal(HOUR)


def test_a_damaged_coverage_row_does_not_stop_the_sealing_that_mends_it(
    local: Store, serve: Serve, clock: Clock
) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    before = local.get(ROW)
    local.put(ROW, b"{")
    ok(sealer(local, None).seal(HOUR))
    assert local.get(ROW) == before


def test_strange_objects_among_the_raw_ones_are_passed_over(local: Store, serve: Serve, clock: Clock) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    before = local.get(TABLE)
    local.put(f"{RAW}20270201_18_notes.txt", b"?")
    local.put(f"{RAW}20270201_18_99999999T999999999Z_00000000_0001.json.gz", b"?")
    sealer(local, None).seal(HOUR)
    assert local.get(TABLE) == before


def page_of(*texts: str, **meta: object) -> str:
    """A search page as text, so that it may hold what JSON libraries do not write."""
    first = id_bounds(HOUR)[0] + 1
    posts = ",".join(f'{{"id":"{first + n}","text":"{text}"}}' for n, text in enumerate(texts))
    return f'{{"data":[{posts}],"meta":{json.dumps({"result_count": len(texts), **meta})}}}'


def test_a_lone_surrogate_ends_in_rejects_and_the_hour_is_sealed(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(body=page_of("good", "bad \\ud800 half", "good too"))])
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    ok(sealed)
    assert sealed.row is not None
    assert (sealed.row.rows, sealed.row.rejects) == (2, 1)
    (reject,) = [json.loads(line) for line in gzip.decompress(local.get(REJECTS)).splitlines()]
    assert "lone surrogate" in reject["reason"]
    assert "bad \\ud800 half" in reject["raw"]


@pytest.mark.parametrize(
    "body",
    ["{}", "[]", "<html>busy</html>", '{"data":{}}', '{"data":[],"meta":{"next_token":"\\ud800"}}', "[" * 50_000, ""],
)
def test_an_answer_that_is_no_page_is_an_error_and_the_hour_stays_open(
    local: Store, serve: Serve, clock: Clock, undisturbed: pl.DataFrame, body: str
) -> None:
    """Deep nesting ended the run; an empty object was taken for an hour without posts, for good."""
    sealed = sealer(local, search_fill(local, serve(faults=[Fault(body=body)]), clock)).seal(HOUR)
    assert sealed.row is not None
    assert sealed.row.outcome is Outcome.ERROR
    assert sealed.row.missed_s == 3600
    sealed = sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    assert sealed.row is not None
    assert sealed.row.outcome is Outcome.OK
    assert sealed.row.rejects >= 1
    assert table(local).equals(undisturbed)


def test_a_token_that_comes_again_is_no_last_page(local: Store, serve: Serve, clock: Clock) -> None:
    """X once gave a page's own token as the next: the hour was called whole after it, though nothing proves that."""
    body = page_of("again", next_token="loop")
    server = serve(faults=[Fault(body=body, times=2)])
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert len(server.requests) == 2
    assert sealed.row is not None
    assert sealed.row.outcome is Outcome.PARTIAL
    assert sealed.row.missed_s > 0


def test_an_hour_that_is_not_planned_is_recorded_and_not_asked(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    before = window_at(election().calendar.collect_from - DAY, Grain.HOUR)
    sealed = sealer(local, search_fill(local, server, clock)).seal(before)
    assert sealed.row is not None
    assert (sealed.stored, sealed.summary, sealed.row.outcome) == (True, "not_planned", Outcome.NOT_PLANNED)
    assert server.requests == []
    assert [key.rsplit("/", 1)[1] for key in objects(local)] == ["00.json"]


def test_an_hour_that_may_not_be_asked_is_not_sealed_and_says_why(local: Store) -> None:
    sealed = sealer(local, None).seal(HOUR)
    assert not sealed.stored
    assert "set X_BEARER_TOKEN and ELEC_X_BUDGET_USD" in sealed.summary
    assert objects(local) == {}


def test_an_hour_in_which_nobody_is_followed_is_empty(local: Store, serve: Serve, clock: Clock) -> None:
    """There is nothing to ask: it was reported as an hour that X may not be asked for, and failed at each run."""
    nobody = {"a": Candidate("a", "Nobody Yet", (DatedStatus(1, datetime(2027, 2, 20, tzinfo=UTC)),))}
    server = serve()
    fills: list[SearchFill | None] = [search_fill(local, server, clock), None]
    for fill in fills:
        sealed = sealer(local, fill, election(candidates=nobody)).seal(HOUR)
        assert sealed.row is not None
        assert (sealed.row.outcome, sealed.stored, sealed.row.missed_s) == (Outcome.EMPTY, True, 0)
    assert server.requests == []
    assert read_table(local.get(TABLE)).height == 0


def test_a_table_is_not_replaced_by_a_smaller_one(local: Store, serve: Serve, clock: Clock) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    before = local.get(TABLE)
    for key in sorted(objects(local)):
        if "_0003." in key:
            local.delete(key)
    sealed = sealer(local, None).seal(HOUR)
    assert not sealed.stored
    assert {finding.check for finding in sealed.findings} == {"not_shrunk", "complete"}
    assert local.get(TABLE) == before


def test_what_tells_how_answers_came_is_all_that_may_differ(local: Store, serve: Serve, clock: Clock) -> None:
    """The list of columns left out of comparisons here is exactly the one that depends on the time of asking."""
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    first = read_table(local.get(TABLE))
    clock.now += timedelta(days=1)
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR, refresh=True)
    second = read_table(local.get(TABLE))
    assert [c for c in first.columns if not first[c].equals(second[c], null_equal=True)] == [
        c for c in first.columns if c in INCIDENTAL
    ]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not Parquet"])
def test_a_damaged_table_is_made_again_from_the_raw_objects(
    local: Store, serve: Serve, clock: Clock, content: bytes
) -> None:
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    before = local.get(TABLE)
    local.put(TABLE, content)
    ok(sealer(local, None).seal(HOUR))
    assert local.get(TABLE) == before


def long_election() -> Election:
    """One query of the full archive, two of recent search."""
    words = tuple(f"mot tres long numero {i}" for i in range(20))
    people = dict(election().candidates)
    people["person0"] = replace(people["person0"], terms=(*people["person0"].terms, *words))
    return election(candidates=people)


@pytest.mark.parametrize(("first", "second"), [("all", "recent"), ("recent", "all")])
def test_a_change_of_archive_does_not_ask_again_for_what_was_answered(
    local: Store, serve: Serve, clock: Clock, first: Archive, second: Archive
) -> None:
    """Recent search takes 512 characters, the full archive 1,024: a past week counted as unanswered after a change."""
    server, chosen = serve(), long_election()
    ok(sealer(local, search_fill(local, server, clock, archive=first), chosen, query_limit(first)).seal(HOUR))
    before, asked = table(local), len(server.requests)
    sealed = sealer(local, search_fill(local, server, clock, archive=second), chosen, query_limit(second)).seal(HOUR)
    ok(sealed)
    assert len(server.requests) == asked
    assert table(local).equals(before)
    assert len({r.params["query"] for r in server.requests}) == {"all": 1, "recent": 2}[first]
    assert sealed.row is not None
    assert sealed.row.queries == {"all": 1, "recent": 2}[second]


def test_half_of_one_packing_is_asked_anew_by_the_other(local: Store, serve: Serve, clock: Clock) -> None:
    server, chosen = serve(faults=[Fault(preset="unauthorized", skip=3, times=9)]), long_election()
    sealed = sealer(local, search_fill(local, server, clock, archive="recent"), chosen, 512).seal(HOUR)
    assert sealed.row is not None
    assert sealed.row.outcome is Outcome.REFUSED
    again = serve()
    ok(sealer(local, search_fill(local, again, clock), chosen, 1024).seal(HOUR))
    assert {int(r.params["since_id"]) for r in again.requests} == {id_bounds(HOUR)[0]}


def test_a_term_that_only_the_longer_queries_hold_does_not_stop_the_hour(
    local: Store, serve: Serve, clock: Clock
) -> None:
    """The other packing is looked at once the words of the search have changed."""
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    people = dict(election().candidates)
    people["person0"] = replace(people["person0"], terms=("mot " * 150,))
    server = serve()
    ok(sealer(local, search_fill(local, server, clock), election(candidates=people)).seal(HOUR))
    assert server.requests


def test_an_hour_that_recent_search_does_not_reach_is_not_asked(local: Store, serve: Serve, clock: Clock) -> None:
    """X answers 400 to ids older than 7 days: each such hour was asked at every run, and called an error."""
    clock.now = HOUR.start + timedelta(days=8)
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock, archive="recent"), query_limit=512).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.stored, sealed.row.missed_s) == (Outcome.REFUSED, False, 3600)
    assert "that ELEC_X_ARCHIVE=recent can ask for; set ELEC_X_ARCHIVE=all and run again" in sealed.summary
    assert server.requests == []
    assert LEDGER not in objects(local, "state/")
    ok(sealer(local, search_fill(local, server, clock)).seal(HOUR))


def test_the_part_of_an_hour_that_recent_search_reaches_is_asked(local: Store, serve: Serve, clock: Clock) -> None:
    clock.now = HOUR.start + RECENT_REACH + timedelta(minutes=30)
    server = serve()
    sealed = sealer(local, search_fill(local, server, clock, archive="recent"), query_limit=512).seal(HOUR)
    assert sealed.row is not None
    assert (sealed.row.outcome, sealed.stored) == (Outcome.REFUSED, True)
    assert sealed.row.rows > 0
    assert 1800 < sealed.row.missed_s < 1801
    assert {r.status for r in server.requests} == {200}
    again = serve()
    ok(sealer(local, search_fill(local, again, clock), query_limit=1024).seal(HOUR))
    assert all(int(r.params["until_id"]) < id_bounds(HOUR)[1] for r in again.requests)


def test_what_a_newer_version_sealed_is_not_replaced(local: Store, serve: Serve, clock: Clock) -> None:
    """Its columns would be lost: the hour was sealed over it, in the older form, without a word."""
    sealer(local, search_fill(local, serve(), clock)).seal(HOUR)
    local.put(ROW, json.dumps(json.loads(local.get(ROW)) | {"schema_version": 2}).encode())
    before, server = objects(local), serve()
    with pytest.raises(ArchiveDamaged, match=f"{ROW}: schema version 2, .*; upgrade"):
        sealer(local, search_fill(local, server, clock)).seal(HOUR, refresh=True)
    assert objects(local) == before
    assert server.requests == []


def test_the_summary_tells_of_what_could_not_be_read(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(body=page_of("good", "bad \\ud800 half"))])
    sealed = sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert sealed.summary == f"ok, 1 rows, 1 unreadable kept in {REJECTS}"
