"""What children of the tests run until they are killed; they are forked from a server that has imported all of it."""

import multiprocessing
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
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets_tests.capture.place import FREE, x_parts


def context() -> ForkServerContext:
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["elec_assets_tests.capture.killed", "tweepy"])
    return made


def started(context: ForkServerContext, *arguments: object, target: object) -> ForkServerProcess:
    child = context.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]  # any of the below
    child.start()
    return child


def capture(folder: Path, url: str, start_ms: int, speed: float, began_s: float) -> None:
    """The service on the time of the test."""
    clock = FastClock(start_ms, speed, began_s)
    options = CaptureOptions(
        registry=folder / "candidates.yaml",
        spool=folder / "spool",
        cap_bytes=100_000_000,
        budget_usd=0.0,
        prices=FREE,
        sandbox=True,
        store=lambda: open_store((folder / "store").as_uri()),
    )
    with (folder / "said.txt").open("a", encoding="utf-8") as said:
        Service(options, x_parts(url, clock), clock, lambda text: print(text, file=said, flush=True)).run()


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
