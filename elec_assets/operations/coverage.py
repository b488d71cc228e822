"""`elec coverage`: what was planned, covered and missed, hour by hour, from the coverage rows in the store."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.windows import DAY, Grain, Window, floor, iso, split, window_at
from elec_assets.operations.coverage_trends import TrendsReport, trends_coverage
from elec_assets.operations.report import DONE, columns
from elec_assets.settings import Settings
from elec_assets.transforms.coverage import HourCoverage, hour_row

_SHOWN_GAPS = 20


@dataclass(frozen=True, slots=True)
class Unit:
    """One hour of one election."""

    election: str
    partition: str
    day: str
    outcome: Outcome
    planned_s: float
    captured_s: float
    filled_s: float
    missed_s: float
    retweets_missed_s: float
    rows: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """All hours of a span, with every gap named."""

    since: datetime
    until: datetime
    units: tuple[Unit, ...]
    searched: TrendsReport
    exit_code: int = DONE

    @property
    def gaps(self) -> list[Unit]:
        """The hours that are not settled."""
        return [unit for unit in self.units if not unit.outcome.settled]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "since": iso(self.since),
            "until": iso(self.until),
            "elections": {e: self._totals(e) for e in dict.fromkeys(u.election for u in self.units)},
            "gaps": [
                {"election": u.election, "partition": u.partition, "outcome": u.outcome.value, "missed_s": u.missed_s}
                | {"reason": u.reason}
                for u in self.gaps
            ],
            "google_trends": self.searched.as_dict(),
        }

    def _totals(self, election: str) -> dict[str, Any]:
        mine = [u for u in self.units if u.election == election]
        return {
            "planned_h": sum(u.planned_s for u in mine) / 3600,
            "captured_h": sum(u.captured_s for u in mine) / 3600,
            "filled_h": sum(u.filled_s for u in mine) / 3600,
            "missed_h": sum(u.missed_s for u in mine) / 3600,
            "retweets_missed_h": sum(u.retweets_missed_s for u in mine) / 3600,
            "rows": sum(u.rows for u in mine),
            "outcomes": dict(sorted(Counter(u.outcome.value for u in mine).items())),
        }

    def lines(self) -> list[str]:
        """For a person: a line a day, then the gaps."""
        if not self.units:
            nothing = [f"No election collects between {iso(self.since)} and {iso(self.until)}."]
            return [*nothing, "", *self.searched.lines()] if self.searched.partitions else nothing
        rows: list[tuple[object, ...]] = [
            ("election", "day (UTC)", "planned h", "captured h", "filled h", "missed h", "rows", "outcomes")
        ]
        days = dict.fromkeys((u.election, u.day) for u in self.units)
        for election, day in days:
            mine = [u for u in self.units if (u.election, u.day) == (election, day)]
            told = ", ".join(f"{n} {o}" for o, n in sorted(Counter(u.outcome.value for u in mine).items()))
            seconds = zip(*((u.planned_s, u.captured_s, u.filled_s, u.missed_s) for u in mine), strict=True)
            hours = [f"{sum(each) / 3600:.4g}" for each in seconds]
            rows.append((election, day, *hours, sum(u.rows for u in mine), told))
        shown = [f"  {u.election} {u.partition}: {u.outcome} ({u.reason})" for u in self.gaps[:_SHOWN_GAPS]]
        more = len(self.gaps) - len(shown)
        gaps = [f"{len(self.gaps)} hours with a gap:", *shown] if shown else ["No gap."]
        posts = [*columns(rows), "", *gaps, *([f"  and {more} more; see --json"] if more > 0 else [])]
        return [*posts, "", *self.searched.lines()]


def coverage(
    settings: Settings, registry: Registry, now: datetime, *, since: datetime | None, election: str | None
) -> CoverageReport:
    """The coverage of hours that are over, since a time (default: 7 days ago), of one election or all.

    Raises:
        ValueError: there is no such election.
    """
    if election is not None and election not in registry.elections:
        raise ValueError(f"--election {election!r}: not in the registry; allowed: {', '.join(registry.elections)}")
    start = floor(since if since is not None else now - DAY * 7, Grain.HOUR)
    end = floor(now, Grain.HOUR)
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    chosen = [e for key, e in registry.elections.items() if election in (None, key)]
    hours = split(Window(start, end), Grain.HOUR) if start < end else []
    units = [u for e in chosen for u in _units(TweetArchive(store, e.key), e, hours)]
    return CoverageReport(start, end, tuple(units), trends_coverage(store, chosen, start, end))


def _units(archive: TweetArchive, election: Election, hours: list[Window]) -> list[Unit]:
    rows = [hour_row(election, hour, archive.coverage(hour)) for hour in hours if _collected(election, hour)]
    return [_unit(row) for row in rows]


def _collected(election: Election, hour: Window) -> bool:
    dates = election.calendar
    return window_at(dates.collect_from, Grain.HOUR).start <= hour.start < dates.collect_until


def _unit(row: HourCoverage) -> Unit:
    return Unit(
        election=row.election,
        partition=row.partition,
        day=row.partition[:10],
        outcome=row.outcome,
        planned_s=row.planned_s,
        captured_s=row.captured_s,
        filled_s=row.filled_s,
        missed_s=row.missed_s,
        retweets_missed_s=row.retweets_missed_s,
        rows=row.rows,
        reason=row.reason,
    )
