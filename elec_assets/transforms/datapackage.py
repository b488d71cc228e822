"""The Data Package (frictionless, v1) of a release: `meta/datapackage.json`, paths from the root of the dataset.

It does not lie at the root, where Kaggle takes such a file for its own metadata. To use it, copy it there:
`cp meta/datapackage.json . && frictionless validate datapackage.json` (frictionless 5 heeds no other base path).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from elec_assets.domain.tables import TABLES, Column, Kind, Table
from elec_assets.transforms.gate import Columns
from elec_assets.transforms.manifest import FileEntry

_TYPES: Mapping[Kind, dict[str, Any]] = {
    Kind.STRING: {"type": "string"},
    Kind.INTEGER: {"type": "integer"},
    Kind.FLOAT: {"type": "number"},
    Kind.BOOLEAN: {"type": "boolean", "trueValues": ["true"], "falseValues": ["false"]},
    Kind.TIME: {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S.%fZ"},
    Kind.STRINGS: {"type": "array"},
}


def datapackage(entries: Iterable[FileEntry], name: str, title: str, licence: str) -> bytes:
    """The descriptor of all tables of a release that are CSV, and of the Parquet files without their columns.

    Args:
        entries: the files of the release.
        name: of the package: lower case, `-`, `.`, `_`.
        title: for people.
        licence: its name, as Kaggle knows it.
    """
    tables = sorted((e for e in entries if e.table is not None), key=lambda e: e.path)
    package = {
        "profile": "data-package",
        "name": name,
        "title": title,
        "licenses": [{"name": licence}],
        "resources": [_resource(entry, TABLES[str(entry.table)]) for entry in tables],
    }
    return msgspec.json.format(msgspec.json.encode(package), indent=1) + b"\n"


def _resource(entry: FileEntry, table: Table) -> dict[str, Any]:
    common = {
        "name": entry.path.lower().replace("/", "-"),
        "path": entry.path,
        "description": table.description,
        "bytes": entry.bytes,
        "hash": f"sha256:{entry.sha256}",
        "table": table.name,
    }
    if entry.path.endswith(".parquet"):
        # Of type file, or frictionless 5.21 reads it as a table without a schema, and ends at the first list.
        return {"profile": "data-resource", **common, "type": "file", "format": "parquet"}
    packed = {"compression": "gz"} if entry.path.endswith(".gz") else {}
    return {
        "profile": "tabular-data-resource",
        **common,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        **packed,
        "dialect": {"delimiter": ",", "lineTerminator": "\n"},
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "missingValues": [""],
            "primaryKey": list(table.key),
        },
    }


def _field(column: Column) -> dict[str, Any]:
    # An empty text is a value here (the world has an empty geo), and no reader of CSV tells it from null.
    required = not column.nullable and column.kind is not Kind.STRING
    made = {"name": column.name, **_TYPES[column.kind], "description": column.description}
    return {**made, "constraints": {"required": True}} if required else made


def columns_of(descriptor: bytes) -> dict[str, Columns]:
    """The columns of each table of a release, for the gate, from its descriptor.

    Raises:
        ValueError: it is none.
    """
    package = msgspec.json.decode(descriptor, type=_Package)
    return {
        resource.table: tuple((field.name, field.type) for field in resource.schema.fields)
        for resource in package.resources
        if resource.schema is not None
    }


class _Field(msgspec.Struct):
    name: str
    type: str


class _Schema(msgspec.Struct):
    fields: list[_Field]


class _Resource(msgspec.Struct):
    path: str
    table: str
    schema: _Schema | None = None


class _Package(msgspec.Struct):
    resources: list[_Resource]


KAGGLE_TYPES: Mapping[Kind, str] = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.FLOAT: "decimal",
    Kind.BOOLEAN: "boolean",
    Kind.TIME: "datetime",
    Kind.STRINGS: "string",
}


# Kaggle shows no picture that lies in the dataset: it would be a broken one.
_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")


def kaggle_metadata(
    entries: Iterable[FileEntry],
    *,
    title: str,
    subtitle: str,
    card: str,
    licence: str,
    private: bool,
    keywords: Iterable[str],
    frequency: str,
    sources: str,
) -> bytes:
    """`dataset-metadata.json`, complete: see `clients/kaggle_metadata.py` for what each field may be."""
    tables = sorted((e for e in entries if e.table is not None), key=lambda e: e.path)
    form = {
        "title": title,
        "subtitle": subtitle,
        "description": _IMAGE.sub(r"The picture is in `\2`.", card),
        "isPrivate": private,
        "licenses": [{"name": licence}],
        "keywords": list(keywords),
        "expectedUpdateFrequency": frequency,
        "userSpecifiedSources": sources,
        "resources": [_info(entry, TABLES[str(entry.table)]) for entry in tables],
    }
    return msgspec.json.format(msgspec.json.encode(form), indent=1) + b"\n"


def _info(entry: FileEntry, table: Table) -> dict[str, Any]:
    what = f"{table.description} {'Week ' + entry.partition if entry.partition else 'All of it'}."
    fields = [{"name": c.name, "type": KAGGLE_TYPES[c.kind], "description": c.description} for c in table.columns]
    return {"path": entry.path, "description": what, "schema": {"fields": fields}}
