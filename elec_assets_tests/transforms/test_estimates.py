"""Estimates of samples: against calculations by hand, and properties that hold for any sample."""

import math
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain import calendar
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.registry import Calendar, CapturePlan, Election
from elec_assets.domain.windows import HOUR, Window, epoch_ms
from elec_assets.transforms.estimates import LEAST_SEEN, OK, WEAK, WHOLE, estimate, inside, sample_units
from elec_assets_tests.examples import examples

FIRST = Window(datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 2, 1, 1, tzinfo=UTC))
START = epoch_ms(FIRST.start)
HOUR_S = 3600.0


def minutes(*bounds: tuple[float, float]) -> Intervals:
    return Intervals.of((START + int(a * 60_000), START + int(b * 60_000)) for a, b in bounds)


def table(posts: list[int], seconds: list[float] | float = 60.0, weight: float = 6.0, who: str = "ada") -> pl.DataFrame:
    lengths = seconds if isinstance(seconds, list) else [seconds] * len(posts)
    return pl.DataFrame(
        {"candidate": [who] * len(posts), "posts": posts, "seconds": lengths, "weight": [weight] * len(posts)}
    )


def one(frame: pl.DataFrame) -> dict[str, float | int | str]:
    (row,) = estimate(frame, ["candidate"]).to_dicts()
    return row


def test_posts_count_only_inside_the_covered_time() -> None:
    """Bounds are half open; of a sampled hour, what another election's plan brought in between has no weight."""
    covered = minutes((5, 6), (20, 21))
    at = [5, 5.99, 6, 12, 20, 21, 59]
    times = pl.Series([START + int(minute * 60_000) for minute in at])
    assert inside(times, covered).to_list() == [True, True, False, False, True, False, False]
    assert inside(times, NOWHERE).to_list() == [False] * 7
    assert inside(pl.Series([], dtype=pl.Int64), covered).to_list() == []


@pytest.mark.parametrize(
    ("plan", "every_second"),
    [(CapturePlan("slots", slots=10, slot_s=60), 6.0), (CapturePlan("every", every_s=3600, length_s=600), 6.0)],
)
def test_a_post_each_second_is_counted_up_to_an_hour_of_them(plan: CapturePlan, every_second: float) -> None:
    """All were received, for another election was listened to all the time; without `inside` they are six times."""
    dates = Calendar(FIRST.start, FIRST.start + 60 * HOUR, (date(2028, 1, 1),), date(2028, 6, 1))
    election = Election("xx", "Test", "XX", dates, {}, capture=plan)
    for number in range(24):
        hour = Window(FIRST.start + number * HOUR, FIRST.start + (number + 1) * HOUR)
        covered = calendar.planned(election, hour)
        received = pl.Series([epoch_ms(hour.start) + second * 1000 for second in range(3600)])
        units = sample_units(hour, covered)
        assert {unit.weight for unit in units} == {every_second}
        assert sum(unit.seconds for unit in units) == 600
        posts = [int(inside(received, Intervals.of(unit.spans)).sum()) for unit in units]
        assert sum(posts) == int(inside(received, covered).sum()) == 600
        counted = table(posts, [unit.seconds for unit in units], units[0].weight)
        assert one(counted)["estimate"] == 3600


def test_an_hour_that_was_covered_in_part_stands_for_all_of_it() -> None:
    """Of ten slots six were heard: each post of those stands for ten, and what came in the others for none."""
    covered = minutes(*((6 * part + 1, 6 * part + 2) for part in range(6)))
    units = sample_units(FIRST, covered)
    assert [unit.weight for unit in units] == [10.0] * 6


def test_units_are_the_covered_spans_and_a_slot_round_the_hours_end_is_one() -> None:
    units = sample_units(FIRST, minutes((-5, 0.5), (10, 11), (30, 31), (59.5, 70)))
    assert [unit.seconds for unit in units] == [60, 60, 60]
    assert [unit.weight for unit in units] == [20, 20, 20]
    assert len(units[0].spans) == 2
    assert sample_units(FIRST, NOWHERE) == ()
    (whole,) = sample_units(FIRST, minutes((0, 60)))
    assert (whole.seconds, whole.weight) == (3600, 1)
    assert sample_units(Window(FIRST.end, FIRST.end + HOUR), minutes((0, 60))) == ()


