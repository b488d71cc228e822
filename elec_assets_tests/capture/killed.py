"""What children of the tests run until they are killed; they are forked from a server that has imported all of it."""

import multiprocessing
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

from elec_assets.capture.clock import FastClock
from elec_assets.capture.options import CaptureOptions
from elec_assets.capture.outbox import Outbox
from elec_assets.capture.packing import parcels_of
from elec_assets.capture.service import Service
from elec_assets.capture.spool import Spool
from elec_assets.capture.uploader import Uploader
from elec_assets.capture.wanted import Wanted
from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import open_store
from elec_assets.clients.x_api import XApi
from elec_assets.domain.prices import FREE, Prices
from elec_assets.domain.windows import Grain, from_epoch_ms, window_at
from elec_assets.sandbox.x_api import TOKEN
from elec_assets_tests.capture.place import x_parts
from elec_assets_tests.clients.hours import HOUR, Clock, sealer, x_api

# A quiet night: 01:00 to 04:00 in Paris.
FILL_FROM = datetime(2027, 1, 20, 0, tzinfo=UTC)


def context() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["elec_assets_tests.capture.killed", "tweepy"])
    return made


def started(context: ForkServerContext, *arguments: object, target: object) -> ForkServerProcess:
    child = context.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]  # any of the below
    child.start()
    return child


def capture(
    folder: Path,
    url: str,
    start_ms: int,
    speed: float,
    began_s: float,
    prices: Prices = FREE,
    budget_usd: float = 0.0,
) -> None:
    """The service on the time of the test."""
    clock = FastClock(start_ms, speed, began_s)
    options = CaptureOptions(
        registry=folder / "candidates.yaml",
        spool=folder / "spool",
        cap_bytes=100_000_000,
        budget_usd=budget_usd,
        prices=prices,
        sandbox=True,
        store=lambda: open_store((folder / "store").as_uri()),
    )
    with (folder / "said.txt").open("a", encoding="utf-8") as said:
        Service(options, x_parts(url, clock), clock, lambda text: print(text, file=said, flush=True)).run()


def fill(
    folder: Path, url: str, start_ms: int, speed: float, began_s: float, prices: Prices, budget_usd: float, hours: int
) -> None:
    """Seal hours by search, as runs of Dagster do, from `FILL_FROM` on, on the time of the test."""
    clock = FastClock(start_ms, speed, began_s)
    store = open_store((folder / "store").as_uri())

    def now() -> datetime:
        return from_epoch_ms(clock.now_ms())

    for number in range(hours):
        search = SearchFill(
            store=store,
            api=XApi(token=TOKEN, base_url=url, archive="all", timeout_s=10, pace_s=0, clock=now, sleep=time.sleep),
            ledger=SpendLedger(store, "x_search", budget_usd, now),
            prices=prices,
            clock=now,
        )
        registry = load_registry(folder / "candidates.yaml")
        for key, election in registry.elections.items():
            sealer = HourSealer(
                election=election, registry_version=registry.version, store=store, fill=search, query_limit=1024
            )
            sealer.seal(window_at(FILL_FROM + timedelta(hours=number), Grain.HOUR), refresh=bool(number % 2))
            (folder / "filled.txt").write_text(f"{key} {number}")


def seal(folder: Path, url: str, number: int) -> None:
    """Seal the hour of the tests of clients: the run of this number, a minute after the one before."""
    store = open_store((folder / "store").as_uri())
    clock = Clock(HOUR.end + timedelta(minutes=7 + number))
    search = SearchFill(
        store=store,
        api=x_api(url, clock),
        ledger=SpendLedger(store, "x_search", 0.0, clock),
        prices=FREE,
        clock=clock,
    )
    sealer(store, search).seal(HOUR)
    (folder / "sealed.txt").write_text(str(number))


def upload(folder: Path) -> None:
    """Upload what waits in a spool."""
    registry = load_registry(folder / "candidates.yaml")
    wanted = Wanted(registry.elections.values())
    store = open_store((folder / "store").as_uri())
    with Spool(folder / "spool", cap_bytes=100_000_000) as spool, (folder / "said.txt").open("a") as said:
        uploader = Uploader(
            slots=spool,
            store=lambda: store,
            outbox=Outbox(folder / "spool" / "outbox"),
            pack=lambda segment: parcels_of(spool, segment, wanted, registry.version),
            say=lambda text: print(text, file=said, flush=True),
        )
        uploader.upload(stop=lambda: False)
