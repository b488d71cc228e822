"""The difference between a release and the one before, and the changelog that tells it. Pure.

The changelog is part of a release and of its content hash. So that unchanged content stays unchanged, it is never
compared itself, and where nothing else changed it is that of the release before, byte for byte.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

import polars as pl

from elec_assets.transforms.datapackage import columns_of
from elec_assets.transforms.gate import Columns, state_of
from elec_assets.transforms.manifest import FileEntry, Manifest
from elec_assets.transforms.publication import DAILY_CSV, TWEETS_PRODUCT, Place, place_of
from elec_assets.transforms.release_changes import CandidateDays, ClosedWeek, Files, ReleaseDiff, SourceRows
from elec_assets.transforms.release_scan import DATAPACKAGE

CHANGELOG = "CHANGELOG.md"
Reader = Callable[[str], bytes]
"""The bytes of a file of a release by its path; asked only for files that its manifest lists."""
_HEAD = b"# Changelog\n\nWhat each release changed of the one before, newest first. Rows are of weekly files.\n"
_NUMBERS = ("originals_estimate", "retweets_estimate", "trends_share")
_DAILY: dict[str, pl.DataType] = {
    "day": pl.String(),
    "candidate": pl.String(),
    **dict.fromkeys(_NUMBERS, pl.Float64()),
}


def release_diff(
    previous: Manifest | None,
    manifest: Manifest,
    *,
    before: Reader | None,
    now: Reader,
    reasons: Mapping[str, str] | None = None,
) -> ReleaseDiff:
    """What a release changes of the one before.

    Args:
        previous: manifest of the last published release; None for the first.
        manifest: of the release; before it is finished, one made of the files so far (`make_manifest`): the changelog
            is not compared.
        before: reads files of the release before; None for the first.
        now: reads files of the release.
        reasons: why a closed week changes, by path or by `{election}/{week}`; any white space is one space.

    Raises:
        ValueError: a daily summary or a data package that cannot be read.
    """
    earlier = {} if previous is None else _entries(previous)
    current = _entries(manifest)
    fraction_before = 1.0 if previous is None else previous.id_fraction
    daily_before, daily = _daily(earlier, before), _daily(current, now)
    return ReleaseDiff(
        week=manifest.release_id.partition("-")[0],
        previous=None if previous is None else previous.release_id,
        last_day=max((str(frame["day"].max())[:10] for frame in daily.values() if frame.height), default=None),
        files=_files(earlier, current),
        rows=tuple(_rows(earlier, current, manifest)),
        candidates=tuple(
            row
            for election in sorted(daily_before.keys() | daily.keys())
            for row in _candidates(election, daily_before.get(election, _EMPTY), daily.get(election, _EMPTY))
        ),
        closed=tuple(_closed(earlier, current, manifest, manifest.id_fraction < fraction_before, reasons or {})),
        columns=tuple(_new_columns(_columns(earlier, before), _columns(current, now))),
        fraction_before=fraction_before,
        fraction=manifest.id_fraction,
    )


def changelog(previous_text: bytes | None, diff: ReleaseDiff) -> bytes:
    """`CHANGELOG.md` of a release, newest entry first.

    Args:
        previous_text: that of the release before (`diff.previous`); None for the first, or where it has none.
        diff: what the release changes. If nothing, the text before is returned as it is.
    """
    if previous_text is not None and diff.unchanged:
        return previous_text
    entries = b"" if previous_text is None else previous_text.removeprefix(_HEAD)
    return _HEAD + b"\n" + diff.changelog_entry().encode() + entries


def _entries(manifest: Manifest) -> dict[str, FileEntry]:
    return {entry.path: entry for entry in manifest.files if entry.path != CHANGELOG}


def _files(earlier: Mapping[str, FileEntry], current: Mapping[str, FileEntry]) -> Files:
    states = {path: state_of(entry, earlier.get(path)) for path, entry in sorted(current.items())}

    def those(wanted: str) -> tuple[str, ...]:
        return tuple(path for path, state in states.items() if state == wanted)

    return Files(those("new"), those("changed"), those("same"), tuple(sorted(earlier.keys() - current.keys())))


_Change = tuple[Place, FileEntry | None, FileEntry | None]
"""A weekly file that is new, changed or gone: its place, and its entries before and now."""


def _weekly(
    earlier: Mapping[str, FileEntry], current: Mapping[str, FileEntry], manifest: Manifest
) -> Iterator[_Change]:
    for path in sorted(earlier.keys() | current.keys()):
        place = place_of(path, manifest.profile)
        if place is None or place.week is None:
            continue
        was, entry = earlier.get(path), current.get(path)
        if entry is None or state_of(entry, was) != "same":
            yield place, was, entry


def _rows(
    earlier: Mapping[str, FileEntry], current: Mapping[str, FileEntry], manifest: Manifest
) -> Iterator[SourceRows]:
    changes = sorted(_weekly(earlier, current, manifest), key=_source)
    for (election, source), group in groupby(changes, _source):
        found = list(group)
        new = [(str(place.week), entry) for place, was, entry in found if was is None and entry is not None]
        old = [(str(place.week), _count(entry) - _count(was)) for place, was, entry in found if was is not None]
        yield SourceRows(
            election,
            source,
            weeks=tuple(sorted({week for week, _ in new})),
            revised=tuple(sorted({week for week, _ in old})),
            new=sum(_count(entry) for _, entry in new),
            late=sum(count for _, count in old),
        )


def _source(change: _Change) -> tuple[str, str]:
    place = change[0]
    folder = "" if place.product is None else place.product.folder
    return str(place.election), folder.partition("/")[0]


def _count(entry: FileEntry | None) -> int:
    return 0 if entry is None or entry.rows is None else entry.rows


def _closed(
    earlier: Mapping[str, FileEntry],
    current: Mapping[str, FileEntry],
    manifest: Manifest,
    thinned: bool,
    reasons: Mapping[str, str],
) -> Iterator[ClosedWeek]:
    for place, was, entry in _weekly(earlier, current, manifest):
        # Thinner ids change every week of them, and are told once.
        if was is None or was.open or (thinned and entry is not None and place.product is TWEETS_PRODUCT):
            continue
        reason = reasons.get(was.path) or reasons.get(f"{place.election}/{place.week}") or ""
        told = " ".join(reason.split()) or None
        yield ClosedWeek(was.path, _count(was), None if entry is None else _count(entry), told)


def _columns(entries: Mapping[str, FileEntry], read: Reader | None) -> dict[str, Columns]:
    return columns_of(read(DATAPACKAGE)) if read is not None and DATAPACKAGE in entries else {}


def _new_columns(before: Mapping[str, Columns], now: Mapping[str, Columns]) -> Iterator[str]:
    for table in sorted(now):
        if table not in before:
            yield table
            continue
        known = {name for name, _ in before[table]}
        yield from (f"{table}.{name}" for name, _ in now[table] if name not in known)


_EMPTY = pl.DataFrame(schema=_DAILY)


def _daily(entries: Mapping[str, FileEntry], read: Reader | None) -> dict[str, pl.DataFrame]:
    """The daily summary of each election."""
    if read is None:
        return {}
    return {path.partition("/")[0]: _parsed(path, read(path)) for path in entries if path.endswith(f"/{DAILY_CSV}")}


def _parsed(path: str, content: bytes) -> pl.DataFrame:
    try:
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False)
        # A major schema version may have renamed a number of the release before: it is told as null.
        kept = [pl.col(name) if name in frame.columns else pl.lit(None).alias(name) for name in _NUMBERS]
        return frame.select("day", "candidate", *kept).cast(pl.Schema(_DAILY))
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"{path}: no daily summary ({type(error).__name__}); stage the release anew") from error


def _candidates(election: str, before: pl.DataFrame, now: pl.DataFrame) -> Iterator[CandidateDays]:
    key = ["day", "candidate"]
    old = before.with_columns(was=pl.lit(value=True))
    both = now.with_columns(now=pl.lit(value=True)).join(old, on=key, how="full", coalesce=True, suffix="_was")
    was, is_now = pl.col("was").is_not_null(), pl.col("now").is_not_null()
    new, revised = is_now & ~was, was & is_now & pl.any_horizontal(_differs(name) for name in _NUMBERS)
    posts = [pl.col(name) for name in _NUMBERS[:2]]
    posts_was = [pl.col(f"{name}_was") for name in _NUMBERS[:2]]
    told = pl.any_horizontal(number.is_not_null() for number in posts)
    made = both.group_by("candidate").agg(
        days=new.sum(),
        told=(new & told).any(),
        posts=pl.sum_horizontal(posts).filter(new).sum(),
        share=pl.col("trends_share").filter(new).mean(),
        revised_days=revised.sum(),
        revised_posts=(pl.sum_horizontal(posts) - pl.sum_horizontal(posts_was)).filter(revised).sum(),
        lost_days=(was & ~is_now).sum(),
    )
    for row in (
        made.filter((pl.col("days") + pl.col("revised_days") + pl.col("lost_days")) > 0)
        .sort("candidate")
        .rows(named=True)
    ):
        counted = float(row["posts"]) if row.pop("told") else None
        yield CandidateDays(**{**row, "election": election, "posts": counted})


def _differs(name: str) -> pl.Expr:
    return pl.col(name).ne_missing(pl.col(f"{name}_was"))
