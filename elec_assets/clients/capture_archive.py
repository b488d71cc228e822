"""The batches of live capture in the store: which there are for an hour, their journals, their lines."""

from collections.abc import Collection, Iterable

from elec_assets.clients.store import Store
from elec_assets.domain import layout_capture
from elec_assets.domain.journal import SLOT_MS, BatchJournal
from elec_assets.domain.layout_capture import BatchKey, LateKey, parse_batch, parse_late
from elec_assets.domain.windows import HOUR, Grain, Window, from_epoch_ms, window_at
from elec_assets.transforms.capture_coverage import Batch, CaptureObjects
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import JournalUnreadable, decode_journal
from elec_assets.transforms.x_documents import RawDocument

_CURE = "restore it from a backup"
_OR_SEARCH = f"{_CURE}, or move the journal away: search then fills its time"


class ArchiveDamaged(Exception):
    """An object of the archive cannot be read; the text names it. Nothing was changed."""


class CaptureArchive:
    """Reads the batches of one election."""

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election

    def objects(self, hour: Window) -> CaptureObjects:
        """The objects of an hour."""
        pointers = self._pointers(layout_capture.late_hour(self._election, hour))
        slots = {hour.start, hour.end, *(pointer.slot for pointer in pointers.values())}
        batches = self._batches({window_at(slot, Grain.DAY) for slot in slots})
        return CaptureObjects.of(hour, batches, pointers)

    def objects_of(self, hours: Collection[Window]) -> dict[Window, CaptureObjects]:
        """The objects of many hours, by two lists a day."""
        days = {window_at(moment, Grain.DAY) for hour in hours for moment in (hour.start, hour.end)}
        pointers: dict[str, LateKey] = {}
        for day in days:
            pointers |= self._pointers(layout_capture.late_day(self._election, day))
        days |= {window_at(pointer.slot, Grain.DAY) for pointer in pointers.values()}
        return _by_hour(hours, self._batches(days), pointers)

    def batches(self, objects: CaptureObjects) -> tuple[Batch, ...]:
        """The batches among the objects, in order, with their journals.

        Raises:
            ArchiveDamaged: a journal cannot be read, or is of a newer version.
        """
        named = {key: batch for key in objects.all if (batch := parse_batch(key)) is not None}
        return tuple(
            Batch(batch, self._journal(batch.journal) if batch.journal in named else None, batch.body in named)
            for batch in sorted(set(named.values()))
        )

    def document(self, batch: Batch) -> RawDocument:
        """The lines of a batch, as received. Without a journal they count as received at the end of its slot.

        Raises:
            ArchiveDamaged: it cannot be unpacked, or lacks lines that its journal tells of.
        """
        key = batch.key.body
        try:
            body = unpacked(self._store.get(key))
        except ValueError as error:
            raise ArchiveDamaged(f"{key}: cannot be unpacked ({error}); {_CURE}") from error
        received = () if batch.journal is None else batch.journal.received_ms
        lines = body.count(b"\n") + (body[-1:] not in (b"", b"\n"))
        if lines < len(received):
            raise ArchiveDamaged(f"{key}: holds {lines} lines, its journal tells of {len(received)}; {_OR_SEARCH}")
        return RawDocument(
            batch_id=batch.name,
            origin="stream",
            received_at=from_epoch_ms(max(received, default=batch.key.slot_ms + SLOT_MS)),
            body=body,
            kind="lines",
            received_ms=received if lines == len(received) else None,
        )

    def _journal(self, key: str) -> BatchJournal:
        try:
            return decode_journal(self._store.get(key), key)
        except JournalUnreadable as error:
            raise ArchiveDamaged(f"{error}; {_OR_SEARCH}") from error

    def _batches(self, days: Iterable[Window]) -> dict[str, BatchKey]:
        prefixes = [layout_capture.batches_day(self._election, day) for day in days]
        listed = [info.key for prefix in prefixes for info in self._store.list(prefix)]
        return {key: batch for key in listed if (batch := parse_batch(key)) is not None}

    def _pointers(self, prefix: str) -> dict[str, LateKey]:
        listed = [info.key for info in self._store.list(prefix)]
        return {key: pointer for key in listed if (pointer := parse_late(key)) is not None}


def _by_hour(
    hours: Collection[Window], batches: dict[str, BatchKey], pointers: dict[str, LateKey]
) -> dict[Window, CaptureObjects]:
    """What `CaptureObjects.of` says of each hour, given only what may be of it."""
    near: dict[Window, dict[str, BatchKey]] = {}
    for key, batch in batches.items():
        near.setdefault(window_at(batch.slot, Grain.HOUR), {})[key] = batch
    named: dict[BatchKey, dict[str, BatchKey]] = {}
    for key, batch in batches.items():
        named.setdefault(batch, {})[key] = batch
    found = {}
    for hour in hours:
        mine = {key: pointer for key, pointer in pointers.items() if pointer.hour == hour.start}
        after = Window(hour.end, hour.end + HOUR)
        its = near.get(hour, {}) | near.get(after, {})
        for pointer in mine.values():
            its |= named.get(pointer.batch, {})
        found[hour] = CaptureObjects.of(hour, its, mine)
    return found
