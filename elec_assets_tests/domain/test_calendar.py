from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain import calendar
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.registry import Calendar, CapturePlan, Election
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, epoch_ms, split, window_at

START = datetime(2027, 2, 1, tzinfo=UTC)
END = datetime(2027, 3, 1, tzinfo=UTC)
HOURS = st.integers(0, 27 * 24).map(lambda n: window_at(START + HOUR * n, Grain.HOUR))


CONTINUOUS = CapturePlan()


def election(plan: CapturePlan = CONTINUOUS, key: str = "xx_test_2027") -> Election:
    dates = Calendar(START, END, rounds=(date(2027, 2, 20),), inauguration=date(2027, 2, 25))
    return Election(key, "Test", "XX", dates, {}, capture=plan)


def slots(number: int, seconds: int) -> CapturePlan:
    return CapturePlan("slots", slots=number, slot_s=seconds)


def every(period: timedelta, length: timedelta) -> CapturePlan:
    return CapturePlan("every", every_s=int(period.total_seconds()), length_s=int(length.total_seconds()))


@given(HOURS)
def test_a_continuous_plan_wants_all_of_an_hour(hour: Window) -> None:
    assert calendar.planned(election(), hour) == Intervals.between(hour)


def test_nothing_is_planned_outside_the_collection() -> None:
    assert calendar.planned(election(), window_at(START - HOUR, Grain.HOUR)) == NOWHERE
    assert calendar.planned(election(), window_at(END, Grain.HOUR)) == NOWHERE
    assert calendar.planned(election(), window_at(END - HOUR, Grain.HOUR)).seconds == 3600
    assert calendar.planned(election(slots(10, 60)), window_at(END, Grain.HOUR)) == NOWHERE
    week = Window(START - DAY * 7, START + DAY * 7)
    assert calendar.collected(election(), week).windows() == [Window(START, START + DAY * 7)]


@given(HOURS, st.integers(1, 60), st.data())
def test_random_slots_lie_one_in_each_stratum_and_are_drawn_again_the_same(
    hour: Window, number: int, data: st.DataObject
) -> None:
    length = data.draw(st.integers(1, 3600 // number))
    once = calendar.planned(election(slots(number, length)), hour)
    assert once == calendar.planned(election(slots(number, length)), hour)
    assert once.seconds == number * length
    start, stratum = epoch_ms(hour.start), 3_600_000 // number
    drawn = [Intervals.of([(start + i * stratum, start + (i + 1) * stratum)]) & once for i in range(number)]
    assert [part.seconds for part in drawn] == [length] * number


def test_slots_differ_between_hours_and_elections() -> None:
    hours = split(window_at(START, Grain.DAY), Grain.HOUR)
    offsets = {
        tuple(a - epoch_ms(hour.start) for a, _ in calendar.planned(election(slots(10, 60), key), hour).spans)
        for hour in hours
        for key in ("xx_test_2027", "yy_test_2027")
    }
    assert len(offsets) == 48


def test_slots_are_those_drawn_in_the_first_version() -> None:
    """Coverage of stored hours refers to them: another Python or another seed must not draw others."""
    found = calendar.planned(election(slots(3, 60)), window_at(START, Grain.HOUR))
    assert [(a - epoch_ms(START)) // 1000 for a, _ in found.spans] == [1052, 2160, 3453]


@pytest.mark.parametrize(
    ("period", "length", "minutes"),
    [
        (timedelta(hours=1), timedelta(minutes=10), [(0, 10)]),
        (timedelta(minutes=30), timedelta(minutes=5), [(0, 5), (30, 35)]),
        (timedelta(minutes=25), timedelta(minutes=15), [(0, 15), (25, 40), (50, 60)]),
        (timedelta(minutes=30), timedelta(minutes=30), [(0, 60)]),
    ],
)
def test_every_plans_the_first_part_of_each_period(
    period: timedelta, length: timedelta, minutes: list[tuple[int, int]]
) -> None:
    found = calendar.planned(election(every(period, length)), window_at(START, Grain.HOUR))
    assert [((a - epoch_ms(START)) // 60_000, (b - epoch_ms(START)) // 60_000) for a, b in found.spans] == minutes


@given(st.integers(2, 24), st.integers(1, 180))
def test_periods_longer_than_an_hour_are_met_by_the_hours_together(hours: int, minutes: int) -> None:
    """Each hour plans its part of a period alone; together they plan what the whole day would."""
    plan = every(timedelta(hours=hours), timedelta(minutes=min(minutes, hours * 60)))
    day = window_at(START + DAY, Grain.DAY)
    parts = [calendar.planned(election(plan), hour) for hour in split(Window(day.start, day.end + DAY), Grain.HOUR)]
    period, length = plan.every_s * 1000, plan.length_s * 1000
    first, last = epoch_ms(day.start), epoch_ms(day.end + DAY)
    starts = range(first - first % period, last, period)
    whole = Intervals.of((t, t + length) for t in starts) & Intervals.of([(first, last)])
    assert Intervals.of(span for part in parts for span in part.spans) == whole
