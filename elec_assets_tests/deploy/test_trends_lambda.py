"""The Lambda of Google Trends in deploy/cloudformation.yaml: what it runs, and that its rights suffice for its work."""

import json
import re
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from elec_assets.clients.store import open_store
from elec_assets.clients.trends_task import STOP_AFTER_S, TrendsTask
from elec_assets.domain import layout_trends
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import DAY
from elec_assets.handlers import trends
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_api import TrendsOptions
from elec_assets.sandbox.trends_world import TrendsWorld
from elec_assets_tests.clients.elsewhere import Far
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.sns_place import environment
from elec_assets_tests.clients.test_store_rights import iam
from elec_assets_tests.clients.trends import START, Google
from elec_assets_tests.clients.trends_days import ALL, TODAY, election, questions
from elec_assets_tests.deploy.recipe import DEPLOY, dockerfile
from elec_assets_tests.deploy.template import resources, template, told
from elec_assets_tests.deploy.test_stack import SERVICES, Aws
from elec_assets_tests.s3 import Bucket, make_bucket, serve
from elec_assets_tests.sandbox.trends import SCENE

NAMES = {
    "Bucket": "b",
    "Bucket.Arn": "arn:aws:s3:::b",
    "Prefix": "of/tests",
    "TrendsLogs.Arn": "arn:aws:logs:us-east-1:123456789012:log-group:x",
    "TrendsFunction.Arn": "function",
}


def statements(names: dict[str, str]) -> list[dict[str, object]]:
    [inline] = resources()["TrendsRole"]["Policies"]
    found: list[dict[str, object]] = told(inline["PolicyDocument"]["Statement"], names)
    return found


def test_it_is_made_only_where_an_image_is_named() -> None:
    mine = {n: b.get("Condition") for n, b in template()["Resources"].items() if "Trends" in n}
    assert set(mine) == {"TrendsRole", "TrendsLogs", "TrendsFunction", "InvokeTrendsPolicy"}
    assert set(mine.values()) == {"Trends"}
    assert template()["Parameters"]["TrendsImage"]["Default"] == ""


def test_it_runs_the_handler_from_the_image_with_the_runtime_client() -> None:
    function = resources()["TrendsFunction"]
    config = function["ImageConfig"]
    [command] = config["Command"]
    module, _, name = command.rpartition(".")
    assert getattr(trends, name).__module__ == module
    python, *arguments = config["EntryPoint"]
    assert arguments == ["-m", "awslambdaric"]
    assert any(step.word == "COPY" and step.rest.endswith(str(Path(python).parents[1])) for step in dockerfile())
    assert function["PackageType"] == "Image"
    assert {"Runtime", "Handler"}.isdisjoint(function)
    assert told(function["Environment"], NAMES)["Variables"] == {"ELEC_STORE": "s3://b/of/tests"}
    # Some requests must fit between the last question begun and the end.
    assert function["Timeout"] - trends.MOST_S - trends.MARGIN_S > STOP_AFTER_S


def test_the_runtime_client_is_in_the_image() -> None:
    script = (DEPLOY / "install.sh").read_text(encoding="utf-8")
    assert "deploy/requirements.py --of awslambdaric >>" in script


def test_the_state_is_not_its_to_write_and_nothing_is_its_to_delete() -> None:
    written = [s for s in statements(NAMES) if "s3:PutObject" in str(s["Action"])]
    assert [s["Resource"] for s in written] == [
        [
            "arn:aws:s3:::b/of/tests/state/google_trends/lent/*",
            "arn:aws:s3:::b/of/tests/*/data/raw/google_trends/*",
        ]
    ]
    assert not [s for s in statements(NAMES) if "Delete" in str(s["Action"])]
    for key in (layout_trends.governor(), layout_trends.cookies(), layout_trends.loan()):
        assert "/lent/" not in key


def test_dagster_may_invoke_it_and_do_nothing_else_to_it() -> None:
    policy = resources()["InvokeTrendsPolicy"]
    assert told(policy["PolicyDocument"]["Statement"], NAMES) == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "function"}
    ]
    assert policy["Roles"] == [{"Ref": "SealingRole"}, {"Ref": "BoxRole"}]


def keys_of(url: str, name: str, policy: object) -> dict[str, str]:
    """The keys of a new user with this policy."""
    iam(url, Action="CreateUser", UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    iam(url, Action="PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=document)
    answer = iam(url, Action="CreateAccessKey", UserName=name)
    tags = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
    return {variable: re.findall(f"<{tag}>(.+?)</{tag}>", answer)[0] for variable, tag in tags.items()}


@pytest.mark.prove
def test_with_these_rights_a_day_is_asked_and_the_state_cannot_be_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which moto enforces rights after so many requests: the bucket, and for each of two users: user, policy, key."""
    clock = Clock(START + DAY + DAY / 2)
    google = start_trends(world=TrendsWorld(SCENE), clock=clock, options=TrendsOptions())
    with serve("moto", tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="7") as url, google as server:
        bucket: Bucket = make_bucket(url)
        names = {**NAMES, "Bucket": bucket.name, "Bucket.Arn": f"arn:aws:s3:::{bucket.name}"}
        run = keys_of(url, "run", [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
        lambdas = keys_of(url, "lambda", statements(names))
        for variable, value in {**bucket.environment, **run, "ELEC_STORE": bucket.url}.items():
            monkeypatch.setenv(variable, value)
        store = open_store(bucket.url, allow_http=True)

        def as_lambda(_task: TrendsTask) -> None:
            for variable, value in lambdas.items():
                monkeypatch.setenv(variable, value)

        world = Google(server, store, clock, lambda session: session)
        far = Far(world, store, election(2), before=as_lambda)
        found = far.collector().collect("fr", Cadence.DAILY, TODAY, ALL)
        assert found.complete, found.summary
        assert len(far.answers) == 3
        assert max(questions(server).values()) == 1
        s3 = boto3.session.Session().client("s3", endpoint_url=url)
        for key in (layout_trends.governor(), layout_trends.cookies(), found.row.election + "/data/tables/x"):
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.put_object(Bucket=bucket.name, Key=f"of/tests/{key}", Body=b"x")


@pytest.mark.prove
def test_an_emulator_makes_it_from_the_template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = "123456789012.dkr.ecr.eu-west-3.amazonaws.com/elec:1"
    with serve("ministack", tmp_path, SERVICES=SERVICES) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        aws = Aws(url)
        out = aws.make("far", TrendsImage=image)
        assert out["TrendsFunctionArn"].endswith(":function:far-trends")
        made = aws.client("lambda").get_function(FunctionName="far-trends")
        assert made["Configuration"]["PackageType"] == "Image"
        assert made["Code"]["ImageUri"] == image
        assert made["Configuration"]["Timeout"] == 900
        without = aws.make("without")
        assert "TrendsFunctionArn" not in without
        assert "AWS::Lambda::Function" not in aws.kinds("without")
