"""Google Trends: the five tables of an election, an area and a cadence are made together, for they share requests.

As for tweets, a table of a partition is recorded by an event of its own as soon as the partition is stored; its output
is skippable for that reason (docs/decisions/0001), and its checks ride in the same step. A refusal by Google is no
failure: the partition says what is missing and when to ask again, and a later run goes on with the next request.
"""

from collections.abc import Iterator, Mapping, Set
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.assets.candidates import admitted
from elec_assets.assets.trends_lambda import asked_by_lambda
from elec_assets.assets.trends_run import TrendsRun, never, trends_key
from elec_assets.assets.tweets import REFRESH_TAG
from elec_assets.clients.store import Store, StoreError
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.tables import TABLES
from elec_assets.domain.trends import SOURCE, Cadence, TrendsTable
from elec_assets.freshness import policy
from elec_assets.resources import TRENDS_POOL, StoreResource, TrendsResource, utc_now
from elec_assets.transforms import verification

if TYPE_CHECKING:
    from elec_assets.clients.google_trends import TrendsBackend

PARTITIONS_A_RUN: Mapping[Cadence, int] = {Cadence.HOURLY: 4, Cadence.DAILY: 1, Cadence.WEEKLY: 1}
"""One block a run, half an hour of requests and more at the pace: between two runs the pool serves the most urgent."""
_UNPACED: Mapping[Cadence, int] = {Cadence.HOURLY: 168, Cadence.DAILY: 14, Cadence.WEEKLY: 8}
_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.KEYS_UNIQUE: "No row stands twice.",
    verification.TIMES_INSIDE: "Every point lies in the partition, and the period asked for is that of its block.",
    verification.NOT_SHRUNK: "A table is replaced only by one made of more.",
    verification.COMPLETE: "Every candidate followed has an answer, be it an empty one.",
}
_REGION_CHECKS = {verification.REGIONS_KNOWN: "Codes of French regions are known ones."}
_WARNINGS = (verification.COMPLETE, verification.REGIONS_KNOWN)


def trends_asset(
    election: Election, registry: Registry, area: str, cadence: Cadence, *, active: bool, paced: bool
) -> dg.AssetsDefinition:
    """`{election}/google_trends/{area}/{cadence}/...`, subsettable; `paced` says whether a governor slows requests."""
    tables = {trends_key(election, area, cadence, table): table for table in TrendsTable}

    @dg.multi_asset(
        name=f"{election.key}__{SOURCE}__{area}__{cadence}",
        specs=[_spec(election, area, cadence, table, active=active) for table in TrendsTable],
        check_specs=[
            dg.AssetCheckSpec(name, asset=key, description=text)
            for key, table in tables.items()
            for name, text in checks_of(table).items()
        ],
        can_subset=True,
        partitions_def=partitions.trends(election, cadence),
        backfill_policy=dg.BackfillPolicy.multi_run((PARTITIONS_A_RUN if paced else _UNPACED)[cadence]),
        pool=TRENDS_POOL,
    )
    def google_trends(
        context: dg.AssetExecutionContext, store: StoreResource, trends: TrendsResource
    ) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult]:
        # These import pandas, with pytrends: only a run needs them.
        from elec_assets.clients.trends_collector import TrendsCollector, next_block_due, until_block_ends

        opened = store.open()
        admitted(opened, registry)
        yield_at = None if cadence is Cadence.HOURLY else next_block_due(utc_now())
        with _backend(trends, opened) as backend:
            collector = TrendsCollector(
                election=election,
                registry_version=registry.version,
                store=opened,
                backend=backend,
                clock=utc_now,
                elsewhere=asked_by_lambda(context, trends, opened, registry.version, yield_at),
            )
            collect = partial(
                collector.collect,
                refresh=_refresh(context),
                should_yield=never if cadence is Cadence.HOURLY else until_block_ends(utc_now),
            )
            selected = tuple(table for key, table in tables.items() if key in context.selected_asset_keys)
            run = TrendsRun(election, area, cadence, selected, collect)
            for partition in context.partition_keys:
                yield from run.made(partitions.window(partition, cadence.grain))
                context.log.info(run.said)
                if run.yielded:
                    break
        yield from _check_results(run, context.selected_asset_check_keys)
        run.raise_for_failures(asked=trends.on)

    return google_trends


@contextmanager
def _backend(trends: TrendsResource, store: Store) -> Iterator["TrendsBackend | None"]:
    """What a run asks.

    Raises:
        dg.Failure: the store cannot be used, or holds answers of another source.
    """
    with ExitStack() as stack:
        try:
            backend = stack.enter_context(trends.backend(store))
        except StoreError as error:
            raise dg.Failure(f"{error}. Nothing was asked, and nothing is changed.", allow_retries=False) from error
        yield backend


def _refresh(context: dg.AssetExecutionContext) -> datetime | None:
    """What was asked before this time is asked again, by a run with that tag; its retries go on where it stopped."""
    run = context.run
    if run.tags.get(REFRESH_TAG) != "true":
        return None
    record = context.instance.get_run_record_by_id(run.root_run_id or run.run_id)
    return utc_now() if record is None else record.create_timestamp.astimezone(UTC)


def checks_of(table: TrendsTable) -> Mapping[str, str]:
    """The checks of a table: what each says."""
    return _CHECKS | _REGION_CHECKS if table is TrendsTable.INTEREST_BY_REGION else _CHECKS


def _spec(election: Election, area: str, cadence: Cadence, table: TrendsTable, *, active: bool) -> dg.AssetSpec:
    shape = TABLES[table]
    planned = table in election.trends.tables(cadence)
    where = f"area {area} ({election.areas[area] or 'the world'})"
    by_hand = "" if planned else " Not in the plan of the election: it has no schedule, and can be made by hand."
    return dg.AssetSpec(
        trends_key(election, area, cadence, table),
        deps=[parts.key(election, "candidates")],
        description=f"Google Trends, {where}, {cadence}. {shape.description}{by_hand}",
        group_name=parts.group(election, SOURCE),
        kinds={SOURCE, "polars", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "table", cadence.grain) | {"area": area},
        metadata=parts.table_metadata(shape, f"{election.key}/data/tables/{SOURCE}/{area}/{cadence}/{table}/YYYYMMDD/"),
        freshness_policy=policy(f"{SOURCE}/{cadence}", active=active and planned),
        code_version=str(max(column.since for column in shape.columns)),
        skippable=True,
    )


def _check_results(run: TrendsRun, selected: Set[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    for check in sorted(selected, key=lambda check: (check.asset_key.path, check.name)):
        table, name = TrendsTable(check.asset_key.path[-1]), check.name
        bad = run.findings(table, name)
        told = "; ".join(f"{partition}: {text}" for partition, text in list(bad.items())[:3])
        yield dg.AssetCheckResult(
            asset_key=check.asset_key,
            check_name=name,
            passed=not bad,
            severity=dg.AssetCheckSeverity.WARN if name in _WARNINGS else dg.AssetCheckSeverity.ERROR,
            description=f"{len(bad)} of {run.count} partitions: {told}" if bad else f"{run.count} partitions hold",
            metadata={"partitions": run.count, "bad": dg.MetadataValue.json(bad)},
        )
