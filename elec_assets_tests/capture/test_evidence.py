"""What is proven, beside a slow model that looks at each second alone and asks whether anything proves it."""

import random
from itertools import combinations, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture import records
from elec_assets.capture.batches import SlotPlan, batches_of
from elec_assets.capture.evidence import Evidence, read_carry
from elec_assets.capture.records import Kind, Record, SpoolDamaged
from elec_assets.capture.segments import Segment
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.journal import MARGIN_MS, RULES_LAG_MS, SILENCE_MS, slot_of
from elec_assets_tests.capture.histories import ELECTIONS, SPOOL, START_MS, cut, history

PLANS = {election: SlotPlan(election, NOWHERE, f"elec:{election}:", "v") for election in ELECTIONS}
T = START_MS


def covered(made: list[Record], election: str = "e") -> list[Intervals]:
    """What each journal says is newly proven."""
    return [
        next(batch.journal.covered for batch in batches_of(segment, content, PLANS) if batch.key.election == election)
        for segment, content in cut(made).items()
    ]


def union(parts: list[Intervals]) -> Intervals:
    return Intervals.of(span for part in parts for span in part.spans)


class Model:
    """The rules of proof, as the design says them, for one second at a time."""

    known_ms: int | None = None
    asked_ms: int | None = None

    def __init__(self, made: list[Record], election: str) -> None:
        self.heard: list[list[int]] = []  # of each connection: its opening, then its bytes
        self.bars: list[tuple[int, int]] = []
        alive = 0
        for record in made:
            if record.kind is Kind.OPEN:
                self.heard.append([record.at_ms])
                alive = record.connection
            elif record.kind is Kind.START or record.kind is Kind.CLOSE:
                alive = 0
            elif record.kind is Kind.LINE or record.kind is Kind.KEEP_ALIVE:
                if alive == record.connection:
                    self.heard[-1].append(record.at_ms)
            else:
                said = msgspec.json.decode(record.payload, type=records.Rules)
                if said.election == election:
                    self.rules(record.at_ms, said.since_ms, self.heard[-1][0] if alive else record.at_ms)
        if self.asked_ms is not None:
            self.bars.append((self.asked_ms, 1 << 62))

    def rules(self, at_ms: int, since_ms: int | None, opened_ms: int) -> None:
        if self.known_ms is None:
            self.known_ms = max(opened_ms, at_ms if since_ms is None else since_ms)
        if since_ms is None:
            self.asked_ms = at_ms if self.asked_ms is None else self.asked_ms
        elif self.asked_ms is not None:
            self.bars.append((self.asked_ms, at_ms + RULES_LAG_MS))
            self.asked_ms = None
        else:
            self.bars.append((since_ms, since_ms + RULES_LAG_MS))

    def proven(self, second: int) -> bool:
        if self.known_ms is None or second < self.known_ms:
            return False
        if not any(self.by(heard, second) for heard in self.heard):
            return False
        return not any(start < second + 1000 and second < end for start, end in self.bars)

    @staticmethod
    def by(heard: list[int], second: int) -> bool:
        if not heard[0] <= second <= heard[-1] - MARGIN_MS - 1000:
            return False
        return not any(
            later - earlier > SILENCE_MS and earlier - MARGIN_MS < second + 1000 and second < later
            for earlier, later in pairwise(heard)
        )


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_the_journals_together_say_what_a_look_at_each_second_says(seed: int) -> None:
    check(seed)


@pytest.mark.prove
@pytest.mark.parametrize("block", range(4))
def test_the_journals_of_four_hundred_long_histories_say_so_too(block: int) -> None:
    for seed in range(100 * block, 100 * block + 100):
        check(seed, steps=400)


def check(seed: int, steps: int = 120) -> None:
    made = history(seed, steps)
    for election in ELECTIONS:
        model = Model(made, election)
        seconds = range(made[0].at_ms, made[-1].at_ms + 1000, 1000)
        slow = Intervals.of((second, second + 1000) for second in seconds if model.proven(second))
        parts = covered(made, election)
        assert union(parts) == slow
        assert sum(part.seconds for part in parts) == slow.seconds, "a time was proven twice"


