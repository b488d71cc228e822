"""Who is followed when: the model alone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings

from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election, Registry
from elec_assets_tests.domain.registries import DRAWS, GRID, MINUTE, Draw

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


# Properties: any candidates that the file allows


def replayed(person: Candidate, moment: datetime) -> bool:
    """Whether someone is followed, by living through the dates of the file one after another up to the moment."""
    dated = [(s.since, "status", s.value) for s in person.status if s.since is not None]
    dated += [(t, kind, 0) for t, kind in ((person.since, "since"), (person.until, "until")) if t is not None]
    status = next((s.value for s in person.status if s.since is None), -1)
    begun, ended = person.since is None, False
    for when, kind, value in sorted(dated):
        if when > moment:
            break
        status = value if kind == "status" else status
        begun, ended = begun or kind == "since", ended or kind == "until"
    return begun and not ended and status in (0, 1)


def dates_of(people: Election) -> set[datetime]:
    found = {s.since for c in people.candidates.values() for s in c.status}
    found |= {t for c in people.candidates.values() for t in (c.since, c.until)}
    return {t for t in found if t is not None}


def moment_of(draw: Draw) -> datetime:
    """A date that the file may hold, the tick before one, or between two."""
    return draw.choice(GRID) + draw.choice([timedelta(0), -TICK, MINUTE / 2])


@settings(deadline=None, max_examples=200)
@given(DRAWS)
def test_as_of_is_what_living_through_the_dates_gives(draw: Draw) -> None:
    people, moment = draw.election("e"), moment_of(draw)
    expected = sorted(c.key for c in people.candidates.values() if replayed(c, moment))
    assert [c.key for c in people.as_of(moment)] == expected


@settings(deadline=None, max_examples=200)
@given(DRAWS)
def test_as_of_changes_only_at_dates_in_the_file(draw: Draw) -> None:
    people = draw.election("e")
    first, last = sorted((moment_of(draw), moment_of(draw)))
    if people.as_of(first) != people.as_of(last):
        assert [t for t in dates_of(people) if first < t <= last]


@settings(deadline=None, max_examples=200)
@given(DRAWS)
def test_as_of_depends_on_nothing_after_the_moment(draw: Draw) -> None:
    """Whatever is dated later may be rewritten; so may the calendar, which as_of does not read."""
    people, moment = draw.election("e"), moment_of(draw)
    future = [t for t in [*GRID, GRID[-1] + DAY] if t > moment]
    rewritten = {}
    for key, person in people.candidates.items():
        kept = tuple(s for s in person.status if s.since is None or s.since <= moment)
        later = draw.statuses(future, dated=True) if len(future) > 4 else ()
        ended = person.until is not None and person.until <= moment
        rewritten[key] = replace(person, status=kept + later, until=person.until if ended else draw.date(future))
    calendar = replace(people.calendar, collect_from=moment + DAY, collect_until=moment + 2 * DAY)
    after = replace(people, candidates=rewritten, calendar=calendar)
    assert [c.key for c in after.as_of(moment)] == [c.key for c in people.as_of(moment)]


@settings(deadline=None, max_examples=100)
@given(DRAWS)
def test_as_of_does_not_look_at_other_candidates_or_at_their_order(draw: Draw) -> None:
    people, moment = draw.election("e"), moment_of(draw)
    turned = replace(people, candidates=dict(sorted(people.candidates.items(), reverse=True)))
    assert turned.as_of(moment) == people.as_of(moment)
    alone = [replace(people, candidates={key: c}).as_of(moment) for key, c in sorted(people.candidates.items())]
    assert people.as_of(moment) == tuple(c for found in alone for c in found)
