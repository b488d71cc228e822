"""What collecting a partition of Google Trends gave: by table and as a whole."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from elec_assets.clients.trends_archive import SavedTable
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.tables import TABLES, Table
from elec_assets.domain.trends import TrendsTable
from elec_assets.domain.windows import iso
from elec_assets.transforms import verification
from elec_assets.transforms.calibration import Closure
from elec_assets.transforms.trends import latest_sample
from elec_assets.transforms.trends_coverage import TrendsCoverage, Unit
from elec_assets.transforms.verification import Finding


@dataclass(frozen=True, slots=True)
class CollectedTable:
    """One table of a partition as it is in the store now.

    `stored` is false where there is none; `written` tells whether this call wrote it. `frame` has the rows of the
    latest sample, for previews, the object those of all `samples`. `outcomes` counts candidates; `missing` are those
    about whom something remains to be asked. `closure` is the honesty check of `calibrated_interest`.
    """

    table: TrendsTable
    stored: bool = False
    written: bool = False
    key: str = ""
    size: int = 0
    rows: int = 0
    sha256: str = ""
    frame: pl.DataFrame | None = None
    samples: tuple[int, ...] = ()
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    missing: tuple[Unit, ...] = ()
    closure: Closure | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectedPartition:
    """What became of one partition.

    `requests` counts the HTTP exchanges of this call, without that for the cookie. `resume_at` (UTC) is when to ask
    again, None for at any time. `complete`: nothing is left to ask of these tables, a further sample that is due
    included; `pending` says what of samples is left. `stopped_by` is why the run stopped early, if it did.
    """

    place: TrendsPlace
    partition: str
    tables: Mapping[TrendsTable, CollectedTable]
    row: TrendsCoverage
    requests: int = 0
    resume_at: datetime | None = None
    yielded: bool = False
    complete: bool = True
    stopped_by: str | None = None
    pending: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What a run shows of a partition: outcome, rows, requests, and why something is missing."""
        rows = ", ".join(f"{table} {found.rows}" for table, found in self.tables.items() if found.stored)
        parts = [str(self.row.outcome), f"rows: {rows or 'none'}", f"{self.requests} requests"]
        parts += [self.stopped_by] if self.stopped_by else []
        parts += [f"again from {iso(self.resume_at)}"] if self.resume_at else []
        return "; ".join([*parts, *self.pending])


def collected_table(
    table: TrendsTable,
    key: str,
    saved: SavedTable | None,
    frame: pl.DataFrame,
    row: TrendsCoverage,
    closure: Closure | None,
) -> CollectedTable:
    """One table of a partition; `saved` is None where there is none, `frame` what is stored."""
    units = [unit for unit in row.units if unit.table is table]
    counted = Counter(unit.outcome for unit in units)
    missing = tuple(unit for unit in units if not unit.outcome.settled)
    if saved is None:
        return CollectedTable(table, outcomes=counted, missing=missing)
    return CollectedTable(
        table=table,
        stored=True,
        written=saved.written,
        key=key,
        size=len(saved.content),
        rows=frame.height,
        sha256=hashlib.sha256(saved.content).hexdigest(),
        frame=latest_sample(frame),
        samples=tuple(sorted(frame.get_column("sample_no").unique().to_list())),
        outcomes=counted,
        missing=missing,
        closure=closure,
        findings=tuple(_findings(TABLES[table.value], frame, saved)),
    )


def _findings(table: Table, frame: pl.DataFrame, saved: SavedTable) -> list[Finding]:
    found = verification.columns(frame.schema, table)
    if saved.lost_rows:
        found += verification.not_shrunk(frame.height - saved.lost_rows, frame.height)
    return found
