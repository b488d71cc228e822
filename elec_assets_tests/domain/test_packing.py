from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.packing import pack


def optimum(sizes: list[int], room: int) -> int:
    """Fewest bins, by trying every subset of the remaining sizes as the next bin."""
    whole = (1 << len(sizes)) - 1
    weight = [sum(s for i, s in enumerate(sizes) if subset >> i & 1) for subset in range(whole + 1)]

    @cache
    def fewest(left: int) -> int:
        if not left:
            return 0
        best, subset = len(sizes), left
        while subset:
            if weight[subset] <= room:
                best = min(best, 1 + fewest(left & ~subset))
            subset = (subset - 1) & left
        return best

    return fewest(whole)


@settings(deadline=None)
@given(st.integers(1, 30).flatmap(lambda room: st.tuples(st.lists(st.integers(1, room), max_size=8), st.just(room))))
def test_up_to_eight_sizes_take_the_fewest_bins(case: tuple[list[int], int]) -> None:
    sizes, room = case
    bins = pack(sizes, room)
    assert sorted(i for held in bins for i in held) == list(range(len(sizes)))
    assert all(0 < sum(sizes[i] for i in held) <= room for held in bins)
    assert len(bins) == optimum(sizes, room)


@settings(deadline=None)
@given(st.lists(st.integers(1, 100), max_size=120))
def test_many_sizes_stay_near_the_sum(sizes: list[int]) -> None:
    bins = pack(sizes, 100)
    assert sorted(i for held in bins for i in held) == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in held) <= 100 for held in bins)
    # Two bins of any fit are together over the room, or one would have been enough.
    assert len(bins) <= 1 + 2 * sum(sizes) / 100


def test_a_packing_that_best_fit_misses_is_found() -> None:
    # Best fit starts with (6, 5) (5, 3, 3) and needs a third bin; (6, 3, 3) and (5, 5, 2) are full.
    sizes = [3, 5, 5, 3, 2, 6]
    assert len(pack(sizes, 12)) == optimum(sizes, 12) == 2


def test_thousands_of_sizes_are_packed_without_recursion() -> None:
    assert len(pack([1] * 5000, 10)) == 500


def test_no_sizes_take_no_bin() -> None:
    assert pack([], 10) == []


@pytest.mark.parametrize("size", [0, -1, 11])
def test_a_size_outside_the_room_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"size {size} is not in 1..10"):
        pack([size], 10)
