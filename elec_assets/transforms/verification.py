"""What must be true of a table, as findings in words: the checks of hours and weeks are made of these. Pure."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from elec_assets.domain.tables import TWEETS, Table
from elec_assets.domain.windows import Window, iso
from elec_assets.transforms.completeness import is_suspicious
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.trends_regions import unknown_regions


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that does not hold: which check, and what was found."""

    check: str
    text: str


COLUMNS = "columns"
IDS_UNIQUE = "ids_unique"
TIMES_INSIDE = "times_inside_window"
NOT_SHRUNK = "not_shrunk"
COMPLETE = "complete"
COMPLETENESS = "completeness"
KEYS_UNIQUE = "keys_unique"
REGIONS_KNOWN = "regions_known"
HOUR_CHECKS = (COLUMNS, IDS_UNIQUE, TIMES_INSIDE, NOT_SHRUNK, COMPLETE, COMPLETENESS)
SUSPICIONS = (COMPLETE, COMPLETENESS)
"""Checks of hours that tell of missing posts: an hour is stored all the same."""


def columns(found: pl.Schema, table: Table) -> list[Finding]:
    """Names, order and types are those of the table."""
    expected = polars_schema(table)
    wrong = [f"{name} is {found.get(name)}, not {kind}" for name, kind in expected.items() if found.get(name) != kind]
    wrong += [f"{name} is not a column of {table.name}" for name in found if name not in expected]
    if not wrong and list(found) != list(expected):
        wrong = ["the order of columns differs"]
    return [Finding(COLUMNS, "; ".join(wrong))] if wrong else []


def ids_unique(ids: pl.Series) -> list[Finding]:
    """No post stands twice."""
    twice = ids.filter(ids.is_duplicated()).unique().sort()
    if not len(twice):
        return []
    return [Finding(IDS_UNIQUE, f"{len(twice)} ids stand more than once, the first {twice[0]}")]


def keys_unique(frame: pl.DataFrame, table: Table) -> list[Finding]:
    """No row stands twice; of a table with all columns of its key."""
    twice = frame.filter(frame.select(table.key).is_duplicated())
    if twice.is_empty():
        return []
    first = ", ".join(str(value) for value in twice.select(table.key).row(0))
    return [Finding(KEYS_UNIQUE, f"{twice.height} rows share their {', '.join(table.key)} with another, first {first}")]


def regions_known(frame: pl.DataFrame) -> list[Finding]:
    """Codes of French regions in rows of `interest_by_region` are old or new ones; others are new to this project."""
    unknown = unknown_regions(frame)
    if not unknown:
        return []
    return [
        Finding(REGIONS_KNOWN, f"unknown codes of French regions: {', '.join(unknown)}; add them to fr_regions.csv")
    ]


def times_inside(times: pl.Series, window: Window) -> list[Finding]:
    """Every post belongs to the window."""
    outside = times.filter((times < window.start) | (times >= window.end))
    if not len(outside):
        return []
    first = outside[0]
    shown = iso(first) if isinstance(first, datetime) else str(first)
    return [Finding(TIMES_INSIDE, f"{len(outside)} rows lie outside {window}, the first at {shown}")]


def not_shrunk(rows: int, before: int | None) -> list[Finding]:
    """A table is replaced only by one made of more."""
    if before is None or rows >= before:
        return []
    return [Finding(NOT_SHRUNK, f"{rows} rows, {before} before")]


def of_hour(frame: pl.DataFrame, hour: Window, row: HourCoverage, before: int | None) -> list[Finding]:
    """What is wrong with a sealed hour of tweets: its rows, its coverage row, and how many rows it had before."""
    found = columns(frame.schema, TWEETS)
    found += ids_unique(frame["tweet_id"])
    found += times_inside(frame["created_at"], hour)
    found += not_shrunk(frame.height, before)
    if row.missed_s:
        found.append(Finding(COMPLETE, f"{row.missed_s:.0f} s missing: {row.outcome} ({row.reason})"))
    if row.counted is not None and row.held is not None and is_suspicious(row.counted, row.held):
        found.append(Finding(COMPLETENESS, _suspicion(row.counted, row.held)))
    return found


def _suspicion(counted: int, held: int) -> str:
    return (
        f"X counted at least {counted} posts in covered time, and {counted - held} of them are not held; "
        "run the hour again with the tag elec/refresh=true, which searches all of it"
    )
