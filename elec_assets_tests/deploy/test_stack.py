"""deploy/cloudformation.yaml made whole by an emulator: references resolve, alerts reach who they are for."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.transforms.alert_state import Message, Severity
from elec_assets_tests.clients.sns_place import environment
from elec_assets_tests.deploy.template import PATH
from elec_assets_tests.s3 import serve

pytestmark = pytest.mark.prove
PHONE = "+33611223344"
ALERTS = {"AlertEmail": "who@example.org", "AlertPhone": PHONE, "DeadmanCode": "deploy/deadman.zip"}
# ministack 1.5.33 makes what moto 5.2.5 passes over (subscriptions, versions, public access); not lifecycle rules.
SERVICES = (
    "cloudformation,s3,sns,sqs,iam,sts,lambda,events,monitoring,logs,ecr,ecs,rds,elasticfilesystem,ec2,secretsmanager"
)


@dataclass(frozen=True)
class Aws:
    """The emulator, by boto3."""

    endpoint: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        return boto3.session.Session().client(service, endpoint_url=self.endpoint, region_name="eu-west-3")

    def make(self, name: str, **parameters: str) -> dict[str, str]:
        """Make a stack; what it put out."""
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        cloud = self.client("cloudformation")
        body = PATH.read_text(encoding="utf-8")
        cloud.create_stack(StackName=name, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_IAM"])
        until = time.monotonic() + 60
        while (found := cloud.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"].endswith("IN_PROGRESS"):
            assert time.monotonic() < until
            time.sleep(0.1)
        events = cloud.describe_stack_events(StackName=name)["StackEvents"]
        failed = [event.get("ResourceStatusReason") for event in events if "FAILED" in event["ResourceStatus"]]
        assert (found["StackStatus"], failed) == ("CREATE_COMPLETE", [])
        assert PHONE not in json.dumps(found["Parameters"])
        return {out["OutputKey"]: out["OutputValue"] for out in found["Outputs"]}

    def kinds(self, name: str) -> list[str]:
        found = self.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
        assert {resource["ResourceStatus"] for resource in found} == {"CREATE_COMPLETE"}
        return [resource["ResourceType"] for resource in found]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder: Path = tmp_path_factory.mktemp("stack")
    with serve("ministack", folder, SERVICES=SERVICES) as url, pytest.MonkeyPatch.context() as m:
        for name, value in environment(url).items():
            m.setenv(name, value)
        yield Aws(url)


@pytest.fixture(scope="module")
def stack(aws: Aws) -> dict[str, str]:
    return aws.make("elec", **ALERTS)


def test_the_bucket_is_as_it_is_written(aws: Aws, stack: dict[str, str]) -> None:
    s3, name = aws.client("s3"), stack["BucketName"]
    assert stack["Store"] == f"s3://{name}/elections"
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert list(blocked.values()) == [True] * 4
    policy = s3.get_bucket_policy(Bucket=name)["Policy"]
    assert "aws:SecureTransport" in policy
    assert f"arn:aws:s3:::{name}/*" in policy


def test_the_phone_gets_what_is_critical_and_the_rest_goes_by_e_mail(aws: Aws, stack: dict[str, str]) -> None:
    """No emulator records an SMS of a topic: a queue with the phone's own filter stands for it."""
    sns, sqs, topic = aws.client("sns"), aws.client("sqs"), stack["AlertTopicArn"]
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    by_kind = {s["Protocol"]: sns.get_subscription_attributes(SubscriptionArn=s["SubscriptionArn"]) for s in listed}
    assert {s["Protocol"]: s["Endpoint"] for s in listed} == {"email": "who@example.org", "sms": PHONE}
    filters = {kind: found["Attributes"].get("FilterPolicy") or None for kind, found in by_kind.items()}
    assert filters["email"] is None
    queues = {}
    for kind, policy in filters.items():
        queue = sqs.create_queue(QueueName=kind)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"FilterPolicy": policy} if policy else {}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        queues[kind] = queue
    told = Sns(SnsTarget(topic_arn=topic))
    for number, severity in enumerate(Severity):
        told.publish(Message(number, severity, f"subject {severity.value}", f"sms {severity.value}", "whole text"))
    got = {}
    for kind, queue in queues.items():
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        got[kind] = {json.loads(message["Body"])["Subject"] for message in messages}
    assert got == {"email": {f"subject {s.value}" for s in Severity}, "sms": {"subject critical"}}


def test_without_code_and_numbers_there_is_no_switch_and_nobody_is_told(aws: Aws) -> None:
    """The first creation: the code goes into a bucket that is not there yet."""
    aws.make("first")
    kinds = aws.kinds("first")
    assert "AWS::S3::Bucket" in kinds
    assert not {"AWS::Lambda::Function", "AWS::CloudWatch::Alarm", "AWS::SNS::Subscription", "AWS::ECS::Cluster"} & {
        *kinds
    }


def test_the_services_are_made_where_they_are_asked_for(aws: Aws) -> None:
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-3{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    secret = aws.client("secretsmanager").create_secret(Name="x", SecretString="x")["ARN"]
    given = {"Ecs": "true", "Image": "x:1", "Vpc": vpc, "Subnets": ",".join(subnets), "XTokenSecret": secret}
    aws.make("ecs", SecretsPath="/elec/prod/", **given)
    kinds = aws.kinds("ecs")
    assert kinds.count("AWS::ECS::Service") == 2
    assert kinds.count("AWS::RDS::DBInstance") == 1
    [dagster] = [
        aws.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        for arn in aws.client("ecs").list_task_definitions()["taskDefinitionArns"]
        if "dagster" in arn
    ]
    assert [container["name"] for container in dagster["containerDefinitions"]] == [
        "code", "webserver", "daemon", "purge",
    ]  # fmt: skip
    for container in dagster["containerDefinitions"]:
        told = {pair["name"]: pair["value"] for pair in container["environment"]}
        runs = container["name"] in ("code", "daemon")
        assert (told.get("ELEC_SECRETS"), told.get("DAGSTER_CURRENT_IMAGE")) == (
            ("ssm:/elec/prod/", "x:1") if runs else (None, None)
        )
    iam, role = aws.client("iam"), dagster["taskRoleArn"].rpartition("/")[2]
    held = [policy["PolicyArn"] for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    documents = [iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] for arn in held]
    rights = [statement["Action"] for document in documents for statement in document["Statement"]]
    assert "ssm:GetParameters" in rights
    assert "ecs:RunTask" in rights
