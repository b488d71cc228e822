"""A backfill of hours and weeks on Celery workers, beside one process."""

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import scale_out_seed as seeds
from bench.measure import Measured, PathFailed, measure
from bench.report import Report, Row, WrongOption, main, options, progress, ratio
from elec_assets_tests.deploy import postgres as postgres_servers
from elec_assets_tests.deploy import redis as redis_servers
from elec_assets_tests.deploy.celery_rig import Rig, rig
from elec_assets_tests.deploy.postgres import Postgres
from elec_assets_tests.deploy.redis import Redis

POOL = "x_search"
# Made by a sensor of the daemon when it starts.
_BY_ITSELF = "/data/tables/candidates.csv"
_HOURS_OF_WEEK = 168
_MOST_WORKERS = 8
_A_RUN_S = 300.0
_ABOUT = """\
Weeks of live capture lie in a store; the tables of their hours and the files of their weeks are made of them, once by
each path, both with Dagster's records in a Postgres of their own. Nothing is asked of X.

  one process  the runs of the backfill one after another, in one process, with its import of Dagster
  celery       a backfill as the UI asks for it: code server, daemon, Redis and --workers workers with a place each

wall_s of celery is from the request to the end that the daemon records; it looks every 30 s. work_s is from the
beginning of the first run to the end of the last. cpu_s is that of all its processes, but for the servers' (Postgres,
Redis), which is servers_cpu_s. At the end both stores must hold the same bytes. The full measure is --weeks 8."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a path took, in seconds; `runs` by worker."""

    wall_s: float
    work_s: float
    cpu_s: float
    servers_cpu_s: float
    runs: dict[str, int]
    overlapping: int


def bench(args: argparse.Namespace) -> Report:
    """Fill a store, backfill it in each way, compare.

    Raises:
        WrongOption: `--weeks` or `--workers` is out of range.
        PathFailed: a path failed, they left other bytes, or a server is missing.
    """
    if args.weeks < 1 or not 1 <= args.workers <= _MOST_WORKERS:
        raise WrongOption(
            f"--weeks {args.weeks} --workers {args.workers} found; allowed: 1 or more, 1 to {_MOST_WORKERS}"
        )
    if postgres_servers.binaries() is None or shutil.which("redis-server") is None:
        raise PathFailed("no PostgreSQL or no Redis on this machine: install postgresql and redis-server to run this")
    number = args.weeks * _HOURS_OF_WEEK
    with (
        tempfile.TemporaryDirectory(prefix="elec-scale-") as work,
        postgres_servers.running() as postgres,
        redis_servers.running() as redis,
    ):
        one, many = _places(Path(work), number, args.size, args.seed)
        alone = _one_process(one, postgres, redis, number)
        celery = _on_celery(many, postgres, redis, number, args.workers)
        _compare(one / "store", many / "store")
    return report(alone, celery, hours=number)


def _places(work: Path, number: int, a_hour: int, seed: int) -> tuple[Path, Path]:
    progress(f"making {number} hours of {a_hour} posts")
    one, many = work / "one", work / "celery"
    one.mkdir()
    seeds.registry(one)
    seeds.captured(one / "store", number, a_hour, seed)
    shutil.copytree(one, many)
    return one, many


def _one_process(folder: Path, postgres: Postgres, redis: Redis, number: int) -> Backfilled:
    progress("running one process")
    job = {"hours": seeds.hour_keys(number), "weeks": seeds.week_keys(number)}
    with rig(folder, postgres, redis, "one") as made:
        before = _cpu_of_servers()
        told = measure("one process", "bench.peers.scale_out_one", job, made.env)
        servers = _cpu_of_servers() - before
    return _alone(told, servers)


def _alone(told: Measured, servers: float) -> Backfilled:
    return Backfilled(told.wall_s, told.wall_s, told.cpu_s, servers, {"": int(told.figures["runs"])}, 0)


