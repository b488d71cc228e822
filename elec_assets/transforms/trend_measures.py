"""What one Trends request measures of each of its candidates: a level, and how sure it is."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from elec_assets.domain.ladder import Seen

BELOW_ONE = 0.25
"""What "<1" is taken for: values are rounded to whole numbers, so a 0 with data is somewhere between 0 and 0.5."""
ROUNDING = 1 / 12
"""Variance of the rounding error of a point."""


class Series(Struct, frozen=True):
    """One candidate in one request: values 0 to 100, and whether there is data ("<1" is a 0 with data).

    Raises:
        ValueError: not one flag for each value, no point at all, or a value that is not 0 to 100.
    """

    values: Sequence[float]
    has_data: Sequence[bool]

    def __post_init__(self) -> None:
        if not self.values or len(self.values) != len(self.has_data):
            raise ValueError(f"{len(self.values)} values and {len(self.has_data)} flags found; each point has both")
        if wrong := [v for v in self.values if not 0 <= v <= 100]:
            raise ValueError(f"value {wrong[0]} found; allowed: 0 to 100, and 0 where there is no data")


Answer = Mapping[str, Series]
"""One answered request, by candidate; all series of all answers have the same points."""


class Measure(Struct, frozen=True):
    """A series as used: `filled` has half of the least value seen where there is no data (which is not a zero).

    `random` is the variance of the mean, `gaps` what the filled points may add to it; `noise` is the variance of a
    point as far as its neighbours tell (rounding not added).
    """

    filled: Sequence[float]
    has_data: Sequence[bool]
    peak: float
    random: float
    gaps: float
    noise: float

    @property
    def mean(self) -> float:
        """Over all points; 0 where there is no data at all."""
        return math.fsum(self.filled) / len(self.filled)

    @property
    def data_share(self) -> float:
        """Part of the points that have data."""
        return sum(self.has_data) / len(self.has_data)

    @property
    def seen(self) -> Seen:
        """What the ladder needs to know."""
        return Seen(self.mean, self.peak, self.data_share)


def seen(answer: Answer) -> dict[str, Seen]:
    """What the ladder needs to know of an answer."""
    return {candidate: measure(series).seen for candidate, series in answer.items()}


def measure(series: Series) -> Measure:
    """Mean and its variance: half the mean squared step between neighbours, rounding, and what gaps may hide.

    Steps take true change for noise, so the variance is rather too large: intervals hold more than they promise.
    """
    points = list(zip(series.values, series.has_data, strict=True))
    floor = min((value or BELOW_ONE for value, has in points if has), default=0.0)
    filled = [(value or BELOW_ONE) if has else floor / 2 for value, has in points]
    steps = [b - a for a, b in pairwise(filled)]
    noise = math.fsum(step * step for step in steps) / 2 / max(len(steps), 1)
    runs = 1 + sum(step != 0 for step in steps)  # points of one unchanging value share one rounding error
    missing = sum(not has for _, has in points) / len(points)
    return Measure(
        filled=filled,
        has_data=series.has_data,
        peak=max((value for value, has in points if has), default=0.0),
        random=noise / len(filled) + ROUNDING / runs,
        gaps=(missing * floor) ** 2 / 12,
        noise=noise,
    )
