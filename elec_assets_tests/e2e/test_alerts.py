"""The alerts of a live deployment: a stream and a prefix stop, and are back; then everything on the host is killed.

Webserver, daemon and code server as `dagster dev` starts them, `elec capture` on the sandbox of X, S3 and SNS of
`elec sandbox aws`, whose printed lines are the phone. Every setting that is secret holds a canary.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from elec_assets.clients.alert_state import read_state
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.watch_seen import read_seen
from elec_assets.domain.windows import HOUR, Grain, floor
from elec_assets.operations.demo_setup import ELECTION, environment, prepared
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets_tests.e2e.test_trends_backfill import answers

# 25 minutes, most of it the windows of a stream of 5-minute batches (2026-11).
pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(3000)]
BUCKET, PREFIX = "elec-sandbox", "data/raw/"
THRESHOLD_S = 120
BATCHES_FAIL_S = 600
# Of real time, beyond the fail window (the promise).
AFTER_S = 240.0
EVERY_S = 10.0
MAX_AGE_S, TICK_S = 60, 15
WATCHES = f"watches:\n  other: {{bucket: {BUCKET}, prefix: {PREFIX}, time_threshold: {THRESHOLD_S}}}\n"
CANARIES = {
    "X_BEARER_TOKEN": "canary-x-4711",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-4712",
    "AWS_ACCESS_KEY_ID": "canary-key-4713",
    "KAGGLE_KEY": "canary-kaggle-4714",
    "KAGGLE_API_TOKEN": "canary-token-4715",
}


@dataclass
class Outbox:
    """What SNS is given, as `elec sandbox aws` prints it: the time it came, and the line."""

    process: subprocess.Popen[str]
    variables: dict[str, str] = field(default_factory=dict)
    came: list[tuple[float, str]] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            if line.startswith("export "):
                self.variables[name] = value
            else:
                self.came.append((time.monotonic(), line.strip()))

    def about(self, word: str, asset: str) -> list[tuple[float, str]]:
        return [(at, line) for at, line in self.came if f"{word} " in line and asset in line]


@dataclass
class Feeder:
    """Puts a file into the prefix every 10 s while it is on."""

    store: S3Store
    on: bool = True
    ended: threading.Event = field(default_factory=threading.Event)
    last: float = 0.0

    def run(self) -> None:
        while not self.ended.wait(EVERY_S):
            if self.on:
                self.put(datetime.now(UTC))
                self.last = time.monotonic()

    def put(self, named: datetime) -> None:
        obstore.put(self.store, f"{PREFIX}{named:%Y%m%d}/{named:%H%M}.csv.gz", b"rows")


@dataclass
class Live:
    """A running deployment."""

    folder: Path
    env: dict[str, str]
    outbox: Outbox
    feeder: Feeder
    url: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return open_store((self.folder / "data").as_uri())

    def elec(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "elec_assets.cli", *arguments]
        return subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=600)

    def backfill(self, first: datetime, last: datetime) -> None:
        """Make two hours of tweets, by their starts, as the page of the asset does."""
        hours = [f"{hour:%Y-%m-%d-%H:%M}" for hour in (first, last)]
        asset = f"{ELECTION}/twitter/tweets"
        made = self.elec("backfill", asset, "--from", hours[0], "--to", hours[1], "--url", self.url)
        assert made.returncode == 0, made.stderr

    def capture(self) -> None:
        self.started([sys.executable, "-m", "elec_assets.cli", "capture"], "capture.log")

    def started(self, command: list[str], log: str) -> None:
        with (self.folder / log).open("ab") as out:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=self.env,
                    cwd=self.folder,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def kill(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.processes.clear()

    def wait(self, what: str, done: Callable[[], bool], seconds: float) -> float:
        """When it was done."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, (
                f"no {what} within {seconds:.0f} s; came: {self.outbox.came}; {self.told()}"
            )
            time.sleep(1)
        return time.monotonic()

    def told(self) -> str:
        return self.elec("watch", "ls").stdout

    def is_seen(self) -> bool:
        seen = read_seen(self.store)
        if seen is None or seen.watches["other"].state != "found" or ELECTION not in seen.batches:
            return False
        covered = seen.batches[ELECTION].covered_to
        return covered is not None and seen.at - covered < timedelta(minutes=7)


