"""Small counts: none is told, and nobody can work one out from what is told beside it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.tables import CALIBRATED_INTEREST, VOLUME
from elec_assets.transforms.aggregates import TRENDS_NEEDED, daily_summary
from elec_assets.transforms.frames import conform, polars_schema
from elec_assets.transforms.suppression import LEAST, suppress_daily, suppress_volume
from elec_assets_tests.examples import examples

DAY = datetime(2027, 2, 1, tzinfo=UTC)
NO_TRENDS = pl.DataFrame(schema={name: polars_schema(CALIBRATED_INTEREST)[name] for name in TRENDS_NEEDED})
Cells = list[tuple[int | None, int]]
"""Posts and own posts of each hour; null where nothing was covered."""


def hours(originals: Cells, retweets: Cells, weight: float = 1.0) -> pl.DataFrame:
    """Hours of a day, `original` and `retweet` alone."""
    rows = []
    for number, pair in enumerate(zip(originals, retweets, strict=True)):
        for kind, (posts, own) in zip(("original", "retweet"), pair, strict=True):
            gap = posts is None
            rows.append(
                {
                    "hour": DAY + timedelta(hours=number),
                    "candidate": "ada",
                    "kind": kind,
                    "posts": posts,
                    "posts_own": None if gap else own,
                    "weight": None if gap else weight,
                    "estimate": None if posts is None else posts * weight,
                    "estimate_own": None if gap else own * weight,
                    "planned_s": 3600.0,
                    "covered_s": 0.0 if gap else 3600.0 / weight,
                    "coverage": 0.0 if gap else 1 / weight,
                    "outcome": "ok",
                    "suppressed": False,
                }
            )
    return conform(pl.DataFrame(rows, schema=polars_schema(VOLUME)), VOLUME)


def cells(posts: list[int | None]) -> Cells:
    return [(number, number or 0) for number in posts]


def told(frame: pl.DataFrame, kind: str = "original") -> list[int | None]:
    return suppress_volume(frame).filter(pl.col("kind") == kind)["posts"].to_list()


def test_one_to_four_are_null_zero_and_gaps_stay() -> None:
    """A second hour of the day is hidden with a single one: the day's sum less the others would be its count."""
    frame = hours(cells([0, 3, 20, 7, None]), cells([0, 0, 0, 0, 0]))
    assert told(frame) == [0, None, 20, None, None]
    assert told(frame, "retweet") == [0] * 5
    made = suppress_volume(frame)
    assert made.filter(pl.col("suppressed"))["hour"].dt.hour().to_list() == [1, 3]
    assert made.filter(pl.col("suppressed"))["estimate"].null_count() == 2
    assert made.columns == list(VOLUME.names)


def test_two_small_ones_need_a_third_only_if_they_are_fewer_than_five() -> None:
    none = cells([0, 0, 0])
    assert told(hours(cells([4, 4, 9]), none)) == [None, None, 9]
    assert told(hours(cells([1, 1, 9]), none)) == [None, None, None], "both are 1 if the rest of the day is 2"


def test_own_posts_are_hidden_with_what_they_leave() -> None:
    frame = hours([(20, 18), (20, 20), (20, 3), (20, 9)], cells([0] * 4))
    made = suppress_volume(frame).filter(pl.col("kind") == "original")
    assert made["posts"].to_list() == [20] * 4
    assert made["posts_own"].to_list() == [None, 20, None, 9], "20 - 18 = 2 posts that only a shared handle makes"
    assert made["suppressed"].to_list() == [True, False, True, False]


def test_days_of_one_to_four_posts_are_hidden_with_their_sum() -> None:
    frame = hours(cells([2, 0]), cells([9, 9]))
    made = suppress_daily(daily_summary(frame, NO_TRENDS, None), frame).to_dicts()[0]
    assert (made["originals_estimate"], made["retweets_estimate"], made["posts_estimate"]) == (None, 18.0, None)
    assert made["suppressed"]


def test_days_with_hidden_hours_are_to_the_nearest_five_posts_seen() -> None:
    frame = hours(cells([3, 3, 11]), cells([9, 9, 9]), weight=6.0)
    made = suppress_daily(daily_summary(frame, NO_TRENDS, None), frame).to_dicts()[0]
    assert made["originals_estimate"] == 90.0, "17 x 6 = 102 to the nearest 30"
    assert (made["retweets_estimate"], made["posts_estimate"]) == (162.0, 252.0)


def test_days_without_small_counts_are_as_they_were() -> None:
    frame = hours(cells([0, 5, None]), cells([9, 9, 9]))
    daily = daily_summary(frame, NO_TRENDS, None)
    assert suppress_daily(daily, frame).equals(daily)


COUNTS = st.lists(st.one_of(st.none(), st.integers(0, 7)), min_size=1, max_size=4)


@settings(max_examples=examples(60), deadline=None)
@given(COUNTS)
def test_nobody_can_work_out_a_hidden_count(posts: list[int | None]) -> None:
    """All days are tried that would be published alike: a hidden count of 1 to 4 may be another number, too."""
    frame = hours(cells(posts), cells([0] * len(posts)))
    shown = told(frame)
    assert not [count for count in shown if count in range(1, LEAST)]
    day = suppress_daily(daily_summary(frame, NO_TRENDS, None), frame)["originals_estimate"][0]
    hidden = [place for place, count in enumerate(posts) if count is not None and shown[place] is None]
    if day is None or not hidden:
        return
    rest = sum(count for count in shown if count is not None)
    alike = [t for t in product(range(1, 12), repeat=len(hidden)) if round((rest + sum(t)) / 5) * 5 == day]
    for place in range(len(hidden)):
        assert len({guess[place] for guess in alike}) > 1
