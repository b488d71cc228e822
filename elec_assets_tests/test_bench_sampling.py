"""The benchmark of sampling, small: random slots keep what they promise, and the report says what they do not."""

import json

import numpy as np
import polars as pl
import pytest

from bench import sampling
from bench.report import main, options
from bench.sampled_weeks import MINUTES, Weeks
from elec_assets.domain.windows import WEEK, Window, epoch_ms

WEEK_ONE = Window(sampling._MONDAY, sampling._MONDAY + WEEK)


def test_random_slots_are_unbiased_and_their_intervals_hold() -> None:
    """8 weeks of 14 candidates above 2,000 posts: 112 intervals, of which chance leaves 102 to 110 or so."""
    weeks = Weeks(candidates=14, fewest=2_500)
    found = pl.concat([sampling.week_estimates(weeks, 7, number) for number in range(8)])
    assert set(found["path"]) == {"slots", "fixed"}
    slots = found.filter(path="slots").with_columns((pl.col("estimate") / pl.col("truth") - 1).alias("error"))
    errors = slots["error"].to_list()
    assert abs(sum(errors) / len(errors)) < 0.01
    held = slots.filter(pl.col("truth").is_between("low", "high")).height
    assert 0.91 <= held / slots.height <= 0.99


@pytest.mark.parametrize("path", ["slots", "fixed"])
def test_units_cover_ten_minutes_of_each_hour_and_no_second_twice(path: str) -> None:
    units = sampling.units_of(sampling.PLANS[path], WEEK_ONE)
    pieces = sampling.pieces_of(units, epoch_ms(WEEK_ONE.start))
    assert len(units) == (1680 if path == "slots" else 168)
    by_minute = np.zeros(MINUTES, dtype=int)
    for piece in pieces:
        by_minute[piece.minute] += piece.seconds
    assert by_minute.max() <= 60
    assert by_minute.reshape(168, 60).sum(axis=1).tolist() == [600] * 168
    assert [sum(p.seconds for p in pieces if p.unit == number) for number in range(3)] == [units[0].seconds] * 3


def test_what_is_seen_is_part_of_what_there_was() -> None:
    posts = np.full((2, MINUTES), 6, dtype=np.int64)
    pieces = [sampling.Piece(0, 0, 60), sampling.Piece(1, 0, 20), sampling.Piece(1, 1, 40), sampling.Piece(5, 1, 30)]
    found = sampling.seen(posts, pieces, 2, np.random.default_rng(1))
    assert (posts == 6).all(), "the week is not changed by looking at it"
    assert found.shape == (2, 2)
    # All of minutes 0 and 1 are covered, by two units; of minute 5 the half.
    assert all(12 <= total <= 18 for total in found.sum(axis=1))
    assert (found[:, 0] >= 6).all()


def test_a_week_is_the_same_for_the_same_seed_and_has_the_volumes_named() -> None:
    weeks = Weeks(candidates=5, fewest=1_000, most=100_000)
    one, same, other = weeks.week(1, 0), weeks.week(1, 0), weeks.week(1, 1)
    assert (one == same).all()
    assert (one != other).any()
    mean = np.mean([weeks.week(1, number).sum(axis=1) for number in range(12)], axis=0)
    assert mean == pytest.approx(weeks.volumes, rel=0.35)


def test_the_benchmark_prints_both_plans_and_names_what_it_missed(capsys: pytest.CaptureFixture[str]) -> None:
    parser = options("sampling", "", size=200, unit="weeks", week=False)
    parser.add_argument("--candidates", type=int, default=3)
    parser.add_argument("--flat", action="store_true")
    assert main(parser, sampling.bench, ["--json", "--size", "2", "--flat"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["plan"] for row in told["rows"]} == {"slots", "fixed"}
    assert {"slots_bias_worst", "slots_cover95_least", "fixed_bias_worst"} <= told["headline"].keys()
    assert main(parser, sampling.bench, ["--candidates", "1"]) == 2
    row = {"plan": "slots", "posts_a_week": "from 2,000", "bias": 0.02, "cover95": 0.92, "cover_sure": 0.95}
    assert sampling.missed([row]) == [
        "missed: bias 0.02 from 2,000 posts a week",
        "missed: intervals hold in 0.92 from 2,000 posts a week",
    ]
    assert sampling.missed([{**row, "posts_a_week": "from 500"}])[0].endswith("flagged")
