from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.rule_sync import MOST_RULES, HeldRule, RuleChange, difference, plain
from elec_assets.domain.rules import STREAM_RULE_LIMIT, StreamRule

# Few of each, so that they meet: rules of two elections, of somebody else, and without tag.
TAGS = ("elec:a_2027:one", "elec:a_2027:two", "elec:b_2027:one", "elec:b_2027:one#2")
VALUES = ('("One" OR @one) lang:fr', '("Two")', "(three)")
FOREIGN = ("", "theirs", "election:a")


def wanted_rules() -> st.SearchStrategy[list[StreamRule]]:
    rule = st.builds(StreamRule, st.sampled_from(VALUES), st.sampled_from(TAGS))
    return st.lists(rule, max_size=8)


def held_rules() -> st.SearchStrategy[list[HeldRule]]:
    """What X may hold: no value twice."""
    copies = [v + f' -"elecassets{n}"' for v in VALUES for n in (2, 3)]
    value = st.sampled_from([*VALUES, *copies, "old", "older"])
    rule = st.tuples(value, st.sampled_from([*TAGS, *FOREIGN]))
    named = st.lists(rule, max_size=10, unique_by=lambda r: r[0])
    return named.map(lambda rules: [HeldRule(str(n), *rule) for n, rule in enumerate(rules)])


class App:
    """The rules of an app, as X keeps them."""

    def __init__(self, held: Iterable[HeldRule]) -> None:
        self.held = {rule.id: rule for rule in held}
        self.seen: list[set[tuple[str, str]]] = []
        self._values = {rule.value for rule in self.held.values()}

    def delete(self, rules: Iterable[HeldRule]) -> None:
        for rule in rules:
            del self.held[rule.id]
            self._values.remove(rule.value)
            self._look()

    def add(self, rules: Iterable[StreamRule]) -> None:
        for rule in rules:
            assert rule.value not in self._values, "X would answer DuplicateRule"
            assert len(rule.value) <= STREAM_RULE_LIMIT
            self._values.add(rule.value)
            self.held[f"new {rule.value}"] = HeldRule("new", rule.value, rule.tag)
            assert len(self.held) <= MOST_RULES
            self._look()

    def apply(self, change: RuleChange) -> None:
        self.delete(change.delete_first)
        self.add(change.add)
        self.delete(change.delete)

    @property
    def matches(self) -> set[tuple[str, str]]:
        """What is matched under which tag."""
        return {(plain(rule.value), rule.tag) for rule in self.held.values()}

    def _look(self) -> None:
        if len(self.held) < 50:
            self.seen.append(self.matches)


def names(rules: Iterable[StreamRule]) -> set[tuple[str, str]]:
    return {(rule.value, rule.tag) for rule in rules}


@settings(deadline=None, max_examples=50)
@given(wanted_rules(), held_rules())
def test_a_sync_brings_what_is_wanted_and_touches_nothing_else(wanted: list[StreamRule], held: list[HeldRule]) -> None:
    app = App(held)
    foreign = [rule for rule in held if rule.tag in FOREIGN]
    before = app.matches
    change = difference(wanted, held)
    app.apply(change)
    assert app.matches == names(wanted) | {(plain(rule.value), rule.tag) for rule in foreign}
    assert [rule for rule in app.held.values() if rule.tag in FOREIGN] == foreign
    # No post is missed on the way: what is wanted and was matched is matched at every moment.
    assert all(names(wanted) & before <= seen for seen in app.seen)
    assert (change.delete_first, change.left_out) == ((), ())


@settings(deadline=None, max_examples=50)
@given(wanted_rules(), held_rules())
def test_a_sync_changes_no_more_than_it_must(wanted: list[StreamRule], held: list[HeldRule]) -> None:
    change = difference(wanted, held)
    had = {(plain(rule.value), rule.tag) for rule in held}
    ours = [rule for rule in held if rule.tag not in FOREIGN]
    assert len(change.add) == len(names(wanted) - had)
    assert len(ours) - len(change.delete) == len(names(wanted) & had)


@settings(deadline=None, max_examples=20)
@given(wanted_rules(), held_rules())
def test_a_second_sync_changes_nothing(wanted: list[StreamRule], held: list[HeldRule]) -> None:
    app = App(held)
    app.apply(difference(wanted, held))
    again = difference(wanted, [HeldRule(str(n), r.value, r.tag) for n, r in enumerate(app.held.values())])
    assert again.nothing


def numbered(count: int, word: str = "rule") -> list[StreamRule]:
    return [StreamRule(f"({word}{n})", f"elec:a_2027:{word}{n}") for n in range(count)]


def held_of(rules: Iterable[StreamRule]) -> list[HeldRule]:
    return [HeldRule(str(n), rule.value, rule.tag) for n, rule in enumerate(rules)]


@pytest.mark.parametrize(("old", "new", "first"), [(600, 400, 0), (600, 401, 1), (1000, 1000, 1000)])
def test_rules_go_first_only_where_x_would_hold_too_many(old: int, new: int, first: int) -> None:
    app = App(held_of(numbered(old, "old")))
    change = difference(numbered(new), list(app.held.values()))
    assert (len(change.delete_first), len(change.delete), len(change.add)) == (first, old - first, new)
    app.apply(change)
    assert app.matches == names(numbered(new))


def test_of_more_rules_than_x_holds_the_last_are_left_out() -> None:
    foreign = [HeldRule("theirs", "(theirs)", "theirs")]
    change = difference(numbered(1_002), foreign)
    assert change.left_out == tuple(numbered(1_002)[-3:])
    assert change.add == tuple(numbered(999))


def test_two_elections_may_follow_the_same_person() -> None:
    """X answers DuplicateRule to the second of two equal values: that election had no rule, and got no posts."""
    rules = [StreamRule("(one)", "elec:a_2027:one"), StreamRule("(one)", "elec:b_2027:one")]
    change = difference(rules, [])
    assert change.add == (rules[0], StreamRule('(one) -"elecassets2"', "elec:b_2027:one"))


def test_an_election_takes_over_without_a_gap() -> None:
    held = HeldRule("1", "(one)", "elec:a_2027:one")
    change = difference([StreamRule("(one)", "elec:b_2027:one")], [held])
    assert change == RuleChange((), (StreamRule('(one) -"elecassets2"', "elec:b_2027:one"),), (held,), ())


def test_a_value_too_long_for_another_name_waits_for_its_place() -> None:
    value = "x" * STREAM_RULE_LIMIT
    held = HeldRule("1", value, "elec:a_2027:one")
    new = StreamRule(value, "elec:b_2027:one")
    assert difference([new], [held]) == RuleChange((held,), (new,), (), ())
    # Somebody else's stays: X will refuse ours, and say so.
    theirs = HeldRule("1", value, "theirs")
    assert difference([new], [theirs]) == RuleChange((), (new,), (), ())


def test_rules_of_an_election_that_is_over_go() -> None:
    over = HeldRule("1", "(old)", "elec:old_2022:one")
    assert difference([], [over]).delete == (over,)


def test_a_wanted_rule_that_no_sync_would_know_again_is_a_fault() -> None:
    with pytest.raises(ValueError, match="the tag mine does not begin with elec:"):
        difference([StreamRule("(one)", "mine")], [])