@given(st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_a_clock_that_is_set_back_proves_no_time_twice_and_none_of_its_future(seed: int) -> None:
    """The clock is set at random moments, by seconds or by minutes."""
    chance = random.Random(seed)  # noqa: S311 - a history, no secret
    made, off = [], 0
    for record in history(seed):
        if chance.random() < 0.1:
            off -= chance.choice([1, 1000, 20_000, 45_000, 200_000])
        made.append(record._replace(at_ms=record.at_ms + off))
    evidence, parts, told_ms = Evidence(), [], 0
    for number, record in enumerate(made):
        evidence.apply(record)
        told_ms = max(told_ms, record.at_ms)
        if number % 7 == 0:
            evidence.settle()
            parts.append(evidence.proven.get("e", NOWHERE))
            evidence.hand_on(record.at_ms)
    assert not any(one & other for one, other in combinations(parts, 2))
    assert all(end > start for part in parts for start, end in part.spans)
    assert all(end <= told_ms - MARGIN_MS for part in parts for _, end in part.spans)


def bytes_at(connection: int, *seconds: float) -> list[Record]:
    return [records.kept_alive(T + int(second * 1000), connection) for second in seconds]


def begun(connection: int = 1) -> list[Record]:
    return [records.started(T), records.rules(T, "e", 0, "v"), records.opened(T, connection)]


def seconds_of(parts: list[Intervals]) -> list[tuple[float, float]]:
    return [((start - T) / 1000, (end - T) / 1000) for start, end in union(parts).spans]


def test_an_outage_in_time_that_is_lived_again_is_seen() -> None:
    """The clock goes from 100 s to 50 s, and 5 s later the connection is lost for 20 s."""
    made = [*begun(), *bytes_at(1, 20, 40, 60, 80, 100, 50, 55), records.closed(T + 56_000, 1, "lost")]
    made += [records.opened(T + 75_000, 2), *bytes_at(2, 80, 100, 120, 140)]
    evidence = Evidence()
    for record in made:
        evidence.apply(record)
    evidence.settle()
    assert seconds_of([evidence.proven["e"]]) == [(0, 50), (75, 110)]


def test_a_stalled_socket_proves_nothing_after_its_last_byte() -> None:
    made = [*begun(), *bytes_at(1, 20, 40), records.closed(T + 61_000, 1, "no byte for 21 s")]
    assert seconds_of(covered(made)) == [(0, 10)]


def test_a_connection_that_a_crash_left_proves_what_it_brought() -> None:
    made = [*begun(), *bytes_at(1, 20, 40, 60), records.started(T + 500_000), records.opened(T + 501_000, 2)]
    assert seconds_of(covered([*made, *bytes_at(2, 520, 540)])) == [(0, 30), (501, 510)]


def test_the_end_of_a_slot_is_proven_by_the_next_journal() -> None:
    first, second = covered([*begun(), *bytes_at(1, *range(20, 400, 20))])
    assert second.spans[0][0] == first.spans[-1][1] < slot_of(T) + 300_000
    assert seconds_of([first, second]) == [(0, 350)]


def test_changed_rules_prove_nothing_until_they_hold() -> None:
    made = [*begun(), *bytes_at(1, 20, 40), records.rules_asked(T + 45_000, "e"), *bytes_at(1, 60, 80)]
    made += [records.rules(T + 85_000, "e", T + 85_000, "w"), *bytes_at(1, 100, 120, 140, 160)]
    assert seconds_of(covered(made)) == [(0, 45), (105, 130)]


def test_rules_whose_change_was_under_way_in_a_crash_are_not_taken_for_old() -> None:
    made = [*begun(), *bytes_at(1, 20, 40), records.rules_asked(T + 45_000, "e"), records.started(T + 50_000)]
    made += [records.rules(T + 51_000, "e", 0, "v"), records.opened(T + 52_000, 2), *bytes_at(2, 60, 80, 100, 120)]
    assert seconds_of(covered(made)) == [(0, 10), (71, 90)]


def test_a_change_asked_for_in_the_millisecond_of_the_last_one_is_seen() -> None:
    """Two changes in a row: the second was taken for the first, and time was proven while it was under way."""
    made = [*begun(), records.rules(T, "e", T, "w"), records.rules_asked(T, "e"), *bytes_at(1, 20, 40, 60, 80)]
    assert covered(made) == [NOWHERE]
    made += [records.rules(T + 81_000, "e", 0, "w"), *bytes_at(1, 90, 140)]
    assert seconds_of(covered(made)) == [(101, 110)]


def test_an_election_whose_rules_are_unknown_is_proven_nothing() -> None:
    assert covered([*begun(), *bytes_at(1, 20, 40, 60)], "f") == [NOWHERE]


def test_rules_that_came_with_the_connection_prove_only_from_then() -> None:
    made = [records.started(T), records.opened(T, 1), *bytes_at(1, 20), records.rules(T + 30_000, "e", T + 30_000, "v")]
    assert seconds_of(covered([*made, *bytes_at(1, 40, 60, 80, 100)])) == [(50, 70)]


def test_rules_that_were_asked_for_before_damage_are_proven_again_once_they_are_known() -> None:
    """Damage put a bar after the one without end, which then no record ended: nothing was proven any more, for good."""
    content = [*begun(), records.rules_asked(T + 10_000, "e"), records.damage(T + 10_000, 9), *bytes_at(1, 20, 40)]
    content += [records.rules(T + 50_000, "e", T + 50_000, "v"), *bytes_at(1, 60, 80, 100, 120)]
    (batch,) = batches_of(Segment(slot_of(T), SPOOL), content, {"e": PLANS["e"]})
    assert seconds_of([batch.journal.covered]) == [(70, 90)]


def test_rules_count_as_standing_from_the_record_that_says_so_until_a_change_is_asked_for() -> None:
    evidence, stood = Evidence(), []
    for record in [*begun(), records.rules_asked(T + 1, "e"), records.rules(T + 2, "e", 0, "v")]:
        evidence.apply(record)
        stood.append(evidence.standing())
    assert stood == [set(), {"e"}, {"e"}, set(), {"e"}]


def test_an_election_that_is_not_listened_to_any_more_takes_no_time_of_others_when_the_clock_is_set_back() -> None:
    """What was asked for stays open for months then; each step of the clock cost all others 20 s."""
    made = [*begun(), records.rules(T, "f", 0, "v"), *bytes_at(1, 20, 40, 60), records.rules_asked(T + 65_000, "f")]
    made += [*bytes_at(1, 55), records.rules(T + 56_000, "e", 0, "v"), *bytes_at(1, 75, 95, 115)]
    assert seconds_of(covered(made, "e")) == [(0, 85)]
    assert seconds_of(covered(made, "f")) == [(0, 55)], "nothing of the time that is lived again"


def test_damage_takes_the_proof_of_the_time_about_it() -> None:
    """Lines may have been in it: posts from 30 s before the last whole record on."""
    content = [*begun(), *bytes_at(1, 20, 40, 60, 80), records.damage(T + 80_000, 99), *bytes_at(1, 100, 120, 140, 160)]
    (batch,) = batches_of(Segment(slot_of(T), SPOOL), content, {"e": PLANS["e"]})
    assert seconds_of([batch.journal.covered]) == [(0, 50), (120, 130)]


def test_damage_that_took_an_opening_still_proves_what_came_after() -> None:
    content = [*begun()[:2], records.damage(T, 99), *bytes_at(7, 20, 40, 60, 80, 100)]
    (batch,) = batches_of(Segment(slot_of(T), SPOOL), content, {"e": PLANS["e"]})
    assert seconds_of([batch.journal.covered]) == [(40, 70)]
    assert [span.number for span in batch.journal.connections] == [7]


@pytest.mark.parametrize("kind", [Kind.RULES, Kind.STOP, Kind.CARRY])
@pytest.mark.parametrize("payload", [b"", b"{}x", b'{"election":1,"open":1}', b"[" * 10_000])
def test_a_payload_that_is_none_is_told(kind: Kind, payload: bytes) -> None:
    with pytest.raises(SpoolDamaged, match="cannot be read"):
        Evidence().apply(Record(kind, T, 0, payload))


def test_the_state_is_handed_on_whole() -> None:
    evidence = Evidence()
    for record in history(5):
        evidence.apply(record)
        carried = evidence.hand_on(record.at_ms)
        assert read_carry(carried.payload) == evidence.state
