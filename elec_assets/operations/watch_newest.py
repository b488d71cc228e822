"""How new a product's data in the store is, by the keys of its newest partition: a few short listings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from elec_assets.clients.store import Store
from elec_assets.domain import layout, layout_trends, layout_weekly
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import SOURCE, Cadence
from elec_assets.domain.windows import DAY, WEEK, Grain, Window, window_at, year_week

_TWEETS = "twitter/tweets"
_WEEKLY = {"twitter/weekly": "twitter", "twitter/volume": "twitter_volume", "coverage/weekly": "coverage"}
_ROLLUP = "google_trends/rollup"
# Further back than the longest reach of `domain.due`, nothing is said.
_DAYS, _WEEKS = 3, 6


@dataclass(frozen=True, slots=True)
class Watchable:
    """A product of an election that alerts judge, named as they name it; `area` of Google Trends, else empty."""

    name: str
    product: str
    area: str = ""


def watchables(election: Election, *, trends_on: bool) -> Iterator[Watchable]:
    """The products of an election; the tables of Google Trends of an area and cadence are one."""
    yield Watchable(_TWEETS, _TWEETS)
    for product in _WEEKLY:
        yield Watchable(product, product)
    yield Watchable(f"{SOURCE}/weekly", _ROLLUP)
    for area in election.areas if trends_on else ():
        for cadence in Cadence:
            yield Watchable(f"{SOURCE}/{area}/{cadence}", f"{SOURCE}/{cadence}", area)


def newest_data(store: Store, election: Election, watchable: Watchable, now: datetime) -> datetime | None:
    """The end of the newest partition that is there, UTC; None where none of the last days or weeks is.

    Raises:
        StoreError: the store refused.
    """
    if watchable.product == _TWEETS:
        return _newest_hour(store, election, now)
    if not watchable.area:
        return _newest_week(store, election, watchable.product, now)
    cadence = Cadence(watchable.product.rpartition("/")[2])
    return next(_ends_of_trends(store, election, watchable.area, cadence, now), None)


def _newest_hour(store: Store, election: Election, now: datetime) -> datetime | None:
    for day in _back(now, Grain.DAY, _DAYS):
        hours = [Window(day.start + n * Grain.HOUR.length, day.start + (n + 1) * Grain.HOUR.length) for n in range(24)]
        held = _held(store, layout.tweets_hour(election.key, hours[0]))
        found = [hour.end for hour in hours if layout.tweets_hour(election.key, hour) in held]
        if found:
            return max(found)
    return None


def _newest_week(store: Store, election: Election, product: str, now: datetime) -> datetime | None:
    weekly = f"{SOURCE}/interest_over_time" if product == _ROLLUP else _WEEKLY[product]
    held = {
        layout_weekly.parse_weekly(info.key) for info in store.list(layout_weekly.weekly_files(election.key, weekly))
    }
    return next((week.end for week in _back(now, Grain.WEEK, _WEEKS) if year_week(week) in held), None)


def _ends_of_trends(store: Store, election: Election, area: str, cadence: Cadence, now: datetime) -> Iterator[datetime]:
    """Ends of the newest partitions of each day or week that have a coverage row."""
    grain = cadence.grain
    days = _back(now, Grain.WEEK, _WEEKS) if grain is Grain.WEEK else _back(now, Grain.DAY, _DAYS)
    for day in days:
        place = layout_trends.TrendsPlace(election.key, area, cadence, window_at(day.start, grain))
        rows = [layout_trends.parse_coverage(key) for key in _held(store, place.coverage)]
        ends = [row.window.end for row in rows if row is not None]
        if ends:
            yield max(ends)


def _held(store: Store, key: str) -> set[str]:
    """The keys in the folder of a key."""
    return {info.key for info in store.list(key.rpartition("/")[0] + "/")}


def _back(now: datetime, grain: Grain, count: int) -> Iterator[Window]:
    """The windows of a grain from now on backwards."""
    step = DAY if grain is Grain.DAY else WEEK
    for number in range(count):
        yield window_at(now - number * step, grain)
