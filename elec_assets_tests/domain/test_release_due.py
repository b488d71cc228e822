"""Releases are held to the cadence of the phase, the final one to its day, and blackouts stop the clock."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from elec_assets.domain.phases import Phase
from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.release_cadence import final_day
from elec_assets.domain.release_due import ALLOWED, JUDGED_AFTER, LateRelease, late_release
from elec_assets.domain.windows import DAY, HOUR, Window

FROM, UNTIL = datetime(2026, 8, 3, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC)
BLACKOUT = Window(datetime(2027, 4, 10, tzinfo=UTC), datetime(2027, 4, 14, tzinfo=UTC))
DATES = Calendar(FROM, UNTIL, (date(2027, 4, 11), date(2027, 4, 25)), date(2027, 5, 13), blackouts=(BLACKOUT,))
FR = Election("fr", "X", "FR", DATES, {}, "Europe/Paris")
# Inside each phase, longer after its beginning than is allowed to pass, or as long as the phase is.
INSIDE = {
    Phase.EARLY: datetime(2026, 10, 1, tzinfo=UTC),
    Phase.CAMPAIGN: datetime(2027, 1, 15, tzinfo=UTC),
    Phase.VOTE: datetime(2027, 4, 6, tzinfo=UTC),
}


@pytest.mark.parametrize("phase", INSIDE)
def test_a_release_warns_and_fails_by_the_cadence_of_the_phase(phase: Phase) -> None:
    now, (warn, fail) = INSIDE[phase], ALLOWED[phase]
    assert late_release([FR], now - warn, now) is None
    assert late_release([FR], now - warn - HOUR, now) == LateRelease(now - HOUR, fail=False)
    assert late_release([FR], now - fail - HOUR, now) == LateRelease(now - HOUR - (fail - warn), fail=True)


def test_a_phase_with_a_faster_cadence_begins_the_count_anew() -> None:
    begins = datetime(2027, 3, 27, 23, tzinfo=UTC)  # of the vote: 14 days before the first round, 00:00 in Paris
    week_old = begins - 8 * DAY
    assert late_release([FR], week_old, begins + 2 * DAY) is None
    assert late_release([FR], week_old, begins + 2 * DAY + HOUR) is not None


def test_the_most_frequent_of_several_elections_counts() -> None:
    now = INSIDE[Phase.VOTE]
    later = replace(DATES, rounds=(date(2028, 4, 11),), inauguration=date(2028, 5, 1), collect_until=now + 500 * DAY)
    us = Election("us", "Y", "US", replace(later, blackouts=()), {})
    assert late_release([us], now - 5 * DAY, now) is None
    assert late_release([us, FR], now - 5 * DAY, now) is not None


def test_a_blackout_of_any_election_stops_the_clock() -> None:
    assert late_release([FR], BLACKOUT.start - 30 * DAY, BLACKOUT.start + HOUR) is None
    released = BLACKOUT.start - DAY
    assert late_release([FR], released, BLACKOUT.end + DAY) is None
    assert late_release([FR], released, BLACKOUT.end + DAY + HOUR) == LateRelease(BLACKOUT.end + DAY, fail=False)


@pytest.mark.parametrize("now", [FROM - HOUR, FROM + 39 * DAY, final_day(FR) + JUDGED_AFTER])
def test_nothing_is_late_before_collection_at_its_beginning_or_long_after_the_final_release(now: datetime) -> None:
    assert late_release([FR], None, now) is None


LAST = datetime(2027, 5, 11, 5, tzinfo=UTC)  # the last weekly release: two days later is the inauguration
LONG = replace(FR, calendar=replace(DATES, collect_until=datetime(2027, 7, 31, tzinfo=UTC)))
FINAL = datetime(2027, 8, 3, 5, tzinfo=UTC)


def test_from_the_inauguration_to_the_final_release_nothing_is_due_and_nothing_is_late() -> None:
    """Held to 40 and 45 days it warned in June and failed in July, with nothing that the schedule would do.

    Found on 2026-11-22 with a collection until the end of July.
    """
    days = [LAST + n * DAY for n in range(1, (FINAL - LAST).days + 2)]
    assert [late_release([LONG], LAST + HOUR, day) for day in days] == [None] * len(days)


def test_a_final_release_that_is_missing_is_late_though_collection_is_over() -> None:
    """It is due after collection has ended, and only elections that are collected were judged (2026-11-22)."""
    assert late_release([LONG], LAST + HOUR, FINAL + 2 * DAY) is None
    assert late_release([LONG], LAST + HOUR, FINAL + 3 * DAY) == LateRelease(FINAL + 2 * DAY, fail=False)
    assert late_release([LONG], LAST + HOUR, FINAL + 5 * DAY) == LateRelease(FINAL + 2 * DAY, fail=True)
    assert late_release([LONG], FINAL + HOUR, FINAL + 5 * DAY) is None


def test_the_last_release_before_the_inauguration_is_still_missed_after_it() -> None:
    assert late_release([LONG], LAST - 7 * DAY, LAST + 3 * DAY) == LateRelease(LAST + 2 * DAY, fail=False)
    assert late_release([LONG], LAST - 7 * DAY, FINAL - DAY) == LateRelease(LAST + 2 * DAY, fail=True)


def test_an_election_that_is_over_does_not_hide_that_another_has_no_release() -> None:
    now = FINAL + DAY
    later = replace(DATES, rounds=(date(2028, 4, 11),), inauguration=date(2028, 5, 1), collect_until=now + 500 * DAY)
    us = Election("us", "Y", "US", replace(later, blackouts=()), {})
    assert late_release([LONG, us], now - 41 * DAY, now) == LateRelease(now - DAY, fail=False)
    assert late_release([us, LONG], now - 46 * DAY, now) == LateRelease(now - 6 * DAY, fail=True)


def test_a_release_that_never_came_is_late_from_the_beginning_of_collection() -> None:
    now = FROM + timedelta(days=41)
    assert late_release([FR], None, now) == LateRelease(FROM + 40 * DAY, fail=False)
