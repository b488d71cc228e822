"""Small counts of public releases: 1 to 4 posts about a candidate are not told, nor what would give them away.

A day's sums are published beside its hours. So the hidden hours of a day's originals (or retweets) are at least two,
of 5 posts or more together: one more hour is hidden where that is needed. The day's values are then to the nearest 5
posts seen, 5 times the largest weight of its hours. Where all posts of the day are fewer than 5, the day is hidden.
"""

import polars as pl

from elec_assets.transforms.aggregates import ORIGINALS, RETWEETS
from elec_assets.transforms.volume import RETWEET

LEAST = 5
"""The smallest count that is told, beside 0."""
_DAY = ("day", "candidate")
_PART = ("day", "candidate", "part")
_COUNTS = ("posts", "estimate")
_OWN = ("posts_own", "estimate_own")
_ENDS = ("estimate", "low", "high")


def small(count: pl.Expr) -> pl.Expr:
    """Whether a count is 1 to 4; not of null."""
    return count.is_between(1, LEAST - 1).fill_null(value=False)


def suppress_volume(volume: pl.DataFrame) -> pl.DataFrame:
    """Rows of `twitter_volume` of whole days, in its order, as a public release may hold them."""
    rows = _hidden(volume)
    own = pl.col("hidden") | small(pl.col("posts_own")) | small(pl.col("posts") - pl.col("posts_own"))
    return (
        rows.with_columns(own_hidden=own)
        .with_columns(
            *(pl.when(~pl.col("hidden")).then(pl.col(name)).alias(name) for name in _COUNTS),
            *(pl.when(~pl.col("own_hidden")).then(pl.col(name)).alias(name) for name in _OWN),
            suppressed=pl.col("own_hidden"),
        )
        .select(volume.columns)
    )


def suppress_daily(daily: pl.DataFrame, volume: pl.DataFrame) -> pl.DataFrame:
    """Rows of `daily_summary` as a public release may hold them.

    Args:
        daily: made of `volume`.
        volume: rows of `twitter_volume` of the same days, nothing suppressed.
    """
    rows = daily
    for part in (ORIGINALS, RETWEETS):
        rows = rows.join(_days(volume, part), on=_DAY, how="left").with_columns(
            _told(f"{part}_{end}", part) for end in _ENDS
        )
    touched = pl.any_horizontal(pl.col(f"{part}_hidden").fill_null(value=False) for part in (ORIGINALS, RETWEETS))
    return rows.with_columns(*(_sum(end, touched) for end in _ENDS), suppressed=pl.col("suppressed") | touched).select(
        daily.columns
    )


def _hidden(volume: pl.DataFrame) -> pl.DataFrame:
    """The rows with their day, their part of the posts, and whether their counts are hidden."""
    rows = volume.with_columns(
        day=pl.col("hour").dt.truncate("1d"),
        part=pl.when(pl.col("kind") == RETWEET).then(pl.lit(RETWEETS)).otherwise(pl.lit(ORIGINALS)),
        small=small(pl.col("posts")),
    )
    number = pl.col("small").sum().over(_PART)
    together = pl.when(pl.col("small")).then(pl.col("posts")).otherwise(0).sum().over(_PART)
    one_more = (number == 1) | ((number > 0) & (together < LEAST))
    # Of hours with as many posts the first: rows are in order.
    place = pl.when(pl.col("posts") >= LEAST).then(pl.col("posts")).rank("ordinal").over(_PART)
    return rows.with_columns(hidden=pl.col("small") | (one_more & (place == 1).fill_null(value=False)))


def _days(volume: pl.DataFrame, part: str) -> pl.DataFrame:
    """Of each day: whether an hour of the part is hidden, whether all of it is, and what its values are rounded to."""
    rows = _hidden(volume).filter(pl.col("part") == part)
    return rows.group_by(_DAY).agg(
        pl.col("hidden").any().alias(f"{part}_hidden"),
        small(pl.col("posts").sum()).alias(f"{part}_all"),
        (pl.col("weight").max().ceil() * LEAST).alias(f"{part}_unit"),
    )


def _told(name: str, part: str) -> pl.Expr:
    hidden, unit = pl.col(f"{part}_hidden").fill_null(value=False), pl.col(f"{part}_unit")
    rounded = pl.when(hidden).then((pl.col(name) / unit).round() * unit).otherwise(pl.col(name))
    return pl.when(~pl.col(f"{part}_all").fill_null(value=False)).then(rounded).alias(name)


def _sum(end: str, touched: pl.Expr) -> pl.Expr:
    made = pl.col(f"{ORIGINALS}_{end}") + pl.col(f"{RETWEETS}_{end}")
    return pl.when(touched).then(made).otherwise(pl.col(f"posts_{end}")).alias(f"posts_{end}")
