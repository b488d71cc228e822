"""When a release is due: days given by the phase of each election, less what blackouts hold back. Pure.

A release day is every first Tuesday of a month until 6 months before the first round, every Tuesday until 14 days
before it, every day until 7 days after the last, every Tuesday until the inauguration, and one final Tuesday on which
the last week collected is built (architecture, section 6). Weeks are built on Tuesday 02:00 UTC. Releases hold all
elections, so one is due while the newest release day of any election has none; a blackout of any stops all.
How late is too late is told by `release_due.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from elec_assets.domain.calendar import phase_at
from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import DAY, WEEK, Grain, floor, iso

RELEASE_HOUR = timedelta(hours=5)
"""Of the day, UTC: three hours after the weeks are built."""
_TUESDAY = 1
_FIRST_WEEK = 7
_REMEMBERED = 62 * DAY
"""How long after its final day an election may still have a release due: one of years ago is nobody's to make."""


class ReleaseCadence(StrEnum):
    """How often releases are made, the most frequent first."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    FINAL = "final"


CADENCES: Mapping[Phase, ReleaseCadence] = {
    Phase.EARLY: ReleaseCadence.MONTHLY,
    Phase.CAMPAIGN: ReleaseCadence.WEEKLY,
    Phase.VOTE: ReleaseCadence.DAILY,
    Phase.TRANSITION: ReleaseCadence.WEEKLY,
    Phase.CLOSING: ReleaseCadence.FINAL,
}
_ORDER = tuple(ReleaseCadence)


class ReleaseDay(NamedTuple):
    """When a release of an election (its key) is due, and by which cadence."""

    day: datetime
    cadence: ReleaseCadence
    election: str


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a release is due, and why or why not, in words."""

    reason: str
    due: bool = False


def release_due(elections: Iterable[Election], released_at: datetime | None, now: datetime) -> Due:
    """Whether a release is due.

    Args:
        elections: all of the registry; the blackouts of those that are over count too.
        released_at: when the newest release began; None: there was none.
        now: the time of asking.
    """
    elections = tuple(elections)
    held = blackout(elections, now)
    if held is not None:
        return Due(held)
    past = [found for e in elections if (found := newest_release_day(e, now)) is not None]
    if not past:
        return Due(f"no release is due yet: {_next(elections, now)}")
    day, cadence, key = max(past, key=lambda found: (found.day, -_ORDER.index(found.cadence)))
    told = f"the {cadence} release of {day:%Y-%m-%d} ({key})"
    if released_at is None or released_at < day:
        since = "nothing was published yet" if released_at is None else f"the newest is of {iso(released_at)}"
        return Due(f"{told} is due: {since}", due=True)
    return Due(f"{told} is published; {_next(elections, now)}")


def blackout(elections: Iterable[Election], now: datetime) -> str | None:
    """That a blackout of an election holds now, and until when, in words; None if none does."""
    for election in elections:
        for window in election.calendar.blackouts:
            if window.start <= now < window.end:
                return f"blackout of {election.key} until {iso(window.end)}: nothing is published"
    return None


def cadence_at(elections: Iterable[Election], now: datetime) -> ReleaseCadence | None:
    """The most frequent cadence of the elections at a time, a final one only if there is no other; None: none."""
    found = {CADENCES[phase_at(e, now)] for e in elections if e.calendar.collect_from <= now <= final_day(e)}
    return min(found, key=_ORDER.index, default=None)


def final_day(election: Election) -> datetime:
    """When the final release of an election is due: the Tuesday after its last week."""
    end = election.calendar.collect_until
    monday = floor(end, Grain.WEEK)
    return (monday if monday == end else monday + WEEK) + DAY + RELEASE_HOUR


def newest_release_day(election: Election, now: datetime) -> ReleaseDay | None:
    """The newest release day of an election until now; None before the first, and long after the final one."""
    final = final_day(election)
    if now >= final + _REMEMBERED:
        return None
    newest = floor(min(now, final), Grain.DAY) + RELEASE_HOUR
    days = _each(newest if newest <= now else newest - DAY, election.calendar.collect_from, -DAY)
    return _first(election, days)


def _next_release_day(election: Election, now: datetime) -> ReleaseDay | None:
    """The first release day of an election after now; None after the final one."""
    first = floor(max(now, election.calendar.collect_from), Grain.DAY) + RELEASE_HOUR
    return _first(election, _each(first if first > now else first + DAY, final_day(election), DAY))


def _each(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    day = first
    while day <= last if step > timedelta() else day >= last:
        yield day
        day += step


def _first(election: Election, days: Iterator[datetime]) -> ReleaseDay | None:
    found = ((day, release_day(election, day)) for day in days)
    return next((ReleaseDay(day, cadence, election.key) for day, cadence in found if cadence is not None), None)


def _next(elections: Sequence[Election], now: datetime) -> str:
    coming = [found for e in elections if (found := _next_release_day(e, now)) is not None]
    if not coming:
        return "no further one is planned"
    day, cadence, key = min(coming, key=lambda found: (found.day, _ORDER.index(found.cadence)))
    return f"the next is due at {iso(day)} ({cadence}, {key})"


def release_day(election: Election, day: datetime) -> ReleaseCadence | None:
    """The cadence by which a day, at `RELEASE_HOUR`, is a release day of an election; None: it is none."""
    final = final_day(election)
    if not election.calendar.collect_from <= day <= final:
        return None
    if day == final:
        return ReleaseCadence.FINAL
    cadence = CADENCES[phase_at(election, day)]
    tuesday = day.weekday() == _TUESDAY
    wanted = {
        ReleaseCadence.DAILY: True,
        ReleaseCadence.WEEKLY: tuesday,
        ReleaseCadence.MONTHLY: tuesday and day.day <= _FIRST_WEEK,
        ReleaseCadence.FINAL: False,
    }
    return cadence if wanted[cadence] else None
