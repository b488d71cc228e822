"""From truth to what Google shows: a Poisson sample, a privacy floor, whole numbers from 0 to 100.

A sample belongs to a request, a UTC day and a kind: the same request on the same day is answered alike, and anew on
the next day. Who asks, in which language and how small places are shown is no part of it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_answers import canonical
from elec_assets.sandbox.trends_shape import Floats, grid_of
from elec_assets.sandbox.trends_times import Span, points, sample_kind
from elec_assets.sandbox.trends_world import TrendsWorld

Counts = npt.NDArray[np.int64]
_NOT_OF_THE_SAMPLE = ("userConfig", "userCountryCode", "locale", "language", "includeLowSearchVolumeGeos")


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws what is seen of a world.

    Attributes:
        world: the truth.
        floor: fewer sampled searches than this, in a point or a place, are no data.
    """

    world: TrendsWorld
    floor: int

    def generator(self, request: Json, span: Span, now: datetime) -> np.random.Generator:
        """The source of chance for a widget's request on the day of `now`."""
        bare = {name: value for name, value in request.items() if name not in _NOT_OF_THE_SAMPLE}
        key = f"{self.world.scene.seed} {now.date()} {sample_kind(span, now)} {canonical(bare)}"
        return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()))

    def shares(self, counts: Counts, volumes: Floats) -> Floats:
        """The part of all searches that was sampled; 0 below the floor."""
        return np.asarray(np.where(counts >= self.floor, counts / volumes, 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Series:
    """Points over time: start and end, and by keyword a value of 0 to 100 and whether there is data."""

    points: list[tuple[datetime, datetime]]
    values: Counts
    has_data: npt.NDArray[np.bool_]


def series_of(
    sampler: Sampler,
    request: Json,
    items: Sequence[tuple[str, str]],
    span: Span,
    now: datetime,
    *,
    hours_included: bool,
) -> Series:
    """The sampled series of several (keyword, geo), on one scale whose highest point is 100.

    A last point that is not over counts what has been searched for so far, as a part of all searches so far.
    """
    found = points(span, now, hours_included=hours_included)
    grid = grid_of(found[0][0], found[-1][1])
    so_far = grid.start_s + grid.step_s * np.arange(grid.count) < now.timestamp()
    starts = [(int(start.timestamp()) - grid.start_s) // grid.step_s for start, _ in found]
    rng = sampler.generator(request, span, now)
    rows = []
    for keyword, geo in items:
        expected = np.add.reduceat(sampler.world.rates(keyword, geo, grid) * so_far, starts)
        volumes = np.add.reduceat(sampler.world.volumes(geo, grid) * so_far, starts)
        rows.append(sampler.shares(rng.poisson(expected), volumes))
    shares = np.array(rows)
    return Series(found, scaled(shares), shares > 0)


def scaled(shares: Floats) -> Counts:
    """Whole numbers from 0 to 100, where 100 is the greatest of all; zeros where there is nothing."""
    top = shares.max(initial=0.0)
    if top <= 0:
        return np.zeros(shares.shape, dtype=np.int64)
    return np.asarray(np.floor(100 * shares / top + 0.5), dtype=np.int64)


def percentages(parts: Sequence[float]) -> list[int]:
    """Whole percentages that add up to 100 (largest remainders); all zero where there is nothing."""
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    exact = [100 * part / total for part in parts]
    whole = [int(value) for value in exact]
    order = sorted(range(len(parts)), key=lambda i: whole[i] - exact[i])
    for index in order[: 100 - sum(whole)]:
        whole[index] += 1
    return whole
