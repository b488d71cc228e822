"""Weekly files in the store: frames of a week, in order, streamed into `.csv.gz` and `.parquet` beside it."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl

from elec_assets.clients.store import Store
from elec_assets.domain import layout
from elec_assets.domain.tables import Table
from elec_assets.domain.windows import Window
from elec_assets.transforms.frames import BLOCK_ROWS, in_blocks
from elec_assets.transforms.parquet import ParquetStream
from elec_assets.transforms.weekly import Summary, WeeklyCsv


class WeeklyDamaged(Exception):
    """A weekly file cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class WeeklyFile:
    """A written weekly file: its key, size of the `.csv.gz` in bytes, and what it holds."""

    key: str
    size: int
    summary: Summary


class WeeklyArchive:
    """Writes and reads the weekly files of one product of one election."""

    def __init__(self, store: Store, election: str, product: str, table: Table) -> None:
        self._store = store
        self._election = election
        self._product = product
        self._table = table

    def write(self, week: Window, frames: Iterable[pl.DataFrame]) -> WeeklyFile:
        """Write both files of a week from frames that come in the table's order; memory of a block of rows.

        Raises:
            ValueError: the rows are not in order; nothing was written.
            StoreError: the store refused; what was there is unchanged.
        """
        csv_key, parquet_key = self._key(week, "csv.gz"), self._key(week, "parquet")
        with tempfile.TemporaryDirectory(prefix="elec-week-") as folder:
            csv_path, parquet_path = Path(folder, "week.csv.gz"), Path(folder, "week.parquet")
            with (
                csv_path.open("wb") as csv_file,
                parquet_path.open("wb") as parquet_file,
                # Closed before its file also where a frame cannot be had: it would write its end to a closed file.
                closing(ParquetStream(parquet_file, self._table)) as parquet,
            ):
                csv = WeeklyCsv(csv_file, self._table)
                for frame in in_blocks(frames, BLOCK_ROWS):
                    csv.add(frame)  # which checks their order, for both
                    parquet.add(frame)
                summary = csv.close()
            # The CSV last: it is the product, and checks and releases read what stands beside it.
            self._store.put_file(parquet_key, parquet_path)
            self._store.put_file(csv_key, csv_path)
            return WeeklyFile(csv_key, csv_path.stat().st_size, summary)

    def read(self, week: Window, columns: list[str] | None = None) -> pl.DataFrame | None:
        """Some columns of a week's Parquet file as stored; None where there is none.

        Raises:
            WeeklyDamaged: it cannot be read.
        """
        data = self._store.find(self._key(week, "parquet"))
        if data is None:
            return None
        with self._told(week):
            return pl.read_parquet(BytesIO(data), columns=columns)

    def schema(self, week: Window) -> pl.Schema | None:
        """Columns of a week's Parquet file; None where there is none.

        Raises:
            WeeklyDamaged: it cannot be read.
        """
        data = self._store.find(self._key(week, "parquet"))
        if data is None:
            return None
        with self._told(week):
            return pl.Schema(pl.read_parquet_schema(BytesIO(data)))

    def csv_agrees(self, week: Window, column: str, values: pl.Series) -> bool:
        """Whether the CSV, which is the product, holds the same values of a text column, in the same order."""
        data = self._store.find(self._key(week, "csv.gz"))
        if data is None:
            return False
        try:
            return pl.read_csv(data, columns=[column], infer_schema=False)[column].equals(values)
        except (pl.exceptions.PolarsError, OSError):  # OSError: a gzip file cut short
            return False

    @contextmanager
    def _told(self, week: Window) -> Iterator[None]:
        try:
            yield
        except pl.exceptions.ComputeError as error:
            raise WeeklyDamaged(f"{self._key(week, 'parquet')}: no whole Parquet file; build the week again") from error

    def _key(self, week: Window, suffix: str) -> str:
        return layout.weekly(self._election, self._product, week, suffix)
