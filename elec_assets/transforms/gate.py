"""The gate: what keeps a staged release from being published, against the release before. Pure but for `evaluate`.

`evaluate` reads the staged directory whole; it is run when a release is staged, and again on the bytes about to be
sent. A refusal that a person allows is named in `Allowed`, which goes into the release's ledger.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

from elec_assets.domain.windows import DAY, WEEK, Window, from_epoch_ms
from elec_assets.transforms.manifest import FileEntry, Manifest, State, differences
from elec_assets.transforms.publication import TWEETS_PRODUCT, VOLUME_PRODUCT, place_of
from elec_assets.transforms.refusals import (
    FRESH,
    HISTORY,
    LIMITS,
    MANIFEST,
    ROWS,
    SCHEMA,
    STAGE_AGAIN,
    Refusal,
)
from elec_assets.transforms.release_scan import scan

Columns = tuple[tuple[str, str], ...]
"""Name and type of each column, in order."""
MOST_SHRUNK = 0.005
"""Part of its rows that a file may lose (late deletions, not losses)."""
MOST_REDACTED = 0.25
"""The same, of posts of weeks that compliance took some out of: authors leave; a week that a fault emptied stays."""
LOW, HIGH = 0.25, 8.0
"""Rows of a week against the median of the four before: a debate week has about three times as many."""
_WEEKS, _FEWEST_WEEKS = 4, 2
MOST_FILES = 5_000
MOST_TOP_LEVEL = 50
"""Files and folders at the top, with the manifest: what Kaggle's client takes."""
MOST_BYTES = 100 * 10**9
MOST_FILE_BYTES = 20 * 10**9
_HOTFIX = "release it as a hotfix that names the file"
_EPOCH = from_epoch_ms(0)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person, or X's compliance, allows a release.

    Attributes:
        hotfix: paths of files that may change or shrink though closed, or be left out.
        rows: paths of files whose number of rows is known to be odd.
        redacted: `{election}/{week}` of weeks of which posts were taken out on X's or an author's request: their files
            of posts, and the history that holds them, may change, and lose up to a quarter.
    """

    hotfix: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()
    redacted: frozenset[str] = frozenset()


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
    told += [*compare(staged, previous, allowed), *weeks(staged.manifest, expected, now, allowed)]
    return sorted({*told, *limits(staged.manifest)})


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
    found += _history(staged.manifest, previous.manifest, allowed or Allowed())
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


def _history(staged: Manifest, previous: Manifest, allowed: Allowed) -> Iterator[Refusal]:
    now = {entry.path: entry for entry in staged.files}
    thinned = staged.id_fraction < previous.id_fraction
    for before in previous.files:
        if before.path in allowed.hotfix:
            continue
        entry = now.get(before.path)
        if entry is None:
            yield Refusal(HISTORY, before.path, "", "was in the release before, and is not in this one", _HOTFIX)
            continue
        place = place_of(before.path, staged.profile)
        if thinned and place is not None and place.product is TWEETS_PRODUCT:
            continue
        redacted = _redacted(before, allowed, staged)
        lost, most = (before.rows or 0) - (entry.rows or 0), MOST_REDACTED if redacted else MOST_SHRUNK
        if before.rows and lost > before.rows * most:
            what = f"{entry.rows} rows, {before.rows} before: more than {most:.1%} are lost"
            yield Refusal(HISTORY, before.path, "", what, _HOTFIX)
        elif _closed(before) and entry.plain_sha256 != before.plain_sha256 and not redacted:
            yield Refusal(HISTORY, before.path, "", "a closed week is changed", _HOTFIX)


def _closed(entry: FileEntry) -> bool:
    return entry.partition is not None and not entry.open


def _redacted(entry: FileEntry, allowed: Allowed, staged: Manifest) -> bool:
    """Whether posts were taken out of the week that a file is of, or of a week of the history that it is."""
    place = place_of(entry.path, staged.profile)
    if place is None or place.product not in (TWEETS_PRODUCT, VOLUME_PRODUCT):
        return False
    if place.week is None:
        return any(week.partition("/")[0] == place.election for week in allowed.redacted)
    return f"{place.election}/{place.week}" in allowed.redacted


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


def weeks(
    staged: Manifest, expected: frozenset[str], now: datetime, allowed: Allowed | None = None
) -> Iterator[Refusal]:
    """Newest weeks that are missing, and weeks that are over with far fewer or more rows than those before."""
    paths = {entry.path for entry in staged.files}
    for path in sorted(expected - paths):
        yield Refusal(FRESH, path, "", "missing, and the week is over", "build the week, and stage again")
    folders: dict[str, list[FileEntry]] = {}
    for entry in staged.files:
        if entry.partition is not None and entry.rows is not None:
            folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
    known = (allowed or Allowed()).rows
    for entries in folders.values():
        ordered = sorted(entries, key=lambda entry: entry.path)
        for place, entry in enumerate(ordered):
            if entry.state != "same" and entry.path not in known and _over(entry, now):
                yield from _odd_rows(entry, [e.rows or 0 for e in ordered[max(place - _WEEKS, 0) : place]])


def _odd_rows(entry: FileEntry, before: list[int]) -> Iterator[Refusal]:
    usual = median(before) if len(before) >= _FEWEST_WEEKS else 0
    rows = entry.rows or 0
    if usual and not usual * LOW <= rows <= usual * HIGH:
        what = f"{rows} rows, the weeks before have {usual:.0f} (median of {len(before)})"
        yield Refusal(ROWS, entry.path, "", what, "find out why; if it is so, name the file as known")


def _over(entry: FileEntry, now: datetime) -> bool:
    return week_window(entry.partition or "").end <= now


def week_window(label: str) -> Window:
    """The window of an ISO week by its label, `2027_05`.

    Raises:
        ValueError: it is none.
    """
    year, _, week = label.partition("_")
    monday = datetime.fromisocalendar(int(year), int(week), 1)
    start = _EPOCH + DAY * (monday.toordinal() - _EPOCH.toordinal())
    return Window(start, start + WEEK)


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
