"""What a plan of Google Trends asks a day, and which partitions are planned. Counts are HTTP requests.

A comparison costs two (explore and timeline), a candidate alone one explore and one for each list or map. Tables that
are made of the same answers share them: the first one of the plan carries the cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from elec_assets.domain.ladder import MOST_REPAIRS, first_requests
from elec_assets.domain.registry import Election, TrendsPlan
from elec_assets.domain.trends import NEEDS, Cadence, Endpoint, Shape, TrendsTable
from elec_assets.domain.windows import Grain, Window, floor

_OF_COMPARISON = 2  # explore and timeline


@dataclass(frozen=True, slots=True)
class TableRequests:
    """Requests a day that a table needs at a cadence beyond those of the tables before it.

    `mean` is the least, where the order of the ladder is right; `repairs` may come on top. `sample_no` 2 is the
    second sample of the ladder.
    """

    cadence: Cadence
    table: TrendsTable
    sample_no: int
    mean: float
    repairs: float = 0.0


@dataclass(frozen=True, slots=True)
class RequestsADay:
    """All requests a day of a plan."""

    tables: tuple[TableRequests, ...]

    @property
    def mean(self) -> float:
        """Requests a day without repairs."""
        return sum(table.mean for table in self.tables)

    @property
    def most(self) -> float:
        """Requests a day if every comparison needs all repairs."""
        return self.mean + sum(table.repairs for table in self.tables)

    def __add__(self, other: "RequestsADay") -> "RequestsADay":
        return RequestsADay(self.tables + other.tables)


def requests_a_day(plan: TrendsPlan, candidates: int, areas: int) -> RequestsADay:
    """What a plan asks, for so many candidates followed and areas; by cadence, then table, then sample."""
    return RequestsADay(
        tuple(cost for cadence in Cadence for cost in _cadence(cadence, plan.tables(cadence), candidates, areas))
    )


def too_many(asked: RequestsADay, cap: int) -> str | None:
    """Why a plan cannot fit a cap of requests a day, as a sentence that says what to do; None where it fits.

    Repairs count: a plan that fits without them only would leave its last partitions unasked.
    """
    if asked.most <= cap:
        return None
    largest = max(asked.tables, key=lambda table: table.mean)
    return (
        f"the Trends plan asks {asked.mean:.0f} to {asked.most:.0f} requests a day, the cap is {cap}; "
        f"take tables out of `trends` in the registry ({largest.cadence} {largest.table} asks most: "
        f"{largest.mean:.0f}) or areas out of `areas`"
    )


def _cadence(
    cadence: Cadence, tables: tuple[TrendsTable, ...], candidates: int, areas: int
) -> tuple[TableRequests, ...]:
    times = cadence.blocks_a_day * areas
    costs: list[TableRequests] = []
    paid: set[Shape | Endpoint] = set()
    for table in tables:
        shape, endpoint = NEEDS[table]
        if shape is Shape.LADDER:
            costs += _ladder(cadence, table, candidates, 0.0 if shape in paid else times)
        else:
            explore = shape not in paid
            costs.append(TableRequests(cadence, table, 1, times * candidates * (1 + explore)))
        paid |= {shape, endpoint}
    return tuple(costs)


def _ladder(cadence: Cadence, table: TrendsTable, candidates: int, times: float) -> list[TableRequests]:
    comparisons = len(first_requests([str(number) for number in range(candidates)]))
    repairs = MOST_REPAIRS if comparisons > 1 else 0
    return [
        TableRequests(cadence, table, number, times * _OF_COMPARISON * comparisons, times * _OF_COMPARISON * repairs)
        for number in range(1, cadence.samples + 1)
    ]


def collected_from(election: Election, cadence: Cadence) -> datetime:
    """From when partitions of a cadence are collected: `trends_from` for days and weeks, if the registry has it."""
    dates = election.calendar
    if cadence is Cadence.HOURLY or dates.trends_from is None:
        return dates.collect_from
    return min(dates.trends_from, dates.collect_from)


def first_partition(election: Election, cadence: Cadence) -> datetime:
    """Start of the first partition: partitions begin with a whole week, Monday 00:00 UTC."""
    return floor(collected_from(election, cadence), Grain.WEEK)


def planned(election: Election, cadence: Cadence, window: Window) -> Mapping[TrendsTable, tuple[str, ...]]:
    """The candidates of each table that a partition should hold: those followed at some time of it.

    Empty where the calendar does not plan the partition or the plan has no table at this cadence.
    """
    if window.end <= collected_from(election, cadence) or window.start >= election.calendar.collect_until:
        return {}
    people = asked_about(election, window)
    return dict.fromkeys(election.trends.tables(cadence), people) if people else {}


def asked_about(election: Election, window: Window) -> tuple[str, ...]:
    """Keys of the candidates who are followed at some time of a window, sorted."""
    moments = sorted({window.start, *(m for m in _changes(election) if m in window)})
    return tuple(sorted({candidate.key for moment in moments for candidate in election.as_of(moment)}))


def _changes(election: Election) -> list[datetime]:
    dates = [date for c in election.candidates.values() for date in (c.since, c.until, *(s.since for s in c.status))]
    return [date for date in dates if date is not None]
