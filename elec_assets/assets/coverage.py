"""The weekly coverage table: for every hour what was planned, captured, filled and missed, and why."""

from collections import Counter

import dagster as dg

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, SCHEMA_VERSION
from elec_assets.domain.windows import Grain, split
from elec_assets.freshness import policy
from elec_assets.resources import StoreResource
from elec_assets.transforms import charts, coverage


def coverage_weekly_asset(election: Election, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/coverage/weekly`."""

    @dg.asset(
        key=parts.key(election, "coverage", "weekly"),
        partitions_def=partitions.weeks(election),
        deps=[dg.AssetDep(parts.key(election, "twitter", "tweets"), partition_mapping=partitions.week_of_hours())],
        description=(
            "Exactly one outcome for every hour of an ISO week: `weekly/coverage/GGGG_WW.csv.gz`. Silence (empty) and "
            "a gap (partial, throttled, refused, over_budget, error, not_run) are never the same thing."
        ),
        group_name=parts.group(election, "coverage"),
        kinds={"polars", "csv", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "coverage", "week"),
        metadata=parts.table_metadata(COVERAGE, f"{election.key}/weekly/coverage/GGGG_WW.csv.gz"),
        freshness_policy=policy("coverage/weekly", active=active),
        code_version=str(SCHEMA_VERSION),
    )
    def coverage_weekly(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult[None]:
        week = partitions.window(context.partition_key, Grain.WEEK)
        opened = store.open()
        rows = TweetArchive(opened, election.key).coverages(split(week, Grain.HOUR))
        frame = coverage.week_table(election, week, rows)
        written = WeeklyArchive(opened, election.key, "coverage", COVERAGE).write(week, [frame])
        cells = [(start, Outcome(found)) for start, found in frame.select("window_start", "outcome").iter_rows()]
        planned, missed = float(frame["planned_s"].sum()), float(frame["missed_s"].sum())
        return dg.MaterializeResult(
            data_version=dg.DataVersion(written.summary.plain_sha256[:16]),
            metadata={
                "dagster/partition_row_count": frame.height,
                "coverage_week": parts.picture(charts.coverage_week(week, cells), "coverage of the week"),
                "outcomes": dg.MetadataValue.json(dict(sorted(Counter(o.value for _, o in cells).items()))),
                "planned_h": round(planned / 3600, 3),
                "missed_h": round(missed / 3600, 3),
                "covered_share": round(1 - missed / planned, 6) if planned else 1.0,
                "bytes": written.size,
                "object": written.key,
            },
        )

    return coverage_weekly
