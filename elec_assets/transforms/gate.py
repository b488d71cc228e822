"""The gate: what keeps a staged release from being published, against the release before. Pure but for `evaluate`.

`evaluate` reads the staged directory whole; it is run when a release is staged, and again on the bytes about to be
sent. A refusal that a person allows is named in `Allowed`, which goes into the release's ledger.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from elec_assets.transforms.gate_allowed import Allowed, Removal
from elec_assets.transforms.gate_history import history
from elec_assets.transforms.gate_rows import PLAN_COLUMNS, PlannedTime, planned_time, week_window, weeks
from elec_assets.transforms.manifest import FileEntry, Manifest, State, differences
from elec_assets.transforms.publication import COVERAGE_PRODUCT, place_of
from elec_assets.transforms.refusals import LIMITS, MANIFEST, SCHEMA, STAGE_AGAIN, Refusal
from elec_assets.transforms.release_scan import scan

__all__ = ["Allowed", "Columns", "Release", "Removal", "compare", "evaluate", "limits", "state_of", "week_window"]

Columns = tuple[tuple[str, str], ...]
"""Name and type of each column, in order."""
MOST_FILES = 5_000
MOST_TOP_LEVEL = 50
"""Files and folders at the top, with the manifest: what Kaggle's client takes."""
MOST_BYTES = 100 * 10**9
MOST_FILE_BYTES = 20 * 10**9


@dataclass(frozen=True, slots=True)
class Release:
    """A release as the gate sees it: its manifest, and the columns of each table by its name."""

    manifest: Manifest
    columns: Mapping[str, Columns] = field(default_factory=dict)


def evaluate(
    directory: Path,
    staged: Release,
    previous: Release | None,
    *,
    expected: frozenset[str],
    now: datetime,
    allowed: Allowed | None = None,
) -> list[Refusal]:
    """All that keeps a staged directory from being published, sorted; none if it may be.

    Args:
        directory: the staged release.
        staged: what its manifest and data package say.
        previous: the release before; None for the first.
        expected: paths of the newest weekly files that must be in it.
        now: the time of asking: weeks that are over must have about as many rows as those before.
        allowed: what may be, though it is refused.
    """
    told = [_unlike(text) for text in differences(directory, staged.manifest)]
    scanned = scan(directory, staged.manifest.profile)
    told += [*scanned.refusals, *_counted(staged.manifest, scanned.rows)]
    told += [
        *compare(staged, previous, allowed),
        *weeks(staged.manifest, expected, now, allowed, _plans(directory, staged.manifest)),
    ]
    return sorted({*told, *limits(staged.manifest)})


def _plans(directory: Path, staged: Manifest) -> dict[str, PlannedTime]:
    """What was planned of each week, by the coverage files; those that cannot be read are refused by the scan."""
    found = {}
    for entry in staged.files:
        place = place_of(entry.path, staged.profile)
        if place is None or place.product is not COVERAGE_PRODUCT or place.week is None:
            continue
        with suppress(pl.exceptions.PolarsError, OSError):
            plan = planned_time(pl.read_csv(directory / entry.path, columns=PLAN_COLUMNS, infer_schema=False))
            if plan is not None:
                found[f"{place.election}/{place.week}"] = plan
    return found


def _counted(staged: Manifest, rows: Mapping[str, int]) -> Iterator[Refusal]:
    for entry in staged.files:
        if entry.path in rows and rows[entry.path] != entry.rows:
            what = f"{rows[entry.path]} rows, the manifest says {entry.rows}"
            yield Refusal(MANIFEST, entry.path, "", what, STAGE_AGAIN)


def _unlike(text: str) -> Refusal:
    path, _, rest = text.partition(": ")
    what, _, allow = rest.rpartition("; ")
    return Refusal(MANIFEST, path, "", what or rest, allow or STAGE_AGAIN)


def compare(staged: Release, previous: Release | None, allowed: Allowed | None = None) -> list[Refusal]:
    """What a release changes of the one before that it must not."""
    found = [*_consistent(staged.manifest)]
    if previous is None:
        if staged.manifest.previous is not None:
            found.append(Refusal(MANIFEST, "", "", "names a release before it, and there is none", STAGE_AGAIN))
        return found
    found += _follows(staged.manifest, previous.manifest)
    found += _schemas(staged, previous)
    found += history(staged.manifest, previous.manifest, allowed or Allowed())
    return found


