"""One slot of the spool in one append-only file: `{slot}_{spool}.part` while it is written, `.seg` once it is closed.

A write goes to the operating system at once, so a killed process loses nothing that `append` returned for; after
`sync` a power cut does not either.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from elec_assets.capture.files import sync_folder
from elec_assets.capture.records import Reader, Record, SpoolDamaged, damage, framed
from elec_assets.domain.journal import slot_of
from elec_assets.domain.windows import epoch_ms, from_epoch_ms

OPEN, CLOSED = ".part", ".seg"
_NAME = re.compile(r"(?P<slot>\d{8}T\d{4})Z_(?P<spool>[0-9a-f]{8})", re.ASCII)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SpoolFull(Exception):
    """There is no room for a record; nothing was written. The text says what to do."""


class Segment(NamedTuple):
    """Name of a segment: its slot (start, ms since 1970) and the id of the spool when it was made."""

    slot_ms: int
    spool: str

    @property
    def name(self) -> str:
        """File name without suffix, e.g. `20270201T1305Z_0123abcd`."""
        return f"{from_epoch_ms(self.slot_ms):%Y%m%dT%H%M}Z_{self.spool}"

    def __str__(self) -> str:
        return self.name


def parse_segment(name: str) -> Segment | None:
    """The segment that a file name without suffix names; None if it names none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        slot = epoch_ms(datetime.strptime(match["slot"], "%Y%m%dT%H%M").replace(tzinfo=UTC))
    except ValueError:  # digits that are no time, such as hour 25
        return None
    segment = Segment(slot, match["spool"])
    return segment if slot_of(slot) == slot and segment.name == name else None


def listed(folder: Path, suffix: str) -> dict[Segment, int]:
    """The segments of a folder with this suffix and their sizes in bytes, oldest first."""
    found = {}
    for path in folder.iterdir():
        segment = parse_segment(path.stem) if path.suffix == suffix else None
        if segment is not None:
            found[segment] = path.stat().st_size
    return dict(sorted(found.items()))


def records_of(path: Path) -> Iterator[Record]:
    """The records of a closed segment; a DAMAGE wherever bytes of it are no records, at its end too.

    Raises:
        SpoolDamaged: a record is of a kind that this program does not know.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        reader = Reader(file, os.fstat(file.fileno()).st_size, str(path))
        last_ms = 0
        for record in reader:
            last_ms = record.at_ms
            yield record
        if reader.tail:
            yield damage(last_ms, reader.tail)


def refused(path: Path, error: OSError) -> SpoolFull | OSError:
    """What to raise for a refusal of the file system: SpoolFull where it has no room."""
    if error.errno not in _NO_ROOM:
        return error
    return SpoolFull(f"{path}: {error.strerror}; free space on the file system of ELEC_SPOOL, or move it")


class SegmentFile:
    """A segment that is being written. One thread at a time.

    Raises:
        SpoolFull: the file system has no room for a new file.
        OSError: the file cannot be made or opened.
    """

    def __init__(self, folder: Path, segment: Segment) -> None:
        self.segment = segment
        self._folder = folder
        self._path = folder / f"{segment.name}{OPEN}"
        new = not self._path.exists()
        try:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise refused(self._path, error) from error
        self.size = os.fstat(self._handle).st_size
        self._ragged = False
        if new:
            sync_folder(folder)

    def append(self, record: Record) -> int:
        """Write a record to its end; returns how many bytes that took.

        Raises:
            SpoolFull: the file system has no room. The file is as it was.
            OSError: the file system refused. The file is as it was, or is made so before the next record.
        """
        if self._ragged:
            self.cut(self.size)
        data = framed(record, self.size)
        written = 0
        try:
            while written < len(data):
                self._ragged = True
                written += os.write(self._handle, data[written:] if written else data)
            self._ragged = False
        except OSError as error:
            with suppress(OSError):
                self.cut(self.size)
            raise refused(self._path, error) from error
        self.size += written
        return written

    def cut(self, size: int) -> None:
        """Cut the file to a size.

        Raises:
            OSError: the file system refused.
        """
        os.ftruncate(self._handle, size)
        self.size = size
        self._ragged = False

    def sync(self) -> None:
        """Make all that was appended durable.

        Raises:
            OSError: the file system refused; what was appended may be lost in a power cut.
        """
        os.fsync(self._handle)

    def duplicate(self) -> int:
        """A handle of the same file, for a sync that holds up nobody; the caller closes it."""
        return os.dup(self._handle)

    def finish(self) -> None:
        """Close it for good, under its final name. Sync it before.

        Raises:
            SpoolDamaged: there is a segment of that name.
            OSError: the file system refused.
        """
        final = self._path.with_suffix(CLOSED)
        if final.exists():
            raise SpoolDamaged(f"{final} and {self._path} both exist; move one of them away")
        if self._ragged:
            self.cut(self.size)
        self._path.rename(final)
        sync_folder(self._folder)
        self.close()

    def discard(self) -> None:
        """Remove it: it was made, and its first record found no room."""
        self._path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)
