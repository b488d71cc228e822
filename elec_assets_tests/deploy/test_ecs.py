"""Runs as ECS tasks: EcsRunLauncher against moto, with the instance, rights and tasks that deploy/ makes.

moto runs no container, so the command of a task is run here as a process, in the environment of the task.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_aws.ecs import EcsRunLauncher
from dagster_graphql.schema import create_schema

from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deploy.box import Image, free_port
from elec_assets_tests.deploy.ecs import IMAGE, REGION, Ecs, environment, files, role
from elec_assets_tests.deploy.postgres import PASSWORD, Postgres
from elec_assets_tests.deploy.template import resources, told
from elec_assets_tests.deployment import ELECTION, write_registry
from elec_assets_tests.s3 import Servers, make_bucket

pytestmark = [pytest.mark.prove, pytest.mark.timeout(300)]
TOKEN = "CANARY-TOKEN-OF-X"
SECRETS = {"DAGSTER_POSTGRES_PASSWORD": PASSWORD, "X_BEARER_TOKEN": TOKEN}
# ECS takes overrides of no more, as JSON.
LONGEST_OVERRIDES = 8192
HOURS = ("2026-02-04-13:00", "2026-02-04-14:00", "2026-02-04-15:00")
LAUNCH = """
mutation ($given: ExecutionParams!) {
  launchRun(executionParams: $given) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@dataclass
class Calls:
    """What was asked of AWS, as IAM names it, and the parameters of each."""

    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def listen(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        service = client.meta.service_model.signing_name
        client.meta.events.register(
            "provide-client-params",
            lambda params, model, **_: self.made.append((f"{service}:{model.name}", params)),
        )

    def of(self, name: str) -> list[dict[str, Any]]:
        return [parameters for made, parameters in self.made if made == name]


@dataclass
class Rig:
    """A deployment on ECS: the daemon's side of it, and X."""

    ecs: Ecs
    image: Image
    x: XServer
    instance: dg.DagsterInstance
    workspace: WorkspaceRequestContext
    calls: Calls
    here: Mapping[str, str]
    task: str

    @property
    def launcher(self) -> EcsRunLauncher[dg.DagsterInstance]:
        found = self.instance.run_launcher
        assert isinstance(found, EcsRunLauncher)
        return found

    def launched(self, hour: str) -> dg.DagsterRun:
        """A run asked for as the UI asks, and launched as the daemon does once it leaves the queue."""
        given = {
            "selector": {
                "repositoryLocationName": "elec_assets",
                "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": [ELECTION, "twitter", "tweets"]}],
            },
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": hour}]},
        }
        asked = create_schema().execute_async(LAUNCH, variables={"given": given}, context_value=self.workspace)
        answer = asyncio.run(asked)
        assert answer.errors is None, answer.errors
        assert answer.data is not None
        assert answer.data["launchRun"]["__typename"] == "LaunchRunSuccess", answer.data
        run = answer.data["launchRun"]["run"]["runId"]
        self.instance.launch_run(run, self.workspace)
        return self.run(run)

    def run(self, run: str) -> dg.DagsterRun:
        found = self.instance.get_run_by_id(run)
        assert found is not None
        return found

    def task_of(self, run: dg.DagsterRun) -> dict[str, Any]:
        tasks = self.ecs.client("ecs").describe_tasks(
            cluster=self.ecs.names["Cluster"], tasks=[run.tags["ecs/task_arn"]], include=["TAGS"]
        )
        [found] = tasks["tasks"]
        return dict(found)

    def started(self, task: Mapping[str, Any]) -> subprocess.Popen[bytes]:
        """The container of a task as a process."""
        told_by = self.ecs.client("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])
        [container] = told_by["taskDefinition"]["containerDefinitions"]
        [override] = task["overrides"]["containerOverrides"]
        assert override["name"] == container["name"]
        return subprocess.Popen(
            override["command"],
            cwd=self.image.path("/opt/elec"),
            env=environment(self.image, self.ecs, container, self.here),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@contextmanager
def code_server(rig: Mapping[str, str], image: Image, words: list[str]) -> Iterator[None]:
    """The container `code` of the task."""
    log = image.root / "code.log"
    port = rig["DAGSTER_CODE_PORT"]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [port if word == "4000" else word for word in words],
            cwd=image.path("/opt/elec"),
            env=rig,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        health = ["dagster", "api", "grpc-health-check", "-p", port]
        until = time.monotonic() + 120
        while subprocess.run(health, env=rig, capture_output=True).returncode:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="module")
def rig(postgres: Postgres, s3_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    image = Image(tmp_path_factory.mktemp("ecs"))
    files(image)
    registry = write_registry(image.path("/opt/elec/config"))
    bucket = make_bucket(s3_servers.url("moto"))
    ecs = Ecs(bucket.endpoint, bucket.name, SECRETS)
    scene = scene_of(registry.elections.values(), seed=3, posts_per_hour=60)
    task = ecs.start_service()
    with start_x(scene=scene, token=TOKEN) as x, ecs.metadata("daemon", task) as who:
        # What Fargate sets, and what this machine has elsewhere: its database has no TLS.
        here = {
            **bucket.environment,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "DAGSTER_POSTGRES_PORT": str(postgres.port),
            "DAGSTER_POSTGRES_DB": postgres.new("ecs"),
            "PGSSLMODE": "disable",
            "DAGSTER_CODE_PORT": free_port(),
            "ELEC_X_BASE_URL": x.url,
        }
        code = ecs.container("code")
        daemon = environment(image, ecs, ecs.container("daemon"), here) | {"ECS_CONTAINER_METADATA_URI_V4": who}
        with (
            code_server(environment(image, ecs, code, here), image, code["command"]),
            pytest.MonkeyPatch.context() as m,
        ):
            for name in [n for n in os.environ if n.startswith(("AWS_", "DAGSTER_", "ELEC_", "X_"))]:
                m.delenv(name)
            for name, value in daemon.items():
                m.setenv(name, value)
            m.chdir(image.path("/opt/elec"))
            with dg.DagsterInstance.get() as instance:
                target = WorkspaceFileTarget([str(image.path("/opt/elec/workspace.yaml"))])
                with WorkspaceProcessContext(instance, target) as context:
                    calls = Calls()
                    made = Rig(ecs, image, x, instance, context.create_request_context(), calls, here, task)
                    for client in (made.launcher.ecs, made.launcher.logs, made.launcher.secrets_manager):
                        calls.listen(client)
                    calls.listen(made.launcher.ec2.meta.client)
                    yield made


@pytest.fixture(scope="module")
def first(rig: Rig) -> dg.DagsterRun:
    return rig.launched(HOURS[0])


def test_a_run_is_a_task_of_the_daemons_image_network_roles_and_secrets(rig: Rig, first: dg.DagsterRun) -> None:
    """No run could be launched: nothing told the code server its image, so the launcher had none (2026-11)."""
    assert first.status == dg.DagsterRunStatus.STARTING
    assert first.tags["ecs/cluster"] == rig.ecs.names["Cluster"]
    [asked] = rig.calls.of("ecs:RunTask")
    assert (asked["cluster"], asked["launchType"]) == (rig.ecs.names["Cluster"], "FARGATE")
    assert asked["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": [rig.ecs.names["Subnets"]],
        "securityGroups": [rig.ecs.names["TaskSecurity"]],
        "assignPublicIp": "ENABLED",
    }
    [made] = rig.calls.of("ecs:RegisterTaskDefinition")
    assert made["family"].startswith("run_")
    assert "tags" not in made  # or it would need the right to give them
    assert (made["taskRoleArn"], made["executionRoleArn"]) == (role("sealing"), role("execution"))
    assert (made["cpu"], made["memory"]) == ("256", "1024")
    [container] = made["containerDefinitions"]
    daemon = rig.ecs.container("daemon")
    assert (container["name"], container["image"]) == ("run", IMAGE)
    assert "healthCheck" not in container
    assert not container["dependsOn"]
    for same in ("secrets", "logConfiguration", "linuxParameters"):
        assert container[same] == daemon[same]
    given = {pair["name"]: pair["value"] for pair in container["environment"]}
    assert given.pop("DAGSTER_RUN_JOB_NAME") == "__ASSET_JOB"
    assert given == {pair["name"]: pair["value"] for pair in daemon["environment"]}


def test_a_task_is_told_its_run_and_no_secret(rig: Rig, first: dg.DagsterRun) -> None:
    [asked] = rig.calls.of("ecs:RunTask")
    [override] = asked["overrides"]["containerOverrides"]
    assert override["command"][:3] == ["dagster", "api", "execute_run"]
    assert (override["cpu"], override["memory"]) == (256, 1024)
    assert {tag["key"]: tag["value"] for tag in asked["tags"]} == {
        "dagster/run_id": first.run_id,
        "dagster/job_name": "__ASSET_JOB",
    }
    # Who may describe a task reads all of it.
    told_all = json.dumps([asked, rig.calls.of("ecs:RegisterTaskDefinition"), rig.task_of(first)], default=str)
    assert [name for name, value in SECRETS.items() if value in told_all] == []
    assert "DAGSTER_POSTGRES_PASSWORD" in override["command"][3]
    assert len(json.dumps(asked["overrides"])) < LONGEST_OVERRIDES


def test_the_command_of_the_task_makes_the_run_and_its_output_is_in_the_bucket(rig: Rig, first: dg.DagsterRun) -> None:
    process = rig.started(rig.task_of(first))
    said = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, said
    assert rig.run(first.run_id).status == dg.DagsterRunStatus.SUCCESS, said
    asset = dg.AssetKey([ELECTION, "twitter", "tweets"])
    assert rig.instance.get_materialized_partitions(asset) == {HOURS[0]}
    [record] = rig.instance.fetch_materializations(asset, limit=1).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["outcome"].value == "ok", "X was asked, with the token of the task"
    s3 = boto3.client("s3")
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=rig.ecs.bucket)["Contents"]]
    assert any(name.startswith("elections/") and name.endswith("13.parquet") for name in names)
    under = f"dagster/storage/{first.run_id}/compute_logs/"
    [errors] = [name for name in names if name.startswith(under) and name.endswith(".err")]
    printed = rig.instance.compute_log_manager.get_log_data([first.run_id, "compute_logs", Path(errors).stem]).stderr
    assert printed is not None
    assert b"STEP_SUCCESS" in printed
    everything = said.encode() + b"".join(
        s3.get_object(Bucket=rig.ecs.bucket, Key=name)["Body"].read() for name in names if name.startswith("dagster/")
    )
    assert not any(value.encode() in everything for value in SECRETS.values())


