"""The loop of the stream: when it is wanted, allowed and due, connect once, record until it ends, and judge the end."""

import threading
from contextlib import suppress
from dataclasses import replace

from elec_assets.capture import records
from elec_assets.capture.backoff import Backoff, Pause
from elec_assets.capture.parts import Parts
from elec_assets.capture.recorder import Recorder
from elec_assets.capture.records import Record
from elec_assets.capture.segments import SpoolFull
from elec_assets.capture.wanted import LATE_MS, Want
from elec_assets.clients.x_errors import XError
from elec_assets.clients.x_stream import StreamEnd
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import from_epoch_ms, iso

# Looked at again after so many seconds, whatever is waited for: the plan, the budget and the spool may change.
_LOOK_S = 15.0
# A full spool is connected to again once so much of it is free.
_ROOM = 0.1


class Listening:
    """Listens until it is stopped. `run` is for a thread of its own; the rest may be called from any.

    Attributes:
        state: what it does now, in words.
        alert: what only a person can mend; None where there is nothing.
        failed: what ended the loop although it was not stopped.
    """

    def __init__(self, parts: Parts) -> None:
        self.state = "starting"
        self.alert: str | None = None
        self.failed: Exception | None = None
        self._p = parts
        self._stop = threading.Event()
        self._backoff = Backoff()
        self._recorder: Recorder | None = None
        self._not_before_ms = 0
        self._why = ""
        self._ghosts = True
        self._full = False
        self._begun = False
        self._stopped: tuple[Outcome, str] | None = None

    def run(self) -> None:
        """Until `stop`."""
        try:
            while not self._stop.is_set():
                wait_s = self._step()
                if wait_s > 0:
                    self._p.clock.wait(self._stop, min(wait_s, _LOOK_S))
        except Exception as error:  # noqa: BLE001 - told by the thread that waits for this one
            self.failed = error
        finally:
            self.state = "stopped"

    def stop(self) -> None:
        """End the connection, and the loop."""
        self._stop.set()
        self._p.stream.stop()

    def tick(self) -> None:
        """To be called each second: ends a connection that has served, and sees that the plan may have changed."""
        recorder = self._recorder
        if recorder is None or not recorder.number:
            return
        now = self._p.clock.now_ms()
        want = self._p.want(now)
        recorder.until_ms = want.until_ms if want.connected else now
        if not want.connected or (want.until_ms is not None and now >= want.until_ms + LATE_MS):
            self._p.stream.stop()

    def _step(self) -> float:
        """One look, and one connection where it is time for one; seconds until the next look."""
        now = self._p.clock.now_ms()
        want = self._p.want(now)
        if not want.begin:
            self._stopped = None
            when = "" if want.next_ms is None else f" until {iso(from_epoch_ms(want.next_ms).replace(microsecond=0))}"
            self.state = f"not planned{when}"
            return _LOOK_S if want.next_ms is None else (want.next_ms - now) / 1000
        refusal = self._refusal()
        if refusal is not None:
            self._halt(*refusal)
            return _LOOK_S
        wait_s = max((self._not_before_ms - now) / 1000, self._p.connects.wait_s(self._p.clock.steady_ms()))
        if wait_s > 0:
            self.state = f"waiting {wait_s:.0f} s{self._why}"
            return wait_s
        self.alert = None
        try:
            self._prepare()
            self._connect(want)
        except XError as error:
            self._pause(self._backoff.after_error(error, self._p.clock.now_ms()))
        except SpoolFull as error:
            self._full = True
            self._halt(Outcome.ERROR, str(error))
            return _LOOK_S
        except OSError as error:
            told = f"the spool cannot be written: {error}; free space or mend the rights of ELEC_SPOOL"
            self._halt(Outcome.ERROR, told)
            return _LOOK_S
        return 0.0

    def _refusal(self) -> tuple[Outcome, str] | None:
        """Why there is to be no connection."""
        over = self._p.spend.allowed()
        if over is not None:
            return Outcome.OVER_BUDGET, over
        spool = self._p.spool
        self._full = self._full and spool.used_bytes > (1 - _ROOM) * spool.cap_bytes
        if self._full:
            return (
                Outcome.ERROR,
                "the spool is full: see that the store takes what waits, or raise ELEC_SPOOL_MAX_BYTES",
            )
        return None

    def _prepare(self) -> None:
        """The spool begun, ghosts ended, rules as they are wanted."""
        if not self._begun:
            self._p.spool.append(records.started(self._p.clock.now_ms()))
            self._begun = True
        if self._ghosts:
            self._end_ghosts()
            self._ghosts = False
        self.state = "synchronizing rules"
        self._p.sync_rules()

    def _end_ghosts(self) -> int:
        """End the connections that X holds open for this app; how many were."""
        held = self._p.connections.active()
        if not held:
            return 0
        ended = self._p.connections.end([each.id for each in held])
        since = ", ".join(iso(h.connected_at) for h in held if h.connected_at is not None)
        self._p.say(
            f"ended {ended} connection{'s' * (ended != 1)} that X held open" + (f" since {since}" if since else "")
        )
        return ended

    def _connect(self, want: Want) -> None:
        p = self._p
        p.connects.take(p.clock.now_ms(), p.clock.steady_ms())
        p.spend.connecting()
        self.state = "connecting"
        recorder = Recorder(spool=p.spool, spend=p.spend, meter=p.meter, until_ms=want.until_ms, end=p.stream.stop)
        self._recorder = recorder
        try:
            if self._stop.is_set():
                return
            end = p.stream.listen(recorder)
        except (SpoolFull, OSError) as error:
            self._ended(recorder, str(error))
            raise
        finally:
            self._recorder = None
            p.meter.closed()
            p.spend.disconnected()
        self._judge(recorder, end)

    def _judge(self, recorder: Recorder, end: StreamEnd) -> None:
        if not end.reached:
            self._p.connects.give_back()
        self._ended(recorder, end.why if recorder.over is None else recorder.over)
        pause = self._backoff.after(end, self._p.clock.now_ms())
        if recorder.number:  # a cut that is mended within seconds is told by the connection itself
            pause = replace(pause, outcome=None)
        if not self._stop.is_set():
            self._pause(pause)

    def _ended(self, recorder: Recorder, why: str) -> None:
        if recorder.number:
            self._note(records.closed(self._p.clock.now_ms(), recorder.number, why))
            self._stopped = None
            self._p.say(f"connection {recorder.number} ended: {why}")

    def _pause(self, pause: Pause) -> None:
        wait_s = pause.wait_s
        if pause.end_ghosts:
            try:
                wait_s = pause.wait_ended_s if self._end_ghosts() else wait_s
            except XError as error:
                self._p.say(f"other connections could not be ended: {error}")
        self._not_before_ms = self._p.clock.now_ms() + round(wait_s * 1000)
        self._why = f": {pause.why}" if pause.outcome is not None else ""
        self.alert = pause.why if pause.alert else None
        if pause.outcome is not None:
            self._halt(pause.outcome, pause.why, say=wait_s >= 1)

    def _halt(self, outcome: Outcome, why: str, *, say: bool = True) -> None:
        """Write down why planned time is not listened to, once."""
        self.state = why
        if self._stopped == (outcome, why):
            return
        self._stopped = outcome, why
        self._note(records.stopped(self._p.clock.now_ms(), outcome, why))
        if say:
            self._p.say(f"not listening ({outcome}): {why}")

    def _note(self, record: Record) -> None:
        """Write down what can be done without: on a full disk a missing journal says as much."""
        with suppress(SpoolFull, OSError):
            self._p.spool.append(record)
