"""More than five candidates on one scale: the answers of many small Trends requests, each scaled 0 to 100 by itself.

Each request gives the level of each of its candidates up to one unknown factor; least squares over all requests
gives the factors and the levels (`domain/levels.py`), and with them one series for each candidate, as one request
that could hold them all would give it, without rounding. Nothing that could not be measured gets a number.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

from msgspec import Struct

from elec_assets.domain.ladder import below_floor, measured
from elec_assets.domain.levels import Fit, Sight, components, fit
from elec_assets.transforms.trend_measures import ROUNDING, Answer, Measure, measure

TOP = 100.0
"""The highest value of the published scale."""
_Z95 = 1.959964
_WEAK_DATA = 0.9  # with data at fewer of its points an estimate is weak
_WEAK_WIDTH = math.log(1.15)  # and with a wider half of its interval


class Quality(StrEnum):
    """How far an estimate can be trusted."""

    OK = "ok"
    WEAK = "weak"
    BELOW_FLOOR = "below_floor"
    DISCONNECTED = "disconnected"


class Level(Struct, frozen=True):
    """A candidate on the common scale.

    `estimate` is the natural logarithm of its mean `rel_index`; `ci_low` and `ci_high` hold the true level relative to
    the (geometric) mean candidate with 95 %. All are None where quality is below_floor or disconnected. `n_obs` counts
    the requests that measured it, `chi2_dof` says how well all requests agree (about 1; None: nothing to compare).
    `rel_index` (the highest of all candidates and points is 100) and `share` (of the sum over candidates at that
    point, 0 to 1) have one entry a point, None where there is no data.
    """

    candidate: str
    quality: Quality
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    n_obs: int
    chi2_dof: float | None
    rel_index: Sequence[float | None]
    share: Sequence[float | None]


class Closure(Struct, frozen=True):
    """The honesty check: ratios around triangles of candidates, measured by different requests, should cancel.

    `median` and `worst` are what is left over, in log units (0.02: 2 %); None where there is no such triangle.
    """

    triangles: int
    median: float | None
    worst: float | None


class Calibration(Struct, frozen=True):
    """All candidates, in the order asked for, and how well the requests agree."""

    levels: Sequence[Level]
    closure: Closure


def calibrate(candidates: Sequence[str], answers: Sequence[Answer]) -> Calibration:
    """Bring the candidates onto one scale; those in no answer come out as disconnected.

    The order of candidates and of answers changes nothing in the numbers, to the last bit.

    Raises:
        ValueError: series of different lengths, or a candidate in an answer that is none of `candidates`.
    """
    points = _points(candidates, answers)
    measures = [{c: measure(answer[c]) for c in sorted(answer)} for answer in sorted(answers, key=_fixed)]
    told = [{c: m.seen for c, m in answer.items()} for answer in measures]
    without = below_floor(told)
    held = [measured(answer, without) for answer in told]
    connected = set(_resolved(candidates, held, without))
    sights = [
        Sight(group, c, math.log(measures[group][c].mean), _relative_variance(measures[group][c]))
        for group, names in enumerate(held)
        for c in names
        if c in connected
    ]
    levels = {c: _unresolved(c, without, points) for c in candidates}
    if sights:
        levels |= _Joined(measures, sights, fit(sights)).levels()
    return Calibration([levels[c] for c in candidates], _closure(sights))


def _points(candidates: Sequence[str], answers: Sequence[Answer]) -> int:
    lengths = {len(series.values) for answer in answers for series in answer.values()}
    if len(lengths) > 1:
        raise ValueError(f"series of {sorted(lengths)} points found; all answers of one window have the same points")
    if unknown := sorted({c for answer in answers for c in answer} - set(candidates)):
        raise ValueError(f"answers hold {', '.join(unknown)}; allowed: the candidates that are calibrated")
    return max(lengths, default=0)


def _fixed(answer: Answer) -> tuple[tuple[str, Sequence[float], Sequence[bool]], ...]:
    """A key that sorts answers the same way whatever order they come in."""
    return tuple((c, tuple(answer[c].values), tuple(answer[c].has_data)) for c in sorted(answer))


def _relative_variance(of: Measure) -> float:
    return (of.random + of.gaps) / of.mean**2


def _resolved(candidates: Sequence[str], held: Sequence[Sequence[str]], without: set[str]) -> Sequence[str]:
    """Those that can be compared with each other: the largest set; a single candidate only where there is no other."""
    largest = next(iter(components(held)), [])
    return largest if len(largest) > 1 or len(set(candidates) - without) == 1 else []


def _unresolved(candidate: str, without: set[str], points: int) -> Level:
    quality = Quality.BELOW_FLOOR if candidate in without else Quality.DISCONNECTED
    nothing = [None] * points
    return Level(candidate, quality, None, None, None, 0, None, nothing, nothing)


class _Joined(Struct, frozen=True):
    """The connected candidates: what was measured of them, and the scales and levels that fit it best."""

    measures: Sequence[Mapping[str, Measure]]
    sights: Sequence[Sight]
    fitted: Fit

    def levels(self) -> dict[str, Level]:
        """All of them, scaled so that the highest value is 100."""
        series = {c: self._series(c) for c in sorted(self.fitted.levels)}
        top = max(value for values in series.values() for value in values if value is not None)
        index = {c: [None if v is None else v * TOP / top for v in values] for c, values in series.items()}
        sums = [math.fsum(v for v in at if v is not None) for at in zip(*index.values(), strict=True)]
        return {c: self._level(c, math.log(TOP / top), values, sums) for c, values in index.items()}

    def _used(self, candidate: str) -> list[tuple[int, Measure]]:
        return [(s.group, self.measures[s.group][candidate]) for s in self.sights if s.item == candidate]

    def _series(self, candidate: str) -> list[float | None]:
        """On the scale of the levels: inverse-variance mean over the requests that measured it."""
        used = [(m, math.exp(-self.fitted.scales[group])) for group, m in self._used(candidate)]
        # Google's sample of a candidate is as good in any company, and true change is the same in all requests: what
        # differs is the rounding. With each request's own noise a coarse one would gain weight by what it rounds away.
        noise = min(m.noise * factor**2 for m, factor in used)
        parts = []
        for m, factor in used:
            weight = 1 / (noise + ROUNDING * factor**2)
            points = zip(m.filled, m.has_data, strict=True)
            parts.append([(value * factor, weight) if has else None for value, has in points])
        return [_mean([part for part in at if part is not None]) for at in zip(*parts, strict=True)]

    def _level(self, candidate: str, shift: float, index: Sequence[float | None], sums: Sequence[float]) -> Level:
        used = [m for _, m in self._used(candidate)]
        fitted = self.fitted
        chi2_dof = fitted.chi2 / fitted.dof if fitted.dof else None
        # What gaps hide is the same in every request: it does not average out.
        gaps = math.fsum(m.gaps / m.mean**2 for m in used) / len(used)
        variance = fitted.variances[candidate] * max(1.0, chi2_dof or 1.0) + gaps
        spread = _quantile(fitted.dof) * math.sqrt(variance)
        estimate = fitted.levels[candidate] + shift
        data_share = math.fsum(m.data_share for m in used) / len(used)
        weak = data_share < _WEAK_DATA or spread > _WEAK_WIDTH
        return Level(
            candidate=candidate,
            quality=Quality.WEAK if weak else Quality.OK,
            estimate=estimate,
            ci_low=estimate - spread,
            ci_high=estimate + spread,
            n_obs=len(used),
            chi2_dof=chi2_dof,
            rel_index=index,
            share=[None if v is None else v / total for v, total in zip(index, sums, strict=True)],
        )


def _mean(weighted: Sequence[tuple[float, float]]) -> float | None:
    if not weighted:
        return None
    return math.fsum(value * weight for value, weight in weighted) / math.fsum(weight for _, weight in weighted)


def _quantile(dof: int) -> float:
    """97.5 % quantile of Student's t, to first order: the requests that judge the noise are few."""
    return _Z95 * (1 + (_Z95**2 + 1) / 4 / dof) if dof else _Z95


def _closure(sights: Sequence[Sight]) -> Closure:
    """Triangles whose three ratios do not all come from one and the same request."""
    groups: dict[int, list[Sight]] = {}
    for sight in sights:
        groups.setdefault(sight.group, []).append(sight)
    ratios: dict[tuple[str, str], list[tuple[float, float]]] = {}
    askers: dict[tuple[str, str], set[int]] = {}
    for group, held in groups.items():
        for a, b in combinations(sorted(held, key=lambda s: s.item), 2):
            ratios.setdefault((a.item, b.item), []).append((a.y - b.y, 1 / (a.variance + b.variance)))
            askers.setdefault((a.item, b.item), set()).add(group)
    mean = {pair: _mean(found) or 0.0 for pair, found in ratios.items()}
    left = [
        abs(mean[a, b] + mean[b, c] - mean[a, c])
        for a, b, c in combinations(sorted({s.item for s in sights}), 3)
        if (a, b) in mean and (b, c) in mean and (a, c) in mean
        if len(askers[a, b] | askers[b, c] | askers[a, c]) > 1
    ]
    return Closure(len(left), statistics.median(left) if left else None, max(left, default=None))
