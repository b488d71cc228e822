from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.sandbox.trends_labels import growth_label, percent_label, point_labels, range_label, value_label
from elec_assets.sandbox.trends_times import BadTimeframe, points, read, sample_kind
from elec_assets_tests.sandbox.trends import NOW


@pytest.mark.parametrize(
    ("asked", "resolution", "count", "time", "compare"),
    [
        ("now 1-H", "MINUTE", 61, r"2027-02-03T13\:05\:57 2027-02-03T14\:05\:57", None),
        ("now 4-H", "MINUTE", 241, None, None),
        ("now 1-d", "EIGHT_MINUTE", 181, None, None),
        ("now 7-d", "HOUR", 169, None, r"2027-01-20T14\:05\:57 2027-01-27T14\:05\:57"),
        ("today 1-m", "DAY", 32, "2027-01-03 2027-02-03", "2026-12-02 2027-01-02"),
        ("today 3-m", "DAY", 93, "2026-11-03 2027-02-03", None),
        ("today 12-m", "WEEK", 53, "2026-02-03 2027-02-03", None),
        ("today 5-y", "WEEK", 262, "2022-02-03 2027-02-03", None),
        ("all", "MONTH", 278, "2004-01-01 2027-02-03", None),
        ("2021-01-01 2021-12-31", "WEEK", 53, "2021-01-01 2021-12-31", "2020-01-02 2020-12-31"),
        ("2021-01-01 2021-01-05", "DAY", 5, "2021-01-01 2021-01-05", "2020-12-27 2020-12-31"),
        ("2027-02-01 2027-02-28", "DAY", 3, "2027-02-01 2027-02-28", None),
        ("2027-02-02T08 2027-02-02T12", "MINUTE", 241, r"2027-02-02T08\:00\:00 2027-02-02T12\:00\:00", None),
        ("2027-02-02T00 2027-02-02T05", "EIGHT_MINUTE", 38, None, None),
        ("2027-01-30T00 2027-01-31T12", "SIXTEEN_MINUTE", 136, None, None),
        ("2027-01-25T00 2027-01-28T00", "HOUR", 73, None, None),
        ("2027-01-25T00 2027-01-31T23", "HOUR", 168, None, r"2027-01-18T01\:00\:00 2027-01-25T00\:00\:00"),
        ("2027-01-24T00 2027-01-31T23", "HOUR", 192, None, None),
        ("2027-02-03T12 2027-02-03T16", "MINUTE", 126, None, None),
    ],
)
def test_spans_resolve_as_google_says(
    asked: str, resolution: str, count: int, time: str | None, compare: str | None
) -> None:
    span = read(asked, NOW)
    assert span.resolution == resolution
    assert len(points(span, NOW)) == count
    assert span.time == (time or span.time)
    assert span.compare == (compare or span.compare)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("2027-01-24T00 2027-02-01T00", 400),  # 8 days
        ("2014-12-31T23 2015-01-01T04", 500),
        ("2027-02-02T08 2027-02-02T08", 400),
        ("2027-02-02 2027-02-01", 400),
        ("2027-02-04 2027-02-05", 400),
        ("2003-12-31 2004-02-01", 400),
        ("2027-02-30 2027-03-01", 400),
        ("2027-02-01T24 2027-02-02T01", 400),
        ("2027-02-01T00 2027-02-02", 400),
        ("now 2-H", 400),
        ("", 400),
    ],
)
def test_bad_timeframes_are_refused_with_googles_status(asked: str, status: int) -> None:
    with pytest.raises(BadTimeframe) as caught:
        read(asked, NOW)
    assert caught.value.status == status


def test_hours_are_taken_up_to_seven_days_and_23_hours_from_2015_on() -> None:
    assert read("2015-01-01T00 2015-01-08T23", NOW).resolution == "HOUR"


def test_the_last_hour_can_be_left_out() -> None:
    span = read("2027-02-02T08 2027-02-02T12", NOW)
    assert points(span, NOW)[-1][0] == datetime(2027, 2, 2, 12, tzinfo=UTC)
    assert points(span, NOW, hours_included=False)[-1][1] == datetime(2027, 2, 2, 12, tzinfo=UTC)


@given(start=st.integers(0, 3000), hours=st.integers(1, 191))
@settings(max_examples=60, deadline=None)
def test_points_follow_each_other_from_the_first_hour_to_the_last(start: int, hours: int) -> None:
    first = datetime(2026, 9, 1, tzinfo=UTC) + timedelta(hours=start)
    last = first + timedelta(hours=hours)
    span = read(f"{first:%Y-%m-%dT%H} {last:%Y-%m-%dT%H}", NOW + timedelta(days=60))
    found = points(span, NOW + timedelta(days=60))
    assert found[0][0] == first
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert last < found[-1][1] <= last + (found[0][1] - found[0][0])


def test_weeks_begin_on_sunday_and_months_on_the_first() -> None:
    assert {start.isoweekday() for start, _ in points(read("2021-01-01 2021-12-31", NOW), NOW)} == {7}
    assert {start.day for start, _ in points(read("all", NOW), NOW)} == {1}


def test_a_window_is_archived_seven_days_after_its_end() -> None:
    span = read("2027-01-25T00 2027-01-25T23", NOW)
    assert sample_kind(span, span.end + timedelta(days=7, seconds=-1)) == "realtime"
    assert sample_kind(span, span.end + timedelta(days=7)) == "archive"


def test_labels_are_googles() -> None:
    def label(asked: str, tz: int = 0) -> tuple[str, str]:
        span = read(asked, NOW)
        return point_labels(*points(span, NOW)[0], span.resolution, tz)

    assert label("2021-01-01 2021-01-05", 360) == ("Jan 1, 2021", "Jan 1, 2021")
    assert label("2021-01-01 2021-12-31") == ("Dec 27, 2020 \u2013 Jan 2, 2021", "Dec 27, 2020")
    assert label("2021-02-07 2021-12-31")[0] == "Feb 7 \u2013 13, 2021"
    assert label("all") == ("Jan 2004", "Jan 2004")
    assert label("2027-02-02T08 2027-02-02T12") == ("Feb 2, 2027 at 8:00 AM", "Feb 2 at 8:00 AM")
    assert label("2027-02-02T08 2027-02-02T12", -300)[0] == "Feb 2, 2027 at 1:00 PM"
    ranges = [range_label(read(a, NOW)) for a in ("2021-01-01 2021-12-31", "2021-01-01 2021-01-05", "now 7-d")]
    assert ranges == ["2021", "1/1/21 - 1/5/21", "Past 7 days"]
    assert [value_label(v, has_data=h) for v, h in ((0, True), (0, False), (97, True))] == ["<1", "0", "97"]
    assert [percent_label(v, has_data=h) for v, h in ((0, True), (0, False), (97, True))] == ["<1%", "", "97%"]
    assert [growth_label(v) for v in (40, 1250, 5000, 5050)] == ["+40%", "+1,250%", "+5,000%", "Breakout"]
