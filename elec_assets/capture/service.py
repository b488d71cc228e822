"""The capture service: one process, one connection for all active elections, until it is stopped.

Four threads: one listens; one makes durable what came, each second, and closes slots; one uploads; one looks after the
registry. Whoever calls `run` watches over them.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.connects import ConnectBudget
from elec_assets.capture.listening import Listening
from elec_assets.capture.meter import Meter
from elec_assets.capture.options import CaptureOptions, CaptureSummary, XParts, refuse_nothing
from elec_assets.capture.outbox import Outbox, Parcel
from elec_assets.capture.packing import parcels_of
from elec_assets.capture.parts import Parts
from elec_assets.capture.registry_watch import LOOK_S, RegistryWatch
from elec_assets.capture.reporting import Reporter
from elec_assets.capture.rule_keeper import RuleKeeper
from elec_assets.capture.segments import Segment, SpoolFull
from elec_assets.capture.source import ClaimedStore, claim_spool
from elec_assets.capture.spend import CaptureSpend
from elec_assets.capture.spool import Spool
from elec_assets.capture.status import EVERY_S
from elec_assets.capture.uploader import Uploader
from elec_assets.capture.uploads import Uploads
from elec_assets.capture.wanted import Want, Wanted
from elec_assets.clients.x_errors import XError
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import from_epoch_ms

_TICK_S = 1.0
_PROGRESS_S = 60.0
# Of the 2 s that a stop may take, in seconds of the wall.
_LISTENING_END_S, _UPLOAD_END_S, _TICK_END_S = 0.7, 0.7, 0.3
_LOOK_END_S = 0.1


class Service:
    """Made, run once, stopped from any thread or from a signal's handler. `say` tells a person, line by line.

    Raises:
        RegistryInvalid: there is no registry to begin with.
        CaptureRefused: there is nothing to capture.
        SpoolLocked, SpoolDamaged, OtherSource, LedgerUnreadable: the spool cannot be used; the text says what to do.
        OSError: the file system refused.
    """

    def __init__(self, options: CaptureOptions, x: XParts, clock: CaptureClock, say: Callable[[str], None]) -> None:
        self._options = options
        self._x = x
        self._clock = clock
        self._say = say
        self._stop = threading.Event()
        self._interrupted = threading.Event()
        self._failed: Exception | None = None
        self._watch = RegistryWatch(options.registry)
        self._plan()
        refuse_nothing(options, self._watch.registry, self._now())
        self.spool = Spool(options.spool, cap_bytes=options.cap_bytes)
        try:
            self._assemble(options.spool)
        except BaseException:
            self.spool.close()
            raise

    def _assemble(self, folder: Path) -> None:
        options, clock, say = self._options, self._clock, self._say
        claim_spool(folder, sandbox=options.sandbox)
        self.spend = CaptureSpend(folder, budget_usd=options.budget_usd, prices=options.prices, clock=clock)
        self.meter = Meter()
        self._store = ClaimedStore(options.store, sandbox=options.sandbox)
        self._outbox = Outbox(folder / "outbox")
        self._keeper = RuleKeeper(rules=self._x.rules, spool=self.spool, clock=clock, say=say)
        connects = ConnectBudget(folder, wall_ms=clock.now_ms(), steady_ms=clock.steady_ms())
        parts = Parts(
            stream=self._x.stream,
            connections=self._x.connections,
            sync_rules=self._sync_rules,
            want=self._want,
            spool=self.spool,
            spend=self.spend,
            connects=connects,
            clock=clock,
            meter=self.meter,
            say=say,
        )
        self._listening = Listening(parts)
        uploader = Uploader(
            slots=self.spool,
            store=self._store.claimed,
            outbox=self._outbox,
            pack=self._pack,
            say=say,
        )
        self._uploads = Uploads(uploader, clock, say)
        self._reporter = Reporter(
            folder=folder,
            clock=clock,
            say=say,
            meter=self.meter,
            spool=self.spool,
            spend=self.spend,
            listening=self._listening,
            uploads=self._uploads,
            outbox=self._outbox,
            keeper=self._keeper,
            watch=self._watch,
            want=self._want,
            elections=self._elections,
        )

    def stop(self) -> None:
        """End in order: within 2 seconds, whatever the store and X do."""
        self._interrupted.set()
        self._stop.set()

    def run(self) -> CaptureSummary:
        """Capture until `stop`, or for the time that the options name.

        Raises:
            OtherSource: the store holds posts of another source.
            Exception: a fault of this program, in one of its threads.
        """
        began = self._clock.now_ms()
        self._reporter.found()
        threads = [
            self._thread("listening", self._listening.run),
            self._thread("seconds", self._seconds),
            self._thread("uploads", self._uploads.run),
            self._thread("registry", self._registry),
        ]
        try:
            self._attend(began)
        finally:
            self._end(threads)
        return self._summary(began)

    def _thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        def watched() -> None:
            try:
                run()
            except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
                self._failed = self._failed or error

        # Daemons: a store that does not answer must not keep the process.
        thread = threading.Thread(target=watched, name=f"capture {name}", daemon=True)
        thread.start()
        return thread

    def _attend(self, began_ms: int) -> None:
        """Until it is to end: write the status, tell how it goes, see that all threads live."""
        ends_ms = None if self._options.for_s is None else began_ms + round(self._options.for_s * 1000)
        status_ms, progress_ms = 0, began_ms + round(_PROGRESS_S * 1000)
        while not self._stop.is_set():
            now = self._clock.now_ms()
            if ends_ms is not None and now >= ends_ms:
                return
            self._raise_failures()
            if now >= status_ms:
                self._reporter.write(self._reporter.status(running=True))
                status_ms = now + round(EVERY_S * 1000)
            if now >= progress_ms:
                self._reporter.progress()
                progress_ms = now + round(_PROGRESS_S * 1000)
            left_s = _TICK_S if ends_ms is None else min(_TICK_S, (ends_ms - now) / 1000)
            self._clock.wait(self._stop, left_s)

    def _raise_failures(self) -> None:
        failed = self._listening.failed or self._uploads.failed or self._failed
        if failed is not None:
            raise failed

    def _end(self, threads: list[threading.Thread]) -> None:
        listening, seconds, uploads, _ = threads
        self._listening.stop()
        listening.join(_LISTENING_END_S)
        once = self._options.for_s is not None and not self._stop.is_set()
        self._stop.set()
        seconds.join(_TICK_END_S)
        self._uploads.stop()
        try:
            if once:
                self.spool.roll(self._clock.now_ms(), early=True)
                self._wait_for(uploads)
                self._wait_for(self._thread("last upload", self._uploads.finish))
                self._raise_failures()
            uploads.join(_UPLOAD_END_S)
        finally:
            self.spend.close()
            self._last = self._reporter.status(running=False)
            self._reporter.write(self._last)
            self.spool.close()

    def _wait_for(self, thread: threading.Thread) -> None:
        """Until it ends, or `stop` is called: a store that does not answer must not keep a run of a named time."""
        while thread.is_alive() and not self._interrupted.is_set():
            thread.join(_LOOK_END_S)

    def _seconds(self) -> None:
        """Each second: what came is durable, slots that are over are closed."""
        warned = False
        while not self._clock.wait(self._stop, _TICK_S):
            try:
                self.spool.sync()
                waiting = len(self.spool.closed())
                self.spool.roll(self._clock.now_ms())
                if len(self.spool.closed()) > waiting:
                    self._uploads.closed()
                self.spend.tick()
            except (SpoolFull, OSError) as error:
                # What was heard may not be durable: it must not count as heard.
                self._reporter.once(f"the spool cannot be written: {error}")
                self._x.stream.stop()
            self._listening.tick()
            warned = self._reporter.warned(warned)

    def _registry(self) -> None:
        """Now and then: the registry may have changed, or who is followed."""
        if self._watch.checked(self._store.open, self._now()):
            self._follow()
        while True:
            for text in (self._watch.problem, self._watch.unchecked, self._store.unclaimed):
                self._reporter.once(text)
            try:
                if self.meter.connected and self._keeper.due(self._wanted.elections):
                    self._sync_rules()
            except (XError, SpoolFull, OSError) as error:
                self._say(f"the rules at X could not be changed, and are tried again: {error}")
            if self._clock.wait(self._stop, LOOK_S):
                return
            if self._watch.looked(self._store.open, self._now()):
                self._follow()

    def _plan(self) -> None:
        """`_wanted` is listened to; `_planned` is packed too: the spool may hold what an earlier run listened to."""
        self._wanted = Wanted(self._elections())
        self._planned = Wanted(self._watch.registry.elections.values())

    def _pack(self, segment: Segment) -> list[Parcel]:
        return parcels_of(self.spool, segment, self._planned, self._watch.registry.version, self._options.elections)

    def _follow(self) -> None:
        self._plan()
        self._say(f"the registry is now version {self._watch.registry.version}")

    def _sync_rules(self) -> None:
        self._keeper.ensure(self._wanted.elections, self._watch.registry.version)

    def _want(self, now_ms: int) -> Want:
        if self._options.for_s is not None:
            return Want(connected=True, begin=True)
        return self._wanted.at(now_ms)

    def _elections(self) -> tuple[Election, ...]:
        named = self._options.elections
        return tuple(e for key, e in self._watch.registry.elections.items() if not named or key in named)

    def _summary(self, began_ms: int) -> CaptureSummary:
        status = self._last
        return CaptureSummary(
            seconds=round((self._clock.now_ms() - began_ms) / 1000, 1),
            lines=self.meter.lines,
            keep_alives=self.meter.keep_alives,
            connections=self.meter.connections,
            uploaded=self._uploads.slots,
            waiting=status.spool.waiting,
            spent_usd=status.spend.spent_usd,
            problems=(*status.alerts, *status.registry.problems),
        )

    def _now(self) -> datetime:
        return from_epoch_ms(self._clock.now_ms())
