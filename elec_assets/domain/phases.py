"""The phases of an election, which capture plans and releases share: made of its rounds and inauguration alone.

A phase begins at 00:00 in the election's time zone; the time zone's changes of clock move it in UTC, nothing else does.
"""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

_CAMPAIGN_MONTHS = 6
_VOTE_BEFORE = timedelta(days=14)
_VOTE_AFTER = timedelta(days=7)
_MONTHS_OF_YEAR = 12


class Phase(StrEnum):
    """A phase of an election, in the order of time.

    early: until 6 months before the first round. campaign: until 14 days before it. vote: until 7 days after the last
    round. transition: until the inauguration. closing: from the inauguration on.
    """

    EARLY = "early"
    CAMPAIGN = "campaign"
    VOTE = "vote"
    TRANSITION = "transition"
    CLOSING = "closing"


def phase_begins(rounds: Sequence[date], inauguration: date, zone: tzinfo) -> dict[Phase, datetime]:
    """When each phase begins, UTC, in the order of the phases; `early` has no beginning and is not in it.

    A phase never begins before the one it follows: an inauguration within 7 days after the last round leaves no
    transition. `rounds` ascend and hold one or more.
    """
    days = (
        (Phase.CAMPAIGN, _months_before(rounds[0], _CAMPAIGN_MONTHS)),
        (Phase.VOTE, rounds[0] - _VOTE_BEFORE),
        (Phase.TRANSITION, rounds[-1] + _VOTE_AFTER),
        (Phase.CLOSING, inauguration),
    )
    begins: dict[Phase, datetime] = {}
    for phase, day in days:
        begins[phase] = max([datetime.combine(day, time(), zone).astimezone(UTC), *begins.values()])
    return begins


def phase_of(begins: Mapping[Phase, datetime], moment: datetime) -> Phase:
    """The phase of a moment, by `phase_begins`."""
    return [Phase.EARLY, *(phase for phase, begin in begins.items() if begin <= moment)][-1]


def _months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or the last day of a month that is too short."""
    year, month = divmod(day.year * _MONTHS_OF_YEAR + day.month - 1 - months, _MONTHS_OF_YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
