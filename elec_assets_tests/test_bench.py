"""The benchmarks at tiny sizes: their input, their peers' agreement, what they print, how they end."""

import argparse
import importlib
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from bench import gzip_bytes, hourly_run, imports, posts, report, rollup, week
from bench.measure import Figures, PathFailed, Stages, command_cost, measure
from bench.peers import check, week_input, week_ours
from bench.peers.columns import MATCHED
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import created_ms, from_epoch_ms
from elec_assets_tests.deployment import REPOSITORY

SIZE, HOURS = 1500, 1


def ids(line: str) -> int:
    return int(json.loads(line)["data"]["id"])


@pytest.fixture(scope="module")
def batches() -> list[list[str]]:
    return list(posts.batches(7, SIZE))


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return posts.prepare(tmp_path_factory.mktemp("bench"), 7, SIZE, HOURS)


def run(peer: str, folder: Path, out: Path, **job: object) -> Figures:
    """A peer in this process."""
    out.mkdir()
    figures = importlib.import_module(f"bench.peers.{peer}").run({"input": str(folder), "out": str(out), **job})
    assert isinstance(figures, dict)
    return figures


def test_a_seed_gives_the_same_lines_and_another_seed_others(batches: list[list[str]]) -> None:
    assert list(islice(posts.batches(7, SIZE), 500)) == batches[:500]
    assert list(islice(posts.batches(8, SIZE), 50)) != batches[:50]


def test_a_week_is_2016_batches_of_three_kilobytes_a_line(batches: list[list[str]]) -> None:
    lines = [line for batch in batches for line in batch]
    assert len(batches) == 2016
    assert 2800 < sum(len(line.encode()) for line in lines) / len(lines) < 3300
    assert len({ids(line) for line in lines}) == SIZE
    assert 0.037 < len(lines) / SIZE - 1 < 0.057


def test_posts_are_received_in_their_slot_or_the_next(batches: list[list[str]]) -> None:
    later = set()
    for slot, batch in enumerate(batches):
        for line in batch:
            made = created_ms(ids(line))
            assert made is not None
            assert from_epoch_ms(made) in posts.WEEK
            later.add(slot - (made - int(posts.WEEK.start.timestamp() * 1000)) // posts.SLOT_MS)
    assert later == {0, 1}


def test_a_copy_differs_in_nothing_but_its_counts(batches: list[list[str]]) -> None:
    copies: dict[int, list[str]] = {}
    for line in (line for batch in batches for line in batch):
        copies.setdefault(ids(line), []).append(line)
    again = [lines for lines in copies.values() if len(lines) == 2]
    changed = [lines for lines in again if lines[0] != lines[1]]
    assert 0.1 < len(changed) / len(again) < 0.4
    for lines in changed:
        one, other = (json.loads(line) for line in lines)
        assert one["data"].pop("public_metrics") != other["data"].pop("public_metrics")
        assert one == other


def test_all_paths_of_the_rollup_write_the_same_posts(raw: Path, tmp_path: Path) -> None:
    peers = ("ours", "2021", "duckdb")
    csvs = {peer: run(f"rollup_{peer}", raw, tmp_path / peer)["csv"] for peer in peers}
    csvs["ours_bare"] = run("rollup_ours", raw, tmp_path / "bare", bare=True)["csv"]
    found = check.run({"csv": csvs})
    assert {path["rows"] for path in found.values()} == {SIZE}
    assert len({path["ids"] for path in found.values()}) == 1
    assert len({path["values"] for path in found.values()}) == 1
    assert [name for name in found["ours"]["columns"] if name not in MATCHED] == found["2021"]["columns"]
    assert found["2021"]["columns"] == found["duckdb"]["columns"]

    table = pl.read_parquet(next((tmp_path / "ours").rglob("weekly/twitter/*.parquet")))
    lists = [c.name for c in TWEETS.columns if table.schema[c.name] == pl.List(pl.String)]
    never = [name for name in table.columns if table[name].null_count() == table.height]
    assert never == [], "the generator makes all that the tables hold"
    assert [name for name in lists if table[name].list.len().sum() == 0] == []

    floor = run("rollup_floor", raw, tmp_path / "floor", csv=csvs["ours"])
    assert floor["lines"] == posts.corpus(raw).lines
    assert all(cpu > 0 for cpu in floor["stages"].values())


def test_all_paths_of_the_week_write_the_same_posts(raw: Path, tmp_path: Path) -> None:
    hours = tmp_path / "hours"
    hours.mkdir()
    made = week_input.run({"input": str(raw), "out": str(hours), "times": 1.5, "seed": 7})
    peers = [peer for peer in week.PEERS if peer != "ours_csv"]
    csvs = {peer: run(f"week_{peer}", hours, tmp_path / peer)["csv"] for peer in peers}
    csvs["ours_csv"] = run("week_ours", hours, tmp_path / "ours_csv", csv_only=True)["csv"]
    found = check.run({"csv": csvs, "plain": ["ours", "ours_csv", "polars_sink", "polars_sort"]})
    assert abs(made["rows"] - 1.5 * SIZE) < HOURS
    assert {(path["rows"], path["unique"]) for path in found.values()} == {(made["rows"], made["rows"])}
    assert len({path["ids"] for path in found.values()}) == 1
    assert len({path["values"] for path in found.values()}) == 1
    assert len({path["plain"] for path in found.values()} - {None}) == 1


def test_the_check_tells_files_of_other_posts_apart(tmp_path: Path) -> None:
    header = "tweet_id,author_id,kind,lang,like_count,retweet_count,author_username\n"
    for name, row in (("a", "1,2,reply,fr,0,0,x"), ("b", "3,2,reply,fr,0,0,x"), ("c", "1,2,reply,fr,9,0,x")):
        (tmp_path / name).write_text(f"{header}{row}\n", encoding="utf-8")
    found = check.run({"csv": {name: str(tmp_path / name) for name in "abc"}})
    assert found["a"]["ids"] == found["c"]["ids"] != found["b"]["ids"]
    assert found["a"]["values"] == found["b"]["values"] != found["c"]["values"]


@pytest.mark.parametrize("cut", gzip_bytes.CUTS)
def test_a_week_cut_otherwise_holds_the_same_rows(cut: str) -> None:
    hours = [pl.DataFrame({"n": range(start, start + 900)}) for start in range(0, 9000, 900)]
    pieces = list(week_ours.cut(iter(hours), cut))
    assert pl.concat(pieces)["n"].to_list() == list(range(9000))
    assert [piece.height for piece in pieces] != [900] * 10 or cut == "hours"


def test_with_json_one_object_is_printed_and_nothing_else(tmp_path: Path) -> None:
    options = ["--size", "50", "--hours", "1", "--only", "ours", "--dir", str(tmp_path), "--json"]
    command = [sys.executable, "-m", "bench.rollup", *options]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 50 <= told["headline"]["lines"] < 60
    assert told["headline"]["peak_mib_ours"] > 10
    assert [row["path"] for row in told["rows"]] == ["ours"]
    assert "week" in {row["stage"] for row in told["stages"]}
    assert all(row["cpu_s"] > 0 for row in told["rows"])
    assert "running ours" in done.stderr


@pytest.mark.parametrize(
    "wrong", [["--only", "ours,fast"], ["--only", "floor"], ["--size", "0"], ["--repeat", "0"], ["--hours", "169"]]
)
def test_a_wrong_option_ends_with_2_and_says_what_is_allowed(
    wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = report.options("rollup", "", size=10, unit="posts", peers=rollup.PEERS)
    assert report.main(parser, rollup.bench, [*wrong, "--dir", str(tmp_path / "unused")]) == report.WRONG_INPUT
    said = capsys.readouterr()
    assert wrong[0] in said.err
    assert said.out == ""
    assert not (tmp_path / "unused").exists()


def test_a_path_that_fails_ends_the_benchmark_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    def bench(_: argparse.Namespace) -> report.Report:
        measure("broken", "bench.peers.no_such_peer", {})
        raise AssertionError("it did not fail")

    assert report.main(report.options("x", "", size=1, unit="", peers=()), bench, []) == report.FAILED
    assert "no_such_peer" in capsys.readouterr().err


def test_cpu_of_a_process_and_of_its_children_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.25: pass"
    command = [
        sys.executable,
        "-c",
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])\n{burn}",
    ]
    assert 0.5 <= command_cost("burn", command)[1].cpu_s < 5
    with pytest.raises(PathFailed, match="code 3"):
        command_cost("exits", [sys.executable, "-c", "raise SystemExit(3)"])


