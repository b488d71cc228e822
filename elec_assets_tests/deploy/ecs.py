"""The services of deploy/cloudformation.yaml as moto shows them to EcsRunLauncher, and its containers as processes.

moto runs no container: what a task would run is started here as a process, in the environment that the task has.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import requests

from elec_assets_tests.deploy.box import Image
from elec_assets_tests.deploy.recipe import DEPLOY
from elec_assets_tests.deploy.template import resources, told
from elec_assets_tests.local_http import QuietHandler, serving

REGION, ACCOUNT = "eu-west-3", "123456789012"
HOLDS = ("Services", "XToken", "ReadsXToken")
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/elec:1"


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def _camel(value: Any) -> Any:  # noqa: ANN401 - as YAML has it
    """Properties as the API names them."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: _camel(item) for key, item in value.items()}
    return value


@dataclass
class Ecs:
    """An account on moto with what the template makes of network, secrets and cluster, and the task of its daemon."""

    endpoint: str
    bucket: str
    secrets: Mapping[str, str]
    """By variable: what the template's secrets hold."""

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        return boto3.session.Session().client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    @cached_property
    def names(self) -> dict[str, str]:
        """What the template's references stand for; all that tasks need is made."""
        ec2, keeps = self.client("ec2"), self.client("secretsmanager")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})  # as a default network has
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="tasks", Description="x", VpcId=vpc)["GroupId"]
        cluster = self.client("ecs").create_cluster(clusterName="elec")["cluster"]["clusterArn"]
        self.client("logs").create_log_group(logGroupName="/elec/elec")
        password = json.dumps({"username": "dagster", "password": self.secrets["DAGSTER_POSTGRES_PASSWORD"]})
        token = self.secrets["X_BEARER_TOKEN"]
        return {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": "elec",
            "AlertTopic": f"arn:aws:sns:{REGION}:{ACCOUNT}:elec",
            "Bucket": self.bucket,
            "Cluster": cluster,
            "Cluster.Arn": cluster,
            "Database.Endpoint.Address": "127.0.0.1",
            "DatabaseSecret": keeps.create_secret(Name="database", SecretString=password)["ARN"],
            "ExecutionRole.Arn": role("execution"),
            "Image": IMAGE,
            "Logs": "/elec/elec",
            "Logs.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/elec/elec:*",
            "Prefix": "elections",
            "PublicIp": "ENABLED",
            "SealingRole.Arn": role("sealing"),
            "SecretsPath": "/elec/prod/",
            "SecretsArn": "",
            "Subnets": subnet,
            "TaskSecurity": group,
            "XBudgetUsd": "0",
            "XTokenSecret": keeps.create_secret(Name="x", SecretString=token)["ARN"],
        }

    def read(self, secret: str) -> str:
        """What ECS gives a container for `valueFrom`: a secret, or one key of it."""
        parts = secret.split(":")
        held: str = self.client("secretsmanager").get_secret_value(SecretId=":".join(parts[:7]))["SecretString"]
        return held if len(parts) == 7 else str(json.loads(held)[parts[7]])

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The task of code server, webserver, daemon and purge, as it is registered."""
        given = _camel(told(resources()["DagsterTask"], self.names, HOLDS))
        for container in given["containerDefinitions"]:
            container["memory"] = 512  # without it moto 5.2.5 starts no task
        made: dict[str, Any] = self.client("ecs").register_task_definition(**given)["taskDefinition"]
        return made

    def container(self, name: str) -> dict[str, Any]:
        [found] = [c for c in self.definition["containerDefinitions"] if c["name"] == name]
        return dict(found)

    def start_service(self) -> str:
        """Start the task as its service does; gives its ARN. Where it has a public address, moto is told so."""
        ecs, ec2 = self.client("ecs"), self.client("ec2")
        # Tasks run until they are stopped: moto ends them after five looks.
        transition = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1000}}
        requests.post(f"{self.endpoint}/moto-api/state-manager/set-transition", json=transition, timeout=10)
        service = resources()["DagsterService"]
        network = _camel(told(service["NetworkConfiguration"], self.names, HOLDS))
        network["awsvpcConfiguration"]["subnets"] = [self.names["Subnets"]]
        [task] = ecs.run_task(
            cluster=self.names["Cluster"],
            taskDefinition=self.definition["taskDefinitionArn"],
            launchType=service["LaunchType"],
            networkConfiguration=network,
        )["tasks"]
        [card] = [d["value"] for d in task["attachments"][0]["details"] if d["name"] == "networkInterfaceId"]
        address = ec2.allocate_address(Domain="vpc")["AllocationId"]
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=card)
        return str(task["taskArn"])

    @contextmanager
    def metadata(self, container: str, task: str) -> Iterator[str]:
        """What tells a container on Fargate who it is."""
        answers = {"/": {"Name": container}, "/task": {"Cluster": self.names["Cluster"], "TaskARN": task}}

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
                self.answer(200, json.dumps(answers[self.path]).encode())

        with serving(Handler) as url:
            yield url


def files(image: Image) -> None:
    """The step of the image that makes configuration, instances among it."""
    image.path("/opt/elec").mkdir(parents=True)
    command = ["sh", str(DEPLOY / "install.sh"), "files", str(image.path("/opt/elec"))]
    subprocess.run(command, check=True, capture_output=True)


def environment(image: Image, ecs: Ecs, container: Mapping[str, Any], here: Mapping[str, str]) -> dict[str, str]:
    """What a container starts with: of the image, of its task, its secrets as ECS reads them; `here` comes last."""
    given = {pair["name"]: image.here(pair["value"]) for pair in container["environment"]}
    secret = {pair["name"]: ecs.read(pair["valueFrom"]) for pair in container.get("secrets", [])}
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {**image.environment, **given, **secret, "PATH": programs, **here}
