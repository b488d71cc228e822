"""Caps: so many messages an hour and a month, whatever happens. Beyond them nothing is lost, all is told later."""

from datetime import UTC, datetime, timedelta

from elec_assets.domain.windows import HOUR
from elec_assets.transforms.alert_state import Rules, State, changed
from elec_assets.transforms.alert_texts import Told

_PAST_MONTH = timedelta(days=32)


def has_room(state: State, now: datetime, rules: Rules) -> bool:
    """Whether the caps allow one more message."""
    return len(_recent(state, now)) < rules.per_hour and _in_month(state, now) < rules.per_month


def room_at(state: State, now: datetime, rules: Rules) -> datetime:
    """When the caps allow a message again."""
    at = now
    recent = _recent(state, now)
    if len(recent) >= rules.per_hour:
        at = recent[len(recent) - rules.per_hour] + HOUR
    if _in_month(state, now) >= rules.per_month:
        first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        at = max(at, (first + _PAST_MONTH).replace(day=1))
    return at


def held_back(state: State, due: Told) -> int:
    """How many incidents a cap has held back until now."""
    return len(due.changes) if state.limited_since is not None else 0


def with_sent(state: State, now: datetime) -> State:
    """The state with one more message sent."""
    return changed(
        state,
        sent_at=[*_recent(state, now), now],
        month=f"{now.astimezone(UTC):%Y%m}",
        sent_in_month=_in_month(state, now) + 1,
    )


def _recent(state: State, now: datetime) -> list[datetime]:
    # A time after now was written before the clock was set back.
    return [at for at in state.sent_at if now - HOUR < at <= now]


def _in_month(state: State, now: datetime) -> int:
    return state.sent_in_month if state.month == f"{now.astimezone(UTC):%Y%m}" else 0
