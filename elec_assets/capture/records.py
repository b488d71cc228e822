"""What the spool holds: records of what was heard, when and by which connection, and how they stand in a file.

A record is a header and a payload: magic, length, connection, time, kind, check sum. The check sum covers the record
and where in the file it stands, so that bytes which were moved, or which a payload brings along, are no record.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple

import msgspec
from zlib_ng.zlib_ng import crc32  # a sixth of the standard library's time: 0.6 us for 3 kB, 2026-11-22

from elec_assets.domain.outcomes import Outcome

MAGIC = b"\xffEL\xfe"  # not UTF-8: X's lines do not hold it
_HEAD = struct.Struct("<IIqB")
_CHECK = struct.Struct("<I")
_HEADER = struct.Struct("<IIqBI")
HEADER_BYTES = len(MAGIC) + _HEAD.size + _CHECK.size
_MASK = 0xFFFFFFFF
_BLOCK_BYTES = 1 << 20
_WORDS = 1000  # most characters of a sentence


class Kind(IntEnum):
    """What a record says. DAMAGE is never written: a reader gives it for bytes that are no records."""

    START = 1
    OPEN = 2
    LINE = 3
    KEEP_ALIVE = 4
    CLOSE = 5
    RULES = 6
    STOP = 7
    CARRY = 8
    DAMAGE = 9


_KINDS = {int(kind): kind for kind in Kind if kind is not Kind.DAMAGE}


class Record(NamedTuple):
    """One record; `at_ms` is when it happened, `connection` counts from 1 and is 0 where it is about none."""

    kind: Kind
    at_ms: int
    connection: int = 0
    payload: bytes = b""


class Rules(msgspec.Struct, frozen=True):
    """Payload of RULES: the rules of an election changed last at `since_ms`, to those of a registry version.

    `since_ms` is None while X is being asked to change them.
    """

    election: str
    since_ms: int | None
    registry_version: str


class Stop(msgspec.Struct, frozen=True):
    """Payload of STOP: why nothing is listened to, until the next connection."""

    outcome: Outcome
    sentence: str


class SpoolDamaged(Exception):
    """The spool holds what this program cannot read; the text names the file and says what to do."""


def started(at_ms: int) -> Record:
    """A process has begun to write: what was open before it is not any more."""
    return Record(Kind.START, at_ms)


def opened(at_ms: int, connection: int) -> Record:
    """X answered 200: the connection is open."""
    return Record(Kind.OPEN, at_ms, connection)


def line(at_ms: int, connection: int, raw: bytes) -> Record:
    """A line of X with its line end."""
    return Record(Kind.LINE, at_ms, connection, raw)


def kept_alive(at_ms: int, connection: int) -> Record:
    """A keep-alive of X."""
    return Record(Kind.KEEP_ALIVE, at_ms, connection)


def closed(at_ms: int, connection: int, why: str) -> Record:
    """The connection has ended; `why` is a sentence without secrets."""
    return Record(Kind.CLOSE, at_ms, connection, _words(why).encode())


def rules_asked(at_ms: int, election: str) -> Record:
    """X is about to be asked to change the rules of an election: nothing is proven until it is known what they are."""
    return Record(Kind.RULES, at_ms, 0, msgspec.json.encode(Rules(election, None, "")))


def rules(at_ms: int, election: str, since_ms: int, registry_version: str) -> Record:
    """The rules of an election at X are those of the registry version.

    They changed last at `since_ms`; 0 where they were found as they should be. After `rules_asked` they count as
    changed when this is written. For RULES_LAG_MS after a change nothing is proven.
    """
    return Record(Kind.RULES, at_ms, 0, msgspec.json.encode(Rules(election, since_ms, registry_version)))


def stopped(at_ms: int, outcome: Outcome, sentence: str) -> Record:
    """Nothing is listened to from now until the next connection, and why."""
    return Record(Kind.STOP, at_ms, 0, msgspec.json.encode(Stop(outcome, _words(sentence))))


def why_of(record: Record) -> str:
    """The sentence of a CLOSE."""
    return record.payload.decode(errors="replace")


def framed(record: Record, offset: int) -> bytes:
    """The record as it stands at an offset of a file."""
    kind, at_ms, connection, payload = record
    head = _HEAD.pack(len(payload), connection, at_ms, kind)
    return MAGIC + head + _CHECK.pack(crc32(payload, crc32(head, offset & _MASK))) + payload


class Reader:
    """Reads the records of a file from its start, and goes on after bytes that are none.

    Once it is exhausted, `end` is where the last whole record ends, `tail` how many bytes follow it that are no
    record, and `damaged` how many there were before.
    """

    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self._file = file
        self._size = size
        self._name = name
        self._at = 0  # where the file stands; -1 where that is not known
        self.end = 0
        self.damaged = 0

    @property
    def tail(self) -> int:
        """Bytes after the last whole record."""
        return self._size - self.end

    def __iter__(self) -> Iterator[Record]:
        """The records in order; a DAMAGE, its payload the number of bytes, where some were passed over.

        Raises:
            SpoolDamaged: a record is of a kind that this program does not know.
            OSError: the file cannot be read.
        """
        at, last_ms = 0, 0
        while at < self._size:
            record = self._record(at)
            if record is None:
                at = self._next(at + 1)
                continue
            if at > self.end:
                self.damaged += at - self.end
                yield damage(last_ms, at - self.end)
            at += HEADER_BYTES + len(record.payload)
            self.end, last_ms = at, record.at_ms
            yield record

    def _record(self, at: int) -> Record | None:
        if at != self._at:
            self._file.seek(at)
        header = self._file.read(HEADER_BYTES)
        self._at = at + len(header)
        if len(header) < HEADER_BYTES or header[: len(MAGIC)] != MAGIC:
            return None
        length, connection, at_ms, kind, check = _HEADER.unpack_from(header, len(MAGIC))
        if length > self._size - self._at:
            return None
        payload = self._file.read(length)
        self._at += length
        if crc32(payload, crc32(header[len(MAGIC) : -_CHECK.size], at & _MASK)) != check:
            return None
        if kind not in _KINDS:
            told = f"{self._name}, byte {at}: a record of kind {kind}, this program knows 1 to {max(_KINDS)}; upgrade"
            raise SpoolDamaged(told)
        return Record(_KINDS[kind], at_ms, connection, payload)

    def _next(self, at: int) -> int:
        """Where the magic stands next, from an offset on; the size of the file where it does not."""
        self._at = -1
        while at < self._size:
            self._file.seek(at)
            block = self._file.read(_BLOCK_BYTES)
            if (found := block.find(MAGIC)) >= 0:
                return at + found
            at += max(1, len(block) - len(MAGIC) + 1)
        return self._size


def damage(at_ms: int, count: int) -> Record:
    """What stands for so many bytes that are no record, after a record of that time."""
    return Record(Kind.DAMAGE, at_ms, 0, b"%d" % count)


def _words(text: str) -> str:
    """A sentence as it can be written: short, and without halves of characters."""
    return text[:_WORDS].encode(errors="replace").decode()
