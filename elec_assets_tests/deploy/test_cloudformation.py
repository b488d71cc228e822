"""deploy/cloudformation.yaml: what emulators do not enforce is asserted on the template itself."""

import json
from typing import Any

import pytest

from elec_assets.handlers import deadman
from elec_assets.settings import Settings
from elec_assets.transforms.alert_state import Severity
from elec_assets_tests.deploy.recipe import image_environment, ours
from elec_assets_tests.deploy.template import PATH, resources, template, told

NAMES = {
    "Bucket": "b",
    "Bucket.Arn": "arn:aws:s3:::b",
    "Prefix": "elections",
    "AlertTopic": "topic",
    "DeadmanMaxAge": "900",
    "AWS::StackName": "elec",
}
SERVICES = ("Services", "ReadsXToken")
POLICIES = ("CollectorPolicy", "SealingPolicy", "PublisherPolicy", "AlertingPolicy")


def statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(resources("ManagedPolicy")[policy]["PolicyDocument"]["Statement"], NAMES)
    return found


@pytest.mark.prove
def test_cfn_lint_finds_nothing() -> None:
    """4 s of CPU, and 1.5 s for the import."""
    from cfnlint.api import lint_file

    assert [str(match) for match in lint_file(PATH)] == []


def test_the_bucket_keeps_versions_and_expires_only_what_is_not_data() -> None:
    bucket = resources()["Bucket"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert template()["Resources"]["Bucket"]["DeletionPolicy"] == "Retain"
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    # The one rule that deletes current objects is for what runs print.
    assert [rule["Prefix"] for rule in rules.values() if "ExpirationInDays" in rule] == ["dagster/"]
    assert rules["past-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "PastVersionsDays"}}
    assert template()["Parameters"]["PastVersionsDays"]["Default"] == 1
    assert rules["parts-of-uploads-that-ended-early"]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2


def test_who_comes_without_tls_is_refused_whoever_it_is() -> None:
    for policy, action in (("BucketPolicy", "s3:*"), ("AlertTopicPolicy", "sns:Publish")):
        refused = [s for s in resources()[policy]["PolicyDocument"]["Statement"] if s["Sid"] == "OnlyTls"]
        assert [(s["Effect"], s["Principal"], s["Action"], s["Condition"]) for s in refused] == [
            ("Deny", "*", action, {"Bool": {"aws:SecureTransport": "false"}})
        ]
    [tls] = [s for s in resources()["BucketPolicy"]["PolicyDocument"]["Statement"] if s["Sid"] == "OnlyTls"]
    assert told(tls["Resource"], NAMES) == ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]


def test_the_collector_may_create_raw_batches_and_nothing_else() -> None:
    assert statements("CollectorPolicy") == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
            "Resource": [
                "arn:aws:s3:::b/elections/*/data/raw/twitter/*",
                "arn:aws:s3:::b/elections/*/data/raw/twitter_late/*",
            ],
        }
    ]
    assert resources()["CollectorRole"]["ManagedPolicyArns"] == [{"Ref": "CollectorPolicy"}]
    assert "Policies" not in resources()["CollectorRole"]


@pytest.mark.parametrize("policy", POLICIES)
def test_no_right_is_wider_than_the_bucket_or_the_topic(policy: str) -> None:
    for statement in statements(policy):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert all("*" not in action for action in actions)
        named = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        assert all(resource.startswith(("arn:aws:s3:::b", "topic")) for resource in named)


def test_lists_are_of_a_prefix() -> None:
    """Which moto does not enforce."""
    for policy, prefixes in {
        "SealingPolicy": ["elections/*", "dagster/*"],
        "PublisherPolicy": ["elections/releases/*", "elections/state/*", "elections/*/data/compliance/*"],
    }.items():
        [listing] = [s for s in statements(policy) if s["Action"] == "s3:ListBucket"]
        assert listing["Condition"] == {"StringLike": {"s3:prefix": prefixes}}


def test_only_phones_are_filtered_and_only_what_is_critical_rings() -> None:
    """What CloudWatch sends has no attribute: on the topic of alerts the filter would drop it."""
    subscriptions = resources("SNS::Subscription")
    filtered = {name: s["FilterPolicy"] for name, s in subscriptions.items() if "FilterPolicy" in s}
    assert filtered == {"AlertsBySms": {"severity": [Severity.CRITICAL.value]}}
    assert {s["Protocol"] for s in subscriptions.values()} == {"email", "sms"}
    alarms = resources("CloudWatch::Alarm")
    assert alarms
    topics = {json.dumps(alarm["AlarmActions"]) for alarm in alarms.values()}
    assert topics == {json.dumps([{"Ref": "DeadmanTopic"}])}
    on_it = [name for name, s in subscriptions.items() if s["TopicArn"] == {"Ref": "DeadmanTopic"}]
    assert on_it == ["DeadmanByEmail", "DeadmanBySms"]
    assert template()["Parameters"]["AlertPhone"]["NoEcho"] is True


def test_the_switch_is_called_and_told_what_its_handler_reads() -> None:
    function = resources()["DeadmanFunction"]
    module, _, name = function["Handler"].rpartition(".")
    assert getattr(deadman, name).__module__ == module
    assert told(function["Environment"], NAMES)["Variables"] == {
        "ELEC_STORE": "s3://b/elections",
        "ELEC_ALERT_TOPIC_ARN": "topic",
    }
    rule = resources()["DeadmanSchedule"]
    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert json.loads(told(rule["Targets"][0]["Input"], NAMES)) == {"max_age_s": 900, "label": "elec"}
    assert resources()["DeadmanMayBeCalled"]["SourceArn"] == {"Fn::GetAtt": ["DeadmanSchedule", "Arn"]}


