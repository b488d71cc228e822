"""What describes a release to people: card, dictionary, cover and coverage, all of which a public release may hold."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from elec_assets.domain.tables import COVERAGE, DAILY_SUMMARY
from elec_assets.transforms.cover import HEIGHT, WIDTH, WeekCoverage, cover, coverage_weeks
from elec_assets.transforms.croissant import croissant
from elec_assets.transforms.data_card import Card, CardElection, coverage_of, data_card
from elec_assets.transforms.datapackage import datapackage
from elec_assets.transforms.dictionary import release_dictionary
from elec_assets.transforms.manifest import FileEntry, Profile
from elec_assets.transforms.publication import PRODUCTS
from elec_assets.transforms.release_scan import COVERAGE_PICTURE, CROISSANT, DATAPACKAGE, scan
from elec_assets_tests.transforms import awkward
from elec_assets_tests.transforms.releases import ELECTION, filled, staged

DAY = datetime(2027, 2, 1, tzinfo=UTC)
WEEKS = [WeekCoverage(f"2026_{n:02d}", 168.0, 100.0, 60.0, 8.0) for n in range(1, 15)]


def daily(days: int, missing: tuple[int, ...] = ()) -> pl.DataFrame:
    kept = [n for n in range(days) if n not in missing]
    when: list[object] = [DAY + timedelta(days=n) for n in kept for _ in "ab"]
    names: list[object] = ["ada", "<bob>"] * len(kept)
    posts: list[object] = [float(10 * n + len(str(name))) for n in kept for name in ("ada", "bob")]
    return filled(DAILY_SUMMARY, len(when), day=when, candidate=names, originals_estimate=posts)


def card(entries: tuple[FileEntry, ...], profile: Profile = "public", fraction: float = 1.0) -> str:
    election = CardElection(ELECTION, "French presidential election 2027", 12, "Posts are heard all the time.", WEEKS)
    made = data_card(Card("Elections", "me/elections", profile, fraction, "weekly", [election], entries))
    return made.decode()


def test_the_card_tells_coverage_files_terms_and_how_to_cite(tmp_path: Path) -> None:
    text = card(staged(tmp_path).files)
    assert "| 2026_14 | 168 | 100.0 | 60.0 | 8.0 | 95.2% |" in text
    assert "2026_02 |" not in text, "the last twelve weeks"
    assert "| `{election}/twitter/` | 5 | 2,000 |" in text
    assert "| `{election}/daily_summary.csv` | 1 | 35 |" in text
    assert "| `candidates.csv` | 1 | 2 |" in text
    assert "1,500,000 ids" in text
    assert "https://www.kaggle.com/datasets/me/elections" in text
    assert "50.0% of the ids" in card((), fraction=0.5)
    assert "must stay private" in card((), profile="private")
    assert len(text) < 6_500


def test_every_folder_that_the_card_names_is_there(tmp_path: Path) -> None:
    """It named tables, and said that they lie in folders of that name: there is no folder `tweet_ids`."""
    entries = awkward.staged(tmp_path, "public")[0].files
    text = card(entries)
    named = re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert {name.replace("{election}", ELECTION).rstrip("/") for name in named} <= there
    products = {product.folder for product in PRODUCTS}
    folders = {name.removeprefix("{election}/").rstrip("/") for name in named if name.endswith("/")}
    assert folders == {folder for folder in products if not folder.endswith("_samples")}
    assert "holds all samples" in text


def test_the_cards_own_code_runs_on_the_release(tmp_path: Path) -> None:
    text = card(staged(tmp_path).files)
    blocks = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    assert [len(block.strip().splitlines()) for block in blocks] == [3, 3]
    done = subprocess.run(
        [sys.executable, "-c", "".join(blocks)], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "840" in done.stdout, "5 weeks of 24 hours, 7 posts each"


def test_a_public_release_may_hold_all_that_describes_it(tmp_path: Path) -> None:
    entries = staged(tmp_path).files
    made = {
        "README.md": card(entries),
        "DATA_DICTIONARY.md": release_dictionary(dict.fromkeys(p.public for p in PRODUCTS)),
        DATAPACKAGE: datapackage(entries, "elections", "Elections", "other").decode(),
        CROISSANT: croissant(entries, title="E", description="d", url="u", cite="c", day="2027-02-07").decode(),
        COVERAGE_PICTURE: coverage_weeks(ELECTION, WEEKS),
    }
    (tmp_path / "meta").mkdir()
    for path, text in made.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert scan(tmp_path, "public").refusals == []
    assert "`quoted_text`" not in made["DATA_DICTIONARY.md"]


def test_the_cover_is_of_kaggles_size_and_broken_where_days_are_missing() -> None:
    root = ET.fromstring(cover("Elections & more", "Posts a day", daily(10, missing=(4, 5))))  # noqa: S314 - our own
    assert (root.get("width"), root.get("height")) == (str(WIDTH), str(HEIGHT)) == ("560", "280")
    lines = [e.get("points") or "" for e in root if e.tag.endswith("polyline")]
    assert [len(points.split()) for points in lines] == [4, 4, 4, 4], "two candidates, before and after the gap"
    places = [tuple(map(float, point.split(","))) for points in lines for point in points.split()]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert cover("E", "s", daily(0)).endswith("</svg>")
    assert cover("E", "s", daily(1)) == cover("E", "s", daily(1))


def test_a_day_of_which_little_was_covered_is_a_gap_of_the_cover_and_no_silence() -> None:
    """An outage of 23 hours, and the running day, were drawn as lines that fall to nothing."""
    days = daily(10)
    covered = pl.when(pl.col("day") == DAY + timedelta(days=4)).then(0.04).otherwise(1.0)
    root = ET.fromstring(cover("E", "s", days.with_columns(originals_coverage=covered)))  # noqa: S314 - our own
    lines = [e.get("points") or "" for e in root if e.tag.endswith("polyline")]
    assert sorted(len(points.split()) for points in lines) == [4, 4, 5, 5]


def test_long_titles_and_names_stay_inside_the_cover() -> None:
    names = {"ada": "Ada-Wilhelmine von und zu Hohenlohe-Langenburg", "<bob>": "Bob"}
    root = ET.fromstring(cover("W" * 50, "s" * 80, daily(3), names))  # noqa: S314 - our own
    texts = {e.text or "": float(e.get("font-size") or 0) for e in root if e.tag.endswith("text")}
    assert 50 * 0.6 * texts["W" * 50] <= WIDTH
    assert 80 * 0.6 * texts["s" * 80] <= WIDTH
    assert "Bob" in texts
    assert any(text.startswith("Ada-Wilhelmine") and text.endswith("\u2026") for text in texts)


def test_the_picture_of_coverage_has_a_bar_a_part_of_each_week() -> None:
    root = ET.fromstring(coverage_weeks(ELECTION, WEEKS))  # noqa: S314 - our own
    bars = [e for e in root if e.tag.endswith("rect") and len(e)]
    assert len(bars) == 3 * len(WEEKS)
    assert ET.fromstring(coverage_weeks(ELECTION, [])).get("width") is not None  # noqa: S314 - our own


def test_coverage_of_a_week_is_that_of_its_posts() -> None:
    seconds: list[object] = [3600.0, 3600.0, 3600.0]
    sources: list[object] = ["twitter", "twitter", "google_trends"]
    nothing: list[object] = [0.0, 3600.0, 0.0]
    table = filled(
        COVERAGE, 3, source=sources, planned_s=seconds, captured_s=nothing, filled_s=[900.0, 0.0, 0.0],
        missed_s=[2700.0, 0.0, 0.0],
    )  # fmt: skip
    week = coverage_of(table, "2027_05")
    assert week == WeekCoverage("2027_05", 2.0, 1.0, 0.25, 0.75)
    assert week.covered == 0.625
