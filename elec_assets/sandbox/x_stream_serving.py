"""One connection of the stream, served: what is due is sent, what the script says happens, and so does its end."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms, from_epoch_ms
from elec_assets.sandbox.clock import Clock, speed_of
from elec_assets.sandbox.posts import PostSource
from elec_assets.sandbox.x_accounts import Bill
from elec_assets.sandbox.x_connections import Connection, Connections
from elec_assets.sandbox.x_fields import Selection
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_feed import Due, Feed, Prepared
from elec_assets.sandbox.x_stream_lines import Line, disconnect_line, encode, line_of
from elec_assets.sandbox.x_stream_match import Matcher
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.sandbox.x_stream_script import StreamScript
from elec_assets.sandbox.x_stream_seeds import unit
from elec_assets.sandbox.x_stream_truth import Delivery, Truth
from elec_assets.sandbox.x_stream_wire import LINE_END, Coding, Gone, Slow, Wire

# Lines that are sent at a time.
_BATCH = 500
# Real seconds between two looks at a clock: it may be one that a test moves by hand.
_LONGEST_WAIT_S = 0.1
# Real seconds: lines that are due within them go together.
_SHORTEST_WAIT_S = 0.002
# A client that is slow for a moment of the wall is not slow, however fast the clock runs.
_LEAST_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections share."""

    source: PostSource
    bill: Bill
    clock: Clock
    options: StreamOptions
    matcher: Matcher
    script: StreamScript
    connections: Connections
    truth: Truth


@dataclass(frozen=True, slots=True)
class _End:
    """How a connection ends: in X's words, by a reset or not, and how long a ghost of it lingers."""

    why: str
    reset: bool = False
    ghost_s: float = 0.0


