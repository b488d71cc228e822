"""How many posts there were, from hours of which a sample was covered: an estimate with a 95 % interval.

A post counts only if its time was covered and planned (`inside`): what a connection brought beside the plan (of another
election, or at the edges of a slot) has no weight. Each post then stands for `weight` posts: the seconds of its hour
by those covered. The sample is made of units, the covered spans of each hour, in the order of time.

The variance comes from successive differences: neighbouring units saw almost the same stretch of time, so what they
differ by is chance, and the slow changes of a day cancel. One random slot in each part of an hour gives no variance
within its part; differences of neighbours (collapsed strata) are the usual way out and err to the wide side. See
W. G. Cochran, Sampling Techniques (1977), 5A.12 and 8.11, and K. M. Wolter, Introduction to Variance Estimation
(2007), 8.2, estimators v2 and v3. Degrees of freedom follow F. E. Satterthwaite (1946), so that a sample in which few
differences decide (a debate) gets a wide interval. Intervals are made on the logarithm: counts are skewed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.windows import Window, epoch_ms

WHOLE, OK, WEAK = "whole", "ok", "weak"
"""Quality: all time was covered; the interval can be trusted; too little was seen for that."""
LEAST_SEEN = 30
"""Posts that a sample must hold for an interval that can be trusted."""
LEAST_FREEDOM = 8.0
"""Degrees of freedom below which a few differences decide."""
_Z = 1.959964
_NONE_SEEN = -math.log(0.025)  # a Poisson mean that leaves no post with 2.5 %
_SUM = "variance"


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of an hour that was covered without a break, going round the hour's end; `weight` is its hour's."""

    spans: tuple[tuple[int, int], ...]
    weight: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return Intervals(self.spans).seconds


def inside(at_ms: pl.Series, covered: Intervals) -> pl.Series:
    """Whether each time (ms since 1970) lies in the covered time. What does not must not be counted with a weight."""
    edges = pl.Series([edge for span in covered.spans for edge in span], dtype=pl.Int64)
    return edges.search_sorted(at_ms.cast(pl.Int64), side="right") % 2 == 1


def sample_units(hour: Window, covered: Intervals) -> tuple[Unit, ...]:
    """The units of an hour, in the order of time; none where nothing was covered.

    `covered` is the hour's planned time that was captured (retweets), or captured or filled (originals). A slot that
    goes round the end of the hour is one unit.
    """
    within = covered & Intervals.between(hour)
    if not within:
        return ()
    weight = hour.seconds / within.seconds
    groups: list[tuple[tuple[int, int], ...]] = [(span,) for span in within.spans]
    goes_round = within.spans[0][0] == epoch_ms(hour.start) and within.spans[-1][1] == epoch_ms(hour.end)
    if goes_round and len(groups) > 1:
        groups = [(*groups[0], *groups[-1]), *groups[1:-1]]
    return tuple(Unit(spans, weight) for spans in groups)


def estimate(units: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Estimated posts of each group, of the hours that have units.

    Args:
        units: a row for each group and unit, also where no post was seen, in the order of time: the columns of `by`,
            `posts` (seen in the unit), `seconds` (its length, above 0) and `weight` (of its hour, 1 or more).
        by: names of the columns that make a group.

    Returns:
        A row for each group, in their first order: `by`, `seen` (posts), `estimate`, `low`, `high` (95 %) and `quality`
        (`whole`, `ok` or `weak`).
    """
    sums = units.group_by(by, maintain_order=True).agg(
        pl.col("posts").sum().cast(pl.Int64).alias("seen"),
        (pl.col("posts") * pl.col("weight")).sum().alias("estimate"),
        (pl.col("posts") * _spread()).sum().alias("poisson"),
        pl.col("weight").max().alias("most"),
        _shares().sum().alias(_SUM),
        (_shares() ** 2).sum().alias("squares"),
    )
    return sums.with_columns(_freedom().alias("freedom"), _half_width().alias("half")).select(
        *by,
        "seen",
        "estimate",
        pl.max_horizontal(pl.col("seen").cast(pl.Float64), pl.col("estimate") * (-pl.col("half")).exp()).alias("low"),
        pl.when((pl.col("seen") == 0) & (pl.col("most") > 1))
        .then(pl.col("most") * _NONE_SEEN)
        .otherwise(pl.col("estimate") * pl.col("half").exp())
        .alias("high"),
        _quality().alias("quality"),
    )


def _spread() -> pl.Expr:
    """What the variance of a unit's count is multiplied by: w^2 (1 - f), where f = 1 / w of the time was covered."""
    return pl.col("weight") * (pl.col("weight") - 1)


def _shares() -> pl.Expr:
    """What each unit and the one after it add to the variance of the estimate; null for the last.

    Of two units with counts y and lengths c, (y1 c2 - y2 c1)^2 / (c1 c2) estimates the sum of the variances of their
    counts, each in proportion to its length. A unit between two others takes half from each.
    """
    posts, seconds, spread = pl.col("posts").cast(pl.Float64), pl.col("seconds"), _spread()
    after, place = seconds.shift(-1), pl.int_range(pl.len())
    difference = (posts * after - posts.shift(-1) * seconds) ** 2 / (seconds * after)
    first = pl.when(place == 0).then(1.0).otherwise(0.5) * spread * seconds
    second = pl.when(place == pl.len() - 2).then(1.0).otherwise(0.5) * spread.shift(-1) * after
    return difference * (first + second) / (seconds + after)


def _freedom() -> pl.Expr:
    """Degrees of freedom: the square of a normal difference has 3 times the square of its mean as mean square.

    Neighbouring differences share a unit, which leaves 2/3 of them (Wolter 2007, 8.2.2).
    """
    return pl.when(pl.col("squares") > 0).then(2 * pl.col(_SUM) ** 2 / pl.col("squares")).otherwise(1.0)


def _half_width() -> pl.Expr:
    """Half of the interval on the logarithm. Posts are never spread more evenly than by chance (Poisson)."""
    variance = pl.max_horizontal(_SUM, "poisson")
    relative = (variance / pl.col("estimate") ** 2).fill_nan(0.0)
    return _quantile(_freedom()) * relative.log1p().sqrt()


def _quantile(freedom: pl.Expr) -> pl.Expr:
    """The 97.5 % quantile of Student's t (Cornish and Fisher; within 1 % from 3 degrees of freedom on)."""
    n = pl.max_horizontal(freedom, pl.lit(3.0))
    z = _Z
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _quality() -> pl.Expr:
    few = (pl.col("seen") < LEAST_SEEN) | (pl.col("freedom") < LEAST_FREEDOM)
    return pl.when(pl.col("most") == 1).then(pl.lit(WHOLE)).when(few).then(pl.lit(WEAK)).otherwise(pl.lit(OK))
