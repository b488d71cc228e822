"""The tables of a release from the weekly files of a store: they pass the gate, and hold what the profile leaves."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from elec_assets.clients.release_snapshot import Snapshot, stage_tables
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.tables import ALL_CANDIDATES, CALIBRATED_INTEREST, COVERAGE, TWEETS, VOLUME
from elec_assets.domain.windows import HOUR
from elec_assets.transforms.gate import evaluate, week_window
from elec_assets.transforms.manifest import Manifest, Profile
from elec_assets.transforms.staging import Staging
from elec_assets_tests.transforms.releases import ELECTION, NOW, WEEKS, filled, release

HELD = WEEKS[-2:]
START = week_window(WEEKS[0]).start
RACE = Election(
    ELECTION,
    "Test",
    "FR",
    Calendar(
        START, START + timedelta(days=90), ((START + timedelta(days=60)).date(),), (NOW + timedelta(days=90)).date()
    ),
    {},
    areas={"fr": "FR", "world": ""},
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two weeks of posts, volume, coverage and calibrated interest."""
    made = open_store((tmp_path / "store").as_uri())
    for number, week in enumerate(HELD):
        window = week_window(week)
        hours: list[object] = [window.start + HOUR * n for n in range(24)]
        ids: list[object] = [str((number + 1) * 10**15 + n) for n in range(40)]
        about: list[object] = [["ada"] if n < 30 else [] for n in range(40)]
        names: list[object] = [f"{window.start + HOUR * n:%Y-%m-%d-%H:%M}" for n in range(24)]
        posts: list[object] = [3, 9, *(7 for _ in range(22))]
        areas: list[object] = ["fr", "world"]
        stored = [
            ("twitter", TWEETS, filled(TWEETS, 40, tweet_id=ids, candidates=about)),
            ("twitter_volume", VOLUME, filled(VOLUME, 24, hour=hours, candidate=["ada"] * 24, posts=posts)),
            ("coverage", COVERAGE, filled(COVERAGE, 24, partition=names, window_start=hours, source=["twitter"] * 24)),
            (
                "google_trends/calibrated_interest",
                CALIBRATED_INTEREST,
                filled(CALIBRATED_INTEREST, 2, area=areas, window=["daily"] * 2, candidate_id=["ada"] * 2,
                       period_start=hours[:1] * 2, ts=hours[:1] * 2, partition=[names[0]] * 2),
            ),
        ]  # fmt: skip
        for product, table, frame in stored:
            WeeklyArchive(made, ELECTION, product, table).write(window, [frame])
    return made


def made(store: Store, directory: Path, profile: Profile) -> tuple[Snapshot, Manifest]:
    staging = Staging(directory, profile, NOW)
    told = stage_tables(staging, store, [RACE], filled(ALL_CANDIDATES, 1), profile)
    return told, staging.finish(HELD[-1], told.id_fraction)


def test_a_public_snapshot_passes_the_gate_and_holds_no_text(store: Store, tmp_path: Path) -> None:
    directory = tmp_path / "public"
    told, manifest = made(store, directory, "public")
    assert evaluate(directory, release(manifest), None, expected=frozenset(), now=NOW) == []
    ids = pl.read_parquet(directory / ELECTION / "parquet" / "twitter.parquet")
    assert (ids.height, ids.columns) == (60, ["tweet_id", "week"])
    volume = pl.read_csv(directory / ELECTION / "twitter_volume" / f"{HELD[0]}.csv.gz")
    assert volume["posts"].to_list()[:3] == [None, 9, None], "3 is hidden, and the smallest other of its day"
    daily = pl.read_csv(directory / ELECTION / "daily_summary.csv")
    assert daily["originals_estimate"].to_list() == [pytest.approx(1162, abs=25)] * 2, "166 posts, 7 for each"
    assert daily["trends_area"].to_list() == ["fr", "fr"]
    assert (told.weeks, told.id_fraction) == ({ELECTION: HELD}, 1.0)
    assert [week.week for week in told.coverage[ELECTION]] == list(HELD)


def test_the_same_store_makes_the_same_bytes(store: Store, tmp_path: Path) -> None:
    assert made(store, tmp_path / "one", "public")[1] == made(store, tmp_path / "two", "public")[1]


def test_a_private_snapshot_holds_every_column(store: Store, tmp_path: Path) -> None:
    directory = tmp_path / "private"
    _, manifest = made(store, directory, "private")
    assert evaluate(directory, release(manifest), None, expected=frozenset(), now=NOW) == []
    posts = pl.read_csv(directory / ELECTION / "twitter" / f"{HELD[0]}.csv.gz", infer_schema=False)
    assert (posts.columns, posts.height) == (list(TWEETS.names), 40)


def test_a_store_without_weeks_makes_a_release_of_candidates_alone(tmp_path: Path) -> None:
    _, manifest = made(open_store((tmp_path / "none").as_uri()), tmp_path / "public", "public")
    assert [entry.path for entry in manifest.files] == ["candidates.csv"]