def test_an_estimate_is_that_calculated_by_hand() -> None:
    """Three units of 60 s that stand for 6 each: differences of 2 and 4 posts."""
    found = one(table([20, 22, 18]))
    assert (found["seen"], found["estimate"], found["quality"]) == (60, 360.0, WEAK)
    # Variances of the counts: 2^2/2 = 2 and 4^2/2 = 8, the middle unit's is their mean; each times w (w - 1) = 30.
    # Chance alone (Poisson) gives 60 x 30, which is more, and decides.
    assert 2 + 5 + 8 < 60
    shares = [(2 + 1) * 30, (4 + 8) * 30]
    freedom = 2 * sum(shares) ** 2 / sum(share**2 for share in shares)
    assert freedom == pytest.approx(2.94, abs=0.01)  # counted as 3, whose quantile of Student's t is 3.18
    half = 3.18 * math.sqrt(math.log1p(1800 / 360**2))
    assert found["high"] == pytest.approx(360 * math.exp(half), rel=0.01)
    assert found["low"] == pytest.approx(360 * math.exp(-half), rel=0.01)


def test_differences_decide_where_posts_are_spread_unevenly() -> None:
    """100 pairs of 10 and 50: each difference gives 800, each of 200 units 30 times that; Student's t is 1.98."""
    found = one(table([10, 50] * 100))
    total = 6 * 6000
    variance = 200 * 800 * 30
    half = 1.978 * math.sqrt(math.log1p(variance / total**2))
    assert found["estimate"] == total
    assert found["high"] == pytest.approx(total * math.exp(half), rel=0.001)
    assert found["quality"] == OK


def test_units_of_different_length_at_the_same_rate_do_not_differ() -> None:
    """5 posts in 10 s and 30 in 60 s say the same: only chance is left."""
    found = one(table([5, 30, 5, 30] * 10, [10.0, 60.0, 10.0, 60.0] * 10))
    posts = 700
    variance = posts * 30
    assert found["high"] == pytest.approx(
        posts * 6 * math.exp(3.18 * math.sqrt(math.log1p(variance / 4200**2))), rel=0.01
    )


def test_time_that_was_covered_whole_is_counted_and_not_estimated() -> None:
    found = one(table([100, 3, 70], HOUR_S, weight=1.0))
    assert (found["estimate"], found["low"], found["high"], found["quality"]) == (173.0, 173.0, 173.0, WHOLE)


def test_whole_hours_add_posts_and_no_doubt_to_sampled_ones() -> None:
    sampled = table([20, 25, 15, 30] * 10)
    more = pl.concat([sampled, table([1000], HOUR_S, weight=1.0)])
    apart, together = one(sampled), one(more)
    assert together["estimate"] == float(apart["estimate"]) + 1000
    widths = [float(found["high"]) - float(found["low"]) for found in (apart, together)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_nothing_seen_is_no_proof_of_nothing() -> None:
    """3.7 posts in as much time as was covered would be missed once in forty times."""
    found = one(table([0] * 1680))
    assert (found["estimate"], found["low"], found["quality"]) == (0.0, 0.0, WEAK)
    assert found["high"] == pytest.approx(3.69 * 6, rel=0.001)
    whole = one(table([0, 0], HOUR_S, weight=1.0))
    assert (whole["high"], whole["quality"]) == (0.0, WHOLE)


def test_a_single_unit_has_the_doubt_of_chance_and_is_weak() -> None:
    found = one(table([400]))
    assert (found["estimate"], found["quality"]) == (2400.0, WEAK)
    assert 400 <= float(found["low"]) < 2400 < float(found["high"])


def test_a_sample_that_one_hour_decides_is_weak_and_wide() -> None:
    calm, spiked = one(table([20, 22] * 100)), one(table([20, 22] * 100 + [4000, 100]))
    assert (calm["quality"], spiked["quality"]) == (OK, WEAK)
    assert float(spiked["high"]) / float(spiked["low"]) > 1.5 * float(calm["high"]) / float(calm["low"])


COUNTS = st.lists(st.integers(0, 200), min_size=1, max_size=60)


@settings(deadline=None, max_examples=examples(60))
@given(COUNTS, COUNTS, st.sampled_from([1.0, 1.2, 6.0, 60.0]))
def test_whatever_was_seen_the_interval_holds_the_estimate_and_groups_stay_apart(
    ada: list[int], bob: list[int], weight: float
) -> None:
    both = pl.concat([table(ada, weight=weight, who="ada"), table(bob, weight=weight, who="bob")])
    rows = estimate(both, ["candidate"])
    assert rows["candidate"].to_list() == ["ada", "bob"]
    assert rows.to_dicts() == [one(table(ada, weight=weight, who="ada")), one(table(bob, weight=weight, who="bob"))]
    for row, posts in zip(rows.to_dicts(), (ada, bob), strict=True):
        assert row["seen"] == sum(posts)
        assert row["estimate"] == pytest.approx(weight * sum(posts))
        assert row["seen"] <= row["low"] <= row["estimate"] + 1e-9
        assert row["estimate"] <= row["high"] + 1e-9
        assert math.isfinite(row["high"])
        assert row["quality"] == WHOLE if weight == 1 else row["quality"] in (OK, WEAK)
        assert weight == 1 or row["seen"] >= LEAST_SEEN or row["quality"] == WEAK