def test_a_run_that_is_terminated_is_a_task_that_stops_and_ends_as_canceled(rig: Rig) -> None:
    """ECS sends SIGTERM to the process, and two minutes later an end."""
    rig.x.faults.add(Fault(delay_s=20.0, times=100))
    run = rig.launched(HOURS[1])
    launcher = rig.launcher
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    process = rig.started(rig.task_of(run))
    until = time.monotonic() + 60
    while rig.run(run.run_id).status != dg.DagsterRunStatus.STARTED:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert launcher.terminate(run.run_id)
    assert rig.run(run.run_id).status == dg.DagsterRunStatus.CANCELING
    task = rig.task_of(run)
    assert (task["lastStatus"], task["desiredStatus"]) == ("STOPPED", "STOPPED")
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[0].decode()
    assert rig.run(run.run_id).status == dg.DagsterRunStatus.CANCELED, said
    assert launcher.check_run_worker_health(run).status == WorkerStatus.SUCCESS
    assert not launcher.terminate(run.run_id)
    # The second run needed no second definition.
    assert len(rig.calls.of("ecs:RegisterTaskDefinition")) == 1


def test_a_task_that_died_is_told_with_its_last_words(rig: Rig) -> None:
    run = rig.launched(HOURS[2])
    task = rig.task_of(run)
    [container] = rig.calls.of("ecs:RegisterTaskDefinition")[-1]["containerDefinitions"]
    options = container["logConfiguration"]["options"]
    stream = f"{options['awslogs-stream-prefix']}/run/{task['taskArn'].rpartition('/')[2]}"
    logs = rig.ecs.client("logs")
    logs.create_log_stream(logGroupName=options["awslogs-group"], logStreamName=stream)
    words = [{"timestamp": int(time.time() * 1000), "message": "Killed"}]
    logs.put_log_events(logGroupName=options["awslogs-group"], logStreamName=stream, logEvents=words)
    rig.ecs.client("ecs").stop_task(cluster=rig.ecs.names["Cluster"], task=task["taskArn"], reason="OutOfMemory")

    def killed(parsed: dict[str, Any], **_: object) -> None:
        # moto 5.2.5 ends every container with 0.
        parsed["tasks"][0]["containers"][0]["exitCode"] = 137

    events = rig.launcher.ecs.meta.events
    events.register("after-call.ecs.DescribeTasks", killed)
    try:
        health = rig.launcher.check_run_worker_health(run)
    finally:
        events.unregister("after-call.ecs.DescribeTasks", killed)
    assert health.status == WorkerStatus.FAILED
    assert "OutOfMemory" in str(health.msg)
    assert "Container 'run' failed - exit code 137" in str(health.msg)
    assert str(health.msg).endswith("Run worker logs:\nKilled")


