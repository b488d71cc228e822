"""What a release changes of the one before: counted from manifests and daily summaries, told in notes and changelog."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.tables import DAILY_SUMMARY, TABLES, TWEET_IDS
from elec_assets.domain.windows import DAY
from elec_assets.transforms.datapackage import datapackage
from elec_assets.transforms.gate import week_window
from elec_assets.transforms.manifest import FileEntry, Manifest, make_manifest
from elec_assets.transforms.publication import PRODUCTS, TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.release_changes import NOTES_LIMIT, ReleaseDiff, SourceRows
from elec_assets.transforms.release_diff import CHANGELOG, changelog, release_diff
from elec_assets.transforms.release_scan import DATAPACKAGE, scan
from elec_assets.transforms.staging import Staging
from elec_assets_tests.transforms.releases import (
    ELECTION,
    NEXT,
    NOW,
    POSTS,
    WEEKS,
    Files,
    files_of,
    filled,
    put,
    staged,
    week_files,
)

DAILY = f"{ELECTION}/daily_summary.csv"
CLOSED = TWEETS_PRODUCT.weekly(ELECTION, WEEKS[0])
OPEN = TWEETS_PRODUCT.weekly(ELECTION, WEEKS[4])


def reader(directory: Path) -> Callable[[str], bytes]:
    return lambda path: (directory / path).read_bytes()


def compared(one: Path, two: Path, first: Manifest, second: Manifest, **reasons: str) -> ReleaseDiff:
    named = {key.replace("__", "/"): value for key, value in reasons.items()}
    return release_diff(first, second, before=reader(one), now=reader(two), reasons=named)


def summary_of(days: int, factor: float = 1.0, changed: int | None = None) -> pl.DataFrame:
    """The daily summary of so many days, two candidates; the numbers of one day may be others."""
    start = week_window(WEEKS[0]).start
    rows = [(n, name) for n in range(days) for name in ("ada", "bob")]
    posts: list[object] = [10.0 * factor + (5.0 if n == changed else 0.0) for n, _ in rows]
    return filled(
        DAILY_SUMMARY,
        len(rows),
        day=[start + DAY * n for n, _ in rows],
        candidate=[name for _, name in rows],
        originals_estimate=posts,
        retweets_estimate=[None if name == "bob" else 2.0 for _, name in rows],
        trends_share=[0.25] * len(rows),
    )


def with_week(week: str, days: int) -> Files:
    return {**files_of((*WEEKS, week)), DAILY: [summary_of(days)]}


@pytest.fixture
def first(tmp_path: Path) -> tuple[Path, Manifest]:
    directory = tmp_path / "first"
    return directory, staged(directory, {**files_of(), DAILY: [summary_of(35)]})


def second(tmp_path: Path, files: Files, previous: Manifest, fraction: float = 1.0) -> tuple[Path, Manifest]:
    directory = tmp_path / "second"
    return directory, staged(directory, files, previous, fraction)


def test_the_first_release_is_all_new(first: tuple[Path, Manifest]) -> None:
    directory, manifest = first
    diff = release_diff(None, manifest, before=None, now=reader(directory))
    assert (diff.files.changed, diff.files.same, diff.files.removed) == ((), (), ())
    assert len(diff.files.new) == len(manifest.files)
    assert diff.rows_added == 5 * (POSTS + 24 + 24)
    assert [(c.candidate, c.days, c.posts) for c in diff.candidates] == [("ada", 35, 420.0), ("bob", 35, 350.0)]
    assert "first release" in diff.changelog_entry()
    assert diff.notes("weekly").splitlines()[0] == "2027-W05 | weekly | +2,240 rows"


def test_a_week_more_is_told_by_source_and_candidate(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    files = with_week(NEXT, 42)
    files[OPEN] = [week_files(WEEKS[4], POSTS + 3)[OPEN]]
    two, after = second(tmp_path, files, before)
    diff = compared(one, two, before, after)
    week = (NEXT,)
    assert diff.rows == (
        SourceRows(ELECTION, "coverage", week, (), 24, 0),
        SourceRows(ELECTION, "twitter", week, (WEEKS[4],), POSTS, 3),
        SourceRows(ELECTION, "twitter_volume", week, (), 24, 0),
    )
    assert (diff.rows_added, diff.last_day) == (POSTS + 3 + 48, "2027-02-14")
    told = {c.candidate: c for c in diff.candidates}
    assert (told["ada"].days, told["ada"].posts, told["ada"].share) == (7, 84.0, 0.25)
    assert (told["bob"].days, told["bob"].posts, told["bob"].revised_days) == (7, 70.0, 0)
    assert diff.closed == ()
    assert diff.notes("weekly").splitlines() == [
        "2027-W05 | weekly | +451 rows",
        f"{ELECTION}, week {NEXT}: coverage +24, twitter +403, twitter_volume +24 rows",
        "Posts of new days: ada 84, bob 70",
    ]
    entry = diff.changelog_entry()
    assert entry.startswith(f"## 2027-W05, after {before.release_id}\n\n+451 rows, days up to 2027-02-14.\n")
    assert f"| twitter | {NEXT} | +400 | {WEEKS[4]} | +3 |" in entry
    assert "| ada | 7 | 84 | 25.0% |  |  |" in entry
    assert f"| coverage | {NEXT} | +24 |  |  |" in entry


def test_days_told_before_with_other_numbers_are_revised(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    two, after = second(tmp_path, {**files_of(), DAILY: [summary_of(35, changed=30)]}, before)
    told = compared(one, two, before, after).candidates
    assert [(c.candidate, c.days, c.posts, c.revised_days, c.revised_posts) for c in told] == [
        ("ada", 0, None, 1, 5.0),
        ("bob", 0, None, 1, 5.0),
    ]


def test_days_that_are_gone_are_told(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    two, after = second(tmp_path, {**files_of(), DAILY: [summary_of(33)]}, before)
    diff = compared(one, two, before, after)
    assert [c.lost_days for c in diff.candidates] == [2, 2]
    assert "| ada | 0 |  |  | 2 gone |  |" in diff.changelog_entry()


def test_a_closed_week_that_changes_is_told_with_its_reason(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    files = files_of()
    files[CLOSED] = [week_files(WEEKS[0], POSTS - 2)[CLOSED]]
    del files[VOLUME_PRODUCT.weekly(ELECTION, WEEKS[1])]
    two, after = second(tmp_path, files, before)
    diff = compared(one, two, before, after, **{f"{ELECTION}__{WEEKS[0]}": "two posts\n were no posts"})
    assert [(c.path, c.rows_before, c.rows, c.reason) for c in diff.closed] == [
        (CLOSED, POSTS, POSTS - 2, "two posts were no posts"),
        (VOLUME_PRODUCT.weekly(ELECTION, WEEKS[1]), 24, None, None),
    ]
    for text in (diff.notes("hotfix"), diff.changelog_entry()):
        assert f"{CLOSED} (-2 rows): two posts were no posts" in text
        assert "(left out): no reason was given" in text


def test_an_open_week_that_changes_needs_no_reason(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    assert next(e for e in before.files if e.path == OPEN).open
    files = {**files_of(), OPEN: [week_files(WEEKS[4], POSTS - 1)[OPEN]]}
    two, after = second(tmp_path, files, before)
    diff = compared(one, two, before, after)
    assert (diff.closed, diff.rows_added) == ((), -1)
    assert diff.notes("weekly").startswith("2027-W05 | weekly | -1 rows\n")


def test_thinner_ids_are_told_once_and_not_as_closed_weeks(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    files = files_of()
    for week in WEEKS:
        path = TWEETS_PRODUCT.weekly(ELECTION, week)
        files[path] = [week_files(week, POSTS // 2)[path]]
    two, after = second(tmp_path, files, before, 0.5)
    diff = compared(one, two, before, after)
    assert (diff.closed, diff.fraction) == ((), 0.5)
    assert "Ids of posts held: 50.0%, before 100.0%" in diff.notes("weekly")


def test_new_columns_and_tables_are_named(first: tuple[Path, Manifest], tmp_path: Path) -> None:
    one, before = first
    before = put(one, before, DATAPACKAGE, datapackage(before.files, "e", "E", "other"))
    two, after = second(tmp_path, files_of(), before)
    package = json.loads(datapackage(after.files, "e", "E", "other"))
    ids = [r for r in package["resources"] if r["table"] == TWEET_IDS.name and "schema" in r]
    for resource in ids:
        resource["schema"]["fields"].append({"name": "language", "type": "string"})
    package["resources"].append({**ids[0], "table": "polls"})
    after = put(two, after, DATAPACKAGE, json.dumps(package).encode())
    assert compared(one, two, before, after).columns == ("polls", f"{TWEET_IDS.name}.language")


def test_unchanged_content_has_the_changelog_of_before_and_so_its_hash(tmp_path: Path) -> None:
    """An entry a staging would make every release another: nothing would ever be skipped as unchanged."""

    def release(name: str, files: Files, previous: Manifest | None, before: Path | None) -> tuple[Path, Manifest]:
        directory = tmp_path / name
        staging = Staging(directory, "public", NOW, previous)
        for path, frames in files.items():
            staging.table(path, frames)
        so_far = make_manifest(WEEKS[4], staging.entries, profile="public")
        diff = release_diff(previous, so_far, before=None if before is None else reader(before), now=reader(directory))
        text = None if before is None else (before / CHANGELOG).read_bytes()
        staging.document(CHANGELOG, changelog(text, diff))
        finished = staging.finish(WEEKS[4])
        again = release_diff(
            previous, finished, before=None if before is None else reader(before), now=reader(directory)
        )
        assert again == diff
        return directory, finished

    one, first = release("1", files_of(), None, None)
    _, same = release("2", files_of(), first, one)
    assert same.content_sha256 == first.content_sha256
    three, third = release("3", files_of((*WEEKS, NEXT)), first, one)
    text = (three / CHANGELOG).read_text(encoding="utf-8")
    assert third.content_sha256 != first.content_sha256
    assert text.index(f"after {first.release_id}") < text.index("first release")
    assert text.count("# Changelog\n") == 1
    assert text.count("\n## ") == 2
    four, fourth = release("4", files_of((*WEEKS, NEXT)), first, one)
    assert ((four / CHANGELOG).read_bytes(), fourth) == ((three / CHANGELOG).read_bytes(), third)
    assert scan(three, "public").refusals == []


def manifest_of(rows: dict[tuple[str, str], int], previous: Manifest | None) -> Manifest:
    """A manifest of weekly files of so many rows, by product and week; the rows stand for the content."""
    entries = []
    for (folder, week), count in rows.items():
        product = next(p for p in PRODUCTS if p.folder == folder)
        digest = f"{count:064x}"
        entries.append(
            FileEntry(
                path=product.weekly(ELECTION, week), sha256=digest, bytes=count + 1, plain_sha256=digest,
                plain_bytes=count + 1, rows=count, table=product.public.name, partition=week,
                open=week == WEEKS[-1],
            )
        )  # fmt: skip
    return make_manifest(
        WEEKS[-1], entries, profile="public", previous=None if previous is None else previous.release_id
    )


CONTENTS = st.dictionaries(
    st.tuples(st.sampled_from([product.folder for product in PRODUCTS]), st.sampled_from(WEEKS)),
    st.integers(0, 10**6),
)


@given(CONTENTS, CONTENTS)
def test_all_that_is_told_adds_up(one: dict[tuple[str, str], int], two: dict[tuple[str, str], int]) -> None:
    before = manifest_of(one, None)
    after = manifest_of(two, before)
    diff = release_diff(before, after, before=no_reading, now=no_reading)
    assert diff.rows_added == sum(two.values()) - sum(one.values())
    assert sum(row.added for row in diff.rows) == diff.rows_added
    assert diff.unchanged == (one == two)
    files = diff.files
    assert sorted([*files.new, *files.changed, *files.same]) == [entry.path for entry in after.files]
    changed = {*files.changed, *files.removed}
    assert {closed.path for closed in diff.closed} == {path for path in changed if WEEKS[-1] not in path}
    notes = diff.notes("weekly")
    assert len(notes) <= NOTES_LIMIT
    assert notes.startswith(f"2027-W05 | weekly | {diff.rows_added:+,} rows")
    first = changelog(None, release_diff(None, before, before=None, now=no_reading))
    text = changelog(first, diff)
    assert (text == first) == diff.unchanged
    assert text.count(b"\n## ") == 1 + (one != two)


def no_reading(path: str) -> bytes:
    raise AssertionError(f"{path} is not in the manifest")


@pytest.mark.parametrize("elections", [1, 40])
def test_notes_keep_to_the_limit_and_to_whole_lines(first: tuple[Path, Manifest], elections: int) -> None:
    directory, manifest = first
    diff = release_diff(None, manifest, before=None, now=reader(directory))
    rows = tuple(replace(diff.rows[0], election=f"e{n}_presidential") for n in range(elections))
    notes = replace(diff, rows=rows, candidates=()).notes("weekly")
    assert len(notes) <= NOTES_LIMIT
    whole = notes.splitlines()
    assert all(line.endswith(" rows") for line in whole[: None if elections == 1 else -1])
    assert (whole[-1] == "More in CHANGELOG.md.") == (elections == 40)


def test_a_daily_summary_that_is_none_is_refused_by_its_path(first: tuple[Path, Manifest]) -> None:
    directory, manifest = first
    (directory / DAILY).write_bytes(b"a,b\n1,2\n")
    with pytest.raises(ValueError, match=rf"{DAILY}: no daily summary"):
        release_diff(None, manifest, before=None, now=reader(directory))


def test_every_change_is_in_the_json(first: tuple[Path, Manifest]) -> None:
    directory, manifest = first
    told = release_diff(None, manifest, before=None, now=reader(directory)).as_dict()
    assert json.loads(json.dumps(told))["rows_added"] == 2_240
    assert set(TABLES) >= set(told["columns"])
