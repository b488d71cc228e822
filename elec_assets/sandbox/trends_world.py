"""A seeded world of what people search for, with known truth: `share` and `searches` say what an estimate must find.

In a place of weight w, `volume` searches of all kinds are sampled a minute, rising and falling with the local day.
A keyword's part of them is its popularity x its affinity to the place x its shape over time. Affinities of regions
are made so that they add up to the country's; the world is the sum of the countries.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from elec_assets.sandbox import trends_geos as geos
from elec_assets.sandbox import trends_shape as shape
from elec_assets.sandbox.trends_geos import WORLD, Geo
from elec_assets.sandbox.trends_shape import Event, Floats, Grid, grid_of

# The most popular subject has this part of all searches of its home.
TOP_SHARE = 1e-3
_HOME_WEIGHT = geos.countries()["FR"].weight


@dataclass(frozen=True, slots=True)
class Subject:
    """What is searched for.

    Attributes:
        name: the search term.
        mid: its topic (`/m/...` or `/g/...`): a keyword of its own, with the same series.
        kind: the topic's type, as Google shows it.
        spellings: further search terms, each a seeded part (5 to 50 %) of the name's series.
        popularity: mean share of searches at home, 1 for the most popular; None: seeded, by rank, over the decades.
        home: country where it is searched for most; None: everywhere alike.
    """

    name: str
    mid: str | None = None
    kind: str = "Politician"
    spellings: tuple[str, ...] = ()
    popularity: float | None = None
    home: str | None = "FR"


@dataclass(frozen=True, slots=True)
class TrendsScene:
    """What a world is made from.

    Attributes:
        seed: another seed gives another world and other samples.
        subjects: what is known by name. Any other keyword is a subject made from the seed, at home everywhere.
        decades: how many powers of ten lie between the most and the least popular.
        top_per_hour: sampled searches an hour for the most popular subject at its home: precision of the samples.
        events: times when a subject is searched for more.
    """

    seed: int
    subjects: tuple[Subject, ...] = ()
    decades: float = 3.0
    top_per_hour: float = 3000.0
    events: tuple[Event, ...] = ()


# A subject, and the part of its series that a keyword has.
Part = tuple[Subject, float]


class TrendsWorld:
    """The latent series of a scene. Keywords are matched without case and surplus spaces; `a + b` is a union."""

    def __init__(self, scene: TrendsScene) -> None:
        self.scene = scene
        self._popularity = _popularities(scene)
        self._known: dict[str, Part] = {}
        for subject in scene.subjects:
            self._add(subject)
        self._unit = scene.top_per_hour / TOP_SHARE / 60 / _HOME_WEIGHT
        # By keyword, place and time: one request asks for the same again and again.
        self._shape: Callable[[Subject, Grid], Floats] = lru_cache(maxsize=96)(self._make_shape)
        self._daily: Callable[[Subject, str], Floats] = lru_cache(maxsize=512)(self._make_daily)
        self._volume: Callable[[str], Floats] = lru_cache(maxsize=512)(self._make_volume)
        self._affinity: Callable[[Subject, Geo], float] = lru_cache(maxsize=50_000)(self._make_affinity)
        self._regions: Callable[[Subject, str], dict[str, float]] = lru_cache(maxsize=256)(self._make_regions)

    def subject(self, keyword: str) -> Subject:
        """What a keyword stands for; of a union the first."""
        return self._parts(keyword)[0][0]

    def share(self, keyword: str, geo: str, start: datetime, end: datetime) -> float:
        """The true part of all searches of a place in `[start, end)`, whole minutes, that are for the keyword."""
        grid = grid_of(start, end)
        return float(self.rates(keyword, geo, grid).sum() / self.volumes(geo, grid).sum())

    def searches(self, keyword: str, geo: str, start: datetime, end: datetime) -> float:
        """How many sampled searches are expected for it in `[start, end)`, whole minutes."""
        return float(self.rates(keyword, geo, grid_of(start, end)).sum())

    def rates(self, keyword: str, geo: str, grid: Grid) -> Floats:
        """Expected sampled searches for a keyword in each step of a grid."""
        made = np.zeros(grid.count)
        for subject, part in self._parts(keyword):
            made += part * self._shape(subject, grid) * self._daily(subject, geo)[grid.minutes]
        return made * (grid.step_s / 60)

    def volumes(self, geo: str, grid: Grid) -> Floats:
        """Sampled searches of all kinds in each step of a grid."""
        return np.asarray(self._volume(geo)[grid.minutes] * (grid.step_s / 60))

    def totals(self, keyword: str, places: Sequence[Geo], grid: Grid) -> tuple[Floats, Floats]:
        """Expected searches for a keyword, and searches of all kinds, by place over the whole grid."""
        searches = np.zeros(len(places))
        for subject, part in self._parts(keyword):
            affinities = [self._affinity(subject, place) for place in places]
            sums = self._by_clock(grid, places, self._shape(subject, grid))
            searches += part * self._mean_share(subject) * sums * np.array(affinities)
        return searches, self._by_clock(grid, places, np.ones(grid.count))

    def _by_clock(self, grid: Grid, places: Sequence[Geo], weights: Floats) -> Floats:
        """The sum over a grid of weights x volume, by place: one sum a clock serves all places that have it."""
        folded = np.bincount(grid.minutes, weights=weights, minlength=1440) * (grid.step_s / 60)
        sums = {o: float(folded @ shape.volume_of_day(o)) for o in {place.offset_h for place in places}}
        return np.array([self._unit * place.weight * sums[place.offset_h] for place in places])

    def _add(self, subject: Subject) -> None:
        for keyword in (subject.name, subject.mid):
            if keyword is not None:
                self._known[_normal(keyword)] = (subject, 1.0)
        for spelling in subject.spellings:
            part = self._random("spelling", subject.name, spelling).uniform(0.05, 0.5)
            self._known.setdefault(_normal(spelling), (subject, part))

    def _parts(self, keyword: str) -> list[Part]:
        names = dict.fromkeys(_normal(name) for name in keyword.split(" + "))
        return [self._known.get(name) or (Subject(name, home=None), 1.0) for name in names]

    def _mean_share(self, subject: Subject) -> float:
        known = self._popularity.get(subject.name)
        if known is None:
            known = 10 ** (-self.scene.decades * self._random("popularity", subject.name).random())
        return TOP_SHARE * known

    def _make_shape(self, subject: Subject, grid: Grid) -> Floats:
        offset = geos.countries()[subject.home].offset_h if subject.home else 0
        events = [e for e in self.scene.events if not e.names or subject.name in e.names]
        return shape.shape_of(f"{self.scene.seed} {subject.name}", offset, events, grid)

    def _make_volume(self, geo: str) -> Floats:
        return self._sum_of_day((place, 1.0) for place in _parts_of(geo))

    def _make_daily(self, subject: Subject, geo: str) -> Floats:
        places = ((place, self._affinity(subject, place)) for place in _parts_of(geo))
        return self._mean_share(subject) * self._sum_of_day(places)

    def _sum_of_day(self, places: Iterable[tuple[Geo, float]]) -> Floats:
        """Searches of all kinds by minute of the UTC day, of several places, each with a factor."""
        by_clock: dict[int, float] = {}
        for place, factor in places:
            by_clock[place.offset_h] = by_clock.get(place.offset_h, 0.0) + place.weight * factor
        total: npt.NDArray[np.float64] = np.zeros(1440)
        for offset, weight in by_clock.items():
            total += weight * shape.volume_of_day(offset)
        return total * self._unit

    def _make_affinity(self, subject: Subject, place: Geo) -> float:
        if place.parts:
            known = self._regions(subject, place.country)
            parts = [(geos.regions(place.country, "old")[code].weight, known[code]) for code in place.parts]
            return sum(weight * a for weight, a in parts) / sum(weight for weight, _ in parts)
        if subject.home is None:
            return self._random("affinity", subject.name, place.code).lognormvariate(0.0, 0.5)
        if place.code == subject.home:
            return 1.0
        near = 0.15 if subject.home == "FR" and place.code in geos.FRENCH_SPEAKING else 0.015
        return near * self._random("affinity", subject.name, place.code).lognormvariate(0.0, 0.7)

    def _make_regions(self, subject: Subject, country: str) -> dict[str, float]:
        """Affinities by (old) region, whose mean over the country is the country's."""
        places = geos.regions(country, "old").values()
        raw = {p.code: self._random("affinity", subject.name, p.code).lognormvariate(0.0, 0.35) for p in places}
        mean = sum(raw[p.code] * p.weight for p in places) / sum(p.weight for p in places)
        whole = self._affinity(subject, geos.countries()[country])
        return {code: whole * value / mean for code, value in raw.items()}

    def _random(self, *what: str) -> random.Random:
        return shape.seeded(f"{self.scene.seed} {' '.join(what)}")


def _parts_of(geo: str) -> Iterable[Geo]:
    """The places whose sum a geo is.

    Raises:
        KeyError: no such place.
    """
    if geo == WORLD:
        return geos.countries().values()
    found = geos.find(geo)
    if found is None:
        raise KeyError(geo)
    return (found,)


def _popularities(scene: TrendsScene) -> dict[str, float]:
    """Popularity by name: as given, else by seeded rank, evenly over the decades."""
    names = [s.name for s in scene.subjects if s.popularity is None]
    shape.seeded(f"{scene.seed} ranks").shuffle(names)
    last = max(1, len(names) - 1)
    ranked = {name: 10 ** (-scene.decades * rank / last) for rank, name in enumerate(names)}
    return {**ranked, **{s.name: s.popularity for s in scene.subjects if s.popularity is not None}}


def _normal(keyword: str) -> str:
    return " ".join(keyword.lower().split())
