"""What must be true of stored bytes: checks of candidates and weekly files, run after each materialization and by hand.

The checks of the hours ride in the step that seals them (`assets/tweets.py`); their rules are in
`transforms/verification.py`, like those used here.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive, WeeklyDamaged
from elec_assets.domain import calendar, layout
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, TWEETS, Table
from elec_assets.domain.windows import Grain, Window, key_of, split
from elec_assets.resources import StoreResource, utc_now
from elec_assets.transforms import verification
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.verification import Finding

_WARNINGS = {verification.COMPLETE}
_TWEETS_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.IDS_UNIQUE: "No post stands twice in the week.",
    verification.TIMES_INSIDE: "Every post belongs to the week.",
    verification.NOT_SHRUNK: "Both files of the week hold every row of its sealed hours.",
    verification.COMPLETE: "Every planned hour of the week that is over is sealed.",
}
_COVERAGE_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.IDS_UNIQUE: "Every hour of the week stands exactly once.",
    verification.COMPLETE: "Every planned hour that is over is covered (ok or empty).",
}


def election_checks(election: Election) -> list[dg.AssetChecksDefinition]:
    """The checks of one election's assets."""
    return [_candidates_check(election), _tweets_check(election), _coverage_check(election)]


def _candidates_check(election: Election) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=parts.key(election, "candidates"),
        name="all_listed",
        description="The stored table lists every candidate of the registry once.",
    )
    def all_listed(store: StoreResource) -> dg.AssetCheckResult:
        data = store.open().find(layout.candidates_table(election.key))
        listed = [] if data is None else pl.read_csv(data, infer_schema=False)["candidate"].to_list()
        missing = sorted(set(election.candidates) - set(listed))
        passed = not missing and len(listed) == len(set(listed))
        said = f"missing: {', '.join(missing)}" if missing else f"{len(listed)} listed"
        return dg.AssetCheckResult(passed=passed, description=said, metadata={"listed": len(listed)})

    return all_listed


def _tweets_check(election: Election) -> dg.AssetChecksDefinition:
    key = parts.key(election, "twitter", "weekly")

    @dg.multi_asset_check(
        name=f"{election.key}__twitter__weekly_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _TWEETS_CHECKS.items()],
    )
    def tweets_weekly_checks(
        context: dg.AssetCheckExecutionContext, store: StoreResource
    ) -> Iterator[dg.AssetCheckResult]:
        opened = store.open()
        weeks = _weeks(context, election, key)
        found = {key_of(week, Grain.WEEK): _tweets_week(opened, election, week) for week in weeks}
        yield from _results(key, _TWEETS_CHECKS, found)

    return tweets_weekly_checks


def _coverage_check(election: Election) -> dg.AssetChecksDefinition:
    key = parts.key(election, "coverage", "weekly")

    @dg.multi_asset_check(
        name=f"{election.key}__coverage__weekly_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _COVERAGE_CHECKS.items()],
    )
    def coverage_weekly_checks(
        context: dg.AssetCheckExecutionContext, store: StoreResource
    ) -> Iterator[dg.AssetCheckResult]:
        opened = store.open()
        weeks = _weeks(context, election, key)
        found = {key_of(week, Grain.WEEK): _coverage_week(opened, election, week) for week in weeks}
        yield from _results(key, _COVERAGE_CHECKS, found)

    return coverage_weekly_checks


def _weeks(context: dg.AssetCheckExecutionContext, election: Election, key: dg.AssetKey) -> list[Window]:
    """The weeks of the run; of a check run by hand, without partitions, the newest week that was built."""
    if context.has_partition_key:
        return [partitions.window(context.partition_key, Grain.WEEK)]
    if context.has_partition_key_range:
        keys = partitions.weeks(election).get_partition_keys_in_range(context.partition_key_range)
    else:
        keys = sorted(context.instance.get_materialized_partitions(key))[-1:]
    return [partitions.window(k, Grain.WEEK) for k in keys]


