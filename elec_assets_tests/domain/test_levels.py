import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.levels import Sight, components, fit


def chain(seed: int, items: int) -> list[Sight]:
    """Overlapping groups of three or four items with noise of known variance."""
    rng = random.Random(seed)  # noqa: S311 - test data
    levels = [rng.uniform(-3, 3) for _ in range(items)]
    sights = []
    for group, start in enumerate(range(0, items - 1, 2)):
        scale = rng.uniform(-9, 9)
        for i in range(start, min(start + rng.choice((3, 4)), items)):
            variance = rng.uniform(0.01, 2)
            sights.append(Sight(group, f"i{i:02d}", levels[i] + scale + rng.gauss(0, variance**0.5), variance))
    return sights


@given(st.integers(0, 10_000), st.integers(2, 12))
@settings(deadline=None, max_examples=40)
def test_levels_and_their_variances_are_those_of_the_whole_system_of_equations(seed: int, items: int) -> None:
    sights = chain(seed, items)
    groups = sorted({s.group for s in sights})
    design = np.zeros((len(sights), items + len(groups)))
    for row, sight in enumerate(sights):
        design[row, int(sight.item[1:])] = design[row, items + groups.index(sight.group)] = sight.variance**-0.5
    right = np.array([s.y / s.variance**0.5 for s in sights])
    solved = np.linalg.pinv(design) @ right
    centre = np.eye(items) - 1 / items
    covariance = centre @ np.linalg.pinv(design.T @ design)[:items, :items] @ centre

    fitted = fit(sights)
    assert list(fitted.levels.values()) == pytest.approx(list(centre @ solved[:items]), abs=1e-8)
    assert list(fitted.variances.values()) == pytest.approx(list(np.diag(covariance)), abs=1e-8)
    assert fitted.chi2 == pytest.approx(float(np.sum((design @ solved - right) ** 2)), abs=1e-8)
    assert fitted.dof == len(sights) - int(np.linalg.matrix_rank(design))


def test_two_items_of_one_group_share_the_variance_of_their_ratio() -> None:
    fitted = fit([Sight(0, "a", 5.0, 0.3), Sight(0, "b", 3.0, 0.1)])
    assert fitted.levels == pytest.approx({"a": 1.0, "b": -1.0})
    assert fitted.variances == pytest.approx({"a": 0.1, "b": 0.1})
    assert fitted.chi2 == pytest.approx(0)
    assert fitted.dof == 0


def test_sights_that_do_not_hang_together_are_refused() -> None:
    with pytest.raises(ValueError, match="2 separate sets of items"):
        fit([Sight(0, "a", 0.0, 1.0), Sight(1, "b", 0.0, 1.0)])
    with pytest.raises(ValueError, match="0 separate sets of items"):
        fit([])


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=6))
def test_components_part_the_items_and_no_group_is_in_two_of_them(groups: list[list[str]]) -> None:
    found = components(groups)
    assert sorted(item for items in found for item in items) == sorted({item for group in groups for item in group})
    assert all(sum(bool(set(group) & set(items)) for items in found) == 1 for group in groups if group)
    assert all((-len(a), a) < (-len(b), b) for a, b in pairwise(found))
