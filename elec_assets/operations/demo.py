"""`elec demo`: the main job on a sandbox, in a Dagster instance of its own; no account, no network."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import COVERAGE, TWEETS
from elec_assets.domain.windows import Grain, Window, floor, key_of, split, year_week
from elec_assets.operations.dagster_api import DagsterApi, DagsterUnreachable
from elec_assets.operations.demo_setup import ELECTION, TOKEN, environment, prepared
from elec_assets.operations.demo_trends import seeds, summary_rows
from elec_assets.operations.report import DONE, FAILED, columns
from elec_assets.operations.sandboxes import scene_of, trends_scene_of
from elec_assets.sandbox.serve import start_trends, start_x

_POSTS_PER_HOUR = 60.0
_SEED = 2027
_START_S = 120.0
_CANDIDATES_S = 90.0
_STOP_S = 20.0
_NAMED = 4

Say = Callable[[str], None]


class DemoFailed(Exception):
    """The demo could not do what it shows; the text says where to look."""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What the demo made: a row an asset, and how long it took."""

    rows: tuple[tuple[str, int, int, str], ...]
    seconds: float
    complete: bool

    @property
    def exit_code(self) -> int:
        """1 if anything is missing."""
        return DONE if self.complete else FAILED

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("asset", "partitions", "rows", "coverage")
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"assets": rows, "seconds": round(self.seconds, 1), "complete": self.complete}

    def lines(self) -> list[str]:
        """For a person."""
        table = columns([("asset", "partitions", "rows", "coverage"), *self.rows])
        return [
            *table,
            "",
            f"{self.seconds:.0f} s. No account and no network were used: X and Google Trends were on 127.0.0.1.",
        ]


def demo(folder: Path, *, port: int, once: bool, weeks: int, say: Say) -> DemoSummary:
    """Run the demo over some past weeks; with `once` stop when they are there, else serve until interrupted.

    Interrupted while it serves, it returns; earlier, it raises. Either way nothing of it is left running.

    Raises:
        DemoFolderTaken: the folder holds something else.
        DemoFailed: a part did not start or did not do its work.
        KeyboardInterrupt: it was interrupted, or told to end, before it served.
    """
    began = time.monotonic()
    now = datetime.now(UTC)
    with _ended_in_order():
        _refuse_taken(port)
        with prepared(folder, now, weeks):
            return _demo(folder, port, now, began, once=once, say=say)


def _demo(folder: Path, port: int, now: datetime, began: float, *, once: bool, say: Say) -> DemoSummary:
    election = load_registry(folder / "candidates.yaml").elections[ELECTION]
    scene = scene_of([election], seed=_SEED, posts_per_hour=_POSTS_PER_HOUR)
    world = trends_scene_of([election], seed=_SEED)
    with start_x(scene=scene, token=TOKEN) as x, start_trends(world=world) as google:
        say(f"Sandbox of X: {x.url}, of Google Trends: {google.url} (seed {_SEED}, fictitious people, synthetic data)")
        env = environment(folder, x.url, google.url, os.environ)
        _make_instance(env)
        with _dagster(folder, port, env) as process:
            api = DagsterApi(f"http://127.0.0.1:{port}")
            _wait_until_loaded(api, process, folder, say)
            try:
                weeks = _weeks(election, now)
                _seed(api, process, election, weeks if once else _weeks_until(election, now), len(weeks), say)
            except DagsterUnreachable:
                raise DemoFailed(_stopped(folder)) from None
            summary = _summary(folder, election, now, time.monotonic() - began, candidates=_candidates(folder))
            if not once:
                _serve(folder, summary, process, say, port)
    return summary


def _refuse_taken(port: int) -> None:
    """Whoever answers there would be taken for the demo's own webserver."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise DemoFailed(f"port {port} on 127.0.0.1 is taken; name another with --port") from None


def _make_instance(env: dict[str, str]) -> None:
    # By one process, before others open it: three at once on a fresh SQLite home failed 4 times of 18 (2026-11).
    code = "from dagster import DagsterInstance as I; i = I.get(); i.get_runs(limit=1); i.dispose()"
    made = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        raise DemoFailed(f"the Dagster instance could not be made: {made.stderr.strip().splitlines()[-1]}")


@contextmanager
def _dagster(folder: Path, port: int, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Webserver, daemon and code server, as `dagster dev` starts them; stopped with all their children."""
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "dagster.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Whatever of its session is left: run processes, code servers.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_until_loaded(api: DagsterApi, process: subprocess.Popen[bytes], folder: Path, say: Say) -> None:
    say("Starting Dagster (webserver, daemon, code server) ...")
    until = time.monotonic() + _START_S
    while not api.alive():
        if process.poll() is not None or time.monotonic() > until:
            raise DemoFailed(
                f"Dagster did not start; {folder / 'dagster.log'} says why (is the port taken? use --port)"
            )
        time.sleep(0.5)


def _seed(
    api: DagsterApi, process: subprocess.Popen[bytes], election: Election, weeks: list[Window], past: int, say: Say
) -> None:
    hours = [key_of(hour, Grain.HOUR) for week in weeks for hour in split(week, Grain.HOUR)]
    made = [(seed.assets(election), seed.partitions()) for seed in seeds(election, weeks[:past])]
    # All at once: while one run starts its process, another asks.
    backfills = [
        _launched(api, assets, keys, say) for assets, keys in [*made, ([f"{election.key}/twitter/tweets"], hours)]
    ]
    for backfill in reversed(backfills):
        _followed(api, process, backfill, say)
    built = [f"{election.key}/{product}/weekly" for product in ("twitter", "coverage", "google_trends")]
    _followed(api, process, _launched(api, built, [key_of(week, Grain.WEEK) for week in weeks], say), say)


