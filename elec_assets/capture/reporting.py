"""Puts together what the service says of itself, from all its parts."""

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from elec_assets.capture import status as said
from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.listening import Listening
from elec_assets.capture.meter import Meter
from elec_assets.capture.outbox import Outbox
from elec_assets.capture.registry_watch import RegistryWatch
from elec_assets.capture.rule_keeper import RuleKeeper
from elec_assets.capture.spend import CaptureSpend
from elec_assets.capture.spool import Spool
from elec_assets.capture.status import Status
from elec_assets.capture.uploads import Uploads
from elec_assets.capture.wanted import Want
from elec_assets.domain.journal import MARGIN_MS
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR_MS, from_epoch_ms, iso

_NUMBERS = re.compile(r"\d[\d,.:]*")


class Said:
    """Tells a person each thing once. Texts that differ in their numbers alone are the same thing."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._told: set[str] = set()
        self._lasting: set[str] = set()

    def tell(self, text: str | None) -> None:
        """Tell what was not told yet."""
        if text and (name := _NUMBERS.sub("#", text)) not in self._told:
            self._told.add(name)
            self._say(text)

    def now(self, texts: Iterable[str]) -> None:
        """Tell all that is wrong now; what was, and is no more, is told again when it is back."""
        named = {_NUMBERS.sub("#", text): text for text in texts}
        self._told -= self._lasting - set(named)
        for text in named.values():
            self.tell(text)
        self._lasting = set(named)


@dataclass
class Reporter:
    """What the parts are, to the status file and to a person. Used by one thread, but for `warned` and `once`."""

    folder: Path
    clock: CaptureClock
    say: Callable[[str], None]
    meter: Meter
    spool: Spool
    spend: CaptureSpend
    listening: Listening
    uploads: Uploads
    outbox: Outbox
    keeper: RuleKeeper
    watch: RegistryWatch
    want: Callable[[int], Want]
    elections: Callable[[], tuple[Election, ...]]
    _started_ms: int = field(init=False)
    _said: Said = field(init=False)

    def __post_init__(self) -> None:
        self._said = Said(self.say)
        self._started_ms = self.clock.now_ms()

    def found(self) -> None:
        """Tell what the last run left."""
        found, lost = self.spool.found, self.spend.month.lost_usd
        if found.open_connection is not None or found.torn_bytes or found.damaged_bytes:
            last = "" if found.last_ms is None else f", at {_iso(found.last_ms)}"
            self.say(
                f"the last run ended without closing{last}: connection {found.open_connection or 'none'} was open, "
                f"{found.torn_bytes} bytes of an unfinished record were cut off, {found.damaged_bytes} are damaged"
            )
        if found.slots:
            self.say(f"{found.slots} closed slots wait in the spool for their upload")
        if lost:
            self.say(f"{lost:.2f} USD of this month were reserved by runs that were killed, and count as spent")
        keys = ", ".join(e.key for e in self.elections())
        self.say(f"spool {self.folder}, id {self.spool.id}; elections: {keys}; {self._planned()}")

    def write(self, status: Status) -> None:
        """Replace the status file. A full disk must not stop the capture."""
        with suppress(OSError):
            said.write_status(self.folder, status)

    def progress(self) -> None:
        """Tell in one line how it goes."""
        now = self.status(running=True)
        self.say(said.progress(now))
        self._said.now(now.alerts)

    def once(self, text: str | None) -> None:
        """Tell what was not told yet."""
        self._said.tell(text)

    def warned(self, before: bool) -> bool:
        """Whether the spool nears its cap; tells when it begins to."""
        near = self.spool.warn
        if near and not before:
            self.say(self._near_full())
        return near

    def status(self, *, running: bool) -> Status:
        """Everything, now."""
        now = self.clock.now_ms()
        meter, spool, uploads, month = self.meter, self.spool, self.uploads, self.spend.month
        waiting = spool.closed()
        return Status(
            at=_iso(now),
            pid=os.getpid(),
            running=running,
            started=_iso(self._started_ms),
            connection=said.Connected(
                state="connected" if meter.connected else self.listening.state,
                number=meter.number,
                since=_maybe(meter.opened_ms),
                last_byte=_maybe(meter.last_byte_ms),
            ),
            lines=meter.lines,
            per_minute=meter.per_minute(now),
            lag_s=meter.lag_s,
            connections=meter.connections,
            planned=self._planned(),
            spool=said.SpoolUse(
                used_bytes=spool.used_bytes,
                cap_bytes=spool.cap_bytes,
                waiting=len(waiting),
                oldest=_iso(waiting[0].slot_ms) if waiting else None,
                near_full=spool.warn,
                disputed=self.outbox.disputed(),
            ),
            upload=said.Uploading(
                slots=uploads.slots,
                last=_maybe(uploads.last_ms),
                problem=uploads.problem,
                problem_since=_maybe(uploads.since_ms),
            ),
            spend=said.Money(
                month=month.month,
                spent_usd=round(month.settled_usd, 4),
                reserved_usd=round(month.reserved_usd, 4),
                lost_usd=round(month.lost_usd, 4),
                share_usd=self.spend.budget_usd,
                free=self.spend.free,
            ),
            registry=said.Following(
                version=self.watch.registry.version,
                elections=tuple(e.key for e in self.elections() if e.active_at(from_epoch_ms(now))),
                rules=self.keeper.count,
                problems=tuple(text for text in (self.watch.problem, *self.keeper.refused) if text),
            ),
            alerts=tuple(self._alerts()),
        )

    def _alerts(self) -> list[str]:
        """What a person should mend."""
        disputed = self.outbox.disputed()
        texts = [
            self.listening.alert,
            self.spend.allowed(),
            self._near_full() if self.spool.warn else None,
            f"the store does not take what is uploaded: {self.uploads.problem}" if self.uploads.problem else None,
            f"{disputed} batches are disputed: see {self.folder / 'outbox' / 'disputed'}" if disputed else None,
        ]
        return [text for text in texts if text]

    def _near_full(self) -> str:
        return (
            f"the spool nears its cap: {self.spool.used_bytes:,} of {self.spool.cap_bytes:,} bytes; at the cap the "
            "stream is closed. See that the store takes what waits, or raise ELEC_SPOOL_MAX_BYTES"
        )

    def _planned(self) -> str:
        now = self.clock.now_ms()
        want = self.want(now)
        if want.connected:
            if want.until_ms is None or want.until_ms - now > HOUR_MS:
                return "planned now"
            return f"planned until {_iso(want.until_ms - MARGIN_MS)}"
        return "nothing planned" if want.next_ms is None else f"next planned time: {_iso(want.next_ms)}"


def _iso(at_ms: int) -> str:
    return iso(from_epoch_ms(at_ms - at_ms % 1000))


def _maybe(at_ms: int | None) -> str | None:
    return None if at_ms is None else _iso(at_ms)
