"""Two search pages that X really sent, through the sandbox and plain Dagster commands, into weekly files.

The commands are those of the README, so a user may repeat them with pages of their own.
"""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from elec_assets_tests.deployment import REPOSITORY, dagster, environment
from elec_assets_tests.plain_reading import PEOPLE, Recording, Row

ELECTION = "recorded"
# Hours that hold the recorded posts, and one that holds none.
HOURS = ("2021-09-22-16:00", "2022-09-25-22:00", "2022-09-25-23:00")
WEEKS = {"2021-09-20": "2021_38", "2022-09-19": "2022_38"}
# Known only to whoever received them.
OWN = {"received_at", "metrics_at", "batch_id"}
# What the commands do, in one process: each takes 6 s to start.
IN_ONE_PROCESS = """
import sys
import dagster as dg
from elec_assets.definitions import defs
job = defs().resolve_implicit_global_asset_job_def()
with dg.DagsterInstance.get() as instance:
    for asset, partition in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        key = dg.AssetKey(asset.split("/"))
        assert job.execute_in_process(instance=instance, asset_selection=[key], partition_key=partition).success
"""


# Read when the module is: other fixtures empty the environment of ELEC_ variables.
RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS") or REPOSITORY / ".." / "shared" / "data")


@pytest.fixture(scope="module")
def pages() -> dict[str, Path]:
    """The recorded pages by the week of their posts."""
    folder = RECORDINGS / "x"
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}: set ELEC_TEST_RECORDINGS")
    return {
        "2021_38": folder / "recorded_search_page_kpop.jsonl",
        "2022_38": folder / "recorded_search_page_entities.jsonl",
    }


@contextmanager
def sandbox(pages: list[Path], env: dict[str, str], cwd: Path) -> Iterator[str]:
    """`elec sandbox x` over recorded pages; its address."""
    replay = [word for page in pages for word in ("--replay", str(page))]
    command = [str(Path(sys.executable).with_name("elec")), "sandbox", "x", *replay, "--match", "all"]
    with subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as x:
        try:
            assert x.stdout is not None
            yield x.stdout.readline().strip()
        finally:
            x.terminate()


def registry() -> str:
    people = {
        key: {"name": name, "status": 1, "twitter_account": [f"@{account}"], "terms": [term]}
        for key, (name, account, term) in PEOPLE.items()
    }
    election = {
        "name": "Recorded pages",
        "country": "FR",
        "calendar": {
            "collect_from": "2021-09-20",
            "collect_until": "2022-10-03",
            "rounds": ["2022-04-10"],
            "inauguration": "2022-05-14",
        },
        "candidates": people,
    }
    return json.dumps({"elections": {ELECTION: election}}, ensure_ascii=False)  # JSON is YAML


@pytest.fixture(scope="module", params=["one process", pytest.param("a command each", marks=pytest.mark.prove)])
def store(request: pytest.FixtureRequest, pages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store after the hours and the weeks were materialized."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "candidates.yaml").write_text(registry(), encoding="utf-8")
    made = folder / "store"
    env = environment(
        folder,
        ELEC_REGISTRY=str(folder / "candidates.yaml"),
        ELEC_STORE=str(made),
        X_BEARER_TOKEN="sandbox-token",
    )

    wanted = [("twitter/tweets", hour) for hour in HOURS] + [("twitter/weekly", week) for week in WEEKS]
    with sandbox(list(pages.values()), env, folder) as url:
        env["ELEC_X_BASE_URL"] = url
        if request.param == "one process":
            words = [word for product, partition in wanted for word in (f"{ELECTION}/{product}", partition)]
            subprocess.run([sys.executable, "-c", IN_ONE_PROCESS, *words], env=env, cwd=folder, check=True, timeout=120)
        else:
            for product, partition in wanted:
                materialized(product, partition, env, folder)
    return made


def materialized(product: str, partition: str, env: dict[str, str], folder: Path) -> None:
    asked = ["-m", "elec_assets.definitions", "--select", f"{ELECTION}/{product}", "--partition", partition]
    done = dagster(["asset", "materialize", *asked], env, folder)
    assert done.returncode == 0, done.stderr


def weekly(store: Path, week: str) -> list[Row]:
    packed = (store / ELECTION / "weekly" / "twitter" / f"{week}.csv.gz").read_bytes()
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode(), newline="")))


def test_the_weekly_files_hold_exactly_the_recorded_posts(store: Path, pages: dict[str, Path]) -> None:
    ids = {week: [row["tweet_id"] for row in weekly(store, week)] for week in WEEKS.values()}
    for week, page in pages.items():
        recorded = [post["id"] for post in json.loads(page.read_text(encoding="utf-8"))["data"]]
        assert ids[week] == sorted(recorded, key=int)
    assert {week: len(found) for week, found in ids.items()} == {"2021_38": 100, "2022_38": 474}


@pytest.mark.parametrize("week", sorted(WEEKS.values()))
def test_every_column_is_what_x_sent(store: Path, pages: dict[str, Path], week: str) -> None:
    expected = Recording(pages[week]).rows()
    found = weekly(store, week)
    assert set(found[0]) - set(expected[0]) == OWN
    differences = [
        (row["tweet_id"], name, row[name], wanted[name])
        for row, wanted in zip(found, expected, strict=True)
        for name in wanted
        if row[name] != wanted[name]
    ]
    assert differences[:5] == []
    # What was compared is not nothing.
    for name in ("retweeted_id", "hashtags", "mentions", "urls", "candidates", "author_username"):
        assert any(row[name] not in ("", "[]") for row in found), name


def test_times_made_from_ids_are_the_recorded_ones(store: Path, pages: dict[str, Path]) -> None:
    """X writes whole seconds; the id knows the milliseconds."""
    for week, page in pages.items():
        recorded = {p["id"]: p["created_at"] for p in json.loads(page.read_text(encoding="utf-8"))["data"]}
        assert {row["tweet_id"]: f"{row['created_at'][:19]}.000Z" for row in weekly(store, week)} == recorded


def test_an_hour_without_posts_is_empty_not_missing(store: Path) -> None:
    coverage = json.loads((store / ELECTION / "data/coverage/twitter/20220925/22.json").read_text(encoding="utf-8"))
    assert (coverage["outcome"], coverage["rows"], coverage["missed_s"]) == ("empty", 0, 0.0)


def test_own_columns_tell_where_a_row_came_from(store: Path) -> None:
    """Each row names the raw page that holds it, as received."""
    for week in WEEKS.values():
        for row in weekly(store, week):
            assert row["received_at"] == row["metrics_at"]
            batch = row["batch_id"]
            page = store / ELECTION / "data/raw/twitter_search" / batch[:8] / f"{batch}.json.gz"
            assert f'"{row["tweet_id"]}"'.encode() in gzip.decompress(page.read_bytes())
