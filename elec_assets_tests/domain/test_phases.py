"""Phases: every moment is in one, in their order, whatever the dates."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.phases import Phase, phase_begins, phase_of

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu", "America/Santiago", "Pacific/Apia"]
DATES = st.dates(date(2006, 7, 1), date(2099, 1, 1))
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


@given(DATES, st.integers(0, 40), st.integers(1, 60), st.sampled_from(ZONES), MOMENTS)
def test_every_moment_is_in_one_phase_and_phases_follow_each_other(
    first: date, between: int, until: int, zone: str, moment: datetime
) -> None:
    rounds = (first, first + timedelta(days=between)) if between else (first,)
    inauguration = rounds[-1] + timedelta(days=until)
    begins = phase_begins(rounds, inauguration, ZoneInfo(zone))
    assert list(begins) == list(Phase)[1:]
    assert list(begins.values()) == sorted(begins.values())
    assert all(begin.utcoffset() == timedelta(0) for begin in begins.values())
    found = phase_of(begins, moment)
    assert found is Phase.EARLY or begins[found] <= moment
    assert all(begin > moment for phase, begin in begins.items() if list(Phase).index(phase) > list(Phase).index(found))
    assert begins[Phase.VOTE] < begins[Phase.TRANSITION], "a vote is never left out"


def test_the_phases_of_a_french_election_begin_at_midnight_in_paris() -> None:
    begins = phase_begins((date(2027, 4, 11), date(2027, 4, 25)), date(2027, 5, 13), ZoneInfo("Europe/Paris"))
    assert begins == {
        Phase.CAMPAIGN: datetime(2026, 10, 10, 22, tzinfo=UTC),  # summer time
        Phase.VOTE: datetime(2027, 3, 27, 23, tzinfo=UTC),  # winter time: the clocks go forward three hours later
        Phase.TRANSITION: datetime(2027, 5, 1, 22, tzinfo=UTC),
        Phase.CLOSING: datetime(2027, 5, 12, 22, tzinfo=UTC),
    }


@pytest.mark.parametrize(
    ("first", "campaign"),
    [
        (date(2027, 8, 31), date(2027, 2, 28)),
        (date(2028, 8, 31), date(2028, 2, 29)),
        (date(2027, 3, 1), date(2026, 9, 1)),
    ],
)
def test_six_months_before_end_on_the_last_day_of_a_shorter_month(first: date, campaign: date) -> None:
    begins = phase_begins((first,), first + timedelta(days=30), UTC)
    assert begins[Phase.CAMPAIGN].date() == campaign


def test_an_early_inauguration_leaves_no_transition() -> None:
    begins = phase_begins((date(2027, 4, 11),), date(2027, 4, 12), UTC)
    assert begins[Phase.TRANSITION] == begins[Phase.CLOSING] == datetime(2027, 4, 18, tzinfo=UTC)
    assert phase_of(begins, datetime(2027, 4, 17, 23, 59, tzinfo=UTC)) is Phase.VOTE
    assert phase_of(begins, datetime(2027, 4, 18, tzinfo=UTC)) is Phase.CLOSING
