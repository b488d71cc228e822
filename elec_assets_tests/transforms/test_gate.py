"""The gate: every spoilt release is refused for its reason and place, every added-to one passes."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import polars as pl
import pytest

from elec_assets.domain.tables import VOLUME, Column, Kind, Table
from elec_assets.transforms import refusals
from elec_assets.transforms.gate import Allowed, Release, evaluate, limits
from elec_assets.transforms.manifest import Manifest
from elec_assets.transforms.publication import COVERAGE_PRODUCT, TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.refusals import Refusal
from elec_assets_tests.transforms.releases import (
    ELECTION,
    NEXT,
    NOW,
    POSTS,
    WEEKS,
    Files,
    edited,
    files_of,
    later,
    put,
    release,
    said,
    staged,
)

CLOSED, OPEN = WEEKS[0], WEEKS[-1]
IDS_CLOSED, IDS_OPEN = TWEETS_PRODUCT.weekly(ELECTION, CLOSED), TWEETS_PRODUCT.weekly(ELECTION, OPEN)
VOLUME_OPEN, COVERAGE_OPEN = VOLUME_PRODUCT.weekly(ELECTION, OPEN), COVERAGE_PRODUCT.weekly(ELECTION, OPEN)
HISTORY_IDS = TWEETS_PRODUCT.history(ELECTION)
NEWEST = frozenset({IDS_OPEN, VOLUME_OPEN, COVERAGE_OPEN})
Spoil = Callable[[Path, Manifest], Manifest]
Spoilt = tuple[Spoil, str, str, str]
"""How a release is spoilt; and of the refusal the rule, the path, and a part of what it says."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release(staged(tmp_path_factory.mktemp("before")))


