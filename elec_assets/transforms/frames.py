r"""Tables of `domain/tables.py` as polars frames, and as CSV text.

CSV is RFC 4180 with `\n` line ends and UTF-8: a field is quoted only where it must be, null is nothing, an empty
string is `""`, a list is a compact JSON array, a time is `2027-02-01T13:04:05.123Z`, always with milliseconds.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import cast

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # publishes no types

from elec_assets.domain.tables import Column, Kind, Table

Row = tuple[object, ...]
"""One row in the order of its table's columns; times are integers, ms since 1970, lists may be tuples."""

TIME = pl.Datetime("ms", "UTC")
BLOCK_ROWS = 4_096
"""Rows that are worked on at a time where memory counts: 4 MB of CSV text of the widest table.

16,384 took as much CPU, and 40 MiB more at the peak of a week of a million posts (2026-11-22).
"""
CSV_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.3fZ"

_TYPES: dict[Kind, pl.DataType] = {
    Kind.STRING: pl.String(),
    Kind.INTEGER: pl.Int64(),
    Kind.FLOAT: pl.Float64(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.TIME: TIME,
    Kind.STRINGS: pl.List(pl.String()),
}


def polars_schema(table: Table) -> dict[str, pl.DataType]:
    """Column name -> polars type, in the order of the table."""
    return {column.name: _TYPES[column.kind] for column in table.columns}


def empty(table: Table) -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(schema=polars_schema(table))


def from_rows(rows: Sequence[Row], table: Table) -> pl.DataFrame:
    """A frame of rows that are tuples in column order, times as ms since 1970.

    Raises:
        ValueError: a column that may not be null holds a null.
    """
    return from_columns(list(zip(*rows, strict=True)), table) if rows else empty(table)


def from_columns(columns: Sequence[Sequence[object]], table: Table) -> pl.DataFrame:
    """A frame of columns in the order of the table, times as ms since 1970.

    Raises:
        ValueError: a column that may not be null holds a null.
    """
    return conform(pl.DataFrame([_series(c, v) for c, v in zip(table.columns, columns, strict=True)]), table)


def _series(column: Column, values: Sequence[object]) -> pl.Series:
    if column.kind is Kind.STRINGS:
        return _lists(column.name, cast("Sequence[Sequence[str] | None]", values))
    stored = pl.Int64() if column.kind is Kind.TIME else _TYPES[column.kind]
    return pl.Series(column.name, values, dtype=stored).cast(_TYPES[column.kind])


def _lists(name: str, values: Sequence[Sequence[str] | None]) -> pl.Series:
    """Lists of strings, laid out by hand.

    polars takes 13 us for each list of Python strings, pyarrow 0.3 us and imports pandas for it (0.6 s of every run),
    this 0.1 us (2026-11-22).
    """
    if None in values:
        whole = _lists(name, [value or () for value in values])
        return whole.zip_with(pl.Series([value is not None for value in values]), _nulls(whole))
    lists = cast("Sequence[Sequence[str]]", values)
    # Counted by polars: an `array` of `accumulate` took three times as long.
    offsets = pl.Series([0, *map(len, lists)], dtype=pl.Int64).cum_sum().to_arrow()
    strings = pl.Series(list(chain.from_iterable(lists)), dtype=pl.String)
    layout = strings.to_arrow(compat_level=pl.CompatLevel.oldest())
    return pl.Series(name, pa.LargeListArray.from_arrays(offsets, layout))


def _nulls(like: pl.Series) -> pl.Series:
    return pl.Series([None] * len(like), dtype=like.dtype)


def conform(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame with exactly the columns, order and types of the table.

    Only changes of type that lose nothing are made: all-null columns, smaller integers, integers to floats, and
    other units of a UTC time (cut to ms).

    Raises:
        ValueError: a column is missing or unknown, has another type, or holds a null where none may be.
    """
    if frame.schema == _schema(table):  # nearly always, and 1 ms faster with 54 columns
        _check_nulls(frame, table)
        return frame
    names, found = table.names, frame.columns
    missing = [name for name in names if name not in found]
    unknown = [name for name in found if name not in names]
    if missing or unknown:
        raise ValueError(f"table {table.name}: columns missing: {missing or 'none'}, unknown: {unknown or 'none'}")
    conformed = pl.DataFrame([_conform_column(frame.get_column(c.name), c, table) for c in table.columns])
    _check_nulls(conformed, table)
    return conformed


@cache
def _schema(table: Table) -> pl.Schema:
    return pl.Schema(polars_schema(table))


def _check_nulls(frame: pl.DataFrame, table: Table) -> None:
    for column in table.columns:
        if not column.nullable and (nulls := frame.get_column(column.name).null_count()):
            raise ValueError(f"table {table.name}, column {column.name}: {nulls} nulls found, none allowed")


def _conform_column(series: pl.Series, column: Column, table: Table) -> pl.Series:
    wanted = _TYPES[column.kind]
    if not _fits(series.dtype, wanted):
        raise ValueError(f"table {table.name}, column {column.name}: type {series.dtype} found, {wanted} allowed")
    return series if series.dtype == wanted else series.cast(wanted)


def _fits(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether values of the found type become the wanted type unchanged."""
    if found == wanted or found == pl.Null:
        return True
    if isinstance(found, pl.Datetime):
        return wanted == TIME and found.time_zone == "UTC"
    if found.is_integer():
        return wanted.is_numeric()
    return found == pl.List(pl.Null) and wanted == pl.List(pl.String)


def in_blocks(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of so many rows each, the last one of fewer.

    Small ones are put together: what is done once a frame costs 20 ms with 54 columns, whether it has ten rows or ten
    thousand (2026-11-21). Large ones are cut: memory is that of a block and of one frame given.
    """
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(map(len, held)) < rows:
            continue
        whole = pl.concat(held)
        for start in range(0, len(whole) - rows + 1, rows):
            yield whole.slice(start, rows)
        held = [whole.slice(len(whole) // rows * rows)]
    if held and (whole := pl.concat(held)).height:
        yield whole


def csv_chunk(frame: pl.DataFrame, table: Table, *, header: bool) -> bytes:
    """Rows of a frame that conforms to the table as CSV, one line per row, with or without the header line."""
    text = io.BytesIO()  # as text, and encoded again, it took nearly twice as long (11 for 6 us a row, 2026-11-22)
    cells = frame.select(_csv_column(column) for column in table.columns)
    cells.write_csv(text, include_header=header, datetime_format=CSV_TIME_FORMAT)
    return text.getvalue()


def csv_header(table: Table) -> bytes:
    """The header line alone."""
    return csv_chunk(empty(table), table, header=True)


def csv_slices(frame: pl.DataFrame, table: Table, rows: int = BLOCK_ROWS) -> Iterable[bytes]:
    """The rows as CSV without header, a slice of rows at a time: memory of one slice of text."""
    for part in frame.iter_slices(rows):
        yield csv_chunk(part, table, header=False)


def _csv_column(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    if column.kind is not Kind.STRINGS:
        return cell
    # polars writes JSON for structs only, so the list goes in as the one field of a struct and comes out of it again;
    # this equals json.dumps(cell, ensure_ascii=False, separators=(",", ":")).
    array = pl.struct(a=cell).struct.json_encode().str.strip_prefix('{"a":').str.strip_suffix("}")
    return pl.when(cell.is_not_null()).then(array).alias(column.name)
