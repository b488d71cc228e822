"""The weekly coverage table: for every planned unit what was planned, captured, filled and missed, and why."""

from collections import Counter

import dagster as dg
import polars as pl

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.assets.trends_run import trends_key
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, SCHEMA_VERSION
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import Grain, Window, split
from elec_assets.freshness import policy
from elec_assets.resources import StoreResource
from elec_assets.transforms import charts, coverage
from elec_assets.transforms.frames import empty
from elec_assets.transforms.ordering import order_keys


def coverage_weekly_asset(election: Election, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/coverage/weekly`."""
    mapping = partitions.week_of_parts()

    @dg.asset(
        key=parts.key(election, "coverage", "weekly"),
        partitions_def=partitions.trends_weeks(election),
        deps=[dg.AssetDep(key, partition_mapping=mapping) for key in _made_from(election)],
        description=(
            "Exactly one outcome for every hour of tweets of an ISO week, and for every candidate, table and partition "
            "of Google Trends in the plan: `weekly/coverage/GGGG_WW.csv.gz`. Silence (empty) and a gap (partial, "
            "throttled, refused, over_budget, error, not_run) are never the same thing."
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
        searched = _searched(opened, election, week)
        written = WeeklyArchive(opened, election.key, "coverage", COVERAGE).write(week, [searched, frame])
        shown = frame.select("window_start", "outcome", "captured_s", "filled_s", "missed_s")
        cells = [charts.HourCell(start, Outcome(outcome), *seconds) for start, outcome, *seconds in shown.iter_rows()]
        planned, missed = float(frame["planned_s"].sum()), float(frame["missed_s"].sum())
        return dg.MaterializeResult(
            data_version=dg.DataVersion(written.summary.plain_sha256[:16]),
            metadata={
                **parts.weekly_metadata(written),
                "coverage_week": parts.picture(charts.coverage_week(week, cells), "coverage of the week"),
                "outcomes": dg.MetadataValue.json(dict(sorted(Counter(cell.outcome.value for cell in cells).items()))),
                "google_trends_outcomes": dg.MetadataValue.json(dict(sorted(Counter(searched["outcome"]).items()))),
                "planned_h": round(planned / 3600, 3),
                "captured_h": round(float(frame["captured_s"].sum()) / 3600, 3),
                "filled_h": round(float(frame["filled_s"].sum()) / 3600, 3),
                "missed_h": round(missed / 3600, 3),
                "retweets_missed_h": round(float(frame["retweets_missed_s"].sum()) / 3600, 3),
                "covered_share": round(1 - missed / planned, 6) if planned else 1.0,
            },
        )

    return coverage_weekly


def _made_from(election: Election) -> list[dg.AssetKey]:
    planned = [
        trends_key(election, area, cadence, table)
        for area in election.areas
        for cadence in Cadence
        for table in election.trends.tables(cadence)
    ]
    return [parts.key(election, "twitter", "tweets"), *planned]


def _searched(store: Store, election: Election, week: Window) -> pl.DataFrame:
    """The rows of Google Trends: a candidate x table x partition each."""
    from elec_assets.clients.trends_weekly import TrendsWeek

    frames = TrendsWeek(store, election, week).coverage()
    return pl.concat([empty(COVERAGE), *frames]).sort(order_keys(COVERAGE))
