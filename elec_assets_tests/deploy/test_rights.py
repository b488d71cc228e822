"""The rights of deploy/cloudformation.yaml, tried on moto that enforces them, by the program's own store."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from obstore.store import S3Store

from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.release_history import KEPT, Staged
from elec_assets.clients.source_claim import TRENDS, X, from_sandboxes
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.clients.tombstones import Forgotten, TombstoneArchive
from elec_assets.domain import layout_compliance, layout_releases
from elec_assets.domain.windows import Grain, window_of_key
from elec_assets.transforms.tombstones import DayTombstones, encode_day, fingerprint
from elec_assets_tests.clients.test_store_rights import iam
from elec_assets_tests.deploy.template import resources, told
from elec_assets_tests.s3 import Bucket, make_bucket, serve

RAW = "fr_2027/data/raw/twitter/20270201/20270201_1805_ab12cd34.jsonl.gz"
LATE = "fr_2027/data/raw/twitter_late/20270201/20270201_18_20270201T1805_ab12cd34.json"
PAGE = "fr_2027/data/raw/twitter_search/20270201/20270201_18_x.json.gz"
TABLE = "fr_2027/data/tables/twitter/20270201/18.parquet"
RELEASES = [f"2027_{week:02}-0123abcd" for week in range(5, 5 + KEPT + 2)]
RELEASE = layout_releases.staged_manifest(RELEASES[0])
LEDGER = layout_releases.ledger(RELEASES[0])
HEARTBEAT, DEADMAN, STATE = "state/heartbeat.json", "state/deadman.json", "state/x_source.json"
DAY = window_of_key("2027-02-01", Grain.DAY)
# What was taken out: of a day, as fingerprints; and which posts are held, by their ids.
TAKEN, HELD = layout_compliance.tombstones_day("fr_2027", DAY), layout_compliance.held_day("fr_2027", DAY)
KEYS = (RAW, LATE, PAGE, TABLE, RELEASE, LEDGER, HEARTBEAT, DEADMAN, STATE, TAKEN, HELD)

# What each may do: create, read, delete, list.
MAY: dict[str, dict[str, set[str]]] = {
    "CollectorPolicy": {"create": {RAW, LATE}, "get": set(), "delete": set(), "list": set()},
    "SealingPolicy": {
        "create": set(KEYS),
        "get": set(KEYS),
        # Neither what is raw nor the ledger: nobody can make them again.
        "delete": {TABLE, RELEASE, HEARTBEAT, DEADMAN, STATE, TAKEN, HELD},
        "list": {"anything"},
    },
    "PublisherPolicy": {
        "create": {LEDGER},
        "get": {RELEASE, LEDGER, STATE, TAKEN},
        "delete": {RELEASE},
        "list": {"anything"},
    },
    "deadman": {"create": {DEADMAN}, "get": {HEARTBEAT, DEADMAN}, "delete": set(), "list": {"anything"}},
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


class OneByOne(Store):
    """The program's store, but that it deletes one object a request, by boto3.

    What obstore sends, a list of keys, moto judges as a right on the bucket; AWS judges each key.
    """

    def __init__(self, bucket: Bucket) -> None:
        # Rights and endpoint come from the environment, as they do for the program.
        s3 = S3Store(bucket.name, prefix="of/tests", client_options={"allow_http": True})
        super().__init__(bucket.url, s3, None)
        # A session of its own: the default one keeps the first credentials.
        self._client = boto3.session.Session().client("s3", endpoint_url=bucket.endpoint)
        self._bucket = bucket.name

    def delete(self, key: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=f"of/tests/{key}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            raise StoreError(f"cannot delete {key!r}: no permission") from None


@pytest.mark.prove
@pytest.mark.parametrize("name", MAY)
def test_each_identity_may_do_this_and_nothing_else(
    users: tuple[Bucket, dict[str, dict[str, str]]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, keys = users
    for variable, value in {**bucket.environment, **keys[name]}.items():
        monkeypatch.setenv(variable, value)
    store = OneByOne(bucket)
    may = {
        "create": {key for key in KEYS if allowed(lambda: store.create(key, b"x"))},  # noqa: B023 - called at once
        "get": {key for key in KEYS if allowed(lambda: store.get(key))},  # noqa: B023
        "delete": {key for key in KEYS if allowed(lambda: store.delete(key))},  # noqa: B023
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


def publish(store: Store, release: str, version: int) -> None:
    """What is left of it: its ledger, and its snapshot with posts."""
    at = "2027-02-16T06:00:00Z"
    done = Publication(
        dataset="owner/elections", state=State.DONE, notes="", content_sha256="", metadata_sha256="", started_at=at,
        changed_at=at, version=version,
    )  # fmt: skip
    Ledger(store).write(Entry(release_id=release, publications=[done]))
    for path in ("fr_2027/twitter/2027_05.csv.gz", "manifest.json"):
        store.put(layout_releases.staged_file(release, path), b"x")


@pytest.mark.parametrize("name", ["SealingPolicy", "PublisherPolicy"])
def test_who_publishes_removes_old_snapshots_and_never_a_ledger(
    users: tuple[Bucket, dict[str, dict[str, str]]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were refused to delete anything under `releases/`: with the rights of the template no snapshot ever went.

    Six are to be kept; the others of a private dataset held posts that are gone on X for good. Publishing told it in
    one word of its result, and went on. The publisher of its own was refused before that: it might not look whether
    the store holds made-up data, nor what was taken out.
    """
    bucket, keys = users
    for variable, value in {**bucket.environment, **keys["SealingPolicy"]}.items():
        monkeypatch.setenv(variable, value)
    store = OneByOne(bucket)
    for version, release in enumerate(RELEASES, 1):
        publish(store, release, version)
    gone = frozenset({fingerprint("1")})
    store.put(TAKEN, encode_day(DayTombstones(rows=gone)))
    store.put(X.key, b'{"x": "x", "version": 1}')
    store.put(TRENDS.key, b'{"google_trends": "google_trends", "version": 1}')
    for variable, value in keys[name].items():
        monkeypatch.setenv(variable, value)
    store = OneByOne(bucket)
    assert from_sandboxes(store) == []
    assert TombstoneArchive(store, "fr_2027").taken_out().rows == gone
    assert Forgotten(store).people() == frozenset()
    assert Staged(store).prune(datetime.now(UTC)) == RELEASES[:2]
    assert Staged(store).ids() == RELEASES[2:]
    with pytest.raises(StoreError, match="no permission"):
        store.delete(LEDGER)
    assert [entry.release_id for entry in Ledger(store).entries()] == RELEASES
