"""A small election, its world, and what seals its hours: shared by the tests of clients."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store
from elec_assets.clients.x_api import Archive, XApi
from elec_assets.domain.prices import FREE, Prices
from elec_assets.domain.registry import Calendar, Candidate, CapturePlan, DatedStatus, Election
from elec_assets.domain.windows import Grain, Window, window_at
from elec_assets.sandbox.world import Person, Scene
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.sealing import read_table

HOUR = window_at(datetime(2027, 2, 1, 18, tzinfo=UTC), Grain.HOUR)
PEOPLE = tuple(Person(f"person{i}", f"Élodie Numéro{i}", (f"Compte_{i}",), (f"sigle{i}",)) for i in range(4))
# Several hundred posts in the hour of the tests: three to five pages.
SCENE = Scene(seed=11, people=PEOPLE, posts_per_hour=300)
# What tells how an answer came, not what it says.
INCIDENTAL = ["received_at", "metrics_at", "batch_id"]


class Clock:
    """A time that moves by `step` with each look, and by hand; `sleep` moves it too."""

    def __init__(self, now: datetime, step: timedelta = timedelta(0)) -> None:
        self.now = now
        self.step = step
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.now += self.step
            return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += timedelta(seconds=seconds)


def election(**changes: Any) -> Election:  # noqa: ANN401 - fields of Election
    """An election that collects in January and February 2027."""
    dates = Calendar(
        datetime(2027, 1, 4, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
        rounds=(date(2027, 2, 21),),
        inauguration=date(2027, 2, 25),
    )
    candidates = {p.key: Candidate(p.key, p.name, (DatedStatus(1),), p.accounts, terms=p.terms) for p in PEOPLE}
    values = {"key": "xx_2027", "name": "Test", "country": "XX", "calendar": dates, "candidates": candidates}
    return Election(**{**values, "languages": ("fr", "en"), **changes})


def slots(number: int, seconds: int) -> CapturePlan:
    return CapturePlan("slots", slots=number, slot_s=seconds)


def x_api(
    url: str,
    clock: Clock,
    *,
    token: str = TOKEN,
    pace_s: float = 0.0,
    timeout_s: float = 10.0,
    sleep: Callable[[float], None] | None = None,
    archive: Archive = "all",
) -> XApi:
    """The client under test; it never really sleeps."""
    return XApi(
        token=token,
        base_url=url,
        archive=archive,
        timeout_s=timeout_s,
        pace_s=pace_s,
        clock=clock,
        sleep=sleep or clock.sleep,
    )


def search_fill(
    store: Store,
    server: XServer,
    clock: Clock,
    *,
    token: str = TOKEN,
    prices: Prices = FREE,
    budget_usd: float = 0.0,
    archive: Archive = "all",
) -> SearchFill:
    """A fill as one run of Dagster would make it."""
    ledger = SpendLedger(store, "x_search", budget_usd, clock)
    api = x_api(server.url, clock, token=token, archive=archive)
    return SearchFill(store=store, api=api, ledger=ledger, prices=prices, clock=clock)


def sealer(
    store: Store, fill: SearchFill | None, chosen: Election | None = None, query_limit: int = 1024
) -> HourSealer:
    """A sealer as one run of Dagster would make it."""
    return HourSealer(
        election=chosen or election(),
        registry_version="0123456789ab",
        store=store,
        fill=fill,
        query_limit=query_limit,
    )


def table(store: Store, hour: Window = HOUR) -> pl.DataFrame:
    """The sealed table of an hour without what tells how its answers came."""
    key = f"xx_2027/data/tables/twitter/{hour.start:%Y%m%d/%H}.parquet"
    return read_table(store.get(key)).drop(INCIDENTAL)


def objects(store: Store, prefix: str = "xx_2027/") -> dict[str, bytes]:
    """Every object under a prefix."""
    return {info.key: store.get(info.key) for info in store.list(prefix)}
