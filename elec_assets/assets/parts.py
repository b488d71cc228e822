"""What every asset is born with: key, group, owner, tags, column schema; and the metadata of a materialization."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

from elec_assets.clients.weekly_archive import WeeklyFile
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import Kind, Table
from elec_assets.domain.windows import iso

OWNERS = ["team:elec_assets"]
_TYPES = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "number",
    Kind.BOOLEAN: "boolean",
    Kind.TIME: "datetime (UTC, ms)",
    Kind.STRINGS: "list of strings",
}


def key(election: Election, *product: str) -> dg.AssetKey:
    """Key of an election's product: `fr_presidential_2027/twitter/tweets`."""
    # Dagster stores no string that is an enum's.
    return dg.AssetKey([election.key, *map(str, product)])


def group(election: Election, source: str | None = None) -> str:
    """Group of an election's assets, one a source."""
    return f"{election.key}_{source}" if source else election.key


def tags(election: Election, layer: str, grain: str | None = None) -> dict[str, str]:
    """Tags that the UI filters by."""
    return {"election": election.key, "layer": layer, **({"grain": str(grain)} if grain else {})}


@cache
def schema(table: Table) -> dg.TableSchema:
    """A table's columns, as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                _TYPES[column.kind],
                column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=(column.name,) == table.key),
            )
            for column in table.columns
        ]
    )


def table_metadata(table: Table, uri: str) -> dict[str, Any]:
    """Definition metadata of an asset that is a table: columns, and where its objects are."""
    return {"dagster/column_schema": schema(table), "dagster/uri": uri, "table": table.name}


def weekly_metadata(written: WeeklyFile) -> dict[str, Any]:
    """Metadata of a materialization that wrote one weekly file."""
    summary = written.summary
    times = {"first": summary.first, "last": summary.last}
    return {
        "dagster/partition_row_count": summary.rows,
        "bytes": written.size,
        "plain_sha256": summary.plain_sha256,
        "object": written.key,
        **{name: iso(moment) for name, moment in times.items() if moment is not None},
    }


def preview(records: list[dict[str, Any]], columns: Mapping[str, str]) -> dg.TableMetadataValue:
    """A few rows for the UI: ids and counts, never text."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord({name: record[name] for name in columns}) for record in records],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()]),
    )


def picture(svg: str, title: str) -> dg.MarkdownMetadataValue:
    """A small SVG for the UI."""
    import base64

    data = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{title}](data:image/svg+xml;base64,{data})")
