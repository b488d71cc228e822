"""Which time connections have proven, record by record. One state machine for the spool and for what is made of it.

The spool hands its state from segment to segment (a CARRY at the start of each), so that every segment can be judged
alone and the proofs of a connection join over slots. Rules of proof: `domain/journal.py`. Besides:

- Bytes after a silence of more than SILENCE_MS prove nothing of the silence.
- A clock that is set back proves nothing that is in its future; what was proven before is not proven again.
- Damaged bytes of a segment may have been lines: the time about them is not proven.
"""

from typing import TypeVar

import msgspec

from elec_assets.capture.records import Kind, Record, Rules, SpoolDamaged, Stop
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import MARGIN_MS, RULES_LAG_MS, SILENCE_MS

_STOPS_KEPT = 8
_UNTIL_KNOWN = 1 << 62  # end of a bar that no record has ended
_T = TypeVar("_T", Rules, Stop)


class Connection(msgspec.Struct):
    """The connection that is open."""

    number: int
    opened_ms: int
    last_byte_ms: int


class Proof(msgspec.Struct):
    """What is known about the rules of an election.

    `start_ms`: proof goes on from here. `bars`: times within which the rules were changing.
    """

    since_ms: int
    start_ms: int
    bars: list[tuple[int, int]] = []


class Carry(msgspec.Struct):
    """The state between two segments. `connections`: highest number so far; `stops`: why nothing is listened to."""

    connections: int = 0
    open: Connection | None = None
    elections: dict[str, Proof] = {}
    stops: list[Stop] = []
    last_ms: int | None = None
    broken: bool = False