def test_that_the_switch_is_not_called_at_all_is_an_alarm() -> None:
    absent = resources()["DeadmanAbsent"]
    assert (absent["MetricName"], absent["TreatMissingData"]) == ("Invocations", "breaching")
    assert (absent["ComparisonOperator"], absent["Threshold"]) == ("LessThanThreshold", 1)
    assert absent["Period"] * absent["EvaluationPeriods"] == 900
    assert absent["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "DeadmanFunction"}}]


def test_what_costs_by_the_hour_is_made_only_when_asked_for() -> None:
    kinds = ("ECS::", "RDS::", "EFS::", "EC2::", "SecretsManager::")
    found = {
        name: body.get("Condition")
        for name, body in template()["Resources"].items()
        if body["Type"].removeprefix("AWS::").startswith(kinds)
    }
    assert len(found) > 10
    assert set(found.values()) == set(SERVICES)
    assert template()["Parameters"]["Ecs"]["Default"] == "false"


def test_there_are_never_two_daemons_or_two_captures() -> None:
    for service in resources("ECS::Service").values():
        assert service["DesiredCount"] == 1
        assert service["DeploymentConfiguration"] == {"MaximumPercent": 100, "MinimumHealthyPercent": 0}


def containers() -> dict[str, dict[str, Any]]:
    return {c["Name"]: c for task in resources("TaskDefinition").values() for c in task["ContainerDefinitions"]}


def test_the_tasks_run_what_the_box_runs() -> None:
    assert set(containers()) == set(ours()) - {"deadman"}  # which is a Lambda
    for name in ("daemon", "capture", "purge"):
        assert containers()[name]["Command"] == ours()[name]["command"]
    assert containers()["webserver"]["Command"][:3] == ["dagster-webserver", "-h", "127.0.0.1"]


def named(pairs: list[dict[str, Any]]) -> set[str]:
    """The variables of a container; some may be left out by their condition."""
    return {pair.get("Name") or pair["Fn::If"][1]["Name"] for pair in pairs}


def test_nothing_that_a_task_reads_is_missing_and_secrets_are_references() -> None:
    """Runs take over environment and secrets of the daemon's container."""
    by_image = image_environment()
    for name, container in containers().items():
        given, secrets = named(container["Environment"]), named(container["Secrets"])
        assert not any("PASSWORD" in one or "TOKEN" in one for one in given)
        if name != "capture":
            needed = {"DAGSTER_POSTGRES_HOST", "DAGSTER_POSTGRES_PASSWORD", "DAGSTER_CODE_HOST", "DAGSTER_LOGS_BUCKET"}
            assert needed <= given | secrets
        assert given | secrets <= by_image.keys() | {
            "DAGSTER_POSTGRES_HOST", "DAGSTER_POSTGRES_PASSWORD", "PGSSLMODE",
            "ELEC_ALERT_TOPIC_ARN", "ELEC_X_BUDGET_USD", "ELEC_SECRETS", "X_BEARER_TOKEN", "DAGSTER_CURRENT_IMAGE",
            "ELEC_TRENDS", "ELEC_TRENDS_LAMBDA",
        }  # fmt: skip
    assert {"Name": "DAGSTER_CURRENT_IMAGE", "Value": {"Ref": "Image"}} in containers()["code"]["Environment"]
    assert containers()["daemon"]["Environment"] == containers()["code"]["Environment"]
    assert containers()["daemon"]["Secrets"] == containers()["code"]["Secrets"]


@pytest.mark.parametrize(
    ("condition", "policy", "action", "resource", "place"),
    [
        (
            "SecretsInSsm", "ReadParameters", "ssm:GetParameters",
            "arn:aws:ssm:eu-west-3:1:parameter/elec/prod/*", "ssm:/elec/prod/",
        ),
        (
            "SecretsInManager", "ReadSecret", "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-3:1:secret:elec-AbCdEf",
            "secretsmanager:arn:aws:secretsmanager:eu-west-3:1:secret:elec-AbCdEf",
        ),
    ],
)  # fmt: skip
def test_who_needs_secrets_may_read_these_and_is_told_where_they_are(
    condition: str, policy: str, action: str, resource: str, place: str
) -> None:
    """Capture on ECS is not among them: ECS gives it its token, and its role reads nothing."""
    names = NAMES | {
        "AWS::Partition": "aws", "AWS::Region": "eu-west-3", "AWS::AccountId": "1",
        "SecretsPath": "/elec/prod/", "SecretsArn": "arn:aws:secretsmanager:eu-west-3:1:secret:elec-AbCdEf",
        "Image": "i", "Database.Endpoint.Address": "d", "XBudgetUsd": "0", "XTokenSecret": "x",
    }  # fmt: skip
    assert template()["Resources"][policy]["Condition"] == condition
    made = resources()[policy]
    assert made["Roles"] == [{"Ref": "SealingRole"}, {"Ref": "BoxRole"}]
    assert told(made["PolicyDocument"]["Statement"], names) == [
        {"Effect": "Allow", "Action": action, "Resource": resource}
    ]
    for name, container in containers().items():
        given = {pair["Name"]: pair["Value"] for pair in told(container["Environment"], names, [condition])}
        assert given.get("ELEC_SECRETS") == (place if name in ("code", "daemon") else None)
        assert "ELEC_SECRETS" not in {pair["Name"] for pair in told(container["Environment"], names)}
        assert place == Settings.model_validate({"secrets": place}).secrets


def test_no_alias_is_used_which_cloudformation_does_not_read() -> None:
    events = PATH.read_text(encoding="utf-8").split()
    assert [word for word in events if word.startswith("&") or word.startswith("<<")] == []
