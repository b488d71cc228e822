"""`elec demo`, as a newcomer runs it: one demo, started once and stopped by Ctrl-C; each test reads what it left.

It runs under the loopback guard, which refuses and logs whatever Python sends elsewhere, and under strace where that
works, which sees the sockets of the Rust and C++ libraries too (obstore, polars, gRPC); else their sockets are sampled.
Its environment names proxies and accounts that it must not use.
"""

import csv
import gzip
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import CANDIDATES, COVERAGE, TWEETS
from elec_assets.domain.windows import DAY, HOUR, WEEK, Grain, Window, floor, split, year_week
from elec_assets.operations.demo_setup import DATASET, ELECTION
from elec_assets.operations.demo_summary import collected_hours
from elec_assets_tests.e2e.demo_process import SECRET, DemoProcess, new_demo
from elec_assets_tests.loopback.guard import attempts

# Two days of a past week and some hours of the running one: two weeks and whole ones are in test_demo_once.py.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
_SEEDED_S = 600
_LOCATION = 'repositoryLocationName: "elec_assets", repositoryName: "__repository__"'
_LIVE = f"""{{
  schedulesOrError(repositorySelector: {{{_LOCATION}}}) {{ ... on Schedules {{ results {{ name
    scheduleState {{ status }} }} }} }}
  sensorsOrError(repositorySelector: {{{_LOCATION}}}) {{ ... on Sensors {{ results {{ name
    sensorState {{ status }} }} }} }}
  runsOrError {{ ... on Runs {{ results {{ status }} }} }}
  assetNodes {{ assetKey {{ path }} partitionStats {{ numMaterialized numFailed }} }}
  instance {{ daemonHealth {{ allDaemonStatuses {{ daemonType healthy required }} }} }}
}}"""
_PICTURES = f"""{{ assetNodeOrError(assetKey: {{path: ["{ELECTION}", "coverage", "weekly"]}}) {{ ... on AssetNode {{
  assetMaterializations {{ partition metadataEntries {{ label ... on JsonMetadataEntry {{ jsonString }}
    ... on FloatMetadataEntry {{ floatValue }} ... on MarkdownMetadataEntry {{ mdStr }} }} }} }} }} }}"""

_VERSIONS = """{ assetNodeOrError(assetKey: {path: ["kaggle", "dataset"]}) { ... on AssetNode {
  assetMaterializations { metadataEntries { label ... on TextMetadataEntry { text } } } } } }"""


@dataclass(frozen=True)
class Observed:
    """What was seen of the demo: while it served, and after it ended."""

    demo: DemoProcess
    live: dict[str, Any]
    pictures: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    status: subprocess.CompletedProcess[str]
    page: str
    second: subprocess.CompletedProcess[str]
    backfill: subprocess.CompletedProcess[str]
    exit_code: int
    left: list[str]
    addresses: set[str]

    @property
    def summary(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.demo.printed)
        return answer

    @property
    def election(self) -> Election:
        return load_registry(self.demo.home / "candidates.yaml").elections[ELECTION]

    @property
    def weeks(self) -> list[Window]:
        start = floor(self.election.calendar.collect_from, Grain.WEEK)
        return [Window(start, start + WEEK)]

    @property
    def hours(self) -> list[Window]:
        """Those of the past week in which anything is collected."""
        return collected_hours(self.election, self.weeks)

    @property
    def archive(self) -> TweetArchive:
        return TweetArchive(open_store((self.demo.home / "data").as_uri()), ELECTION)

    def rows(self, product: str, week: Window) -> list[dict[str, str]]:
        path = self.demo.home / "data" / ELECTION / "weekly" / product / f"{year_week(week)}.csv.gz"
        return list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))


