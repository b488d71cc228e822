"""Blocks, spans, samples: what is asked for each partition."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.trends import (
    BLOCK_HOURS,
    NEEDS,
    Cadence,
    Endpoint,
    SampleKind,
    Shape,
    TrendsTable,
    block_of,
    endpoints,
    expected_points,
    partition_of_block,
    sample_kind,
    second_sample_at,
    timeframe,
)
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, split, window_at

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2098, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
NIGHT = window_at(datetime(2027, 2, 1, 7, tzinfo=UTC), Grain.HOUR)


@settings(deadline=None, max_examples=30)
@given(MOMENTS, st.sampled_from(Cadence))
def test_every_partition_lies_in_one_block_that_begins_with_a_partition(moment: datetime, cadence: Cadence) -> None:
    window = window_at(moment, cadence.grain)
    block = block_of(window, cadence.grain)
    parts = split(block, cadence.grain)
    assert window in parts
    assert {block_of(part, cadence.grain) for part in parts} == {block}
    assert partition_of_block(block, cadence.grain) == parts[0]
    assert len(parts) == (BLOCK_HOURS if cadence is Cadence.HOURLY else 1)
    assert block.start.hour % BLOCK_HOURS == 0


@settings(deadline=None, max_examples=30)
@given(MOMENTS, st.sampled_from(Cadence))
def test_the_span_asked_for_names_the_block_and_stays_below_eight_days(moment: datetime, cadence: Cadence) -> None:
    """Google answers 400 to hours over a span of 8 days or more."""
    block = block_of(window_at(moment, cadence.grain), cadence.grain)
    first, past = (datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC) for hour in timeframe(block).split(" "))
    assert Window(first, past) == block
    assert past - first < timedelta(days=8)


def test_an_hour_asks_for_its_block_of_four() -> None:
    block = block_of(NIGHT, Grain.HOUR)
    assert timeframe(block) == "2027-02-01T04 2027-02-01T08"


def test_samples_are_real_time_until_seven_days_after_the_block() -> None:
    block = block_of(NIGHT, Grain.HOUR)
    assert sample_kind(block, block.end) is SampleKind.REALTIME
    assert sample_kind(block, block.end + 7 * DAY - HOUR) is SampleKind.REALTIME
    assert sample_kind(block, block.end + 7 * DAY) is SampleKind.ARCHIVE


@settings(deadline=None, max_examples=30)
@given(MOMENTS, st.sampled_from([Cadence.DAILY, Cadence.WEEKLY]))
def test_the_second_sample_is_of_the_archive_and_while_the_weekly_file_is_open(moment: datetime, at: Cadence) -> None:
    window = window_at(moment, at.grain)
    due = second_sample_at(window, at)
    assert due is not None
    assert sample_kind(block_of(window, at.grain), due) is SampleKind.ARCHIVE
    assert due < window_at(window.start, Grain.WEEK).end + 9 * DAY


def test_hours_have_no_second_sample() -> None:
    assert second_sample_at(NIGHT, Cadence.HOURLY) is None


@pytest.mark.parametrize(
    ("resolution", "points"),
    [("MINUTE", 60), ("EIGHT_MINUTE", 7), ("SIXTEEN_MINUTE", 3), ("HOUR", 1), ("MONTH", None), (None, None)],
)
def test_points_expected_of_an_hour_follow_the_resolution(resolution: str | None, points: int | None) -> None:
    assert expected_points(block_of(NIGHT, Grain.HOUR), NIGHT, resolution) == points


@settings(deadline=None, max_examples=30)
@given(MOMENTS, st.sampled_from(["MINUTE", "EIGHT_MINUTE", "SIXTEEN_MINUTE", "HOUR"]))
def test_the_points_of_four_hours_are_those_of_their_block(moment: datetime, resolution: str) -> None:
    block = block_of(window_at(moment, Grain.HOUR), Grain.HOUR)
    parts = [expected_points(block, hour, resolution) or 0 for hour in split(block, Grain.HOUR)]
    assert sum(parts) == expected_points(block, block, resolution)


def test_documents_are_fetched_only_for_tables_of_the_plan_and_once() -> None:
    every = tuple(TrendsTable)
    assert endpoints(every, Shape.LADDER) == (Endpoint.TIMELINE,)
    assert endpoints(every, Shape.SINGLE) == (Endpoint.REGIONS, Endpoint.TOPICS, Endpoint.QUERIES)
    assert endpoints((TrendsTable.RELATED_QUERIES,), Shape.SINGLE) == (Endpoint.QUERIES,)
    assert endpoints((TrendsTable.CALIBRATED_INTEREST,), Shape.SINGLE) == ()
    assert set(NEEDS) == set(TrendsTable)
