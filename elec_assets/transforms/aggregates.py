"""The daily summary: posts and search of each candidate and UTC day, of weekly volume and calibrated Trends. Pure.

An hour is a unit of the sample (see `estimates.py`): neighbouring hours differ by chance and by the course of the day,
so intervals err to the wide side. Hours of which nothing was covered are in no estimate; the coverage columns tell.
"""

import polars as pl

from elec_assets.domain.registry import Election
from elec_assets.domain.tables import DAILY_SUMMARY
from elec_assets.transforms.estimates import estimate
from elec_assets.transforms.frames import TIME, conform
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.volume import RETWEET

VOLUME_NEEDED = ["hour", "candidate", "kind", "posts", "weight", "planned_s", "covered_s"]
"""The columns of `twitter_volume` that a summary reads."""
TRENDS_NEEDED = [
    "candidate_id",
    "area",
    "window",
    "period_start",
    "sample_no",
    "mean_index",
    "ci_low",
    "ci_high",
    "quality",
]
"""The columns of `calibrated_interest` that a summary reads."""
ORIGINALS, RETWEETS = "originals", "retweets"
_DAILY = "daily"
_KEY = ("day", "candidate")


def trends_area(election: Election) -> str | None:
    """The area whose searches the summary shows: that of the election's country, else the first by name."""
    own = [area for area, geo in sorted(election.areas.items()) if geo == election.country]
    return next(iter([*own, *sorted(election.areas)]), None)


def daily_summary(volume: pl.DataFrame, trends: pl.DataFrame, area: str | None) -> pl.DataFrame:
    """The rows of all days that volume or Trends have, in the order of the table.

    Args:
        volume: rows of `twitter_volume` of whole days, the columns `VOLUME_NEEDED`.
        trends: rows of `calibrated_interest`, the columns `TRENDS_NEEDED`; of several samples the latest counts.
        area: the area of Trends that counts, see `trends_area`.
    """
    posts = _posts(volume)
    searched = _searched(trends, area)
    rows = posts.join(searched, on=_KEY, how="full", coalesce=True).with_columns(suppressed=pl.lit(value=False))
    made = [_sum("estimate"), _sum("low"), _sum("high")]
    rows = rows.with_columns(made)
    return conform(rows.select(DAILY_SUMMARY.names).sort(order_keys(DAILY_SUMMARY)), DAILY_SUMMARY)


def _sum(name: str) -> pl.Expr:
    """Both parts together; where one was never covered its posts are unknown, and so is the sum."""
    return (pl.col(f"{ORIGINALS}_{name}") + pl.col(f"{RETWEETS}_{name}")).alias(f"posts_{name}")


def _posts(volume: pl.DataFrame) -> pl.DataFrame:
    hours = volume.with_columns(day=pl.col("hour").dt.truncate("1d"))
    retweet = pl.col("kind") == RETWEET
    originals, retweets = _part(hours.filter(~retweet), ORIGINALS), _part(hours.filter(retweet), RETWEETS)
    return originals.join(retweets, on=_KEY, how="full", coalesce=True)


def _part(hours: pl.DataFrame, part: str) -> pl.DataFrame:
    """Estimate, interval, quality and coverage of one part of the posts, by day and candidate."""
    # Kinds of one part share their hour's planned and covered time.
    units = (
        hours.group_by(*_KEY, "hour")
        .agg(pl.col("posts").sum(), pl.col("weight", "planned_s", "covered_s").first())
        .sort(*_KEY, "hour")
    )
    planned, seconds = pl.col("planned_s").sum(), pl.col("covered_s").sum()
    covered = units.group_by(_KEY).agg(pl.when(planned > 0).then(seconds / planned).alias(f"{part}_coverage"))
    seen = units.filter(pl.col("weight").is_not_null()).rename({"covered_s": "seconds"})
    made = estimate(seen, _KEY).drop("seen")
    named = made.rename({name: f"{part}_{name}" for name in ("estimate", "low", "high", "quality")})
    return covered.join(named, on=_KEY, how="left")


def _searched(trends: pl.DataFrame, area: str | None) -> pl.DataFrame:
    """What Google Trends says of each day: the mean of its daily partition, of the latest sample."""
    daily = trends.filter((pl.col("window") == _DAILY) & (pl.col("area") == pl.lit(area, dtype=pl.String)))
    # All points of a period carry its mean.
    latest = daily.sort("sample_no").group_by("period_start", "candidate_id", maintain_order=True).last()
    total = pl.col("mean_index").sum().over("period_start")
    return latest.select(
        pl.col("period_start").cast(TIME).alias("day"),
        pl.col("candidate_id").alias("candidate"),
        pl.col("area").alias("trends_area"),
        pl.col("mean_index").alias("trends_index"),
        pl.col("ci_low").alias("trends_low"),
        pl.col("ci_high").alias("trends_high"),
        pl.when(total > 0).then(pl.col("mean_index") / total).alias("trends_share"),
        pl.col("quality").alias("trends_quality"),
    )
