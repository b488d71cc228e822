import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.ladder import Request, first_requests
from elec_assets.transforms.calibration import Calibration, Level, Quality, calibrate
from elec_assets.transforms.trend_measures import Answer, Series, measure, seen

POINTS = 12
Truth = dict[str, list[float]]


def truth(seed: int, n: int) -> Truth:
    """Series whose neighbours in the order are no further apart than 1.7, so that five of them always compare."""
    rng = random.Random(seed)  # noqa: S311 - test data
    level, series = 1000.0, {}
    for i in range(n):
        series[f"c{i:02d}"] = [level * rng.uniform(0.9, 1) for _ in range(POINTS)]
        level /= rng.uniform(1, 1.7)
    return series


def exact(request: Request, of: Truth) -> Answer:
    """An answer without sampling and rounding."""
    top = max(value for c in request for value in of[c])
    return {c: Series([100 * (value / top) for value in of[c]], [True] * POINTS) for c in request}


def rounded(request: Request, of: Truth) -> Answer:
    return {c: Series([float(round(v)) for v in s.values], [True] * POINTS) for c, s in exact(request, of).items()}


def exactly(of: Truth) -> list[Answer]:
    return [exact(request, of) for request in first_requests(list(of))]


def by_candidate(found: Calibration) -> dict[str, Level]:
    return {level.candidate: level for level in found.levels}


def constant(**values: float) -> Answer:
    return {c: Series([value] * POINTS, [True] * POINTS) for c, value in values.items()}


def assert_empty(level: Level, quality: Quality) -> None:
    assert level.quality is quality
    assert (level.estimate, level.ci_low, level.ci_high, level.n_obs, level.chi2_dof) == (None, None, None, 0, None)
    assert list(level.rel_index) == list(level.share) == [None] * POINTS


@given(st.integers(0, 10_000), st.integers(2, 14))
@settings(deadline=None, max_examples=25)
def test_exact_series_give_the_exact_ratios_series_and_shares(seed: int, n: int) -> None:
    of = truth(seed, n)
    levels = by_candidate(calibrate(list(of), exactly(of)))
    top = max(max(values) for values in of.values())
    for c, values in of.items():
        level = levels[c]
        assert level.estimate == pytest.approx(math.log(100 / top * sum(values) / POINTS), abs=1e-9)
        assert level.rel_index == pytest.approx([100 * value / top for value in values])
        assert level.share == pytest.approx([values[t] / sum(o[t] for o in of.values()) for t in range(POINTS)])
        assert level.ci_low is not None
        assert level.ci_high is not None
        assert level.ci_low < level.estimate < level.ci_high  # type: ignore[operator]  # approx above: not None
    assert all(level.chi2_dof is None or level.chi2_dof < 1e-9 for level in levels.values())


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_the_order_of_candidates_and_answers_changes_no_bit(seed: int, rng: random.Random) -> None:
    of = truth(seed, 12)
    answers = [rounded(request, of) for request in first_requests(list(of))]
    names = list(of)
    first = calibrate(names, answers)
    turned = [{c: answer[c] for c in rng.sample(list(answer), len(answer))} for answer in answers]
    rng.shuffle(turned)
    rng.shuffle(names)
    second = calibrate(names, turned)
    assert [level.candidate for level in second.levels] == names
    assert by_candidate(second) == by_candidate(first)
    assert second.closure == first.closure


@given(st.integers(0, 10_000), st.sampled_from([1e-6, 0.5, 4.0, 1e9]))
@settings(deadline=None, max_examples=15)
def test_more_searches_for_everybody_change_nothing(seed: int, factor: float) -> None:
    of = truth(seed, 9)
    more = {c: [value * factor for value in values] for c, values in of.items()}
    one, other = (by_candidate(calibrate(list(of), exactly(world))) for world in (of, more))
    for c in of:
        assert one[c].estimate == pytest.approx(other[c].estimate, abs=1e-9)
        assert one[c].rel_index == pytest.approx(other[c].rel_index)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=15)
