"""What a plan of Google Trends asks a day, and what it plans."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.ladder import first_requests
from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election, TrendsPlan
from elec_assets.domain.trends import NEEDS, Cadence, Shape, TrendsTable, endpoints
from elec_assets.domain.trends_plan import (
    asked_about,
    collected_from,
    first_partition,
    planned,
    requests_a_day,
    too_many,
)
from elec_assets.domain.windows import DAY, Grain, window_at

START, END = datetime(2026, 11, 4, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC)
CALENDAR = Calendar(START, END, (date(2027, 4, 11),), date(2027, 5, 13))
NOON = datetime(2027, 2, 3, 12, tzinfo=UTC)
PEOPLE = {
    "ada": Candidate("ada", "Ada", (DatedStatus(1),)),
    "bob": Candidate("bob", "Bob", (DatedStatus(1), DatedStatus(-1, NOON))),
    "cyd": Candidate("cyd", "Cyd", (DatedStatus(-1),)),
}
ELECTION = Election("e", "E", "FR", CALENDAR, PEOPLE, trends=TrendsPlan(daily=(TrendsTable.RELATED_QUERIES,)))
TABLES = st.lists(st.sampled_from(TrendsTable), unique=True).map(
    lambda t: tuple(sorted(t, key=list(TrendsTable).index))
)
PLANS = st.builds(TrendsPlan, TABLES, TABLES, TABLES)


def test_the_default_fits_the_cap_for_40_candidates_and_two_areas() -> None:
    """312 by the hour, 372 by the day, 53 by the week, 59 for second samples; 1,200 a day are tolerated."""
    asked = requests_a_day(TrendsPlan(), candidates=40, areas=2)
    assert asked.mean == pytest.approx(312 + 372 + 372 / 7 + 52 + 52 / 7)
    assert 740 <= asked.mean <= 800
    assert asked.most < 1000
    assert too_many(asked, 1200) is None


def test_a_plan_above_the_cap_is_told_with_what_to_do() -> None:
    asked = requests_a_day(TrendsPlan(), candidates=40, areas=3)
    assert too_many(asked, 1200) == (
        "the Trends plan asks 1195 to 1493 requests a day, the cap is 1200; take tables out of `trends` in the "
        "registry (hourly interest_over_time asks most: 468) or areas out of `areas`"
    )


@settings(deadline=None, max_examples=15)
@given(PLANS, st.integers(0, 60), st.integers(0, 4))
def test_the_sum_is_that_of_all_requests_counted_one_by_one(plan: TrendsPlan, people: int, areas: int) -> None:
    total = 0.0
    for cadence in Cadence:
        tables = plan.tables(cadence)
        ladder, single = endpoints(tables, Shape.LADDER), endpoints(tables, Shape.SINGLE)
        comparisons = len(first_requests([str(n) for n in range(people)])) * cadence.samples
        a_block = comparisons * (1 + len(ladder)) * bool(ladder) + people * (1 + len(single)) * bool(single)
        total += a_block * areas * cadence.blocks_a_day
    asked = requests_a_day(plan, people, areas)
    assert asked.mean == pytest.approx(total)
    assert asked.most >= asked.mean
    assert {(t.cadence, t.table) for t in asked.tables} == {(c, t) for c in Cadence for t in plan.tables(c)}
    assert all(t.sample_no == 1 or NEEDS[t.table][0] is Shape.LADDER for t in asked.tables)


def test_days_and_weeks_begin_at_trends_from_and_hours_do_not() -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    election = replace(ELECTION, calendar=replace(CALENDAR, trends_from=early))
    assert collected_from(election, Cadence.HOURLY) == START
    assert collected_from(election, Cadence.DAILY) == collected_from(election, Cadence.WEEKLY) == early
    assert first_partition(election, Cadence.WEEKLY) == datetime(2025, 12, 29, tzinfo=UTC)
    assert first_partition(ELECTION, Cadence.WEEKLY) == datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "cadence", "tables"),
    [
        (NOON, Cadence.DAILY, ELECTION.trends.daily),
        (NOON, Cadence.HOURLY, ELECTION.trends.hourly),
        (START - DAY, Cadence.DAILY, ()),
        (START - DAY, Cadence.WEEKLY, ELECTION.trends.weekly),
        (END, Cadence.DAILY, ()),
        (END, Cadence.WEEKLY, ELECTION.trends.weekly),
    ],
)
def test_partitions_of_the_calendar_are_planned(
    moment: datetime, cadence: Cadence, tables: tuple[TrendsTable, ...]
) -> None:
    found = planned(ELECTION, cadence, window_at(moment, cadence.grain))
    assert tuple(found) == tables
    assert all("ada" in people and "cyd" not in people for people in found.values())


def test_who_is_followed_for_a_part_of_the_day_is_asked_about_that_day() -> None:
    day = window_at(NOON, Grain.DAY)
    assert asked_about(ELECTION, day) == ("ada", "bob")
    assert asked_about(ELECTION, window_at(NOON + DAY, Grain.DAY)) == ("ada",)
    assert asked_about(replace(ELECTION, candidates={}), day) == ()
    assert planned(replace(ELECTION, candidates={}), Cadence.DAILY, day) == {}
