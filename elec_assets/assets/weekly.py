"""The weekly file of tweets: the 168 sealed hours of an ISO week, in order, as gzipped CSV with Parquet beside it.

Hours that are not sealed never block it: the file holds what there is, and metadata and a check name what is missing.
"""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import polars as pl

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import SCHEMA_VERSION, TWEETS
from elec_assets.domain.windows import Grain, Window, split
from elec_assets.freshness import policy
from elec_assets.resources import StoreResource
from elec_assets.transforms import charts


def tweets_weekly_asset(election: Election, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/twitter/weekly`."""

    @dg.asset(
        key=parts.key(election, "twitter", "weekly"),
        partitions_def=partitions.weeks(election),
        deps=[dg.AssetDep(parts.key(election, "twitter", "tweets"), partition_mapping=partitions.week_of_parts())],
        description=(
            "All posts of an ISO week, sorted by id: `weekly/twitter/GGGG_WW.csv.gz`, `.parquet` beside it. Built on "
            "Tuesday 02:00 UTC, again at most once a day while hours of the week change."
        ),
        group_name=parts.group(election, "twitter"),
        kinds={"polars", "csv", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "weekly", "week"),
        metadata=parts.table_metadata(TWEETS, f"{election.key}/weekly/twitter/GGGG_WW.csv.gz"),
        freshness_policy=policy("twitter/weekly", active=active),
        code_version=str(SCHEMA_VERSION),
    )
    def tweets_weekly(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult[None]:
        week = partitions.window(context.partition_key, Grain.WEEK)
        opened = store.open()
        counts: list[tuple[datetime, int]] = []
        frames = _hours(TweetArchive(opened, election.key), week, counts)
        written = WeeklyArchive(opened, election.key, "twitter", TWEETS).write(week, frames)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(written.summary.plain_sha256[:16]),
            metadata={
                **parts.weekly_metadata(written),
                "hours_sealed": len(counts),
                "hours_of_week": len(split(week, Grain.HOUR)),
                "plain_bytes": written.summary.plain_bytes,
                "posts_an_hour": parts.picture(charts.hourly_bars(week, counts), "posts an hour"),
            },
        )

    return tweets_weekly


def _hours(archive: TweetArchive, week: Window, counts: list[tuple[datetime, int]]) -> Iterator[pl.DataFrame]:
    """The rows of the sealed hours of a week in order; fills in their counts on the way."""
    for hour in split(week, Grain.HOUR):
        heights = []
        for frame in archive.rows(hour):
            heights.append(frame.height)
            yield frame
        if heights:
            counts.append((hour.start, sum(heights)))
