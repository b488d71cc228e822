"""The Croissant description (JSON-LD, 1.0) of a release: `meta/croissant.json`, for loaders of machine learning.

Its record sets are whole histories, one a table: the Parquet files, and the tables that are plain CSV.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from elec_assets.domain.tables import SCHEMA_VERSION, TABLES, Column, Kind, Table
from elec_assets.transforms.manifest import FileEntry

_CR, _SC = "http://mlcommons.org/croissant/", "https://schema.org/"
_TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": _SC,
    **{term: f"cr:{term}" for term in _TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": _CR,
    "rai": f"{_CR}RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": _SC,
}
"""The context of version 1.0, as mlcroissant 1.1 wants it: two terms more than the specification's own."""
_TYPES = {
    Kind.STRING: "sc:Text",
    Kind.INTEGER: "sc:Integer",
    Kind.FLOAT: "sc:Float",
    Kind.BOOLEAN: "sc:Boolean",
    Kind.TIME: "sc:DateTime",
    Kind.STRINGS: "sc:Text",
}
_FORMATS = {".parquet": "application/x-parquet", ".csv": "text/csv"}


def croissant(entries: Iterable[FileEntry], *, title: str, description: str, url: str, cite: str, day: str) -> bytes:
    """The description of a release.

    Args:
        entries: its files.
        title: of the dataset.
        description: one paragraph.
        url: where the dataset is.
        cite: how to cite it.
        day: last day of the release's week, `2027-02-07`.
    """
    whole = sorted((e for e in entries if e.table is not None and _format(e) is not None), key=lambda e: e.path)
    made = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{_CR}1.0",
        "name": title,
        "description": description,
        "url": url,
        "citeAs": cite,
        "license": url,
        "datePublished": day,
        "version": f"{SCHEMA_VERSION}.0.0",
        "isLiveDataset": True,
        "distribution": [_file(entry) for entry in whole],
        "recordSet": [_records(entry, TABLES[str(entry.table)]) for entry in whole],
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def _format(entry: FileEntry) -> str | None:
    return next((kind for suffix, kind in _FORMATS.items() if entry.path.endswith(suffix)), None)


def _file(entry: FileEntry) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": entry.path,
        "name": entry.path,
        "contentUrl": f"../{entry.path}",
        "contentSize": f"{entry.bytes} B",
        "encodingFormat": _format(entry),
        "sha256": entry.sha256,
    }


def _records(entry: FileEntry, table: Table) -> dict[str, Any]:
    name = entry.path.rpartition(".")[0].replace("/parquet/", "/")
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": table.description,
        "key": [{"@id": f"{name}/{column}"} for column in table.key],
        "field": [_field(column, name, entry.path) for column in table.columns],
    }


def _field(column: Column, records: str, path: str) -> dict[str, Any]:
    made = {
        "@type": "cr:Field",
        "@id": f"{records}/{column.name}",
        "name": column.name,
        "description": column.description,
        "dataType": _TYPES[column.kind],
        "source": {"fileObject": {"@id": path}, "extract": {"column": column.name}},
    }
    return {**made, "repeated": True} if column.kind is Kind.STRINGS and path.endswith(".parquet") else made