def test_the_true_level_is_within_the_interval_where_only_rounding_disturbs(seed: int) -> None:
    of = truth(seed, 12)
    answers = [rounded(request, of) for request in first_requests(list(of))]
    levels = calibrate(list(of), answers).levels
    errors = [(lv.estimate or 0.0) - math.log(sum(of[lv.candidate]) / POINTS) for lv in levels]
    centre = sum(errors) / len(errors)
    held = [abs(e - centre) <= (lv.ci_high or 0.0) - (lv.estimate or 0.0) for e, lv in zip(errors, levels, strict=True)]
    assert sum(held) >= len(held) - 1


def test_shares_sum_to_one_over_those_that_have_one() -> None:
    answers = [
        {
            "a": Series([100, 90] * 6, [True] * POINTS),
            "b": Series([50, 40] * 6, [True] * POINTS),
            "c": Series([20, 30] * 5 + [0, 0], [True] * 10 + [False] * 2),
            "d": Series([0, 20] * 6, [False, True, False, False] * 3),
        }
    ]
    levels = by_candidate(calibrate(["a", "b", "c", "d"], answers))
    assert [levels[c].quality for c in "abcd"] == ["ok", "ok", "weak", "below_floor"]
    for t in range(POINTS):
        assert math.fsum(levels[c].share[t] or 0.0 for c in "abcd") == pytest.approx(1)
    assert list(levels["c"].rel_index[-2:]) == list(levels["c"].share[-2:]) == [None, None], "no data is not a zero"
    assert_empty(levels["d"], Quality.BELOW_FLOOR)


def test_sets_that_no_request_compares_are_not_put_on_one_scale() -> None:
    answers = [constant(a=100.0, b=60.0, c=30.0), constant(d=100.0, e=60.0)]
    levels = by_candidate(calibrate(list("abcdef"), answers))
    assert all(levels[c].estimate is not None for c in "abc")
    for c in "def":
        assert_empty(levels[c], Quality.DISCONNECTED)


def test_a_candidate_that_is_always_below_ten_beside_the_others_is_disconnected_and_not_zero() -> None:
    levels = by_candidate(calibrate(list("abc"), [constant(a=100.0, b=60.0, c=0.0)]))
    assert_empty(levels["c"], Quality.DISCONNECTED)


def test_less_than_one_is_a_value_and_no_data_is_none() -> None:
    less_than_one = measure(Series([0, 0, 12, 0], [True] * 4))
    assert less_than_one.mean == pytest.approx((12 + 3 * 0.25) / 4)
    assert (less_than_one.data_share, less_than_one.gaps) == (1.0, 0.0)
    no_data = measure(Series([0, 8, 12, 0], [False, True, True, False]))
    assert no_data.mean == pytest.approx((8 + 12 + 2 * 4) / 4), "between nothing and the least that was shown"
    assert no_data.data_share == 0.5
    assert no_data.gaps == pytest.approx(4**2 / 12), "half of the points, anywhere from 0 to 8"
    nothing = measure(Series([0, 0], [False, False]))
    assert (nothing.mean, nothing.peak, nothing.data_share) == (0.0, 0.0, 0.0)


def test_a_series_that_rounding_made_constant_has_the_whole_rounding_error() -> None:
    assert measure(Series([12.0] * 50, [True] * 50)).random == pytest.approx(1 / 12)
    assert measure(Series([12.0, 13.0] * 25, [True] * 50)).random == pytest.approx(1 / 50 / 2 + 1 / 12 / 50, rel=0.05)


def test_a_request_that_contradicts_the_others_widens_every_interval_and_shows_in_the_closure() -> None:
    of = truth(5, 8)
    honest = exactly(of)
    bent = [
        {c: Series([v / (2 if c == "c03" else 1) for v in s.values], s.has_data) for c, s in answer.items()}
        if n == 0
        else answer
        for n, answer in enumerate(honest)
    ]
    fine, off = calibrate(list(of), honest), calibrate(list(of), bent)
    assert fine.closure.triangles == off.closure.triangles > 0
    assert fine.closure.worst == pytest.approx(0, abs=1e-9)
    assert off.closure.worst is not None
    assert off.closure.worst > 0.2
    assert off.levels[0].chi2_dof is not None
    assert off.levels[0].chi2_dof > 3
    assert all(width(b) > 1.5 * width(a) for a, b in zip(fine.levels, off.levels, strict=True))


