from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elec_assets.domain.windows import (
    FIRST_SNOWFLAKE,
    X_EPOCH_MS,
    Grain,
    Window,
    created_ms,
    epoch_ms,
    floor,
    from_epoch_ms,
    id_bounds,
    iso,
    iso_ms,
    key_of,
    parse_iso,
    split,
    window_at,
    window_of_key,
    year_week,
)

MICROSECOND = timedelta(microseconds=1)
# 1990 to 2099
MOMENTS = st.integers(631_152_000_000_000, 4_102_444_799_999_999).map(lambda n: from_epoch_ms(0) + n * MICROSECOND)
# From the week after the first snowflake on, every id tells its time.
SNOWFLAKE_TIMES = st.integers(1_289_174_400_000, 3_155_760_000_000).map(from_epoch_ms)
GRAINS = st.sampled_from(list(Grain))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year, month, day and so on


@given(MOMENTS, GRAINS)
def test_every_moment_lies_in_exactly_one_window_of_a_grain(moment: datetime, grain: Grain) -> None:
    window = window_at(moment, grain)
    assert moment in window
    assert window.end - window.start == grain.length
    assert window_at(window.start, grain) == window
    assert window_at(window.end, grain).start == window.end
    assert window.end not in window


@given(MOMENTS, GRAINS)
def test_a_partition_key_names_its_window_and_no_other(moment: datetime, grain: Grain) -> None:
    window = window_at(moment, grain)
    assert window_of_key(key_of(window, grain), grain) == window


@pytest.mark.parametrize(
    ("grain", "key"),
    [
        (Grain.WEEK, "2027-02-02"),
        (Grain.WEEK, "2027-02-01-00:00"),
        (Grain.DAY, "2027-02-30"),
        (Grain.DAY, "2027-2-1"),
        (Grain.DAY, "2027-02-01 "),
        (Grain.HOUR, "2027-02-01-13:30"),
        (Grain.HOUR, "2027-02-01-24:00"),
        (Grain.HOUR, "2027-02-01-3:00"),
        (Grain.HOUR, ""),
    ],
)
def test_a_key_that_dagster_would_not_write_is_refused(grain: Grain, key: str) -> None:
    """`2027-2-1` was read as 1 February, although no partition has this key."""
    with pytest.raises(ValueError, match=r".+"):
        window_of_key(key, grain)


@given(MOMENTS, GRAINS)
def test_weeks_split_into_whole_hours_and_days_without_gap(moment: datetime, grain: Grain) -> None:
    week = window_at(moment, Grain.WEEK)
    parts = split(week, grain)
    assert len(parts) == {Grain.HOUR: 168, Grain.DAY: 7, Grain.WEEK: 1}[grain]
    assert (parts[0].start, parts[-1].end) == (week.start, week.end)
    assert all(a.end == b.start for a, b in pairwise(parts))


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
@example(date(2026, 12, 31))
@example(date(2027, 1, 3))
@example(date(2024, 12, 30))
@example(date(2021, 1, 3))
def test_a_file_is_named_after_the_iso_year_and_week(day: date) -> None:
    year, week, _ = day.isocalendar()
    assert year_week(window_at(datetime(day.year, day.month, day.day, tzinfo=UTC), Grain.WEEK)) == f"{year}_{week:02}"


def test_weeks_at_the_edge_of_a_year() -> None:
    """The year of a week is that of its Thursday: 2020 has 53 weeks, and 2026-12-28 begins week 53 of 2026."""
    named = {d: year_week(window_at(d, Grain.WEEK)) for d in (utc(2021, 1, 3), utc(2021, 1, 4), utc(2027, 1, 3))}
    assert list(named.values()) == ["2020_53", "2021_01", "2026_53"]


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_windows_are_utc_wherever_a_time_was_written(moment: datetime, offset_minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))
    assert [floor(elsewhere, grain) for grain in Grain] == [floor(moment, grain) for grain in Grain]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (utc(2027, 1, 1), utc(2027, 1, 1)),
        (utc(2027, 1, 2), utc(2027, 1, 1)),
        (datetime(2027, 1, 1), utc(2027, 1, 2)),  # noqa: DTZ001 - the fault under test
        (datetime(2027, 1, 1, tzinfo=ZoneInfo("Europe/Paris")), utc(2027, 1, 2)),
    ],
)
def test_a_window_has_two_utc_bounds_in_order(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"UTC|end after"):
        Window(start, end)


@given(st.integers(0, 4_102_444_800_000))
def test_times_survive_text_and_milliseconds(ms: int) -> None:
    moment = from_epoch_ms(ms)
    assert epoch_ms(moment) == ms
    assert parse_iso(iso(moment)) == parse_iso(iso_ms(moment)) == moment
    assert len(iso_ms(moment)) == len("2027-02-01T13:04:05.123Z")


@given(st.lists(MOMENTS, max_size=5))
def test_texts_with_milliseconds_sort_as_their_times_do(moments: list[datetime]) -> None:
    cut = [m.replace(microsecond=m.microsecond // 1000 * 1000) for m in moments]
    assert sorted(map(iso_ms, cut)) == [iso_ms(m) for m in sorted(cut)]


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        parse_iso("2027-02-01T13:00:00")


@given(SNOWFLAKE_TIMES, GRAINS, st.integers(-(2**23), 2**23))
def test_the_bounds_hold_exactly_the_ids_of_the_window(moment: datetime, grain: Grain, near: int) -> None:
    """Both bounds are exclusive, as X has them: checked around each edge against the time that the id itself tells."""
    window = window_at(moment, grain)
    since_id, until_id = id_bounds(window)
    for tweet_id in (since_id, since_id + 1, until_id - 1, until_id, since_id + near, until_id + near):
        made = created_ms(tweet_id)
        assert made is not None
        assert (since_id < tweet_id < until_id) == (from_epoch_ms(made) in window)


def test_neighbouring_windows_share_no_id_and_lose_none() -> None:
    hours = split(window_at(utc(2027, 2, 1), Grain.DAY), Grain.HOUR)
    for hour, following in pairwise(hours):
        assert id_bounds(hour)[1] - 1 == id_bounds(following)[0]


def test_ids_from_before_snowflakes_tell_no_time() -> None:
    assert created_ms(FIRST_SNOWFLAKE - 1) is None
    assert created_ms(20) is None
    assert created_ms(FIRST_SNOWFLAKE) == (FIRST_SNOWFLAKE >> 22) + X_EPOCH_MS
    # The worked example of Wikipedia's article "Snowflake ID": a post of 2022-06-28 16:07:40.105 UTC.
    assert created_ms(1541815603606036480) == epoch_ms(utc(2022, 6, 28, 16, 7, 40, 105_000))
