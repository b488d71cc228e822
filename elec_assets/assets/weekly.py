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
from elec_assets.domain.windows import Grain, Window, iso, split
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
        summary = written.summary
        times = {"first": summary.first, "last": summary.last}
        return dg.MaterializeResult(
            data_version=dg.DataVersion(summary.plain_sha256[:16]),
            metadata={
                "dagster/partition_row_count": summary.rows,
                "hours_sealed": len(counts),
                "hours_of_week": len(split(week, Grain.HOUR)),
                "bytes": written.size,
                "plain_bytes": summary.plain_bytes,
                "plain_sha256": summary.plain_sha256,
                "object": written.key,
                "posts_an_hour": parts.picture(charts.hourly_bars(week, counts), "posts an hour"),
                **{name: iso(moment) for name, moment in times.items() if moment is not None},
            },
        )

    return tweets_weekly


def _hours(archive: TweetArchive, week: Window, counts: list[tuple[datetime, int]]) -> Iterator[pl.DataFrame]:
    """The sealed hours of a week in order, one at a time; fills in their counts on the way."""
    for hour in split(week, Grain.HOUR):
        frame = archive.frame(hour)
        if frame is not None:
            counts.append((hour.start, frame.height))
            yield frame