def test_one_request_alone_has_no_triangle_to_check() -> None:
    assert calibrate(list("abc"), [constant(a=100.0, b=60.0, c=30.0)]).closure.triangles == 0


def test_what_gaps_hide_is_not_averaged_out_by_more_requests_and_makes_an_estimate_weak() -> None:
    gaps = Series([100, 90] * 17 + [0] * 6, [True] * 34 + [False] * 6)
    answers = [{"a": Series([99, 91] * 20, [True] * 40), "b": gaps}] * 9
    full, weak = calibrate(["a", "b"], answers).levels
    assert (full.quality, weak.quality) == ("ok", "weak")
    of_gaps = measure(gaps)
    assert width(weak) / 2 > 1.96 * of_gaps.gaps**0.5 / of_gaps.mean
    assert math.log(1.15) > width(weak) / 2 > width(full) / 2


def test_a_wide_interval_makes_an_estimate_weak() -> None:
    noisy, calm = calibrate(
        ["a", "b"], [{"a": Series([100, 10] * 6, [True] * 12), "b": Series([50] * 12, [True] * 12)}]
    ).levels
    assert width(noisy) > 2 * math.log(1.15)
    assert noisy.quality is Quality.WEAK
    assert noisy.chi2_dof is calm.chi2_dof is None, "a single request has nothing to compare"


def test_the_series_leans_on_the_request_that_shows_it_largest() -> None:
    shape = [100.0, 97.0, 94.0, 97.0] * 5
    fine = {"a": shape, "b": [value * 0.9 for value in shape]}
    coarse = {**{c: [float(round(v / 8)) for v in values] for c, values in fine.items()}, "c": [100.0] * 20}
    answers = [{c: Series(v, [True] * 20) for c, v in answer.items()} for answer in (fine, coarse)]
    index = by_candidate(calibrate(["a", "b", "c"], answers))["a"].rel_index
    assert (index[2] or 0) / (index[0] or 1) == pytest.approx(0.94, abs=0.005)


def test_candidates_that_were_each_asked_alone_are_not_compared() -> None:
    for level in calibrate(["a", "b"], [constant(a=100.0), constant(b=100.0)]).levels:
        assert_empty(level, Quality.DISCONNECTED)


def width(level: Level) -> float:
    assert level.ci_low is not None
    assert level.ci_high is not None
    return level.ci_high - level.ci_low


@pytest.mark.parametrize(("names", "answers"), [([], []), (["a"], []), (["a", "b"], [])])
def test_without_answers_everybody_is_disconnected(names: Sequence[str], answers: Sequence[Answer]) -> None:
    found = calibrate(names, answers)
    assert [level.quality for level in found.levels] == ["disconnected"] * len(names)
    assert (found.closure.triangles, found.closure.median, found.closure.worst) == (0, None, None)


def test_an_only_candidate_has_the_whole_share() -> None:
    [level] = calibrate(["a"], [{"a": Series([50, 100] * 6, [True] * POINTS)}]).levels
    assert list(level.share) == [1.0] * POINTS
    assert level.rel_index == pytest.approx([50, 100] * 6)


def test_answers_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"series of \[1, 2\] points"):
        calibrate(["a", "b"], [{"a": Series([1], [True]), "b": Series([1, 2], [True, True])}])
    with pytest.raises(ValueError, match="answers hold b; allowed"):
        calibrate(["a"], [constant(b=1.0)])
    with pytest.raises(ValueError, match="2 values and 1 flags"):
        Series([1, 2], [True])
    with pytest.raises(ValueError, match="value 101 found"):
        Series([101], [True])


def test_what_the_ladder_sees_is_mean_peak_and_share_of_data() -> None:
    told = seen({"a": Series([0, 100], [False, True])})["a"]
    assert (told.mean, told.peak, told.data_share) == (75.0, 100.0, 0.5)
