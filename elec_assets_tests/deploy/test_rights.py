"""The rights of deploy/cloudformation.yaml, tried on moto that enforces them, by the program's own store."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets_tests.clients.test_store_rights import iam
from elec_assets_tests.deploy.template import resources, told
from elec_assets_tests.s3 import Bucket, make_bucket, serve

RAW = "fr_2027/data/raw/twitter/20270201/20270201_1805_ab12cd34.jsonl.gz"
LATE = "fr_2027/data/raw/twitter_late/20270201/20270201_18_20270201T1805_ab12cd34.json"
PAGE = "fr_2027/data/raw/twitter_search/20270201/20270201_18_x.json.gz"
TABLE = "fr_2027/data/tables/twitter/20270201/18.parquet"
RELEASE = "releases/2027_05-0123abcd/manifest.json"
LEDGER = "releases/ledger/2027_05-0123abcd.json"
HEARTBEAT, DEADMAN, STATE = "state/heartbeat.json", "state/deadman.json", "state/x_source.json"
KEYS = (RAW, LATE, PAGE, TABLE, RELEASE, LEDGER, HEARTBEAT, DEADMAN, STATE)

# What each may do: create, read, delete, list.
MAY: dict[str, dict[str, set[str]]] = {
    "CollectorPolicy": {"create": {RAW, LATE}, "get": set(), "delete": set(), "list": set()},
    "SealingPolicy": {
        "create": set(KEYS),
        "get": set(KEYS),
        "delete": {TABLE, HEARTBEAT, DEADMAN, STATE},
        "list": {"anything"},
    },
    "PublisherPolicy": {"create": {LEDGER}, "get": {RELEASE, LEDGER}, "delete": set(), "list": {"anything"}},
    "deadman": {"create": {DEADMAN}, "get": {HEARTBEAT, DEADMAN}, "delete": {DEADMAN}, "list": {"anything"}},
}
# moto asks nobody who they are for so many requests: the bucket, and for each user: user, policy, key.
UNASKED = 1 + 3 * len(MAY)


def document(name: str, bucket: str) -> str:
    """The policy of a role, for a bucket."""
    names = {"Bucket": bucket, "Bucket.Arn": f"arn:aws:s3:::{bucket}", "Prefix": "of/tests"}
    if name == "deadman":
        [inline] = resources()["DeadmanRole"]["Policies"]
        names["DeadmanLogs.Arn"] = "arn:aws:logs:us-east-1:123456789012:log-group:x"
        return json.dumps(told(inline["PolicyDocument"], names))
    return json.dumps(told(resources()[name]["PolicyDocument"], names))


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bucket, dict[str, dict[str, str]]]]:
    """A bucket, and the keys of one user for each policy."""
    folder: Path = tmp_path_factory.mktemp("rights")
    with serve("moto", folder, INITIAL_NO_AUTH_ACTION_COUNT=str(UNASKED)) as url:
        bucket = make_bucket(url)
        keys = {}
        for name in MAY:
            iam(url, Action="CreateUser", UserName=name)
            iam(url, Action="PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=document(name, bucket.name))
            answer = iam(url, Action="CreateAccessKey", UserName=name)
            tags = {"AWS_ACCESS_KEY_ID": "AccessKeyId", "AWS_SECRET_ACCESS_KEY": "SecretAccessKey"}
            keys[name] = {variable: re.findall(f"<{tag}>(.+?)</{tag}>", answer)[0] for variable, tag in tags.items()}
        yield bucket, keys


def allowed(ask: Callable[[], object]) -> bool:
    """Whether S3 allows it; a second creation, or an object that is not there, is no refusal."""
    try:
        ask()
    except StoreError as error:
        return "no permission" not in str(error)
    return True


def deleted(bucket: Bucket, key: str) -> bool:
    """By boto3, one object a request: what obstore sends, a list of keys, moto judges as a right on the bucket."""
    # A session of its own: the default one keeps the first credentials.
    s3 = boto3.session.Session().client("s3", endpoint_url=bucket.endpoint)
    try:
        s3.delete_object(Bucket=bucket.name, Key=f"of/tests/{key}")
    except ClientError as error:
        return str(error.response["Error"]["Code"]) != "AccessDenied"
    return True


@pytest.mark.prove
@pytest.mark.parametrize("name", MAY)
def test_each_identity_may_do_this_and_nothing_else(
    users: tuple[Bucket, dict[str, dict[str, str]]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, keys = users
    for variable, value in {**bucket.environment, **keys[name]}.items():
        monkeypatch.setenv(variable, value)
    store: Store = open_store(bucket.url, allow_http=True)
    may = {
        "create": {key for key in KEYS if allowed(lambda: store.create(key, b"x"))},  # noqa: B023 - called at once
        "get": {key for key in KEYS if allowed(lambda: store.get(key))},  # noqa: B023
        "delete": {key for key in KEYS if deleted(bucket, key)},
        # By prefix is not tried: moto 5.2.5 passes over the condition.
        "list": {"anything"} if allowed(lambda: store.list("state/")) else set(),
    }
    assert may == MAY[name]


@pytest.mark.prove
def test_no_identity_reaches_another_prefix_of_the_bucket(
    users: tuple[Bucket, dict[str, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, keys = users
    for name in MAY:
        for variable, value in {**bucket.environment, **keys[name]}.items():
            monkeypatch.setenv(variable, value)
        elsewhere = open_store(f"s3://{bucket.name}/another/place", allow_http=True)
        assert not allowed(lambda: elsewhere.create(RAW, b"x"))  # noqa: B023
        assert not allowed(lambda: elsewhere.get(HEARTBEAT))  # noqa: B023
