"""Small staged releases of one election: public, five weeks of posts, volume and coverage; and ways to spoil them."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl

from elec_assets.domain.layout_releases import MANIFEST
from elec_assets.domain.tables import ALL_CANDIDATES, COVERAGE, DAILY_SUMMARY, TABLES, TWEET_IDS, VOLUME, Kind, Table
from elec_assets.domain.windows import DAY, HOUR
from elec_assets.transforms.frames import conform, polars_schema
from elec_assets.transforms.gate import Release, week_window
from elec_assets.transforms.manifest import FileEntry, Manifest, encode_manifest, make_manifest
from elec_assets.transforms.publication import COVERAGE_PRODUCT, TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.staging import Staging

ELECTION = "fr_2027"
WEEKS = ("2027_01", "2027_02", "2027_03", "2027_04", "2027_05")
NEXT = "2027_06"
# Monday after the fifth week: the fourth and fifth are open.
NOW = datetime(2027, 2, 9, 2, tzinfo=UTC)
POSTS = 400
Files = dict[str, list[pl.DataFrame]]
_FILLS: Mapping[Kind, object] = {
    Kind.STRING: "x",
    Kind.INTEGER: 7,
    Kind.FLOAT: 7.0,
    Kind.BOOLEAN: False,
    Kind.STRINGS: ["x"],
}


def filled(table: Table, count: int, **given: list[object]) -> pl.DataFrame:
    """Rows whose columns hold what is given, or one and the same harmless value."""
    columns = {c.name: given.get(c.name) or [_FILLS.get(c.kind)] * count for c in table.columns}
    for column in table.columns:
        if column.kind is Kind.TIME and column.name not in given:
            columns[column.name] = [NOW] * count
    return conform(pl.DataFrame(columns, schema=polars_schema(table)), table)


def week_files(week: str, posts: int = POSTS) -> dict[str, pl.DataFrame]:
    """The published tables of a week by path."""
    start = week_window(week).start
    first = int(week.replace("_", "")) * 10**12
    ids: list[object] = [str(first + n) for n in range(posts)]
    hours: list[object] = [start + HOUR * n for n in range(24)]
    names: list[object] = [f"{start + HOUR * n:%Y-%m-%d-%H:%M}" for n in range(24)]
    return {
        TWEETS_PRODUCT.weekly(ELECTION, week): filled(TWEET_IDS, posts, tweet_id=ids, week=[week] * posts),
        VOLUME_PRODUCT.weekly(ELECTION, week): filled(VOLUME, 24, hour=hours, posts_own=[0] * 24),
        COVERAGE_PRODUCT.weekly(ELECTION, week): filled(COVERAGE, 24, partition=names, window_start=hours),
    }


def files_of(weeks: tuple[str, ...] = WEEKS) -> Files:
    """All tables of a release by path, each in frames."""
    weekly = [week_files(week) for week in weeks]
    made: Files = {path: [frame] for files in weekly for path, frame in files.items()}
    for product in (TWEETS_PRODUCT, VOLUME_PRODUCT, COVERAGE_PRODUCT):
        made[product.history(ELECTION)] = [made[product.weekly(ELECTION, week)][0] for week in weeks]
    days: list[object] = [week_window(weeks[0]).start + DAY * n for n in range(7 * len(weeks))]
    made[f"{ELECTION}/daily_summary.csv"] = [filled(DAILY_SUMMARY, len(days), day=days)]
    made["candidates.csv"] = [filled(ALL_CANDIDATES, 2, candidate=["ada", "bob"])]
    return made


def staged(
    directory: Path, files: Files | None = None, previous: Manifest | None = None, fraction: float = 1.0
) -> Manifest:
    """A staged directory of these tables."""
    staging = Staging(directory, "public", NOW, previous)
    for path, frames in (files_of() if files is None else files).items():
        staging.table(path, frames)
    staging.document("README.md", b"# Elections\n\nWhat people say.\n")
    return staging.finish(WEEKS[-1], fraction)


def release(manifest: Manifest, **changed: Table) -> Release:
    """What the gate is told of a release: columns as in `tables.py`, but for those given otherwise."""
    names = {entry.table for entry in manifest.files if entry.table is not None}
    tables = {name: changed.get(name, TABLES[name]) for name in names}
    return Release(manifest, {n: tuple((c.name, str(c.kind)) for c in t.columns) for n, t in tables.items()})


def put(directory: Path, manifest: Manifest, path: str, data: bytes) -> Manifest:
    """Write other bytes into a file, and say so in the manifest: only what they are can be refused."""
    (directory / path).parent.mkdir(parents=True, exist_ok=True)
    (directory / path).write_bytes(data)
    plain = gzip.decompress(data) if path.endswith(".gz") and data else data
    entries = {entry.path: entry for entry in manifest.files}
    fresh = FileEntry(path=path, sha256="", bytes=0, plain_sha256="", plain_bytes=0)
    entries[path] = msgspec.structs.replace(
        entries.get(path, fresh),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        plain_sha256=hashlib.sha256(plain).hexdigest(),
        plain_bytes=len(plain),
    )
    return said(directory, manifest, entries)


def said(directory: Path, manifest: Manifest, entries: dict[str, FileEntry], **changed: object) -> Manifest:
    """Another manifest in the directory, whole in itself."""
    made = make_manifest(
        WEEKS[-1],
        entries.values(),
        profile=manifest.profile,
        previous=manifest.previous,
        id_fraction=manifest.id_fraction,
    )
    made = msgspec.structs.replace(made, **changed)
    (directory / MANIFEST).write_bytes(encode_manifest(made))
    return made


def edited(directory: Path, manifest: Manifest, path: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Manifest:
    """Change a CSV as text, all columns strings, and the manifest with it; rows are counted anew."""
    frame = change(pl.read_csv(directory / path, infer_schema=False))
    text = frame.write_csv().encode()
    made = put(directory, manifest, path, gzip.compress(text, mtime=0) if path.endswith(".gz") else text)
    entries = {entry.path: entry for entry in made.files}
    entries[path] = msgspec.structs.replace(entries[path], rows=frame.height)
    return said(directory, made, entries)


def later(days: int) -> datetime:
    """So many days after NOW."""
    return NOW + timedelta(days=days)
