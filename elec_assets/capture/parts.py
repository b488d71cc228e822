"""What the loop of the stream works with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.connects import ConnectBudget
from elec_assets.capture.meter import Meter
from elec_assets.capture.spend import CaptureSpend
from elec_assets.capture.spool import Spool
from elec_assets.capture.wanted import Want
from elec_assets.clients.x_connections import Held
from elec_assets.clients.x_stream import Listener, StreamEnd


class Stream(Protocol):
    """See `clients.x_stream.XStream`."""

    def listen(self, listener: Listener) -> StreamEnd:
        """Connect once."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


class Connections(Protocol):
    """See `clients.x_connections.XConnections`."""

    def active(self) -> tuple[Held, ...]:
        """The open ones."""
        ...

    def end(self, ids: Sequence[str]) -> int:
        """End these."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with. `want` is what is wanted at a time; `sync_rules` raises `XError`."""

    stream: Stream
    connections: Connections
    sync_rules: Callable[[], None]
    want: Callable[[int], Want]
    spool: Spool
    spend: CaptureSpend
    connects: ConnectBudget
    clock: CaptureClock
    meter: Meter
    say: Callable[[str], None]