class Serving:
    """The answer to one request for the stream that was let in.

    Attributes:
        connection: its entry in the list of connections.
        headers: of the answer.
    """

    def __init__(
        self,
        shared: Shared,
        connection: Connection,
        feed: Feed | Prepared,
        selection: Selection,
        coding: Coding,
        headers: Mapping[str, str],
    ) -> None:
        self.connection = connection
        self.headers = {**headers, "Content-Type": "application/json; charset=utf-8", **_CODING_HEADERS[coding]}
        self._shared = shared
        self._feed = feed
        self._selection = selection
        self._coding = coding
        self._speed = speed_of(shared.clock)
        self._last_ms = connection.opened_ms
        # All that was due until then was sent: what comes after may never be.
        self._sent_ms = connection.opened_ms
        # What a ghost of it lingers once the client leaves.
        self._ghost_s = shared.options.ghost_s

    def run(self, opened: socket.socket, flush: Callable[[], None]) -> bool:
        """Serve the connection until it ends; returns whether it is to be closed by a reset.

        Args:
            opened: the socket, on which the head of the answer waits to be flushed.
            flush: sends the head.
        """
        number = self.connection.number
        patience_s = max(_LEAST_PATIENCE_S, self._shared.options.slow_reader_s / self._speed)
        end = _End("ClientClosed")
        try:
            flush()
            self._shared.truth.begin(number, self.connection.opened_ms)
            with Wire(opened, self._coding, patience_s) as wire:
                self.connection.wake = wire.wake
                end = self._serve(wire)
        except (Gone, ConnectionError):
            end = _End("ClientClosed", ghost_s=self._ghost_s)
        except Slow:
            end = _End("SlowReader", reset=True)
        finally:
            self._shared.truth.pause(number, self._sent_ms + 1)
            self._shared.connections.close(self.connection, end.why, end.ghost_s)
        return end.reset

    def _serve(self, wire: Wire) -> _End:
        while True:
            if self.connection.killed:
                return self._disconnect(wire, "ForceDisconnect", 0.0)
            due_ms = self._now_ms()
            more = self._send_due(wire, due_ms)
            if not more:
                self._sent_ms = due_ms
            now = self._now_ms()
            fault = self._shared.script.strikes(now, self._sent(), self.connection.number)
            end = None if fault is None else self._struck(wire, fault)
            if end is not None:
                return end
            if now - self._last_ms >= self._keep_alive_ms:
                wire.send([LINE_END])
                self._last_ms = now
            if not more:
                wire.wait(self._pause_s())

    def _send_due(self, wire: Wire, now: int) -> bool:
        """Send what is due; returns whether more is."""
        room = min(_BATCH, self._shared.script.lines_left(self._sent()) or _BATCH)
        if isinstance(self._feed, Prepared):
            raws = self._feed.take(now, room)
            if raws:
                wire.send(raws)
                self._last_ms = now
            return len(raws) == room
        taken = self._feed.take(now, room)
        lines: list[Line] = []
        before = self._sent()
        for due in taken:
            line = self._line(due, now, before + len(lines))
            if line is not None:
                lines.append(line)
        if lines:
            wire.wait(0)  # raises if the client has left: these lines are not for it
            # Before they are sent: who has read a line finds it there. One that nobody takes any more is there too.
            self._account(lines, now)
            wire.send([raw for line in lines for raw in (*line.before, line.raw)])
            self._last_ms = now
        return len(taken) == room

    def _line(self, due: Due, now: int, before: int) -> Line | None:
        """The line of a post that comes after so many; None if it matches no rule."""
        shared = self._shared
        rules = shared.matcher.match(due.post, (due.tweet_id >> 22) + X_EPOCH_MS)
        if not rules:
            return None
        faults = [] if due.again else shared.script.spoiling(now, before, due.tweet_id, self.connection.number)
        for fault in faults:
            if fault.do == "duplicate" and isinstance(self._feed, Feed):
                wait_ms = round(1000 * fault.delay_s * unit(shared.options.seed, "again", due.tweet_id))
                self._feed.put(Due(now + wait_ms, due.tweet_id, due.post, again=True))
        return line_of(due.post, rules, self._selection, shared.source, faults)

    def _account(self, lines: list[Line], now: int) -> None:
        self._shared.truth.sent(Delivery(line.post, now, self.connection.number) for line in lines)
        referenced = {key for line in lines for key in line.referenced}
        users = {key for line in lines for key in line.users}
        self._shared.bill.read(from_epoch_ms(now).date(), {line.post for line in lines}, referenced, users)

    def _struck(self, wire: Wire, fault: StreamFault) -> _End | None:
        """What a fault does to this connection; None if it goes on."""
        ghost_s = fault.ghost_s or 0.0
        match fault.do:
            case "stall":
                return self._stall(wire, fault)
            case "disconnect":
                return self._disconnect(wire, fault.disconnect_type, ghost_s)
            case "close":
                wire.finish()
            case "cut":
                wire.send_half(encode({"data": {"id": "1", "text": "a line that is cut"}}))
        if fault.do == "ghost":
            return _End("ghost", reset=True, ghost_s=fault.for_s)
        return _End(fault.do, reset=fault.do == "reset", ghost_s=ghost_s)

    def _stall(self, wire: Wire, fault: StreamFault) -> _End | None:
        """No byte any more, for a time or for good. What is due waits, as in a network that stands still."""
        begun = self._now_ms()
        self._shared.truth.pause(self.connection.number, self._sent_ms + 1)
        usual, self._ghost_s = self._ghost_s, self._ghost_s if fault.ghost_s is None else fault.ghost_s
        while not fault.for_s or self._now_ms() < begun + fault.for_s * 1000:
            if self.connection.killed:
                return _End("ForceDisconnect")
            wire.wait(_LONGEST_WAIT_S if not fault.for_s else self._until_s(begun + fault.for_s * 1000))
        self._ghost_s, self._sent_ms = usual, self._now_ms()
        self._shared.truth.begin(self.connection.number, self._sent_ms)
        return None

    def _disconnect(self, wire: Wire, disconnect_type: str, ghost_s: float) -> _End:
        wire.send([disconnect_line(disconnect_type)])
        wire.finish()
        return _End(disconnect_type, ghost_s=ghost_s)

    def _pause_s(self) -> float:
        next_ms: float = self._last_ms + self._keep_alive_ms
        if isinstance(self._feed, Feed):
            next_ms = min(next_ms, self._feed.next_ms())
        else:
            return _SHORTEST_WAIT_S
        fault_ms = self._shared.script.next_ms()
        return self._until_s(next_ms if fault_ms is None else min(next_ms, fault_ms))

    def _until_s(self, at_ms: float) -> float:
        """Real seconds until a time, within what is waited at once."""
        seconds = (at_ms - self._now_ms()) / 1000 / self._speed
        return min(max(seconds, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)

    def _sent(self) -> int:
        """Lines that were sent on all connections."""
        return self._feed.sent if isinstance(self._feed, Prepared) else len(self._shared.truth.delivered)

    @property
    def _keep_alive_ms(self) -> float:
        return self._shared.options.keep_alive_s * 1000

    def _now_ms(self) -> int:
        return epoch_ms(self._shared.clock())


_CODING_HEADERS: Mapping[Coding, Mapping[str, str]] = {
    Coding.CHUNKED: {"Transfer-Encoding": "chunked"},
    Coding.GZIP: {"Transfer-Encoding": "chunked", "Content-Encoding": "gzip"},
    Coding.PLAIN: {"Connection": "close"},
}
