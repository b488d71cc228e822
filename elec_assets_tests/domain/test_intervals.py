"""Interval algebra against the slow model: a set of single milliseconds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.windows import Window

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def model(spans: list[tuple[int, int]]) -> set[int]:
    return {ms for start, end in spans for ms in range(start, end)}


def held(intervals: Intervals) -> set[int]:
    """The milliseconds of intervals, which must be in their normal form: sorted, not empty, not touching."""
    assert all(start < end for start, end in intervals.spans)
    assert all(left[1] < right[0] for left, right in pairwise(intervals.spans))
    return model(list(intervals.spans))


@given(SPANS)
def test_of_is_the_union_whatever_the_order(spans: list[tuple[int, int]]) -> None:
    assert held(Intervals.of(spans)) == model(spans)
    assert Intervals.of(reversed(spans)) == Intervals.of(spans)


@given(SPANS, SPANS)
def test_algebra_is_that_of_sets(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    a, b = Intervals.of(left), Intervals.of(right)
    assert held(a | b) == model(left) | model(right)
    assert held(a & b) == model(left) & model(right)
    assert held(a - b) == model(left) - model(right)


@given(SPANS)
def test_length_and_truth(spans: list[tuple[int, int]]) -> None:
    intervals = Intervals.of(spans)
    assert intervals.seconds == len(model(spans)) / 1000
    assert bool(intervals) == bool(model(spans))
    assert [(w.end - w.start) // timedelta(milliseconds=1) for w in intervals.windows()] == [
        end - start for start, end in intervals.spans
    ]


def test_a_window_becomes_one_interval_and_comes_back() -> None:
    window = Window(datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, 0, 0, 0, 1000, tzinfo=UTC))
    assert Intervals.between(window).windows() == [window]
    assert Intervals.between(window).seconds == 0.001
    assert not NOWHERE
