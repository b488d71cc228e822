"""The rules at X, and what the spool is told of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from elec_assets.capture.evidence import Evidence
from elec_assets.capture.records import Kind, Record, Rules
from elec_assets.capture.rule_keeper import RuleKeeper
from elec_assets.clients.x_errors import XServerError
from elec_assets.clients.x_rules import RefusedRule, Synced
from elec_assets.domain.registry import Candidate, DatedStatus, Election
from elec_assets.domain.rule_sync import HeldRule, difference
from elec_assets.domain.rules import StreamRule
from elec_assets.domain.windows import epoch_ms
from elec_assets_tests.capture.times import HandClock
from elec_assets_tests.clients.hours import election

NOON = datetime(2027, 2, 10, 12, tzinfo=UTC)


class FakeX:
    """Rules as X holds them."""

    def __init__(self) -> None:
        self.rules: dict[tuple[str, str], HeldRule] = {}
        self.refuses = ""
        self.down = False

    def held(self, prefix: str = "") -> tuple[HeldRule, ...]:
        if self.down:
            raise XServerError("X answered 503; X is in trouble, run again later")
        return tuple(rule for rule in self.rules.values() if rule.tag.startswith(prefix))

    def sync(self, wanted: Iterable[StreamRule]) -> Synced:
        change = difference(wanted, self.held())
        added, refused = [], []
        for rule in change.add:
            if self.refuses and self.refuses in rule.tag:
                refused.append(RefusedRule(rule, "InvalidRule"))
                continue
            held = HeldRule(str(len(self.rules) + 100), rule.value, rule.tag)
            self.rules[rule.value, rule.tag] = held
            added.append(held)
        for gone in (*change.delete_first, *change.delete):
            del self.rules[gone.value, gone.tag]
        return Synced(tuple(added), (*change.delete_first, *change.delete), tuple(refused), change.left_out)


class Told:
    """What the spool was told of rules: election, since (None: asked), version; and what it makes of that."""

    def __init__(self) -> None:
        self.rules: list[tuple[str, int | None, str]] = []
        self._evidence = Evidence()

    def append(self, record: Record) -> None:
        assert record.kind is Kind.RULES
        self._evidence.apply(record)
        said = msgspec.json.decode(record.payload, type=Rules)
        self.rules.append((said.election, said.since_ms, said.registry_version))

    def standing(self) -> frozenset[str]:
        return self._evidence.standing()

    def taken(self) -> list[tuple[str, int | None, str]]:
        told, self.rules = self.rules, []
        return told


def two() -> list[Election]:
    one = election()
    return [one, replace(one, key="yy_2027", languages=("de",))]


def keeper(x: FakeX, told: Told, clock: HandClock, said: list[str] | None = None) -> RuleKeeper:
    sentences: list[str] = [] if said is None else said
    return RuleKeeper(rules=x, spool=told, clock=clock, say=sentences.append)


def test_the_rules_of_all_elections_are_added_and_written_down_as_changed_now() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    mine = keeper(x, told, clock)
    assert mine.due(two())
    mine.ensure(two(), "v1")
    assert len(x.rules) == 8 == mine.count
    asked, done = told.rules[:2], told.rules[2:]
    assert asked == [("xx_2027", None, ""), ("yy_2027", None, "")]
    assert done == [("xx_2027", clock.ms, "v1"), ("yy_2027", clock.ms, "v1")]
    assert not mine.due(two())


def test_rules_that_stand_are_found_and_lose_no_time() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    keeper(x, told, clock).ensure(two(), "v1")
    told.taken()
    keeper(x, told, clock).ensure(two(), "v1")
    assert told.taken() == [("xx_2027", 0, "v1"), ("yy_2027", 0, "v1")]


def test_a_change_of_one_election_does_not_touch_the_proof_of_the_other() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    mine = keeper(x, told, clock)
    mine.ensure(two(), "v1")
    told.taken()
    first, second = two()
    more = Candidate("new", "Nora Neuf", (DatedStatus(1),))
    changed = replace(second, candidates={**second.candidates, "new": more})
    assert mine.due([first, changed])
    clock.ms += 5000
    mine.ensure([first, changed], "v2")
    assert told.taken() == [("yy_2027", None, ""), ("xx_2027", 0, "v2"), ("yy_2027", clock.ms, "v2")]


def test_while_x_cannot_be_asked_about_a_change_nothing_is_proven_and_it_stays_due() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    mine = keeper(x, told, clock)
    mine.ensure(two(), "v1")
    told.taken()
    first, second = two()
    changed = replace(first, languages=("it",))
    x.down = True
    with pytest.raises(XServerError):
        mine.ensure([changed, second], "v2")
    assert told.taken() == [("xx_2027", None, "")]
    assert mine.due([changed, second])
    x.down = False
    mine.ensure([changed, second], "v2")
    assert told.taken() == [("xx_2027", clock.ms, "v2"), ("yy_2027", 0, "v2")]


def test_a_rule_that_x_refuses_is_named_and_its_election_is_not_proven() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    said: list[str] = []
    x.refuses = "elec:xx_2027:person1"
    mine = keeper(x, told, clock, said)
    mine.ensure(two(), "v1")
    assert [told_of for told_of in told.taken() if told_of[1] is not None] == [("yy_2027", clock.ms, "v1")]
    [refused] = mine.refused
    assert refused == "X does not take the rule elec:xx_2027:person1: InvalidRule; mend the candidate's terms"
    assert said[0] == refused
    mine.ensure(two(), "v1")
    assert len([text for text in said if "does not take" in text]) == 1, "told once"
    x.refuses = ""
    mine.ensure(two(), "v1")
    assert not mine.refused
    assert ("xx_2027", clock.ms, "v1") in told.taken()


def test_a_candidate_is_followed_a_minute_early_and_a_minute_longer() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    one = election()
    late = Candidate("late", "Lea Tard", (DatedStatus(1, NOON),))
    gone = Candidate("gone", "Gil Parti", (DatedStatus(1), DatedStatus(-1, NOON)))
    changed = replace(one, candidates={"late": late, "gone": gone})
    seen = {}
    for second in (-61, -60, 59, 60):
        clock.ms = epoch_ms(NOON) + second * 1000
        mine = keeper(x, told, clock)
        assert mine.due([changed])
        mine.ensure([changed], "v1")
        seen[second] = {tag.rpartition(":")[2] for _, tag in x.rules}
    assert seen == {-61: {"gone"}, -60: {"late", "gone"}, 59: {"late", "gone"}, 60: {"late"}}


def test_a_date_within_an_hour_changes_the_rules_with_the_next_hour() -> None:
    """Rules changed to the second, and rows, searches, volume and audit by the hour.

    With `until` 12:20 the posts from 12:21 on were missing in an hour that said that it was captured whole; with
    `since` 12:20 posts were paid for, and kept with empty `candidates`.
    """
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    within = NOON + timedelta(minutes=20)
    people = {
        "late": Candidate("late", "Lea Tard", (DatedStatus(1),), since=within),
        "gone": Candidate("gone", "Gil Parti", (DatedStatus(1),), until=within),
        "back": Candidate("back", "Ben Retour", (DatedStatus(1), DatedStatus(-1, within))),
    }
    dated = replace(election(), candidates=people)
    mine = keeper(x, told, clock)
    mine.ensure([dated], "v1")
    changes = {}
    for second in range(0, 3700, 5):
        clock.ms = epoch_ms(NOON) + second * 1000
        if mine.due([dated]):
            mine.ensure([dated], "v1")
            changes[second] = sorted(tag.rpartition(":")[2] for _, tag in x.rules)
    assert changes == {3540: ["back", "gone", "late"], 3660: ["late"]}


def test_an_election_whose_rules_go_is_proven_nothing_from_before_that_until_they_are_back() -> None:
    """A start with `--election yy_2027` deleted the rules of xx_2027, and its bytes went on to prove both."""
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    first, second = two()
    keeper(x, told, clock).ensure([first, second], "v1")
    assert told.standing() == {"xx_2027", "yy_2027"}
    told.taken()
    mine = keeper(x, told, clock)
    mine.ensure([second], "v1")
    assert {tag.split(":")[1] for _, tag in x.rules} == {"yy_2027"}
    assert told.taken() == [("xx_2027", None, ""), ("yy_2027", 0, "v1")]
    mine.ensure([second], "v1")
    assert told.taken() == [("yy_2027", 0, "v1")], "told once"
    assert told.standing() == {"yy_2027"}
    clock.ms += 60_000
    mine.ensure([first, second], "v1")
    assert told.taken()[-2:] == [("xx_2027", clock.ms, "v1"), ("yy_2027", 0, "v1")]
    assert told.standing() == {"xx_2027", "yy_2027"}


def test_an_election_that_is_not_wanted_is_doubted_though_x_cannot_be_asked_or_lost_its_rules_before() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    first, second = two()
    keeper(x, told, clock).ensure([first, second], "v1")
    told.taken()
    x.down = True
    with pytest.raises(XServerError):
        keeper(x, told, clock).ensure([second], "v1")
    assert told.taken() == [("xx_2027", None, "")]
    x.down = False
    x.rules.clear()
    keeper(x, told, clock).ensure([second], "v1")
    assert told.standing() == {"yy_2027"}


def test_rules_of_an_election_that_ended_go_and_those_of_others_stay() -> None:
    x, told, clock = FakeX(), Told(), HandClock(NOON)
    x.rules["cats", "mine"] = HeldRule("1", "cats", "mine")
    x.rules["old", "elec:old_2022:a"] = HeldRule("2", "old", "elec:old_2022:a")
    keeper(x, told, clock).ensure([], "v1")
    assert {tag for _, tag in x.rules} == {"mine"}
    assert told.rules == []