@dataclass(frozen=True, slots=True)
class _Backfill:
    """One that was launched: its id, and what it is to make."""

    backfill_id: str
    assets: list[str]
    partitions: list[str]
    told: str


def _launched(api: DagsterApi, assets: list[str], partitions: list[str], say: Say) -> _Backfill:
    told = ", ".join(assets) if len(assets) < _NAMED else f"{assets[0]} and {len(assets) - 1} more"
    say(f"Backfill of {told}: {len(partitions)} partitions, {partitions[0]} to {partitions[-1]}")
    return _Backfill(api.launch_backfill(assets, partitions), assets, partitions, told)


def _followed(api: DagsterApi, process: subprocess.Popen[bytes], backfill: _Backfill, say: Say) -> None:
    assets, partitions = backfill.assets, backfill.partitions
    wanted = len(partitions) * len(assets)
    done, shown = 0, -1
    while done < wanted:
        time.sleep(1.0)
        if process.poll() is not None:  # its webserver may answer on, with no one left to work
            raise DagsterUnreachable("Dagster stopped")
        done = sum(api.materialized(asset, partitions) for asset in assets)
        if done > shown:
            shown = done
            say(f"  {done} of {wanted} materialized")
        progress = api.backfill(backfill.backfill_id)
        if progress.over and not progress.succeeded:
            why = progress.error or "see the runs in the UI"
            raise DemoFailed(f"the backfill of {backfill.told} ended {progress.status}: {why}")


def _weeks(election: Election, now: datetime) -> list[Window]:
    return split(Window(election.calendar.collect_from, floor(now, Grain.WEEK)), Grain.WEEK)


def _weeks_until(election: Election, now: datetime) -> list[Window]:
    """The past weeks, and the hours of the running one that are over: a graph without a gap."""
    monday, hour = floor(now, Grain.WEEK), floor(now, Grain.HOUR)
    return [*_weeks(election, now), *([Window(monday, hour)] if hour > monday else [])]


def _candidates(folder: Path) -> int:
    """Rows of the candidates table, made by the automation sensor meanwhile."""
    table = folder / "data" / ELECTION / "data" / "tables" / "candidates.csv"
    until = time.monotonic() + _CANDIDATES_S
    while not table.exists() and time.monotonic() < until:
        time.sleep(0.5)
    return len(table.read_text(encoding="utf-8").splitlines()) - 1 if table.exists() else 0


def _summary(folder: Path, election: Election, now: datetime, seconds: float, *, candidates: int) -> DemoSummary:
    store = open_store((folder / "data").resolve().as_uri())
    weeks = _weeks(election, now)
    hours = [hour for week in weeks for hour in split(week, Grain.HOUR)]
    rows = TweetArchive(store, election.key).coverages(hours)
    planned = sum(row.planned_s for row in rows) or 1.0
    covered = f"{1 - sum(row.missed_s for row in rows) / planned:.2%} of planned time"
    table: list[tuple[str, int, int, str]] = [
        (f"{election.key}/candidates", 1, candidates, ""),
        (f"{election.key}/twitter/tweets", len(rows), sum(row.rows for row in rows), covered),
    ]
    for product, shape in (("twitter", TWEETS), ("coverage", COVERAGE)):
        archive = WeeklyArchive(store, election.key, product, shape)
        frames = [frame for week in weeks if (frame := archive.read(week, [shape.key[0]])) is not None]
        files = ", ".join(f"{year_week(week)}.csv.gz" for week in weeks)
        name = f"{election.key}/{product}/weekly"
        table.append((name, len(frames), sum(frame.height for frame in frames), files))
    trends, answered = summary_rows(store, election, weeks)
    complete = bool(candidates) and len(rows) == len(hours) and all(row.outcome.settled for row in rows)
    complete = complete and answered and table[1][2] == table[2][2] and all(row[2] > 0 for row in [*table, *trends])
    return DemoSummary((*table, *trends), seconds, complete)


def _serve(folder: Path, summary: DemoSummary, process: subprocess.Popen[bytes], say: Say, port: int) -> None:
    root = f"http://127.0.0.1:{port}"
    for line in [
        "",
        *summary.lines(),
        "",
        f"Open {root}/asset-groups and click:",
        f"  {root}/assets/{ELECTION}/coverage/weekly?view=overview   a week's coverage, hour by hour",
        f"  {root}/assets/{ELECTION}/twitter/weekly?view=overview    posts an hour, and where the file is",
        f"  {root}/assets/{ELECTION}/twitter/tweets?view=partitions  every hour, its rows and its gaps",
        f"  {root}/assets/{ELECTION}/google_trends/fr/weekly/calibrated_interest?view=overview  who is searched for",
        f"  {root}/overview/activity/timeline                        the next hour is sealed at 7 minutes past",
        f"Files are in {folder / 'data'}. Stop with Ctrl-C; `rm -r {folder}` removes all of it.",
    ]:
        say(line)
    with suppress(KeyboardInterrupt):
        while process.poll() is None:
            time.sleep(1)
        raise DemoFailed(_stopped(folder))
    say("Stopping Dagster ...")


def _stopped(folder: Path) -> str:
    return f"Dagster stopped by itself; {folder / 'dagster.log'} says why"


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """What ends a process ends the demo as Ctrl-C does: Dagster has a session of its own, and would stay."""

    def interrupted(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell ignores it for what a script starts in the background. `nohup` asks to ignore the hangup.
    names = [signal.SIGINT, signal.SIGTERM]
    names += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []
    before = {name: signal.signal(name, interrupted) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
