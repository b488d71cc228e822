"""How many lines a second: what may be under way when a connection ends."""

_PEAK_MS = 1_800_000


class Peak:
    """Lines a second: the most of the last half hour to hour, and those of the last second."""

    def __init__(self) -> None:
        self._second = 0
        self._now = self._before = 0
        self._since_ms = 0
        self._recent = self._earlier = 0

    @property
    def most(self) -> int:
        """Lines of the busiest second."""
        return max(self._recent, self._earlier)

    def add(self, at_ms: int) -> None:
        """Count a line."""
        second = at_ms // 1000
        if second != self._second:
            self._before = self._now if second == self._second + 1 else 0
            self._second, self._now = second, 0
        self._now += 1
        if at_ms - self._since_ms >= _PEAK_MS:
            self._earlier = self._recent if at_ms - self._since_ms < 2 * _PEAK_MS else 0
            self._recent, self._since_ms = 0, at_ms
        self._recent = max(self._recent, self._now)

    def last_second(self, now_ms: int) -> int:
        """Lines received within about a second before now."""
        return max(self._now, self._before) if now_ms // 1000 - self._second <= 1 else 0
