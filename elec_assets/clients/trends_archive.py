"""Partitions of Google Trends in the store: raw documents, pinned ladders, tables, coverage rows, the ladder's state.

Documents and pinned ladders are create-only, and shared by the hours of a block; the rest is replaced whole.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from elec_assets.clients.store import ObjectExists, Store
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.domain import layout_trends
from elec_assets.domain.layout_trends import TrendsPlace, parse_document
from elec_assets.domain.tables import Table
from elec_assets.domain.trends import Cadence
from elec_assets.transforms import trends_coverage, trends_ladder
from elec_assets.transforms.parquet import parquet_bytes, read_parquet, stored_rows
from elec_assets.transforms.stored_versions import row_version, table_version, too_new
from elec_assets.transforms.trends_coverage import TrendsCoverage
from elec_assets.transforms.trends_documents import RawTrendsDocument, decode_document, encode_document
from elec_assets.transforms.trends_explore import TrendsUnreadable
from elec_assets.transforms.trends_ladder import LadderState, Pinned

_LOG = logging.getLogger(__name__)
__all__ = ["ArchiveDamaged", "SavedTable", "TrendsArchive"]


@dataclass(frozen=True, slots=True)
class SavedTable:
    """A table in the store: its bytes, whether this call wrote them, and how many rows it would have lost."""

    content: bytes
    written: bool
    lost_rows: int = 0


class TrendsArchive:
    """Reads and writes the partitions of one election."""

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election

    def documents(self, place: TrendsPlace) -> list[RawTrendsDocument]:
        """All raw documents of the block of a partition, by key.

        Raises:
            ArchiveDamaged: one cannot be read, or stands under another question's key.
        """
        return [
            self._document(info.key)
            for info in self._store.list(place.documents)
            if parse_document(info.key) is not None
        ]

    def save_document(self, place: TrendsPlace, document: RawTrendsDocument) -> RawTrendsDocument:
        """Store a document unless there is one: then that is the one that counts, and is returned.

        Raises:
            StoreError: it could not be stored.
            ArchiveDamaged: as `documents`.
        """
        key = place.document(document.request.request_id, document.endpoint)
        try:
            self._store.create(key, encode_document(document))
        except ObjectExists:
            return self._document(key)
        return document

    def pinned(self, place: TrendsPlace) -> Pinned | None:
        """The ladder of a block; None where none was pinned.

        Raises:
            ArchiveDamaged: it cannot be read.
        """
        data = self._store.find(place.ladder)
        try:
            return None if data is None else trends_ladder.decode(data, Pinned, place.ladder)
        except trends_ladder.LadderUnreadable as error:
            raise ArchiveDamaged(str(error)) from error

    def pin(self, place: TrendsPlace, ladder: Pinned) -> Pinned:
        """Pin the ladder of a block unless one is: then that holds, and is returned.

        Raises:
            StoreError: it could not be stored.
            ArchiveDamaged: as `pinned`.
        """
        try:
            self._store.create(place.ladder, trends_ladder.encode(ladder))
        except ObjectExists:
            return self.pinned(place) or ladder
        return ladder

    def ladder_state(self, area: str, cadence: Cadence) -> LadderState | None:
        """What the last ladder of an area and cadence found; None where there was none.

        A damaged one is none too: the next ladder begins without an order, and makes another.

        Raises:
            ArchiveDamaged: a newer version wrote it.
        """
        key = layout_trends.ladder_state(self._election, area, cadence)
        data = self._store.find(key)
        try:
            return None if data is None else trends_ladder.decode(data, LadderState, key)
        except trends_ladder.LadderTooNew as error:
            raise ArchiveDamaged(str(error)) from error
        except trends_ladder.LadderUnreadable as error:
            _LOG.warning("%s", error)
            return None

    def save_ladder_state(self, area: str, cadence: Cadence, state: LadderState) -> None:
        """Replace the state, unless the stored one is the same or of a later block."""
        stored = self.ladder_state(area, cadence)
        if state != stored and trends_ladder.is_newer(state, stored):
            key = layout_trends.ladder_state(self._election, area, cadence)
            self._store.put(key, trends_ladder.encode(state))

    def table(self, place: TrendsPlace, name: str) -> bytes | None:
        """A table of a partition, or `requests`; None where it was never made."""
        return self._store.find(place.table(name))

    def frame(self, place: TrendsPlace, table: Table) -> pl.DataFrame | None:
        """The rows of a table of a partition, of all samples; None where it was never made.

        Raises:
            ArchiveDamaged: it cannot be read; the text names it.
        """
        data = self.table(place, table.name)
        try:
            return None if data is None else read_parquet(data, table)
        except ValueError as error:
            key = place.table(table.name)
            raise ArchiveDamaged(f"{key}: not a table {table.name} ({error}); make the partition again") from error

    def save_table(self, place: TrendsPlace, table: Table, frame: pl.DataFrame) -> SavedTable:
        """Store a table, unless the stored one is the same or has more rows."""
        before = self.table(place, table.name)
        rows = 0 if before is None else (stored_rows(before) or 0)
        if before is not None and frame.height < rows:
            return SavedTable(before, written=False, lost_rows=rows - frame.height)
        content = parquet_bytes(frame, table)
        if content != before:
            self._store.put(place.table(table.name), content)
        return SavedTable(content, written=content != before)

    def coverage(self, place: TrendsPlace) -> TrendsCoverage | None:
        """The coverage row of a partition; None where none was stored.

        Raises:
            CoverageUnreadable: it is damaged or of a newer version; the text names it.
        """
        data = self._store.find(place.coverage)
        return None if data is None else trends_coverage.decode(data, place.coverage)

    def coverages(self, places: Iterable[TrendsPlace]) -> list[TrendsCoverage]:
        """The coverage rows of those partitions that have one."""
        return [row for place in places if (row := self.coverage(place)) is not None]

    def save_coverage(self, place: TrendsPlace, row: TrendsCoverage) -> None:
        """Replace the coverage row of a partition, unless it is the same."""
        content = trends_coverage.encode(row)
        if content != self._store.find(place.coverage):
            self._store.put(place.coverage, content)

    def refuse_newer(self, place: TrendsPlace, tables: Iterable[str]) -> None:
        """Make sure that nothing of a partition was made by a newer version.

        Raises:
            ArchiveDamaged: something was; the text names it.
        """
        versions = {place.coverage: row_version(self._store.find(place.coverage) or b"")}
        versions |= {place.table(name): table_version(self.table(place, name) or b"") for name in tables}
        self.ladder_state(place.area, place.cadence)
        for key, version in versions.items():
            why = too_new(version)
            if why is not None:
                raise ArchiveDamaged(f"{key}: {why}")

    def _document(self, key: str) -> RawTrendsDocument:
        named = parse_document(key)
        try:
            document = decode_document(self._store.get(key), key)
        except TrendsUnreadable as error:
            raise ArchiveDamaged(f"{error}; restore it from a backup, or remove it and run it again") from error
        if named is None or (document.request.request_id, document.endpoint) != (named.request_id, named.endpoint):
            found = f"{document.request.request_id}_{document.endpoint}"
            raise ArchiveDamaged(f"{key}: holds the document {found}; restore it from a backup")
        return document
