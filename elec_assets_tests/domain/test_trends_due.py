"""Which blocks are to be asked for: new ones first, second samples from the eighth day, the past a few at a time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election, TrendsPlan
from elec_assets.domain.trends import Cadence
from elec_assets.domain.trends_due import CATCH_UP, LOOK_BACK, SAMPLE_REACH, SETTLE, TICK, Due, due_blocks
from elec_assets.domain.windows import DAY, HOUR, WEEK, Window, iso

START = datetime(2027, 2, 1, tzinfo=UTC)
SPAN = Window(START, START + 10 * WEEK)
BLOCK = {Cadence.HOURLY: 4 * HOUR, Cadence.DAILY: DAY, Cadence.WEEKLY: WEEK}
CADENCES = pytest.mark.parametrize("cadence", list(Cadence))


def election(areas: int = 1, plan: TrendsPlan | None = None) -> Election:
    calendar = Calendar(SPAN.start, SPAN.end, (SPAN.start.date(),), SPAN.end.date())
    people = {"one": Candidate("one", "One", (DatedStatus(1),))}
    named = {f"a{number}": "" for number in range(areas)}
    return Election("xx", "X", "XX", calendar, people, areas=named, trends=plan or TrendsPlan())


def due(cadence: Cadence, now: datetime, *, closed: set[datetime] | None = None, areas: int = 1) -> list[Due]:
    shut = closed or set()
    return due_blocks(election(areas), cadence, SPAN, now, lambda _, block: block.start not in shut)


@CADENCES
def test_a_block_is_due_some_time_after_its_end_and_is_most_urgent(cadence: Cadence) -> None:
    end = START + 5 * BLOCK[cadence]
    before, after = due(cadence, end + SETTLE[cadence] - timedelta(seconds=1)), due(cadence, end + SETTLE[cadence])
    assert before[0].block.end == end - BLOCK[cadence]
    assert after[0].block == Window(end - BLOCK[cadence], end)
    assert all(later.priority < after[0].priority for later in after[1:])


def test_hours_go_before_days_and_days_before_weeks() -> None:
    now = START + 3 * WEEK + 5 * HOUR
    priorities = [due(cadence, now)[0].priority for cadence in Cadence]
    assert priorities == sorted(priorities, reverse=True)
    assert len(set(priorities)) == 3


def test_each_area_is_asked_for() -> None:
    asked = due(Cadence.HOURLY, START + DAY, areas=3)
    assert {each.area for each in asked if each.priority == asked[0].priority} == {"a0", "a1", "a2"}


@CADENCES
def test_nothing_is_asked_of_what_is_closed_or_not_planned(cadence: Cadence) -> None:
    now = START + 2 * WEEK
    everything = {now - 100 * BLOCK[cadence] + n * BLOCK[cadence] for n in range(101)}
    assert due(cadence, now, closed=everything | {START, START + WEEK}) == []
    assert due(cadence, START + HOUR) == []
    assert due_blocks(election(plan=TrendsPlan((), (), ())), cadence, SPAN, now, lambda *_: True) == []


def test_second_samples_are_due_on_the_eighth_day_and_for_three_days() -> None:
    """Until then the archive does not answer; from then on the weekly file closes soon."""
    day = START + 3 * DAY
    others = {START + n * DAY for n in range(40)} - {day}
    asked = [
        after
        for after in range(1, 14)
        if due(Cadence.DAILY, day + DAY + after * DAY, closed=others)[:1]
        and due(Cadence.DAILY, day + DAY + after * DAY, closed=others)[0].priority == 2
    ]
    assert asked == list(range(7, 7 + SAMPLE_REACH.days))


@CADENCES
def test_the_past_is_caught_up_a_few_at_a_time_and_none_waits_for_good(cadence: Cadence) -> None:
    """Oldest first starved newer ones behind those that always failed: which are tried changes from tick to tick."""
    now = START + 6 * WEEK + SETTLE[cadence]
    asked: set[Window] = set()
    ticks = LOOK_BACK[cadence] // BLOCK[cadence] + 1
    for number in range(ticks):
        past = [each for each in due(cadence, now + number * TICK) if each.priority == 1]
        assert len(past) <= CATCH_UP
        asked |= {each.block for each in past}
    # All of the time looked back, but for the newest block and those that are due for a second sample.
    assert len(asked) >= {Cadence.HOURLY: 40, Cadence.DAILY: 9, Cadence.WEEKLY: 2}[cadence]


@given(minutes=st.integers(0, 10 * 7 * 24 * 60), cadence=st.sampled_from(list(Cadence)))
def test_what_is_asked_for_is_over_planned_and_not_too_old(minutes: int, cadence: Cadence) -> None:
    now = START + timedelta(minutes=minutes)
    for each in due(cadence, now, areas=2):
        assert each.block.end + SETTLE[cadence] <= now, iso(now)
        assert each.block.start in SPAN
        assert each.block.end > now - LOOK_BACK[cadence] - BLOCK[cadence]
        assert each.block.end - each.block.start == BLOCK[cadence]
