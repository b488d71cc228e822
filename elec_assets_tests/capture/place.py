"""A place to capture in: registry, spool, store, and a sandbox of X whose time runs as fast as the service's."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from elec_assets.capture.clock import CaptureClock, FastClock
from elec_assets.capture.options import CaptureOptions, CaptureSummary, XParts
from elec_assets.capture.service import Service
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import XStream
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import BatchJournal
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.prices import FREE
from elec_assets.domain.registry import Registry
from elec_assets.domain.windows import epoch_ms
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.clock import LinkedClock
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import decode_journal
from elec_assets_tests.worlds import world_of

# Two minutes before a slot ends.
START = datetime(2027, 2, 3, 20, 3, 1, tzinfo=UTC)
ELECTION = "xx_2027"
REGISTRY = """\
elections:
  xx_2027:
    name: Test election 2027
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    capture: CAPTURE
    calendar:
      collect_from: 2027-01-04
      collect_until: 2027-03-12
      rounds: [2027-02-21]
      inauguration: 2027-02-28
    trends: {hourly: [], daily: [], weekly: []}
    candidates:
      amartin: {name: Agathe Martin, status: 1, twitter_account: ["@AgatheMartin_T"]}
      bleroux: {name: Béatrice Leroux, status: 1, twitter_account: ["@BLeroux_Test"]}
"""


def two_elections() -> str:
    """A registry of `xx_2027` and a `yy_2027` like it."""
    head, one = REGISTRY.split("elections:\n")
    return f"{head}elections:\n{one}{one.replace(ELECTION, 'yy_2027')}"


def write_registry(folder: Path, capture: str = "continuous", text: str = REGISTRY) -> Registry:
    path = folder / "candidates.yaml"
    path.write_text(text.replace("CAPTURE", capture), encoding="utf-8")
    return load_registry(path)


@dataclass
class Place:
    """What a test of the service has. `said` is what it told a person."""

    folder: Path
    clock: CaptureClock
    speed: float
    x: XServer
    options: CaptureOptions
    said: list[str] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return open_store((self.folder / "store").as_uri())

    def service(self, **changes: Any) -> Service:  # noqa: ANN401 - fields of CaptureOptions
        return Service(replace(self.options, **changes), x_parts(self.x.url, self.clock), self.clock, self.said.append)

    @contextmanager
    def running(self, **changes: Any) -> Iterator["Run"]:  # noqa: ANN401 - as `service`
        run = Run(self.service(**changes))
        run.thread.start()
        try:
            yield run
        finally:
            run.service.stop()
            run.thread.join(10)

    def wait(self, seconds: float) -> None:
        """So many seconds of the clock."""
        self.clock.wait(threading.Event(), seconds)

    def batches(self) -> dict[str, tuple[list[bytes], BatchJournal]]:
        return batches(self.store)


@dataclass
class Run:
    """A service that runs in a thread."""

    service: Service
    summary: CaptureSummary | None = None
    failed: BaseException | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run)

    def until(self, condition: Callable[["Run"], bool], seconds: float = 40) -> None:
        """Wait, at most so many seconds of the wall: other tests may keep the machine busy."""
        ends = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < ends, "it did not come to that"
            assert self.thread.is_alive(), self.failed
            time.sleep(0.01)

    @property
    def uploaded(self) -> int:
        return self.service._uploads.slots

    def _run(self) -> None:
        try:
            self.summary = self.service.run()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.failed = error


class StoppedClock(FastClock):
    """A fast clock that starts again when all is ready: what a slow machine takes to prepare is not lived."""

    def start(self) -> None:
        self._began_s = time.monotonic()


def x_parts(url: str, clock: CaptureClock) -> XParts:
    """The real clients, against a server."""
    control = XControl(token=TOKEN, base_url=url)
    stream = XStream(
        token=TOKEN,
        base_url=url,
        clock=clock.now_ms,
        # On a clock that runs fast a busy machine is no dead socket.
        stall_s=clock.real(21.0) + 2.0,
        connect_s=clock.real(10.0) + 2.0,
    )
    return XParts(stream=stream, connections=XConnections(control), rules=XRules(control))


@contextmanager
def place(
    folder: Path,
    *,
    speed: float = 120.0,
    start: datetime = START,
    capture: str = "continuous",
    posts_per_hour: float = 2000,
    faults: Sequence[Any] = (),
    stream: StreamOptions | None = None,
    minutes: int = 4,
) -> Iterator[Place]:
    """A service's surroundings; the sandbox has so many minutes ready, and ends with the context."""
    registry = write_registry(folder, capture)
    clock = StoppedClock(epoch_ms(start), speed)
    options = CaptureOptions(
        registry=folder / "candidates.yaml",
        spool=folder / "spool",
        cap_bytes=100_000_000,
        budget_usd=0.0,
        prices=FREE,
        sandbox=True,
        store=lambda: open_store((folder / "store").as_uri()),
    )
    scene = scene_of(registry.elections.values(), seed=3, posts_per_hour=posts_per_hour)
    with start_x(
        scene=world_of(scene),
        clock=LinkedClock(clock.now_ms, speed),
        faults=faults,
        stream=stream or StreamOptions(keep_alive_s=10),
    ) as x:
        x.stream.prepare(start, start + timedelta(minutes=minutes))
        clock.start()
        yield Place(folder, clock, speed, x, options)


def batches(store: Store, *, bodies_only: bool = False) -> dict[str, tuple[list[bytes], BatchJournal]]:
    """Lines and journal of every batch of a store, by stem; each must have both, or the journal where that is allowed.

    `bodies_only`: an upload may be under way, so that a journal may be there before its body.
    """
    keys = [info.key for info in store.list(f"{ELECTION}/data/raw/twitter/")]
    keys = [key for key in keys if key.endswith(".gz") or not bodies_only]
    found = {}
    for key in keys:
        parsed = parse_batch(key)
        assert parsed is not None, key
        lines = unpacked(store.get(parsed.body)).splitlines(keepends=True)
        found[parsed.stem] = (lines, decode_journal(store.get(parsed.journal), parsed.journal))
    return found


def captured(journals: Iterable[BatchJournal]) -> Intervals:
    """The time that journals prove."""
    proven = NOWHERE
    for journal in journals:
        proven |= journal.covered
    return proven
