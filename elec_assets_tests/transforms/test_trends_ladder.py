"""The pinned ladder of a block, and the order that the next one starts from."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.registry import Candidate, DatedStatus, TrendsNames
from elec_assets.transforms.calibration import Calibration, Closure, Level, Quality
from elec_assets.transforms.trends_ladder import (
    LadderState,
    LadderTooNew,
    LadderUnreadable,
    Pinned,
    askable,
    comparisons,
    decode,
    encode,
    is_newer,
    next_state,
    pin,
    shuffled,
)
from elec_assets_tests.transforms.trends_wire import BLOCK, DAY, people

NAMES = [f"c{n:02d}" for n in range(12)]
STATE = LadderState(block_start="2027-02-01T00:00:00Z", estimated=8, order=tuple(NAMES[:8]))


def level(name: str, estimate: float | None) -> Level:
    quality = Quality.DISCONNECTED if estimate is None else Quality.OK
    return Level(name, quality, estimate, estimate, estimate, 1, None, [], [])


@given(count=st.integers(0, 60), known=st.booleans())
def test_every_candidate_is_compared_and_nobody_alone(count: int, known: bool) -> None:
    names = [f"c{n:02d}" for n in range(count)]
    found = comparisons(names, known=known)
    assert {c for group in found for c in group} == set(names)
    assert all(len(set(group)) == len(group) <= 5 for group in found)
    assert all(len(group) > 1 for group in found) or count <= 1
    if not known:
        assert Counter(c for group in found for c in group) == dict.fromkeys(names, 1)


def test_a_ladder_begins_with_the_last_estimates_and_the_new_come_last() -> None:
    pinned = pin(people(*NAMES[3:]), STATE, "p", "v")
    assert pinned.known
    assert list(pinned.named)[:5] == NAMES[3:8]
    assert set(list(pinned.named)[5:]) == set(NAMES[8:])


def test_where_little_is_known_the_order_is_the_partitions_own() -> None:
    few = LadderState(block_start="2027-02-01T00:00:00Z", estimated=5, order=STATE.order)
    orders = {tuple(pin(people(*NAMES), few, f"p{n}", "v").named) for n in range(20)}
    assert len(orders) == 20
    assert not pin(people(*NAMES), few, "p", "v").known
    assert not pin(people(*NAMES), None, "p", "v").known
    assert not pin([], None, "p", "v").known


def test_an_early_stop_silences_everybody_alike() -> None:
    """Asked from the top of the ladder down, the least popular would be those that are missing."""
    groups = comparisons(NAMES, known=True)
    begun = Counter(g for n in range(600) for g in shuffled(f"2027-02-{n}", groups)[: len(groups) // 2])
    share = len(groups) // 2 / len(groups)
    assert all(abs(begun[group] / 600 - share) < 0.1 for group in groups)


def test_keywords_that_cannot_be_compared_are_left_out() -> None:
    def named(key: str, term: str) -> Candidate:
        return Candidate(key, "Name", (DatedStatus(1),), trends=TrendsNames(term=term))

    found = askable([named("b", "Same"), named("a", "same"), named("c", "x" * 101), named("d", " "), named("e", "ok")])
    assert list(found) == ["a", "e"]


def test_the_state_has_the_estimated_first_and_the_others_as_they_were() -> None:
    levels = [level("b", 1.0), level("a", None), level("c", 2.0), level("d", 1.0)]
    state = next_state(BLOCK, ["a", "b", "c", "d", "e"], Calibration(levels, Closure(0, None, None)))
    assert state == LadderState(block_start="2027-02-01T04:00:00Z", estimated=3, order=("c", "b", "d", "a", "e"))
    assert next_state(BLOCK, ["a"], Calibration([level("a", None)], Closure(0, None, None))) is None
    assert state is not None
    older = next_state(DAY, ["b"], Calibration([level("b", 1.0)], Closure(0, None, None)))
    assert older is not None
    assert is_newer(state, None)
    assert is_newer(state, state)
    assert is_newer(state, older)
    assert not is_newer(older, state)


def test_what_is_stored_is_read_back() -> None:
    pinned = pin(people("a", "b"), None, "p", "v")
    assert decode(encode(STATE), LadderState, "k") == STATE
    assert decode(encode(pinned), Pinned, "k") == pinned
    assert encode(pinned).endswith(b"}\n")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"version": 1}', b"[" * 5000, encode(STATE).replace(b"Z", b"")]
)
def test_what_is_no_state_is_named(content: bytes) -> None:
    with pytest.raises(LadderUnreadable, match=r"^some/key\.json: "):
        decode(content, LadderState, "some/key.json")


def test_what_a_newer_program_wrote_is_told_apart() -> None:
    with pytest.raises(LadderTooNew, match="version 2, this program reads up to 1; upgrade"):
        decode(b'{"version": 2, "other": []}', Pinned, "k")
