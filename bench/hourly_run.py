"""One hourly run from launch to success, in CPU seconds beyond what importing Dagster costs."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import imports
from bench.measure import Measured, PathFailed, command_cost, measure, medians
from bench.posts import ELECTION, election
from bench.report import Report, Row, main, options, progress
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_http import XServer

PARTITION = "2022-01-12-10:00"
ASSET = (ELECTION, "twitter", "tweets")
_OURS_RUN = ("elec_assets.definitions", ASSET)
_BARE = ("bench.peers.hourly_bare", ("nothing",))
_REPOSITORY = Path(__file__).parents[1]
_OURS = ("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_")
_SLOW_MS = 20
_ABOUT = """\
One hour of tweets is asked of a sandbox of X on 127.0.0.1, sealed and recorded, each time in a new deployment.

  import dagster     python -c "import dagster": what any run costs before it does anything
  bare run           `dagster api execute_run` of one empty asset in a module of five lines: Dagster's share of a run
  execute_run        `dagster api execute_run`: a process of its own loads the definitions and makes the run, as
                     Dagster's run launchers start it for each run of a schedule
  asset materialize  `dagster asset materialize`, as a person types it: also makes the run

cpu_beyond_dagster_s is execute_run less import dagster, cpu_beyond_bare_run_s less the bare run. The sandbox's own
work is not counted. Below, the imports of execute_run that take more than 20 ms (wall, with what they import), that
`import dagster` does not make, and that one package makes of another: who imports it, at which line. Times of a
package contain what it imports."""


def bench(args: argparse.Namespace) -> Report:
    """Start a sandbox, run the hour in each way, and list the imports.

    Raises:
        PathFailed: a run failed, or left no table.
    """
    with (
        tempfile.TemporaryDirectory(prefix="elec-hourly-") as work,
        start_x(scene=scene_of([election()], seed=args.seed, posts_per_hour=args.size)) as x,
    ):
        places = _Places(Path(work), x)
        paths: list[Callable[[], Measured]] = [
            partial(_import_dagster, places),
            partial(_bare_run, places),
            partial(_execute_run, places),
            partial(_materialize, places),
        ]
        measured = medians(paths, args.repeat)
        slow = _imports(places)
    imported, bare, run, _ = (m.cpu_s for m in measured)
    rows = [{k: v for k, v in m.row().items() if k != "import_cpu_s"} for m in measured]
    figures = {
        "cpu_beyond_dagster_s": round(run - imported, 2),
        "cpu_beyond_bare_run_s": round(run - bare, 2),
        "cpu_s_execute_run": round(run, 2),
    }
    return Report(figures, rows, more={"imports": slow})


class _Places:
    """Deployments: a folder each, with a Dagster instance and a store."""

    def __init__(self, root: Path, x: XServer) -> None:
        self._root = root
        self._x = x
        self._count = 0

    def new(self) -> tuple[Path, dict[str, str]]:
        """A new deployment: its store, and the environment of its processes."""
        self._count += 1
        folder = self._root / str(self._count)
        home = folder / "dagster"
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
        kept = {n: v for n, v in os.environ.items() if not n.startswith(_OURS) and not n.lower().endswith("_proxy")}
        return folder / "store", {
            **kept,
            "DAGSTER_HOME": str(home),
            "ELEC_REGISTRY": str(_REPOSITORY / "candidates.yaml"),
            "ELEC_STORE": str(folder / "store"),
            "ELEC_X_BASE_URL": self._x.url,
            "X_BEARER_TOKEN": "sandbox-token",
        }


def _import_dagster(places: _Places) -> Measured:
    progress("running import dagster")
    return command_cost("import dagster", [sys.executable, "-c", "import dagster"], places.new()[1], _REPOSITORY)[1]


def _bare_run(places: _Places) -> Measured:
    progress("running bare run")
    _, env = places.new()
    return command_cost("bare run", _prepared(env, _BARE), env, _REPOSITORY)[1]


def _execute_run(places: _Places) -> Measured:
    progress("running execute_run")
    store, env = places.new()
    measured = command_cost("execute_run", _prepared(env), env, _REPOSITORY)[1]
    return _stored(measured, store)


def _materialize(places: _Places) -> Measured:
    progress("running asset materialize")
    store, env = places.new()
    _prepared(env)  # so that the instance's databases are there, as they are for execute_run
    asset = ["--select", "/".join(ASSET), "--partition", PARTITION, "-m", "elec_assets.definitions"]
    command = [sys.executable, "-m", "dagster", "asset", "materialize", *asset]
    return _stored(command_cost("asset materialize", command, env, _REPOSITORY)[1], store)


def _prepared(env: dict[str, str], what: tuple[str, tuple[str, ...]] = _OURS_RUN) -> list[str]:
    """The command of a run, of an asset of a module of definitions, that was made for this deployment."""
    module, asset = what
    job = {"module": module, "asset": asset, "partition": PARTITION, "folder": str(_REPOSITORY)}
    return list(measure("prepare", "bench.peers.hourly_prepare", job, env).figures["command"])


def _stored(measured: Measured, store: Path) -> Measured:
    if not list(store.rglob("tables/twitter/*/*.parquet")):
        raise PathFailed(f"{measured.path}: ended well, and left no table in {store}")
    return measured


def _imports(places: _Places) -> list[Row]:
    progress("listing imports")
    env = places.new()[1]
    bare = imports.timed(["dagster.version"], env, _REPOSITORY)
    run = imports.timed(_prepared(env)[2:], env, _REPOSITORY)
    return imports.slow(run, {i.module for i in bare}, _SLOW_MS)


if __name__ == "__main__":
    sys.exit(main(options("hourly_run", _ABOUT, size=1000, unit="posts in the hour", week=False), bench))
