"""Runs on Celery workers: a backfill splits between two, outlives one, and makes the same bytes as one process."""

import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.launcher import WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_shared.serdes import serialize_value

from bench import scale_out_seed as seeds
from bench.peers.scale_out_one import OF_WEEKS, backfilled
from bench.posts import ELECTION
from bench.scale_out import digests as derived
from elec_assets.operations import celery_worker
from elec_assets.operations.celery_launcher import WatchfulCeleryRunLauncher
from elec_assets_tests.deploy import redis as servers
from elec_assets_tests.deploy.celery_rig import WORKERS, Rig, home_of, rig
from elec_assets_tests.deploy.conftest import instance_environment
from elec_assets_tests.deploy.postgres import PASSWORD, Postgres
from elec_assets_tests.deploy.redis import Redis

# Celery 5.7.0 itself, on redis-py 8.1.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning")
# A test has no minutes: the same looks, more often.
QUICK = {
    "poll_interval_seconds: 60": "poll_interval_seconds: 3",
    "free_slots_after_run_end_seconds: 300": "free_slots_after_run_end_seconds: 2",
    "lost_after_seconds: 180": "lost_after_seconds: 4",
}
POOL = "x_search"
WEEKLY = ("twitter/weekly",)
STATUS = dg.DagsterRunStatus


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with servers.running() as server:
        yield server


def seeded(folder: Path, hours: int, a_hour: int) -> Path:
    """Raw objects for the workers, in `store`; returns another store with the same."""
    seeds.registry(folder)
    seeds.captured(folder / "store", hours, a_hour)
    return Path(shutil.copytree(folder / "store", folder / "alone"))


