"""What a person wants to know of the stream: how much comes, how late, and when the last byte came."""

import statistics
from collections import deque

from elec_assets.capture.lines import read_line
from elec_assets.domain.windows import created_ms

_RATE_MS = 60_000
_LAGS = 30


class Meter:
    """Counts what one thread hears; others may look at any time. Times are ms since 1970."""

    def __init__(self) -> None:
        self.lines = 0
        self.keep_alives = 0
        self.connections = 0
        self.number = 0
        self.opened_ms: int | None = None
        self.last_byte_ms: int | None = None
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_RATE_MS // 1000 + 1)
        self._second = 0
        self._in_second = 0
        self._lags: deque[float] = deque(maxlen=_LAGS)

    @property
    def connected(self) -> bool:
        """Whether a connection is open."""
        return self.opened_ms is not None

    @property
    def lag_s(self) -> float | None:
        """Seconds from a post's making to its arrival: the median of one post in each of the last 30 seconds."""
        lags = list(self._lags)
        return statistics.median(lags) if lags else None

    def per_minute(self, now_ms: int) -> int:
        """Lines of the last minute."""
        since = now_ms - _RATE_MS
        held = [*self._seconds, (self._second, self._in_second)]
        return sum(count for second, count in held if second * 1000 > since)

    def opened(self, number: int, at_ms: int) -> None:
        """A connection was opened."""
        self.connections += 1
        self.number, self.opened_ms, self.last_byte_ms = number, at_ms, at_ms

    def closed(self) -> None:
        """It has ended."""
        self.opened_ms = None

    def kept_alive(self, at_ms: int) -> None:
        """A keep-alive came."""
        self.keep_alives += 1
        self.last_byte_ms = at_ms

    def line(self, raw: bytes, at_ms: int) -> None:
        """A line came."""
        self.lines += 1
        self.last_byte_ms = at_ms
        second = at_ms // 1000
        if second != self._second:
            self._seconds.append((self._second, self._in_second))
            self._second, self._in_second = second, 0
            self._sample(raw, at_ms)
        self._in_second += 1

    def _sample(self, raw: bytes, at_ms: int) -> None:
        post_id = read_line(raw).post_id
        made = None if post_id is None else created_ms(post_id)
        if made is not None:
            self._lags.append((at_ms - made) / 1000)
