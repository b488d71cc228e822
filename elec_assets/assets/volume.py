"""The weekly volume table: how many posts about each candidate, hour by hour and kind by kind, with their weight."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import dagster as dg
import polars as pl

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import SCHEMA_VERSION, VOLUME
from elec_assets.domain.windows import Grain, Window, split
from elec_assets.freshness import policy
from elec_assets.resources import StoreResource
from elec_assets.transforms import charts
from elec_assets.transforms.volume import hour_volume

_SHOWN = {"candidate": "string", "posts": "integer", "posts_own": "integer", "estimate": "number"}
_PREVIEW = 5


def volume_asset(election: Election, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/twitter/volume`."""

    @dg.asset(
        key=parts.key(election, "twitter", "volume"),
        partitions_def=partitions.weeks(election),
        deps=[dg.AssetDep(parts.key(election, "twitter", "tweets"), partition_mapping=partitions.week_of_parts())],
        description=(
            "Posts about each candidate in every planned hour of an ISO week, by kind: "
            "`weekly/twitter_volume/GGGG_WW.csv.gz`, `.parquet` beside it. Counts with and without handles that "
            "several candidates share, of planned and covered time alone; weight and estimate count up to the whole "
            "hour. Silence is 0, a gap is null."
        ),
        group_name=parts.group(election, "twitter"),
        kinds={"polars", "csv", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "weekly", "week"),
        metadata=parts.table_metadata(VOLUME, f"{election.key}/weekly/{VOLUME.name}/GGGG_WW.csv.gz"),
        freshness_policy=policy("twitter/volume", active=active),
        code_version=str(SCHEMA_VERSION),
    )
    def volume(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult[None]:
        week = partitions.window(context.partition_key, Grain.WEEK)
        opened = store.open()
        counted = _Counted()
        frames = counted.through(_hours(TweetArchive(opened, election.key), election, week))
        written = WeeklyArchive(opened, election.key, VOLUME.name, VOLUME).write(week, frames)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(written.summary.plain_sha256[:16]),
            metadata={
                **parts.weekly_metadata(written),
                "hours_planned": counted.planned,
                "hours_covered": len(counted.hours),
                "candidates": parts.preview(counted.first(_PREVIEW), _SHOWN),
                "posts_an_hour": parts.picture(
                    charts.hourly_bars(week, counted.hours), "posts about candidates an hour, estimated"
                ),
            },
        )

    return volume


def _hours(archive: TweetArchive, election: Election, week: Window) -> Iterator[pl.DataFrame]:
    for hour in split(week, Grain.HOUR):
        yield hour_volume(election, hour, archive.frame(hour), archive.coverage(hour))


class _Counted:
    """What the UI shows of a week, counted while its hours go by."""

    def __init__(self) -> None:
        self.planned = 0
        self.hours: list[tuple[datetime, int]] = []
        self._sums: dict[str, Counter[str]] = {name: Counter() for name in ("posts", "posts_own", "estimate")}

    def through(self, frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The same frames, one an hour."""
        for frame in frames:
            self.planned += not frame.is_empty()
            seen = frame.filter(pl.col("posts").is_not_null())
            if seen.height:
                self.hours.append((seen.item(0, "hour"), round(float(seen["estimate"].sum()))))
            for name, sums in self._sums.items():
                for candidate, number in seen.group_by("candidate").agg(pl.col(name).sum()).iter_rows():
                    sums[candidate] += number
            yield frame

    def first(self, most: int) -> list[dict[str, object]]:
        """The candidates with the most posts, estimated: as the preview shows them."""
        ranked = sorted(self._sums["estimate"], key=lambda name: (-self._sums["estimate"][name], name))
        return [
            {
                "candidate": name,
                "posts": self._sums["posts"][name],
                "posts_own": self._sums["posts_own"][name],
                "estimate": round(float(self._sums["estimate"][name]), 1),
            }
            for name in ranked[:most]
        ]
