import csv
import gzip
import hashlib
import io
import json
import random
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.tables import COVERAGE, TWEETS, Column, Kind, Table
from elec_assets.domain.windows import from_epoch_ms
from elec_assets.transforms import weekly
from elec_assets.transforms.frames import Row, empty, from_rows
from elec_assets.transforms.weekly import Summary, WeeklyCsv, WeeklyParquet
from elec_assets_tests.examples import examples

# What has broken CSV files before: accents, emoji, every line end, NUL, separators, quotes, nothing, look-alikes.
AWKWARD = [
    *("é", "Mélenchon", "😀", "👩‍👩‍👧", "\r", "\n", "\r\n", "\x00", "\u2028", "\x85", "\t", '"', '""', "'", ",", ";"),
    *(
        "",
        " ",
        " a ",
        "\\",
        "\\n",
        "null",
        "NaN",
        "true",
        "1e5",
        "=1+1",
        "[]",
        '["a","b"]',
        "\ufeff",
        "a\rb",
        "x" * 999,
    ),
]
TEXTS = st.sampled_from(AWKWARD) | st.text(max_size=20) | st.lists(st.sampled_from(AWKWARD), max_size=3).map("".join)
CELLS = {
    Kind.STRING: TEXTS,
    Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
    Kind.FLOAT: st.integers(0, 604_800_000).map(lambda milliseconds: milliseconds / 1000),
    Kind.BOOLEAN: st.booleans(),
    Kind.TIME: st.integers(0, 4_102_444_800_000),
    Kind.STRINGS: st.lists(TEXTS, max_size=3),
}


def cell(column: Column) -> st.SearchStrategy[object]:
    return st.none() | CELLS[column.kind] if column.nullable else CELLS[column.kind]


def rows_of(table: Table, max_size: int = 12) -> st.SearchStrategy[list[Row]]:
    """Rows of a table, valid but for its order column, which is a rising number."""
    rows = st.lists(st.tuples(*(cell(column) for column in table.columns)), max_size=max_size)
    first = table.names.index(table.order[0])
    return rows.map(lambda rs: [(*r[:first], f"{i:05}", *r[first + 1 :]) for i, r in enumerate(rs)])


def reference(rows: Sequence[Row], table: Table) -> bytes:
    """The CSV, cell by cell, with the standard library alone."""
    lines = [",".join(table.names)]
    lines += [",".join(reference_cell(*pair) for pair in zip(row, table.columns, strict=True)) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def reference_cell(value: object, column: Column) -> str:
    if value is None:
        return ""
    if column.kind is Kind.BOOLEAN:
        return "true" if value else "false"
    if column.kind is Kind.TIME:
        assert isinstance(value, int)
        return from_epoch_ms(value).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value % 1000:03}Z"
    if column.kind is Kind.STRINGS:
        value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    out = io.StringIO(newline="")
    csv.writer(out).writerow([value])
    return out.getvalue().removesuffix("\r\n")


def write_csv(frames: Sequence[pl.DataFrame], table: Table) -> tuple[bytes, Summary]:
    out = io.BytesIO()
    writer = WeeklyCsv(out, table)
    for frame in frames:
        writer.add(frame)
    summary = writer.close()
    return out.getvalue(), summary


def write_parquet(frames: Sequence[pl.DataFrame], table: Table, row_group_rows: int) -> bytes:
    out = io.BytesIO()
    writer = WeeklyParquet(out, table, row_group_rows)
    for frame in frames:
        writer.add(frame)
    writer.close()
    return out.getvalue()


