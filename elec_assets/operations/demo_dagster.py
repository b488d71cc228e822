"""The Dagster instance of `elec demo`: made, started, watched, and stopped with all its children."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from elec_assets.operations.dagster_api import DagsterApi, DagsterUnreachable

_START_S = 120.0
_STOP_S = 20.0
_NAMED = 4
_ENDED_BADLY = ("FAILURE", "CANCELED")

Say = Callable[[str], None]


class DemoFailed(Exception):
    """The demo could not do what it shows; the text says where to look."""


def refuse_taken(port: int) -> None:
    """Whoever answers there would be taken for the demo's own webserver.

    Raises:
        DemoFailed: the port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise DemoFailed(f"port {port} on 127.0.0.1 is taken; name another with --port") from None


@contextmanager
def started(folder: Path, port: int, env: dict[str, str]) -> Iterator["Dagster"]:
    """Webserver, daemon and code server, as `dagster dev` starts them; stopped with all their children.

    Raises:
        DemoFailed: the instance could not be made.
    """
    _make_instance(env)
    command = [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "dagster.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield Dagster(folder, DagsterApi(f"http://127.0.0.1:{port}"), process)
        finally:
            _stop(process)


def _make_instance(env: dict[str, str]) -> None:
    # By one process, before others open it: three at once on a fresh SQLite home failed 4 times of 18 (2026-11).
    code = "from dagster import DagsterInstance as I; i = I.get(); i.get_runs(limit=1); i.dispose()"
    made = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        raise DemoFailed(f"the Dagster instance could not be made: {made.stderr.strip().splitlines()[-1]}")


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


def named(assets: Sequence[str]) -> str:
    """Some assets in few words."""
    return ", ".join(assets) if len(assets) < _NAMED else f"{assets[0]} and {len(assets) - 1} more"


@dataclass(frozen=True, slots=True)
class Backfill:
    """One that was launched: its id, and what it is to make."""

    backfill_id: str
    assets: list[str]
    partitions: list[str]
    told: str


@dataclass(frozen=True, slots=True)
class Dagster:
    """The running instance: its folder, its GraphQL, its first process."""

    folder: Path
    api: DagsterApi
    process: subprocess.Popen[bytes]

    @property
    def stopped(self) -> str:
        """What is said when it ends by itself."""
        return f"Dagster stopped by itself; {self.folder / 'dagster.log'} says why"

    def wait_until_loaded(self, say: Say) -> None:
        """Until its webserver answers.

        Raises:
            DemoFailed: it does not.
        """
        say("Starting Dagster (webserver, daemon, code server) ...")
        until = time.monotonic() + _START_S
        while not self.api.alive():
            if self.process.poll() is not None or time.monotonic() > until:
                log = self.folder / "dagster.log"
                raise DemoFailed(f"Dagster did not start; {log} says why (is the port taken? use --port)")
            time.sleep(0.5)

    def launched(self, assets: list[str], partitions: list[str], say: Say) -> Backfill:
        """Launch a backfill.

        Raises:
            DagsterUnreachable: see `DagsterApi`.
        """
        told = named(assets)
        say(f"Backfill of {told}: {len(partitions)} partitions, {partitions[0]} to {partitions[-1]}")
        return Backfill(self.api.launch_backfill(assets, partitions), assets, partitions, told)

    def followed(self, backfill: Backfill, say: Say) -> None:
        """Wait for a backfill of what was never materialized before.

        Raises:
            DagsterUnreachable: Dagster stopped.
            DemoFailed: a partition was not made.
        """
        assets, partitions = backfill.assets, backfill.partitions
        wanted = len(partitions) * len(assets)
        done, shown = 0, -1
        while done < wanted:
            self._wait()
            done = sum(self.api.materialized(asset, partitions) for asset in assets)
            if done > shown:
                shown = done
                say(f"  {done} of {wanted} materialized")
            progress = self.api.backfill(backfill.backfill_id)
            if progress.over and not progress.succeeded:
                why = progress.error or "see the runs in the UI"
                raise DemoFailed(f"the backfill of {backfill.told} ended {progress.status}: {why}")

    def run(self, assets: list[str], first: str, last: str) -> None:
        """One run over some partitions, to its end.

        Raises:
            DagsterUnreachable: Dagster stopped.
            DemoFailed: the run failed.
        """
        self._ended_well(self.api.launch_run(assets, first, last), ", ".join(assets))

    def run_job(self, job: str) -> None:
        """One run of a job, to its end.

        Raises:
            DagsterUnreachable: Dagster stopped.
            DemoFailed: the run failed.
        """
        self._ended_well(self.api.launch_job(job), job)

    def _ended_well(self, run_id: str, told: str) -> None:
        while (status := self.api.run_status(run_id)) != "SUCCESS":
            if status in _ENDED_BADLY:
                raise DemoFailed(f"the run {run_id} of {told} ended {status}: see it in the UI")
            self._wait()

    def _wait(self) -> None:
        time.sleep(1.0)
        if self.process.poll() is not None:  # its webserver may answer on, with no one left to work
            raise DagsterUnreachable("Dagster stopped")