def elec(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = ("ELEC_", "X_", "AWS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "elec_assets.cli", *arguments]
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    demo = new_demo(tmp_path_factory.mktemp("demo"), watched=True)
    try:
        yield observe(demo.start("--json", "--weeks", "1", "--days", "2"))
    finally:
        demo.kill()


def observe(demo: DemoProcess) -> Observed:
    demo.wait_for("twitter/weekly", _SEEDED_S)
    # Beside the seeding of the weeks: a rerun of a day that is sealed, through the same daemon.
    first = load_registry(demo.home / "candidates.yaml").elections[ELECTION].calendar.collect_from
    day = f"{first:%Y-%m-%d}"
    asset = f"{ELECTION}/twitter/tweets"
    backfill = elec("backfill", asset, "--from", day, "--to", day, "--url", demo.url, "--json")
    demo.wait_for("Stop with Ctrl-C", _SEEDED_S)
    second = elec("demo", "--port", str(demo.port), "--dir", str(demo.home), "--once")
    status = elec("status", "--json", ELEC_SPOOL=str(demo.home / "spool"))
    answer = asked(demo, _LIVE)
    pictures = asked(demo, _PICTURES)["data"]["assetNodeOrError"]["assetMaterializations"]
    versions = asked(demo, _VERSIONS)["data"]["assetNodeOrError"]["assetMaterializations"]
    page = requests.get(f"{demo.url}/asset-groups", timeout=60).text
    exit_code = demo.end(signal.SIGINT, 60)
    left = demo.left()
    return Observed(
        demo, answer, pictures, versions, status, page, second, backfill, exit_code, left, demo.watch.addresses()
    )


def asked(demo: DemoProcess, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = requests.post(f"{demo.url}/graphql", json={"query": query}, timeout=60).json()
    return answer


def test_ctrl_c_ends_it_in_order(observed: Observed) -> None:
    assert (observed.exit_code, observed.left) == (0, [])
    assert "Dagster services shut down." in observed.demo.dagster_log
    with socket.socket() as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(("127.0.0.1", observed.demo.port))


def test_its_summary_is_complete_and_true(observed: Observed) -> None:
    summary = observed.summary
    assert summary["complete"] is True
    hours = observed.hours
    sealed = observed.archive.coverages(hours)
    assert len(sealed) == len(hours) == 48
    posts = sum(row.rows for row in sealed)
    assert posts > len(hours) * 10
    candidates, tweets, weekly, coverage = (
        (asset["asset"], asset["partitions"], asset["rows"]) for asset in summary["assets"][:4]
    )
    assert candidates == (f"{ELECTION}/candidates", 1, 8)
    assert tweets == (f"{ELECTION}/twitter/tweets", len(hours), posts)
    assert weekly == (f"{ELECTION}/twitter/weekly", len(observed.weeks), posts)
    assert coverage[:2] == (f"{ELECTION}/coverage/weekly", len(observed.weeks))
    assert coverage[2] > len(hours)  # and each candidate, table and partition of Google Trends
    assert summary["assets"][1]["coverage"] == "100.00% of planned time"


def test_an_evening_was_captured_and_its_hole_is_filled(observed: Observed) -> None:
    shown = observed.summary["captured"]
    assert shown["healed"] is True
    (debate,) = observed.election.calendar.events
    first, second = split(Window(debate.window.start, debate.window.start + 2 * HOUR), Grain.HOUR)
    quiet, torn = observed.archive.coverages([first, second])
    assert [hour.outcome.value for hour in (quiet, torn)] == ["ok", "ok"]
    assert quiet.captured_s == 3600.0
    # X sends nothing for a quarter of an hour, and the back-off looks again within 320 s.
    assert 900 < torn.filled_s < 1500
    # Told to the millisecond; sums of seconds are not exact.
    assert torn.captured_s + torn.filled_s == pytest.approx(3600.0, abs=0.001)
    assert shown["captured_s"] == pytest.approx(quiet.captured_s + torn.captured_s, abs=0.001)
    for told in ("filled_s", "first_missed_s", "retweets_missed_s"):
        assert shown[told] == pytest.approx(torn.filled_s, abs=0.001)
    assert shown["first_outcomes"] == ["ok", "throttled"]
    kinds = [frame["kind"].to_list() for hour in (first, second) if (frame := observed.archive.frame(hour)) is not None]
    assert sum("retweet" in of_hour for of_hour in kinds) == 2
    assert shown["retweets"] == sum(of_hour.count("retweet") for of_hour in kinds)


def test_the_evening_holds_what_x_counts_of_it(observed: Observed) -> None:
    (debate,) = observed.election.calendar.events
    hours = split(Window(debate.window.start, debate.window.start + 2 * HOUR), Grain.HOUR)
    for row in observed.archive.coverages(hours):
        assert row.held is not None
        assert row.counted is not None
        # The bound of the check `completeness`: on a clock that runs so fast, a busy machine may be late.
        assert row.counted >= row.held >= 0.98 * row.counted > 0


def test_the_pictures_of_the_week_show_the_hole_and_then_the_filled_hour(observed: Observed) -> None:
    week = f"{observed.weeks[-1].start:%Y-%m-%d}"
    told = [
        {entry["label"]: entry for entry in one["metadataEntries"]}
        for one in observed.pictures
        if one["partition"] == week
    ]
    after, before = told
    assert json.loads(before["outcomes"]["jsonString"])["throttled"] == 1
    assert "throttled" not in json.loads(after["outcomes"]["jsonString"])
    heard, hole = before["captured_h"]["floatValue"], before["missed_h"]["floatValue"]
    # With the hole the last hours of the week are filled; of one of them some minutes were heard too.
    assert 1.5 < heard <= after["captured_h"]["floatValue"] < heard + 0.1
    assert (hole > 0.25, after["missed_h"]["floatValue"]) == (True, 0.0)
    seen = [told["captured_h"]["floatValue"] + told["filled_h"]["floatValue"] for told in (before, after)]
    assert seen[1] == pytest.approx(seen[0] + hole, abs=0.003)
    assert before["coverage_week"]["mdStr"] != after["coverage_week"]["mdStr"]


def test_it_captures_live_while_it_serves(observed: Observed) -> None:
    assert observed.status.returncode == 0, observed.status.stdout
    report = json.loads(observed.status.stdout)
    assert report["running"] is True
    status = report["status"]
    assert status["registry"]["elections"] == [ELECTION]
    assert (status["registry"]["rules"], status["spend"]["free"], status["alerts"]) == (8, True, [])
    assert status["connection"]["since"] is not None
    # Ended in order, it says so; what it had not uploaded waits in its spool.
    after = elec("status", "--json", ELEC_SPOOL=str(observed.demo.home / "spool"))
    assert (after.returncode, json.loads(after.stdout)["status"]["running"]) == (1, False)
    log = (observed.demo.home / "capture.log").read_text(encoding="utf-8")
    assert "rules at X: 8 added" in log
    assert "Traceback" not in log
    assert f"ELEC_SPOOL={observed.demo.home / 'spool'} elec status" in observed.demo.said


def test_the_weekly_files_hold_the_tweets_of_their_hours_in_order(observed: Observed) -> None:
    for week in observed.weeks:
        sealed = observed.archive.coverages(split(week, Grain.HOUR))
        rows = observed.rows("twitter", week)
        assert list(rows[0]) == list(TWEETS.names)
        assert len(rows) == sum(row.rows for row in sealed)
        ids = [int(row["tweet_id"]) for row in rows]
        assert ids == sorted(set(ids))


def test_the_coverage_files_hold_every_hour_without_a_gap(observed: Observed) -> None:
    for week in observed.weeks:
        found = observed.rows("coverage", week)
        assert list(found[0]) == list(COVERAGE.names)
        rows = [row for row in found if row["source"] == "twitter"]
        assert [row["partition"] for row in rows] == [f"{h.start:%Y-%m-%d-%H:%M}" for h in split(week, Grain.HOUR)]
        planned = {f"{hour.start:%Y-%m-%d-%H:%M}" for hour in observed.hours}
        outcomes = {(row["partition"] in planned, row["outcome"]) for row in rows}
        assert outcomes <= {(True, "ok"), (True, "empty"), (False, "not_planned")}


def test_the_debate_shows_in_the_posts(observed: Observed) -> None:
    """The reader is told to look at the graph: there must be something to see."""
    (debate,) = observed.election.calendar.events
    before = Window(debate.window.start - DAY, debate.window.end - DAY)
    during, usual = (
        sum(row.rows for row in observed.archive.coverages(split(window, Grain.HOUR)))
        for window in (debate.window, before)
    )
    assert during > 2 * usual


def test_the_past_week_is_a_release_the_running_one_another_and_the_same_again_none(observed: Observed) -> None:
    told = observed.summary["releases"]
    assert (told["dataset"], told["again"]) == (DATASET, 0)
    ids = [version["release_id"] for version in told["versions"]]
    weeks = [year_week(week) for week in observed.weeks]
    # In the first hour of a week nothing of it is over.
    running = [year_week(Window(observed.weeks[-1].end, observed.weeks[-1].end + WEEK))] if len(ids) > 1 else []
    assert [release.partition("-")[0] for release in ids] == [*weeks, *running]
    assert [version["version"] for version in told["versions"]] == list(range(1, len(ids) + 1))
    for release, week, version in zip(ids, [*weeks, *running], told["versions"], strict=True):
        manifest = json.loads((observed.demo.home / "data" / "releases" / release / "manifest.json").read_bytes())
        assert version["files"] == len(manifest["files"])
        added = sum(f["rows"] for f in manifest["files"] if f["partition"] == week)
        assert version["notes"].startswith(f"{week.replace('_', '-W')} | weekly | {added:+,} rows | content ")
    # The UI tells of each, newest first, and of nothing where nothing was published.
    shown = [{entry["label"]: entry.get("text") for entry in one["metadataEntries"]} for one in observed.versions]
    assert [version["release"] for version in shown] == ids[::-1]
    assert f"kaggle datasets download {DATASET}" in observed.demo.said


def test_the_candidates_table_was_made_by_the_sensor(observed: Observed) -> None:
    path = observed.demo.home / "data" / ELECTION / "data" / "tables" / "candidates.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert list(rows[0]) == list(CANDIDATES.names)
    assert [row["candidate"] for row in rows] == sorted(observed.election.candidates)


def test_no_python_process_tried_any_other_machine(observed: Observed) -> None:
    seen = attempts(observed.demo.attempts_log)
    assert [a for a in seen if a.refused] == []
    assert any(a.event == "socket.connect" and a.host == "127.0.0.1" for a in seen)
    # An empty log of a process that the guard never entered would prove nothing.
    begun = " ".join(a.host for a in seen if a.event == "loaded")
    for part in (
        "elec_assets.cli demo",
        "elec_assets.cli capture",
        "dagster dev",
        "dagster_webserver",
        "dagster._daemon",
        "api grpc",
    ):
        assert part in begun
    assert sum("multiprocessing" in a.host for a in seen if a.event == "loaded") >= 4  # the runs


def test_no_library_told_the_kernel_of_any_other_machine(observed: Observed) -> None:
    """Covers what Python's audit hooks cannot see; sampled, and so weaker, where strace does not work."""
    assert "127.0.0.1" in observed.addresses
    assert observed.addresses <= {"127.0.0.1", "::1"}


def test_nothing_of_the_callers_accounts_reached_it(observed: Observed) -> None:
    for path in observed.demo.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert "192.0.2.1" not in observed.demo.said


def test_telemetry_is_off(observed: Observed) -> None:
    instance = (observed.demo.home / "dagster" / "dagster.yaml").read_text(encoding="utf-8")
    assert "telemetry: {enabled: false}" in instance
    assert not list(observed.demo.home.rglob("event.log"))  # where Dagster queues what it would send
    assert '"telemetryEnabled": false' in observed.page
    assert "telemetry" not in re.sub(r"telemetry.{0,4}: *\{?.{0,4}enabled.{0,4}: *false", "", observed.demo.dagster_log)


def test_daemon_and_webserver_had_no_trouble(observed: Observed) -> None:
    log = observed.demo.dagster_log
    assert log
    assert [line for line in log.splitlines() if "Traceback" in line or "ERROR" in line] == []
    assert "Traceback" not in observed.demo.said


def test_the_live_instance_is_what_the_page_shows(observed: Observed) -> None:
    data = observed.live["data"]
    schedules = {s["name"]: s["scheduleState"]["status"] for s in data["schedulesOrError"]["results"]}
    trends = [f"google_trends_{name}" for name in ("hourly", "daily", "weekly", "files")]
    own_schedules = [f"{ELECTION}__{name}" for name in ("twitter_hourly", "weekly", "comply", *trends)]
    assert schedules == dict.fromkeys([*own_schedules, "kaggle__looks", "kaggle__releases"], "RUNNING")
    sensors = {s["name"]: s["sensorState"]["status"] for s in data["sensorsOrError"]["results"]}
    assert sensors["registry_changes"] == "RUNNING"
    assert {run["status"] for run in data["runsOrError"]["results"]} <= {"SUCCESS", "QUEUED", "STARTING", "STARTED"}
    stats = {"/".join(node["assetKey"]["path"]): node["partitionStats"] for node in data["assetNodes"]}
    own = {name for name in stats if not name.startswith(f"{ELECTION}/google_trends/")}
    tweets = ("tweets", "weekly", "volume", "batches", "compliance")
    of_election = ("candidates", "coverage/weekly", *(f"twitter/{name}" for name in tweets))
    of_all = {"kaggle/staged", "kaggle/dataset", "alerts/incidents", "watch/neighbour"}
    assert own == {f"{ELECTION}/{name}" for name in of_election} | of_all
    assert len(stats) == len(own) + 2 * 3 * 5 + 1
    assert stats[f"{ELECTION}/twitter/tweets"]["numMaterialized"] >= 48
    assert sum(stat["numFailed"] for stat in stats.values() if stat) == 0
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    assert [d["daemonType"] for d in daemons if d["required"] and not d["healthy"]] == []


def test_a_backfill_from_the_command_line_is_followed_to_its_end(observed: Observed) -> None:
    ended = observed.backfill
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert (report["status"], report["failed"], report["error"]) == ("COMPLETED_SUCCESS", 0, None)
    assert report["materialized"] == report["partitions"] == 24
    assert report["from"].endswith("-00:00")
    assert report["to"].endswith("-23:00")
    assert "24 of 24 materialized, 0 failed" in ended.stderr


def test_a_second_demo_in_its_folder_is_refused(observed: Observed) -> None:
    """It would delete the folder under the first one."""
    assert observed.second.returncode in (1, 2)
    assert observed.second.stderr.startswith("elec: ")
    assert len(observed.second.stderr.splitlines()) == 1


def test_another_instance_makes_the_same_bytes_of_its_data(observed: Observed, tmp_path: Path) -> None:
    """The data does not belong to the instance that made it: any other reads on, and makes the same again."""
    week = observed.weeks[0]
    folder = observed.demo.home / "data" / ELECTION / "weekly"
    built = [path for name in ("twitter", "coverage") for path in (folder / name).glob(f"{year_week(week)}.*")]
    before = {path: path.read_bytes() for path in built}
    assert len(before) == 4
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    code = (
        "import dagster as dg, sys\n"
        "from elec_assets.definitions import defs\n"
        "made = defs().resolve_implicit_global_asset_job_def().execute_in_process(\n"
        "    instance=dg.DagsterInstance.get(), partition_key=sys.argv[1], asset_selection=[\n"
        f"        dg.AssetKey([{ELECTION!r}, name, 'weekly']) for name in ('twitter', 'coverage')])\n"
        "checks = made.get_asset_check_evaluations()\n"
        # Of Google Trends the demo seeds a part: `complete` warns of the rest.
        "bad = {(c.asset_key.path[1], c.check_name) for c in checks if not c.passed}\n"
        "assert made.success and checks and bad <= {('coverage', 'complete')}, checks\n"
    )
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))}
    places = {
        "DAGSTER_HOME": str(tmp_path),
        "ELEC_STORE": str(observed.demo.home / "data"),
        "ELEC_REGISTRY": str(observed.demo.home / "candidates.yaml"),
    }
    made = subprocess.run(
        [sys.executable, "-c", code, f"{week.start:%Y-%m-%d}"],
        env=kept | places,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr[-3000:]
    changed = [path.name for path, content in before.items() if path.read_bytes() != content]
    assert changed == []


def test_the_commands_that_read_agree_with_it(observed: Observed) -> None:
    places = {
        "ELEC_STORE": str(observed.demo.home / "data"),
        "ELEC_REGISTRY": str(observed.demo.home / "candidates.yaml"),
    }
    since = observed.weeks[-1].end - DAY
    told = elec("coverage", "--since", f"{since:%Y-%m-%d}", "--json", **places)
    assert told.returncode == 0, told.stderr
    gaps = json.loads(told.stdout)["gaps"]
    assert [gap for gap in gaps if gap["partition"] < f"{observed.weeks[-1].end:%Y-%m-%d}"] == []
    again = elec("rebuild", "--table", "tweets", "--since", f"{since:%Y-%m-%d}", "--json", **places)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["rebuilt"] >= 24
    assert (report["changed"], report["failed"]) == ([], [])
    planned = elec("plan", "--json", **places)
    (election,) = json.loads(planned.stdout)["elections"]
    assert election["measured"] is True
