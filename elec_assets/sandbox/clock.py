"""Clocks for the sandbox's servers: callables that tell UTC, and say how fast they run.

A server waits in seconds of its clock: `speed` says how many of them pass in a second of the wall. A callable without
`speed` is taken to run as the wall does.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from elec_assets.domain.windows import from_epoch_ms

Clock = Callable[[], datetime]


class FastClock:
    """A clock that starts at a UTC time and runs `speed` times as fast as the wall.

    Raises:
        ValueError: `speed` is not above 0.
    """

    def __init__(self, start: datetime, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}, and must be above 0")
        self.speed = speed
        self._start = start
        self._began_s = time.monotonic()

    def __call__(self) -> datetime:
        """Now."""
        return self._start + timedelta(seconds=(time.monotonic() - self._began_s) * self.speed)


class LinkedClock:
    """The time of another clock: `now_ms` tells ms since 1970, and runs `speed` times as fast as the wall."""

    def __init__(self, now_ms: Callable[[], int], speed: float = 1.0) -> None:
        self.speed = speed
        self._now_ms = now_ms

    def __call__(self) -> datetime:
        """Now."""
        return from_epoch_ms(self._now_ms())


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def speed_of(clock: Clock) -> float:
    """Seconds of the clock in a second of the wall."""
    return float(getattr(clock, "speed", 1.0))
