import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.ladder import (
    LEAST_PEAK,
    MOST_REPAIRS,
    WIDTH,
    Request,
    Seen,
    Told,
    below_floor,
    first_requests,
    measured,
    most_requests,
    repairs,
)
from elec_assets.domain.levels import components
from elec_assets_tests.examples import examples

names = st.integers(0, 60).map(lambda n: [f"c{i:02d}" for i in range(n)])


def told(request: Request, heights: dict[str, float], data_share: dict[str, float] | None = None) -> Told:
    """What a request without noise tells of candidates with these peaks."""
    top = max(heights[c] for c in request)
    peaks = {c: float(round(100 * heights[c] / top)) for c in request}
    return {c: Seen((peaks[c] or 0.25) / 2, peaks[c], (data_share or {}).get(c, 1.0)) for c in request}


def climb(order: list[str], heights: dict[str, float], *, known: bool = True) -> list[Request]:
    """All requests of a ladder, repaired until nothing more is asked."""
    asked = first_requests(order, known=known)
    while more := repairs([told(r, heights) for r in asked], asked, most_requests(len(order))):
        asked += more
    return asked


def connected(asked: list[Request], heights: dict[str, float]) -> list[list[str]]:
    return components(measured(told(r, heights), ()) for r in asked)


@given(names, st.booleans())
def test_the_first_requests_hold_every_candidate_and_at_most_five_each(order: list[str], known: bool) -> None:
    asked = first_requests(order, known=known)
    assert {c for request in asked for c in request} == set(order)
    assert all(len(set(request)) == len(request) <= WIDTH for request in asked)
    assert asked == first_requests(order, known=known)


@given(names)
def test_neighbouring_windows_share_two_candidates_or_more(order: list[str]) -> None:
    assert all(len(set(a) & set(b)) >= 2 for a, b in pairwise(first_requests(order)))


def test_forty_candidates_take_thirteen_windows_and_never_more_than_nineteen_requests() -> None:
    order = [f"c{i}" for i in range(40)]
    assert len(first_requests(order)) == 13
    assert len(first_requests(order, known=False)) == 8
    assert most_requests(40) == 13 + MOST_REPAIRS


def test_a_candidate_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="a named twice in the order"):
        first_requests(["a", "b", "a"])


@given(st.integers(0, 2**32), st.integers(2, 45), st.booleans(), st.floats(0.5, 9))
@settings(deadline=None, max_examples=examples(25))
def test_repairs_stay_under_the_cap_and_never_repeat_a_request(seed: int, n: int, known: bool, spread: float) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data
    heights = {f"c{i:02d}": 10 ** rng.uniform(-spread, 0) for i in range(n)}
    order = sorted(heights, key=lambda c: -heights[c] * rng.lognormvariate(0, 1))
    asked = climb(order, heights, known=known)
    assert len(asked) <= most_requests(n)
    assert len({frozenset(request) for request in asked}) == len(asked)
    assert all(1 <= len(set(request)) == len(request) <= WIDTH for request in asked)
    assert asked == climb(order, heights, known=known)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("known", [True, False])
def test_forty_candidates_over_three_decades_in_a_bad_order_or_none_are_all_connected(seed: int, known: bool) -> None:
    rng = random.Random(seed)  # noqa: S311 - test data
    heights = {f"c{i:02d}": 10 ** (-3 * (i + rng.random()) / 40) for i in range(40)}
    order = sorted(heights, key=lambda c: -heights[c] * rng.lognormvariate(0, 1))
    if not known:
        rng.shuffle(order)
    assert [len(c) for c in connected(climb(order, heights, known=known), heights)] == [40]


def test_nothing_more_is_asked_where_all_are_connected_or_below_the_floor() -> None:
    heights = {"a": 100.0, "b": 60.0, "c": 30.0, "d": 1.0}
    answer = told(("a", "b", "c", "d"), heights, {"d": 0.49})
    assert below_floor([answer]) == {"d"}
    assert repairs([answer], [("a", "b", "c", "d")], 9) == []
    assert repairs([], [], 9) == []


def test_an_orphan_is_asked_beside_the_connected_candidate_of_the_nearest_peak() -> None:
    first = {"a": Seen(50, 100, 1), "b": Seen(45, 90, 1), "c": Seen(15, 30, 1), "d": Seen(8, 15, 1), "e": Seen(2, 4, 1)}
    [request] = repairs([first], [tuple(first)], 9)
    # d has 4 times the peak of e; c has 8 times, a and b more: beside them e would hardly reach 10 again.
    assert request == ("d", "e")
    assert repairs([first], [tuple(first)], 1) == [], "the cap holds"
    [other] = repairs([first], [tuple(first), ("e", "d")], 9)
    assert set(other) != {"d", "e"}, "it was asked and got no answer"


def test_orphans_share_a_repair_only_if_they_are_alike() -> None:
    first = {"a": Seen(50, 100, 1), "b": Seen(10, 20, 1), "c": Seen(4, 8, 1), "d": Seen(4, 7, 1), "e": Seen(0.5, 1, 1)}
    [request] = repairs([first], [tuple(first)], 9)
    assert request == ("b", "c", "d")


def test_a_pair_that_one_request_showed_to_be_too_far_apart_is_not_asked_again() -> None:
    apart = {"a": Seen(50, 100, 1), "b": Seen(40, 90, 1), "c": Seen(0.3, 1, 1)}
    assert repairs([apart], [tuple(apart)], 9) == []


def test_a_pair_that_a_third_candidate_pushed_below_the_least_peak_is_asked_without_it() -> None:
    """Peaks decide, not means.

    A burst of one candidate (100 of 100 at one point) left its neighbours at 26 and 9: the repair kept inviting it
    again, and six candidates stayed disconnected after six repairs.
    """
    answers = [
        {"burst": Seen(15, 100, 1), "x": Seen(13, 26, 1), "y": Seen(4.5, 9, 1), "z": Seen(4, 8, 1)},
        {"y": Seen(46, 100, 1), "z": Seen(40, 90, 1), "w": Seen(30, 70, 1), "v": Seen(20, 60, 1)},
    ]
    [request] = repairs(answers, [tuple(answer) for answer in answers], 9)
    assert {"x", "y"} <= set(request)
    assert "burst" not in request


def test_winners_of_batches_that_nothing_compares_are_asked_together() -> None:
    heights = {f"c{i:02d}": 100.0 - i for i in range(15)}
    order = list(heights)
    asked = first_requests(order, known=False)
    assert repairs([told(r, heights) for r in asked], asked, 9) == [("c00", "c05", "c10")]
    assert all(heights[c] >= LEAST_PEAK for c in order)
