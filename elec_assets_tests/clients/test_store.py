"""The store's promises, the same for a directory and for S3 (moto on 127.0.0.1)."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from elec_assets.clients.store import ObjectExists, ObjectMissing, Store, StoreError, open_store

BUCKET = "elec-test"


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Store:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    requests.put(f"{s3_endpoint}/{BUCKET}", timeout=10).raise_for_status()
    return open_store(f"s3://{BUCKET}/{tmp_path.name}", allow_http=True)


@pytest.fixture(params=["directory", "s3"])
def store(request: pytest.FixtureRequest) -> Store:
    found = request.getfixturevalue({"directory": "local", "s3": "s3"}[request.param])
    assert isinstance(found, Store)
    return found


def test_an_object_is_put_read_replaced_and_deleted(store: Store) -> None:
    store.put("a/b.bin", b"one")
    store.put("a/b.bin", b"")
    assert store.get("a/b.bin") == b""
    store.put("a/b.bin", bytes(range(256)) * 1000)
    assert store.find("a/b.bin") == bytes(range(256)) * 1000
    store.delete("a/b.bin")
    store.delete("a/b.bin")
    assert store.find("a/b.bin") is None
    with pytest.raises(ObjectMissing, match=r"cannot read 'a/b\.bin' in .+: there is no such object"):
        store.get("a/b.bin")


def test_create_never_replaces(store: Store) -> None:
    store.create("a/b", b"first")
    with pytest.raises(ObjectExists, match=r"'a/b'.*it exists, and is never replaced"):
        store.create("a/b", b"second")
    assert store.get("a/b") == b"first"


def test_a_file_is_stored_as_it_is(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "week.csv.gz"
    source.write_bytes(b"x" * 3_000_000)
    store.put("e/weekly/week.csv.gz", b"before")
    store.put_file("e/weekly/week.csv.gz", source)
    assert store.get("e/weekly/week.csv.gz") == b"x" * 3_000_000
    assert source.exists()


def test_a_prefix_is_one_of_text_not_of_folders(store: Store) -> None:
    """`20270201_1` finds `20270201_13_...`, as S3 has it; obstore alone would look for a folder of this name."""
    keys = ["e/d/20270201_12_a", "e/d/20270201_13_a", "e/d/20270201_13_b", "e/d/x/20270201_13_c", "e/dd/1"]
    for number, key in enumerate(reversed(keys)):
        store.put(key, b"x" * number)
    assert [i.key for i in store.list("e/d/20270201_13_")] == keys[1:3]
    assert [i.key for i in store.list("e/d/")] == keys[:4]
    assert [i.key for i in store.list("e/d")] == keys
    assert [i.size for i in store.list("e/")] == [4, 3, 2, 1, 0]
    assert store.list("e/d/20270201_14_") == store.list("none/") == []
    assert all(abs(i.modified - datetime.now(UTC)) < timedelta(minutes=5) for i in store.list("e/"))


@pytest.mark.parametrize(
    "key",
    [
        "../x",
        "a/../x",
        "a/..",
        "/a",
        "a//b",
        "a/",
        "./a",
        ".",
        "..",
        "",
        "a/./b",
        "a\x00b",
        "a/é",
        "A:",
        "x#1",
        "a b",
        "a\\b",
        ".tmp/x",
        "a\n",
    ],
)
def test_a_key_that_leaves_the_store_is_refused(store: Store, key: str, tmp_path: Path) -> None:
    """Reading and deleting passed such keys on: obstore answered with a bare ValueError, or took `/a` for `a`."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    asks: list[Callable[[], object]] = [
        lambda: store.put(key, b"x"),
        lambda: store.create(key, b"x"),
        lambda: store.put_file(key, source),
        lambda: store.get(key),
        lambda: store.find(key),
        lambda: store.delete(key),
    ]
    for ask in asks:
        with pytest.raises(StoreError, match="is not a key: names of ASCII letters"):
            ask()
    assert store.list("a/") == []


@pytest.mark.parametrize("prefix", ["../", "/a", "a/../b/", "a//", "", "a", ".tmp/"])
def test_a_prefix_that_leaves_the_store_is_refused(store: Store, prefix: str) -> None:
    with pytest.raises(StoreError, match="is not a prefix"):
        store.list(prefix)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(name=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_.#: -]{1,60}", fullmatch=True), data=st.binary())
def test_any_name_is_refused_or_read_back_as_it_was_written(local: Store, name: str, data: bytes) -> None:
    """`A:` and `x#1` could be put and never be read again: obstore reads more into a name than a directory does."""
    key = f"names/{name}"
    try:
        local.put(key, data)
    except StoreError:
        assert local.list("names/") == []
        return
    assert local.get(key) == data
    assert [i.key for i in local.list("names/")] == [key]
    local.delete(key)
    assert local.list("names/") == []


def test_of_eight_threads_that_create_one_wins(store: Store) -> None:
    barrier = threading.Barrier(8)

    def race(number: int) -> int:
        barrier.wait()
        won = 0
        for key in range(10):
            try:
                store.create(f"race/{key}", f"{number}".encode() * 1000)
                won += 1
            except ObjectExists:
                continue
        return won

    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(race, range(8)))
    assert sum(wins) == 10
    held = [store.get(f"race/{key}") for key in range(10)]
    assert all(len(data) == 1000 and len(set(data)) == 1 for data in held)
    assert sorted(int(data[:1]) for data in held) == sorted(n for n, won in enumerate(wins) for _ in range(won))


def test_readers_see_the_old_or_the_new_object_and_nothing_between(store: Store) -> None:
    stop = threading.Event()
    seen: set[bytes] = set()

    def read() -> None:
        while not stop.is_set():
            data = store.get("state/x")
            assert len(set(data)) == 1
            assert len(data) == 100_000
            assert [i.key for i in store.list("state/")] == ["state/x"]
            seen.add(data[:1])

    store.put("state/x", b"0" * 100_000)
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for number in range(1, 20):
            store.put("state/x", str(number % 10).encode() * 100_000)
        stop.set()
        for reader in readers:
            reader.result()
    assert seen


def test_only_a_directory_or_s3_can_be_opened(tmp_path: Path) -> None:
    for url in ("https://example.org/x", "gs://bucket/x", "ftp://x", str(tmp_path)):
        with pytest.raises(StoreError, match="allowed: a directory or s3://bucket/prefix"):
            open_store(url)


def test_what_a_bucket_refuses_is_told_in_one_line(s3: Store) -> None:
    absent = open_store("s3://no-such-bucket-here/p", allow_http=True)
    with pytest.raises(StoreError) as told:
        absent.put("a/b", b"x")
    assert "\n" not in str(told.value)
    assert "cannot write 'a/b' in s3://no-such-bucket-here/p" in str(told.value)
    assert s3.list("a/") == []


def test_prefixes_of_a_bucket_are_stores_of_their_own(s3: Store) -> None:
    other = open_store(f"{s3.url}_other", allow_http=True)
    other.put("a/b", b"other")
    s3.put("a/b", b"mine")
    assert (s3.get("a/b"), other.get("a/b")) == (b"mine", b"other")
    assert [i.key for i in s3.list("a/")] == ["a/b"]
    assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
