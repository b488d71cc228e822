"""Who is told what a connection brings: the bytes go to the spool before anything looks at them."""

from collections.abc import Callable
from typing import Protocol

from elec_assets.capture import records
from elec_assets.capture.meter import Meter
from elec_assets.capture.records import Record
from elec_assets.capture.spend import CaptureSpend


class Writing(Protocol):
    """The spool, as a connection sees it."""

    def append(self, record: Record) -> None:
        """Write a record."""
        ...

    def next_connection(self) -> int:
        """The number of the next connection."""
        ...


class Recorder:
    """The listener of one connection. `end` ends it: once what was wanted is proven, or no more may be spent.

    Attributes:
        until_ms: the connection ends with the first byte from here on; None: not yet.
        number: of the connection; 0 before it is open.
        over: why no more may be spent; None where it may.
    """

    def __init__(
        self, *, spool: Writing, spend: CaptureSpend, meter: Meter, until_ms: int | None, end: Callable[[], None]
    ) -> None:
        self.until_ms = until_ms
        self.number = 0
        self.over: str | None = None
        self._spool = spool
        self._spend = spend
        self._meter = meter
        self._end = end

    def opened(self, at_ms: int) -> None:
        """See `x_stream.Listener`; raises what the spool raises, which ends the connection."""
        number = self._spool.next_connection()
        self._spool.append(records.opened(at_ms, number))
        self.number = number
        self._meter.opened(number, at_ms)

    def line(self, raw: bytes, at_ms: int) -> None:
        """See `opened`."""
        try:
            self._spool.append(records.line(at_ms, self.number, raw))
        finally:  # X bills what does not fit too
            self._spend.count(raw, at_ms)
        self._meter.line(raw, at_ms)
        self.over = self.over or self._spend.allowed()
        if self.over is not None:
            self._end()
        self._served(at_ms)

    def keep_alive(self, at_ms: int) -> None:
        """See `opened`."""
        self._spool.append(records.kept_alive(at_ms, self.number))
        self._meter.kept_alive(at_ms)
        self._served(at_ms)

    def _served(self, at_ms: int) -> None:
        if self.until_ms is not None and at_ms >= self.until_ms:
            self._end()
