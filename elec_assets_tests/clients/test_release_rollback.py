"""Back to an older release: never to posts that were taken out since; and what it replaces stays back, by its data."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from elec_assets.clients.kaggle_process import Child, Credential
from elec_assets.clients.kaggle_staged import ReleaseRefused, Target
from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.release_builder import ReleasePlan, build, store_release
from elec_assets.clients.release_history import rolled_back
from elec_assets.clients.release_publishing import Desk
from elec_assets.clients.release_taken_out import taken_out
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import Forgotten, TombstoneArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import HOUR, Grain, Window, id_bounds, key_of, window_at
from elec_assets.transforms.gate import week_window
from elec_assets.transforms.manifest import Manifest, Profile
from elec_assets.transforms.publication import TWEETS_PRODUCT
from elec_assets.transforms.staging import Staging
from elec_assets.transforms.tombstones import DayTombstones, fingerprint
from elec_assets_tests.clients.release_store import add_week
from elec_assets_tests.deployment import ELECTION, write_registry
from elec_assets_tests.transforms.releases import filled

DATASET = "owner/elections"
# Wednesday after the week.
NOW = datetime(2026, 2, 11, 6, tzinfo=UTC)
WEEK = "2026_06"
MONDAY = window_at(week_window(WEEK).start, Grain.DAY)
FIRST_HOUR = Window(MONDAY.start, MONDAY.start + HOUR)
_NO_ID = ("retweeted_id", "author_id", "retweeted_author_id", "quoted_id", "quoted_author_id", "place_id")
IDS = [str(id_bounds(FIRST_HOUR)[0] + 1 + n) for n in range(40)]
GONE = IDS[3]


class Sent(Exception):
    """Something was about to be sent."""


def starts(_job: Path, _environment: dict[str, str], _log: Path) -> Child:
    raise Sent


@pytest.fixture
def plan(tmp_path: Path) -> ReleasePlan:
    elections = tuple(write_registry(tmp_path).elections.values())
    return ReleasePlan(elections, "public", DATASET, "Elections on X and Google")


def posts(store: Store, ids: list[str]) -> None:
    """The week's posts are these."""
    WeeklyArchive(store, ELECTION, "twitter", TWEETS).write(week_window(WEEK), [week_of(ids)])


def week_of(ids: list[str], **given: list[object]) -> pl.DataFrame:
    """Posts, all about a candidate."""
    nothing: list[object] = [None] * len(ids)
    columns: dict[str, list[object]] = {
        "tweet_id": list(ids),
        "candidates": [["amartin"]] * len(ids),
        **dict.fromkeys(_NO_ID, nothing),
        **given,
    }
    return filled(TWEETS, len(ids), **columns)


def stored(store: Store, plan: ReleasePlan, folder: Path, now: datetime = NOW) -> Manifest:
    """A release of now, staged."""
    folder.mkdir()
    return store_release(store, build(store, plan, folder, now), folder)


def staged(store: Store, plan: ReleasePlan, folder: Path, version: int, now: datetime = NOW) -> Manifest:
    """A release of now, staged, and done by the ledger; nothing is sent."""
    manifest = stored(store, plan, folder, now)
    done(store, manifest.release_id, version)
    return manifest


def done(store: Store, release: str, version: int, notes: str = "") -> None:
    entry = Ledger(store).read(release)
    made = Publication(
        dataset=DATASET,
        state=State.DONE,
        notes=notes,
        content_sha256=f"{version:064}",
        metadata_sha256="0" * 64,
        started_at="2026-02-17T06:00:00Z",
        changed_at="2026-02-17T06:10:00Z",
        version=version,
    )
    Ledger(store).write(Entry(release_id=release, publications=[*entry.publications, made]))


def desk(store: Store, plan: ReleasePlan) -> Desk:
    target = Target(DATASET, "http://127.0.0.1:9", Credential(token="never sent"))
    return Desk(store, target, plan.elections, lambda: NOW, start=starts)


def take_out(store: Store, *taken: str, places: tuple[str, ...] = (), rows: tuple[str, ...] = ()) -> None:
    """Tombstones as compliance writes them: of the day, with the hours whose tables they change."""
    stones = DayTombstones(
        frozenset(map(fingerprint, taken)),
        frozenset(map(fingerprint, places)),
        frozenset({key_of(FIRST_HOUR, Grain.HOUR)}),
        frozenset(map(fingerprint, rows)),
    )
    TombstoneArchive(store, ELECTION).note(MONDAY, stones)


