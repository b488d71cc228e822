"""Collecting one partition of Google Trends: ask for what is missing, then all raw documents to tables and coverage.

Of the four hours of a block the first that is collected asks, the others cut. Each document is stored as it comes, so
a run that was cut off, by a refusal or a power cut, goes on with the question it stopped at.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.store import Store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_block import Elsewhere, TrendsBlocks
from elec_assets.clients.trends_collected import CollectedPartition, CollectedTable
from elec_assets.clients.trends_maker import TrendsMaker
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election, TrendsPlan
from elec_assets.domain.trends import Cadence, TrendsTable, block_of
from elec_assets.domain.trends_plan import planned
from elec_assets.domain.windows import Grain, Window, window_at
from elec_assets.transforms.trends_coverage import trends_coverage
from elec_assets.transforms.trends_questions import Wanted

_EVERYTHING = TrendsPlan(*[tuple(TrendsTable)] * 3)
# By then Google has the last minutes of the block, and its hours are asked for.
_LATE = timedelta(minutes=10)


def until_block_ends(clock: Callable[[], datetime]) -> Callable[[], bool]:
    """For runs over days and weeks: true once a block of hours has ended since now, and 10 minutes have passed.

    Such a run then leaves Google to the hourly partitions, and goes on later with the question it stopped at.
    """
    past = next_block_due(clock())
    return lambda: clock() >= past


def next_block_due(now: datetime) -> datetime:
    """When the block of hours that lasts now is asked for: 10 minutes after its end."""
    return block_of(window_at(now, Grain.HOUR), Grain.HOUR).end + _LATE


def _never() -> bool:
    return False


class TrendsCollector:
    """Collects partitions of one election. `backend` is None where nothing may be asked: only what is stored is used.

    `clock` (UTC) tells which blocks are over, and which second samples are due. `elsewhere` asks instead of `backend`,
    in another place; then that decides when to yield.
    """

    def __init__(
        self,
        *,
        election: Election,
        registry_version: str,
        store: Store,
        backend: TrendsBackend | None,
        clock: Callable[[], datetime],
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._election = election
        self._archive = TrendsArchive(store, election.key)
        self._blocks = TrendsBlocks(election, registry_version, self._archive, backend, clock, elsewhere)
        self._maker = TrendsMaker(election, self._archive)

    def collect(
        self,
        area: str,
        cadence: Cadence,
        window: Window,
        tables: Collection[TrendsTable],
        *,
        refresh: datetime | None = None,
        should_yield: Callable[[], bool] = _never,
    ) -> CollectedPartition:
        """Ask for what is missing of a partition, then make its tables and its coverage row of all that is stored.

        Args:
            area: one of the election's.
            cadence: hourly, daily or weekly.
            window: of the partition: an hour, a day or a week.
            tables: what to make; also tables that the election's plan does not have at this cadence.
            refresh: ask again for what was asked before this time (UTC), as the next sample. A run that resumes gives
                the time of the first, and goes on where that stopped.
            should_yield: asked before every question but the first; where it says so, the run stops.

        Raises:
            ValueError: the election has no such area.
            StoreError: the store refused; what was stored so far stays, and is not asked again.
            ArchiveDamaged: a stored object cannot be read, or was made by a newer version; nothing was asked.
            CoverageUnreadable: the same, of a coverage row.
        """
        place = self._place(area, cadence, window)
        chosen = tuple(table for table in TrendsTable if table in set(tables))
        self._archive.refuse_newer(place, chosen)
        people = self._people(place)
        if not people:
            return self._not_planned(place, chosen)
        found = self._blocks.look(place, self._archive.coverage(place))
        asked = self._blocks.ask(place, chosen, found, refresh, should_yield)
        row, made = self._maker.make(place, chosen, people, asked)
        left = self._blocks.wanted(asked.known, chosen)
        halt = asked.known.halt
        return CollectedPartition(
            place=place,
            partition=row.partition,
            tables=made,
            row=row,
            requests=asked.requests,
            resume_at=asked.resume_at,
            yielded=asked.yielded,
            complete=not left and halt is None,
            stopped_by=None if halt is None else halt[1],
            pending=_pending(left),
        )

    def wanted_requests(
        self,
        area: str,
        cadence: Cadence,
        window: Window,
        tables: Collection[TrendsTable],
        *,
        refresh: datetime | None = None,
    ) -> tuple[Wanted, ...]:
        """What `collect` would ask first, as far as it can be told before there are answers; nothing is written.

        Raises:
            ValueError, StoreError, ArchiveDamaged, CoverageUnreadable: as `collect`.
        """
        place = self._place(area, cadence, window)
        if not self._people(place) or not self._blocks.is_over(place):
            return ()
        found = self._blocks.look(place, self._archive.coverage(place))
        return tuple(self._blocks.wanted(found.known, tuple(tables), refresh))

    def _place(self, area: str, cadence: Cadence, window: Window) -> TrendsPlace:
        if area not in self._election.areas:
            allowed = ", ".join(self._election.areas)
            raise ValueError(f"{self._election.key} has no area {area!r}; allowed: {allowed}")
        return TrendsPlace(self._election.key, area, cadence, window)

    def _people(self, place: TrendsPlace) -> tuple[str, ...]:
        """Who is followed in the partition; nobody outside the calendar. Which tables are planned changes nothing."""
        everything = planned(replace(self._election, trends=_EVERYTHING), place.cadence, place.window)
        return everything.get(TrendsTable.INTEREST_OVER_TIME, ())

    def _not_planned(self, place: TrendsPlace, chosen: tuple[TrendsTable, ...]) -> CollectedPartition:
        """Outside the calendar, or nobody is followed: only the row says so, unless there is more already."""
        row = self._archive.coverage(place)
        if row is None:
            row = trends_coverage(place, {}, {}, {}, {})
            self._archive.save_coverage(place, row)
        return CollectedPartition(place, row.partition, {table: CollectedTable(table) for table in chosen}, row)


def _pending(left: list[Wanted]) -> tuple[str, ...]:
    """What is left to ask of further samples, in words: the first sample's gaps are in the coverage row."""
    counts: dict[int, int] = {}
    for wanted in left:
        counts[wanted.request.sample_no] = counts.get(wanted.request.sample_no, 0) + 1
    return tuple(f"sample {n}: at least {count} left to ask" for n, count in sorted(counts.items()) if n > 1)
