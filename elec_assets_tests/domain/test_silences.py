"""Silences: an end and a reason, always."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.domain.silences import LONGEST, Silence, parse_silences, silenced, silences_text, silencing

NOW = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_silence_without_end_or_reason_is_refused_by_line() -> None:
    text = "silences:\n  - {match: a, reason: why}\n  - {match: '*', until: soon}\n"
    with pytest.raises(RegistryInvalid) as caught:
        parse_silences(text, "s.yaml")
    assert [str(p) for p in caught.value.problems] == [
        "s.yaml:2: silences[0].until: is missing; it is required",
        "s.yaml:3: silences[1].reason: is missing; it is required",
        "s.yaml:3: silences[1].until: 'soon' is not allowed; use a time with Z or an offset, in quotes, "
        "such as '2027-02-03T12:00:00Z'",
    ]


MATCHES = st.from_regex(r"[a-z/*?]{1,9}", fullmatch=True)
TIMES = st.integers(0, 9999).map(lambda n: NOW + timedelta(seconds=n))
REASONS = st.text("ab'\"#:{} é", max_size=9).map(lambda text: f"x{text}".strip())


@given(st.lists(st.builds(Silence, MATCHES, TIMES, REASONS), max_size=5))
@settings(max_examples=25)
def test_silences_survive_being_written(silences: list[Silence]) -> None:
    assert set(parse_silences(silences_text(silences), "s")) == set(silences)


def test_a_silence_mutes_names_and_patterns_until_it_ends() -> None:
    silences = [Silence("fr/*", NOW + HOUR, "one"), Silence("fr/a", NOW + 2 * HOUR, "two")]
    assert silencing(silences, ("late:fr/a", "fr/a"), NOW) == silences[1]
    assert silencing(silences, ("fr/b",), NOW) == silences[0]
    assert silencing(silences, ("fr/b",), NOW + HOUR) is None
    assert silencing(silences, ("us/a",), NOW) is None


def test_a_new_silence_replaces_one_of_its_name_and_those_that_are_over_go() -> None:
    old = (Silence("a", NOW + HOUR, "x"), Silence("b", NOW - HOUR, "x"), Silence("c", NOW + HOUR, "x"))
    new = Silence("a", NOW + 2 * HOUR, "y")
    assert silenced(old, new, NOW) == (old[2], new)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Silence("a", NOW, "x"), "a time after now"),
        (Silence("a", NOW + LONGEST + HOUR, "x"), "not after 2027-03-04T12:00:00Z"),
        (Silence("a", NOW + HOUR, " "), "the reason is empty"),
        (Silence("a b", NOW + HOUR, "x"), "cannot be silenced"),
    ],
)
def test_what_may_not_be_silenced_is_refused_with_what_is_allowed(wrong: Silence, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        silenced((), wrong, NOW)
