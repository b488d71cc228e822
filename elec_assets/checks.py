"""What must be true of stored bytes: checks of candidates and weekly files, run after each materialization and by hand.

The checks of hours of tweets and of tables of Google Trends ride in the steps that make them (`assets/tweets.py`,
`assets/trends.py`); their rules are in `transforms/verification.py`, like those used here.
"""

from collections.abc import Callable, Iterator, Mapping

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
from elec_assets.domain.tables import COVERAGE, TWEETS, VOLUME, Table
from elec_assets.domain.trends import SOURCE
from elec_assets.domain.windows import Grain, Window, key_of, split
from elec_assets.resources import StoreResource, utc_now
from elec_assets.transforms import verification
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.verification import Finding

_WARNINGS = {verification.COMPLETE, verification.REGIONS_KNOWN}
_TWEETS_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.IDS_UNIQUE: "No post stands twice in the week.",
    verification.TIMES_INSIDE: "Every post belongs to the week.",
    verification.NOT_SHRUNK: "Both files of the week hold every row of its sealed hours.",
    verification.COMPLETE: "Every planned hour of the week that is over is sealed.",
}
_COVERAGE_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.IDS_UNIQUE: "Every hour of the week stands exactly once, and every unit of Google Trends once.",
    verification.COMPLETE: "Every planned unit that is over is covered (ok or empty).",
}

_VOLUME_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.KEYS_UNIQUE: "No candidate, hour and kind stands twice.",
    verification.TIMES_INSIDE: "Every hour belongs to the week.",
    verification.NOT_SHRUNK: "Both files of the week hold the same rows.",
    verification.COMPLETE: "Originals of every planned hour of the week that is over are counted.",
}
_TRENDS_CHECKS = {
    verification.COLUMNS: "Columns of every file, their order and types are those of its table.",
    verification.KEYS_UNIQUE: "No row stands twice in a file.",
    verification.TIMES_INSIDE: "Every period asked for belongs to the week.",
    verification.NOT_SHRUNK: "Both files of a table hold every row of its partitions.",
    verification.COMPLETE: "Every candidate of every planned partition that is over has an answer.",
    verification.REGIONS_KNOWN: "Codes of French regions are known ones.",
}


def election_checks(election: Election) -> list[dg.AssetChecksDefinition]:
    """The checks of one election's assets."""
    weeks, trends_weeks = partitions.weeks(election), partitions.trends_weeks(election)
    return [
        _candidates_check(election),
        _weekly_check(election, ("twitter", "weekly"), _TWEETS_CHECKS, weeks, _tweets_week),
        _weekly_check(election, ("twitter", "volume"), _VOLUME_CHECKS, weeks, _volume_week),
        _weekly_check(election, ("coverage", "weekly"), _COVERAGE_CHECKS, trends_weeks, _coverage_week),
        _weekly_check(election, (SOURCE, "weekly"), _TRENDS_CHECKS, trends_weeks, _trends_week),
    ]


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


def _weekly_check(
    election: Election,
    product: tuple[str, str],
    texts: Mapping[str, str],
    defined: dg.WeeklyPartitionsDefinition,
    look: Callable[[Store, Election, Window], list[Finding]],
) -> dg.AssetChecksDefinition:
    """The checks of one weekly asset; `texts` describes each by its name, `look` finds what is wrong with a week."""
    key = parts.key(election, *product)

    @dg.multi_asset_check(
        name="__".join((election.key, *product)) + "_checks",
        specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in texts.items()],
    )
    def weekly_checks(context: dg.AssetCheckExecutionContext, store: StoreResource) -> Iterator[dg.AssetCheckResult]:
        opened = store.open()
        weeks = _weeks(context, defined, key)
        yield from _results(key, texts, {key_of(week, Grain.WEEK): look(opened, election, week) for week in weeks})

    return weekly_checks