def _tweets_week(store: Store, election: Election, week: Window) -> list[Finding]:
    archive = WeeklyArchive(store, election.key, "twitter", TWEETS)
    frame, found = _read(archive, week, TWEETS, ["tweet_id", "created_at"])
    if frame is None:
        return found
    hours = TweetArchive(store, election.key)
    rows = {hour: row for hour in split(week, Grain.HOUR) if (row := hours.coverage(hour)) is not None}
    found += verification.ids_unique(frame["tweet_id"])
    found += verification.times_inside(frame["created_at"], week)
    found += verification.not_shrunk(frame.height, sum(row.rows for row in rows.values()))
    if not archive.csv_agrees(week, "tweet_id", frame["tweet_id"]):
        text = "the CSV holds other rows than the Parquet file beside it; build the week again"
        found.append(Finding(verification.NOT_SHRUNK, text))
    over = [hour for hour in split(week, Grain.HOUR) if hour.end <= utc_now()]
    planned = [hour for hour in over if calendar.planned(election, hour)]
    unsealed = [key_of(hour, Grain.HOUR) for hour in planned if hour not in rows or _nothing_known(rows[hour])]
    if unsealed:
        text = f"{len(unsealed)} of {len(planned)} planned hours are not sealed, the first {unsealed[0]}"
        found.append(Finding(verification.COMPLETE, text))
    return found


def _nothing_known(row: HourCoverage) -> bool:
    """Whether all that was asked for an hour was refused: it has a coverage row, and no table."""
    return row.missed_s == row.planned_s > 0 and not row.rows


def _coverage_week(store: Store, election: Election, week: Window) -> list[Finding]:
    archive = WeeklyArchive(store, election.key, "coverage", COVERAGE)
    frame, found = _read(archive, week, COVERAGE, ["partition", "outcome", "window_end"])
    if frame is None:
        return found
    found += verification.ids_unique(frame["partition"])
    open_ended = ~pl.col("outcome").is_in([o.value for o in Outcome if o.settled])
    gaps = frame.filter(open_ended & (pl.col("window_end") <= utc_now()))
    if frame.height != len(split(week, Grain.HOUR)):
        found.append(Finding(verification.IDS_UNIQUE, f"{frame.height} rows for {len(split(week, Grain.HOUR))} hours"))
    if gaps.height:
        first = gaps.row(0)
        found.append(
            Finding(verification.COMPLETE, f"{gaps.height} hours with a gap, the first {first[0]}: {first[1]}")
        )
    return found


def _read(
    archive: WeeklyArchive, week: Window, table: Table, needed: list[str]
) -> tuple[pl.DataFrame | None, list[Finding]]:
    """The columns that further rules need, None where they cannot be judged; and what is wrong with the columns."""
    try:
        schema, frame = archive.schema(week), None
        if schema is None:
            return None, [Finding(verification.COLUMNS, "there is no weekly file")]
        expected = polars_schema(table)
        if all(schema.get(name) == expected[name] for name in needed):
            frame = archive.read(week, needed)
    except WeeklyDamaged:
        return None, [Finding(verification.COLUMNS, "the weekly file is damaged")]
    return frame, verification.columns(schema, table)


def _results(
    key: dg.AssetKey, checks: dict[str, str], found: dict[str, list[Finding]]
) -> Iterator[dg.AssetCheckResult]:
    for name in checks:
        said = {week: [f.text for f in findings if f.check == name] for week, findings in found.items()}
        bad = {week: "; ".join(texts) for week, texts in said.items() if texts}
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not bad,
            severity=dg.AssetCheckSeverity.WARN if name in _WARNINGS else dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{week}: {text}" for week, text in bad.items()) or f"{len(found)} weeks hold",
            metadata={"weeks": len(found), "bad": dg.MetadataValue.json(bad)},
        )
