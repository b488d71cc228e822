"""The partitions of an election, against the windows of `domain/windows.py`."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

# Dagster has no public way to ask a mapping at another time than now.
from dagster._core.definitions.partitions.context import partition_loading_context
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets import partitions
from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import WEEK, Grain, Window, key_of, split

HOURS_OF_A_WEEK = 168
DAYS = st.dates(date(2017, 1, 1), date(2032, 12, 31))
LENGTHS = st.integers(min_value=1, max_value=60)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def election(collect_from: date, days: int) -> Election:
    end = collect_from + timedelta(days=days)
    calendar = Calendar(at(collect_from), at(end), rounds=(end,), inauguration=end)
    return Election("e", "Election", "FR", calendar, candidates={})


@pytest.mark.parametrize(
    ("first", "days", "start", "end"),
    [
        pytest.param(date(2026, 11, 2), 206, date(2026, 11, 2), date(2027, 5, 31), id="Monday to Thursday"),
        pytest.param(date(2026, 11, 4), 5, date(2026, 11, 2), date(2026, 11, 9), id="ends on a Monday"),
        pytest.param(date(2026, 11, 8), 2, date(2026, 11, 2), date(2026, 11, 16), id="Sunday to Tuesday"),
        pytest.param(date(2026, 11, 2), 1, date(2026, 11, 2), date(2026, 11, 9), id="one day"),
        pytest.param(date(2021, 1, 1), 3, date(2020, 12, 28), date(2021, 1, 4), id="week of two years"),
    ],
)
def test_bounds_are_whole_weeks(first: date, days: int, start: date, end: date) -> None:
    """No hour lies outside every week, and no week begins after collection ended."""
    assert partitions.bounds(election(first, days)) == Window(at(start), at(end))


def weeks_at(found: Election, now: datetime) -> list[str]:
    return list(partitions.weeks(found).get_partition_keys(current_time=now))


@given(first=DAYS, days=LENGTHS, after=st.integers(-40 * 24, 100 * 24))
@settings(max_examples=25, deadline=None)
def test_keys_are_those_of_the_windows(first: date, days: int, after: int) -> None:
    """Past, running and future elections: an hour exists once it is over, a week once it has begun.

    A week too many would be built, empty, and published; one too few would never be built. The first week alone
    exists a week early: Dagster counts its end offset before the start as well.
    """
    found = election(first, days)
    now = at(first) + timedelta(hours=after, minutes=7)
    span = partitions.bounds(found)
    hours = [key_of(h, Grain.HOUR) for h in split(span, Grain.HOUR) if h.end <= now]
    weeks = [
        key_of(w, Grain.WEEK)
        for w in split(span, Grain.WEEK)
        if w.start <= now or (w.start == span.start and w.start - WEEK <= now)
    ]
    assert partitions.hours(found).get_partition_keys(current_time=now) == hours
    assert weeks_at(found, now) == weeks


@given(first=DAYS, days=LENGTHS, after=st.integers(0, 70 * 24))
@settings(max_examples=25, deadline=None)
def test_a_week_is_made_of_its_hours(first: date, days: int, after: int) -> None:
    """Every week, also the running one, maps to its hours: 168 once it is over, and never an error.

    Without `allow_nonexistent_upstream_partitions` the running week could not be built by hand.
    """
    found = election(first, days)
    now = at(first) + timedelta(hours=after, minutes=7)
    hours, weeks = partitions.hours(found), partitions.weeks(found)
    existing = weeks_at(found, now)
    for week in {existing[0], existing[-1]}:
        with partition_loading_context(effective_dt=now):
            mapped = partitions.week_of_parts().get_upstream_mapped_partitions_result_for_partitions(
                weeks.empty_subset().with_partition_keys([week]), weeks, hours
            )
        span = partitions.window(week, Grain.WEEK)
        expected = [key_of(h, Grain.HOUR) for h in split(span, Grain.HOUR) if h.end <= now]
        assert list(mapped.partitions_subset.get_partition_keys()) == expected
        assert len(expected) <= HOURS_OF_A_WEEK


@pytest.mark.parametrize("history", [None, datetime(2027, 1, 6, tzinfo=UTC)])
def test_days_and_weeks_of_google_trends_begin_with_the_week_of_trends_from(history: datetime | None) -> None:
    found = election(date(2027, 2, 3), 20)
    found = replace(found, calendar=replace(found.calendar, trends_from=history))
    now = datetime(2027, 2, 12, 12, tzinfo=UTC)
    first = "2027-02-01" if history is None else "2027-01-04"
    keys = {c: partitions.trends(found, c).get_partition_keys(current_time=now) for c in Cadence}
    assert (keys[Cadence.HOURLY][0], keys[Cadence.HOURLY][-1]) == ("2027-02-01-00:00", "2027-02-12-11:00")
    assert (keys[Cadence.DAILY][0], keys[Cadence.DAILY][-1]) == (first, "2027-02-11")
    # The running week is no partition of what is asked for once and kept, but one of the weekly files.
    assert (keys[Cadence.WEEKLY][0], keys[Cadence.WEEKLY][-1]) == (first, "2027-02-01")
    files = partitions.trends_weeks(found).get_partition_keys(current_time=now)
    assert (files[0], files[-1]) == (first, "2027-02-08")
