"""What `elec demo` shows of live capture at once: two hours of the debate, captured on a clock that runs faster.

The real service listens to the sandbox's stream, whose time is that of the evening. X goes down for a quarter of an
hour: the stream breaks off, and when the hour is sealed search refuses too, so that a hole is left. Then X answers
again, and the same hour is sealed once more.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elec_assets.capture.clock import FastClock
from elec_assets.capture.options import CaptureOptions, CaptureSummary, XParts
from elec_assets.capture.service import Service
from elec_assets.clients.store import open_store
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import CONNECT_S, STALL_S, XStream
from elec_assets.domain.prices import FREE
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR, Grain, Window, epoch_ms, from_epoch_ms, iso, window_at
from elec_assets.operations.demo_setup import TOKEN
from elec_assets.sandbox.clock import LinkedClock
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import Scene, World
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions

# The margin of the proof, 30 s, is 0.25 s of the wall: more than threads wait for each other while the demo seeds.
_SPEED = 120.0
# Time to connect, and to prove the end, on a busy machine too: 3 and 2 s of the wall.
_BEFORE, _AFTER = timedelta(minutes=6), timedelta(minutes=4)
_DOWN_AFTER, _DOWN_S = timedelta(minutes=80), 900.0
_CAP_BYTES = 100_000_000
# A machine under load is no dead socket.
_SLACK_S = 2.0
_SEARCH = "/2/tweets/search/all"
_REFUSALS = 50


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of the evening's capture: the service's own summary, and when X was down in truth."""

    summary: CaptureSummary
    outages: tuple[Window, ...]


@dataclass(slots=True)
class Evening:
    """Two hours of an election's first event, from its start."""

    election: Election
    scene: Scene
    folder: Path
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "evening"))
    _ended: threading.Event = field(default_factory=threading.Event)
    _service: Service | None = None

    @property
    def hours(self) -> tuple[Window, Window]:
        """The two hours."""
        first = window_at(self.election.calendar.events[0].window.start, Grain.HOUR)
        return first, window_at(first.end, Grain.HOUR)

    @contextmanager
    def capturing(self) -> Iterator[Callable[[], Heard | None]]:
        """Capture in a thread of its own, ended with the context; what is given waits until it is through."""
        future = self._pool.submit(self._capture)
        try:
            yield future.result
        finally:
            self._ended.set()
            if self._service is not None:
                self._service.stop()
            self._pool.shutdown()

    def _capture(self) -> Heard | None:
        start, end = self.hours[0].start - _BEFORE, self.hours[1].end + _AFTER
        world = World(self.scene)
        world.posts(start - HOUR, end)  # before the clock starts: it runs too fast for them to be made in time
        clock = FastClock(epoch_ms(start), _SPEED)
        stream = StreamOptions(keep_alive_s=10)
        with (
            start_x(
                scene=world, token=TOKEN, clock=LinkedClock(clock.now_ms, _SPEED), faults=self._faults(), stream=stream
            ) as x,
            (self.folder / "evening.log").open("w", encoding="utf-8") as log,
        ):

            def say(line: str) -> None:
                log.write(f"{iso(from_epoch_ms(clock.now_ms()))} {line}\n")
                log.flush()

            self._service = Service(self._options((end - start).total_seconds()), _parts(x, clock), clock, say)
            if self._ended.is_set():
                return None
            summary = self._service.run()
            return Heard(summary, self._outages(x))

    def _faults(self) -> list[StreamFault]:
        at = self.hours[0].start + _DOWN_AFTER
        return [
            StreamFault("reset", at=at),
            StreamFault("refuse", at=at, for_s=_DOWN_S, preset="service_unavailable"),
        ]

    def _options(self, seconds: float) -> CaptureOptions:
        return CaptureOptions(
            registry=self.folder / "candidates.yaml",
            spool=self.folder / "evening-spool",
            cap_bytes=_CAP_BYTES,
            budget_usd=0.0,
            prices=FREE,
            sandbox=True,
            store=lambda: open_store((self.folder / "data").as_uri()),
            for_s=seconds,
        )

    def _outages(self, x: XServer) -> tuple[Window, ...]:
        found = x.stream.outages(self.hours[0].start, self.hours[1].end)
        return tuple(Window(from_epoch_ms(since), from_epoch_ms(until)) for since, until in found)


def _parts(x: XServer, clock: FastClock) -> XParts:
    control = XControl(token=TOKEN, base_url=x.url)
    stream = XStream(
        token=TOKEN,
        base_url=x.url,
        clock=clock.now_ms,
        stall_s=clock.real(STALL_S) + _SLACK_S,
        connect_s=clock.real(CONNECT_S) + _SLACK_S,
    )
    return XParts(stream=stream, connections=XConnections(control), rules=XRules(control))


@contextmanager
def search_down(x: XServer) -> Iterator[None]:
    """Meanwhile X refuses every search: its limit is used up for a quarter of an hour."""
    reset = datetime.now(UTC) + timedelta(minutes=15)
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(reset.timestamp()))}
    x.faults.add(Fault(path=_SEARCH, preset="rate_limit", headers=headers, times=_REFUSALS))
    try:
        yield
    finally:
        while x.faults.take(_SEARCH) is not None:  # what was not refused is to be answered
            pass