def test_a_stage_inside_another_is_taken_off_it() -> None:
    stages = Stages()
    stages.cpu_s = {"all": 5.0, "part": 2.0}
    stages.rest("rest", "all", "part")
    assert stages.cpu_s == {"part": 2.0, "rest": 3.0}


def test_a_table_has_its_numbers_to_the_right() -> None:
    assert report.table([{"path": "ours", "rows": 1000}, {"path": "b", "rows": None}]) == (
        "path   rows\n----  -----\nours  1,000\nb"
    )


def test_slow_imports_are_listed_with_who_makes_them() -> None:
    told = """\
import from: pandas elec_assets.transforms.frames:56
import time:      1000 |      30000 |     pandas.core
import time:      2000 |      90000 |   pandas
import from: json elec_assets.cli:3
import time:       100 |       1000 | json
import time:      9000 |      99000 | dagster
"""
    found = imports.parse(told)
    assert [(i.module, i.total_ms) for i in found] == [
        ("pandas.core", 30),
        ("pandas", 90),
        ("json", 1),
        ("dagster", 99),
    ]
    assert imports.slow(found, {"dagster"}, 20) == [
        {"module": "pandas", "total_ms": 90, "own_ms": 2, "pulled_by": "elec_assets.transforms.frames:56"},
        {"module": "pandas.core", "total_ms": 30, "own_ms": 1, "pulled_by": ""},
    ]


@pytest.mark.prove
def test_the_weekly_files_are_the_same_bytes_however_they_are_made(tmp_path: Path) -> None:
    parser = report.options("gzip_bytes", "", size=1, unit="", peers=())
    told = gzip_bytes.bench(parser.parse_args(["--size", "3000", "--hours", "3", "--dir", str(tmp_path)]))
    assert told.headline == {"same_csv_gz": 1, "same_parquet": 1}
    assert len(told.rows) == len(gzip_bytes.CUTS) * len(gzip_bytes.THREADS)


@pytest.mark.prove
def test_an_hourly_run_is_measured_beside_an_import_of_dagster() -> None:
    parser = report.options("hourly_run", "", size=1, unit="", peers=())
    told = hourly_run.bench(parser.parse_args(["--size", "100"]))
    assert 0 < told.headline["cpu_beyond_dagster_s"] < told.headline["cpu_s_execute_run"]
    assert "polars" in {row["module"] for row in told.more["imports"]}
