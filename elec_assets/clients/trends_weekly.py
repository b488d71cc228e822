"""The weekly files of Google Trends: all hours, days and the week itself of an ISO week in one file a table.

The main file of a table holds the latest sample of each candidate and partition, its `_samples` twin all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from elec_assets.clients.store import Store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.weekly_archive import WeeklyArchive, WeeklyFile
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import REQUESTS, TABLES, Table
from elec_assets.domain.trends import SOURCE, Cadence, TrendsTable
from elec_assets.domain.trends_plan import planned
from elec_assets.domain.windows import Window, split
from elec_assets.transforms.trends import latest_sample
from elec_assets.transforms.trends_coverage import TrendsCoverage, coverage_table


@dataclass(frozen=True, slots=True)
class Product:
    """One file of a week. `samples`: all samples instead of the latest."""

    table: Table
    samples: bool = False

    @property
    def name(self) -> str:
        """Its name in keys of the store: `interest_over_time_samples`."""
        return f"{self.table.name}_samples" if self.samples else self.table.name


PRODUCTS = (
    *(Product(TABLES[table], samples) for table in TrendsTable for samples in (False, True)),
    Product(REQUESTS),
)
"""All files of a week: each table with its twin, and the requests."""


class TrendsWeek:
    """One week of an election."""

    def __init__(self, store: Store, election: Election, week: Window) -> None:
        self._store = store
        self._election = election
        self._week = week
        self._partitions = TrendsArchive(store, election.key)

    def places(self) -> Iterator[TrendsPlace]:
        """All partitions of the week, in the order of the tables: by area, cadence and time."""
        for area in sorted(self._election.areas):
            for cadence in sorted(Cadence):
                for window in split(self._week, cadence.grain):
                    yield TrendsPlace(self._election.key, area, cadence, window)

    def frames(self, product: Product) -> Iterator[pl.DataFrame]:
        """The rows of a file, one partition at a time.

        Raises:
            ArchiveDamaged: a table cannot be read; the text names it.
        """
        for place in self.places():
            if product.table is REQUESTS and place != place.block:
                continue
            frame = self._partitions.frame(place, product.table)
            if frame is not None:
                yield frame if product.samples or product.table is REQUESTS else latest_sample(frame)

    def archive(self, product: Product) -> WeeklyArchive:
        """Where a file is written and read."""
        return WeeklyArchive(self._store, self._election.key, f"{SOURCE}/{product.name}", product.table)

    def write(self, product: Product) -> WeeklyFile:
        """Write a file, as CSV and as Parquet.

        Raises:
            ArchiveDamaged: as `frames`; nothing was written.
            StoreError: the store refused; what was there is unchanged.
        """
        return self.archive(product).write(self._week, self.frames(product))

    def rows(self) -> list[tuple[TrendsPlace, TrendsCoverage | None]]:
        """The coverage row of every planned partition, None where none was stored; and the rows of others.

        Raises:
            CoverageUnreadable: one is damaged; the text names it.
        """
        found = [(place, self._partitions.coverage(place)) for place in self.places()]
        return [(place, row) for place, row in found if row is not None or self._planned(place)]

    def coverage(self) -> list[pl.DataFrame]:
        """Rows of the coverage table, of all partitions: `not_run` where planned and never asked.

        Raises:
            CoverageUnreadable: as `rows`.
        """
        return [coverage_table(place, self._planned(place), row) for place, row in self.rows()]

    def _planned(self, place: TrendsPlace) -> dict[TrendsTable, tuple[str, ...]]:
        return dict(planned(self._election, place.cadence, place.window))
