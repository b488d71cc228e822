"""Who is followed when: the model alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election, Registry

DAY = timedelta(days=1)
NOON = datetime(2027, 1, 10, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def election(*candidates: Candidate, start: datetime = NOON - 30 * DAY) -> Election:
    calendar = Calendar(start, NOON + 120 * DAY, (date(2027, 4, 11),), date(2027, 5, 13))
    return Election("fr_2027", "Test", "FR", calendar, {c.key: c for c in candidates})


def test_dated_statuses_hold_from_their_time_on() -> None:
    person = Candidate("a", "A", (DatedStatus(0), DatedStatus(1, NOON), DatedStatus(-1, NOON + DAY)))
    assert [person.status_at(t) for t in (NOON - TICK, NOON, NOON + DAY - TICK, NOON + DAY)] == [0, 1, 1, -1]
    assert [person.followed_at(t) for t in (NOON - TICK, NOON + DAY - TICK, NOON + DAY)] == [True, True, False]


def test_before_the_first_dated_status_nobody_is_followed() -> None:
    person = Candidate("a", "A", (DatedStatus(1, NOON),))
    assert not person.followed_at(NOON - TICK)
    assert person.followed_at(NOON)


def test_an_undated_minus_one_is_never_followed() -> None:
    person = Candidate("a", "A", (DatedStatus(-1),))
    assert not any(person.followed_at(NOON + n * DAY) for n in range(-3000, 3000, 100))


def test_since_and_until_bound_a_status_half_open() -> None:
    person = Candidate("a", "A", (DatedStatus(1),), since=NOON, until=NOON + DAY)
    assert [person.followed_at(t) for t in (NOON - TICK, NOON, NOON + DAY - TICK, NOON + DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_as_of_gives_the_followed_in_the_order_of_their_keys() -> None:
    out = Candidate("b", "B", (DatedStatus(1), DatedStatus(-1, NOON)))
    people = election(Candidate("c", "C", (DatedStatus(1),)), out, Candidate("a", "A", (DatedStatus(0),)))
    assert [c.key for c in people.as_of(NOON - TICK)] == ["a", "b", "c"]
    assert [c.key for c in people.as_of(NOON)] == ["a", "c"]


def test_an_election_is_active_from_collect_from_until_before_collect_until() -> None:
    one = election()
    late = replace(election(start=NOON), key="late")
    registry = Registry({"fr_2027": one, "late": late}, "0" * 12, "candidates.yaml")
    calendar = one.calendar
    assert not one.active_at(calendar.collect_from - TICK)
    assert one.active_at(calendar.collect_from)
    assert not one.active_at(calendar.collect_until)
    assert registry.active(NOON - TICK) == (one,)
    assert registry.active(NOON) == (one, late)
