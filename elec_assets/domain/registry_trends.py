"""The plan of an election's Google Trends, from the fields of the registry.

`trends: {hourly: [...], daily: [...], weekly: [...]}` names the tables of each cadence: one left out keeps its
default, an empty list is none at all.
"""

from datetime import date

from elec_assets.domain.registry import TrendsPlan
from elec_assets.domain.registry_fields import Value, get, unique
from elec_assets.domain.trends import FIRST_EXPLICIT_HOURS, Cadence, TrendsTable

_TABLES = ", ".join(TrendsTable)


def read_trends(value: Value) -> TrendsPlan | None:
    """Which tables are made at which cadence; None, with problems noted, where it is no such plan."""
    fields = value.fields(required=(), optional=tuple(Cadence))
    if fields is None:
        return None
    default = TrendsPlan()
    named = {cadence: get(fields, cadence, _tables) for cadence in Cadence}
    tables = {cadence: default.tables(cadence) if read is None else read for cadence, read in named.items()}
    return TrendsPlan(tables[Cadence.HOURLY], tables[Cadence.DAILY], tables[Cadence.WEEKLY])


def trends_start(value: Value) -> date | None:
    """The date that daily and weekly partitions begin at."""
    day = value.day()
    if day is None or day.year >= FIRST_EXPLICIT_HOURS:
        return day
    value.reject(f"a date from {FIRST_EXPLICIT_HOURS}-01-01, before which Google Trends takes no explicit hours")
    return None


def _tables(value: Value) -> tuple[TrendsTable, ...]:
    named = unique(value.items(f"a list of the tables {_TABLES}"), _table)
    return tuple(table for table in TrendsTable if table in named)


def _table(value: Value) -> str | None:
    text = value.raw(f"one of the tables {_TABLES}")
    if text is None or text in set(TrendsTable):
        return text
    value.reject(f"one of the tables {_TABLES}")
    return None
