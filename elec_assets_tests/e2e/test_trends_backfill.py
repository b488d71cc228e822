"""A month of Google Trends backfilled on a live Dagster, from the command line and as the UI does; then made again.

Webserver, daemon and code server as `dagster dev` starts them; the sandbox of Google Trends answers as fast as it can.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.clients.trends_weekly import PRODUCTS, TrendsWeek
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import TrendsTable
from elec_assets.domain.windows import DAY, WEEK, Window
from elec_assets.operations.demo_setup import ELECTION, environment, prepared
from elec_assets.operations.sandboxes import trends_scene_of
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_http import TrendsServer

# 12 minutes on 2 cores that others use too, most of it starts of runs (2026-11).
pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(2400)]
DAYS, WEEKS = 31, 4
AREAS = ("fr", "world")
# What the page of an asset sends for "Materialize ... > Launch backfill", and what it asks for its bar of partitions.
_LAUNCH = """mutation LaunchPartitionBackfill($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) { __typename
    ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
_STATUS = "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
_SCHEDULES = """{ schedulesOrError(repositorySelector: {repositoryLocationName: "elec_assets",
  repositoryName: "__repository__"}) { ... on Schedules { results { scheduleState { id } } } } }"""
_STOP = "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }"
_STATES = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  partitionStats { numMaterialized numFailed } assetPartitionStatuses { ... on TimePartitionStatuses {
  ranges { status startKey endKey } } } } } }"""


@dataclass(frozen=True)
class Live:
    """A running Dagster, what it asks, and the variables that its commands need."""

    folder: Path
    url: str
    env: Mapping[str, str]
    google: TrendsServer

    @property
    def election(self) -> Election:
        return load_registry(self.folder / "candidates.yaml").elections[ELECTION]

    @property
    def monday(self) -> datetime:
        return self.election.calendar.collect_from

    def elec(self, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "elec_assets.cli", *arguments, "--json"]
        done = subprocess.run(
            command, env=dict(self.env), cwd=self.folder, capture_output=True, text=True, timeout=1200
        )
        assert done.returncode == 0, done.stderr + done.stdout
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def backfilled(self, asset: str, first: datetime, last: datetime) -> int:
        """`elec backfill`; how many partitions it made."""
        bounds = ("--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}")
        told = self.elec("backfill", f"{ELECTION}/{asset}", *bounds, "--url", self.url)
        assert (told["failed"], told["materialized"]) == (0, told["partitions"])
        return int(told["partitions"])

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def stop_schedules(self) -> None:
        """They would go on with days and hours of their own."""
        for schedule in self.ask(_SCHEDULES)["schedulesOrError"]["results"]:
            stopped = self.ask(_STOP, id=schedule["scheduleState"]["id"])["stopRunningSchedule"]
            assert stopped["__typename"] == "ScheduleStateResult", stopped

    def materialized(self, asset: str) -> list[tuple[str, str]]:
        """First and last key of what is materialized; nothing may have failed."""
        node = self.ask(_STATES, key={"path": [ELECTION, *asset.split("/")]})["assetNodeOrError"]
        assert node["partitionStats"]["numFailed"] == 0
        ranges = node["assetPartitionStatuses"]["ranges"]
        assert {found["status"] for found in ranges} <= {"MATERIALIZED"}
        return [(found["startKey"], found["endKey"]) for found in ranges]


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"not within {seconds:.0f} s"
        time.sleep(1)


@contextmanager
def dagster_dev(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "dagster.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(env), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until(lambda: process.poll() is not None or answers(url), 180)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    try:
        answer = requests.post(f"{url}/graphql", json={"query": "{ assetNodes { id } }"}, timeout=60).json()
    except requests.RequestException:
        return False
    return bool(answer.get("data", {}).get("assetNodes"))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "live"
    with prepared(folder, datetime.now(UTC), weeks=DAYS // 7 + 1):
        election = load_registry(folder / "candidates.yaml").elections[ELECTION]
        with start_trends(world=trends_scene_of([election], seed=5)) as google:
            env = environment(folder, "http://127.0.0.1:9", google.url, os.environ)
            del env["X_BEARER_TOKEN"]
            # By one process, before several open it at once.
            make = "from dagster import DagsterInstance as I; i = I.get(); i.get_runs(limit=1); i.dispose()"
            subprocess.run([sys.executable, "-c", make], env=env, check=True)
            yield Live(folder, "", env, google)


def derived(folder: Path) -> dict[str, str]:
    """sha256 of every derived object of Google Trends: tables, coverage rows, weekly files."""
    root = folder / "data" / ELECTION
    kept = [path for place in ("data/tables", "data/coverage", "weekly") for path in (root / place).rglob("*")]
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(kept)
        if path.is_file() and "google_trends" in path.parts
    }


def as_the_ui_does(live: Live, assets: list[str], days: list[str]) -> None:
    """Launch a backfill of several assets, and wait for its end."""
    params = {"assetSelection": [{"path": [ELECTION, *asset.split("/")]} for asset in assets], "partitionNames": days}
    launched = live.ask(_LAUNCH, backfillParams=params)["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def over() -> bool:
        status = live.ask(_STATUS, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
        assert status not in ("FAILED", "CANCELED", "COMPLETED_FAILED"), status
        return str(status) == "COMPLETED_SUCCESS"

    wait_until(over, 1500)


def made_again(live: Live) -> None:
    """Every table from documents alone, through the command; the weekly files of them."""
    root = live.folder / "data" / ELECTION
    for path in (root / "data" / "tables" / "google_trends").rglob("*.parquet"):
        path.write_bytes(b"")
    for path in (root / "weekly" / "google_trends").rglob("*.*"):
        path.unlink()
    for table in TrendsTable:
        told = live.elec("rebuild", "--table", table.value, "--since", f"{live.monday:%Y-%m-%d}")
        assert (told["failed"], len(told["changed"])) == ([], told["rebuilt"])
        sys.stdout.write(f"{table}: {told['rebuilt']} partitions made again\n")
    store = open_store((live.folder / "data").as_uri())
    for number in range(WEEKS):
        week = TrendsWeek(store, live.election, Window(live.monday + WEEK * number, live.monday + WEEK * (number + 1)))
        for product in PRODUCTS:
            week.write(product)


def test_a_month_is_backfilled_both_ways_and_made_again_byte_for_byte(live: Live) -> None:
    first, last = live.monday, live.monday + DAY * (DAYS - 1)
    days = [f"{first + timedelta(days=n):%Y-%m-%d}" for n in range(DAYS)]
    daily = [f"google_trends/{area}/daily/{table}" for area in AREAS for table in TrendsTable]
    began = time.monotonic()
    with dagster_dev(live.folder, live.env) as url:
        live = Live(live.folder, url, live.env, live.google)
        live.stop_schedules()
        assert live.backfilled(daily[0], first, last) == DAYS
        told(live, "one table by command", began)
        as_the_ui_does(live, daily, days)
        told(live, "ten tables as the UI does", began)
        for asset in daily:
            done = live.materialized(asset)
            assert any(start <= days[0] and days[-1] <= end for start, end in done), (asset, done)
        weeks = "google_trends/world/weekly/calibrated_interest"
        assert live.backfilled(weeks, first, first + WEEK * (WEEKS - 1)) == WEEKS
        assert live.backfilled("google_trends/weekly", first, first + WEEK * (WEEKS - 1)) == WEEKS
        told(live, "weekly tables and files", began)
    before, asked = derived(live.folder), len(live.google.requests)
    made_again(live)
    assert derived(live.folder) == before
    assert len(live.google.requests) == asked
    assert sum("/daily/" in key and "/tables/" in key for key in before) == (len(TrendsTable) + 1) * len(AREAS) * DAYS
    digest = hashlib.sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()
    told(live, f"{len(before)} derived objects made again, sha256 {digest[:16]}", began)


def told(live: Live, what: str, began: float) -> None:
    asked = len(live.google.requests)
    sys.stdout.write(f"{what}: {time.monotonic() - began:.0f} s, {asked} requests so far\n")
