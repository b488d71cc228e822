"""What a spool finds when it starts: segments that a crash left open are cut after their last whole record."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from elec_assets.capture.evidence import Evidence
from elec_assets.capture.files import sync_folder
from elec_assets.capture.records import Reader
from elec_assets.capture.segments import OPEN, Segment, SegmentFile, listed


@dataclass(frozen=True, slots=True)
class Found:
    """What was in a spool at its start.

    `torn_bytes` were cut off: no append had returned for them, or a power cut came before a sync. `damaged_bytes`
    stand between records. `slots` closed ones wait; `open_connection` was open when the last process ended; `last_ms`
    is the time of its last record.
    """

    torn_bytes: int
    damaged_bytes: int
    slots: int
    open_connection: int | None
    last_ms: int | None


@dataclass(slots=True)
class Recovered:
    """The newest segment, open for writing (None where none was left open), and the evidence so far.

    `torn_bytes` were cut off the ends of segments: no append had returned for them, or a power cut came before a
    sync. `damaged_bytes` stand between records and stay there.
    """

    evidence: Evidence
    file: SegmentFile | None = None
    torn_bytes: int = 0
    damaged_bytes: int = 0
    others: list[Segment] = field(default_factory=list)


def recover(folder: Path, spool: str, before: Evidence) -> Recovered:
    """Make whole what a process left open: all but the newest segment of the spool is closed.

    `before` is the evidence where nothing was left open.

    Raises:
        SpoolDamaged: a segment is of a newer program.
        OSError: the file system refused.
    """
    found = Recovered(before)
    for segment in _oldest_first(listed(folder, OPEN), spool):
        if found.file is not None:
            _close(found)
        _reopen(folder, segment, found)
    return found


def _oldest_first(segments: Iterable[Segment], spool: str) -> list[Segment]:
    """Those of former ids of the spool come before its own."""
    return sorted(segments, key=lambda segment: (segment.spool == spool, segment))


def _reopen(folder: Path, segment: Segment, found: Recovered) -> None:
    path = folder / f"{segment.name}{OPEN}"
    evidence = Evidence()
    with path.open("rb") as file:
        reader = Reader(file, os.fstat(file.fileno()).st_size, str(path))
        for record in reader:
            evidence.apply(record)
    found.torn_bytes += reader.tail
    found.damaged_bytes += reader.damaged
    if not reader.end:
        path.unlink()
        sync_folder(folder)
        return
    found.evidence = evidence
    found.file = SegmentFile(folder, segment)
    if reader.tail:
        found.file.cut(reader.end)
    # What a killed process wrote may not be on the disk yet.
    found.file.sync()


def _close(found: Recovered) -> None:
    if found.file is not None:
        found.file.finish()
        found.others.append(found.file.segment)
        found.file = None