@pytest.fixture(scope="module")
def second(before: Release, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """The same again, staged after it: to be copied and spoilt."""
    directory = tmp_path_factory.mktemp("second")
    return directory, staged(directory, previous=before.manifest)


def judged(
    directory: Path, manifest: Manifest, before: Release | None, allowed: Allowed | None = None, **changed: Table
) -> list[Refusal]:
    return evaluate(directory, release(manifest, **changed), before, expected=NEWEST, now=NOW, allowed=allowed)


def edit(path: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Spoil:
    return lambda directory, manifest: edited(directory, manifest, path, change)


def set_first(column: str, value: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def change(frame: pl.DataFrame) -> pl.DataFrame:
        values = [value, *frame[column].to_list()[1:]]
        return frame.with_columns(pl.Series(column, values, dtype=pl.String))

    return change


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def left_out(path: str, *, kept: bool = False) -> Spoil:
    """A file that is gone: from the directory alone if `kept` in the manifest."""

    def spoil(directory: Path, manifest: Manifest) -> Manifest:
        (directory / path).unlink()
        entries = {e.path: e for e in manifest.files if kept or e.path != path}
        return said(directory, manifest, entries)

    return spoil


def added(path: str, data: bytes) -> Spoil:
    return lambda directory, manifest: put(directory, manifest, path, data)


def dropped(path: str, data: bytes) -> Spoil:
    """A file that is in the directory alone."""

    def spoil(directory: Path, manifest: Manifest) -> Manifest:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(data)
        return manifest

    return spoil


def told(path: str, **changed: object) -> Spoil:
    """A manifest that says something else of a file."""

    def spoil(directory: Path, manifest: Manifest) -> Manifest:
        entries = {e.path: e for e in manifest.files}
        entries[path] = msgspec.structs.replace(entries[path], **changed)
        return said(directory, manifest, entries)

    return spoil


def overall(**changed: object) -> Spoil:
    return lambda directory, manifest: said(directory, manifest, {e.path: e for e in manifest.files}, **changed)


def cut(directory: Path, manifest: Manifest) -> Manifest:
    path = directory / IDS_OPEN
    path.write_bytes(path.read_bytes()[:-20])
    return manifest


SPOILT: dict[str, Spoilt] = {
    "renamed column": (
        edit(VOLUME_OPEN, lambda f: f.rename({"posts": "tweets"})),
        refusals.SCHEMA,
        VOLUME_OPEN,
        "column posts: missing",
    ),
    "dropped column": (edit(VOLUME_OPEN, lambda f: f.drop("weight")), refusals.SCHEMA, VOLUME_OPEN, "weight: missing"),
    "columns in another order": (
        edit(COVERAGE_OPEN, lambda f: f.select(sorted(f.columns))),
        refusals.SCHEMA,
        COVERAGE_OPEN,
        "not in the order of coverage",
    ),
    "dropped week": (left_out(IDS_CLOSED), refusals.HISTORY, IDS_CLOSED, "was in the release before"),
    "shrunk week": (edit(IDS_OPEN, lambda f: f.head(POSTS - 40)), refusals.HISTORY, IDS_OPEN, "360 rows, 400 before"),
    "changed closed week": (
        edit(IDS_CLOSED, set_first("tweet_id", "11")),
        refusals.HISTORY,
        IDS_CLOSED,
        "a closed week is changed; release it as a hotfix",
    ),
    "text column": (
        edit(IDS_OPEN, lambda f: f.with_columns(text=pl.lit("a post"))),
        refusals.PRIVACY,
        IDS_OPEN,
        "column text: not a column of tweet_ids under the profile public",
    ),
    "handle in a free column": (
        edit(COVERAGE_OPEN, set_first("reason", "asked for @JDupont_75")),
        refusals.PRIVACY,
        COVERAGE_OPEN,
        "column reason: 1 values hold a handle",
    ),
    "e-mail address": (
        edit(COVERAGE_OPEN, set_first("reason", "tell jean.dupont@mail.example")),
        refusals.PRIVACY,
        COVERAGE_OPEN,
        "column reason: 1 values hold an e-mail address",
    ),
    "id beyond its column": (
        edit(COVERAGE_OPEN, set_first("reason", "lost 1886000000000000001")),
        refusals.PRIVACY,
        COVERAGE_OPEN,
        "column reason: 1 values hold an id",
    ),
    "address of X": (
        edit(COVERAGE_OPEN, set_first("reason", "see https://x.com/jdupont")),
        refusals.PRIVACY,
        COVERAGE_OPEN,
        "an address of X",
    ),
    "handle in the card": (
        added("README.md", b"# Elections\nAsk @JDupont_75.\n"),
        refusals.PRIVACY,
        "README.md",
        "1 lines hold a handle",
    ),
    "words for a number": (
        edit(VOLUME_OPEN, set_first("posts", "a post")),
        refusals.PRIVACY,
        VOLUME_OPEN,
        "column posts: 1 values are no integer",
    ),
    "words for an id": (
        edit(IDS_OPEN, set_first("tweet_id", "JDupont")),
        refusals.PRIVACY,
        IDS_OPEN,
        "1 values are no ids of posts",
    ),
    "small count": (
        edit(VOLUME_OPEN, set_first("posts", "3")),
        refusals.PRIVACY,
        VOLUME_OPEN,
        "1 counts of 1 to 4 are told",
    ),
    "duplicate id": (edit(IDS_OPEN, twice), refusals.FILES, IDS_OPEN, "2 rows share their key"),
    "wrong hash": (
        told(IDS_OPEN, sha256="0" * 64),
        refusals.MANIFEST,
        IDS_OPEN,
        "sha256 is",
    ),
    "cut file": (cut, refusals.FILES, IDS_OPEN, "the table cannot be read"),
    "empty file": (dropped("CHANGELOG.md", b""), refusals.FILES, "CHANGELOG.md", "an empty file"),
    "hidden file": (dropped(f"{ELECTION}/.DS_Store", b"x"), refusals.FILES, f"{ELECTION}/.DS_Store", "hidden"),
    "temporary file": (dropped("README.md~", b"x"), refusals.FILES, "README.md~", "temporary"),
    "unknown file": (added("posts.jsonl", b"{}\n"), refusals.FILES, "posts.jsonl", "not a file that a release has"),
    "unlisted file": (dropped("CHANGELOG.md", b"x"), refusals.MANIFEST, "CHANGELOG.md", "not in the manifest"),
    "missing file": (left_out(IDS_OPEN, kept=True), refusals.MANIFEST, IDS_OPEN, "missing"),
    "newest week missing": (left_out(VOLUME_OPEN), refusals.FRESH, VOLUME_OPEN, "missing, and the week is over"),
    "wrong number of rows": (told(VOLUME_OPEN, rows=25), refusals.MANIFEST, VOLUME_OPEN, "24 rows, the man"),
    "wrong table": (told(VOLUME_OPEN, table="coverage"), refusals.MANIFEST, VOLUME_OPEN, "table coverage"),
    "wrong state": (told(VOLUME_OPEN, state="new"), refusals.MANIFEST, VOLUME_OPEN, "and the file is same"),
    "history without a week": (
        told(HISTORY_IDS, rows=4 * POSTS),
        refusals.MANIFEST,
        HISTORY_IDS,
        "1600 rows, its weeks have 2000",
    ),
    "another release before": (overall(previous="2027_03-00000000"), refusals.MANIFEST, "", "made after 2027_03-0000"),
    "another profile": (overall(profile="private"), refusals.MANIFEST, "", "the release before has public"),
    "older schema": (overall(schema_version=0), refusals.SCHEMA, "", "schema version 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_release_is_refused_for_its_reason(
    name: str, before: Release, second: tuple[Path, Manifest], tmp_path: Path
) -> None:
    spoil, rule, path, part = SPOILT[name]
    shutil.copytree(second[0], tmp_path, dirs_exist_ok=True)
    manifest = spoil(tmp_path, second[1])
    found = [r for r in judged(tmp_path, manifest, before) if (r.rule, r.path) == (rule, path) and part in str(r)]
    assert len(found) == 1
    assert found[0].allow
    assert "Dupont" not in str(found)


def changed(files: Files, path: str, change: Callable[[pl.DataFrame], pl.DataFrame], history: str) -> Files:
    """A week and the whole history changed together."""
    made = dict(files)
    made[path] = [change(files[path][0])]
    made[history] = [made[path][0] if frame is files[path][0] else frame for frame in files[history]]
    return made


def more_ids(frame: pl.DataFrame) -> pl.DataFrame:
    last = frame.tail(1).with_columns(tweet_id=(pl.col("tweet_id").cast(pl.Int64) + 1).cast(pl.String))
    return pl.concat([frame, last])


GROWN = {
    "nothing changed": files_of(),
    "a week more": files_of((*WEEKS, NEXT)),
    "late posts in an open week": changed(files_of(), IDS_OPEN, more_ids, HISTORY_IDS),
    "a post taken out of an open week": changed(files_of(), IDS_OPEN, lambda f: f.slice(1), HISTORY_IDS),
    "a second election": {
        **files_of(),
        **{path.replace(ELECTION, "de_2029"): frames for path, frames in files_of().items() if ELECTION in path},
    },
}


@pytest.mark.parametrize("name", GROWN)
def test_a_release_that_is_added_to_passes(name: str, before: Release, tmp_path: Path) -> None:
    assert judged(tmp_path, staged(tmp_path, GROWN[name], before.manifest), before) == []


def test_the_first_release_passes(tmp_path: Path) -> None:
    assert judged(tmp_path, staged(tmp_path), None) == []


def test_a_column_at_the_end_is_an_addition_and_one_before_it_is_not(before: Release, tmp_path: Path) -> None:
    manifest = staged(tmp_path, previous=before.manifest)
    new = Column("posts_new", Kind.INTEGER, "A new count.")
    longer = replace(VOLUME, columns=(*VOLUME.columns, new))
    assert judged(tmp_path, manifest, before, twitter_volume=longer) == []
    first = replace(VOLUME, columns=(new, *VOLUME.columns))
    (found,) = judged(tmp_path, manifest, before, twitter_volume=first)
    assert str(found).startswith("release, column hour: column 1 of twitter_volume was hour (time), and is posts_new")
    other = replace(VOLUME, columns=tuple(replace(c, kind=Kind.STRING) for c in VOLUME.columns))
    assert [r.rule for r in judged(tmp_path, manifest, before, twitter_volume=other)] == [refusals.SCHEMA]
    older = Release(msgspec.structs.replace(before.manifest, schema_version=0), before.columns)
    assert judged(tmp_path, manifest, older, twitter_volume=first) == [], "a major version may change anything"


def test_a_hotfix_may_change_the_closed_weeks_that_it_names(before: Release, tmp_path: Path) -> None:
    files = changed(files_of(), IDS_CLOSED, lambda f: f.head(300), HISTORY_IDS)
    manifest = staged(tmp_path, files, before.manifest)
    assert {r.path for r in judged(tmp_path, manifest, before)} == {IDS_CLOSED, HISTORY_IDS}
    assert judged(tmp_path, manifest, before, Allowed(hotfix=frozenset({IDS_CLOSED, HISTORY_IDS}))) == []


def test_a_week_that_a_person_names_as_redacted_may_lose_a_quarter(before: Release, tmp_path: Path) -> None:
    week = frozenset({f"{ELECTION}/{CLOSED}"})
    files = changed(files_of(), IDS_CLOSED, lambda f: f.slice(f.height // 4), HISTORY_IDS)
    manifest = staged(tmp_path / "three", files, before.manifest)
    assert judged(tmp_path / "three", manifest, before, Allowed(redacted=week)) == []
    lost = judged(tmp_path / "three", manifest, before, Allowed(redacted=frozenset({f"other/{CLOSED}"})))
    assert {r.path for r in lost} == {IDS_CLOSED, HISTORY_IDS}
    files = changed(files_of(), IDS_CLOSED, lambda f: f.slice(f.height // 4 + 1), HISTORY_IDS)
    manifest = staged(tmp_path / "four", files, before.manifest)
    found = judged(tmp_path / "four", manifest, before, Allowed(redacted=week))
    assert [(r.path, r.what.endswith("more than 25.0% are lost")) for r in found] == [(IDS_CLOSED, True)]


def test_a_smaller_fraction_of_ids_may_shrink_every_week_of_ids(before: Release, tmp_path: Path) -> None:
    files = {p: [f.head(f.height // 2) for f in frames] if "/twitter/" in p or p == HISTORY_IDS else frames
             for p, frames in files_of().items()}  # fmt: skip
    assert judged(tmp_path, staged(tmp_path, files, before.manifest, fraction=0.5), before) == []


@pytest.mark.parametrize(("rows", "refused"), [(90, True), (110, False), (3100, False), (3300, True)])
def test_a_new_week_has_about_as_many_rows_as_the_four_before(
    rows: int, refused: bool, before: Release, tmp_path: Path
) -> None:
    files = files_of((*WEEKS, NEXT))
    path = TWEETS_PRODUCT.weekly(ELECTION, NEXT)
    ids = pl.Series("tweet_id", [str(300_000_000_000_000_000 + n) for n in range(rows)])
    frame = pl.DataFrame({"tweet_id": ids, "week": [NEXT] * rows})
    files = changed(files, path, lambda _: frame, HISTORY_IDS)
    manifest = staged(tmp_path, files, before.manifest)
    release_ = release(manifest)
    found = evaluate(tmp_path, release_, before, expected=NEWEST, now=later(7))
    assert [r.path for r in found] == ([path] if refused else [])
    assert evaluate(tmp_path, release_, before, expected=NEWEST, now=NOW) == [], "the week is not over"
    known = Allowed(rows=frozenset({path}))
    assert evaluate(tmp_path, release_, before, expected=NEWEST, now=later(7), allowed=known) == []


def test_sizes_and_numbers_beyond_the_limits_are_refused(before: Release) -> None:
    big = msgspec.structs.replace(before.manifest.files[0], bytes=30 * 10**9)
    many = msgspec.structs.replace(before.manifest, files=(big,) * 5001)
    assert [r.what.partition(";")[0] for r in limits(many)][:3] == [
        "5001 files",
        f"{30 * 10**9 * 5001} bytes in all",
        f"{30 * 10**9} bytes",
    ]
    assert [r.what for r in limits(msgspec.structs.replace(before.manifest, files=()))] == [
        "0 files; allowed: 1 to 5000"
    ]
