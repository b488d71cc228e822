"""From X's word that a post is gone to a store in which nobody can read it, killed wherever it may be."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from elec_assets.capture.batches import ElectionBatch
from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.compliance import ComplyBusy, comply_alone
from elec_assets.clients.store import ObjectInfo, Store, StoreError, open_store
from elec_assets.clients.tombstones import Forgotten, TombstoneArchive, comply_lock
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.x_errors import XUnauthorized
from elec_assets.domain.windows import Grain, window_at
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.gate_allowed import Removal, volume_change
from elec_assets.transforms.suppression import suppress_volume
from elec_assets.transforms.tombstones import fingerprint
from elec_assets_tests.clients.captured import LAG_MS, line_of, listened, matching, minutes, upload, upload_quiet
from elec_assets_tests.clients.complying import (
    COMPLIANCE,
    KEY,
    TABLE,
    asking,
    build,
    complied,
    complier,
    filled,
    final,
    holding,
    originals_with,
    readable,
)
from elec_assets_tests.clients.fragile import Crash
from elec_assets_tests.clients.hours import HOUR, Clock, objects, sealer, table

Serve = Callable[..., XServer]
DAY = window_at(HOUR.start, Grain.DAY)
TODO = f"{COMPLIANCE}todo.json"
TOMBSTONES = f"{COMPLIANCE}tombstones.json.gz"
HELD = f"{COMPLIANCE}held.gz"
VOLUMES = f"{KEY}/weekly/twitter_volume/"
GARBLED = b'{"data":{"id":"%s","text":"garbled words", oh\r\n'


@pytest.fixture(scope="module")
def posts(world: World) -> list[Json]:
    """The posts of the hour that are captured or found."""
    return list(matching(world, HOUR))


@pytest.fixture(scope="module")
def gone(world: World, posts: list[Json]) -> list[str]:
    """Posts that are taken out: one that was retweeted, one that was quoted, and one that nobody refers to."""
    around = world.posts(HOUR.start - timedelta(hours=3), HOUR.end + timedelta(hours=1))
    said = "\n".join(post["text"] for post in around if not post["text"].startswith("RT @"))
    alone = [p["id"] for p in posts if not p.get("referenced_tweets") and said.count(p["text"]) == 1]
    retweeted, quoted = (set(originals_with(posts, kind)) for kind in ("retweeted", "quoted"))
    found = [{*alone} & retweeted - quoted, {*alone} & quoted - retweeted, {*alone} - retweeted - quoted]
    return [min(some) for some in found]


@pytest.fixture(scope="module")
def batches(world: World, gone: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[ElectionBatch]:
    """A service that was cut off for a while, and that heard a line nobody can read."""
    extra = [((int(gone[0]) >> 22) + 1_288_834_974_657 + LAG_MS, GARBLED % gone[0].encode())]
    return listened(tmp_path_factory.mktemp("spool") / "s", world, outages=[minutes(20, 30)], extra=extra)


@pytest.fixture(scope="module")
def prepared(world: World, batches: list[ElectionBatch], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All objects of a store with the hour sealed and the week built: made once."""
    from elec_assets.sandbox.serve import start_x

    clock = Clock(HOUR.end + timedelta(hours=2))
    store = open_store((tmp_path_factory.mktemp("prepared") / "store").as_uri())
    with start_x(scene=world, clock=clock) as server:
        filled(store, batches, server, clock)
    return objects(store)


@pytest.fixture
def store(local: Store, prepared: dict[str, bytes]) -> Store:
    """Without its weekly files: those of volume take longer than all the rest."""
    return restored(local, prepared, f"{KEY}/weekly/")


@pytest.fixture
def built(local: Store, prepared: dict[str, bytes]) -> Store:
    """With its weekly files."""
    return restored(local, prepared)


def restored(store: Store, prepared: dict[str, bytes], but: str = "-") -> Store:
    for key, data in prepared.items():
        if not key.startswith(but):
            store.create(key, data)
    return store


def deleted(serve: Serve, gone: list[str], **options: object) -> XServer:
    server = serve(**options)
    server.compliance.fates = dict.fromkeys(gone, "deleted")
    return server


def volumes(store: Store) -> pl.DataFrame:
    return pl.read_parquet(store.get(f"{VOLUMES}2027_05.parquet"))


def texts(world: World, ids: list[str]) -> list[str]:
    found = [world.find("tweets", x) for x in ids]
    return [post["text"] for post in found if post is not None]