def _on_celery(folder: Path, postgres: Postgres, redis: Redis, number: int, workers: int) -> Backfilled:
    names = [f"worker{i}" for i in range(1, workers + 1)]
    # As the deployment page says for more workers, and for hours of which X is asked nothing.
    limits = {"{key: dagster/backfill, limit: 2}": f"{{key: dagster/backfill, limit: {workers}}}"}
    limits |= {"max_concurrent_runs: 4": f"max_concurrent_runs: {max(4, workers)}"}
    with rig(folder, postgres, redis, "celery", limits) as made:
        made.instance.event_log_storage.set_concurrency_slots(POOL, workers)
        made.start("code", *names)
        made.wait_until_up()
        made.start("daemon")
        made.wait(lambda: "BackfillDaemon" in made.log("daemon"), 60, "the daemon")
        progress(f"running celery, {workers} workers")
        servers, cpu, began = _cpu_of_servers(), _cpu_of(made), time.monotonic()
        backfill = made.backfill(seeds.hour_keys(number), seeds.week_keys(number))
        made.wait_for(backfill, _A_RUN_S * (number // 24 + 1))
        wall_s = time.monotonic() - began
        return _celery(made, backfill, wall_s, _cpu_of(made) - cpu, _cpu_of_servers() - servers)


def _celery(made: Rig, backfill: str, wall_s: float, cpu_s: float, servers_cpu_s: float) -> Backfilled:
    runs = made.runs(backfill)
    spans = [(run.start_time or 0.0, run.end_time or 0.0) for run in runs]
    return Backfilled(
        wall_s=wall_s,
        work_s=max(end for _, end in spans) - min(start for start, _ in spans),
        cpu_s=cpu_s,
        servers_cpu_s=servers_cpu_s,
        runs=dict(Counter(made.worker_of(run.dagster_run) for run in runs)),
        overlapping=sum(later[0] < max(end for _, end in spans[:i]) for i, later in enumerate(spans) if i),
    )


def _cpu_of(made: Rig) -> float:
    """Seconds of the rig's processes, with those of their children that are over."""
    return sum(_cpu(process.pid) for process in made.processes.values())


def _cpu_of_servers() -> float:
    names = ("postgres", "redis-server")
    return sum(_cpu(child.pid) for child in psutil.Process().children() if child.name() in names)


def _cpu(pid: int) -> float:
    total = 0.0
    top = psutil.Process(pid)
    for one in [top, *top.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # its time is its parent's by now
            total += sum(one.cpu_times()[:4])
    return total


def _compare(one: Path, many: Path) -> None:
    progress("comparing what they stored")
    alone, together = digests(one), digests(many)
    other = [name for name in alone.keys() | together.keys() if alone.get(name) != together.get(name)]
    if other:
        raise PathFailed(f"{len(other)} objects differ, of {len(alone)}: {', '.join(sorted(other)[:5])}")


def digests(store: Path) -> dict[str, str]:
    """sha256 of all that a backfill makes of raw objects, by key: tables, coverage rows, files of weeks."""
    found = {path.relative_to(store).as_posix(): path for path in store.rglob("*") if path.is_file()}
    return {
        key: hashlib.sha256(path.read_bytes()).hexdigest()
        for key, path in sorted(found.items())
        if "/data/raw/" not in key and "/state/" not in f"/{key}" and not key.endswith(_BY_ITSELF)
    }


def report(alone: Backfilled, celery: Backfilled, *, hours: int) -> Report:
    """Both as a report: ratios above 1 say that Celery is faster, or costs more CPU."""
    rows: list[Row] = [_row("one process", alone), _row("celery", celery)]
    headline = {
        "speedup_wall": ratio(alone.wall_s, celery.wall_s),
        "speedup_work": ratio(alone.work_s, celery.work_s),
        "cpu_celery_over_one": ratio(celery.cpu_s, alone.cpu_s),
        "hours_a_minute_celery": round(60 * hours / celery.work_s),
    }
    shares = [{"worker": name, "runs": runs} for name, runs in sorted(celery.runs.items())]
    return Report(headline, rows, more={"workers": [dict(share) for share in shares]})


def _row(path: str, took: Backfilled) -> Row:
    return {
        "path": path,
        "wall_s": round(took.wall_s, 1),
        "work_s": round(took.work_s, 1),
        "cpu_s": round(took.cpu_s, 1),
        "servers_cpu_s": round(took.servers_cpu_s, 1),
        "runs": sum(took.runs.values()),
        "overlapping": took.overlapping,
    }


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("scale_out", _ABOUT, size=60, unit="posts in an hour", week=False)
    made.add_argument("--weeks", type=int, default=1, help="weeks of 168 hours (default 1)")
    made.add_argument("--workers", type=int, default=2, help="Celery workers with a place each (default 2)")
    return made


if __name__ == "__main__":
    sys.exit(main(parser(), bench))
