"""A deployment on Celery workers: code server, daemon and workers as processes here, on a real Postgres and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.definitions.selector import PartitionRangeSelector, PartitionsByAssetSelector, PartitionsSelector
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from bench.peers.scale_out_one import OF_WEEKS
from bench.posts import ELECTION
from elec_assets.clients.registry_source import load_registry
from elec_assets.definitions import build_definitions
from elec_assets.operations.celery_launcher import WatchfulCeleryRunLauncher
from elec_assets.settings import Settings
from elec_assets_tests.deploy.box import family, free_port
from elec_assets_tests.deploy.conftest import instance_environment
from elec_assets_tests.deploy.postgres import Postgres
from elec_assets_tests.deploy.recipe import DEPLOY
from elec_assets_tests.deploy.redis import Redis
from elec_assets_tests.deployment import environment

WORKERS = ("left", "right")
_START_S = 180.0
_OVER = (BulkActionStatus.COMPLETED_SUCCESS, BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED)
_COMMANDS = {
    # As the code server's own process: `code-server start` keeps one more beside it, to reload it.
    "code": "-m dagster api grpc -h 127.0.0.1 -p {port} -m elec_assets.definitions --location-name elec_assets",
    "daemon": "-m dagster._daemon run -w {workspace}",
}


@dataclass
class Rig:
    """Processes by name, on an instance that is open in this process too."""

    folder: Path
    env: Mapping[str, str]
    instance: dg.DagsterInstance
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self, *names: str) -> None:
        """The code server, the daemon, or workers by any other name, with one place each."""
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                env = {**self.env, "RAN": str(self.folder / f"ran-{name}")}
                command, out = self._command(name), subprocess.STDOUT
                self.processes[name] = subprocess.Popen(
                    command, cwd=self.folder, env=env, stdout=log, stderr=out, start_new_session=True
                )

    def _command(self, name: str) -> list[str]:
        worker = f"-m elec_assets.operations.celery_worker --concurrency 1 -n {name}@%h"
        words = _COMMANDS.get(name, worker)
        port, workspace = self.env["DAGSTER_CODE_PORT"], DEPLOY / "workspace.yaml"
        return [sys.executable, *words.format(port=port, workspace=workspace).split()]

    def wait_until_up(self) -> None:
        """Until the code server answers, and each worker is connected."""
        workers = [name for name in self.processes if name not in _COMMANDS]
        self.wait(lambda: all((self.folder / f"ran-{name}").exists() for name in workers), _START_S, "workers")
        self.wait(lambda: "Started Dagster code server" in self.log("code"), _START_S, "code server")

    def wait(self, done: Callable[[], bool], seconds: float, what: str, every_s: float = 0.25) -> None:
        """Until it is so, while all processes live."""
        until = time.monotonic() + seconds
        while not done():
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not ended, f"{ended[0]} ended: {self.log(ended[0])[-4000:]}"
            assert time.monotonic() < until, f"no {what} within {seconds:.0f} s: {self._said()}"
            time.sleep(every_s)

    def _said(self) -> str:
        return "".join(f"\n== {name}\n{self.log(name)[-3000:]}" for name in self.processes)

    def hold(self, *names: str) -> None:
        """Stop the first process of workers where it is: they begin no run, and what they are sent waits."""
        for name in names:
            os.kill(self.processes[name].pid, signal.SIGSTOP)

    def let_go(self, *names: str) -> None:
        for name in names:
            os.kill(self.processes[name].pid, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """`kill -9` of a worker's first process alone; the kernel ends its children (PR_SET_PDEATHSIG)."""
        process = self.processes.pop(name)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        started = [one for process in self.processes.values() for one in family(process)]
        for process in self.processes.values():
            process.terminate()
        _, left = psutil.wait_procs(started, 10)
        for one in left:
            one.kill()
        for process in self.processes.values():
            process.wait(10)

    def backfill(self, hours: Sequence[str], weeks: Sequence[str] = (), of_weeks: Sequence[str] = OF_WEEKS) -> str:
        """Ask for hours of tweets and the files of weeks, as the UI does; returns its id."""
        registry = load_registry(self.folder / "candidates.yaml")
        graph = build_definitions(Settings(), registry, datetime.now(UTC)).resolve_asset_graph()
        spans = {"twitter/tweets": hours, **dict.fromkeys(of_weeks, weeks)}
        asked = PartitionBackfill.from_partitions_by_assets(
            backfill_id=make_new_backfill_id(),
            asset_graph=graph,
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self.instance,
            partitions_by_assets=[
                PartitionsByAssetSelector(
                    asset_key=dg.AssetKey([ELECTION, *product.split("/")]),
                    partitions=PartitionsSelector(ranges=[PartitionRangeSelector(start=keys[0], end=keys[-1])]),
                )
                for product, keys in spans.items()
                if keys
            ],
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(asked)
        return str(asked.backfill_id)

    def wait_for(self, backfill: str, seconds: float) -> None:
        """Until a backfill is over, and has made everything."""

        def over() -> bool:
            found = self.instance.get_backfill(backfill)
            return found is not None and found.status in _OVER

        self.wait(over, seconds, "end of the backfill", every_s=1.0)
        found = self.instance.get_backfill(backfill)
        assert found is not None
        assert found.status is BulkActionStatus.COMPLETED_SUCCESS, f"{found.error} {self._said()}"

    def runs(self, backfill: str) -> list[dg.RunRecord]:
        """Those of a backfill, by when they began; what never began is not among them."""
        return sorted((r for r in self._of(backfill) if r.start_time is not None), key=lambda r: r.start_time or 0.0)

    def launched(self, backfill: str) -> int:
        """How many runs of a backfill were handed to the workers, begun or not."""
        return sum(DAGSTER_CELERY_TASK_ID_TAG in r.dagster_run.tags for r in self._of(backfill))

    def _of(self, backfill: str) -> Sequence[dg.RunRecord]:
        return self.instance.get_run_records(dg.RunsFilter(tags={"dagster/backfill": backfill}))

    def worker_of(self, run: dg.DagsterRun) -> str:
        """The name of the worker that has or had a run, as its task's result in Redis says; empty: none yet."""
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WatchfulCeleryRunLauncher)
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        return (launcher.worker_of(task) or "").split("@")[0] if task else ""


def home_of(folder: Path, changes: Mapping[str, str]) -> Path:
    """A DAGSTER_HOME as `install.sh files` makes it, but for some lines."""
    text = "".join((DEPLOY / name).read_text(encoding="utf-8") for name in ("dagster.yaml", "launchers/celery.yaml"))
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(text, encoding="utf-8")
    return home


@contextmanager
def rig(
    folder: Path, postgres: Postgres, redis: Redis, database: str, changes: Mapping[str, str] | None = None
) -> Iterator[Rig]:
    """A deployment in a folder that holds candidates.yaml and `store`; nothing is started yet, all is stopped."""
    port = free_port()
    env = {
        **environment(folder, ELEC_REGISTRY=str(folder / "candidates.yaml"), ELEC_STORE=str(folder / "store")),
        **instance_environment(postgres, postgres.new(database), folder / "logs"),
        **redis.celery(),
        "DAGSTER_CODE_HOST": "127.0.0.1",
        "DAGSTER_CODE_PORT": port,
    }
    home = home_of(folder, changes or {})
    with pytest.MonkeyPatch.context() as m:
        for name, value in env.items():
            if name.startswith(("DAGSTER_", "ELEC_", "AWS_")):
                m.setenv(name, value)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            made = Rig(folder, env, instance)
            try:
                yield made
            finally:
                made.stop()