def names_of(posts: list[Json], kind: str, to: str) -> set[str]:
    return {
        post["id"]
        for post in posts
        for reference in post.get("referenced_tweets", [])
        if (reference["type"], reference["id"]) == (kind, to)
    }


def test_what_x_says_is_gone_can_be_read_nowhere(
    built: Store, serve: Serve, clock: Clock, world: World, posts: list[Json], gone: list[str]
) -> None:
    before, counted = table(built), volumes(built)
    beside = {k: v for k, v in objects(built).items() if k.endswith((".journal.json", "meta.json"))}
    words = [*texts(world, gone), "garbled words"]
    assert len(holding(built, *words)) >= 5
    done = complied(built, deleted(serve, gone).url, clock)
    assert not holding(built, *words)
    after = table(built)
    retweets = names_of(posts, "retweeted", gone[0])
    quotes = names_of(posts, "quoted", gone[1]) & set(before["tweet_id"])
    assert retweets & set(before["tweet_id"])
    assert quotes
    stays = before.filter(~pl.col("tweet_id").is_in([*gone, *retweets]))
    shown = after.filter(~pl.col("tweet_id").is_in(list(quotes)))
    assert shown.equals(stays.filter(~pl.col("tweet_id").is_in(list(quotes))))
    assert set(after["tweet_id"]) == set(stays["tweet_id"])
    assert after.filter(pl.col("tweet_id").is_in(list(quotes)))["quoted_text"].null_count() == len(quotes)
    week = pl.read_parquet(built.get(f"{KEY}/weekly/twitter/2027_05.parquet"))
    assert set(week["tweet_id"]) == set(after["tweet_id"])
    assert {k: v for k, v in objects(built).items() if k in beside} == beside, "nothing beside raw bodies changes"
    assert done.told == {"deleted": 3}
    assert (done.posts_new, done.redacted.failed, done.waiting) == (3, [], False)
    assert (done.redacted.hours, done.redacted.weeks) == (["2027-02-01-18:00"], ["2027-02-01"])
    assert done.redacted.posts >= 3 + len(retweets)
    assert built.find(TODO) is None
    weekly = objects(built, f"{KEY}/weekly/")
    build(built)
    assert objects(built, f"{KEY}/weekly/") == weekly, "the weekly files are those that their assets would build"
    taken = TombstoneArchive(built, KEY).taken_out()
    assert taken.weeks == {"2027_05"}
    assert {fingerprint(x) for x in set(before["tweet_id"]) - set(after["tweet_id"])} <= taken.rows, "retweets too"
    assert not {fingerprint(x) for x in after["tweet_id"]} & taken.rows
    removed = Removal(len(set(before["tweet_id"]) - set(after["tweet_id"])), candidates=counted["candidate"].n_unique())
    counted_now = volumes(built)
    assert 0 < volume_change(counted, counted_now)[0] <= removed.volume_most(1.0)
    assert 0 < volume_change(suppress_volume(counted), suppress_volume(counted_now))[0] <= removed.volume_most(1.0)


def test_no_id_stands_in_what_is_kept_about_it_or_told(
    store: Store, serve: Serve, clock: Clock, gone: list[str]
) -> None:
    said: list[str] = []
    complied(store, deleted(serve, gone).url, clock, say=said.append)
    kept = readable(store, COMPLIANCE.removesuffix("20270201/"))
    told = "".join([*said, *(text for key, text in kept.items() if not key.endswith("held.gz"))])
    assert said
    assert not [x for x in gone if x in told]
    assert fingerprint(gone[0]) in kept[TOMBSTONES]


def test_a_second_run_finds_nothing_to_do_and_changes_no_byte(
    store: Store, serve: Serve, clock: Clock, gone: list[str]
) -> None:
    server = deleted(serve, gone)
    complied(store, server.url, clock)
    before = final(store)
    again = complied(store, server.url, clock)
    assert final(store) == before
    assert (again.told, again.posts_new, again.redacted.objects, again.redacted.hours) == ({}, 0, 0, [])
    assert not set(server.compliance.jobs[-1].ids or ()) & set(gone), "who is gone is not asked about again"
    assert set(server.compliance.jobs[0].ids or ()) > set(gone)


def test_the_table_is_the_same_whether_raw_objects_were_rewritten_or_not(
    store: Store, serve: Serve, clock: Clock, gone: list[str], prepared: dict[str, bytes]
) -> None:
    """The last received copy counts, and tombstones apply to every copy: also to one that comes later."""
    complied(store, deleted(serve, gone).url, clock)
    after = store.get(TABLE)
    for key, data in prepared.items():
        if "/raw/" in key:
            store.put(key, data)
    sealer(store, None).seal(HOUR)
    assert store.get(TABLE) == after


