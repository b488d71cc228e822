"""The data dictionary: every table of `domain/tables.py` as Markdown. `make docs` writes docs/data-dictionary.md."""

import sys
from collections.abc import Iterable

from elec_assets.domain.tables import SCHEMA_VERSION, TABLES, Column, Table

_HEAD = f"""\
# Data dictionary

{{made}}chema version {SCHEMA_VERSION}. Columns keep their order; new
ones come at the end of a table. Times are UTC, in CSV as `2027-02-01T13:04:05.123Z`. Lists are lists in Parquet and
JSON arrays in CSV. In CSV, null is nothing and an empty text is `""`. Read id columns as text:
`pandas.read_csv(path, dtype={{"tweet_id": str}})`, `polars.read_csv(path, schema_overrides={{"tweet_id": pl.String}})`.
"""


_MADE = "Made by `make docs` from `elec_assets/domain/tables.py`; s"


def data_dictionary() -> str:
    """The whole dictionary."""
    return _dictionary(TABLES.values(), _MADE)


def release_dictionary(tables: Iterable[Table]) -> str:
    """The dictionary of the tables of a release, in the given order."""
    return _dictionary(tables, "S")


def _dictionary(tables: Iterable[Table], made: str) -> str:
    return "\n".join([_HEAD.replace("{made}", made), *(_table(table) for table in tables)])


def _table(table: Table) -> str:
    rows = "\n".join(_row(column) for column in table.columns)
    return (
        f"## {table.name}\n\n{table.description} Key: {', '.join(table.key)}. Sorted by: {', '.join(table.order)}.\n\n"
        f"| column | type | null | meaning | since |\n|---|---|---|---|---|\n{rows}\n"
    )


def _row(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    meaning = column.description.replace("|", "\\|")
    return f"| `{column.name}` | {column.kind} | {null} | {meaning} | {column.since} |"


if __name__ == "__main__":
    sys.stdout.write(data_dictionary())
