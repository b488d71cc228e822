"""What a slot's connections did in it: lines, keep-alives and bytes of each, when it ended and why."""

from dataclasses import dataclass

from elec_assets.capture.evidence import Connection, Evidence
from elec_assets.capture.records import Kind, Record, why_of
from elec_assets.domain.journal import ConnectionSpan

KILLED = "its process ended without closing it"
REPLACED = "another connection was opened"
_KEEP_ALIVE_BYTES = 2


@dataclass(slots=True)
class _Span:
    number: int
    opened_ms: int
    last_byte_ms: int
    closed_ms: int | None = None
    why: str | None = None
    lines: int = 0
    keep_alives: int = 0
    bytes: int = 0


class ConnectionSpans:
    """The connections of a slot, from its records in order."""

    def __init__(self) -> None:
        self._spans: dict[int, _Span] = {}

    def apply(self, record: Record, evidence: Evidence) -> None:
        """Take the next record in; `evidence` has taken it already."""
        kind, at_ms, connection, payload = record
        span = self._spans.get(connection)
        if kind is Kind.LINE or kind is Kind.KEEP_ALIVE:
            if span is None:  # its opening was damaged
                span = self._spans[connection] = _Span(connection, at_ms, at_ms)
            span.last_byte_ms = at_ms
            span.lines += kind is Kind.LINE
            span.keep_alives += kind is Kind.KEEP_ALIVE
            span.bytes += len(payload) if kind is Kind.LINE else _KEEP_ALIVE_BYTES
        elif kind is Kind.CLOSE:
            if span is not None and span.why is None:
                span.closed_ms, span.why = at_ms, why_of(record)
        else:
            self._other(record, evidence.state.open)

    def spans(self) -> tuple[ConnectionSpan, ...]:
        """What they did, by number."""
        return tuple(
            ConnectionSpan(
                number=span.number,
                opened_ms=span.opened_ms,
                last_byte_ms=span.last_byte_ms,
                closed_ms=span.closed_ms,
                why=span.why,
                lines=span.lines,
                keep_alives=span.keep_alives,
                bytes=span.bytes,
            )
            for _, span in sorted(self._spans.items())
        )

    def _other(self, record: Record, current: Connection | None) -> None:
        if record.kind is Kind.START:
            self._end_all(None, KILLED)
        elif record.kind is Kind.OPEN:
            self._end_all(record.at_ms, REPLACED)
        if current is not None and current.number not in self._spans:
            self._spans[current.number] = _Span(current.number, current.opened_ms, current.last_byte_ms)

    def _end_all(self, at_ms: int | None, why: str) -> None:
        for span in self._spans.values():
            if span.why is None:
                span.closed_ms, span.why = at_ms, why
