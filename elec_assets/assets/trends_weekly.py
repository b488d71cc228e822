"""The weekly files of Google Trends: all partitions of an ISO week, in order, as gzipped CSV with Parquet beside it.

Partitions that are missing never block them: a file holds what there is, and a check names what is missing.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from elec_assets import partitions
from elec_assets.assets import parts, trends_records
from elec_assets.assets.trends_run import trends_key
from elec_assets.clients.weekly_archive import WeeklyFile
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import CALIBRATED_INTEREST, SCHEMA_VERSION, TABLES
from elec_assets.domain.trends import SOURCE, Cadence, TrendsTable
from elec_assets.domain.windows import Grain, iso
from elec_assets.freshness import policy
from elec_assets.resources import StoreResource


def trends_weekly_asset(election: Election, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/google_trends/weekly`."""
    mapping = partitions.week_of_parts()
    made_from = [
        dg.AssetDep(trends_key(election, area, cadence, table), partition_mapping=mapping)
        for area in election.areas
        for cadence in Cadence
        for table in TrendsTable
    ]
    shapes = {f"columns of {table}": parts.schema(TABLES[table]) for table in TrendsTable}

    @dg.asset(
        key=parts.key(election, SOURCE, "weekly"),
        partitions_def=partitions.trends_weeks(election),
        deps=made_from,
        description=(
            "Google Trends of an ISO week, one file a table: `weekly/google_trends/{table}/GGGG_WW.csv.gz`, `.parquet` "
            "beside it. Hours, days and the week itself, of all areas; the latest sample, all of them in "
            "`{table}_samples`; every HTTP exchange in `requests`. Built on Tuesday 02:00 UTC, again at most once a "
            "day while partitions of the week change."
        ),
        group_name=parts.group(election, SOURCE),
        kinds={"polars", "csv", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "weekly", "week"),
        metadata={
            **parts.table_metadata(CALIBRATED_INTEREST, f"{election.key}/weekly/{SOURCE}/"),
            **{name: dg.MetadataValue.table_schema(shape) for name, shape in shapes.items()},
        },
        freshness_policy=policy(f"{SOURCE}/rollup", active=active and _planned(election)),
        code_version=str(SCHEMA_VERSION),
    )
    def trends_weekly(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult[None]:
        from elec_assets.clients.trends_weekly import PRODUCTS, TrendsWeek

        window = partitions.window(context.partition_key, Grain.WEEK)
        week = TrendsWeek(store.open(), election, window)
        written = {product.name: week.write(product) for product in PRODUCTS}
        drawn = week.archive(next(p for p in PRODUCTS if p.table is CALIBRATED_INTEREST)).read(window)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(_version(written.values())),
            metadata=_described(written) | ({} if drawn is None else trends_records.week_pictures(drawn)),
        )

    return trends_weekly


def _planned(election: Election) -> bool:
    return any(election.trends.tables(cadence) for cadence in Cadence)


def _version(files: Iterable[WeeklyFile]) -> str:
    """First 16 hex digits of the sha256 over those of all files."""
    import hashlib

    return hashlib.sha256(" ".join(file.summary.plain_sha256 for file in files).encode()).hexdigest()[:16]


def _described(written: dict[str, WeeklyFile]) -> dict[str, Any]:
    files = [
        {"table": name, "rows": file.summary.rows, "bytes": file.size, "object": file.key}
        for name, file in written.items()
    ]
    times = [moment for file in written.values() for moment in (file.summary.first, file.summary.last) if moment]
    columns = {"table": "string", "rows": "integer", "bytes": "integer", "object": "string"}
    return {
        "dagster/partition_row_count": sum(f.summary.rows for n, f in written.items() if not n.endswith("_samples")),
        "bytes": sum(file.size for file in written.values()),
        "files": parts.preview(files, columns),
        "plain_sha256": dg.MetadataValue.json({name: file.summary.plain_sha256 for name, file in written.items()}),
        **({"first": iso(min(times)), "last": iso(max(times))} if times else {}),
    }
