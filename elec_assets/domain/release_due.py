"""How old the newest release may be: by the phase of the elections, less what blackouts hold back. Pure.

Releases are monthly until 6 months before the first round, weekly until 14 days before it, daily until 7 days after the
last, then weekly, and one final 14 days after the inauguration (architecture, section 6). Of several elections the most
frequent counts; a blackout of any stops all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from elec_assets.domain.calendar import phase_at
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.phases import Phase, phase_begins
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import DAY, epoch_ms

_MONTHLY, _WEEKLY, _DAILY = (40 * DAY, 45 * DAY), (9 * DAY, 11 * DAY), (2 * DAY, 3 * DAY)
ALLOWED: Mapping[Phase, tuple[timedelta, timedelta]] = {
    Phase.EARLY: _MONTHLY,
    Phase.CAMPAIGN: _WEEKLY,
    Phase.VOTE: _DAILY,
    Phase.TRANSITION: _WEEKLY,
    Phase.CLOSING: _MONTHLY,
}
"""How old the newest release may be before it warns and fails, by phase."""


@dataclass(frozen=True, slots=True)
class LateRelease:
    """A release is late since a time; `fail`: past the longer limit too."""

    since: datetime
    fail: bool


def late_release(elections: Iterable[Election], released_at: datetime | None, now: datetime) -> LateRelease | None:
    """Whether the newest release (None: there was none) is late now; None outside collection and during a blackout.

    The count begins at the latest of: the release, the beginning of collection, the beginning of the phase whose
    cadence counts. Time in blackouts does not count.
    """
    elections = tuple(elections)
    active = [election for election in elections if election.active_at(now)]
    paused = Intervals.of(
        (epoch_ms(window.start), epoch_ms(window.end)) for e in elections for window in e.calendar.blackouts
    )
    at_ms = epoch_ms(now)
    if not active or any(start <= at_ms < end for start, end in paused.spans):
        return None
    strictest = min(active, key=lambda election: ALLOWED[phase_at(election, now)])
    warn, fail = ALLOWED[phase_at(strictest, now)]
    start = max(_phase_began(strictest, now), released_at or strictest.calendar.collect_from)
    counted = Intervals.of([(epoch_ms(start), at_ms)]) - paused
    age = timedelta(seconds=counted.seconds)
    return LateRelease(now - (age - warn), age > fail) if age > warn else None


def _phase_began(election: Election, now: datetime) -> datetime:
    """When the phase of now began, or collection if that is later."""
    dates = election.calendar
    begins = phase_begins(dates.rounds, dates.inauguration, ZoneInfo(election.timezone))
    return max(dates.collect_from, begins.get(phase_at(election, now), dates.collect_from))
