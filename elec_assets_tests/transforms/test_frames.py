import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.tables import COVERAGE, TABLES, TWEETS, Column, Kind, Table
from elec_assets.transforms.frames import conform, csv_chunk, csv_header, empty, from_rows, in_blocks, polars_schema
from elec_assets.transforms.ordering import Order
from elec_assets.transforms.parquet import parquet_bytes, read_parquet, read_pieces

SMALL = Table(
    name="small",
    description="One column of each kind.",
    columns=(
        Column("id", Kind.STRING, "", nullable=False),
        Column("n", Kind.INTEGER, ""),
        Column("x", Kind.FLOAT, ""),
        Column("yes", Kind.BOOLEAN, ""),
        Column("at", Kind.TIME, ""),
        Column("words", Kind.STRINGS, ""),
    ),
    key=("id",),
    order=("id",),
)


def small(**changes: pl.Series) -> pl.DataFrame:
    row = ("a", 1, 0.5, True, 1_801_487_045_123, ["é", "b"])
    return from_rows([row], SMALL).with_columns(**changes)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_table_has_an_empty_frame_in_its_order(table: Table) -> None:
    assert empty(table).columns == list(table.names)
    assert csv_header(table).decode() == ",".join(table.names) + "\n"
    assert polars_schema(table) == dict(from_rows([], table).schema)


def test_a_row_as_csv() -> None:
    assert csv_chunk(small(), SMALL, header=False).decode() == 'a,1,0.5,true,2027-02-01T13:04:05.123Z,"[""é"",""b""]"\n'


def test_null_and_empty_string_and_empty_list_differ() -> None:
    frame = from_rows([("", None, None, None, None, None), ("-", 0, 0.0, False, 0, [])], SMALL)
    assert csv_chunk(frame, SMALL, header=True).decode() == (
        'id,n,x,yes,at,words\n"",,,,,\n-,0,0.0,false,1970-01-01T00:00:00.000Z,[]\n'
    )


@given(st.lists(st.lists(st.text()), min_size=1))
def test_lists_are_compact_json_arrays(lists: list[list[str]]) -> None:
    table = Table("lists", "", (Column("words", Kind.STRINGS, ""), Column("end", Kind.INTEGER, "")), (), ())
    text = csv_chunk(from_rows([(words, 1) for words in lists], table), table, header=False).decode()
    cells = [json.dumps(words, ensure_ascii=False, separators=(",", ":")) for words in lists]
    quoted = ['"' + c.replace('"', '""') + '"' if '"' in c or "," in c else c for c in cells]
    assert text == "".join(f"{cell},1\n" for cell in quoted)


