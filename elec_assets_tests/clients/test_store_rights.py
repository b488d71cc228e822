"""A collector that may do nothing but write raw data, on moto that enforces IAM."""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from elec_assets.clients.store import ObjectExists, Store, StoreError, open_store
from elec_assets_tests.capture.place import place
from elec_assets_tests.s3 import Bucket, make_bucket, serve

KEY = "xx_2027/data/raw/twitter/20270201/20270201_1805_ab12.jsonl.gz"
REFUSED = "no permission; check the rights of this identity"
# moto asks nobody who they are for so many requests: the bucket; of two users the user, its policy, its key.
UNASKED = 7
# Lines of errors are coloured.
LINE = re.compile(r'"(?:\x1b\[[0-9;]*m)*([A-Z]+) [^ ?]*(?:\?([^ ]*))? HTTP')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("iam")
    with serve("moto", folder, INITIAL_NO_AUTH_ACTION_COUNT=str(UNASKED)) as url:
        yield url, folder


@pytest.fixture(scope="module")
def keys(server: tuple[str, Path]) -> tuple[Bucket, dict[str, str]]:
    """The bucket, and the credentials of a user who may only put raw objects."""
    bucket = make_bucket(server[0])
    return bucket, user(server[0], "collector", f"{bucket.name}/*/data/raw/*")


@pytest.fixture(scope="module")
def keys_of_another(server: tuple[str, Path], keys: tuple[Bucket, dict[str, str]]) -> dict[str, str]:
    """The credentials of a user who may only put raw objects of another election."""
    return user(server[0], "another", f"{keys[0].name}/*/yy_2027/data/raw/*")


def user(url: str, name: str, resource: str) -> dict[str, str]:
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{resource}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam(url, Action="CreateUser", UserName=name)
    iam(url, Action="PutUserPolicy", UserName=name, PolicyName="raw", PolicyDocument=policy)
    answer = iam(url, Action="CreateAccessKey", UserName=name)
    found = {tag: re.findall(f"<{tag}>(.+?)</{tag}>", answer)[0] for tag in ("AccessKeyId", "SecretAccessKey")}
    return {"AWS_ACCESS_KEY_ID": found["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"]}


def iam(url: str, **fields: str) -> str:
    # moto tells services by the scope of the signature, which it does not check yet.
    scope = "AWS4-HMAC-SHA256 Credential=x/20270101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"
    answer = requests.post(url, data={"Version": "2010-05-08", **fields}, headers={"Authorization": scope}, timeout=10)
    answer.raise_for_status()
    return answer.text


@pytest.fixture
def collector(
    keys: tuple[Bucket, dict[str, str]],
    keys_of_another: dict[str, str],  # noqa: ARG001 - made while moto asks nobody who they are
    monkeypatch: pytest.MonkeyPatch,
) -> Store:
    bucket, credentials = keys
    for name, value in {**bucket.environment, **credentials}.items():
        monkeypatch.setenv(name, value)
    return open_store(bucket.url, allow_http=True)


@pytest.fixture
def asked(server: tuple[str, Path]) -> Callable[[int], list[str]]:
    """Wait for so many requests; gives all that were made: method and what S3 calls the operation."""
    [log] = server[1].glob("moto-*.log")
    start = log.stat().st_size

    def since(count: int) -> list[str]:
        # moto answers before it writes its log.
        until = time.monotonic() + 5
        while len(lines := LINE.findall(log.read_bytes()[start:].decode())) < count and time.monotonic() < until:
            time.sleep(0.01)
        return [method + ("?" + re.split("[=&]", query)[0] if query else "") for method, query in lines]

    return since


def test_raw_objects_are_created_by_one_put_each(collector: Store, asked: Callable[[int], list[str]]) -> None:
    collector.create(KEY, b"batch")
    collector.create(KEY.replace("1805", "1810"), b"")
    assert asked(2) == ["PUT", "PUT"]