def tweets(seed: int, count: int) -> list[Row]:
    """Many rows, quickly: a seeded random one per id, ids rising from nine digits to ten."""
    rng = random.Random(seed)  # noqa: S311 - test data
    words = [*AWKWARD, *("".join(rng.choices(string.ascii_letters, k=8)) for _ in range(200))]

    def value(column: Column) -> object:
        if column.nullable and rng.random() < 0.3:
            return None
        text = " ".join(rng.choices(words, k=rng.randrange(5)))
        return {
            Kind.STRING: text,
            Kind.INTEGER: rng.randrange(10 ** rng.randrange(1, 18)),
            Kind.BOOLEAN: rng.random() < 0.5,
            Kind.TIME: rng.randrange(4_102_444_800_000),
            Kind.STRINGS: rng.choices(words, k=rng.randrange(4)),
        }[column.kind]

    return [
        (str(1_000_000_000 - count // 2 + i), *(value(column) for column in TWEETS.columns[1:])) for i in range(count)
    ]


def cut(frame: pl.DataFrame, cuts: Sequence[int]) -> list[pl.DataFrame]:
    edges = [0, *sorted(c % (frame.height + 1) for c in cuts), frame.height]
    return [frame.slice(start, end - start) for start, end in pairwise(edges)]


@settings(deadline=None, max_examples=examples(40))
@given(rows_of(TWEETS, max_size=6))
def test_tweets_equal_the_row_by_row_reference(rows: list[Row]) -> None:
    packed, _ = write_csv([from_rows(rows, TWEETS)], TWEETS)
    assert gzip.decompress(packed) == reference(rows, TWEETS)


@settings(deadline=None)
@given(rows_of(COVERAGE))
def test_coverage_equals_the_row_by_row_reference(rows: list[Row]) -> None:
    packed, _ = write_csv([from_rows(rows, COVERAGE)], COVERAGE)
    assert gzip.decompress(packed) == reference(rows, COVERAGE)


@cache
def many() -> list[Row]:
    return tweets(seed=1, count=4_000)


@cache
def many_frame() -> pl.DataFrame:
    return from_rows(many(), TWEETS)


@cache
def many_whole() -> tuple[bytes, Summary, bytes]:
    """Uncut: CSV with its summary, and Parquet in row groups of 1,000."""
    return *write_csv([many_frame()], TWEETS), write_parquet([many_frame()], TWEETS, 1_000)


def test_many_rows_over_several_blocks_equal_the_reference() -> None:
    packed, summary, _ = many_whole()
    plain = reference(many(), TWEETS)
    assert gzip.decompress(packed) == plain
    assert len(plain) > 2 * weekly.BLOCK_BYTES
    assert (summary.rows, summary.plain_bytes) == (4_000, len(plain))
    assert summary.plain_sha256 == hashlib.sha256(plain).hexdigest()


@settings(deadline=None, max_examples=examples(8))
@given(st.lists(st.integers(0, 4_000), max_size=200))
def test_bytes_do_not_depend_on_how_the_hours_are_cut(cuts: list[int]) -> None:
    parts = cut(many_frame(), cuts)
    assert (*write_csv(parts, TWEETS), write_parquet(parts, TWEETS, 1_000)) == many_whole()


def test_parquet_has_row_groups_of_fixed_size_and_the_rows() -> None:
    content = write_parquet(cut(many_frame(), [1, 999, 1_500]), TWEETS, 1_000)
    assert pl.read_parquet(content).equals(many_frame())
    metadata = pl.read_parquet_metadata(io.BytesIO(content))
    assert metadata["elec.table"] == "tweets"
    assert metadata["elec.schema_version"] == "1"


def test_the_gzip_header_holds_no_time_and_no_name() -> None:
    packed, _, _ = many_whole()
    assert packed[:4] == b"\x1f\x8b\x08\x00"
    assert packed[4:8] == b"\x00\x00\x00\x00"


def test_it_is_one_gzip_member() -> None:
    packed, _ = write_csv(cut(many_frame(), [1_000, 2_000]), TWEETS)
    one = gzip.zlib.decompressobj(31)  # type: ignore[attr-defined]  # the module is there, its stub hides it
    assert one.decompress(packed) == gzip.decompress(packed)
    assert one.unused_data == b""


def test_polars_reads_the_csv_back() -> None:
    packed, _, _ = many_whole()
    again = pl.read_csv(packed, infer_schema=False)
    assert again["tweet_id"].to_list() == many_frame()["tweet_id"].to_list()
    assert again["text"].to_list() == many_frame()["text"].to_list()
    assert again["lang"].to_list() == many_frame()["lang"].to_list()


def test_a_week_without_rows_is_a_header() -> None:
    packed, summary = write_csv([empty(TWEETS)], TWEETS)
    assert gzip.decompress(packed).decode() == ",".join(TWEETS.names) + "\n"
    assert (summary.rows, summary.first, summary.last) == (0, None, None)
    assert pl.read_parquet(write_parquet([], TWEETS, 10)).height == 0


def test_the_summary_tells_first_and_last_time() -> None:
    hours = [many_frame().with_columns(created_at=pl.lit(datetime(2027, 2, 1, tzinfo=UTC) + timedelta(hours=1)))]
    hours = cut(hours[0].cast({"created_at": pl.Datetime("ms", "UTC")}), [10])
    hours[0] = hours[0].with_columns(created_at=pl.col("created_at") - timedelta(hours=1))
    _, summary = write_csv(hours, TWEETS)
    assert summary.first == datetime(2027, 2, 1, tzinfo=UTC)
    assert summary.last == datetime(2027, 2, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("writer", [WeeklyCsv, WeeklyParquet])
@pytest.mark.parametrize("second", [0, 1])
def test_an_id_not_above_the_last_is_an_error(writer: type[WeeklyCsv] | type[WeeklyParquet], second: int) -> None:
    into = writer(io.BytesIO(), TWEETS)
    into.add(many_frame().slice(0, 2))
    into.add(empty(TWEETS))
    last, found = many()[1][0], many()[second][0]
    with pytest.raises(ValueError, match=rf"table tweets.*tweet_id: \({found},\) found after \({last},\)"):
        into.add(many_frame().slice(second, 2))


def test_ids_are_compared_as_numbers() -> None:
    frame = pl.concat([many_frame().slice(1_999, 1), many_frame().slice(2_000, 1)])
    assert frame["tweet_id"].to_list() == ["999999999", "1000000000"]
    write_csv([frame], TWEETS)
    with pytest.raises(ValueError, match="999999999"):
        write_csv([frame.reverse()], TWEETS)