def test_a_copy_that_comes_later_is_in_no_table_and_goes_with_the_next_run(
    store: Store, serve: Serve, clock: Clock, world: World, gone: list[str]
) -> None:
    server = deleted(serve, gone)
    complied(store, server.url, clock)
    post = world.find("tweets", gone[2])
    assert post is not None
    upload_quiet(store, KEY, HOUR, line_of(post, world))
    sealer(store, None).seal(HOUR)
    assert gone[2] not in set(table(store)["tweet_id"])
    (late,) = holding(store, post["text"])
    assert late.endswith("_0123abcd.jsonl.gz")
    complied(store, server.url, clock)
    assert not holding(store, post["text"])


def test_a_scrubbed_place_goes_and_the_post_stays(store: Store, serve: Serve, clock: Clock) -> None:
    placed = table(store).filter(pl.col("place_id").is_not_null())["tweet_id"].to_list()
    assert placed
    server = serve()
    server.compliance.fates = dict.fromkeys(placed, "geo_scrubbed")
    before = table(store)
    done = complied(store, server.url, clock)
    assert (done.told, done.posts_new, done.places_new) == ({"scrub_geo": len(placed)}, 0, len(placed))
    after = table(store)
    assert after["place_id"].null_count() == after.height == before.height
    columns = [name for name in before.columns if not name.startswith("place_")]
    assert after.select(columns).equals(before.select(columns))


def test_an_edited_post_is_counted_and_kept(store: Store, serve: Serve, clock: Clock, gone: list[str]) -> None:
    """Every version is public on X as history, and stays; the new one has an id of its own."""
    server = serve()
    server.compliance.fates = {gone[2]: "tweet_edited"}
    before = final(store)
    done = complied(store, server.url, clock)
    assert (done.told, done.posts_new) == ({"rehydrate": 1}, 0)
    assert final(store) == before


def test_the_store_of_a_crash_at_any_write_ends_as_if_there_had_been_none(
    local: Store, prepared: dict[str, bytes], serve: Serve, clock: Clock, gone: list[str], tmp_path: Path
) -> None:
    server = deleted(serve, gone)
    whole = restored(open_store((tmp_path / "whole").as_uri()), prepared, VOLUMES)
    counting = Breaking(whole, 10**9, after=False)
    complied(counting, server.url, clock)
    writes = 10**9 - counting.left
    assert writes > 10
    draw = random.Random(3)  # noqa: S311 - not for secrets
    tried = sorted(draw.sample(range(1, writes + 1), 3))
    for number in tried:
        after = draw.random() < 0.5
        for info in local.list(f"{KEY}/"):
            local.delete(info.key)
        store = restored(local, prepared, VOLUMES)
        with suppress(Crash):
            complied(Breaking(store, number, after=after), server.url, clock)
            pytest.fail(f"write {number} was never reached")
        complied(store, server.url, clock)
        assert same(final(store), final(whole)), (number, after)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_a_crash_at_every_single_write_changes_nothing(
    prepared: dict[str, bytes], serve: Serve, clock: Clock, gone: list[str], tmp_path: Path
) -> None:
    server = deleted(serve, gone)
    whole = restored(open_store((tmp_path / "whole").as_uri()), prepared)
    counting = Breaking(whole, 10**9, after=False)
    complied(counting, server.url, clock)
    for number in range(1, 10**9 - counting.left + 1):
        for after in (False, True):
            store = restored(open_store((tmp_path / f"{number} {after}").as_uri()), prepared)
            with suppress(Crash):
                complied(Breaking(store, number, after=after), server.url, clock)
            complied(store, server.url, clock)
            assert same(final(store), final(whole)), (number, after)


def same(one: dict[str, bytes], other: dict[str, bytes]) -> bool:
    return one == other


def test_a_job_that_x_works_on_for_long_is_taken_up_by_the_next_run(
    store: Store, serve: Serve, clock: Clock, gone: list[str], world: World
) -> None:
    server = deleted(serve, gone)
    server.compliance.works_s = 9000
    first = complied(store, server.url, clock, longest_wait_s=600)
    assert (first.waiting, first.posts_new) == (True, 0)
    assert holding(store, texts(world, gone)[2])
    clock.now += timedelta(hours=3)
    server.compliance.works_s = 0
    second = complied(store, server.url, clock)
    assert (second.waiting, second.posts_new) == (False, 3)
    assert not holding(store, texts(world, gone)[2])
    assert len(server.compliance.jobs) == 2


