"""Coverage rows of the tweet hours: one JSON object an hour, and the weekly coverage table made of them.

Pure, and a function of the hour's raw objects and plan alone: no clock and no run id inside.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
import polars as pl

from elec_assets.domain import calendar
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.outcomes import Outcome, worst
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, SCHEMA_VERSION
from elec_assets.domain.windows import Grain, Window, iso, key_of, split
from elec_assets.transforms.frames import conform, polars_schema

TWITTER = "twitter"
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class CoverageUnreadable(ValueError):
    """A stored coverage row is not one that this version can read."""


class HourCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What was planned, captured, filled and missed of an hour of tweets, in seconds, and why.

    `captured` and `missed` are the spans of that time; the rest of what was planned is filled. `strays` are posts of
    other hours in what was read; `outside` posts received in its slots whose hour lies outside the election's
    collection, and which are in no table. `batches` is how many batches of live capture hold lines for the hour.
    `capture_first` and `capture_all` tell the objects of capture that it was made of, see
    `capture_coverage.CaptureObjects`. `counted` and `held`: see `completeness`; null where nothing was compared.
    """

    schema_version: int = SCHEMA_VERSION
    election: str
    source: str = TWITTER
    table: str = "tweets"
    partition: str
    outcome: Outcome
    planned_s: Seconds
    captured_s: Seconds
    filled_s: Seconds
    missed_s: Seconds
    retweets_missed_s: Seconds
    missed: list[list[str]]
    reason: str | None
    rows: Count
    received: Count
    duplicates: Count
    strays: Count
    rejects: Count
    raw_objects: Count
    queries: Count
    # What follows came with live capture: rows of before are read without.
    batches: Count = 0
    outside: Count = 0
    captured: list[list[str]] = []
    capture_first: str = ""
    capture_all: str = ""
    counted: Count | None = None
    held: Count | None = None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What sealing counted, and which objects of capture it was given."""

    rows: int
    received: int
    duplicates: int
    strays: int
    rejects: int
    raw_objects: int
    queries: int
    batches: int = 0
    outside: int = 0
    capture_first: str = ""
    capture_all: str = ""
    counted: int | None = None
    held: int | None = None


def hour_coverage(
    election: str,
    hour: Window,
    *,
    planned: Intervals,
    captured: Intervals,
    filled: Intervals,
    causes: Mapping[Outcome, str],
    counts: Counts,
) -> HourCoverage:
    """The coverage row of one hour."""
    captured_here = planned & captured
    filled_here = (planned & filled) - captured_here
    missed = planned - captured_here - filled_here
    outcome = _outcome(planned, missed, causes, counts.rows)
    return HourCoverage(
        election=election,
        partition=key_of(hour, Grain.HOUR),
        outcome=outcome,
        planned_s=planned.seconds,
        captured_s=captured_here.seconds,
        filled_s=filled_here.seconds,
        missed_s=missed.seconds,
        retweets_missed_s=(planned - captured_here).seconds,
        missed=_spans(missed),
        captured=_spans(captured_here),
        reason=_reason(missed, outcome, causes),
        **msgspec.structs.asdict(counts),
    )


def _spans(time: Intervals) -> list[list[str]]:
    return [[iso(w.start), iso(w.end)] for w in time.windows()]


def _outcome(planned: Intervals, missed: Intervals, causes: Mapping[Outcome, str], rows: int) -> Outcome:
    if not planned:
        return Outcome.NOT_PLANNED
    if missed:
        return worst(set(causes))
    return Outcome.OK if rows else Outcome.EMPTY


def _reason(missed: Intervals, outcome: Outcome, causes: Mapping[Outcome, str]) -> str | None:
    if not missed:
        return None
    return causes.get(outcome) or "not asked yet, or asked before X could find the newest posts; run again"


def encode(row: HourCoverage) -> bytes:
    """The row as stored: JSON with fields in their fixed order."""
    return encode_row(row)


def decode(data: bytes, key: str) -> HourCoverage:
    """A stored row.

    Raises:
        CoverageUnreadable: it is damaged or of a newer version; the text names the object.
    """
    return decode_row(data, HourCoverage, key, "seal the hour again")


class _Stored(Protocol):
    @property
    def schema_version(self) -> int: ...


Row = TypeVar("Row", bound=_Stored)


def encode_row(row: _Stored) -> bytes:
    """A coverage row of any source as stored: JSON with fields in their fixed order."""
    return msgspec.json.format(msgspec.json.encode(row), indent=1) + b"\n"


def decode_row(data: bytes, kind: type[Row], key: str, todo: str) -> Row:
    """A stored coverage row of any source; `todo` says how a damaged one is mended.

    Raises:
        CoverageUnreadable: it is damaged or of a newer version; the text names the object.
    """
    try:
        row = msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise CoverageUnreadable(f"{key}: not a coverage row ({error}); {todo}") from error
    if row.schema_version > SCHEMA_VERSION:
        raise CoverageUnreadable(
            f"{key}: schema version {row.schema_version}, this program reads up to {SCHEMA_VERSION}; upgrade"
        )
    return row


def week_table(election: Election, week: Window, rows: Iterable[HourCoverage]) -> pl.DataFrame:
    """The coverage table of a week: every hour of it once, also those that have no row (`not_run`, `not_planned`)."""
    stored = {row.partition: row for row in rows}
    records = []
    for hour in split(week, Grain.HOUR):
        row = hour_row(election, hour, stored.get(key_of(hour, Grain.HOUR)))
        records.append(_record(row, hour))
    return conform(pl.DataFrame(records, schema=polars_schema(COVERAGE), orient="row"), COVERAGE)


def hour_row(election: Election, hour: Window, stored: HourCoverage | None) -> HourCoverage:
    """The coverage of an hour: its stored row, or what it is without one: `not_run` if planned, else `not_planned`."""
    return _absent(election, hour) if stored is None else stored


def _absent(election: Election, hour: Window) -> HourCoverage:
    planned = calendar.planned(election, hour)
    none = Counts(rows=0, received=0, duplicates=0, strays=0, rejects=0, raw_objects=0, queries=0)
    row = hour_coverage(election.key, hour, planned=planned, captured=NOWHERE, filled=NOWHERE, causes={}, counts=none)
    outcome = Outcome.NOT_RUN if planned else Outcome.NOT_PLANNED
    reason = "planned, and no run has sealed it" if planned else None
    return msgspec.structs.replace(row, outcome=outcome, reason=reason)


def _record(row: HourCoverage, hour: Window) -> dict[str, Any]:
    covered = row.captured_s + row.filled_s
    sealed = row.outcome not in (Outcome.NOT_RUN, Outcome.NOT_PLANNED)
    values = {
        "election": row.election,
        "source": row.source,
        "table": row.table,
        "area": None,
        "window": None,
        "candidate": None,
        "partition": row.partition,
        "window_start": hour.start,
        "window_end": hour.end,
        "outcome": row.outcome.value,
        "planned_s": row.planned_s,
        "captured_s": row.captured_s,
        "filled_s": row.filled_s,
        "missed_s": row.missed_s,
        "retweets_missed_s": row.retweets_missed_s,
        "weight_originals": 3600 / covered if covered else None,
        "weight_retweets": 3600 / row.captured_s if row.captured_s else None,
        "rows": row.rows if sealed else None,
        "rejects": row.rejects if sealed else None,
        "reason": row.reason,
    }
    return {name: values[name] for name in COVERAGE.names}
