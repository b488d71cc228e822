"""The weekly file: hours, in order, streamed into one CSV and one Parquet file with the memory of one hour.

The CSV is compressed as a single gzip member with no time and no name in its header. Compressor and row groups are
fed in blocks of a fixed size, so the bytes do not depend on how the rows were cut into hours. The compressed bytes
still depend on the version of zlib-ng and pyarrow: what is promised across versions is the sha256 of the plain bytes.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

import polars as pl

from elec_assets.domain.tables import Kind, Table
from elec_assets.transforms.frames import conform, csv_header, csv_slices
from elec_assets.transforms.gzips import LEVEL, GzipStream
from elec_assets.transforms.ordering import Order
from elec_assets.transforms.parquet import ROW_GROUP_ROWS, ParquetStream

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Summary:
    """What a weekly CSV holds: data rows, size and sha256 (hex) of the uncompressed bytes, header included.

    `first` and `last` are the earliest and latest value of the table's first time column that is never null; None
    where there is no row or no such column.
    """

    rows: int
    plain_bytes: int
    plain_sha256: str
    first: datetime | None
    last: datetime | None


class WeeklyCsv:
    """Writes frames of one table, in order, to a gzip CSV. Call `add` for each hour, then `close` once.

    The file object stays open. A week without rows is a file with a header.
    """

    def __init__(self, file: BinaryIO, table: Table, level: int = LEVEL) -> None:
        self._file = file
        self._table = table
        self._order = Order(table)
        self._gzip = GzipStream(level)
        self._sha256 = hashlib.sha256()
        self._buffer = bytearray()
        self._plain_bytes = 0
        self._span = _Span(table)
        self._feed(csv_header(table))

    def add(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame.

        Raises:
            ValueError: the frame does not conform to the table, or a row is not after the one before it.
        """
        frame = conform(frame, self._table)
        self._order.check(frame)
        self._span.widen(frame)
        for text in csv_slices(frame, self._table):
            self._feed(text)

    def close(self) -> Summary:
        """Write what is held, end the gzip member, and say what was written."""
        self._file.write(self._gzip.feed(self._buffer) + self._gzip.end())
        return Summary(self._span.rows, self._plain_bytes, self._sha256.hexdigest(), self._span.first, self._span.last)

    def _feed(self, text: bytes) -> None:
        self._sha256.update(text)
        self._plain_bytes += len(text)
        rest = memoryview(text)
        while len(self._buffer) + len(rest) >= BLOCK_BYTES:
            missing = BLOCK_BYTES - len(self._buffer)
            self._buffer += rest[:missing]
            rest = rest[missing:]
            self._file.write(self._gzip.feed(self._buffer))
            self._buffer.clear()
        self._buffer += rest


class WeeklyParquet:
    """Writes frames of one table, in order, to a Parquet file. Call `add` for each hour, then `close` once."""

    def __init__(self, file: BinaryIO, table: Table, row_group_rows: int = ROW_GROUP_ROWS) -> None:
        self._table = table
        self._order = Order(table)
        self._stream = ParquetStream(file, table, row_group_rows)

    def add(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame.

        Raises:
            ValueError: the frame does not conform to the table, or a row is not after the one before it.
        """
        frame = conform(frame, self._table)
        self._order.check(frame)
        self._stream.add(frame)

    def close(self) -> None:
        """Write what is held, and the footer; the file object stays open."""
        self._stream.close()


class _Span:
    """Rows seen, and the earliest and latest time among them."""

    def __init__(self, table: Table) -> None:
        self._column = next((c.name for c in table.columns if c.kind is Kind.TIME and not c.nullable), None)
        self.rows = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def widen(self, frame: pl.DataFrame) -> None:
        """Take in the rows of a frame."""
        self.rows += frame.height
        if self._column is None or frame.is_empty():
            return
        first, last = frame.select(first=pl.col(self._column).min(), last=pl.col(self._column).max()).row(0)
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
