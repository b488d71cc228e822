"""What a materialization of a table of Google Trends shows: ids and numbers, no query; and what its checks find."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from elec_assets.assets import parts
from elec_assets.domain.tables import TABLES
from elec_assets.domain.trends import Cadence, TrendsTable, block_of
from elec_assets.domain.windows import iso
from elec_assets.transforms import charts_trends, verification
from elec_assets.transforms.verification import Finding

if TYPE_CHECKING:
    from elec_assets.clients.trends_collected import CollectedPartition, CollectedTable

_MISSING_TOLD = 5
_PREVIEWS: Mapping[TrendsTable, tuple[str, ...]] = {
    TrendsTable.INTEREST_OVER_TIME: ("candidate_id", "ts", "value", "level", "request_id"),
    TrendsTable.INTEREST_BY_REGION: ("candidate_id", "rank", "geo_code", "value", "level"),
    TrendsTable.RELATED_TOPICS: ("candidate_id", "list", "rank", "topic_mid", "value"),
    TrendsTable.RELATED_QUERIES: ("candidate_id", "list", "rank", "value", "is_breakout"),
    TrendsTable.CALIBRATED_INTEREST: ("candidate_id", "ts", "rel_index", "share", "quality"),
}
_PICTURES = {
    TrendsTable.INTEREST_OVER_TIME: charts_trends.interest_curves,
    TrendsTable.INTEREST_BY_REGION: charts_trends.region_bars,
    TrendsTable.RELATED_TOPICS: charts_trends.related_bars,
    TrendsTable.RELATED_QUERIES: charts_trends.related_bars,
    TrendsTable.CALIBRATED_INTEREST: charts_trends.calibrated_curves,
}


def described(done: "CollectedPartition", table: "CollectedTable") -> dict[str, Any]:
    """Metadata of a table's materialization: counts, times, outcomes, what is missing, a preview and a picture."""
    told: dict[str, Any] = {
        "dagster/partition_row_count": table.rows,
        "outcome": done.row.outcome.value,
        "candidates": dg.MetadataValue.json({o.value: n for o, n in sorted(table.outcomes.items())}),
        "requests": done.requests,
        **_missing(done, table),
    }
    if table.stored:
        told |= {"samples": dg.MetadataValue.json(list(table.samples)), "bytes": table.size, "object": table.key}
    if table.closure is not None:
        told["loop_closure_triangles"] = table.closure.triangles
        told |= {
            f"loop_closure_{name}_pct": round(100 * value, 3)
            for name, value in (("median", table.closure.median), ("worst", table.closure.worst))
            if value is not None
        }
    if table.frame is not None and table.frame.height:
        told |= _shown(table.table, table.frame)
    return told


def picture(table: TrendsTable, frame: pl.DataFrame) -> dict[str, Any]:
    """The picture of a table's rows, where there are any."""
    return {} if frame.is_empty() else {"picture": parts.picture(_PICTURES[table](frame), table.value)}


def week_pictures(calibrated: pl.DataFrame) -> dict[str, Any]:
    """A picture an area of a week's `calibrated_interest`: of the week as one partition, else of its days."""
    told = {}
    for area in calibrated["area"].unique().sort():
        rows = calibrated.filter(pl.col("area") == area)
        found = [rows.filter(pl.col("window") == cadence.value) for cadence in (Cadence.WEEKLY, Cadence.DAILY)]
        shown = next((frame for frame in found if frame.height), None)
        if shown is not None:
            told[f"calibrated_{area}"] = parts.picture(charts_trends.calibrated_curves(shown), f"searches, {area}")
    return told


def findings(done: "CollectedPartition", table: TrendsTable) -> list[Finding]:
    """What is wrong with a table of a partition."""
    found = done.tables.get(table)
    if found is None:
        return []
    told = list(found.findings)
    if found.missing:
        first = found.missing[0]
        text = f"{len(found.missing)} candidates missing, the first {first.candidate}: {first.outcome}"
        told.append(Finding(verification.COMPLETE, text + (f", {first.reason}" if first.reason else "")))
    if found.frame is not None and found.frame.height:
        told += verification.keys_unique(found.frame, TABLES[table])
        told += _times(done, found.frame)
        if table is TrendsTable.INTEREST_BY_REGION:
            told += verification.regions_known(found.frame)
    return told


def _times(done: "CollectedPartition", frame: pl.DataFrame) -> list[Finding]:
    place = done.place
    block = block_of(place.window, place.cadence.grain)
    told = verification.times_inside(frame["period_start"], block)
    return told + (verification.times_inside(frame["ts"], place.window) if "ts" in frame.columns else [])


def _missing(done: "CollectedPartition", table: "CollectedTable") -> dict[str, Any]:
    told: dict[str, Any] = {}
    if table.missing:
        told["missing"] = len(table.missing)
        told["missing_candidates"] = dg.MetadataValue.json(
            {unit.candidate: f"{unit.outcome}: {unit.reason}" for unit in table.missing[:_MISSING_TOLD]}
        )
    if done.pending:
        told["pending"] = "; ".join(done.pending)
    if done.stopped_by is not None:
        told["stopped_by"] = done.stopped_by
    if done.resume_at is not None:
        told["resume_at"] = iso(done.resume_at)
    return told


def _shown(table: TrendsTable, frame: pl.DataFrame) -> dict[str, Any]:
    column = "ts" if "ts" in frame.columns else "fetched_at"
    first, last = frame.select(first=pl.col(column).min(), last=pl.col(column).max()).row(0)
    names = _PREVIEWS[table]
    head = frame.head(5).select(names)
    rows = [{name: _short(value) for name, value in row.items()} for row in head.to_dicts()]
    return {
        "first": iso(first),
        "last": iso(last),
        "preview": parts.preview(rows, dict.fromkeys(names, "string")),
        **picture(table, frame),
    }


def _short(value: object) -> object:
    """A time as text, a number as short as a page is wide."""
    if isinstance(value, datetime):
        return iso(value)
    return round(value, 4) if isinstance(value, float) else value
