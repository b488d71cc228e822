"""What was taken out of a release is counted post by post; of what cannot be read nothing is counted."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from elec_assets.clients.release_removals import Shown, with_removals
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import TombstoneArchive
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import Grain, window_at
from elec_assets.transforms.gate import Allowed, Removal, week_window
from elec_assets.transforms.manifest import Manifest
from elec_assets.transforms.publication import TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.tombstones import DayTombstones, fingerprint
from elec_assets_tests.deployment import write_registry
from elec_assets_tests.transforms.releases import ELECTION, WEEKS, edited, staged

WEEK = f"{ELECTION}/{WEEKS[0]}"
IDS, VOLUME = TWEETS_PRODUCT.weekly(ELECTION, WEEKS[0]), VOLUME_PRODUCT.weekly(ELECTION, WEEKS[0])


@pytest.fixture
def elections(tmp_path: Path) -> tuple[Election, ...]:
    (election,) = write_registry(tmp_path).elections.values()
    return (replace(election, key=ELECTION),)


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    directory = tmp_path / "shown"
    return Shown(staged(directory), lambda path: (directory / path).read_bytes())


@pytest.fixture
def now(tmp_path: Path, shown: Shown) -> tuple[Manifest, Path]:
    """Three posts gone, and a row of volume other."""
    directory = tmp_path / "now"
    manifest = edited(directory, staged(directory, previous=shown.manifest), IDS, lambda frame: frame.slice(3))
    return edited(directory, manifest, VOLUME, first_other), directory


def first_other(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(posts=pl.Series(["6", *frame["posts"].to_list()[1:]]))


def noted(store: Store, posts: list[int]) -> None:
    monday = week_window(WEEKS[0]).start
    first = int(WEEKS[0].replace("_", "")) * 10**12
    gone = frozenset(fingerprint(first + n) for n in posts)
    found = DayTombstones(gone, hours=frozenset({f"{monday:%Y-%m-%d-%H:%M}"}))
    TombstoneArchive(store, ELECTION).note(window_at(monday, Grain.DAY), found)


def test_posts_with_tombstones_are_told_from_posts_that_are_lost(
    on_disk: Store, elections: tuple[Election, ...], shown: Shown, now: tuple[Manifest, Path]
) -> None:
    allowed = Allowed(hotfix=frozenset({"README.md"}))
    assert with_removals(allowed, on_disk, elections, shown, *now) == allowed, "nothing was ever taken out"
    noted(on_disk, [0, 1, 100])
    counted = with_removals(allowed, on_disk, elections, shown, *now)
    assert counted.removals == {WEEK: Removal(removed=2, lost=1, volume_changed=1, candidates=1)}
    assert counted.hotfix == allowed.hotfix
    assert with_removals(allowed, on_disk, elections, None, *now) == allowed


def test_of_a_file_that_cannot_be_read_nothing_is_counted(
    on_disk: Store, elections: tuple[Election, ...], shown: Shown, now: tuple[Manifest, Path]
) -> None:
    noted(on_disk, [0, 1, 2])
    (now[1] / IDS).write_bytes((now[1] / IDS).read_bytes()[:-20])
    assert with_removals(Allowed(), on_disk, elections, shown, *now).removals == {WEEK: Removal()}
