"""Searches for candidates with known popularity, and what Google would answer about them: sampled, cut and rounded.

Popularities are spread evenly over some decades; a series has the daily cycle (hourly points only), a slow wander, and
for one candidate of ten a burst. A request draws a fresh Poisson sample for each candidate, hides points
under the privacy floor, and scales to whole numbers with its highest value at 100.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elec_assets.domain.ladder import Request
from elec_assets.transforms.trend_measures import Answer, Series

HOURS, MINUTES = 168, 240
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regime:
    """What the world is like and how well it is known beforehand.

    `searches` is what Google samples of the most popular candidate, on average, at each point; `floor` the least count
    shown; `order_sd` how far off the previous estimates are (log units; None: there are none); `extra_sd` noise in
    each request's series as a whole, which no model of sampling foresees; `burst` the height of a burst.
    """

    decades: float
    points: int
    searches: float
    case: str = ""
    floor: int = 2
    order_sd: float | None = 0.3
    extra_sd: float = 0.0
    burst: float = 4.0
    bursting: float = 0.1


class World:
    """One seeded world; the same request gets the same answer."""

    def __init__(self, regime: Regime, candidates: int, seed: int) -> None:
        self.regime = regime
        self.names = [f"c{i:03d}" for i in range(candidates)]
        self._seed = f"{regime} {candidates} {seed}"
        self._answers: dict[Request, Answer] = {}
        rng = self._rng("truth")
        inner = rng.uniform(0, 1, max(candidates - 2, 0))
        popularity = 10 ** (-regime.decades * np.concatenate([[0, 1], inner])[:candidates])
        self._rates = np.array([p * self._shape(rng) for p in rng.permutation(popularity)]) * regime.searches
        self.truth: Floats = np.log(self._rates.mean(axis=1))
        known = regime.order_sd is not None
        guess = (
            self.truth + rng.normal(0, regime.order_sd or 0.0, candidates) if known else rng.uniform(size=candidates)
        )
        self.order = [self.names[i] for i in np.argsort(-guess)]

    def _rng(self, *about: object) -> np.random.Generator:
        digest = hashlib.sha256(f"{self._seed} {about}".encode()).digest()
        return np.random.default_rng(int.from_bytes(digest[:8], "big"))

    def _shape(self, rng: np.random.Generator) -> Floats:
        t = np.arange(self.regime.points)
        shape: Floats = 1 + 0.6 * np.sin(2 * np.pi * t / 24) if len(t) == HOURS else np.ones(len(t))
        steps = rng.normal(0, 0.1, len(t))
        wander = np.zeros(len(t))
        for k in range(1, len(t)):
            wander[k] = 0.9 * wander[k - 1] + steps[k]
        shape = shape * np.exp(wander)
        if rng.random() < self.regime.bursting:
            start = rng.integers(len(t))
            shape = shape * (1 + self.regime.burst * np.exp(-np.maximum(t - start, 0) / 4) * (t >= start))
        shape /= shape.mean()
        return shape

    def ask(self, request: Request) -> Answer:
        """The answer to a request."""
        if request not in self._answers:
            self._answers[request] = self._answer(request)
        return self._answers[request]

    def _answer(self, request: Request) -> Answer:
        rng = self._rng(sorted(request))
        rates = self._rates[[self.names.index(c) for c in request]]
        rates = rates * np.exp(rng.normal(0, self.regime.extra_sd, (len(request), 1)))
        counts: NDArray[Any] = rng.poisson(rates)
        has_data = counts >= self.regime.floor
        shown = np.where(has_data, counts, 0)
        values = np.rint(shown * 100 / max(shown.max(), 1))
        return {c: Series(values[i].tolist(), has_data[i].tolist()) for i, c in enumerate(request)}


def ranks_agree(ours: Sequence[float], truth: Sequence[float]) -> float:
    """Spearman's rank correlation; 1 for fewer than two."""
    if len(ours) < 2:
        return 1.0
    first, second = (np.argsort(np.argsort(np.array(values))) for values in (ours, truth))
    return float(np.corrcoef(first, second)[0, 1])