class Evidence:
    """The state after the records so far, and what they have newly proven (`proven`, by election)."""

    def __init__(self, carry: Carry | None = None) -> None:
        self.state = Carry() if carry is None else carry
        self.proven: dict[str, Intervals] = {}

    def apply(self, record: Record) -> None:
        """Take the next record in.

        Raises:
            SpoolDamaged: its payload is none of its kind.
        """
        kind, at_ms, connection, _ = record
        if kind is Kind.LINE or kind is Kind.KEEP_ALIVE:
            self.heard(at_ms, connection)
            return
        _READ[kind](self, record)
        if kind is not Kind.DAMAGE:
            self.state.last_ms = at_ms

    def heard(self, at_ms: int, connection: int) -> None:
        """A byte of a connection."""
        state = self.state
        state.last_ms = at_ms
        current = state.open
        if state.broken or current is None or current.number != connection:
            self._unsure(at_ms, connection)
        elif 0 <= at_ms - current.last_byte_ms <= SILENCE_MS:
            current.last_byte_ms = at_ms
        else:
            self._jumped(current, at_ms)

    def standing(self) -> frozenset[str]:
        """The elections whose rules stand, as far as is known: what a connection hears proves time of them."""
        return frozenset(key for key, proof in self.state.elections.items() if not _unknown(proof))

    def settle(self) -> None:
        """Add to `proven` all that the bytes so far prove."""
        current = self.state.open
        if current is not None:
            self._prove(current.last_byte_ms - MARGIN_MS)

    def hand_on(self, at_ms: int) -> Record:
        """The CARRY that the next segment begins with; what was proven so far is the last one's."""
        self.settle()
        self.proven.clear()
        return Record(Kind.CARRY, at_ms, 0, msgspec.json.encode(self.state))

    def renamed(self, at_ms: int) -> None:
        """The time is lived again, under another name: nothing that stands in the future counts any more."""
        current = self.state.open
        if current is not None:
            current.opened_ms = min(current.opened_ms, at_ms)
            current.last_byte_ms = min(current.last_byte_ms, at_ms)
        for proof in self.state.elections.values():
            proof.start_ms = min(proof.start_ms, at_ms)
            proof.since_ms = min(proof.since_ms, at_ms)
            lag = at_ms + RULES_LAG_MS
            proof.bars = [(min(a, at_ms), b if b == _UNTIL_KNOWN else min(b, lag)) for a, b in proof.bars]

    def _prove(self, end_ms: int) -> None:
        for election, proof in self.state.elections.items():
            if end_ms > proof.start_ms:
                span = Intervals(((proof.start_ms, end_ms),)) - Intervals.of(proof.bars)
                self.proven[election] = self.proven.get(election, NOWHERE) | span
                proof.start_ms = end_ms
                proof.bars = [bar for bar in proof.bars if bar[1] > end_ms]

    def _resume(self, at_ms: int) -> None:
        for proof in self.state.elections.values():
            proof.start_ms = max(proof.start_ms, at_ms)

    def _bar(self, at_ms: int) -> None:
        for proof in self.state.elections.values():
            proof.bars.append((at_ms, at_ms + RULES_LAG_MS))

    def _jumped(self, current: Connection, at_ms: int) -> None:
        """After a long silence, or the clock was set back."""
        back = at_ms < current.last_byte_ms
        self._prove(min(current.last_byte_ms - MARGIN_MS, at_ms))
        current.last_byte_ms = at_ms
        if not back:
            self._resume(at_ms)
            return
        proofs = self.state.elections.values()
        for proof in proofs:
            proof.bars = [(min(a, at_ms) if b == _UNTIL_KNOWN else a, b) for a, b in proof.bars]
        if any(at_ms < end < _UNTIL_KNOWN for proof in proofs for _, end in proof.bars):
            self._bar(at_ms)

    def _unsure(self, at_ms: int, connection: int) -> None:
        """A byte after damage, or of a connection that is not the open one."""
        state = self.state
        current = state.open
        if not state.broken:
            return  # a byte of a connection that has ended says nothing about now
        state.broken = False
        state.connections = max(state.connections, connection)
        if current is None or current.number != connection:
            state.open = current = Connection(connection, at_ms, at_ms)
            state.stops = []
        current.last_byte_ms = at_ms
        self._resume(at_ms)
        self._bar(at_ms)

    def _end(self) -> None:
        self.settle()
        self.state.open = None

    def _start(self, record: Record) -> None:  # noqa: ARG002 - all readers of records have one form
        self._end()

    def _open(self, record: Record) -> None:
        self._end()
        if self.state.broken:
            self._bar(record.at_ms)
        self.state.broken = False
        self.state.connections = max(self.state.connections, record.connection)
        self.state.open = Connection(record.connection, record.at_ms, record.at_ms)
        self.state.stops = []
        self._resume(record.at_ms)

    def _close(self, record: Record) -> None:
        current = self.state.open
        if current is not None and current.number == record.connection:
            self._end()

    def _rules(self, record: Record) -> None:
        said = read_rules(record)
        at_ms = record.at_ms
        since = at_ms if said.since_ms is None else min(said.since_ms, at_ms)
        end = _UNTIL_KNOWN if said.since_ms is None else since + RULES_LAG_MS
        proof = self.state.elections.get(said.election)
        if proof is None:
            opened = at_ms if self.state.open is None else self.state.open.opened_ms
            self.state.elections[said.election] = Proof(since, max(opened, since), [(since, end)])
        elif _unknown(proof):
            if said.since_ms is not None:
                proof.since_ms = at_ms
                # Not only the last bar: damage may have put another one after it.
                proof.bars = [(a, at_ms + RULES_LAG_MS if b == _UNTIL_KNOWN else b) for a, b in proof.bars]
        elif said.since_ms is None or since > proof.since_ms:
            proof.since_ms = since
            proof.bars.append((since, end))

    def _stop(self, record: Record) -> None:
        said = _payload(record, Stop)
        if said not in self.state.stops:
            self.state.stops = [*self.state.stops, said][-_STOPS_KEPT:]

    def _carried(self, record: Record) -> None:
        self._end()
        self.state = read_carry(record.payload)

    def _damaged(self, record: Record) -> None:  # noqa: ARG002 - all readers of records have one form
        self.settle()
        self.state.broken = True


_READ = {
    Kind.START: Evidence._start,
    Kind.OPEN: Evidence._open,
    Kind.CLOSE: Evidence._close,
    Kind.RULES: Evidence._rules,
    Kind.STOP: Evidence._stop,
    Kind.CARRY: Evidence._carried,
    Kind.DAMAGE: Evidence._damaged,
}


def read_rules(record: Record) -> Rules:
    """The payload of a RULES.

    Raises:
        SpoolDamaged: it is none.
    """
    return _payload(record, Rules)


def read_carry(data: bytes) -> Carry:
    """A state that was handed on, as JSON.

    Raises:
        SpoolDamaged: it is none.
    """
    try:
        return msgspec.json.decode(data, type=Carry)
    except (ValueError, RecursionError) as error:
        raise SpoolDamaged(f"the spool's state cannot be read: {error}; a newer program may have written it") from error


def _unknown(proof: Proof) -> bool:
    """Whether X was asked for a change of rules that no record has ended."""
    return any(end == _UNTIL_KNOWN for _, end in proof.bars)


def _payload(record: Record, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(record.payload, type=form)
    except (ValueError, RecursionError) as error:
        raise SpoolDamaged(f"a {record.kind.name} record of the spool cannot be read: {error}") from error
