"""What an edit does to the past: exact, complete, and nothing about the future."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings

from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election
from elec_assets.domain.registry_history import (
    PastChange,
    Searched,
    past_changes,
    searched_otherwise,
    sentences,
)
from elec_assets.domain.windows import Window
from elec_assets_tests.domain.registries import DRAWS, GRID, MINUTE, NOW, Draw
from elec_assets_tests.examples import examples

DAY = timedelta(days=1)
START = datetime(2026, 11, 2, tzinfo=UTC)
TODAY = START + 30 * DAY
ADA = Candidate("ada", "Ada", (DatedStatus(1),), ("ada_l",))
JOAN = Candidate("joan", "Joan", (DatedStatus(1, START + 10 * DAY),))
Elections = dict[str, Election]


def election(*people: Candidate, key: str = "fr", start: datetime = START) -> Elections:
    calendar = Calendar(start, START + 200 * DAY, (date(2027, 4, 11),), date(2027, 5, 6))
    return {key: Election(key, "Test", "FR", calendar, {c.key: c for c in people})}


def told(before: Elections, after: Elections, now: datetime = TODAY) -> list[str]:
    return [str(change) for change in past_changes(before, after, now)]


def follows(elections: Elections, election: str, candidate: str, moment: datetime) -> bool:
    """By `as_of` and the calendar, as those who collect ask."""
    held = elections.get(election)
    if held is None or not held.calendar.collect_from <= moment < held.calendar.collect_until:
        return False
    return candidate in [c.key for c in held.as_of(moment)]


# Against sampling: on the grid of generated dates that misses nothing


@pytest.mark.prove
@settings(deadline=None, max_examples=20_000)
@given(DRAWS)
def test_past_changes_are_those_that_sampling_finds_many_times(draw: Draw) -> None:
    compare_with_sampling(draw)


@settings(deadline=None, max_examples=examples(200))
@given(DRAWS)
def test_past_changes_are_those_that_sampling_finds(draw: Draw) -> None:
    compare_with_sampling(draw)


def compare_with_sampling(draw: Draw) -> None:
    before, after = draw.registry(), draw.registry()
    found = {
        (change.election, change.candidate, moment, change.was_followed)
        for change in past_changes(before, after, NOW)
        for moment in GRID
        if moment in change.window
    }
    sampled = {
        (key, name, moment, follows(before, key, name, moment))
        for key in before
        for name in "xyz"
        for moment in GRID
        if moment < NOW and follows(before, key, name, moment) != follows(after, key, name, moment)
    }
    assert found == sampled


@settings(deadline=None, max_examples=examples(100))
@given(DRAWS)
def test_there_is_no_change_where_and_only_where_the_past_is_equal(draw: Draw) -> None:
    before, after = draw.registry(), draw.registry()
    equal = all(
        follows(before, key, name, moment) == follows(after, key, name, moment)
        for key in before
        for name in "xyz"
        for moment in GRID
        if moment < NOW
    )
    assert (past_changes(before, after, NOW) == ()) is equal


@settings(deadline=None, max_examples=examples(100))
@given(DRAWS)
def test_changes_are_in_order_whole_and_before_now(draw: Draw) -> None:
    before, after = draw.registry(), draw.registry()
    changes = past_changes(before, after, NOW)
    keys = [(c.election, c.candidate, c.window.start) for c in changes]
    assert keys == sorted(keys)
    assert all(c.window.end <= NOW for c in changes)
    for one, other in pairwise(changes):
        same = (one.election, one.candidate, one.was_followed) == (other.election, other.candidate, other.was_followed)
        assert not same or one.window.end < other.window.start  # spans that touch are one


@settings(deadline=None, max_examples=examples(100))
@given(DRAWS)
def test_turning_the_edit_round_turns_its_changes_round(draw: Draw) -> None:
    before, after = draw.registry(), draw.registry()
    both = before.keys() & after.keys()
    one = past_changes({k: before[k] for k in both}, {k: after[k] for k in both}, NOW)
    other = past_changes({k: after[k] for k in both}, {k: before[k] for k in both}, NOW)
    assert [replace(c, was_followed=not c.was_followed) for c in one] == list(other)


@settings(deadline=None, max_examples=examples(100))
@given(DRAWS)
def test_an_edit_dated_now_or_later_is_never_a_change(draw: Draw) -> None:
    """Statuses to come, an `until` to come, a new candidate from now on, a new end of collection: all are free."""
    future = [moment for moment in GRID if moment >= NOW]
    before = draw.registry()
    after = {}
    for key, held in before.items():
        people = {"new": replace(draw.candidate("new"), since=draw.choice(future))}
        for name, person in held.candidates.items():
            kept = tuple(s for s in person.status if s.since is None or s.since < NOW)
            ended = person.until is not None and person.until < NOW
            until = person.until if ended else draw.date(future)
            people[name] = replace(person, status=kept + draw.statuses(future, dated=True), until=until)
        over = held.calendar.collect_until < NOW
        end = held.calendar.collect_until if over else draw.choice(future)
        after[key] = replace(held, calendar=replace(held.calendar, collect_until=end), candidates=people)
    assert past_changes(before, after, NOW) == ()


@settings(deadline=None, max_examples=examples(100))
@given(DRAWS)
def test_what_is_past_stays_past(draw: Draw) -> None:
    """An edit refused today is refused tomorrow: with time, changes grow and none goes."""
    before, after, now = draw.registry(), draw.registry(), draw.choice(GRID)
    early, late = past_changes(before, after, now), past_changes(before, after, now + MINUTE * 3)
    for change in early:
        assert any(
            (c.election, c.candidate, c.was_followed) == (change.election, change.candidate, change.was_followed)
            and c.window.start == change.window.start
            and c.window.end >= change.window.end
            for c in late
        )


# Examples, as a person reads them


def test_someone_added_without_a_date_was_not_followed_and_would_be() -> None:
    assert told(election(ADA), election(ADA, replace(JOAN, status=(DatedStatus(0),)))) == [
        "fr: joan was not followed from 2026-11-02T00:00:00Z to 2026-12-02T00:00:00Z, and would be"
    ]


def test_someone_taken_out_was_followed_and_would_not_be() -> None:
    expected = ["fr: joan was followed from 2026-11-12T00:00:00Z to 2026-12-02T00:00:00Z, and would not be"]
    assert told(election(ADA, JOAN), election(ADA)) == expected
    assert told(election(ADA, JOAN), election(ADA, replace(JOAN, status=(DatedStatus(-1),)))) == expected


@pytest.mark.parametrize("moved", [timedelta(seconds=1), timedelta(days=3), -timedelta(hours=5)])
def test_a_date_moved_in_the_past_is_a_change_of_just_that_span(moved: timedelta) -> None:
    left = START + 5 * DAY
    before, after = (election(replace(ADA, until=until)) for until in (left, left + moved))
    first, last = sorted((left, left + moved))
    assert past_changes(before, after, TODAY) == (PastChange("fr", "ada", Window(first, last), moved < timedelta(0)),)


def test_a_change_of_this_second_is_past_and_one_of_now_is_not() -> None:
    second = timedelta(seconds=1)
    before = election(ADA)
    assert told(before, election(replace(ADA, until=TODAY - second))) == [
        "fr: ada was followed from 2026-12-01T23:59:59Z to 2026-12-02T00:00:00Z, and would not be"
    ]
    assert told(before, election(replace(ADA, until=TODAY))) == []


def test_a_person_under_another_key_is_another_person() -> None:
    assert told(election(ADA), election(replace(ADA, key="alovelace"))) == [
        "fr: ada was followed from 2026-11-02T00:00:00Z to 2026-12-02T00:00:00Z, and would not be",
        "fr: alovelace was not followed from 2026-11-02T00:00:00Z to 2026-12-02T00:00:00Z, and would be",
    ]


def test_a_moved_begin_of_collection_counts_where_somebody_was_followed() -> None:
    later = START + 7 * DAY
    assert told(election(ADA, JOAN), election(ADA, JOAN, start=later)) == [
        "fr: ada was followed from 2026-11-02T00:00:00Z to 2026-11-09T00:00:00Z, and would not be"
    ]
    assert told(election(JOAN), election(JOAN, start=later)) == []
    assert told(election(ADA), election(ADA, start=START - DAY)) == [
        "fr: ada was not followed from 2026-11-01T00:00:00Z to 2026-11-02T00:00:00Z, and would be"
    ]


def test_a_new_election_has_no_past_and_one_taken_out_had_all_of_it() -> None:
    both = {**election(ADA), **election(ADA, JOAN, key="us")}
    assert told(election(ADA), both) == []
    assert told(both, election(ADA)) == [
        "us: ada was followed from 2026-11-02T00:00:00Z to 2026-12-02T00:00:00Z, and would not be",
        "us: joan was followed from 2026-11-12T00:00:00Z to 2026-12-02T00:00:00Z, and would not be",
    ]
    assert told(both, election(ADA), now=START) == []  # nothing was collected yet


def test_names_words_and_accounts_are_no_past_change() -> None:
    edited = replace(ADA, name="Ada L", accounts=(), terms=("countess",), exclude=("x",), party="P", image="i")
    assert told(election(ADA), election(edited)) == []


def test_a_status_that_is_followed_all_the_same_is_no_change() -> None:
    named_first = replace(ADA, status=(DatedStatus(0), DatedStatus(1, START + DAY)))
    assert told(election(ADA), election(named_first)) == []


def test_those_who_share_a_span_share_a_sentence() -> None:
    people = (ADA, replace(ADA, key="eve"), JOAN)
    assert sentences(past_changes(election(*people), {}, TODAY)) == [
        "fr: ada, eve were followed from 2026-11-02T00:00:00Z to 2026-12-02T00:00:00Z, and would not be",
        "fr: joan was followed from 2026-11-12T00:00:00Z to 2026-12-02T00:00:00Z, and would not be",
    ]
    assert sentences(()) == []


# Who is searched for otherwise


@pytest.mark.parametrize(
    "edit",
    [{"name": "Ada L"}, {"accounts": ("ada_l", "ada_2")}, {"terms": ("countess",)}, {"exclude": ("lovelace",)}],
)
def test_edited_words_of_someone_followed_before_are_told(edit: dict[str, object]) -> None:
    edited = election(replace(ADA, **edit), JOAN)  # type: ignore[arg-type]  # fields by name
    assert searched_otherwise(election(ADA, JOAN), edited, TODAY) == (Searched("fr", "ada"),)
    assert searched_otherwise(election(ADA, JOAN), edited, START) == ()


def test_other_languages_search_for_everyone_otherwise() -> None:
    after = {"fr": replace(election(ADA, JOAN)["fr"], languages=("fr",))}
    assert searched_otherwise(election(ADA, JOAN), after, START + 5 * DAY) == (Searched("fr", "ada"),)
    assert searched_otherwise(election(ADA, JOAN), after, TODAY) == (Searched("fr", "ada"), Searched("fr", "joan"))


def test_what_is_not_searched_for_and_the_order_of_words_are_not_told() -> None:
    two = replace(ADA, accounts=("a", "b"))
    after = replace(two, accounts=("b", "a"), party="P", group="G", image="i")
    assert searched_otherwise(election(two), election(after), TODAY) == ()
