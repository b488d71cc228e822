"""The spool: what was heard, on disk before anything reads it, one segment for each slot of 5 minutes.

A slot is used once under one id: where its time is lived again (the clock was set back by more than a slot, or the
running slot was closed early and a process starts within it) the spool takes a new id, so that no key of a batch can
be made twice. A process that is killed loses nothing that `append` returned for; a power cut nothing before `sync`.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from elec_assets.capture.evidence import Carry, Evidence
from elec_assets.capture.files import make_folder
from elec_assets.capture.records import Kind, Record
from elec_assets.capture.recovery import Found, recover
from elec_assets.capture.room import HEARD, Room
from elec_assets.capture.segments import CLOSED, Segment, SegmentFile, SpoolFull, listed, records_of
from elec_assets.capture.spool_state import SpoolLock, SpoolState, new_id, read_state
from elec_assets.domain.journal import SLOT_MS, slot_of

# A process that says nothing for an hour was frozen, or its clock was set: it did not live those slots.
_FROZEN_MS = 12 * SLOT_MS


class Spool:
    """The spool in a directory, which is made where it is missing. Thread-safe. Close it, or use `with`.

    `cap_bytes`: most bytes that segments may take. `warn_share`: part of it from which `warn` is true.

    Raises:
        SpoolLocked: another process has it.
        SpoolDamaged: something in it cannot be read.
        OSError: the file system refused.
    """

    def __init__(self, folder: Path, *, cap_bytes: int, warn_share: float = 0.8) -> None:
        self.cap_bytes = cap_bytes
        self._room = Room(folder, cap_bytes, warn_share)
        self._folder = folder
        self._segments = folder / "segments"
        self._lock = threading.Lock()
        self._file: SegmentFile | None = None
        self._refused = 0
        self._lived_ms: int | None = None
        self._dirty = self._unsaved = self._ended = False
        make_folder(self._segments)
        self._held = SpoolLock(folder)
        try:
            self._recover()
        except BaseException:
            self._held.release()
            raise

    def _recover(self) -> None:
        state = read_state(self._folder) or SpoolState(id=new_id(), carry=Carry())
        found = recover(self._segments, state.id, Evidence(state.carry))
        self._evidence = found.evidence
        self._waiting = listed(self._segments, CLOSED)
        self._room.used = sum(self._waiting.values())
        self._use(found.file)
        own = [segment.slot_ms for segment in self._waiting if segment.spool == state.id]
        own += [] if state.newest_ms is None else [state.newest_ms]
        if found.file is not None:
            self._room.used += found.file.size
            own += [found.file.segment.slot_ms] * (found.file.segment.spool == state.id)
        self._newest_ms = max(own, default=None)
        self.id = state.id
        self._save()
        current = self._evidence.state.open
        self.found = Found(
            torn_bytes=found.torn_bytes,
            damaged_bytes=found.damaged_bytes,
            slots=len(self._waiting),
            open_connection=None if current is None else current.number,
            last_ms=self._evidence.state.last_ms,
        )

    @property
    def used_bytes(self) -> int:
        """What the segments take on disk."""
        return self._room.used

    @property
    def warn(self) -> bool:
        """Whether the cap is near."""
        return self._room.near

    def next_connection(self) -> int:
        """The number of the next connection: they count up over the life of the spool."""
        return self._evidence.state.connections + 1

    def standing(self) -> frozenset[str]:
        """See `Evidence.standing`."""
        with self._lock:
            return self._evidence.standing()

    def append(self, record: Record) -> None:
        """Write a record; it has left this process when this returns.

        Lines and keep-alives of a connection that lost one are refused from then on: they would prove the time of
        what was lost. Open a new connection.

        Raises:
            SpoolFull: there is no room; nothing was written.
            OSError: the file system refused; nothing was written.
            ValueError: the spool was closed.
        """
        kind, at_ms, connection, payload = record
        with self._lock:
            try:
                if self._file is None or not self._from_ms <= at_ms < self._until_ms:
                    self._file = self._turn(at_ms)
                self._room.check(kind, len(payload))
                if kind in HEARD and connection == self._refused:
                    told = f"connection {connection} lost what it heard before; end it and open a new one"
                    raise SpoolFull(told)  # noqa: TRY301 - as any other record that finds no room
                self._room.used += self._file.append(record)
            except (SpoolFull, OSError):
                if kind in HEARD:
                    self._refused = connection
                raise
            self._evidence.apply(record)
            self._dirty = True

    def sync(self) -> None:
        """Make what was appended durable; appends go on meanwhile.

        Raises:
            OSError: the file system refused; what was appended since the last sync may be lost in a power cut.
        """
        with self._lock:
            if self._file is None or not self._dirty:
                return
            self._dirty = False
            handle = self._file.duplicate()
        try:
            os.fsync(handle)
        except OSError:
            self._dirty = True
            raise
        finally:
            os.close(handle)

    def roll(self, now_ms: int, *, early: bool = False) -> None:
        """Close the segments of slots that are over, and make those of slots that were lived without a record.

        `early` closes the running slot too. To be called at least once a slot.

        Raises:
            OSError: the file system refused.
        """
        slot = slot_of(now_ms)
        with self._lock:
            self._check_held()
            if self._file is not None and (early or self._file.segment.slot_ms < slot):
                self._finish()
            self._fill(slot + SLOT_MS if early else slot)
            self._lived_ms = slot

    def closed(self) -> list[Segment]:
        """The segments that wait for their upload, oldest first."""
        with self._lock:
            return sorted(self._waiting)

    def read(self, segment: Segment) -> Iterator[Record]:
        """The records of a closed segment; a DAMAGE wherever bytes of it are no records.

        Raises:
            SpoolDamaged: a record is of a newer program.
            OSError: there is no such closed segment, or it cannot be read.
        """
        return records_of(self._path(segment))

    def forget(self, segment: Segment) -> None:
        """Remove a closed segment, because its upload was acknowledged; nothing happens where it is gone.

        Raises:
            OSError: the file system refused.
        """
        with self._lock:
            self._check_held()
            if segment in self._waiting:
                self._path(segment).unlink(missing_ok=True)
                self._room.used -= self._waiting.pop(segment)
            if self._unsaved:
                self._save()

    def close(self) -> None:
        """Sync, and let another process have the spool. The running slot stays open for the next one.

        Raises:
            OSError: the file system refused.
        """
        with self._lock:
            file, self._file = self._file, None
            self._ended = True
            try:
                if file is not None:
                    file.sync()
                    file.close()
            finally:
                self._held.release()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _path(self, segment: Segment) -> Path:
        return self._segments / f"{segment.name}{CLOSED}"

    def _check_held(self) -> None:
        """A thread that comes late must not write beside the process that has the spool now."""
        if self._ended:
            raise ValueError(f"{self._folder}: this spool was closed")

    def _turn(self, at_ms: int) -> SegmentFile:
        """Make the segment of this time, which is written from now on."""
        self._check_held()
        if self._file is not None:
            self._finish()
        self._fill(slot_of(at_ms))
        self._lived_ms = slot_of(at_ms)
        return self._begin(slot_of(at_ms), at_ms)

    def _fill(self, until_ms: int) -> None:
        """Make segments of the slots that this process lived without a record."""
        if self._lived_ms is None or self._file is not None:
            return
        first = self._lived_ms if self._newest_ms is None else max(self._lived_ms, self._newest_ms + SLOT_MS)
        if until_ms - first > _FROZEN_MS:
            return
        with suppress(SpoolFull):  # without their journals they count as not listened to, and that is true
            for slot in range(first, until_ms, SLOT_MS):
                self._begin(slot, slot)
                self._finish()

    def _begin(self, slot: int, at_ms: int) -> SegmentFile:
        if self._newest_ms is not None and slot <= self._newest_ms:
            self._evidence.renamed(at_ms)
            self.id, self._newest_ms = new_id(), None
            self._save()
        carry = self._evidence.hand_on(at_ms)
        self._room.check(Kind.CARRY, len(carry.payload))
        file = SegmentFile(self._segments, Segment(slot, self.id))
        try:
            self._room.used += file.append(carry)
        except BaseException:
            file.discard()
            raise
        self._newest_ms = slot
        self._use(file)
        return file

    def _use(self, file: SegmentFile | None) -> None:
        """A clock set back by less than a slot goes on in the segment that is open."""
        self._file = file
        if file is not None:
            self._from_ms, self._until_ms = file.segment.slot_ms - SLOT_MS, file.segment.slot_ms + SLOT_MS

    def _finish(self) -> None:
        if self._file is None:
            return
        self._file.sync()
        self._evidence.settle()
        # A full disk must not keep the slot from its upload; the state counts only once the segment is gone.
        self._unsaved = True
        with suppress(OSError):
            self._save()
        self._file.finish()
        self._waiting[self._file.segment] = self._file.size
        self._file = None

    def _save(self) -> None:
        SpoolState(id=self.id, newest_ms=self._newest_ms, carry=self._evidence.state).save(self._folder)
        self._unsaved = False
