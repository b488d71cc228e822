"""deploy/dagster.yaml: Dagster itself loads it, keeps its records in Postgres and what runs print where it is told."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster_aws.s3 import S3ComputeLogManager
from dagster_shared.serdes import serialize_value

from elec_assets.operations.orphans import at_work, end_orphans
from elec_assets_tests.deploy.conftest import instance_environment, made_home
from elec_assets_tests.deploy.postgres import PASSWORD, Postgres
from elec_assets_tests.deployment import REPOSITORY
from elec_assets_tests.s3 import Servers, make_bucket

HOURS = dg.HourlyPartitionsDefinition("2026-11-02-00:00")
KEY = "2026-11-02-13:00"


@dg.asset(partitions_def=HOURS)
def hour() -> dg.MaterializeResult[None]:
    sys.stdout.write("printed by a run\n")
    sys.stderr.write("complained by a run\n")
    return dg.MaterializeResult(metadata={"rows": 7})


def materialized(instance: dg.DagsterInstance) -> str:
    """The run that made `hour`; it is made once."""
    runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS]))
    return runs[-1].run_id if runs else dg.materialize([hour], instance=instance, partition_key=KEY).run_id


def test_what_is_materialized_is_read_back_from_postgres(deployed_once: dg.DagsterInstance, postgres: Postgres) -> None:
    done = materialized(deployed_once)
    assert deployed_once.get_materialized_partitions(dg.AssetKey("hour")) == {KEY}
    [found] = deployed_once.fetch_materializations(dg.AssetKey("hour"), limit=1).records
    assert found.asset_materialization is not None
    assert found.asset_materialization.metadata["rows"].value == 7
    told = postgres.ask("select run_id from runs where status = 'SUCCESS'", "shared")
    assert done in told.splitlines()


def test_runs_are_queued_limited_watched_and_tried_again(deployed_once: dg.DagsterInstance) -> None:
    limits = deployed_once.get_concurrency_config()
    root = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    assert limits.pool_config.default_pool_limit == root["concurrency"]["pools"]["default_limit"] == 1
    assert isinstance(deployed_once.run_coordinator, QueuedRunCoordinator)
    queue = limits.run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 4
    [backfills] = queue.tag_concurrency_limits
    assert backfills["limit"] < queue.max_concurrent_runs
    # While the code server restarts, for 10 minutes.
    assert queue.max_user_code_failure_retries * queue.user_code_failure_retry_delay == 600
    assert deployed_once.run_monitoring_enabled
    assert deployed_once.run_monitoring_start_timeout_seconds == 300
    assert deployed_once.run_monitoring_max_runtime_seconds == 4 * 3600
    assert deployed_once.run_retries_enabled
    assert deployed_once.run_retries_max_retries == 2
    assert not deployed_once.run_retries_retry_on_asset_or_op_failure
    assert deployed_once.freshness_enabled == root.get("freshness", {"enabled": True})["enabled"] is True


def test_the_runs_of_a_full_queue_fit_the_smallest_box_by_what_was_measured() -> None:
    """The limit said that a run takes 130 MB, when docs/operations.md had measured 325 and nobody had looked again."""
    text = (REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8")
    said = re.sub(r"\n *# *", " ", text)
    [words] = re.findall(r"(A run takes [^\n]*)\n *max_concurrent_runs: 4\n", said)
    run, services, shared = (int(number) for number in re.findall(r"(\d+) MB", words)[:3])
    operations = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    [(largest, *others)] = re.findall(r"(\d+) MB, a run; code server (\d+), webserver (\d+), daemon (\d+)", operations)
    assert (run, services) == (int(largest), sum(map(int, others)))
    assert "2 CPUs and 2 GB" in (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
    together = services + 4 * run - shared * (len(others) + 4 - 1)
    # For Postgres, capture and the system: 300 MB.
    assert together < 1700


def test_ticks_are_forgotten_and_nothing_is_sent(deployed_once: dg.DagsterInstance) -> None:
    assert not deployed_once.telemetry_enabled
    assert not deployed_once.nux_enabled
    for kind in InstigatorType:
        kept = deployed_once.get_tick_retention_settings(kind)
        assert all(0 < kept[status] <= 90 for status in TickStatus)


def test_the_password_is_named_and_never_written(
    deployed_once: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    """EcsRunLauncher hands the instance to its tasks as text, which AWS shows to whoever may describe a task."""
    told = serialize_value(deployed_once.get_ref())
    assert "DAGSTER_POSTGRES_PASSWORD" in told
    assert PASSWORD not in told + repr(deployed_once) + "".join(capfd.readouterr())


def test_what_runs_print_is_in_files_where_no_bucket_is_named(deployed_once: dg.DagsterInstance) -> None:
    logs = deployed_once.compute_log_manager
    assert isinstance(logs, LocalComputeLogManager)
    folder = Path(os.environ["DAGSTER_LOGS_DIR"]) / materialized(deployed_once) / "compute_logs"
    assert "printed by a run\n" in [path.read_text(encoding="utf-8") for path in folder.glob("*.out")]


@pytest.fixture
def bucket_logs(
    postgres: Postgres, s3_servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[dg.DagsterInstance, str]]:
    """An instance that keeps what runs print in a bucket, and the bucket's name."""
    bucket = make_bucket(s3_servers.url("moto"))
    variables = instance_environment(postgres, "shared", tmp_path / "logs") | bucket.environment
    for name, value in {**variables, "DAGSTER_LOGS_BUCKET": bucket.name}.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(made_home(tmp_path))) as made:
        yield made, bucket.name