def _weeks(
    context: dg.AssetCheckExecutionContext, defined: dg.WeeklyPartitionsDefinition, key: dg.AssetKey
) -> list[Window]:
    """The weeks of the run; of a check run by hand, without partitions, the newest week that was built."""
    if context.has_partition_key:
        return [partitions.window(context.partition_key, Grain.WEEK)]
    if context.has_partition_key_range:
        keys = defined.get_partition_keys_in_range(context.partition_key_range)
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
    needed = ["partition", "outcome", "window_end", *COVERAGE.key]
    frame, found = _read(archive, week, COVERAGE, [*dict.fromkeys(needed)])
    if frame is None:
        return found
    searched = pl.col("source") == SOURCE
    hours = frame.filter(~searched)
    found += verification.ids_unique(hours["partition"])
    found += [
        Finding(verification.IDS_UNIQUE, f.text) for f in verification.keys_unique(frame.filter(searched), COVERAGE)
    ]
    if hours.height != len(split(week, Grain.HOUR)):
        found.append(Finding(verification.IDS_UNIQUE, f"{hours.height} rows for {len(split(week, Grain.HOUR))} hours"))
    open_ended = ~pl.col("outcome").is_in([o.value for o in Outcome if o.settled])
    gaps = frame.filter(open_ended & (pl.col("window_end") <= utc_now()))
    for units, name in ((gaps.filter(~searched), "hours"), (gaps.filter(searched), f"units of {SOURCE}")):
        if units.height:
            partition, outcome = units.select("partition", "outcome").row(0)
            text = f"{units.height} {name} with a gap, the first {partition}: {outcome}"
            found.append(Finding(verification.COMPLETE, text))
    return found


def _volume_week(store: Store, election: Election, week: Window) -> list[Finding]:
    archive = WeeklyArchive(store, election.key, VOLUME.name, VOLUME)
    frame, found = _read(archive, week, VOLUME, [*VOLUME.key, "posts"])
    if frame is None:
        return found
    found += verification.keys_unique(frame, VOLUME)
    found += verification.times_inside(frame["hour"], week)
    if not archive.csv_agrees(week, "candidate", frame["candidate"]):
        text = "the CSV holds other rows than the Parquet file beside it; build the week again"
        found.append(Finding(verification.NOT_SHRUNK, text))
    over = [h for h in split(week, Grain.HOUR) if h.end <= utc_now() and calendar.planned(election, h)]
    counted = set(frame.filter(pl.col("posts").is_not_null())["hour"])
    gaps = [key_of(hour, Grain.HOUR) for hour in over if hour.start not in counted and election.as_of(hour.start)]
    if gaps:
        text = f"{len(gaps)} of {len(over)} planned hours are not counted, the first {gaps[0]}"
        found.append(Finding(verification.COMPLETE, text))
    return found


def _trends_week(store: Store, election: Election, week: Window) -> list[Finding]:
    from elec_assets.clients.trends_weekly import PRODUCTS, TrendsWeek

    parts_of_week = TrendsWeek(store, election, week)
    rows = parts_of_week.rows()
    units = [unit for _, row in rows if row is not None for unit in row.units]
    found = []
    for product in PRODUCTS:
        least = sum(unit.rows for unit in units if unit.table == product.table.name) if product.samples else 0
        told = _trends_file(parts_of_week.archive(product), week, product.table, least)
        found += [Finding(each.check, f"{product.name}: {each.text}") for each in told]
    now = utc_now()
    over = [(place, row) for place, row in rows if place.window.end <= now]
    missing = [place for place, row in over if row is None or not all(unit.outcome.settled for unit in row.units)]
    if missing:
        text = f"{len(missing)} of {len(over)} partitions with candidates missing, the first {missing[0].coverage}"
        found.append(Finding(verification.COMPLETE, text))
    return found


def _trends_file(archive: WeeklyArchive, week: Window, table: Table, least: int) -> list[Finding]:
    """What is wrong with one file and the CSV beside it; `least` is how many rows it must have."""
    asked = ["period_start"] if "period_start" in table.names else []
    regions = ["geo", "geo_level", "geo_code"] if "geo_level" in table.names else []
    frame, found = _read(archive, week, table, [*dict.fromkeys([*table.key, *asked, *regions])])
    if frame is None:
        return found
    found += verification.keys_unique(frame, table)
    found += verification.times_inside(frame["period_start"], week) if asked else []
    found += verification.regions_known(frame) if regions else []
    found += verification.not_shrunk(frame.height, least)
    if not archive.csv_agrees(week, table.key[0], frame[table.key[0]]):
        text = "the CSV holds other rows than the Parquet file beside it; build the week again"
        found.append(Finding(verification.NOT_SHRUNK, text))
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
    key: dg.AssetKey, checks: Mapping[str, str], found: dict[str, list[Finding]]
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