def test_conform_orders_columns_and_widens_types() -> None:
    frame = small(n=pl.Series([1], dtype=pl.Int8), words=pl.Series([None]), x=pl.Series([2], dtype=pl.Int32))
    frame = frame.with_columns(pl.col("at").cast(pl.Datetime("us", "UTC"))).select(reversed(frame.columns))
    assert dict(conform(frame, SMALL).schema) == polars_schema(SMALL)
    assert conform(frame, SMALL).row(0)[:4] == ("a", 1, 2.0, True)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("n", pl.Series([1.5]), "column n: type Float64 found, Int64 allowed"),
        ("n", pl.Series(["1"]), "column n: type String found"),
        ("id", pl.Series([None], dtype=pl.String), "column id: 1 nulls found, none allowed"),
        ("at", pl.Series([datetime(2027, 1, 1)]), "column at"),  # noqa: DTZ001 - a time without zone is the point
        ("words", pl.Series([[1]]), "column words"),
    ],
)
def test_conform_refuses_what_would_change_values(column: str, values: pl.Series, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        conform(small(**{column: values}), SMALL)


def test_conform_names_missing_and_unknown_columns() -> None:
    with pytest.raises(ValueError, match=r"table small: columns missing: \['n'\], unknown: \['m'\]"):
        conform(small().rename({"n": "m"}), SMALL)


def test_parquet_holds_types_and_values() -> None:
    frame = from_rows([("\x00\r\n", None, None, None, None, None), ("é😀", 1, 0.1, False, -1, ["", "\x00"])], SMALL)
    again = read_parquet(parquet_bytes(frame, SMALL), SMALL)
    assert again.equals(frame)
    assert dict(again.schema) == polars_schema(SMALL)


def test_parquet_of_another_table_is_refused() -> None:
    with pytest.raises(ValueError, match="table tweets: columns missing"):
        read_parquet(parquet_bytes(small(), SMALL), TWEETS)


@given(st.lists(st.text(max_size=3), max_size=9), st.integers(1, 4))
def test_parquet_is_read_in_pieces_that_fit(texts: list[str], most: int) -> None:
    frame = from_rows([(text, n, None, None, None, [text]) for n, text in enumerate(texts)], SMALL)
    pieces = list(read_pieces(parquet_bytes(frame, SMALL), SMALL, most))
    assert pl.concat(pieces).equals(frame)
    assert [piece.height for piece in pieces[:-1]] == [most] * (len(pieces) - 1)
    assert pieces[-1].height <= most


def test_parquet_that_is_damaged_is_refused_in_pieces_too() -> None:
    content = bytearray(parquet_bytes(from_rows([("text", n, None, None, None, []) for n in range(9)], SMALL), SMALL))
    content[4:40] = bytes(36)
    with pytest.raises(ValueError, match="no whole Parquet file"):
        list(read_pieces(bytes(content), SMALL, 4))


@given(st.lists(st.lists(st.tuples(st.text(max_size=3), st.lists(st.text(max_size=3), max_size=3))), max_size=4))
def test_parquet_bytes_do_not_depend_on_chunks(chunks: list[list[tuple[str, list[str]]]]) -> None:
    rows = [[(text, len(text), None, None, None, words) for text, words in chunk] for chunk in chunks]
    whole = from_rows([row for chunk in rows for row in chunk], SMALL)
    pieces = pl.concat([empty(SMALL), *(from_rows(chunk, SMALL) for chunk in rows)], rechunk=False)
    doubled = pl.concat([whole, whole.reverse()]).head(whole.height)
    assert parquet_bytes(pieces, SMALL) == parquet_bytes(whole, SMALL) == parquet_bytes(doubled, SMALL)


def coverage_rows(units: list[tuple[str, str | None, str]]) -> pl.DataFrame:
    names = ("table", "area", "partition")
    start = datetime(2027, 2, 1, tzinfo=UTC)
    fixed: dict[str, object] = {
        "election": "e", "source": "google_trends", "outcome": "ok", "window_start": start,
        "window_end": start + timedelta(hours=1), "planned_s": 1.0, "captured_s": 1.0, "filled_s": 0.0,
        "missed_s": 0.0, "retweets_missed_s": 0.0,
    }  # fmt: skip
    rows = [fixed | dict(zip(names, unit, strict=True)) for unit in units]
    return conform(pl.DataFrame(rows, schema=polars_schema(COVERAGE)), COVERAGE)


UNITS = st.tuples(st.sampled_from("ab"), st.sampled_from([None, "", "fr"]), st.sampled_from("12"))


@given(st.lists(UNITS, max_size=8), st.integers(0, 8))
def test_order_is_that_of_sorting_whatever_the_frames(units: list[tuple[str, str | None, str]], cut: int) -> None:
    in_order = sorted(units, key=lambda unit: (unit[0], unit[1] is not None, unit[1] or "", unit[2])) == units
    order = Order(COVERAGE)
    refused = pytest.raises(ValueError, match="table coverage, rows are sorted by source, table")
    with nullcontext() if in_order else refused:
        order.check(coverage_rows(units[:cut]))
        order.check(coverage_rows(units[cut:]))


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_blocks_hold_the_same_rows_so_many_each(sizes: list[int], rows: int) -> None:
    numbers = iter(range(100))
    frames = [pl.DataFrame({"n": [next(numbers) for _ in range(size)]}, schema={"n": pl.Int64}) for size in sizes]
    blocks = list(in_blocks(frames, rows))
    assert [n for block in blocks for n in block["n"]] == list(range(sum(sizes)))
    assert all(len(block) == rows for block in blocks[:-1])
    assert all(0 < len(block) <= rows for block in blocks)