@pytest.mark.prove
def test_what_runs_print_is_in_the_bucket_that_is_named(
    deployed_once: dg.DagsterInstance,  # noqa: ARG001 - has made the tables
    bucket_logs: tuple[dg.DagsterInstance, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance, name = bucket_logs
    assert isinstance(instance.compute_log_manager, S3ComputeLogManager)
    run = dg.materialize([hour], instance=instance, partition_key=KEY).run_id
    s3 = boto3.client("s3")
    listed = s3.list_objects_v2(Bucket=name, Prefix=f"dagster/storage/{run}/compute_logs/")["Contents"]
    held = {Path(one["Key"]).suffix: s3.get_object(Bucket=name, Key=one["Key"])["Body"].read() for one in listed}
    assert held[".out"] == b"printed by a run\n"
    assert b"complained by a run\n" in held[".err"]
    # The webserver on another host, or a run in another task, makes the same of the reference that it is given.
    monkeypatch.setenv("DAGSTER_LOGS_DIR", str(tmp_path / "another host"))
    with dg.DagsterInstance.from_ref(instance.get_ref()) as again:
        assert isinstance(again.compute_log_manager, S3ComputeLogManager)
        [file] = {Path(one["Key"]).stem for one in listed if Path(one["Key"]).suffix in (".out", ".err")}
        shown = again.compute_log_manager.get_log_data([run, "compute_logs", file])
        assert (shown.stdout, shown.stderr) == (held[".out"], held[".err"])


def test_runs_that_died_with_the_code_server_are_ended_and_would_be_tried_again(
    deployed_once: dg.DagsterInstance,
) -> None:
    """On one box a stopped code server takes its runs along, and Dagster leaves them STARTED, holding their pool."""
    job = dg.define_asset_job("job", [hour]).resolve(asset_graph=dg.Definitions([hour]).resolve_asset_graph())

    def made(status: dg.DagsterRunStatus) -> str:
        return deployed_once.create_run_for_job(job, status=status).run_id

    lost, leaving = made(dg.DagsterRunStatus.STARTED), made(dg.DagsterRunStatus.CANCELING)
    waiting, done = made(dg.DagsterRunStatus.NOT_STARTED), materialized(deployed_once)
    found = at_work(deployed_once)
    assert set(found) == {lost, leaving}
    begun = made(dg.DagsterRunStatus.STARTED)  # by the new code server
    assert set(end_orphans(deployed_once, found)) == {lost, leaving}
    runs = [deployed_once.get_run_by_id(run) for run in (lost, leaving, waiting, done, begun)]
    assert [run.status.value for run in runs if run] == ["FAILURE", "CANCELED", "NOT_STARTED", "SUCCESS", "STARTED"]
    assert runs[0] is not None
    assert runs[0].tags["dagster/will_retry"] == "true"
    assert end_orphans(deployed_once, found) == end_orphans(deployed_once, []) == []


@pytest.mark.prove
def test_an_instance_without_its_variables_says_which_one_is_missing(tmp_path: Path) -> None:
    home = made_home(tmp_path)
    env = {name: value for name, value in os.environ.items() if not name.startswith("DAGSTER_")}
    code = "from dagster import DagsterInstance as I; I.get()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**env, "DAGSTER_HOME": str(home)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "DAGSTER_POSTGRES_HOST" in done.stderr
