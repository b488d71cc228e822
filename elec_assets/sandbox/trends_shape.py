"""How interest moves: the rhythm of day and week, slow waves, seeded bursts of news, events. Minute by minute.

All is drawn with the standard library's generator, seeded by text: the same on every machine and version.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import tau

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_DAY_S, _WEEK_S = 86_400, 604_800
# Searches of all kinds by local hour, and the part of them that politics has; of both only the form counts.
_SEARCHES = (6, 4, 3, 2, 2, 3, 6, 9, 12, 13, 13, 13, 13, 13, 13, 14, 14, 15, 16, 17, 18, 18, 15, 10)
_POLITICS = (8, 7, 6, 6, 6, 7, 10, 12, 12, 11, 10, 10, 12, 12, 10, 10, 10, 11, 12, 15, 18, 17, 14, 10)
_WEEKDAYS = (1.06, 1.05, 1.02, 1.04, 0.99, 0.88, 0.96)  # Monday first
_WAVES = ((90.0, 0.35), (23.0, 0.25), (5.3, 0.2))  # days, amplitude
_FIRST_MONDAY = 345_600  # 1970-01-05
# A burst is over after so many of its half-lives.
_HALVES = 12


@dataclass(frozen=True, slots=True)
class Event:
    """A time `[start, end)` in UTC when `factor` times as much is searched for these names, or all if none are."""

    start: datetime
    end: datetime
    factor: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps of equal length from `start_s` (epoch seconds, a whole minute)."""

    start_s: int
    step_s: int
    count: int

    @property
    def times(self) -> Floats:
        """The middle of each step, epoch seconds."""
        return self.start_s + self.step_s * (np.arange(self.count, dtype=np.float64) + 0.5)

    @property
    def minutes(self) -> npt.NDArray[np.int64]:
        """The minute of the UTC day in which each step begins."""
        return (self.start_s + self.step_s * np.arange(self.count, dtype=np.int64)) // 60 % 1440


def grid_of(start: datetime, end: datetime) -> Grid:
    """A grid over `[start, end)`: minutes, or coarser for spans over 31 days and over 400.

    Raises:
        ValueError: the end is not after the start by at least a minute.
    """
    first, last = int(start.timestamp()) // 60 * 60, int(end.timestamp()) // 60 * 60
    if last <= first:
        raise ValueError(f"no whole minute between {start} and {end}")
    span = last - first
    step = next(s for longest, s in ((31, 60), (400, 900), (1 << 30, 3600)) if span <= longest * _DAY_S)
    return Grid(first, step, -(-span // step))


@lru_cache(maxsize=64)
def volume_of_day(offset_h: int) -> Floats:
    """Searches of all kinds by minute of the UTC day, mean 1, where the clock is so many hours ahead."""
    return _day(_SEARCHES, offset_h)


def shape_of(key: str, offset_h: int, events: Sequence[Event], grid: Grid) -> Floats:
    """How much of all searches a subject has at each step, 1 in the long mean save for bursts and events."""
    times = grid.times
    weekday = ((times + 3600 * offset_h - _FIRST_MONDAY) // _DAY_S % 7).astype(np.int64)
    rhythm = _day(_POLITICS, offset_h)[grid.minutes] * np.array(_WEEKDAYS)[weekday]
    shape = np.asarray(rhythm * _waves(key, times) * (1.0 + _bursts(key, grid, times)))
    for event in events:
        shape[(times >= event.start.timestamp()) & (times < event.end.timestamp())] *= event.factor
    return shape


def seeded(what: str) -> random.Random:
    """A generator seeded by text."""
    return random.Random(what)  # noqa: S311 - must repeat, keeps no secret


def _day(hours: Sequence[float], offset_h: int) -> Floats:
    """A rhythm by minute of the UTC day, drawn smoothly between hours, mean 1."""
    local = (np.arange(1440) / 60 + offset_h) % 24
    drawn = np.interp(local, np.arange(25), [*hours, hours[0]])
    return np.asarray(drawn / drawn.mean())


def _waves(key: str, times: Floats) -> Floats:
    rng = seeded(f"{key} waves")
    total = np.zeros(len(times))
    for days, amplitude in _WAVES:
        total += amplitude * np.sin(tau * (times / (days * _DAY_S) + rng.random()))
    return np.asarray(np.exp(total))


def _bursts(key: str, grid: Grid, times: Floats) -> Floats:
    """One burst of news a week: at once high, then halved every few hours."""
    total = np.zeros(grid.count)
    last_s = grid.start_s + grid.step_s * grid.count
    for week in range((grid.start_s - _WEEK_S) // _WEEK_S, last_s // _WEEK_S + 1):
        begins, height, half_s = _burst(key, week)
        first = max(0, -(-int(begins - times[0]) // grid.step_s))
        until = min(grid.count, int((begins + _HALVES * half_s - grid.start_s) // grid.step_s) + 1)
        if first < until:
            total[first:until] += height * 0.5 ** ((times[first:until] - begins).clip(0) / half_s)
    return total


@lru_cache(maxsize=20_000)
def _burst(key: str, week: int) -> tuple[float, float, float]:
    rng = seeded(f"{key} burst {week}")
    return week * _WEEK_S + rng.random() * _WEEK_S, rng.expovariate(0.8), rng.uniform(1, 12) * 3600
