"""How old the newest release may be: by the phase of the elections, less what blackouts hold back. Pure.

Releases are monthly until 6 months before the first round, weekly until 14 days before it, daily until 7 days after the
last, then weekly to the inauguration, and one final on the Tuesday after the last week collected (architecture, section
6). Between the last two none is due: there, and after the end of collection, a release is late that the newest release
day still waits for. Each election is judged, and the worst is told; a blackout of any stops all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from elec_assets.domain.calendar import phase_at
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.phases import Phase, phase_begins
from elec_assets.domain.registry import Election
from elec_assets.domain.release_cadence import final_day, newest_release_day
from elec_assets.domain.windows import DAY, epoch_ms

_MONTHLY, _WEEKLY, _DAILY = (40 * DAY, 45 * DAY), (9 * DAY, 11 * DAY), (2 * DAY, 3 * DAY)
ALLOWED: Mapping[Phase, tuple[timedelta, timedelta]] = {
    Phase.EARLY: _MONTHLY,
    Phase.CAMPAIGN: _WEEKLY,
    Phase.VOTE: _DAILY,
    Phase.TRANSITION: _WEEKLY,
}
"""How old the newest release may be before it warns and fails, by phase; in the closing one `OVERDUE` counts."""
OVERDUE = (2 * DAY, 4 * DAY)
"""How long the newest release day may wait for its release, from the inauguration on: as a weekly one may."""
JUDGED_AFTER = 30 * DAY
"""How long after its final day an election is judged."""


@dataclass(frozen=True, slots=True)
class LateRelease:
    """A release is late since a time; `fail`: past the longer limit too."""

    since: datetime
    fail: bool


def late_release(elections: Iterable[Election], released_at: datetime | None, now: datetime) -> LateRelease | None:
    """Whether the newest release (None: there was none) is late now; None during a blackout.

    An election is judged from the beginning of collection until `JUDGED_AFTER` after its final day. The count begins at
    the latest of: the release, the beginning of collection, the beginning of the phase; from the inauguration on at the
    newest release day, unless that has its release. Time in blackouts does not count.
    """
    elections = tuple(elections)
    paused = Intervals.of(
        (epoch_ms(window.start), epoch_ms(window.end)) for e in elections for window in e.calendar.blackouts
    )
    at_ms = epoch_ms(now)
    if any(start <= at_ms < end for start, end in paused.spans):
        return None
    judged = (e for e in elections if e.calendar.collect_from <= now < final_day(e) + JUDGED_AFTER)
    late = [found for e in judged if (found := _late(e, released_at, now, paused)) is not None]
    return min(late, key=lambda found: (not found.fail, found.since), default=None)


def _late(election: Election, released_at: datetime | None, now: datetime, paused: Intervals) -> LateRelease | None:
    allowed = None if now >= final_day(election) else ALLOWED.get(phase_at(election, now))
    if allowed is None:
        start = _unmet(election, released_at, now)
    else:
        start = max(_phase_began(election, now), released_at or election.calendar.collect_from)
    if start is None:
        return None
    warn, fail = allowed or OVERDUE
    age = timedelta(seconds=(Intervals.of([(epoch_ms(start), epoch_ms(now))]) - paused).seconds)
    return LateRelease(now - (age - warn), age > fail) if age > warn else None


def _unmet(election: Election, released_at: datetime | None, now: datetime) -> datetime | None:
    """The newest release day, if no release was made since."""
    due = newest_release_day(election, now)
    return None if due is None or (released_at is not None and released_at >= due.day) else due.day


def _phase_began(election: Election, now: datetime) -> datetime:
    """When the phase of now began, or collection if that is later."""
    dates = election.calendar
    begins = phase_begins(dates.rounds, dates.inauguration, ZoneInfo(election.timezone))
    return max(dates.collect_from, begins.get(phase_at(election, now), dates.collect_from))