@contextmanager
def outbox(folder: Path, env: Mapping[str, str]) -> Iterator[Outbox]:
    with subprocess.Popen(
        [sys.executable, "-m", "elec_assets.cli", "sandbox", "aws"],
        cwd=folder,
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        made = Outbox(process)
        reader = threading.Thread(target=made.read)
        reader.start()
        try:
            until = time.monotonic() + 60
            while "ELEC_ALERT_TOPIC_ARN" not in made.variables:
                assert time.monotonic() < until
                time.sleep(0.1)
            yield made
        finally:
            process.kill()
            reader.join()


@contextmanager
def feeding(bucket: S3Store) -> Iterator[Feeder]:
    feeder = Feeder(bucket)
    thread = threading.Thread(target=feeder.run)
    thread.start()
    try:
        yield feeder
    finally:
        feeder.ended.set()
        thread.join()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    folder = tmp_path / "live"
    with ExitStack() as stack:
        stack.enter_context(prepared(folder, datetime.now(UTC), weeks=1))
        election = load_registry(folder / "candidates.yaml").elections[ELECTION]
        scene = scene_of([election], seed=5, posts_per_hour=200)
        x = stack.enter_context(start_x(scene=scene, token=CANARIES["X_BEARER_TOKEN"]))
        (folder / "watches.yaml").write_text(WATCHES, encoding="utf-8")
        plain = environment(folder, x.url, "http://127.0.0.1:9", os.environ)
        sns = stack.enter_context(outbox(folder, plain))
        env = {**plain, **sns.variables, **CANARIES, "ELEC_TRENDS": "off", "KAGGLE_USERNAME": "someone"}
        make = "from dagster import DagsterInstance as I; i = I.get(); i.get_runs(limit=1); i.dispose()"
        subprocess.run([sys.executable, "-c", make], env=env, check=True)
        bucket = S3Store(
            BUCKET,
            endpoint=sns.variables["AWS_ENDPOINT_URL"],
            region=sns.variables["AWS_REGION"],
            access_key_id="any",
            secret_access_key="any",
            client_options={"allow_http": True},
        )
        feeder = stack.enter_context(feeding(bucket))
        yield Live(folder, env, sns, feeder)


@contextmanager
def running(live: Live) -> Iterator[Callable[[], None]]:
    """Dagster and capture; gives what kills all their processes at once, as a power cut does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    live.url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    live.started(command, "dagster.log")
    live.capture()
    try:
        live.wait("webserver", lambda: answers(live.url), 180)
        yield live.kill
    finally:
        live.kill()


def test_outages_are_told_once_and_resolved_once_and_a_dead_host_is_told_from_outside(live: Live) -> None:
    with running(live) as kill:
        now = floor(datetime.now(UTC), Grain.HOUR)
        live.backfill(now - 2 * HOUR, now - HOUR)
        live.wait("batches and prefix seen", live.is_seen, 900)
        live.wait("nothing wrong", lambda: not read_state(live.store).incidents, AFTER_S)
        told = [line for _, line in live.outbox.came if "alerts are alive" not in line]
        assert told == [], "a new deployment is no outage"
        stream = stream_stops(live)
        prefix_stops_and_is_back(live)
        stream_is_told_and_is_back(live, stream)
        only_what_was_wrong_was_told(live)
        nothing_secret_is_kept(live)
        assert live.elec("deadman", "--max-age", f"{MAX_AGE_S}s").returncode == 0
        kill()
        told_from_outside(live, time.monotonic())


def stream_stops(live: Live) -> float:
    """When capture had ended."""
    capture = live.processes[-1]
    capture.terminate()
    capture.wait(60)
    return time.monotonic()


def prefix_stops_and_is_back(live: Live) -> None:
    live.feeder.on = False
    stopped, asset = live.feeder.last, "watch/other"
    live.wait("opening", lambda: bool(live.outbox.about("NEW", asset)), THRESHOLD_S + AFTER_S + 30)
    told = live.outbox.about("NEW", asset)[0][0]
    assert told - stopped < THRESHOLD_S + AFTER_S
    # An old file comes again, and old hours are made again: neither is newer data.
    live.feeder.put(datetime.now(UTC) - timedelta(days=1))
    first = load_registry(live.folder / "candidates.yaml").elections[ELECTION].calendar.collect_from
    live.backfill(first + 3 * HOUR, first + 4 * HOUR)
    live.wait("two minutes more", lambda: time.monotonic() - told > 120, 240)
    assert live.outbox.about("OVER", asset) == []
    live.feeder.on = True
    back = time.monotonic()
    assert live.wait("resolving", lambda: bool(live.outbox.about("OVER", asset)), AFTER_S) - back < AFTER_S


def stream_is_told_and_is_back(live: Live, stopped: float) -> None:
    asset = "twitter/batches"

    def critical() -> list[float]:
        return [at for at, line in live.outbox.came if asset in line and " CRIT: " in line]

    live.wait("stream's opening", lambda: bool(critical()), BATCHES_FAIL_S + AFTER_S)
    assert critical()[0] - stopped < BATCHES_FAIL_S + AFTER_S
    live.capture()
    # The first batch is there after the slot in which it starts.
    live.wait("stream's resolving", lambda: bool(live.outbox.about("OVER", asset)), 330 + AFTER_S)


def only_what_was_wrong_was_told(live: Live) -> None:
    state = read_state(live.store)
    assert state.outbox is None
    assert {i.condition.asset for i in state.past} >= {"watch/other", f"{ELECTION}/twitter/batches"}
    for asset in ("watch/other", "twitter/batches"):
        assert [len(live.outbox.about(word, asset)) for word in ("NEW", "OVER")] == [1, 1]
    others = [
        line
        for _, line in live.outbox.came
        if not any(known in line for known in ("alerts are alive", "watch/other", "twitter/batches"))
    ]
    assert others == []


def nothing_secret_is_kept(live: Live) -> None:
    """No canary is in a log, an event, a message or a file."""
    places = {path: path.read_bytes() for path in live.folder.rglob("*") if path.is_file()}
    messages = "\n".join(line for _, line in live.outbox.came).encode()
    for name, canary in CANARIES.items():
        assert canary.encode() not in messages, name
        assert [str(path) for path, data in places.items() if canary.encode() in data] == [], name
    assert sum(map(len, places.values())) > 100_000


def told_from_outside(live: Live, killed_at: float) -> None:
    """The dead-man switch, every 15 s from outside; the heartbeat was at most one look old at the kill."""
    while live.elec("deadman", "--max-age", f"{MAX_AGE_S}s").returncode == 0:
        assert time.monotonic() - killed_at < MAX_AGE_S + 2 * TICK_S
        time.sleep(TICK_S)
    live.wait("word of the dead-man switch", lambda: bool(live.outbox.about("alerts are", "DEAD")), 5)
    at = live.outbox.about("alerts are", "DEAD")[0][0]
    # One tick, and the start of the command on a machine that does other things too.
    assert at - killed_at < MAX_AGE_S + 2 * TICK_S
