"""Writes the files of a release into a clean directory, and its manifest: same rows, same bytes.

Tables are written in the form that their path says (`.csv`, `.csv.gz`, `.parquet`), streamed frame by frame.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from elec_assets.domain.layout_releases import MANIFEST
from elec_assets.domain.tables import Table
from elec_assets.domain.windows import iso_ms
from elec_assets.transforms.frames import BLOCK_ROWS, csv_chunk, csv_header, in_blocks
from elec_assets.transforms.gate import state_of, week_window
from elec_assets.transforms.manifest import (
    FileEntry,
    Manifest,
    Profile,
    encode_manifest,
    file_sha256,
    make_manifest,
)
from elec_assets.transforms.publication import place_of
from elec_assets.transforms.weekly import WeeklyCsv, WeeklyParquet

CLOSES = timedelta(days=9)
"""After this time from its end a week's file may change by a hotfix only."""


class Staging:
    """One staged directory in the making: `table` and `document` for each file, then `finish`."""

    def __init__(self, directory: Path, profile: Profile, now: datetime, previous: Manifest | None = None) -> None:
        """Begin.

        Args:
            directory: where to; clean.
            profile: the privacy profile.
            now: which weeks are still open is judged by it.
            previous: manifest of the release before; None for the first.
        """
        self._directory = directory
        self._profile: Profile = profile
        self._now = now
        self._previous = previous
        self._before = {} if previous is None else {entry.path: entry for entry in previous.files}
        self.entries: list[FileEntry] = []

    def table(self, path: str, frames: Iterable[pl.DataFrame]) -> FileEntry:
        """Write a table from frames that come in its order, as `publication.published` makes them.

        Raises:
            ValueError: a path that holds no table, or rows that are not in the order of it.
        """
        place = place_of(path, self._profile)
        if place is None:
            raise ValueError(f"{path!r} is no table of a release; see transforms/publication.py")
        target = self._directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".parquet"):
            made = _parquet(target, place.table, frames)
        else:
            made = _csv_gz(target, place.table, frames) if path.endswith(".gz") else _csv(target, place.table, frames)
        rows, first, last, plain_sha256, plain_bytes = made
        sha256, size = file_sha256(target), target.stat().st_size
        is_open = place.week is not None and self._now < week_window(place.week).end + CLOSES
        entry = FileEntry(
            path=path,
            sha256=sha256,
            bytes=size,
            plain_sha256=plain_sha256 or sha256,
            plain_bytes=plain_bytes if plain_sha256 else size,
            rows=rows,
            first=None if first is None else iso_ms(first),
            last=None if last is None else iso_ms(last),
            table=place.table.name,
            partition=place.week,
            open=is_open,
        )
        return self._add(entry)

    def document(self, path: str, content: bytes) -> FileEntry:
        """Write a file that is no table."""
        target = self._directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        size = len(content)
        return self._add(FileEntry(path=path, sha256=sha256, bytes=size, plain_sha256=sha256, plain_bytes=size))

    def finish(self, week: str, id_fraction: float = 1.0) -> Manifest:
        """Write the manifest of all that was written, for the release of a week (`2027_05`).

        Raises:
            ManifestInvalid: a path that cannot be one.
        """
        previous = None if self._previous is None else self._previous.release_id
        made = make_manifest(week, self.entries, profile=self._profile, previous=previous, id_fraction=id_fraction)
        (self._directory / MANIFEST).write_bytes(encode_manifest(made))
        return made

    def _add(self, entry: FileEntry) -> FileEntry:
        state = state_of(entry, self._before.get(entry.path))
        made = msgspec.structs.replace(entry, state=state)
        self.entries.append(made)
        return made


_Made = tuple[int, datetime | None, datetime | None, str, int]
"""Rows, first and last time, sha256 and size of the plain bytes (empty and 0: as the file)."""


def _csv_gz(target: Path, table: Table, frames: Iterable[pl.DataFrame]) -> _Made:
    with target.open("wb") as file:
        writer = WeeklyCsv(file, table)
        for frame in in_blocks(frames, BLOCK_ROWS):
            writer.add(frame)
        told = writer.close()
    return told.rows, told.first, told.last, told.plain_sha256, told.plain_bytes


def _csv(target: Path, table: Table, frames: Iterable[pl.DataFrame]) -> _Made:
    rows = 0
    with target.open("wb") as file:
        file.write(csv_header(table))
        for frame in frames:
            file.write(csv_chunk(frame, table, header=False))
            rows += frame.height
    return rows, None, None, "", 0


def _parquet(target: Path, table: Table, frames: Iterable[pl.DataFrame]) -> _Made:
    rows = 0
    with target.open("wb") as file:
        writer = WeeklyParquet(file, table)
        for frame in in_blocks(frames, BLOCK_ROWS):
            writer.add(frame)
            rows += frame.height
        writer.close()
    return rows, None, None, "", 0
