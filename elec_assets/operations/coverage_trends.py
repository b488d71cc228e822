"""The part of `elec coverage` about Google Trends: every planned candidate, table and partition, and its outcome."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.store import Store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import Cadence, TrendsTable, block_of
from elec_assets.domain.trends_plan import planned
from elec_assets.domain.windows import Window, floor, key_of, split
from elec_assets.operations.report import columns
from elec_assets.transforms.trends_coverage import Unit, units_of

_SHOWN_GAPS = 20


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of one area and cadence, with what became of each of its units."""

    place: TrendsPlace
    units: tuple[Unit, ...]

    @property
    def key(self) -> str:
        """Its partition key."""
        return key_of(self.place.window, self.place.cadence.grain)


@dataclass(frozen=True, slots=True)
class Gap:
    """Candidates of one table of a partition that have no answer, for one reason."""

    place: TrendsPlace
    partition: str
    table: TrendsTable
    outcome: Outcome
    reason: str | None
    candidates: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "election": self.place.election,
            "area": self.place.area,
            "window": self.place.cadence.value,
            "partition": self.partition,
            "table": self.table.value,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "candidates": list(self.candidates),
        }


@dataclass(frozen=True, slots=True)
class TrendsReport:
    """All partitions of a span, with every gap named."""

    partitions: tuple[Partition, ...]

    @property
    def gaps(self) -> list[Gap]:
        """What has no answer, together where it is for the same reason."""
        return [gap for partition in self.partitions for gap in _gaps(partition)]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: totals by election, area and window; and the gaps."""
        totals: dict[str, dict[str, dict[str, Any]]] = {}
        for (election, area, cadence), mine in _grouped(self.partitions).items():
            totals.setdefault(election, {}).setdefault(area, {})[cadence.value] = _totals(mine)
        return {"elections": totals, "gaps": [gap.as_dict() for gap in self.gaps]}

    def lines(self) -> list[str]:
        """For a person: a line for each day, area and window, then the gaps."""
        if not self.partitions:
            return ["No partition of Google Trends is planned in this time."]
        rows: list[tuple[object, ...]] = [
            ("election", "day (UTC)", "area", "window", "partitions", "units", "answered", "rows", "outcomes")
        ]
        for (election, day, area, cadence), mine in _by_day(self.partitions).items():
            told = _totals(mine)
            found = ", ".join(f"{n} {outcome}" for outcome, n in told["outcomes"].items())
            counts = (told["partitions"], told["units"], told["answered"], told["rows"])
            rows.append((election, day, area, cadence, *counts, found))
        return [*columns(rows), "", *_told(self.gaps)]


def trends_coverage(store: Store, elections: Iterable[Election], since: datetime, until: datetime) -> TrendsReport:
    """The coverage of partitions that were to be asked for: those over at a time, hours with their whole block.

    Args:
        store: where the coverage rows are.
        elections: whose.
        since: partitions that end later than this (UTC).
        until: and whose block is over by this time.

    Raises:
        CoverageUnreadable: a row is damaged or of a newer version; the text names it.
    """
    return TrendsReport(tuple(part for e in elections for part in _partitions(store, e, since, until)))


def _partitions(store: Store, election: Election, since: datetime, until: datetime) -> Iterator[Partition]:
    archive = TrendsArchive(store, election.key)
    for area in election.areas:
        for cadence in Cadence:
            for window in _windows(cadence, since, until):
                place = TrendsPlace(election.key, area, cadence, window)
                units = units_of(planned(election, cadence, window), archive.coverage(place))
                if units:
                    yield Partition(place, units)


def _windows(cadence: Cadence, since: datetime, until: datetime) -> list[Window]:
    if since >= until:
        return []
    grain = cadence.grain
    end = floor(until, grain)
    windows = split(Window(floor(since, grain), end), grain) if floor(since, grain) < end else []
    return [window for window in windows if block_of(window, grain).end <= until]


def _gaps(partition: Partition) -> Iterator[Gap]:
    found: dict[tuple[TrendsTable, Outcome, str | None], list[str]] = {}
    for unit in partition.units:
        if not unit.outcome.settled:
            found.setdefault((unit.table, unit.outcome, unit.reason), []).append(unit.candidate)
    for (table, outcome, reason), candidates in found.items():
        yield Gap(partition.place, partition.key, table, outcome, reason, tuple(candidates))


def _told(gaps: list[Gap]) -> list[str]:
    """Gaps for a person: together where they are of one area and window, for the same reason."""
    if not gaps:
        return ["No gap."]
    alike: dict[tuple[str, str, Cadence, Outcome, str | None], list[Gap]] = {}
    for gap in gaps:
        place = gap.place
        alike.setdefault((place.election, place.area, place.cadence, gap.outcome, gap.reason), []).append(gap)
    lines = []
    for (election, area, cadence, outcome, reason), mine in alike.items():
        keys = sorted({gap.partition for gap in mine})
        when = keys[0] if len(keys) == 1 else f"{keys[0]} to {keys[-1]} ({len(keys)} partitions)"
        why = f" ({reason})" if reason else ""
        lines.append(f"  {election} {area} {cadence} {when}, {_whom(mine)}: {outcome}{why}")
    missing = sum(len(gap.candidates) for gap in gaps)
    more = len(lines) - _SHOWN_GAPS
    head = f"{missing} units of Google Trends without an answer:"
    return [head, *lines[:_SHOWN_GAPS], *([f"  and {more} more; see --json"] if more > 0 else [])]


def _whom(gaps: list[Gap]) -> str:
    tables = dict.fromkeys(gap.table.value for gap in gaps)
    candidates = dict.fromkeys(name for gap in gaps for name in gap.candidates)
    who = next(iter(candidates)) if len(candidates) == 1 else f"{len(candidates)} candidates"
    return f"{', '.join(tables)} of {who}"


def _totals(partitions: Iterable[Partition]) -> dict[str, Any]:
    mine = list(partitions)
    units = [unit for partition in mine for unit in partition.units]
    return {
        "partitions": len(mine),
        "units": len(units),
        "answered": sum(unit.outcome.settled for unit in units),
        "rows": sum(unit.rows for unit in units),
        "outcomes": dict(sorted(Counter(unit.outcome.value for unit in units).items())),
    }


def _grouped(partitions: Iterable[Partition]) -> dict[tuple[str, str, Cadence], list[Partition]]:
    found: dict[tuple[str, str, Cadence], list[Partition]] = {}
    for part in partitions:
        found.setdefault((part.place.election, part.place.area, part.place.cadence), []).append(part)
    return found


def _by_day(partitions: Iterable[Partition]) -> dict[tuple[str, str, str, Cadence], list[Partition]]:
    found: dict[tuple[str, str, str, Cadence], list[Partition]] = {}
    for part in partitions:
        place = part.place
        key = (place.election, f"{place.window.start:%Y-%m-%d}", place.area, place.cadence)
        found.setdefault(key, []).append(part)
    return dict(sorted(found.items()))
