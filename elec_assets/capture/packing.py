"""A closed segment as the objects of the store: pointers from hours it comes late for, journal, lines; by election."""

from collections.abc import Collection, Iterator

import msgspec

from elec_assets.capture.batches import ElectionBatch, SlotPlan, batches_of
from elec_assets.capture.bodies import PackedBody
from elec_assets.capture.outbox import Parcel
from elec_assets.capture.segments import Segment
from elec_assets.capture.spool import Spool
from elec_assets.capture.wanted import Wanted
from elec_assets.domain.rules import rule_tag_prefix
from elec_assets.transforms.journals import encode_journal


def parcels_of(
    spool: Spool, segment: Segment, wanted: Wanted, version: str, only: Collection[str] = ()
) -> list[Parcel]:
    """What the store is to hold of a segment.

    `wanted` are the plans of the registry of this version, all of it: the segment may be older than the choice of who
    is listened to (`only`; all where it names none). Of the others there are batches where it shows them to have been
    listened to, and no empty ones, which would look like a collector at work. What was heard of elections that the
    registry does not have any more is not dropped.

    Raises:
        SpoolDamaged: see `Spool.read`.
        OSError: the segment cannot be read.
    """
    plans = {
        e.key: SlotPlan(
            e.key,
            wanted.planned(e, segment.slot_ms),
            rule_tag_prefix(e.key),
            version,
            due=not only or e.key in only,
        )
        for e in wanted.living(segment.slot_ms)
    }
    batches = batches_of(segment, spool.read(segment), dict(sorted(plans.items())), PackedBody)
    return [_parcel(batch) for batch in batches]


def _parcel(batch: ElectionBatch) -> Parcel:
    return Parcel(batch.key.election, tuple(_objects(batch)))


def _objects(batch: ElectionBatch) -> Iterator[tuple[str, bytes]]:
    for late in batch.late:
        yield late.key, msgspec.json.encode({"version": 1, "batch": batch.key.body})
    yield batch.key.journal, encode_journal(batch.journal)
    yield batch.key.body, batch.body
