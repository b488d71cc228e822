"""The tables of a release, from the weekly files in the store: what the privacy profile leaves, one week in memory.

What describes them (card, dictionary, data package) is the caller's to add before it ends the staging.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from elec_assets.clients.store import Store
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.layout_weekly import parse_weekly, weekly_files
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import CALIBRATED_INTEREST, Table
from elec_assets.domain.windows import Window
from elec_assets.transforms.aggregates import TRENDS_NEEDED, VOLUME_NEEDED, daily_summary, trends_area
from elec_assets.transforms.cover import WeekCoverage
from elec_assets.transforms.data_card import coverage_of
from elec_assets.transforms.frames import empty
from elec_assets.transforms.gate import week_window
from elec_assets.transforms.manifest import Profile
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.publication import (
    CANDIDATES_CSV,
    COVERAGE_PRODUCT,
    DAILY_CSV,
    PRODUCTS,
    TWEETS_PRODUCT,
    VOLUME_PRODUCT,
    Product,
    Thinning,
    about_candidates,
    published,
    thinning,
)
from elec_assets.transforms.staging import Staging
from elec_assets.transforms.suppression import suppress_daily

_INTEREST = next(p for p in PRODUCTS if p.stored is CALIBRATED_INTEREST)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was staged: the weeks of each election by key, coverage of each, all daily rows, and the ids' fraction."""

    weeks: dict[str, tuple[str, ...]]
    coverage: dict[str, tuple[WeekCoverage, ...]]
    daily: pl.DataFrame
    id_fraction: float


class SnapshotReader:
    """Reads the weekly files of one election."""

    def __init__(self, store: Store, election: Election) -> None:
        self._store = store
        self.election = election

    def weeks(self, product: Product) -> list[str]:
        """The weeks of which there is a file, in order."""
        listed = self._store.list(weekly_files(self.election.key, product.folder))
        return sorted(week for info in listed if (week := parse_weekly(info.key)) is not None)

    def read(self, product: Product, week: str, columns: list[str] | None = None) -> pl.DataFrame:
        """The stored rows of a week.

        Raises:
            WeeklyDamaged: the file cannot be read; the text names it.
        """
        archive = WeeklyArchive(self._store, self.election.key, product.folder, product.stored)
        window: Window = week_window(week)
        frame = archive.read(window, columns)
        return _columns(product.stored, columns) if frame is None else frame

    def ids(self) -> Iterator[pl.Series]:
        """The ids that a public release may hold, a week at a time."""
        for week in self.weeks(TWEETS_PRODUCT):
            yield about_candidates(self.read(TWEETS_PRODUCT, week, ["tweet_id", "candidates"]))["tweet_id"]

    def frames(self, product: Product, profile: Profile, thin: Thinning) -> Iterator[tuple[str, pl.DataFrame]]:
        """The weeks of a product as published."""
        few = ["tweet_id", "candidates"] if product is TWEETS_PRODUCT and profile == "public" else None
        for week in self.weeks(product):
            yield week, published(self.read(product, week, few), product, profile, week, thin)

    def daily(self, profile: Profile) -> pl.DataFrame:
        """The daily summary of all weeks."""
        volume = self._history(VOLUME_PRODUCT, VOLUME_NEEDED)
        made = daily_summary(volume, self._history(_INTEREST, TRENDS_NEEDED), trends_area(self.election))
        return suppress_daily(made, volume) if profile == "public" else made

    def coverage(self) -> tuple[WeekCoverage, ...]:
        """How much of the planned time of posts was covered, week by week."""
        return tuple(coverage_of(self.read(COVERAGE_PRODUCT, week), week) for week in self.weeks(COVERAGE_PRODUCT))

    def _history(self, product: Product, columns: list[str]) -> pl.DataFrame:
        frames = [self.read(product, week, columns).select(columns) for week in self.weeks(product)]
        return pl.concat([_columns(product.stored, columns), *frames])


def _columns(table: Table, columns: list[str] | None) -> pl.DataFrame:
    return empty(table).select(columns or table.names)


def stage_tables(
    staging: Staging, store: Store, elections: Sequence[Election], candidates: pl.DataFrame, profile: Profile
) -> Snapshot:
    """Write every table of a release.

    Args:
        staging: where to.
        store: which holds the weekly files.
        elections: of which; those without a weekly file add nothing but their candidates.
        candidates: rows of `all_candidates`.
        profile: the privacy profile, that of the staging.

    Raises:
        WeeklyDamaged: a weekly file cannot be read.
        ValueError: rows are not those of their table.
    """
    readers = [SnapshotReader(store, election) for election in sorted(elections, key=lambda e: e.key)]
    public = profile == "public"
    thin = thinning(ids for reader in readers for ids in reader.ids()) if public else Thinning()
    staging.table(CANDIDATES_CSV, [candidates])
    held: dict[str, tuple[str, ...]] = {}
    covered: dict[str, tuple[WeekCoverage, ...]] = {}
    days: list[pl.DataFrame] = []
    for reader in readers:
        key = reader.election.key
        weeks = {week for product in PRODUCTS for week in _staged(staging, reader, product, profile, thin)}
        if weeks:
            held[key], covered[key] = tuple(sorted(weeks)), reader.coverage()
            days.append(reader.daily(profile))
            staging.table(f"{key}/{DAILY_CSV}", [days[-1]])
    daily = pl.concat(days) if days else pl.DataFrame()
    return Snapshot(held, covered, daily, thin.fraction)


def _staged(staging: Staging, reader: SnapshotReader, product: Product, profile: Profile, thin: Thinning) -> list[str]:
    """Write the weekly files of a product and its history; returns the weeks."""
    key = reader.election.key
    weeks = []
    for week, frame in reader.frames(product, profile, thin):
        staging.table(product.weekly(key, week), [frame])
        weeks.append(week)
    if weeks:
        # Google's partitions of a week stand by area and cadence first: a history is in order only when sorted.
        frames = (frame for _, frame in reader.frames(product, profile, thin))
        ordered = frames if product in (TWEETS_PRODUCT, VOLUME_PRODUCT) else _sorted(frames, product.table(profile))
        staging.table(product.history(key), ordered)
    return weeks


def _sorted(frames: Iterator[pl.DataFrame], table: Table) -> Iterator[pl.DataFrame]:
    yield pl.concat(frames).sort(order_keys(table))
