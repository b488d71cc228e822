"""Seeded weeks of posts by the minute: with the course of a day, viral posts, a debate, and posts on the hour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MINUTES = 168 * 60
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
# Share of a day's posts by hour: asleep at 4, breakfast, lunch, and the evening news.
_DAY = (3, 1.6, 1, 0.7, 0.6, 0.9, 2, 4, 5, 5, 4.8, 4.8, 5.5, 5.4, 4.6, 4.4, 4.5, 5, 5.6, 6, 6.6, 7, 6.5, 5)
_WEEKDAYS = (1.0, 1.05, 1.1, 1.05, 1.0, 0.85, 0.95)
_MEAN = 1.5
"""What ups and downs, viral posts and the debate come to together, on average."""
_TAUS = (6.0, 40.0)
"""Minutes in which what a viral post makes people say falls to 1/e."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """What a week is like.

    `fewest` and `most` are the posts a week of the least and the most named candidate; `on_the_hour` how much more is
    posted in the first minute of an hour; `noise` the variance of a minute's rate beside its mean squared.
    """

    candidates: int = 40
    fewest: float = 150.0
    most: float = 150_000.0
    on_the_hour: float = 0.6
    noise: float = 0.3
    viral: float = 15.0
    debate: float = 10.0

    @property
    def volumes(self) -> Floats:
        """Posts a week of each candidate that chance alone would not change."""
        return np.geomspace(self.fewest, self.most, self.candidates)

    def week(self, seed: int, number: int) -> Counts:
        """Posts of each candidate in each minute of one week."""
        rng = np.random.default_rng([seed, number])
        rates = self._steady() * self._wander(rng) * self._debate(rng)
        rates += self._viral(rng) * self._steady().mean()
        rates *= rng.gamma(1 / self.noise, self.noise, rates.shape)
        return rng.poisson(rates / MINUTES * self.volumes[:, None] / _MEAN).astype(np.int64)

    def _steady(self) -> Floats:
        minutes = np.ones(60)
        minutes[[0, 15, 30, 45]] += np.array([1.0, 0.2, 0.5, 0.2]) * self.on_the_hour
        minutes[1:5] += 0.2 * self.on_the_hour
        week = np.outer(np.outer(_WEEKDAYS, _DAY).ravel(), minutes / minutes.mean()).ravel()
        return np.asarray(week / week.mean(), dtype=np.float64)

    def _wander(self, rng: np.random.Generator) -> Floats:
        """Slow ups and downs of each candidate: a walk by the hour that is drawn back to its mean."""
        steps = rng.normal(0, 0.25, (168, self.candidates))
        walk = np.zeros_like(steps)
        for hour in range(1, 168):
            walk[hour] = 0.85 * walk[hour - 1] + steps[hour]
        return np.repeat(np.exp(walk.T), 60, axis=1)

    def _debate(self, rng: np.random.Generator) -> Floats:
        """An evening of two and a half hours on which everybody is talked about, some much more."""
        factor = np.ones((self.candidates, MINUTES))
        start = (int(rng.integers(0, 7)) * 24 + 20) * 60 + int(rng.integers(0, 30))
        factor[:, start : start + 150] += self.debate * rng.lognormal(-0.3, 0.8, (self.candidates, 1))
        return factor

    def _viral(self, rng: np.random.Generator) -> Floats:
        """What follows viral posts: a jump, and a decay."""
        found = np.zeros((self.candidates, MINUTES))
        for tau in _TAUS:
            jumps = np.zeros((self.candidates, MINUTES))
            for candidate, times in enumerate(rng.poisson(self.viral, self.candidates)):
                at = rng.integers(0, MINUTES, times)
                np.add.at(jumps[candidate], at, rng.pareto(1.8, times) * 60 / tau)
            decay = np.exp(-np.arange(int(tau * 8)) / tau)
            size = 1 << (MINUTES + len(decay)).bit_length()
            found += np.fft.irfft(np.fft.rfft(jumps, size) * np.fft.rfft(decay, size), size)[:, :MINUTES]
        return np.maximum(found, 0.0)