def test_the_role_may_do_what_the_launcher_did_and_no_more(rig: Rig) -> None:
    """The tests before have launched, looked at and ended runs, and asked for the words of one that died."""
    document = told(resources()["LaunchPolicy"]["PolicyDocument"], rig.ecs.names, ["Services"])
    granted: dict[str, dict[str, Any]] = {}
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        granted |= dict.fromkeys(actions, statement)
    for_people = {action for action in granted if action.startswith("ssmmessages:")}
    # What AWS asks for beside the calls: roles handed on, tags given with RunTask.
    beside = {"iam:PassRole", "ecs:TagResource"}
    assert {name for name, _ in rig.calls.made} == granted.keys() - for_people - beside
    assert granted["iam:PassRole"]["Resource"] == [role("sealing"), role("execution")]
    assert granted["iam:PassRole"]["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    for name in ("ecs:RunTask", "ecs:StopTask", "ecs:DescribeTasks"):
        assert granted[name]["Condition"] == {"ArnEquals": {"ecs:cluster": rig.ecs.names["Cluster"]}}
    assert granted["ecs:TagResource"]["Condition"] == {"StringEquals": {"ecs:CreateAction": ["RunTask"]}}
    family = rig.calls.of("ecs:RegisterTaskDefinition")[0]["family"]
    runs = granted["ecs:RunTask"]["Resource"]
    assert runs.endswith("task-definition/run_*")
    assert family.startswith("run_")
    assert granted["logs:GetLogEvents"]["Resource"] == rig.ecs.names["Logs.Arn"]
