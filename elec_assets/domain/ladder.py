"""Which requests of five bring many candidates onto one scale: a ladder of overlapping windows, and its repair.

A request shows whole numbers from 0 to 100, 100 being the highest of its candidates: two of them can be compared
where both reach 10. Windows of five over the order of popularity, two shared by neighbours, compare each candidate
with its likes. Where the order was wrong the ladder breaks; the repair asks again for a candidate that is left over,
beside the connected ones whose peak is nearest to what was seen of its own. Pure and deterministic.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from elec_assets.domain.levels import Sight, components, fit

WIDTH = 5
"""Candidates a request can hold (Google's limit)."""
STEP = 3
"""How far windows are apart: neighbours share two. One alone resolves up to 13 points fewer (simulation)."""
LEAST_PEAK = 10.0
"""A candidate is measured by a request where it reaches this much of 100; below, rounding is over 5 % of its peak."""
LEAST_DATA = 0.5
"""A candidate with data at fewer of its points is below the privacy floor: it cannot be measured, nor is chased."""
MOST_REPAIRS = 6
"""Requests beyond those of the ladder."""
_BRIDGES = 2
_REACH = math.log(4)  # two orphans share a repair if their peaks are no further apart
_CEILING = math.log(7)  # how far above the two to be compared a third may be: with noise, they still reach 10
Request = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one request told of one candidate, in its own 0 to 100: mean, peak, share of points with data (0 to 1)."""

    mean: float
    peak: float
    data_share: float


Told = Mapping[str, Seen]
"""What one request told, by candidate."""


def first_requests(order: Sequence[str], *, known: bool = True) -> list[Request]:
    """The requests to begin with: overlapping windows over the candidates, most popular first.

    With `known=False` nothing is known of the order: disjoint batches, which `repairs` then joins by their winners.

    Raises:
        ValueError: a candidate is named twice.
    """
    if twice := sorted({c for c in order if order.count(c) > 1}):
        raise ValueError(f"{', '.join(twice)} named twice in the order of candidates; name each once")
    if not known:
        return [tuple(order[i : i + WIDTH]) for i in range(0, len(order), WIDTH)]
    last = max(len(order) - WIDTH, 0)
    starts = [*range(0, last, STEP), last] if order else []
    return [tuple(order[i : i + WIDTH]) for i in starts]


def most_requests(candidates: int) -> int:
    """The hard cap: the windows of the ladder and the repairs, also where the order is not known (40: 13 + 6)."""
    return len(first_requests([str(i) for i in range(candidates)])) + MOST_REPAIRS


def repairs(told: Sequence[Told], asked: Collection[Request], most: int) -> list[Request]:
    """The next request that may connect what is not connected yet, or none; ask it and call again until none is left.

    Args:
        told: the answers there are.
        asked: all requests made, also those without an answer: none is made again, whatever its order.
        most: total of requests that may be made.
    """
    connected, *orphans = _connected(told) or [[]]
    if len(asked) >= most or not orphans:
        return []
    made = {frozenset(request) for request in asked}
    new = (request for request in _joining(told, connected) if frozenset(request) not in made)
    return [*islice(new, 1)]


def below_floor(told: Sequence[Told]) -> set[str]:
    """Candidates with data at too few points, over all requests that held them."""
    shares: dict[str, list[float]] = {}
    for answer in told:
        for candidate, seen in answer.items():
            shares.setdefault(candidate, []).append(seen.data_share)
    return {c for c, found in shares.items() if math.fsum(found) / len(found) < LEAST_DATA}


def measured(answer: Told, without: Collection[str]) -> list[str]:
    """Candidates that the request measures: any two of them can be compared."""
    return sorted(c for c, seen in answer.items() if c not in without and seen.peak >= LEAST_PEAK)


def _connected(told: Sequence[Told]) -> list[list[str]]:
    """Sets of candidates that are connected by measured pairs, largest first; those below the floor left out."""
    without = below_floor(told)
    alone = [[c] for answer in told for c in answer if c not in without]
    return components([*(measured(answer, without) for answer in told), *alone])


def _joining(told: Sequence[Told], connected: Collection[str]) -> Iterator[Request]:
    """Requests that may join something to the connected, the most promising first."""
    without = below_floor(told)
    seen_together = components([[c for c in answer if c not in without] for answer in told])
    if len(seen_together) > 1:
        yield _winners(told, seen_together)
        return
    heights = _heights(told, without)
    joinable = _joinable(told, heights, connected)
    for _, bridge, orphan in joinable:
        others = [a for _, a, b in joinable if b == orphan and a != bridge]
        near = sorted(heights, key=lambda c: (abs(heights[c] - heights[orphan]), c))
        likes = [c for c in near if c not in {*connected, orphan} and abs(heights[c] - heights[orphan]) <= _REACH]
        # Whoever towers over the two that are to be compared would hide them.
        ceiling = min(heights[bridge], heights[orphan]) + _CEILING
        likes, others = ([c for c in found if heights[c] <= ceiling] for found in (likes, others))
        chosen = [orphan, bridge, *others[: _BRIDGES - 1], *likes[: WIDTH - 1 - _BRIDGES], *others[_BRIDGES - 1 :]]
        yield tuple(sorted(chosen[:WIDTH], key=lambda c: (-heights[c], c)))


def _winners(told: Sequence[Told], apart: Sequence[Sequence[str]]) -> Request:
    """The strongest of each set that no request has compared with another set."""
    peaks: dict[str, float] = {}
    for answer in told:
        for candidate, seen in answer.items():
            peaks[candidate] = max(peaks.get(candidate, 0.0), seen.peak * seen.data_share)
    return tuple(max(items, key=lambda c: (peaks[c], c)) for items in apart[:WIDTH])


def _heights(told: Sequence[Told], without: Collection[str]) -> Mapping[str, float]:
    """Peaks on one scale (log), from all that was seen, also what is too small to be measured: good for aiming.

    Peaks and not means, because a request is scaled by its peak: one spike can push a neighbour of like mean below 10.
    """
    sights = [
        Sight(group, candidate, math.log(max(seen.peak, 0.5)), 0.01 + 1 / max(seen.peak, 0.5) ** 2)
        for group, answer in enumerate(told)
        for candidate, seen in answer.items()
        if candidate not in without
    ]
    return fit(sights).levels


def _joinable(
    told: Sequence[Told], heights: Mapping[str, float], connected: Collection[str]
) -> list[tuple[float, str, str]]:
    """Distance, connected candidate and orphan of each pair not yet seen to be too far apart, nearest first."""
    apart = {
        frozenset((a, b))
        for answer in told
        for a, high in answer.items()
        for b, low in answer.items()
        if high.peak >= LEAST_PEAK and low.peak < high.peak * LEAST_PEAK / 100
    }
    return sorted(
        (abs(heights[a] - heights[b]), a, b)
        for a in connected
        for b in heights
        if b not in connected and frozenset((a, b)) not in apart
    )
