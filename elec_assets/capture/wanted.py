"""When to be connected: what the plans of all elections want, with time to connect before and to prove after.

A post reaches the stream some seconds after it was made, and time counts as heard only MARGIN_MS before the last byte:
so the connection stays until the first byte after the planned end and the margin.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import KEEP_ALIVE_MS, MARGIN_MS, SLOT_MS
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR_MS, Grain, epoch_ms, from_epoch_ms, window_at

LEAD_MS = 15_000
"""Connect so long before planned time: X takes a connection within a second or two, at worst after 10 s."""
STAY_MS = 60_000
"""Shorter pauses are stayed through: 40 connects in 15 minutes are one in 22.5 s, and others may need one too."""
LATE_MS = KEEP_ALIVE_MS + 2_000
"""How long after the margin a last byte is waited for."""
_AHEAD_HOURS = 3


@dataclass(frozen=True, slots=True)
class Want:
    """What is wanted at a moment, in ms since 1970.

    Attributes:
        connected: whether a connection is to go on now.
        begin: whether one is to be made: not after the planned end, when it could prove nothing any more.
        until_ms: then, when the connection has served: it ends with the first byte from here on.
        next_ms: otherwise, when the next connection is to be made; None if not within the next hours.
    """

    connected: bool
    begin: bool = False
    until_ms: int | None = None
    next_ms: int | None = None


class Wanted:
    """The plans of some elections, hour by hour. Pure but for what it remembers. Thread-safe."""

    def __init__(self, elections: Iterable[Election]) -> None:
        self.elections = tuple(elections)
        self._hours: dict[int, Mapping[str, Intervals]] = {}

    def planned(self, election: Election, slot_ms: int) -> Intervals:
        """What an election wants of a slot."""
        return self._hour(slot_ms)[election.key] & Intervals(((slot_ms, slot_ms + SLOT_MS),))

    def living(self, slot_ms: int) -> tuple[Election, ...]:
        """The elections that collect in some part of a slot, or of the one before: its end is proven in this one."""
        start, end = from_epoch_ms(slot_ms - SLOT_MS), from_epoch_ms(slot_ms + SLOT_MS)
        return tuple(e for e in self.elections if e.calendar.collect_from < end and start < e.calendar.collect_until)

    def at(self, now_ms: int) -> Want:
        """What is wanted now."""
        for start, end in self._connections(now_ms):
            if now_ms < start:
                return Want(connected=False, next_ms=start)
            if now_ms < end + LATE_MS:
                return Want(connected=True, begin=now_ms < end - MARGIN_MS, until_ms=end)
        return Want(connected=False, next_ms=self._first_day(now_ms))

    def _connections(self, now_ms: int) -> tuple[tuple[int, int], ...]:
        """Start and end of connections from the last hour on: one for all that touches or nearly does."""
        first = now_ms - now_ms % HOUR_MS - HOUR_MS
        spans = [
            (start - LEAD_MS, end + MARGIN_MS + STAY_MS)
            for hour in range(first, first + (_AHEAD_HOURS + 2) * HOUR_MS, HOUR_MS)
            for planned in self._hour(hour).values()
            for start, end in planned.spans
        ]
        return tuple((start, end - STAY_MS) for start, end in Intervals.of(spans).spans)

    def _first_day(self, now_ms: int) -> int | None:
        starts = [epoch_ms(e.calendar.collect_from) - LEAD_MS for e in self.elections]
        return min((start for start in starts if start > now_ms), default=None)

    def _hour(self, at_ms: int) -> Mapping[str, Intervals]:
        hour_ms = at_ms - at_ms % HOUR_MS
        held = self._hours.get(hour_ms)
        if held is None:
            hour = window_at(from_epoch_ms(hour_ms), Grain.HOUR)
            held = {e.key: calendar.planned(e, hour) for e in self.elections}
            near = {ms: h for ms, h in self._hours.items() if abs(ms - hour_ms) <= 2 * _AHEAD_HOURS * HOUR_MS}
            # A new dict, never a changed one: other threads look at other hours meanwhile.
            self._hours = {**near, hour_ms: held}
        return held