def one_process(
    alone: Path, hours: int, of_weeks: Sequence[str], instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a store holds, made into everything in this process."""
    with monkeypatch.context() as m:
        m.setenv("ELEC_REGISTRY", str(alone.parent / "candidates.yaml"))
        m.setenv("ELEC_STORE", str(alone))
        backfilled(instance, seeds.hour_keys(hours), seeds.week_keys(hours), of_weeks)


def overlapping(runs: Sequence[dg.RunRecord]) -> int:
    """How many runs began while the one before was at work."""
    return sum((later.start_time or 0) < (earlier.end_time or 0) for earlier, later in pairwise(runs))


def kill_at_work(made: Rig, backfill: str) -> str:
    """Kill the first worker while it has a run; returns the run."""
    lost: list[str] = []

    def found() -> bool:
        for record in made.runs(backfill):
            run = record.dagster_run
            if run.status is STATUS.STARTED and made.worker_of(run) == WORKERS[0]:
                lost.append(run.run_id)
                return True
        return False

    made.wait(found, 240, f"run on {WORKERS[0]}", every_s=0.25)
    made.kill(WORKERS[0])
    return lost[0]


def retry_of(runs: Sequence[dg.RunRecord], lost: str) -> dg.DagsterRun:
    [again] = [r.dagster_run for r in runs if r.dagster_run.parent_run_id == lost]
    return again


def judge(made: Rig, backfill: str, lost: str, hours: int) -> None:
    """Both workers had runs at one time; the lost run was ended, and made good by another; all is recorded."""
    runs = made.runs(backfill)
    assert {made.worker_of(r.dagster_run) for r in runs} == set(WORKERS)
    assert overlapping(runs) >= 1
    ended = {r.dagster_run.run_id: r.dagster_run.status for r in runs}
    assert ended.pop(lost) is STATUS.FAILURE
    assert set(ended.values()) == {STATUS.SUCCESS}
    assert retry_of(runs, lost).run_id in ended
    recorded = made.instance.get_materialized_partitions(dg.AssetKey([ELECTION, "twitter", "tweets"]))
    assert recorded == set(seeds.hour_keys(hours))


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_a_backfill_splits_between_workers_outlives_one_and_makes_the_same_bytes(
    tmp_path: Path,
    bare: pytest.MonkeyPatch,
    instance: dg.DagsterInstance,
    postgres: Postgres,
    redis: Redis,
) -> None:
    """60 s of CPU for all processes, 110 s on two cores that others used too (2026-11); the daemon looks every 30 s.

    On a quick machine a run of 24 hours was over (6 s) before the next was launched (9 s after it), and workers that
    had shared the runs had never had one at the same time. So they wait until there is one for each.
    """
    hours = 48
    alone = seeded(tmp_path, hours, 10)
    with rig(tmp_path, postgres, redis, "celery", QUICK) as made:
        # X is not asked: no token. So hours need not wait for each other.
        made.instance.event_log_storage.set_concurrency_slots(POOL, 2)
        backfill = made.backfill(seeds.hour_keys(hours), seeds.week_keys(hours), WEEKLY)
        made.start("code", *WORKERS)
        made.wait_until_up()
        made.hold(*WORKERS)
        made.start("daemon")
        made.wait(lambda: made.launched(backfill) == hours / 24, 240, "run for each worker")
        made.let_go(*WORKERS)
        lost = kill_at_work(made, backfill)
        one_process(alone, hours, WEEKLY, instance, bare)
        made.wait_for(backfill, 600)
        judge(made, backfill, lost, hours)
        assert derived(made.store) == derived(alone)
        # What was lost was tried again where a worker was left.
        assert made.worker_of(retry_of(made.runs(backfill), lost)) == WORKERS[1]
        assert PASSWORD not in "".join(made.log(name) for name in ("code", "daemon", *WORKERS))


@pytest.mark.e2e
@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_eight_weeks_split_between_workers_outlive_one_and_make_the_same_bytes(
    tmp_path: Path,
    bare: pytest.MonkeyPatch,
    instance: dg.DagsterInstance,
    postgres: Postgres,
    redis: Redis,
) -> None:
    """11 minutes in this process, 9 on the workers, on two cores that others used too (2026-11)."""
    hours = 8 * 168
    alone = seeded(tmp_path, hours, 10)
    one_process(alone, hours, OF_WEEKS, instance, bare)
    with rig(tmp_path, postgres, redis, "weeks", QUICK) as made:
        made.instance.event_log_storage.set_concurrency_slots(POOL, 2)
        backfill = made.backfill(seeds.hour_keys(hours), seeds.week_keys(hours))
        made.start("code", *WORKERS)
        made.wait_until_up()
        made.start("daemon")
        lost = kill_at_work(made, backfill)
        # As `restart: unless-stopped` does; under the same name.
        made.start(WORKERS[0])
        made.wait_for(backfill, 2400)
        judge(made, backfill, lost, hours)
        runs = made.runs(backfill)
        assert len(runs) == 8 * 7 + 8 + 1
        shares = Counter(made.worker_of(r.dagster_run) for r in runs)
        assert min(shares.values()) > len(runs) / 4
        assert overlapping(runs) > len(runs) / 4
        weekly = [r for r in runs if "weekly" in str(r.dagster_run.asset_selection)]
        assert overlapping(weekly) >= 1
        assert derived(made.store) == derived(alone)


@pytest.mark.e2e
@pytest.mark.prove
@pytest.mark.timeout(900)
def test_hours_that_may_ask_x_are_single_however_many_workers_there_are(
    tmp_path: Path,
    bare: pytest.MonkeyPatch,  # noqa: ARG001 - nothing of this machine's
    postgres: Postgres,
    redis: Redis,
) -> None:
    """As deployed: pools have one place, and four workers wait."""
    hours = 96
    seeded(tmp_path, hours, 10)
    with rig(tmp_path, postgres, redis, "single", QUICK) as made:
        backfill = made.backfill(seeds.hour_keys(hours))
        made.start("code", *WORKERS, "third", "fourth")
        made.wait_until_up()
        made.start("daemon")
        made.wait_for(backfill, 600)
        steps = [s for r in made.runs(backfill) for s in made.instance.get_run_step_stats(r.dagster_run.run_id)]
        spans = sorted((s.start_time or 0.0, s.end_time or 0.0) for s in steps)
        assert len(spans) == hours / 24
        assert all(later[0] >= earlier[1] for earlier, later in pairwise(spans))


@pytest.fixture
def launched_by(
    postgres: Postgres, redis: Redis, tmp_path: Path, bare: pytest.MonkeyPatch
) -> tuple[InstanceRef, WatchfulCeleryRunLauncher]:
    """What Dagster makes of the files: the instance as text, and its launcher, which is quick to give up."""
    for name, value in {**instance_environment(postgres, "none", tmp_path), **redis.celery()}.items():
        bare.setenv(name, value)
    home = home_of(tmp_path, {"lost_after_seconds: 180": "lost_after_seconds: 1"})
    told = InstanceRef.from_dir(str(home))
    made = told.run_launcher
    assert isinstance(made, WatchfulCeleryRunLauncher)
    return told, made


@pytest.fixture
def launcher(launched_by: tuple[InstanceRef, WatchfulCeleryRunLauncher]) -> WatchfulCeleryRunLauncher:
    return launched_by[1]


def begun(launcher: WatchfulCeleryRunLauncher, state: str, result: object) -> dg.DagsterRun:
    """A run whose task left a result in Redis."""
    task = uuid.uuid4().hex
    launcher.celery.backend.store_result(task, result, state)
    return dg.DagsterRun("job", run_id=task, tags={DAGSTER_CELERY_TASK_ID_TAG: task})


@pytest.mark.parametrize(
    ("state", "result"),
    [
        # As a worker leaves it that was killed; and after its task was delivered again, which Dagster ignored.
        ("STARTED", {"hostname": "gone@nowhere", "pid": 7}),
        ("SUCCESS", 0),
    ],
)
def test_a_run_that_no_worker_has_is_lost_after_a_while_whatever_its_task_said(
    launcher: WatchfulCeleryRunLauncher, state: str, result: object
) -> None:
    """dagster-celery's own launcher calls both healthy, for the four hours that a run may take."""
    run = begun(launcher, state, result)
    assert CeleryRunLauncher.check_run_worker_health(launcher, run).status is not WorkerStatus.FAILED
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    lost = launcher.check_run_worker_health(run)
    assert lost.status is WorkerStatus.FAILED
    assert "has said nothing for" in str(lost.msg)


def test_a_run_whose_process_died_under_a_worker_that_lives_is_lost_at_once(
    launcher: WatchfulCeleryRunLauncher,
) -> None:
    run = begun(launcher, "FAILURE", RuntimeError("Worker exited prematurely: signal 9 (SIGKILL)"))
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED


def test_a_run_that_was_launched_this_moment_is_not_lost(launcher: WatchfulCeleryRunLauncher) -> None:
    assert launcher.check_run_worker_health(dg.DagsterRun("job")).status is WorkerStatus.RUNNING


def test_what_a_run_is_handed_over_redis_names_the_password_and_does_not_hold_it(
    launched_by: tuple[InstanceRef, WatchfulCeleryRunLauncher],
) -> None:
    told = serialize_value(launched_by[0])
    assert "DAGSTER_POSTGRES_PASSWORD" in told
    assert "DAGSTER_CELERY_BROKER" in told
    assert PASSWORD not in told


def test_a_worker_without_the_launcher_says_what_to_set(sqlite_home: Path, bare: pytest.MonkeyPatch) -> None:
    bare.setenv("DAGSTER_HOME", str(sqlite_home))
    with pytest.raises(SystemExit, match=r"launches runs by DefaultRunLauncher.*deploy/launchers/celery\.yaml"):
        celery_worker.main([])