def _follows(staged: Manifest, previous: Manifest) -> Iterator[Refusal]:
    if staged.previous != previous.release_id:
        what = f"made after {staged.previous}, and the release before is {previous.release_id}"
        yield Refusal(MANIFEST, "", "", what, STAGE_AGAIN)
    if staged.profile != previous.profile:
        what = f"profile {staged.profile}, the release before has {previous.profile}"
        yield Refusal(MANIFEST, "", "", what, "publish it to a dataset of its own (ELEC_KAGGLE_DATASET)")
    if staged.schema_version < previous.schema_version:
        what = f"schema version {staged.schema_version}, the release before has {previous.schema_version}"
        yield Refusal(SCHEMA, "", "", what, "upgrade the program that stages")
    before = {entry.path: entry for entry in previous.files}
    for entry in staged.files:
        state = state_of(entry, before.get(entry.path))
        if entry.state != state:
            yield Refusal(MANIFEST, entry.path, "", f"state is {entry.state}, and the file is {state}", STAGE_AGAIN)


def state_of(entry: FileEntry, before: FileEntry | None) -> State:
    """new, changed or same: by the bytes inside, for a new compressor alone changes nothing."""
    if before is None:
        return "new"
    return "same" if entry.plain_sha256 == before.plain_sha256 else "changed"


def _schemas(staged: Release, previous: Release) -> Iterator[Refusal]:
    if staged.manifest.schema_version > previous.manifest.schema_version:
        return
    allow = "add columns at the end only, or raise the major schema version (SCHEMA_VERSION in domain/tables.py)"
    for table, before in sorted(previous.columns.items()):
        now = staged.columns.get(table, ())
        if now[: len(before)] == before:
            continue
        place = next(n for n, column in enumerate(before) if now[n : n + 1] != (column,))
        has = f"{now[place][0]} ({now[place][1]})" if place < len(now) else "nothing"
        what = f"column {place + 1} of {table} was {before[place][0]} ({before[place][1]}), and is {has}"
        yield Refusal(SCHEMA, "", before[place][0], what, allow)


def _consistent(staged: Manifest) -> Iterator[Refusal]:
    """What the manifest says of a file must be what its path says; a whole history has the rows of its weeks."""
    weekly: dict[str, int] = {}
    histories: dict[str, FileEntry] = {}
    for entry in staged.files:
        place = place_of(entry.path, staged.profile)
        table, week = (None, None) if place is None else (place.table.name, place.week)
        if (entry.table, entry.partition) != (table, week) or (place is not None and entry.rows is None):
            what = f"table {entry.table}, partition {entry.partition}, rows {entry.rows}; its path says {table}, {week}"
            yield Refusal(MANIFEST, entry.path, "", what, STAGE_AGAIN)
        elif place is not None and place.product is not None and place.election is not None:
            path = place.product.history(place.election)
            if place.week is None:
                histories[path] = entry
            else:
                weekly[path] = weekly.get(path, 0) + (entry.rows or 0)
    for path in sorted(weekly.keys() | histories.keys()):
        rows = histories[path].rows if path in histories else None
        if rows != weekly.get(path, 0):
            yield Refusal(MANIFEST, path, "", f"{rows} rows, its weeks have {weekly.get(path, 0)}", STAGE_AGAIN)


def limits(staged: Manifest) -> Iterator[Refusal]:
    """Whether a release has more or larger files than Kaggle takes, or none at all."""
    if not 0 < len(staged.files) <= MOST_FILES:
        what = f"{len(staged.files)} files; allowed: 1 to {MOST_FILES}"
        yield Refusal(LIMITS, "", "", what, "publish past elections as a dataset of their own")
    top = {entry.path.partition("/")[0] for entry in staged.files}
    if len(top) >= MOST_TOP_LEVEL:
        what = f"{len(top) + 1} files and folders at the top; allowed: {MOST_TOP_LEVEL}"
        yield Refusal(LIMITS, "", "", what, "put files into the folders of their election")
    if staged.total_bytes > MOST_BYTES:
        what = f"{staged.total_bytes} bytes in all; allowed: {MOST_BYTES}"
        yield Refusal(LIMITS, "", "", what, "publish past elections as a dataset of their own")
    for entry in staged.files:
        if entry.bytes > MOST_FILE_BYTES:
            what = f"{entry.bytes} bytes; allowed: {MOST_FILE_BYTES}"
            yield Refusal(LIMITS, entry.path, "", what, "publish past elections as a dataset of their own")
