"""Sets of UTC time as sorted, disjoint, half-open intervals in ms since 1970: what was planned, what covered."""

from collections.abc import Iterable
from dataclasses import dataclass

from elec_assets.domain.windows import Window, epoch_ms, from_epoch_ms


@dataclass(frozen=True, slots=True)
class Intervals:
    """A set of time. Make one with `of`, `between` or `NOWHERE`; `spans` are sorted and do not touch."""

    spans: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def of(spans: Iterable[tuple[int, int]]) -> "Intervals":
        """The union of spans `[start_ms, end_ms)` in any order; empty and reversed ones hold no time."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(s for s in spans if s[1] > s[0]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return Intervals(tuple(merged))

    @staticmethod
    def between(window: Window) -> "Intervals":
        """The whole of a window."""
        return Intervals(((epoch_ms(window.start), epoch_ms(window.end)),))

    def __or__(self, other: "Intervals") -> "Intervals":
        return Intervals.of((*self.spans, *other.spans))

    def __and__(self, other: "Intervals") -> "Intervals":
        return Intervals.of((max(a, c), min(b, d)) for a, b in self.spans for c, d in other.spans)

    def __sub__(self, other: "Intervals") -> "Intervals":
        left = list(self.spans)
        for c, d in other.spans:
            left = [piece for a, b in left for piece in ((a, min(b, c)), (max(a, d), b)) if piece[1] > piece[0]]
        return Intervals.of(left)

    def __bool__(self) -> bool:
        return bool(self.spans)

    @property
    def seconds(self) -> float:
        """Total length in seconds."""
        return sum(b - a for a, b in self.spans) / 1000

    def windows(self) -> list[Window]:
        """The spans as windows."""
        return [Window(from_epoch_ms(a), from_epoch_ms(b)) for a, b in self.spans]


NOWHERE = Intervals()
