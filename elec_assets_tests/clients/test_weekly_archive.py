import gzip
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from elec_assets.clients.store import Store
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.tables import COVERAGE, TWEETS
from elec_assets.domain.windows import WEEK, Grain, window_at
from elec_assets.transforms.coverage import week_table
from elec_assets.transforms.frames import from_rows, polars_schema
from elec_assets_tests.clients.hours import election
from elec_assets_tests.transforms.test_weekly import reference
from elec_assets_tests.transforms.test_weekly import tweets as some_rows

WEEK_5 = window_at(datetime(2027, 2, 1, tzinfo=UTC), Grain.WEEK)
CSV, PARQUET = "xx_2027/weekly/twitter/2027_05.csv.gz", "xx_2027/weekly/twitter/2027_05.parquet"


@pytest.fixture
def archive(local: Store) -> WeeklyArchive:
    return WeeklyArchive(local, "xx_2027", "twitter", TWEETS)


def test_both_files_hold_the_rows_and_the_csv_is_the_reference(local: Store, archive: WeeklyArchive) -> None:
    rows = some_rows(seed=5, count=500)
    frame = from_rows(rows, TWEETS)
    written = archive.write(WEEK_5, [frame.slice(n, 70) for n in range(0, 500, 70)])
    plain = reference(rows, TWEETS)
    assert gzip.decompress(local.get(CSV)) == plain
    assert (written.key, written.size, written.summary.rows) == (CSV, len(local.get(CSV)), 500)
    assert written.summary.plain_bytes == len(plain)
    read = archive.read(WEEK_5)
    assert read is not None
    assert read.equals(frame)
    ids = archive.read(WEEK_5, ["tweet_id"])
    assert ids is not None
    assert ids.columns == ["tweet_id"]
    assert archive.schema(WEEK_5) == pl.Schema(polars_schema(TWEETS))


def test_the_same_rows_give_the_same_bytes(local: Store, archive: WeeklyArchive) -> None:
    frame = from_rows(some_rows(seed=6, count=300), TWEETS)
    archive.write(WEEK_5, [frame])
    before = (local.get(CSV), local.get(PARQUET))
    archive.write(WEEK_5, (frame.slice(n, 11) for n in range(0, 300, 11)))
    assert (local.get(CSV), local.get(PARQUET)) == before


def test_a_week_without_rows_is_a_header(local: Store, archive: WeeklyArchive) -> None:
    written = archive.write(WEEK_5, [])
    assert gzip.decompress(local.get(CSV)).decode() == ",".join(TWEETS.names) + "\n"
    assert written.summary.rows == 0
    read = archive.read(WEEK_5)
    assert read is not None
    assert (read.height, dict(read.schema)) == (0, polars_schema(TWEETS))


def test_rows_out_of_order_write_nothing(local: Store, archive: WeeklyArchive) -> None:
    frame = from_rows(some_rows(seed=7, count=20), TWEETS)
    archive.write(WEEK_5, [frame])
    before = (local.get(CSV), local.get(PARQUET))
    with pytest.raises(ValueError, match="rows are sorted by tweet_id"):
        archive.write(WEEK_5, [frame.slice(10), frame.slice(0, 10)])
    assert (local.get(CSV), local.get(PARQUET)) == before


def test_a_week_that_was_never_written_is_none(archive: WeeklyArchive) -> None:
    assert archive.read(WEEK_5) is None
    assert archive.schema(WEEK_5) is None


def test_weeks_and_products_do_not_meet(local: Store) -> None:
    coverage = WeeklyArchive(local, "xx_2027", "coverage", COVERAGE)
    weeks = [
        WEEK_5,
        window_at(WEEK_5.start + WEEK, Grain.WEEK),
        window_at(WEEK_5.start - timedelta(days=30), Grain.WEEK),
    ]
    for week in weeks:
        coverage.write(week, [week_table(election(), week, [])])
    for week in weeks:
        read = coverage.read(week)
        assert read is not None
        assert read["window_start"].min() == week.start
        assert read.height == 168
    assert len(local.list("xx_2027/weekly/coverage/")) == 6
    assert local.list("xx_2027/weekly/twitter/") == []