@pytest.mark.parametrize("profile", ["public", "private"])
def test_a_rollback_to_posts_that_were_taken_out_since_is_refused(
    on_disk: Store, plan: ReleasePlan, tmp_path: Path, profile: Profile
) -> None:
    """A release of Tuesday held a post, compliance took it out on Wednesday, and going back on Thursday published it.

    Only what the privacy profile does not let out was looked for; the tombstones were never asked (2026-11-22).
    """
    plan = replace(plan, profile=profile)
    add_week(on_disk, ELECTION, WEEK)
    posts(on_disk, IDS)
    first = staged(on_disk, plan, tmp_path / "one", 1)
    done(on_disk, "2026_06-00000000", 2)
    with pytest.raises(Sent):
        desk(on_disk, plan).rollback(first.release_id)
    take_out(on_disk, GONE)
    posts(on_disk, [x for x in IDS if x != GONE])
    with pytest.raises(ReleaseRefused) as told:
        desk(on_disk, plan).rollback(first.release_id)
    said = str(told.value)
    assert said.startswith(f"release {first.release_id} holds 1 post that was taken out since ({ELECTION}/{WEEK})")
    assert "publish the newest build instead: `elec release publish`" in said
    assert "--hotfix PATH --reason TEXT" in said
    assert GONE not in said


def test_a_snapshot_that_waited_is_not_published_with_posts_that_were_taken_out_since(
    on_disk: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """Staged on Tuesday and sent on Thursday, or sent again by its name, it is no newer than one gone back to."""
    add_week(on_disk, ELECTION, WEEK)
    posts(on_disk, IDS)
    waiting = stored(on_disk, plan, tmp_path / "one")
    take_out(on_disk, GONE)
    with pytest.raises(ReleaseRefused, match="holds 1 post that was taken out since"):
        desk(on_disk, plan).publish(waiting.release_id)


def test_a_retweet_that_went_with_a_post_is_known_by_its_own_tombstone(
    on_disk: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """A public release says of no id what it repeats."""
    add_week(on_disk, ELECTION, WEEK)
    posts(on_disk, IDS)
    first = staged(on_disk, plan, tmp_path / "one", 1)
    done(on_disk, "2026_06-00000000", 2)
    take_out(on_disk, "1")
    with pytest.raises(Sent):
        desk(on_disk, plan).rollback(first.release_id)
    take_out(on_disk, "1", rows=(GONE, IDS[4]))
    with pytest.raises(ReleaseRefused, match="holds 2 posts that were taken out since"):
        desk(on_disk, plan).rollback(first.release_id)


Taking = Callable[[Store], object]


@pytest.mark.parametrize(
    ("column", "value", "taking"),
    [
        ("retweeted_id", "41", lambda store: take_out(store, "41")),
        ("author_id", "42", lambda store: Forgotten(store).add(42)),
        ("retweeted_author_id", "43", lambda store: Forgotten(store).add(43)),
        ("quoted_id", "44", lambda store: take_out(store, "44")),
        ("place_id", "45", lambda store: take_out(store, places=(GONE,))),
    ],
)
def test_a_private_release_is_asked_for_all_that_is_taken_out_with_a_post(
    on_disk: Store, tmp_path: Path, column: str, value: str, taking: Taking
) -> None:
    """Retweets, posts of a person to be forgotten, texts quoted, places."""
    columns: dict[str, list[object]] = {
        "quoted_author_id": ["7"] * len(IDS),
        column: [value if x == GONE else None for x in IDS],
    }
    staging = Staging(tmp_path, "private", NOW)
    frame = week_of(IDS, **columns)
    staging.table(TWEETS_PRODUCT.weekly(ELECTION, WEEK), [frame])
    manifest = staging.finish(WEEK)
    take_out(on_disk, "1")
    assert not taken_out(on_disk, tmp_path, manifest)
    taking(on_disk)
    assert taken_out(on_disk, tmp_path, manifest).weeks == {f"{ELECTION}/{WEEK}": 1}


def test_what_was_rolled_back_from_stays_back_whatever_release_it_is_built_after(
    on_disk: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """Versions A, B, C, back to A: C's data is built after A now, with another changelog, and so gets another id.

    It was known by its id alone, and went out at the next run of the schedule (2026-11-22).
    """
    made = []
    for number, week in enumerate((WEEK, "2026_07", "2026_08")):
        add_week(on_disk, ELECTION, week)
        made.append(staged(on_disk, plan, tmp_path / week, number + 1, NOW + number * timedelta(days=7)))
    first, second, third = made
    later = NOW + timedelta(days=15)
    done(on_disk, first.release_id, 4, "rollback of v3 | x")
    again = stored(on_disk, plan, tmp_path / "again", later)
    assert again.release_id not in {release.release_id for release in made}
    back = [rolled_back(on_disk, DATASET, r.release_id) for r in (again, third, second)]
    assert [None if gone is None else gone.version for gone in back] == [3, 3, 2]
    assert rolled_back(on_disk, DATASET, first.release_id) is None
    with pytest.raises(ReleaseRefused, match=r"was rolled back \(version 3\)"):
        desk(on_disk, plan).publish(again.release_id)

    done(on_disk, first.release_id, 5, "rollback of v4 | x")
    assert rolled_back(on_disk, DATASET, again.release_id) is not None, "back twice: nothing is forgotten"
    add_week(on_disk, ELECTION, "2026_08", posts=48)
    mended = stored(on_disk, plan, tmp_path / "mended", later)
    assert rolled_back(on_disk, DATASET, mended.release_id) is None
    done(on_disk, mended.release_id, 6)
    assert rolled_back(on_disk, DATASET, third.release_id) is None, "another release is shown: the hold is over"
