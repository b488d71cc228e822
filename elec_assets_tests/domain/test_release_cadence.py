"""When a release is due: a table of dates over a whole election, blackouts, several elections, and the words for it."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.release_cadence import (
    RELEASE_HOUR,
    ReleaseCadence,
    cadence_at,
    final_day,
    release_day,
    release_due,
)
from elec_assets.domain.windows import DAY, HOUR, Window

FROM, UNTIL = datetime(2026, 8, 3, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC)
BLACKOUT = Window(datetime(2027, 4, 9, 22, tzinfo=UTC), datetime(2027, 4, 11, 18, tzinfo=UTC))
DATES = Calendar(FROM, UNTIL, (date(2027, 4, 11), date(2027, 4, 25)), date(2027, 5, 13), blackouts=(BLACKOUT,))
FR = Election("fr", "X", "FR", DATES, {}, "Europe/Paris")
FINAL = datetime(2027, 6, 1, 5, tzinfo=UTC)


def at(month: int, day: int, hour: int = 6, year: int = 2027) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "cadence"),
    [
        (at(8, 4, year=2026), "monthly"),  # the first Tuesday of August
        (at(8, 11, year=2026), None),
        (at(10, 6, year=2026), "monthly"),
        (at(10, 13, year=2026), "weekly"),  # six months before the first round was Sunday
        (at(10, 14, year=2026), None),
        (at(3, 23), "weekly"),
        (at(3, 27), None),
        (at(3, 28), "daily"),  # 14 days before the first round
        (at(5, 1), "daily"),
        (at(5, 2), None),  # 7 days after the last one
        (at(5, 4), "weekly"),
        (at(5, 11), "weekly"),
        (at(5, 18), None),  # after the inauguration
        (at(6, 1), "final"),
        (at(6, 8), None),
        (at(8, 2, year=2026), None),  # before collection
    ],
)
def test_release_days_by_phase(day: datetime, cadence: str | None) -> None:
    found = release_day(FR, day.replace(hour=0) + RELEASE_HOUR)
    assert found == (None if cadence is None else ReleaseCadence(cadence))


def test_an_election_has_so_many_releases_of_each_kind() -> None:
    days = [FROM + DAY * n + RELEASE_HOUR for n in range(400)]
    counted = Counter(cadence for day in days if (cadence := release_day(FR, day)) is not None)
    assert counted == {"monthly": 3, "weekly": 24 + 2, "daily": 35, "final": 1}
    assert final_day(FR) == FINAL


def test_a_release_is_due_from_its_day_until_it_is_made() -> None:
    tuesday = at(1, 12, 5)
    assert not release_due([FR], tuesday - 6 * DAY, tuesday - HOUR).due
    for asked in (tuesday, tuesday + DAY, tuesday + 6 * DAY):
        assert release_due([FR], tuesday - HOUR, asked).due
        assert not release_due([FR], tuesday, asked).due


def test_the_words_say_why_and_when() -> None:
    assert release_due([FR], None, at(1, 13)).reason == (
        "the weekly release of 2027-01-12 (fr) is due: nothing was published yet"
    )
    assert release_due([FR], at(1, 5), at(1, 13)).reason.endswith("is due: the newest is of 2027-01-05T06:00:00Z")
    assert release_due([FR], at(1, 12), at(1, 13)).reason == (
        "the weekly release of 2027-01-12 (fr) is published; the next is due at 2027-01-19T05:00:00Z (weekly, fr)"
    )
    assert release_due([FR], None, FROM).reason == (
        "no release is due yet: the next is due at 2026-08-04T05:00:00Z (monthly, fr)"
    )
    after = release_due([FR], FINAL, FINAL + 9 * DAY)
    assert after.reason == "the final release of 2027-06-01 (fr) is published; no further one is planned"


LONG = replace(FR, calendar=replace(DATES, collect_until=datetime(2027, 7, 31, tzinfo=UTC)))


def test_the_final_release_is_planned_however_long_after_the_inauguration() -> None:
    """Only 62 days were looked through: with 81 to go it was said that no further one is planned (2026-11-22)."""
    final = "the next is due at 2027-08-03T05:00:00Z (final, fr)"
    for now in (at(5, 11), at(5, 14), at(7, 20), at(8, 2)):
        assert release_due([LONG], at(5, 11), now).reason == (
            f"the weekly release of 2027-05-11 (fr) is published; {final}"
        )
    assert release_due([LONG], at(5, 4), at(7, 20)).due, "what was due before is not forgotten either"
    assert release_due([LONG], at(5, 11), at(8, 3)).due
    assert release_due([LONG], None, at(1, 1, year=2026)).reason == (
        "no release is due yet: the next is due at 2026-08-04T05:00:00Z (monthly, fr)"
    )


def test_an_election_that_is_long_over_makes_nothing_due() -> None:
    assert release_due([FR], None, FINAL + 61 * DAY).due
    assert release_due([FR], None, FINAL + 63 * DAY).reason == "no release is due yet: no further one is planned"


def test_after_the_final_release_there_is_none_whatever_the_phase() -> None:
    """Collection may end before the inauguration: then nothing new is there to be released weekly."""
    short = replace(FR, calendar=replace(DATES, collect_until=at(4, 28, 0), inauguration=date(2027, 7, 1)))
    assert final_day(short) == at(5, 4, 5)
    assert release_day(short, at(5, 4, 5)) is ReleaseCadence.FINAL
    assert release_day(short, at(5, 11, 5)) is None


def test_a_blackout_of_any_election_stops_all_and_what_was_due_follows_it() -> None:
    other = replace(FR, key="de", calendar=replace(DATES, blackouts=()))
    inside = BLACKOUT.start + 30 * HOUR
    stopped = release_due([other, FR], None, inside)
    assert (stopped.due, stopped.reason) == (
        False,
        "blackout of fr until 2027-04-11T18:00:00Z: nothing is published",
    )
    assert release_due([other], None, inside).due
    assert release_due([FR], BLACKOUT.start - HOUR, BLACKOUT.end).due


def test_the_most_frequent_election_gives_the_cadence_and_a_final_one_is_not_lost() -> None:
    us = Election("us", "Y", "US", replace(DATES, rounds=(date(2027, 12, 1),), inauguration=date(2028, 1, 20),
                                           collect_until=at(2, 3, year=2028), blackouts=()), {})  # fmt: skip
    assert cadence_at([FR, us], at(4, 20)) is ReleaseCadence.DAILY
    assert cadence_at([us], at(4, 20)) is ReleaseCadence.MONTHLY
    assert cadence_at([FR, us], at(5, 20)) is ReleaseCadence.MONTHLY
    assert cadence_at([FR], at(5, 20)) is ReleaseCadence.FINAL
    assert cadence_at([FR], FINAL + DAY) is None
    assert "final release of 2027-06-01 (fr)" in release_due([FR], at(5, 11), FINAL + 20 * DAY).reason
    assert release_due([us, FR], at(5, 11), FINAL + timedelta(minutes=30)).due


def test_outside_all_elections_nothing_is_due() -> None:
    assert not release_due([FR], None, FROM - 100 * DAY).due
    assert release_due([], None, FROM).reason == "no release is due yet: no further one is planned"
