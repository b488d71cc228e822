"""The one clock of the capture service: everything that tells time, or waits, does it here.

`WallClock` is that of a deployment; `FastClock` runs faster than the wall, for tests and benchmarks: its seconds are
those of everything that is simulated, and `real` says how many of the wall's they take (time limits of sockets).
"""

import threading
import time
from typing import Protocol


class CaptureClock(Protocol):
    """What the service knows of time: UTC, in ms since 1970."""

    def now_ms(self) -> int:
        """Now; never less than what was told before."""
        ...

    def steady_ms(self) -> int:
        """A time in ms that is never set and does not begin again with a process (`time.monotonic`)."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until the event is set, at most so many seconds of this clock; returns whether it is."""
        ...

    def real(self, seconds: float) -> float:
        """How many seconds of the wall so many seconds of this clock take."""
        ...


class WallClock:
    """The machine's clock. While it is set back it stands still: no byte is ever received before an earlier one."""

    def __init__(self) -> None:
        self._told_ms = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """See `CaptureClock`."""
        with self._lock:
            self._told_ms = max(self._told_ms, time.time_ns() // 1_000_000)
            return self._told_ms

    def steady_ms(self) -> int:
        """See `CaptureClock`."""
        return int(time.monotonic() * 1000)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See `CaptureClock`."""
        return event.wait(max(seconds, 0.0))

    def real(self, seconds: float) -> float:
        """See `CaptureClock`: the same."""
        return seconds


class FastClock:
    """A clock that starts at a time and runs `speed` times as fast as the wall. All threads may share one.

    `began_s` is when it started, by `time.monotonic()`: with the same one, processes of a machine share the time.
    """

    def __init__(self, start_ms: int, speed: float, began_s: float | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}, and must be above 0")
        self._start_ms = start_ms
        self._speed = speed
        self._began_s = time.monotonic() if began_s is None else began_s

    def now_ms(self) -> int:
        """See `CaptureClock`."""
        return self._start_ms + int((time.monotonic() - self._began_s) * self._speed * 1000)

    def steady_ms(self) -> int:
        """See `CaptureClock`: its time, which nobody sets."""
        return self.now_ms()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """See `CaptureClock`."""
        return event.wait(self.real(max(seconds, 0.0)))

    def real(self, seconds: float) -> float:
        """See `CaptureClock`: so many times fewer."""
        return seconds / self._speed