def test_many_ids_go_in_several_jobs(store: Store, serve: Serve, clock: Clock, gone: list[str]) -> None:
    server = deleted(serve, gone)
    done = complied(store, server.url, clock, job_ids=200)
    asked = [set(job.ids or ()) for job in server.compliance.jobs]
    assert len(asked) == -(-done.asked // 200) > 1
    assert set().union(*asked) >= set(gone)
    assert done.posts_new == 3


def test_without_x_what_was_noted_is_applied_all_the_same(
    store: Store, clock: Clock, gone: list[str], world: World
) -> None:
    """The token is gone, or X is down: the duty to take out what is known stays."""
    noted = complier(store, None)
    noted._redaction.note(frozenset(map(int, gone)), frozenset(), [DAY])
    done = complier(store, None).run(clock.now)
    assert (done.asked, done.redacted.hours) == (0, ["2027-02-01-18:00"])
    assert not holding(store, *texts(world, gone))


def test_what_is_noted_is_applied_although_x_refuses(store: Store, serve: Serve, clock: Clock, gone: list[str]) -> None:
    complier(store, None)._redaction.note(frozenset(map(int, gone)), frozenset(), [DAY])
    done = complied(store, serve(token="another").url, clock)
    assert isinstance(done.error, XUnauthorized)
    assert done.redacted.hours == ["2027-02-01-18:00"]


def test_posts_of_the_last_30_days_are_asked_about_daily_and_older_ones_once_in_7(
    store: Store, serve: Serve, clock: Clock
) -> None:
    server = deleted(serve, [])
    asked = []
    for day in (29, 30, 31, 32, 33, 34, 35, 36):
        clock.now = DAY.start + timedelta(days=day, hours=4)
        asked.append(complied(store, server.url, clock).asked > 0)
    assert asked == [True, False, False, False, False, False, True, False]
    with asking(server.url, clock) as x:
        assert complier(store, x).run(clock.now, everything=True).asked > 0


def test_a_dry_run_tells_and_does_nothing(store: Store, clock: Clock) -> None:
    before = objects(store)
    plan = complier(store, None, keep=False).plan(clock.now)
    assert (plan.days, plan.jobs, plan.pending) == (1, 1, 0)
    assert plan.posts == plan.asked > 300
    assert objects(store) == before


def test_a_person_is_forgotten_by_handle_and_for_good(
    store: Store, clock: Clock, world: World, posts: list[Json]
) -> None:
    stored = table(store)
    author = next(a for a in stored["retweeted_author_id"].drop_nulls() if a in set(stored["author_id"]))
    profile = world.find("users", author)
    assert profile is not None
    mine = stored.filter((pl.col("author_id") == author) | (pl.col("retweeted_author_id") == author))["tweet_id"]
    made = complier(store, None)
    person = made.person(f"@{profile['username'].upper()}")
    assert person.users == {int(author)}
    done = made.forget(person)
    assert done.posts_new >= 1
    assert set(table(store)["tweet_id"]) == set(stored["tweet_id"]) - set(mine)
    assert not [key for key in holding(store, f'"{author}"') if "/raw/" in key and not names_only(store, key, author)]
    assert Forgotten(store).people() == {fingerprint(author)}
    mark = posts[0] | {"id": str(int(posts[0]["id"]) + 1), "author_id": author, "text": "again I speak"}
    upload_quiet(store, KEY, HOUR, line_of(mark, world))
    sealer(store, None).seal(HOUR)
    assert mark["id"] not in set(table(store)["tweet_id"])
    complier(store, None).run(clock.now)
    assert not holding(store, "again I speak")


def names_only(store: Store, key: str, author: str) -> bool:
    """Whether a raw object names a user only as the one who is answered or mentioned by others."""
    text = readable(store, key)[key]
    return f'"author_id": "{author}"' not in text and f'"author_id":"{author}"' not in text


def test_nobody_is_meant_by_a_handle_that_is_not_held(store: Store) -> None:
    assert complier(store, None).person("@nobody_here").users == frozenset()
    assert complier(store, None).person("123").users == {123}


def test_a_store_that_may_only_be_written_is_refused_before_anything_is_asked(
    store: Store, serve: Serve, clock: Clock, gone: list[str]
) -> None:
    server = deleted(serve, gone)
    with pytest.raises(StoreError, match="no permission"):
        complied(WriteOnly(store), server.url, clock)
    assert server.requests == []


@pytest.mark.parametrize("key", [TOMBSTONES, "state/forgotten.json"])
def test_nothing_is_sealed_while_tombstones_cannot_be_read(store: Store, key: str) -> None:
    store.put(key, b"not readable")
    before = objects(store)
    with pytest.raises(ArchiveDamaged, match=f"{key}: no readable tombstones.*restore it from a backup"):
        sealer(store, None).seal(HOUR)
    with pytest.raises(ArchiveDamaged, match=key):
        complier(store, None).run(HOUR.end)
    assert objects(store) == before


def test_an_hour_that_cannot_be_sealed_stays_to_be_done(
    store: Store, serve: Serve, clock: Clock, gone: list[str]
) -> None:
    row = next(info.key for info in store.list(f"{KEY}/data/coverage/"))
    good = store.get(row)
    store.put(row, good.replace(b'"schema_version": 1', b'"schema_version": 99').replace(b'version":1', b'version":99'))
    server = deleted(serve, gone)
    done = complied(store, server.url, clock)
    assert (len(done.redacted.failed), done.redacted.weeks) == (1, [])
    assert "schema version 99" in done.redacted.failed[0]
    assert store.find(TODO) is not None
    store.put(row, good)
    again = complied(store, server.url, clock)
    assert (again.redacted.failed, again.redacted.hours) == ([], ["2027-02-01-18:00"])
    assert store.find(TODO) is None
    assert not set(gone) & set(table(store)["tweet_id"])


def test_hours_that_were_never_sealed_are_not_sealed_early(
    local: Store, serve: Serve, clock: Clock, batches: list[ElectionBatch], gone: list[str]
) -> None:
    upload(local, batches)
    done = complied(local, deleted(serve, gone).url, clock)
    assert (done.redacted.hours, done.redacted.weeks, done.redacted.failed) == ([], [], [])
    assert done.redacted.objects > 0
    assert TweetArchive(local, KEY).table(HOUR) is None
    sealer(local, None).seal(HOUR)
    assert not set(gone) & set(table(local)["tweet_id"])


def test_a_seal_that_began_before_the_tombstones_is_made_again(store: Store, gone: list[str]) -> None:
    """An hourly run reads the hour, compliance takes posts out, and the hourly run stores what it had read."""
    archive = TweetArchive(store, KEY)
    raw = archive.raw(HOUR)
    assert not archive.changed(raw)
    complier(store, None)._redaction.note(frozenset(map(int, gone)), frozenset(), [DAY])
    assert archive.changed(raw)


def test_one_run_at_a_time_works_on_a_store(tmp_path: Path) -> None:
    path = comply_lock((tmp_path / "store").as_uri())
    with comply_alone(path), pytest.raises(ComplyBusy, match="wait until it has ended"), comply_alone(path):
        pytest.fail("two at once")
    with comply_alone(path):
        pass
    assert comply_lock("s3://bucket/prefix") != comply_lock("s3://bucket/other")


def test_what_is_known_of_raw_objects_may_be_lost(store: Store, serve: Serve, clock: Clock) -> None:
    server = deleted(serve, [])
    complied(store, server.url, clock)
    whole = store.get(HELD)
    store.put(HELD, b"damaged")
    first = complied(store, server.url, clock)
    assert store.get(HELD) == whole
    store.delete(HELD)
    assert complied(store, server.url, clock).asked == first.asked


class Breaking(Store):
    """A store whose process ends at its n-th change: before or after it."""

    def __init__(self, store: Store, changes: int, *, after: bool) -> None:
        self.__dict__.update(store.__dict__)
        self.left = changes
        self._after = after

    def _step(self, change: Callable[[], None]) -> None:
        self.left -= 1
        if self.left == 0 and not self._after:
            raise Crash
        change()
        if self.left == 0:
            raise Crash

    def _write(self, key: str, data: bytes, *, create: bool) -> None:
        self._step(lambda: super(Breaking, self)._write(key, data, create=create))

    def put_file(self, key: str, path: Path) -> None:
        self._step(lambda: super(Breaking, self).put_file(key, path))

    def delete(self, key: str) -> None:
        self._step(lambda: super(Breaking, self).delete(key))


class WriteOnly(Store):
    """What `elec capture` may do: write, and nothing else."""

    def __init__(self, store: Store) -> None:
        self.__dict__.update(store.__dict__)

    def get(self, key: str) -> bytes:
        raise StoreError(f"cannot read {key!r}: no permission; check the rights of this identity")

    def list(self, prefix: str) -> list[ObjectInfo]:
        raise StoreError(f"cannot list {prefix!r}: no permission; check the rights of this identity")