def test_an_object_that_is_there_is_told_without_reading_it(
    collector: Store, asked: Callable[[int], list[str]]
) -> None:
    collector.create(KEY.replace("1805", "1815"), b"batch")
    with pytest.raises(ObjectExists):
        collector.create(KEY.replace("1805", "1815"), b"other")
    assert asked(2) == ["PUT", "PUT"]


def test_a_large_raw_object_is_created_and_put(
    collector: Store, asked: Callable[[int], list[str]], tmp_path: Path
) -> None:
    """In one request where it must not exist, in parts where it is replaced: the same right."""
    (tmp_path / "large").write_bytes(b"x" * 9_000_000)
    collector.create(KEY.replace("1805", "1820"), b"x" * 9_000_000)
    assert asked(1) == ["PUT"]
    collector.put_file(KEY.replace("1805", "1825"), tmp_path / "large")
    assert sorted(asked(5)) == sorted(["PUT", "POST?uploads", "PUT?partNumber", "PUT?partNumber", "POST?uploadId"])


def test_everything_else_is_refused_in_one_sentence(
    collector: Store, keys: tuple[Bucket, dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(b"x" * 9_000_000)
    kept = KEY.replace("1805", "1830")
    collector.create(kept, b"batch")
    table = "xx_2027/data/tables/twitter/20270201/18.parquet"
    asks: dict[str, Callable[[], object]] = {
        f"read '{kept}'": lambda: collector.get(kept),
        "read 'xx_2027/none'": lambda: collector.find("xx_2027/none"),
        "list 'xx_2027/data/raw/'": lambda: collector.list("xx_2027/data/raw/"),
        f"delete '{kept}'": lambda: collector.delete(kept),
        f"write '{table}'": lambda: collector.put(table, b"x"),
        f"write '{table}' ": lambda: collector.create(table, b"x"),
        f"write '{table}'  ": lambda: collector.put_file(table, tmp_path / "large"),
        "write 'state/x_source.json'": lambda: collector.create("state/x_source.json", b"x"),
    }
    for verb, ask in asks.items():
        with pytest.raises(StoreError) as told:
            ask()
        assert str(told.value) == f"cannot {verb.rstrip()} in {keys[0].url}: {REFUSED}"


def test_a_key_that_nobody_knows_is_refused_too(collector: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """That moto enforces rights at all."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN")
    with pytest.raises(StoreError, match=r"no permission \(InvalidAccessKeyId\); check the rights of this identity"):
        open_store(collector.url, allow_http=True).create(KEY.replace("1805", "1835"), b"x")


def test_the_capture_service_needs_no_other_right(collector: Store, tmp_path: Path) -> None:
    with place(tmp_path, speed=30, posts_per_hour=6000) as p:
        summary = p.service(store=lambda: open_store(collector.url, allow_http=True), for_s=60.0).run()
        told = "\n".join(p.said)
    assert (summary.uploaded, summary.waiting, summary.problems) == (1, 0, ())
    assert summary.lines > 0
    assert "whether the registry changes the past is not known here: cannot list '" in told
    assert "whose posts the store holds could not be written down or looked up: cannot write 'state/x_source" in told
    assert list((tmp_path / "spool" / "segments").glob("*Z_*")) == []
    assert "upload: " not in told


def test_a_service_without_the_right_to_write_says_what_to_do_and_keeps_what_it_heard(
    collector: Store,
    keys: tuple[Bucket, dict[str, str]],
    keys_of_another: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in keys_of_another.items():
        monkeypatch.setenv(name, value)
    with place(tmp_path, speed=30, posts_per_hour=6000) as p:
        summary = p.service(store=lambda: open_store(collector.url, allow_http=True), for_s=60.0).run()
        told = "\n".join([*p.said, *summary.problems])
    assert (summary.uploaded, summary.waiting) == (0, 1)
    assert summary.lines > 0
    assert re.search(r"upload: cannot write 'xx_2027/data/raw/twitter/20270203/20270203_20\d\d_\w{8}\.journal", told)
    assert f"in {keys[0].url}: {REFUSED}; what waits stays in the spool, and is sent when the store takes it" in told
    assert not any(secret in told for secret in keys_of_another.values())
