"""Posts about each candidate, hour by hour: counts in planned and covered time, and what they stand for.

A row for every candidate followed, every kind and every planned hour, so that silence (0) and a gap (null) differ.
Pure, and a function of the sealed hour, its coverage row and the registry's plan.
"""

import polars as pl

from elec_assets.domain import calendar
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import VOLUME
from elec_assets.domain.windows import Window, epoch_ms, parse_iso
from elec_assets.transforms.coverage import HourCoverage, hour_row
from elec_assets.transforms.estimates import inside
from elec_assets.transforms.frames import conform, empty
from elec_assets.transforms.ordering import order_keys

RETWEET = "retweet"
KINDS = ("original", "quote", "reply", RETWEET)
NEEDED = ["tweet_id", "edit_root_id", "created_at", "kind", "matched_by"]
"""The columns of sealed tweets that counting reads."""
_SHARED = "shared_account"
# A plan is in milliseconds, and a coverage row holds seconds.
_TOLERANCE_S = 0.001


def covered(election: Election, hour: Window, stored: HourCoverage | None) -> tuple[Intervals, Intervals]:
    """The planned time of an hour in which originals were covered, and that in which retweets were.

    Coverage rows name what was captured and missed, the rest of the plan was filled. Where the plan is no longer the
    one of the row, that rest is unknown, and only captured time counts.
    """
    if stored is None:
        return NOWHERE, NOWHERE
    planned = calendar.planned(election, hour)
    captured = planned & _spans(stored.captured)
    if abs(planned.seconds - stored.planned_s) > _TOLERANCE_S:
        return captured, captured
    return planned - _spans(stored.missed), captured


def _spans(texts: list[list[str]]) -> Intervals:
    return Intervals.of((epoch_ms(parse_iso(start)), epoch_ms(parse_iso(end))) for start, end in texts)


def hour_volume(
    election: Election, hour: Window, tweets: pl.DataFrame | None, stored: HourCoverage | None
) -> pl.DataFrame:
    """The rows of one hour, in the order of the table; none where nothing of it is planned.

    Args:
        election: whose candidates and plan count.
        hour: the hour.
        tweets: its sealed table, of which the columns `NEEDED` are read; None where it is not sealed.
        stored: its coverage row; None where it has none.
    """
    planned_s = calendar.planned(election, hour).seconds
    if not planned_s:
        return empty(VOLUME)
    originals, retweets = covered(election, hour, stored)
    found = _found(tweets, originals, retweets)
    people = sorted({candidate.key for candidate in election.as_of(hour.start)} | set(found["candidate"]))
    weight = pl.when(pl.col("covered_s") > 0).then(hour.seconds / pl.col("covered_s"))
    seen = pl.col("weight").is_not_null()
    kinds = pl.DataFrame(
        {"kind": KINDS, "covered_s": [(retweets if kind == RETWEET else originals).seconds for kind in KINDS]}
    )
    rows = (
        pl.DataFrame({"candidate": people}, schema={"candidate": pl.String})
        .join(kinds, how="cross")
        .join(found, on=["candidate", "kind"], how="left")
        .with_columns(weight=weight)
        .with_columns(pl.when(seen).then(pl.col(name).fill_null(0)) for name in ("posts", "posts_own"))
        .with_columns(
            hour=pl.lit(hour.start).cast(pl.Datetime("ms", "UTC")),
            estimate=pl.col("posts") * pl.col("weight"),
            estimate_own=pl.col("posts_own") * pl.col("weight"),
            planned_s=pl.lit(planned_s),
            coverage=pl.col("covered_s") / planned_s,
            outcome=pl.lit(hour_row(election, hour, stored).outcome.value),
            suppressed=pl.lit(value=False),
        )
    )
    return conform(rows.select(VOLUME.names).sort(order_keys(VOLUME)), VOLUME)


def _found(tweets: pl.DataFrame | None, originals: Intervals, retweets: Intervals) -> pl.DataFrame:
    """Posts that count by candidate and kind, and those of them that count without shared handles."""
    shape = {"candidate": pl.String(), "kind": pl.String(), "posts": pl.Int64(), "posts_own": pl.Int64()}
    if tweets is None:
        return pl.DataFrame(schema=shape)
    at_ms = tweets["created_at"].dt.epoch("ms")
    retweet = tweets["kind"] == RETWEET
    counts = (retweet & inside(at_ms, retweets)) | (~retweet & inside(at_ms, originals))
    reason = pl.col("matched_by").str.split_exact(":", 1)
    return (
        tweets.filter(counts & (tweets["tweet_id"] == tweets["edit_root_id"]))
        .select("tweet_id", "kind", "matched_by")
        .explode("matched_by", empty_as_null=False)
        .select("tweet_id", "kind", reason.struct[0].alias("candidate"), own=reason.struct[1] != _SHARED)
        .group_by("tweet_id", "kind", "candidate")
        .agg(pl.col("own").any())
        .group_by("candidate", "kind")
        .agg(pl.len().cast(pl.Int64).alias("posts"), pl.col("own").sum().cast(pl.Int64).alias("posts_own"))
        .select(*shape)
    )
