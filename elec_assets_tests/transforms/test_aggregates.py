"""The daily summary: against sums by hand, whole days and gaps, and the days of Google Trends."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.tables import CALIBRATED_INTEREST, DAILY_SUMMARY
from elec_assets.transforms.aggregates import TRENDS_NEEDED, VOLUME_NEEDED, daily_summary, trends_area
from elec_assets.transforms.frames import TIME, polars_schema
from elec_assets.transforms.volume import KINDS, RETWEET

DAY = datetime(2027, 2, 1, tzinfo=UTC)
VOLUME_SHAPE = {
    "hour": TIME,
    "candidate": pl.String(),
    "kind": pl.String(),
    "posts": pl.Int64(),
    "weight": pl.Float64(),
    "planned_s": pl.Float64(),
    "covered_s": pl.Float64(),
}
NO_TRENDS = pl.DataFrame(schema={name: polars_schema(CALIBRATED_INTEREST)[name] for name in TRENDS_NEEDED})


def volume(
    posts: dict[str, int], covered: float = 3600.0, retweets: float = 3600.0, hours: int = 24, day: datetime = DAY
) -> pl.DataFrame:
    """Hours of a day in each of which every candidate has so many posts of each kind."""
    rows = []
    for number in range(hours):
        for candidate, seen in posts.items():
            for kind in KINDS:
                seconds = retweets if kind == RETWEET else covered
                known = (seen, 3600 / seconds) if seconds else (None, None)
                rows.append((day + timedelta(hours=number), candidate, kind, *known, 3600.0, seconds))
    return pl.DataFrame(rows, schema=VOLUME_SHAPE, orient="row")


def trends(rows: list[tuple[str, str, str, int, float | None]], day: datetime = DAY) -> pl.DataFrame:
    """Rows of candidate, area, window, sample and mean."""
    records = [(c, area, window, day, sample, mean, 1.0, 2.0, "ok") for c, area, window, sample, mean in rows]
    return pl.DataFrame(records, schema=NO_TRENDS.schema, orient="row")


def one(frame: pl.DataFrame, candidate: str = "ada") -> dict[str, object]:
    (row,) = frame.filter(pl.col("candidate") == candidate).to_dicts()
    return row


def test_whole_days_are_counts_without_an_interval() -> None:
    made = daily_summary(volume({"ada": 2, "bob": 0}), NO_TRENDS, "fr")
    ada, bob = one(made), one(made, "bob")
    assert (ada["originals_estimate"], ada["retweets_estimate"], ada["posts_estimate"]) == (144.0, 48.0, 192.0)
    assert ada["posts_low"] == ada["posts_high"] == 192.0
    assert (ada["originals_quality"], ada["originals_coverage"]) == ("whole", 1.0)
    assert (bob["posts_estimate"], bob["posts_high"]) == (0.0, 0.0)
    assert dict(made.schema) == polars_schema(DAILY_SUMMARY)


def test_sampled_days_count_up_with_an_interval() -> None:
    """A quarter of each hour was covered: every post stands for four."""
    ada = one(daily_summary(volume({"ada": 3}, covered=900.0, retweets=900.0), NO_TRENDS, "fr"))
    assert ada["originals_estimate"] == 3 * 3 * 24 * 4
    low, high = ada["originals_low"], ada["originals_high"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert 3 * 3 * 24 <= low < 864 < high
    assert ada["originals_coverage"] == 0.25


def test_hours_without_cover_are_in_no_estimate_and_told() -> None:
    heard = volume({"ada": 1}, hours=12)
    gap = volume({"ada": 1}, covered=0.0, retweets=0.0, hours=12, day=DAY + timedelta(hours=12))
    ada = one(daily_summary(pl.concat([heard, gap]), NO_TRENDS, "fr"))
    assert (ada["posts_estimate"], ada["originals_coverage"], ada["retweets_coverage"]) == (48.0, 0.5, 0.5)


def test_unknown_retweets_make_an_unknown_sum() -> None:
    """Search fills originals alone: their sum with no retweets would look like a quiet day."""
    ada = one(daily_summary(volume({"ada": 1}, retweets=0.0), NO_TRENDS, "fr"))
    assert (ada["originals_estimate"], ada["retweets_estimate"], ada["posts_estimate"]) == (72.0, None, None)
    assert ada["retweets_coverage"] == 0.0


def test_search_is_that_of_the_day_in_the_area_by_its_latest_sample() -> None:
    given = trends(
        [
            ("ada", "fr", "daily", 2, 30.0),
            ("ada", "fr", "daily", 1, 99.0),
            ("bob", "fr", "daily", 1, 10.0),
            ("eve", "fr", "daily", 1, None),
            ("ada", "world", "daily", 1, 50.0),
            ("ada", "fr", "hourly", 1, 60.0),
        ]
    )
    made = daily_summary(volume({"ada": 1}), given, "fr")
    assert [one(made, name)["trends_index"] for name in ("ada", "bob", "eve")] == [30.0, 10.0, None]
    assert [one(made, name)["trends_share"] for name in ("ada", "bob", "eve")] == [0.75, 0.25, None]
    assert one(made, "bob")["posts_estimate"] is None
    assert one(made)["trends_area"] == "fr"


def test_days_are_those_of_utc_in_order() -> None:
    later = volume({"ada": 1}, hours=1, day=DAY + timedelta(days=1))
    made = daily_summary(pl.concat([later, volume({"bob": 1, "ada": 1})]), NO_TRENDS, None)
    assert made.select("day", "candidate").rows() == [
        (DAY, "ada"),
        (DAY, "bob"),
        (DAY + timedelta(days=1), "ada"),
    ]
    assert made["posts_estimate"].to_list() == [96.0, 96.0, 4.0]


@pytest.mark.parametrize(
    ("areas", "wanted"), [({"world": "", "fr": "FR"}, "fr"), ({"world": "", "eu": "DE"}, "eu"), ({}, None)]
)
def test_the_area_is_that_of_the_country(areas: dict[str, str], wanted: str | None) -> None:
    dates = Calendar(DAY, DAY + timedelta(days=9), (date(2028, 1, 1),), date(2028, 6, 1))
    assert trends_area(Election("xx", "Test", "FR", dates, {}, areas=areas)) == wanted


def test_the_columns_read_are_there() -> None:
    assert set(VOLUME_NEEDED) == set(VOLUME_SHAPE)
