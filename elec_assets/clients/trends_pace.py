"""How fast Google may be asked: limits, state and rules of the governor, without store, clock or chance.

Limits: a token bucket (the pace, with a small burst), a ceiling for any 60 minutes, a cap for any 24 hours, and after
a refusal a time without any request. Times are milliseconds since 1970. The pace follows what Google takes: a little
faster after many good answers, half as fast after a refusal.
"""

import bisect
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import msgspec

from elec_assets.domain.outcomes import Outcome

VERSION = 1
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
COOL_DOWNS = (
    timedelta(seconds=60),
    timedelta(minutes=5),
    timedelta(minutes=35),
    timedelta(hours=4),
    timedelta(hours=24),
)
"""After the first refusal, the second, ...: reports of 2022 to 2026 tell of blocks of 35 minutes to 2 days."""
FASTER_AFTER, FASTER, SLOWER = 50, 1.05, 0.5
_DOWN_AFTER = 10  # good answers that take the ladder of cool-downs one step back

_Moment = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class TrendsLimits:
    """Requests an hour to begin with, at once, at least and at most; requests in 24 hours.

    `pace_per_h` 0: neither pace nor ceiling. `daily_cap` None: no cap.
    """

    pace_per_h: float = 90.0
    burst: int = 5
    floor_per_h: float = 20.0
    ceiling_per_h: int = 200
    daily_cap: int | None = 1200

    @classmethod
    def none(cls) -> "TrendsLimits":
        """For a server on this machine. Refusals are still heeded."""
        return cls(pace_per_h=0.0, daily_cap=None)


@dataclass(frozen=True, slots=True)
class Slot:
    """When the next request may go, and which limit says so."""

    at_ms: int
    limit: str
    outcome: Outcome


class Pace(msgspec.Struct):
    """The state: what was asked in 24 hours, and how fast to go on."""

    version: int
    at_ms: _Moment
    start_per_h: Annotated[float, msgspec.Meta(ge=0)]
    rate_per_h: Annotated[float, msgspec.Meta(ge=0)]
    clean: _Count = 0
    rung: _Count = 0
    empty_at_ms: _Moment = 0
    refused_at_ms: _Moment | None = None
    resume_at_ms: _Moment | None = None
    sent_ms: list[_Moment] = []

    @classmethod
    def begun(cls, limits: TrendsLimits, now_ms: int) -> "Pace":
        """Nothing asked yet."""
        return cls(VERSION, now_ms, limits.pace_per_h, limits.pace_per_h)

    def brought_to(self, now_ms: int, limits: TrendsLimits) -> bool:
        """Take the limits as they are set now, and forget what is a day old. True if the clock was set back.

        A clock that was set back would make all that was asked lie in the future: it is taken along, as if no time had
        passed since. That never allows more.
        """
        if (back := self.at_ms - now_ms) > 0:
            self.sent_ms = [moment - back for moment in self.sent_ms]
            self.empty_at_ms -= back
            self.refused_at_ms = None if self.refused_at_ms is None else self.refused_at_ms - back
            self.resume_at_ms = None if self.resume_at_ms is None else self.resume_at_ms - back
        self.at_ms = now_ms
        if self.start_per_h != limits.pace_per_h:
            self.start_per_h = self.rate_per_h = limits.pace_per_h
        if limits.pace_per_h:
            self.rate_per_h = min(max(self.rate_per_h, limits.floor_per_h), limits.ceiling_per_h)
        self.sent_ms.sort()
        del self.sent_ms[: bisect.bisect_right(self.sent_ms, now_ms - DAY_MS)]
        return back > 0

    @property
    def circuit_open_until_ms(self) -> int | None:
        """The end of a cool-down that lasts; None where there is none."""
        return self.resume_at_ms if self.resume_at_ms is not None and self.resume_at_ms > self.at_ms else None

    def slot(self, limits: TrendsLimits) -> Slot:
        """The earliest time for one more request; not before `at_ms`."""
        slots = [Slot(self.at_ms, "nothing", Outcome.OK)]
        if limits.pace_per_h:
            ahead = (limits.burst - 1) * self._interval_ms()
            slots.append(
                Slot(self.empty_at_ms - ahead, f"the pace of {self.rate_per_h:.0f} an hour", Outcome.THROTTLED)
            )
            slots.append(self._after(limits.ceiling_per_h, HOUR_MS, "an hour", Outcome.THROTTLED))
        if limits.daily_cap is not None:
            slots.append(self._after(limits.daily_cap, DAY_MS, "24 hours", Outcome.OVER_BUDGET))
        return max(slots, key=lambda slot: slot.at_ms)

    def take(self, slot: Slot, limits: TrendsLimits, jitter: float) -> None:
        """Count a request at a slot; the next is a step of the pace times `jitter` later."""
        if limits.pace_per_h:
            self.empty_at_ms = max(self.empty_at_ms, slot.at_ms) + round(self._interval_ms() * jitter)
        if limits.pace_per_h or limits.daily_cap is not None:
            bisect.insort(self.sent_ms, slot.at_ms)

    def answered(self, limits: TrendsLimits) -> None:
        """A good answer."""
        if not limits.pace_per_h and not self.rung:
            return
        self.clean += 1
        if self.clean % _DOWN_AFTER == 0:
            self.rung = max(0, self.rung - 1)
        if limits.pace_per_h and self.clean % FASTER_AFTER == 0:
            self.rate_per_h = min(self.rate_per_h * FASTER, limits.ceiling_per_h)

    def refused(self, sent_ms: int, retry_after: timedelta | None, limits: TrendsLimits) -> int:
        """A refusal of a request that was sent at a time; until when nothing is asked.

        Requests that were under way when Google began to refuse are one refusal, not several.
        """
        known = self.refused_at_ms is not None and sent_ms <= self.refused_at_ms
        if known:
            wait = retry_after or timedelta(0)
        else:
            wait = COOL_DOWNS[min(self.rung, len(COOL_DOWNS) - 1)] if retry_after is None else retry_after
            self.rung = min(self.rung + 1, len(COOL_DOWNS) - 1)
            self.clean = 0
            self.refused_at_ms = self.at_ms
            if limits.pace_per_h:
                self.rate_per_h = max(limits.floor_per_h, self.rate_per_h * SLOWER)
        until = max(self.at_ms + wait // timedelta(milliseconds=1), self.resume_at_ms or 0)
        self.resume_at_ms = until
        if limits.pace_per_h:
            # The bucket is empty then: one request to try, not a burst.
            self.empty_at_ms = max(self.empty_at_ms, until + (limits.burst - 1) * self._interval_ms())
        return until

    def _after(self, most: int, span_ms: int, name: str, outcome: Outcome) -> Slot:
        """When fewer than `most` requests lie in the span before."""
        at_ms = self.sent_ms[-most] + span_ms if len(self.sent_ms) >= most else self.at_ms
        return Slot(at_ms, f"the limit of {most} requests in {name}", outcome)

    def _interval_ms(self) -> int:
        return round(HOUR_MS / self.rate_per_h)
