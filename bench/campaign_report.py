"""What `bench.campaign` found, as a report: limits and figures, and what they are made of."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.campaign_measure import Opened
from bench.campaign_sizes import Growth, Sizes
from bench.campaign_ticks import Tick, longest
from bench.report import Report, Row

LIMITS: Mapping[str, float] = {
    "asset_page_cold_s": 10,
    "asset_page_warm_s": 2,
    "tick_s": 10,
    "process_mb": 400,
    "database_gb_a_year": 3,
}
"""Promised for 18 months of three elections."""
_TABLES = 8


@dataclass(frozen=True, slots=True)
class Found:
    """All that was measured."""

    args: argparse.Namespace
    filled: Mapping[str, float]
    opened: Sequence[Opened]
    ticks: Sequence[Tick]
    freshness_s: Sequence[float]
    peaks_mb: Mapping[str, float]
    before: Sizes
    after: Sizes
    growth: Growth
    purged: Mapping[str, float]
    wrong: Sequence[str]


def report(found: Found) -> Report:
    """The report: a row a limit."""
    page = found.opened[0]
    figures = {
        "asset_page_cold_s": page.cold_s,
        "asset_page_warm_s": page.warm_s,
        "tick_s": max([*(tick.seconds for tick in found.ticks), *found.freshness_s]),
        "process_mb": max(found.peaks_mb.values()),
        "database_gb_a_year": found.growth.first_year,
    }
    rows: list[Row] = [
        {"what": name, "figure": round(figure, 2), "limit": LIMITS[name], "held": figure < LIMITS[name]}
        for name, figure in figures.items()
    ]
    return Report(
        {name: round(figure, 2) for name, figure in figures.items()},
        rows,
        notes=[*_notes(found)],
        more={
            "pages": [each.row() for each in found.opened],
            "ticks": _ticks(found),
            "memory": [{"process": name, "peak_mb": round(mb)} for name, mb in sorted(found.peaks_mb.items())],
            "tables": _tables(found),
        },
        broken=[*_broken(found, rows)],
    )


def _ticks(found: Found) -> list[Row]:
    rows: list[Row] = []
    for name, tick in sorted(longest(found.ticks).items(), key=lambda item: -item[1].seconds):
        count = sum(other.name == name for other in found.ticks)
        rows.append({"of": name, "ticks": count, "longest_s": round(tick.seconds, 2), "status": tick.status})
    longest_s = round(max(found.freshness_s), 2)
    return [*rows, {"of": "freshness (Dagster's)", "ticks": len(found.freshness_s), "longest_s": longest_s}]


def _tables(found: Found) -> list[Row]:
    return [
        {
            "table": name,
            "rows": found.before.rows_of[name],
            "mb": round(size / 1e6, 1),
            "rows_purged": found.after.rows_of[name],
            "mb_purged": round(found.after.bytes_of[name] / 1e6, 1),
        }
        for name, size in [*found.before.bytes_of.items()][:_TABLES]
    ]


def _notes(found: Found) -> Iterator[str]:
    args, grown, purged = found.args, found.growth, found.purged
    yield (
        f"{args.elections} elections, {args.months:g} months: {found.filled['instances']:,.0f} runs and events "
        f"multiplied, {found.filled['ticks']:,.0f} ticks."
    )
    yield (
        f"Database {found.before.gb:.2f} GB with {args.whole_days} days whole, {found.after.gb:.2f} GB with "
        f"{args.keep_days}. A year leaves {grown.stays:.2f} GB for good; {grown.unpurged:.2f} GB without any purge."
    )
    yield (
        f"The purge forgot {purged['runs']:,.0f} runs and {purged['events']:,.0f} events in {purged['s']:.0f} s, and "
        f"kept {purged['kept']:,.0f} of their materializations."
    )


def _broken(found: Found, rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if not row["held"]:
            yield f"{row['what']} is {row['figure']}, the limit {row['limit']}"
    yield from found.wrong
    for tick in found.ticks:
        if tick.status == "FAILURE":
            yield f"a tick of {tick.name} failed: {tick.error}"
