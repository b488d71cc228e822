"""A closed segment as the objects of the store: pointers from hours it comes late for, journal, lines; by election."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from elec_assets.capture.batches import ElectionBatch, SlotPlan, batches_of
from elec_assets.capture.evidence import Carry
from elec_assets.capture.outbox import Parcel
from elec_assets.capture.records import Kind, Record, Rules
from elec_assets.capture.segments import Segment
from elec_assets.capture.spool import Spool
from elec_assets.capture.wanted import Wanted
from elec_assets.domain.intervals import NOWHERE
from elec_assets.domain.rules import rule_tag_prefix
from elec_assets.transforms.gzips import GzipStream
from elec_assets.transforms.journals import encode_journal

_UNKNOWN = "unknown"
_BLOCK_BYTES = 1 << 20


class PackedBody:
    """The lines of a batch as one gzip member, packed as they come: a busy slot (220 MB) is never held whole."""

    def __init__(self) -> None:
        self._stream = GzipStream()
        self._packed: list[bytes] = []
        self._block = bytearray()

    def add(self, raw: bytes) -> None:
        """See `batches.Body`."""
        self._block += raw
        if len(self._block) >= _BLOCK_BYTES:
            self._packed.append(self._stream.feed(self._block))
            self._block = bytearray()

    def end(self) -> bytes:
        """See `batches.Body`."""
        self._packed += self._stream.feed(self._block), self._stream.end()
        return b"".join(self._packed)


def parcels_of(spool: Spool, segment: Segment, wanted: Wanted, version: str) -> list[Parcel]:
    """What the store is to hold of a segment; `wanted` are the plans of the registry of this version.

    Raises:
        SpoolDamaged: see `Spool.read`.
        OSError: the segment cannot be read.
    """
    plans = {
        e.key: SlotPlan(e.key, wanted.planned(e, segment.slot_ms), rule_tag_prefix(e.key), version)
        for e in wanted.living(segment.slot_ms)
    }
    if not plans:
        plans = _forgotten(spool.read(segment))
    batches = batches_of(segment, spool.read(segment), dict(sorted(plans.items())), PackedBody)
    return [_parcel(batch) for batch in batches]


def _forgotten(heard: Iterable[Record]) -> dict[str, SlotPlan]:
    """Plans for lines of elections that the registry had when they were heard, and has no more: none is dropped."""
    versions: dict[str, str] = {}
    lines = 0
    for record in heard:
        lines += record.kind is Kind.LINE
        versions |= _named(record)
    return {key: SlotPlan(key, NOWHERE, rule_tag_prefix(key), v) for key, v in versions.items()} if lines else {}


def _named(record: Record) -> Mapping[str, str]:
    """The elections that a record names, with the version of the registry."""
    if record.kind is Kind.RULES:
        said = msgspec.json.decode(record.payload, type=Rules)
        return {said.election: said.registry_version}
    if record.kind is Kind.CARRY:
        return dict.fromkeys(msgspec.json.decode(record.payload, type=Carry).elections, _UNKNOWN)
    return {}


def _parcel(batch: ElectionBatch) -> Parcel:
    return Parcel(batch.key.election, tuple(_objects(batch)))


def _objects(batch: ElectionBatch) -> Iterator[tuple[str, bytes]]:
    for late in batch.late:
        yield late.key, msgspec.json.encode({"version": 1, "batch": batch.key.body})
    yield batch.key.journal, encode_journal(batch.journal)
    yield batch.key.body, batch.body
