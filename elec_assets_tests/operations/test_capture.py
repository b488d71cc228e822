"""`elec capture` and `elec status` as a person runs them: processes, signals, exit codes, what is said."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from elec_assets import cli
from elec_assets.capture.options import CaptureSummary
from elec_assets.capture.status import read_status, write_status
from elec_assets.clients.store import open_store
from elec_assets.domain.journal import BatchJournal
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.windows import X_EPOCH_MS
from elec_assets.operations.capture import CaptureReport
from elec_assets.operations.demo_setup import demo_registry
from elec_assets.operations.status import status
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import Person, Scene
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import decode_journal
from elec_assets_tests.capture.test_status import STATUS
from elec_assets_tests.deployment import environment

TOKEN = "a-token-that-is-never-shown"
TEXT = "words-of-a-person"
SCENE = Scene(seed=1, people=(Person("a", "Agathe Martin", ("AgatheMartin_T",), ()),), posts_per_hour=1)


def lines() -> Iterator[bytes]:
    for n in count(1):
        post_id = ((int(time.time() * 1000) - X_EPOCH_MS) << 22) + n % 4096
        yield json.dumps({"data": {"id": str(post_id), "text": f"{TEXT} {n}"}}).encode() + b"\r\n"


@pytest.fixture
def x() -> Iterator[XServer]:
    """A stream of 400 lines a second."""
    with start_x(scene=SCENE, token=TOKEN, stream=StreamOptions(lines=lines(), rate=400.0, connect_limit=0)) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text("load_from: []\n", encoding="utf-8")
    (tmp_path / "candidates.yaml").write_text(demo_registry(datetime.now(UTC)), encoding="utf-8")
    return tmp_path


def settings(home: Path, url: str) -> dict[str, str]:
    return environment(home, X_BEARER_TOKEN=TOKEN, ELEC_X_BASE_URL=url)


@contextmanager
def capturing(home: Path, url: str, *options: str, name: str = "one") -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "elec_assets.cli", "capture", *options]
    with (home / f"{name}.out").open("wb") as out, (home / f"{name}.err").open("wb") as err:
        process = subprocess.Popen(command, cwd=home, env=settings(home, url), stdout=out, stderr=err)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def said(home: Path, name: str = "one") -> str:
    return (home / f"{name}.err").read_text(encoding="utf-8")


def heard(home: Path, more_than: int = 0, seconds: float = 40) -> None:
    """Wait until lines are in the spool."""
    until = time.monotonic() + seconds
    while sum(path.stat().st_size for path in (home / "spool").glob("segments/*")) < 20_000 + more_than:
        assert time.monotonic() < until, [path.read_text() for path in home.glob("*.err")]
        time.sleep(0.05)


def stopped(process: subprocess.Popen[bytes], how: signal.Signals) -> tuple[int, float]:
    """Exit code, and seconds until the process was gone."""
    began = time.monotonic()
    process.send_signal(how)
    return process.wait(20), time.monotonic() - began


def batches(home: Path) -> dict[str, tuple[list[bytes], BatchJournal]]:
    store = open_store((home / "data").as_uri())
    found = {}
    for info in store.list("demo_presidential/data/raw/twitter/"):
        key = parse_batch(info.key)
        assert key is not None
        journal = decode_journal(store.get(key.journal), key.journal)
        found[key.stem] = (unpacked(store.get(key.body)).splitlines(keepends=True), journal)
    return found


def elec(home: Path, *arguments: str, **given: str) -> Result:
    before = Path.cwd()
    os.chdir(home)
    try:
        cleared = dict.fromkeys([n for n in os.environ if n.startswith(("ELEC_", "X_"))])
        return CliRunner().invoke(cli.main, arguments, env={**cleared, **given}, catch_exceptions=False)
    finally:
        os.chdir(before)


def test_a_run_of_a_named_time_uploads_what_it_heard_and_ends_with_0(home: Path, x: XServer) -> None:
    with capturing(home, x.url, "--for", "2", "--json") as process:
        assert process.wait(60) == 0, said(home)
    told = json.loads((home / "one.out").read_text(encoding="utf-8"))
    assert told["ok"]
    assert (told["connections"], told["uploaded"] > 0, told["waiting"], told["problems"]) == (1, True, 0, [])
    got = [line for held, _ in batches(home).values() for line in held]
    assert len(got) == told["lines"] > 50
    numbers = [int(json.loads(line)["data"]["text"].split()[-1]) for line in got]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for written in home.rglob("*"):
        if written.is_file() and written.suffix not in (".gz", ".seg", ".part"):
            assert TOKEN not in written.read_text(encoding="utf-8", errors="replace"), written
            assert TEXT not in written.read_text(encoding="utf-8", errors="replace"), written


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.prove)])
def test_it_is_stopped_within_two_seconds_and_no_second_one_runs_beside_it(
    home: Path, x: XServer, how: signal.Signals
) -> None:
    with capturing(home, x.url) as process:
        heard(home)
        if how is signal.SIGTERM:
            shown = elec(home, "status")
            assert (shown.exit_code, shown.stdout.splitlines()[0][:8]) == (0, "running,")
            with capturing(home, x.url, name="two") as second:
                assert second.wait(40) == 1
            assert said(home, "two").startswith("elec: ")
            assert "is in use by another capture (process " in said(home, "two")
        code, seconds = stopped(process, how)
    assert (code, seconds < 2) == (0, True), (seconds, said(home))
    assert "Traceback" not in said(home)
    assert (home / "one.out").read_text(encoding="utf-8").startswith("captured for ")
    ended = elec(home, "status", "--json")
    told = json.loads(ended.stdout)
    assert (ended.exit_code, told["running"], told["status"]["running"]) == (1, False, False)
    assert told["status"]["lines"] > 10


def test_a_killed_capture_says_so_at_the_next_start_and_has_lost_nothing(home: Path, x: XServer) -> None:
    with capturing(home, x.url) as process:
        heard(home, 60_000)
        assert stopped(process, signal.SIGKILL)[0] == -signal.SIGKILL
    held = sum(path.read_bytes().count(TEXT.encode()) for path in (home / "spool").glob("segments/*"))
    with capturing(home, x.url, "--for", "1", name="two") as process:
        assert process.wait(60) == 0, said(home, "two")
    assert "the last run ended without closing, at " in said(home, "two")
    assert "connection 1 was open" in said(home, "two")
    got = [line for lines_, _ in batches(home).values() for line in lines_]
    numbers = [int(json.loads(line)["data"]["text"].split()[-1]) for line in got]
    assert len(numbers) > held > 300
    assert numbers[:held] == list(range(1, held + 1)), "each line up to the kill, in order"
    assert not list((home / "spool" / "segments").iterdir())


def test_it_is_stopped_within_two_seconds_while_x_says_nothing_and_the_store_is_away(home: Path) -> None:
    (home / "data").write_text("not a directory", encoding="utf-8")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        with capturing(home, f"http://127.0.0.1:{silent.getsockname()[1]}") as process:
            until = time.monotonic() + 40
            while "elections: demo_presidential" not in said(home):
                assert time.monotonic() < until, said(home)
                time.sleep(0.05)
            time.sleep(0.5)
            code, seconds = stopped(process, signal.SIGTERM)
    assert (code, seconds < 2) == (0, True), (seconds, said(home))
    assert "Traceback" not in said(home)


def test_a_run_of_a_named_time_that_could_not_listen_or_upload_ends_with_1() -> None:
    whole = CaptureSummary(60.0, 1234, 3, 1, 1, 0, 2.5, ())
    assert CaptureReport(whole, once=True, interrupted=False).exit_code == 0
    assert CaptureReport(whole, once=True, interrupted=False).lines() == [
        "captured for 60 s: 1,234 lines over 1 connections; 1 slots uploaded, 2.50 USD this month"
    ]
    kept = replace(whole, uploaded=0, waiting=1, problems=("the store is down",))
    report = CaptureReport(kept, once=True, interrupted=False)
    assert (report.exit_code, report.as_dict()["ok"]) == (1, False)
    assert "1 slots wait in the spool for the next start" in report.lines()[0]
    assert report.lines()[1] == "! the store is down"
    assert CaptureReport(replace(whole, connections=0), once=True, interrupted=False).exit_code == 1
    assert CaptureReport(kept, once=True, interrupted=True).exit_code == 0
    assert CaptureReport(kept, once=False, interrupted=True).exit_code == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "X_BEARER_TOKEN is not set"),
        ({"X_BEARER_TOKEN": TOKEN}, "set ELEC_X_BUDGET_USD above 0 and ELEC_X_FILL_SHARE below 1"),
        ({"X_BEARER_TOKEN": TOKEN, "ELEC_X_BUDGET_USD": "50", "ELEC_X_FILL_SHARE": "1"}, "ELEC_X_FILL_SHARE below 1"),
        ({"X_BEARER_TOKEN": TOKEN, "ELEC_SPOOL_MAX_BYTES": "10"}, "ELEC_SPOOL_MAX_BYTES"),
        ({"X_BEARER_TOKEN": TOKEN, "ELEC_STORE": "gs://bucket"}, "ELEC_STORE is 'gs://bucket'"),
    ],
)
def test_without_what_it_needs_it_ends_with_2_and_one_sentence(home: Path, given: dict[str, str], told: str) -> None:
    result = elec(home, "capture", **given)
    assert (result.exit_code, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("elec: ")
    assert told in line
    assert TOKEN not in line
    assert not (home / "spool").exists()


def test_a_spool_that_cannot_be_read_ends_with_1_and_is_left_alone(home: Path, x: XServer) -> None:
    (home / "spool").mkdir()
    (home / "spool" / "spool.json").write_text("{", encoding="utf-8")
    result = elec(home, "capture", X_BEARER_TOKEN=TOKEN, ELEC_X_BASE_URL=x.url)
    assert result.exit_code == 1
    assert "spool.json is not the state of a spool" in result.stderr
    assert (home / "spool" / "spool.json").read_text(encoding="utf-8") == "{"


def test_a_spool_of_a_sandbox_is_refused_to_x_with_2(home: Path) -> None:
    (home / "spool").mkdir()
    (home / "spool" / "source.json").write_text('{"x":"sandbox","version":1}', encoding="utf-8")
    result = elec(home, "capture", X_BEARER_TOKEN=TOKEN, ELEC_X_BUDGET_USD="50")
    assert result.exit_code == 2
    assert "set another ELEC_SPOOL" in result.stderr


# elec status


def test_a_spool_without_a_status_says_that_none_ever_ran(home: Path) -> None:
    result = elec(home, "status")
    assert result.exit_code == 1
    assert "no capture ever ran with the spool" in result.stdout
    assert json.loads(elec(home, "status", "--json").stdout)["status"] is None


def test_an_old_status_is_not_taken_for_a_running_service(tmp_path: Path) -> None:
    write_status(tmp_path, STATUS)
    at = datetime(2027, 2, 3, 20, 5, tzinfo=UTC)
    assert status(tmp_path, at + timedelta(seconds=20)).running
    stale = status(tmp_path, at + timedelta(minutes=5))
    assert (stale.running, stale.exit_code) == (False, 1)
    assert stale.lines()[0].startswith(
        "not running, or stuck: process 42 said nothing since 2027-02-03T20:05:00Z, 300 s"
    )
    assert status(tmp_path, at - timedelta(hours=1)).age_s == 0
    assert read_status(tmp_path) == STATUS


def test_a_damaged_status_ends_with_1_and_one_sentence(home: Path) -> None:
    (home / "spool").mkdir()
    (home / "spool" / "status.json").write_text("{", encoding="utf-8")
    result = elec(home, "status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not a status" in result.stderr


def test_status_needs_nothing_heavy(home: Path) -> None:
    code = (
        "import json, sys\nfrom elec_assets.cli import main\n"
        "try:\n main(['status'])\nexcept SystemExit:\n pass\nprint(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=home, env=environment(home), capture_output=True, text=True)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert not modules & {"dagster", "polars", "tweepy", "requests", "obstore"}
