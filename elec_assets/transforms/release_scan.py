"""The scan of a staged directory: what its bytes are, not what was meant. Reads every table whole, one at a time.

Under the profile `public` every text is looked through for handles, addresses and ids; nothing found is ever quoted,
for a refusal is shown and stored.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from elec_assets.domain.layout_releases import MANIFEST as MANIFEST_FILE
from elec_assets.domain.tables import TWEET_IDS, VOLUME, Column, Kind, Table
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.manifest import COVER, METADATA, Profile
from elec_assets.transforms.publication import MOST_IDS, Place, place_of
from elec_assets.transforms.refusals import FILES, PRIVACY, SCHEMA, STAGE_AGAIN, Refusal
from elec_assets.transforms.suppression import small

DATAPACKAGE, CROISSANT, COVERAGE_PICTURE = "meta/datapackage.json", "meta/croissant.json", "meta/coverage.svg"
DOCUMENTS = frozenset(
    {"README.md", "DATA_DICTIONARY.md", "CHANGELOG.md", MANIFEST_FILE, METADATA, COVER}
    | {DATAPACKAGE, CROISSANT, COVERAGE_PICTURE}
)
"""The files of a release that are no tables."""
_TEMPORARY = re.compile(r"~$|\.(?:tmp|temp|part|partial|swp|bak|orig|crdownload)$", re.IGNORECASE)
# Digests, 16 or 64 hex digits, of which some have no letter.
_DIGESTS = frozenset({"request_id", "calibration_id", "batch_id", "payload_sha256"})
_PATTERNS = {
    "an e-mail address": r"[A-Za-z0-9._+-]+(?:@|%40)[A-Za-z0-9-]+\.[A-Za-z]{2,}",
    "a handle": r"(?i)(?:^|[^\w@\uFF20])(?:[@\uFF20]|%40)[a-z0-9_]{1,15}(?:[^\w]|$)",
    "an address of X": r"(?i)(?:^|[^\w])(?:x|twitter)\.com/\w",
}
_ID = r"(?:^|[^0-9A-Za-z.+-])\d{15,19}(?:$|[^0-9A-Za-z.])"
# JSON-LD writes its keywords as `@context`; the dictionary and the card describe handles, and hold none.
_OWN_AT = frozenset({CROISSANT})
_NO_PUBLIC = "the profile public publishes none"
_PRIVATE = "or publish with ELEC_PRIVACY=private to a private dataset"
_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"
_NUMBERS = {Kind.INTEGER: r"^-?\d+$", Kind.FLOAT: r"^-?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|inf|nan|NaN)$"}
_FORMS = {**_NUMBERS, Kind.BOOLEAN: "^(?:true|false)$", Kind.TIME: _TIME}


@dataclass(frozen=True, slots=True)
class Scanned:
    """What is in a staged directory that must not be, sorted, and the rows of its tables by path."""

    refusals: list[Refusal]
    rows: dict[str, int]


def scan(directory: Path, profile: Profile) -> Scanned:
    """Look through a staged directory; every table is read whole."""
    found: list[Refusal] = []
    rows: dict[str, int] = {}
    ids: list[pl.Series] = []
    for path in sorted(directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = path.relative_to(directory).as_posix()
        odd = _odd(path, name)
        if odd:
            found.append(Refusal(FILES, name, "", odd, f"remove it, or {STAGE_AGAIN}"))
            continue
        place = place_of(name, profile)
        if place is None:
            found += _document(path, name, profile)
            continue
        told, frame = _table(path, name, place, profile)
        found += told
        if frame is not None:
            rows[name] = frame.height
        if place.table is TWEET_IDS and place.week is not None and frame is not None and "tweet_id" in frame.columns:
            ids.append(frame["tweet_id"])
    return Scanned(sorted([*found, *_too_many(ids)]), rows)


def _odd(path: Path, name: str) -> str | None:
    if any(part.startswith(".") for part in name.split("/")):
        return "a hidden file"
    if path.is_symlink() or not path.is_file():
        return "a link or no regular file"
    if _TEMPORARY.search(name):
        return "a temporary file"
    return None if path.stat().st_size else "an empty file, which Kaggle's client does not send rightly"


def _document(path: Path, name: str, profile: Profile) -> Iterator[Refusal]:
    if name not in DOCUMENTS:
        allow = "remove it, or give it a table in transforms/publication.py"
        yield Refusal(FILES, name, "", "not a file that a release has", allow)
    elif profile == "public" and name != COVER:
        lines = pl.Series(path.read_text(encoding="utf-8", errors="replace").splitlines(), dtype=pl.String)
        skipped = ("a handle",) if name in _OWN_AT else ()
        yield from _personal(lines, name, "", ids=True, skipped=skipped)


def _table(path: Path, name: str, place: Place, profile: Profile) -> tuple[list[Refusal], pl.DataFrame | None]:
    """What is wrong with a table, and its rows; None where it cannot be read."""
    public = profile == "public"
    try:
        columns = _columns(path, name)
        wanted = [column for column in columns if public or column in place.table.key]
        frame = _read(path, name, wanted)
    except (pl.exceptions.PolarsError, OSError):  # OSError: a gzip file cut short, or none
        return [Refusal(FILES, name, "", "the table cannot be read", STAGE_AGAIN)], None
    found = [*_shape(columns, name, place.table, profile), *_twice(frame, name, place.table)]
    if public:
        found += _values(frame, name, place)
    return found, frame


def _columns(path: Path, name: str) -> list[str]:
    if name.endswith(".parquet"):
        return list(pl.read_parquet_schema(path))
    return pl.read_csv(path, infer_schema=False, n_rows=0).columns


def _read(path: Path, name: str, columns: list[str]) -> pl.DataFrame:
    """The rows, of CSV all columns as text."""
    if name.endswith(".parquet"):
        return pl.read_parquet(path, columns=columns)
    return pl.read_csv(path, columns=columns, infer_schema=False)


def _shape(columns: list[str], name: str, table: Table, profile: Profile) -> Iterator[Refusal]:
    for column in columns:
        if column not in table.names:
            what = f"not a column of {table.name} under the profile {profile}"
            allow = "add it to domain/tables.py if it may be published"
            yield Refusal(PRIVACY if profile == "public" else SCHEMA, name, column, what, f"{allow}, {_PRIVATE}")
    for column in table.names:
        if column not in columns:
            allow = "stage again; a rename or removal needs a new major schema version"
            yield Refusal(SCHEMA, name, column, "missing", allow)
    kept = [column for column in columns if column in table.names]
    if kept != [column for column in table.names if column in kept]:
        yield Refusal(SCHEMA, name, "", f"columns are not in the order of {table.name}", STAGE_AGAIN)


def _twice(frame: pl.DataFrame, name: str, table: Table) -> Iterator[Refusal]:
    if not set(table.key) <= set(frame.columns):
        return
    twice = int(frame.select(table.key).is_duplicated().sum())
    if twice:
        key = ", ".join(table.key)
        yield Refusal(FILES, name, key, f"{twice} rows share their key with another", STAGE_AGAIN)


def _values(frame: pl.DataFrame, name: str, place: Place) -> Iterator[Refusal]:
    for column in place.table.columns:
        if column.name in frame.columns:
            yield from _column(frame[column.name], name, column, place)
    # A column that may not be there is refused for being there; its values are looked through all the same.
    for extra in [c for c in frame.columns if c not in place.table.names]:
        yield from _personal(_text(frame[extra]), name, extra, ids=True)
    yield from _small_counts(frame, name, place.table)


def _column(values: pl.Series, name: str, column: Column, place: Place) -> Iterator[Refusal]:
    if column.kind in _FORMS:
        if values.dtype == pl.String:
            bad = int((~values.str.contains(_FORMS[column.kind])).sum())
        else:
            bad = 0 if values.dtype == polars_schema(place.table)[column.name] else len(values)
        if bad:
            yield Refusal(PRIVACY, name, column.name, f"{bad} values are no {column.kind}", STAGE_AGAIN)
        return
    text = _text(values)
    if column.name == "tweet_id":
        bad = int((~text.str.contains(r"^\d{1,19}$")).sum()) + text.null_count()
        if bad:
            yield Refusal(PRIVACY, name, column.name, f"{bad} values are no ids of posts", STAGE_AGAIN)
        return
    yield from _personal(text, name, column.name, ids=column.name not in _DIGESTS)


def _text(values: pl.Series) -> pl.Series:
    """Values of any type as text: what a column of lists or structs holds is looked through as well."""
    if values.dtype.is_nested():
        return pl.Series([None if value is None else str(value) for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String, strict=False)


def _personal(
    text: pl.Series, name: str, column: str, *, ids: bool, skipped: tuple[str, ...] = ()
) -> Iterator[Refusal]:
    """What in a text names a person or a post; never the text itself."""
    patterns = {what: form for what, form in _PATTERNS.items() if what not in skipped}
    if ids:
        patterns["an id of a post or an account"] = _ID
    # All at once first: nearly every column holds nothing, and each look at one costs 0.3 ms however short it is.
    if not text.str.contains("|".join(f"(?:{form})" for form in patterns.values())).any():
        return
    for what, form in patterns.items():
        count = int(text.str.contains(form).sum())
        if count:
            where = "values hold" if column else "lines hold"
            allow = f"take it out of the source and stage again, {_PRIVATE}"
            yield Refusal(PRIVACY, name, column, f"{count} {where} {what}, and {_NO_PUBLIC}", allow)


def _small_counts(frame: pl.DataFrame, name: str, table: Table) -> Iterator[Refusal]:
    columns = ("posts", "posts_own") if table is VOLUME else ()
    for column in [c for c in columns if c in frame.columns]:
        count = int(frame.select(small(pl.col(column).cast(pl.Int64, strict=False)).sum()).item())
        if count:
            what = f"{count} counts of 1 to 4 are told, and {_NO_PUBLIC}"
            yield Refusal(PRIVACY, name, column, what, f"{STAGE_AGAIN} (suppression.py), {_PRIVATE}")


def _too_many(ids: list[pl.Series]) -> Iterator[Refusal]:
    different = pl.concat(ids).n_unique() if ids else 0
    if different > MOST_IDS:
        what = f"{different} ids of posts in all; X allows {MOST_IDS}"
        yield Refusal(PRIVACY, "", "tweet_id", what, f"{STAGE_AGAIN}: ids are thinned then")
