"""Coverage of Google Trends: what became of every candidate and table of a partition, as one stored row.

Like the rows of tweets it holds no clock and no run id. Exchanges that led to no document are kept here, since
nothing else remembers them.
"""

from collections.abc import Collection, Iterable, Mapping

import msgspec
import polars as pl

from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome, worst
from elec_assets.domain.tables import COVERAGE, SCHEMA_VERSION
from elec_assets.domain.trends import NEEDS, SOURCE, Cadence, TrendsTable
from elec_assets.domain.windows import epoch_ms, key_of
from elec_assets.transforms.coverage import Count, decode_row, encode_row
from elec_assets.transforms.frames import from_rows
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.trends_answers import Level, Verdict, judge
from elec_assets.transforms.trends_documents import Failure, RawTrendsDocument
from elec_assets.transforms.trends_explore import TrendsUnreadable

Units = Mapping[TrendsTable, Collection[str]]
"""Candidates by table."""
Causes = Mapping[tuple[TrendsTable, str], tuple[Outcome, str]]
"""Why a candidate of a table is not whole: the outcome, and a sentence."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one candidate of one table."""

    table: TrendsTable
    candidate: str
    outcome: Outcome
    rows: Count
    reason: str | None = None


class TrendsCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """A partition of one area and cadence. `resume_at` (UTC text) is when Google may be asked again, if it refused."""

    schema_version: int = SCHEMA_VERSION
    election: str
    source: str = SOURCE
    area: str
    window: Cadence
    partition: str
    outcome: Outcome
    resume_at: str | None
    units: tuple[Unit, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def settled_share(self) -> float:
        """Part of the units about which nothing remains to be asked, 0 to 1."""
        return sum(unit.outcome.settled for unit in self.units) / len(self.units) if self.units else 1.0


def answered(documents: Iterable[RawTrendsDocument]) -> dict[TrendsTable, set[str]]:
    """Candidates by table that have an answer, be it an empty one; documents that cannot be read are none."""
    found: dict[TrendsTable, set[str]] = {table: set() for table in TrendsTable}
    for document in documents:
        try:
            verdict = judge(document)
        except TrendsUnreadable:
            continue
        if verdict in (Verdict.OK, Verdict.EMPTY):
            needed = (document.request.shape, document.endpoint)
            for table in (table for table in TrendsTable if NEEDS[table] == needed):
                found[table].update(document.request.candidates)
    return found


def trends_coverage(
    place: TrendsPlace,
    planned: Units,
    tables: Mapping[TrendsTable, pl.DataFrame],
    answers: Units,
    causes: Causes,
    *,
    kept: Iterable[Unit] = (),
    resume_at: str | None = None,
    failures: Iterable[Failure] = (),
) -> TrendsCoverage:
    """The coverage of a partition.

    Args:
        place: the partition.
        planned: candidates by table that it should hold.
        tables: the tables made, of this partition alone.
        answers: candidates by table that were answered (`answered`).
        causes: why units are not whole; such a unit is never `ok`, even if it has rows.
        kept: units that stay as they are, of other tables or candidates.
        resume_at: when Google may be asked again.
        failures: exchanges that led to no document, of all runs.
    """
    made = (
        _unit(table, candidate, tables.get(table), answers, causes)
        for table in TrendsTable
        for candidate in planned.get(table, ())
    )
    order = list(TrendsTable)
    units = tuple(sorted((*made, *kept), key=lambda unit: (order.index(unit.table), unit.candidate)))
    return TrendsCoverage(
        election=place.election,
        area=place.area,
        window=place.cadence,
        partition=key_of(place.window, place.cadence.grain),
        outcome=_outcome({unit.outcome for unit in units}),
        resume_at=resume_at,
        units=units,
        failures=tuple(sorted(failures, key=lambda f: (f.exchange.fetched_at, f.request_id, f.exchange.attempt))),
    )


def _unit(table: TrendsTable, candidate: str, frame: pl.DataFrame | None, answers: Units, causes: Causes) -> Unit:
    mine = None if frame is None else frame.filter(pl.col("candidate_id") == candidate)
    rows = 0 if mine is None else mine.height
    if (table, candidate) in causes:
        outcome, reason = causes[table, candidate]
        return Unit(table=table, candidate=candidate, outcome=outcome, rows=rows, reason=reason)
    if candidate not in answers.get(table, ()):
        return Unit(table=table, candidate=candidate, outcome=Outcome.NOT_RUN, rows=rows, reason="not asked yet")
    outcome = Outcome.OK if mine is not None and _has_data(mine) else Outcome.EMPTY
    return Unit(table=table, candidate=candidate, outcome=outcome, rows=rows)


def _has_data(rows: pl.DataFrame) -> bool:
    """Whether any row says something: calibrated ones have an index, the others a level that is not `no_data`."""
    if "rel_index" in rows.columns:
        return rows.get_column("rel_index").is_not_null().any()
    return rows.get_column("level").ne_missing(Level.NO_DATA.value).any()


def _outcome(found: set[Outcome]) -> Outcome:
    if not found:
        return Outcome.NOT_PLANNED
    if found == {Outcome.NOT_RUN}:
        return Outcome.NOT_RUN
    if all(outcome.settled for outcome in found):
        return Outcome.OK if Outcome.OK in found else Outcome.EMPTY
    return worst(found)


def encode(row: TrendsCoverage) -> bytes:
    """The row as stored: JSON with fields in their fixed order."""
    return encode_row(row)


def decode(data: bytes, key: str) -> TrendsCoverage:
    """A stored row.

    Raises:
        CoverageUnreadable: it is damaged or of a newer version; the text names the object.
    """
    return decode_row(data, TrendsCoverage, key, "make the partition again")


def units_of(planned: Units, stored: TrendsCoverage | None) -> tuple[Unit, ...]:
    """What became of every unit of a partition: those stored, then `not_run` where planned and never stored.

    Units that are stored and planned no more are kept.
    """
    units = () if stored is None else stored.units
    known = {(unit.table, unit.candidate) for unit in units}
    absent = (
        Unit(table=table, candidate=candidate, outcome=Outcome.NOT_RUN, rows=0, reason="planned, and no run has asked")
        for table, candidates in planned.items()
        for candidate in candidates
        if (table, candidate) not in known
    )
    return (*units, *absent)


def coverage_table(place: TrendsPlace, planned: Units, stored: TrendsCoverage | None) -> pl.DataFrame:
    """The rows of the published coverage table for one partition, sorted: a row for each of `units_of`."""
    records = [_record(place, unit) for unit in units_of(planned, stored)]
    rows = [tuple(record[name] for name in COVERAGE.names) for record in records]
    return from_rows(rows, COVERAGE).sort(order_keys(COVERAGE))


def _record(place: TrendsPlace, unit: Unit) -> dict[str, object]:
    window = place.window
    seconds = 0.0 if unit.outcome is Outcome.NOT_PLANNED else window.seconds
    filled = seconds if unit.outcome.settled else 0.0
    values: dict[str, object] = dict.fromkeys(COVERAGE.names)
    return values | {
        "election": place.election,
        "source": SOURCE,
        "table": unit.table.value,
        "area": place.area,
        "window": place.cadence.value,
        "candidate": unit.candidate,
        "partition": key_of(window, place.cadence.grain),
        "window_start": epoch_ms(window.start),
        "window_end": epoch_ms(window.end),
        "outcome": unit.outcome.value,
        "planned_s": seconds,
        "captured_s": 0.0,
        "filled_s": filled,
        "missed_s": seconds - filled,
        "retweets_missed_s": 0.0,
        "rows": None if unit.outcome is Outcome.NOT_RUN else unit.rows,
        "reason": unit.reason,
    }
