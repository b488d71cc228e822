"""A release in a directory: the same of the same store, against the one that Kaggle shows, and held to the gate."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.kaggle_metadata import read_metadata
from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_staged import ReleaseRefused, Target
from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.release_builder import (
    Built,
    NothingToRelease,
    ReleasePlan,
    build,
    expected_files,
    reasons,
    store_release,
)
from elec_assets.clients.release_history import ReleaseMissing, Staged, published, rolled_back
from elec_assets.clients.release_publishing import Desk
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import TombstoneArchive
from elec_assets.domain.layout_releases import staged_file, staged_manifest
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR, Grain, Window, window_at
from elec_assets.transforms.gate import Allowed, week_window
from elec_assets.transforms.manifest import COVER, METADATA, Manifest
from elec_assets.transforms.tombstones import DayTombstones, fingerprint
from elec_assets_tests.clients.release_store import add_coverage, add_week
from elec_assets_tests.deployment import ELECTION, REPOSITORY, write_registry

DATASET = "owner/elections"
# The week after the newest: of the two, the first is closed.
NOW = datetime(2026, 2, 19, 6, tzinfo=UTC)
WEEKS = ("2026_06", "2026_07")


@pytest.fixture
def plan(tmp_path: Path) -> ReleasePlan:
    elections = tuple(write_registry(tmp_path).elections.values())
    return ReleasePlan(elections, "public", DATASET, "Elections on X and Google")


@pytest.fixture
def store(on_disk: Store) -> Store:
    for week in WEEKS:
        add_week(on_disk, ELECTION, week)
    return on_disk


def built(store: Store, plan: ReleasePlan, directory: Path, now: datetime = NOW) -> Built:
    directory.mkdir()
    return build(store, plan, directory, now)


def publish(store: Store, built: Built, directory: Path, version: int) -> Manifest:
    """Staged, and done by the ledger; nothing is sent."""
    manifest = store_release(store, built, directory)
    ledger(store, manifest.release_id, State.DONE, version)
    return manifest


def ledger(store: Store, release: str, state: State, version: int | None, dataset: str = DATASET) -> None:
    begun = Publication(
        dataset=dataset,
        state=state,
        notes="",
        content_sha256="0" * 64,
        metadata_sha256="0" * 64,
        started_at="2026-02-17T06:00:00Z",
        changed_at="2026-02-17T06:10:00Z",
        version=version,
    )
    Ledger(store).write(Entry(release_id=release, publications=[begun]))


def files(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def test_the_same_store_makes_the_same_bytes_an_hour_later_too(store: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    first = built(store, plan, tmp_path / "one")
    assert first.refusals == ()
    again = built(store, plan, tmp_path / "two", NOW + HOUR)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert again.manifest == first.manifest
    wanted = {
        "README.md", "DATA_DICTIONARY.md", "CHANGELOG.md", "manifest.json", "candidates.csv", "meta/datapackage.json",
        "meta/croissant.json", "meta/coverage.svg", "dataset-metadata.json", "dataset-cover-image.png",
        f"{ELECTION}/daily_summary.csv", f"{ELECTION}/parquet/twitter.parquet", f"{ELECTION}/twitter/2026_07.csv.gz",
    }  # fmt: skip
    assert wanted <= set(files(tmp_path / "one"))
    metadata = read_metadata(tmp_path / "one", first.manifest)
    assert (metadata.is_private, metadata.expected_update_frequency, metadata.title) == (False, "daily", plan.title)


def test_a_release_that_kaggle_shows_is_unchanged_and_what_is_said_of_it_may_be_new(
    store: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """Its manifest would name itself as the release before it: the one that was published must stay."""
    first = publish(store, built(store, plan, tmp_path / "one"), tmp_path / "one", 1)
    held = store.get(staged_manifest(first.release_id))
    weeks_later = built(store, plan, tmp_path / "two", NOW + timedelta(days=70))
    assert (weeks_later.unchanged, weeks_later.refusals) == (True, ())
    assert store_release(store, weeks_later, tmp_path / "two") == first
    assert store.get(staged_manifest(first.release_id)) == held
    described = store.get(staged_file(first.release_id, METADATA))
    assert described == files(tmp_path / "two")[METADATA]
    assert described != files(tmp_path / "one")[METADATA]
    assert Staged(store).ids() == [first.release_id]


def test_the_next_release_is_compared_with_the_published_one_not_with_one_that_was_only_staged(
    store: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    first = publish(store, built(store, plan, tmp_path / "one"), tmp_path / "one", 1)
    add_week(store, ELECTION, "2026_08")
    later = NOW + timedelta(days=7)
    staged = store_release(store, built(store, plan, tmp_path / "two", later), tmp_path / "two")
    add_week(store, ELECTION, "2026_08", posts=44)
    third = built(store, plan, tmp_path / "three", later)
    assert third.manifest.previous == first.release_id != staged.release_id
    assert third.diff.rows_added == 83
    assert third.card.startswith("# Elections on X and Google")
    assert b"after " + first.release_id.encode() in files(tmp_path / "three")["CHANGELOG.md"]


def test_a_closed_week_changes_by_a_hotfix(store: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    publish(store, built(store, plan, tmp_path / "one"), tmp_path / "one", 1)
    add_week(store, ELECTION, WEEKS[0], posts=42)
    refused = built(store, plan, tmp_path / "two")
    assert [(r.rule, r.path) for r in refused.refusals] == [("history", f"{ELECTION}/twitter/{WEEKS[0]}.csv.gz")]
    with pytest.raises(ValueError, match="the gate refuses"):
        store_release(store, refused, tmp_path / "two")
    path = refused.refusals[0].path
    allowed = replace(plan, allowed=Allowed(hotfix=frozenset({path})), reason="one was left out")
    assert built(store, allowed, tmp_path / "three").refusals == ()
    assert b"one was left out" in files(tmp_path / "three")["CHANGELOG.md"]


def test_a_closed_week_loses_the_posts_that_were_taken_out_and_no_other(
    store: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """A week of which one post had ever been taken out lost up to a quarter per release, and nobody was asked."""
    publish(store, built(store, plan, tmp_path / "one"), tmp_path / "one", 1)
    add_week(store, ELECTION, WEEKS[0], posts=38)
    path, history = f"{ELECTION}/twitter/{WEEKS[0]}.csv.gz", f"{ELECTION}/parquet/twitter.parquet"
    gone = [fingerprint(int(WEEKS[0].replace("_", "")) * 10**10 + n) for n in (38, 39)]
    taken_out(store, gone[:1])
    refused = built(store, plan, tmp_path / "two")
    assert {(r.rule, r.path) for r in refused.refusals} == {("history", path), ("history", history)}
    assert "28 rows, 30 before: 1 were taken out as asked, 1 others are gone, more than 0.5%" in str(refused.refusals)
    taken_out(store, [], rows=gone[1:])
    redacted = built(store, plan, tmp_path / "three")
    assert redacted.refusals == ()
    assert b"posts taken out, as X or their authors asked" in files(tmp_path / "three")["CHANGELOG.md"]
    publish(store, redacted, tmp_path / "three", 2)
    add_week(store, ELECTION, WEEKS[0], posts=35)
    again = built(store, plan, tmp_path / "four")
    assert {r.path for r in again.refusals} == {path, history}, "what was taken out once allows nothing the next time"


def taken_out(store: Store, posts: list[str], rows: Sequence[str] = ()) -> None:
    """Tombstones of the first hour of the first week."""
    monday = week_window(WEEKS[0]).start
    hours = frozenset({f"{monday:%Y-%m-%d-%H:%M}"})
    found = DayTombstones(frozenset(posts), hours=hours, rows=frozenset(rows))
    TombstoneArchive(store, ELECTION).note(window_at(monday, Grain.DAY), found)


def test_the_last_day_of_a_collection_is_compared_with_a_day_of_the_weeks_before(
    store: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    """A collection that ended on a Tuesday had a last week of 24 hours, 14 % of the others: no final release."""
    add_week(store, ELECTION, "2026_08", posts=8)
    later = NOW + timedelta(days=7)
    odd = built(store, plan, tmp_path / "one", later)
    assert [(r.rule, r.path) for r in odd.refusals] == [("rows", f"{ELECTION}/twitter/2026_08.csv.gz")]
    for week, hours in ((WEEKS[0], 168), (WEEKS[1], 168), ("2026_08", 24)):
        add_coverage(store, ELECTION, week, [3600.0] * hours)
    assert built(store, plan, tmp_path / "two", later).refusals == ()


def test_a_snapshot_on_its_way_to_kaggle_keeps_its_manifest(store: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    """Days later its weeks are closed: another manifest under the same id, and Kaggle would list another size."""
    first = store_release(store, built(store, plan, tmp_path / "one", NOW - timedelta(days=2)), tmp_path / "one")
    later = built(store, plan, tmp_path / "two")
    assert later.manifest != first
    assert later.manifest.release_id == first.release_id
    assert store_release(store, later, tmp_path / "two") == first
    store.delete(staged_file(first.release_id, COVER))
    fetched = Staged(store).fetch(first.release_id, tmp_path / "three")
    assert (fetched, (tmp_path / "three" / COVER).exists()) == (first, False)
    assert files(tmp_path / "three")["manifest.json"] == files(tmp_path / "one")["manifest.json"]


def test_a_file_that_is_gone_from_a_snapshot_is_named(store: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    first = publish(store, built(store, plan, tmp_path / "one"), tmp_path / "one", 1)
    store.delete(staged_file(first.release_id, "candidates.csv"))
    with pytest.raises(ReleaseMissing, match=r"candidates\.csv: missing; restore it from a backup"):
        Staged(store).fetch(first.release_id, tmp_path / "two")
    store.delete(staged_manifest(first.release_id))
    with pytest.raises(ReleaseMissing, match=r"no staged release is there .*restore the folder"):
        built(store, plan, tmp_path / "three")
    assert published(store, DATASET) is not None


def test_the_private_profile_is_for_a_dataset_that_nobody_else_sees(
    store: Store, plan: ReleasePlan, tmp_path: Path
) -> None:
    made = built(store, replace(plan, profile="private"), tmp_path / "one")
    assert made.refusals == ()
    assert read_metadata(tmp_path / "one", made.manifest).is_private


def test_a_rollback_makes_the_older_release_the_one_that_is_shown(on_disk: Store) -> None:
    first, second = "2026_07-00000001", "2026_08-00000002"
    ledger(on_disk, first, State.DONE, 1)
    ledger(on_disk, second, State.DONE, 2)
    assert rolled_back(on_disk, DATASET, first) is None
    (done,) = Ledger(on_disk).read(first).publications
    back = msgspec.structs.replace(done, version=3, notes="rollback of v2 | x")
    Ledger(on_disk).write(Entry(release_id=first, publications=[done, back]))
    shown = published(on_disk, DATASET)
    assert shown is not None
    assert (shown.release_id, shown.version) == (first, 3)
    gone = rolled_back(on_disk, DATASET, second)
    assert gone is not None
    assert gone.version == 2
    assert published(on_disk, "owner/another") is None


def test_without_weekly_files_there_is_nothing_to_release(on_disk: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    with pytest.raises(NothingToRelease, match=r"no week is built yet.*elec backfill"):
        built(on_disk, plan, tmp_path / "one")


def test_nothing_is_published_in_a_blackout_by_whomever_it_is_asked(on_disk: Store, plan: ReleasePlan) -> None:
    """A run may be queued, or tried again, into one; and a person may forget it."""
    window = Window(NOW - HOUR, NOW + HOUR)
    (election,) = plan.elections
    dark = replace(election, calendar=replace(election.calendar, blackouts=(window,)))
    target = Target(DATASET, "http://127.0.0.1:9", Credential(token="never sent"))
    desk = Desk(on_disk, target, (dark,), lambda: NOW)
    with pytest.raises(ReleaseRefused, match="blackout of test_2026 until 2026-02-19T07:00:00Z: nothing is published"):
        desk.publish("2026_07-00000000")
    with pytest.raises(ReleaseMissing):  # an older release may have to come back at once
        desk.rollback("2026_07-00000000")


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 2, 17, 3, tzinfo=UTC), "2026_06"),
        (datetime(2026, 2, 17, 4, tzinfo=UTC), "2026_07"),
        (datetime(2026, 2, 24, 3, tzinfo=UTC), "2026_07"),
        (datetime(2026, 3, 17, 4, tzinfo=UTC), "2026_11"),
        (datetime(2026, 3, 24, 4, tzinfo=UTC), None),  # no day of 2026_12 was collected
    ],
)
def test_the_newest_week_is_expected_two_hours_after_it_is_built(
    plan: ReleasePlan, now: datetime, week: str | None
) -> None:
    expected = expected_files(plan.elections, now)
    products = ("twitter", "twitter_volume", "coverage")
    assert expected == ({f"{ELECTION}/{p}/{week}.csv.gz" for p in products} if week else frozenset())


def test_a_release_without_the_newest_week_is_refused(store: Store, plan: ReleasePlan, tmp_path: Path) -> None:
    late = built(store, plan, tmp_path / "one", NOW + timedelta(days=7))
    assert {(r.rule, r.path) for r in late.refusals} == {
        ("fresh", f"{ELECTION}/{product}/2026_08.csv.gz") for product in ("twitter", "twitter_volume", "coverage")
    }


def test_reasons_are_told_by_path_and_by_week() -> None:
    allowed = Allowed(hotfix=frozenset({"a/b.csv"}), redacted=frozenset({"fr/2027_05"}))
    assert reasons(allowed, "why") == {"a/b.csv": "why", "fr/2027_05": "posts taken out, as X or their authors asked"}
    assert "a/b.csv" not in reasons(allowed, "")


def test_the_shipped_registry_can_be_released(on_disk: Store, tmp_path: Path) -> None:
    """Names, accounts and notes of real candidates must not be taken for handles, addresses or ids."""
    elections = tuple(load_registry(REPOSITORY / "candidates.yaml").elections.values())
    active: Election = elections[0]
    assert active.key == "fr_presidential_2027"
    add_week(on_disk, active.key, "2026_46")
    plan = ReleasePlan(elections, "public", DATASET, "Elections on X and Google")
    made = built(on_disk, plan, tmp_path / "one", datetime(2026, 11, 18, 6, tzinfo=UTC))
    assert made.refusals == ()
    assert "French presidential election 2027" in made.card


def test_old_snapshots_are_removed_and_what_may_still_be_needed_stays(on_disk: Store) -> None:
    """A staged snapshot holds posts that were deleted since; and one a day fills any disk."""
    ids = [f"2026_07-{n:08d}" for n in range(10)]
    for number, release in enumerate(ids):
        for name in ("manifest.json", "README.md", "test_2026/twitter/2026_07.csv.gz"):
            on_disk.put(staged_file(release, name), b"x")
        if number < 9:  # the last was never published, and is new
            state = State.CREATING if number == 0 else State.DONE
            ledger(on_disk, release, state, None if number == 0 else number)
    ledger(on_disk, "2025_01-00000000", State.DONE, 1, "owner/another")
    on_disk.put(staged_file("2025_01-00000000", "manifest.json"), b"x")
    now = datetime.now(UTC)
    assert Staged(on_disk).prune(now) == ids[1:3]
    assert Staged(on_disk).ids() == ["2025_01-00000000", ids[0], *ids[3:]]
    assert on_disk.find(staged_file(ids[1], "README.md")) is None
    assert Staged(on_disk).prune(now) == []
    assert Staged(on_disk).prune(now + timedelta(days=15)) == [ids[9]]
