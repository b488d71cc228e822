"""A batch's journal as stored: JSON with one field a line, times ISO 8601 with Z.

Receive times are differences to the line before, connections of lines are runs: a journal of 75,000 lines takes
some 200 kB. The same journal gives the same bytes.
"""

from collections.abc import Iterable
from itertools import accumulate, chain, groupby, pairwise, repeat
from typing import Annotated, NoReturn

import msgspec

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import VERSION, BatchJournal, ConnectionSpan
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import Grain, epoch_ms, from_epoch_ms, iso, iso_ms, parse_iso, window_of_key

_Count = Annotated[int, msgspec.Meta(ge=0)]
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


class JournalUnreadable(ValueError):
    """A journal is damaged, is not the one its key names, or was written by a newer program; the text names it."""


class _Connection(msgspec.Struct, frozen=True):
    number: _Count
    opened: str
    last_byte: str
    closed: str | None
    why: str | None
    lines: _Count
    keep_alives: _Count
    bytes: _Count


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    spool: str
    election: str
    slot: str
    registry_version: str
    planned: tuple[tuple[str, str], ...]
    covered: tuple[tuple[str, str], ...]
    connections: tuple[_Connection, ...]
    posts: _Count
    notices: _Count
    unreadable: _Count
    hours: dict[str, _Count]
    causes: tuple[tuple[Outcome, str], ...]
    received_first: str | None
    received_steps_ms: tuple[int, ...]
    line_connections: tuple[tuple[_Count, Annotated[int, msgspec.Meta(gt=0)]], ...]


class _Header(msgspec.Struct):
    version: int


def encode_journal(journal: BatchJournal) -> bytes:
    """The journal as stored."""
    received = journal.received_ms
    stored = _Stored(
        version=VERSION,
        spool=journal.spool,
        election=journal.election,
        slot=iso(from_epoch_ms(journal.slot_ms)),
        registry_version=journal.registry_version,
        planned=_spans(journal.planned),
        covered=_spans(journal.covered),
        connections=tuple(map(_connection, journal.connections)),
        posts=journal.posts,
        notices=journal.notices,
        unreadable=journal.unreadable,
        hours=dict(sorted(journal.hours.items())),
        causes=journal.causes,
        received_first=_time(received[0]) if received else None,
        received_steps_ms=tuple(later - earlier for earlier, later in pairwise(received)),
        line_connections=tuple((number, len(list(run))) for number, run in groupby(journal.line_connections)),
    )
    fields = (f' "{name}": '.encode() + msgspec.json.encode(getattr(stored, name)) for name in stored.__struct_fields__)
    return b"{\n" + b",\n".join(fields) + b"\n}\n"


def decode_journal(data: bytes, key: str) -> BatchJournal:
    """A stored journal. Fields that this version does not know are passed over.

    Raises:
        JournalUnreadable: it is damaged or from a newer program, or `key` is the key of another batch.
    """
    try:
        text = data.decode()
        version = msgspec.json.decode(text, type=_Header).version
        if version != VERSION:
            _refuse(f"version {version}, this program reads version {VERSION}" + "; upgrade" * (version > VERSION))
        journal = _journal(msgspec.json.decode(text, type=_Stored))
        _check_key(journal, key)
    except (ValueError, OverflowError, RecursionError) as error:  # Overflow: a time outside the calendar
        raise JournalUnreadable(f"{key}: not a readable journal: {error}") from error
    return journal


def _journal(stored: _Stored) -> BatchJournal:
    for hour in stored.hours:
        window_of_key(hour, Grain.HOUR)
    lines = 0 if stored.received_first is None else 1 + len(stored.received_steps_ms)
    told = sum(run for _, run in stored.line_connections)
    if told != lines or (not lines and stored.received_steps_ms):
        _refuse(f"receive times of {lines} lines and connections of {told}")
    first = () if stored.received_first is None else (_ms(stored.received_first),)
    received = tuple(accumulate(chain(first, stored.received_steps_ms)))
    if received and not 0 <= min(received) <= max(received) <= _LAST_MS:
        _refuse("a receive time is outside the calendar")
    return BatchJournal(
        spool=stored.spool,
        election=stored.election,
        slot_ms=_ms(stored.slot),
        registry_version=stored.registry_version,
        planned=_intervals(stored.planned),
        covered=_intervals(stored.covered),
        connections=tuple(map(_span, stored.connections)),
        received_ms=received,
        line_connections=tuple(chain.from_iterable(repeat(number, run) for number, run in stored.line_connections)),
        hours=stored.hours,
        posts=stored.posts,
        notices=stored.notices,
        unreadable=stored.unreadable,
        causes=stored.causes,
    )


def _check_key(journal: BatchJournal, key: str) -> None:
    named = parse_batch(key)
    if named is not None and (journal.election, journal.slot_ms, journal.spool) != (
        named.election,
        named.slot_ms,
        named.spool,
    ):
        _refuse(f"it is the journal of {journal.election}, {iso(from_epoch_ms(journal.slot_ms))}, {journal.spool}")


def _connection(span: ConnectionSpan) -> _Connection:
    closed = None if span.closed_ms is None else _time(span.closed_ms)
    opened, last = _time(span.opened_ms), _time(span.last_byte_ms)
    return _Connection(span.number, opened, last, closed, span.why, span.lines, span.keep_alives, span.bytes)


def _span(stored: _Connection) -> ConnectionSpan:
    closed = None if stored.closed is None else _ms(stored.closed)
    opened, last = _ms(stored.opened), _ms(stored.last_byte)
    return ConnectionSpan(
        stored.number, opened, last, closed, stored.why, stored.lines, stored.keep_alives, stored.bytes
    )


def _spans(intervals: Intervals) -> tuple[tuple[str, str], ...]:
    return tuple((_time(start), _time(end)) for start, end in intervals.spans)


def _intervals(stored: Iterable[tuple[str, str]]) -> Intervals:
    spans = [(_ms(start), _ms(end)) for start, end in stored]
    if any(end <= start for start, end in spans):
        _refuse("an interval does not end after its start")
    return Intervals.of(spans)


def _time(at_ms: int) -> str:
    return iso_ms(from_epoch_ms(at_ms))


def _ms(text: str) -> int:
    return epoch_ms(parse_iso(text))


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)
