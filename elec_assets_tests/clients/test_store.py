"""The store's promises, the same for a directory and for S3 (moto and ministack on 127.0.0.1)."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elec_assets.clients.store import ObjectExists, ObjectMissing, Store, StoreError, open_store
from elec_assets_tests.s3 import KINDS, Bucket


@pytest.fixture
def s3(new_bucket: Callable[[str], Bucket]) -> Store:
    return open_store(new_bucket("moto").url, allow_http=True)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, new_bucket: Callable[[str], Bucket]) -> Store:
    """Each kind of store, whatever `--store` says."""
    if request.param != KINDS[0]:
        return open_store(new_bucket(request.param).url, allow_http=True)
    found = request.getfixturevalue("on_disk")
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
    assert store.any_under("e/d/20270201_13_")
    assert not store.any_under("e/d/20270201_14_")
    assert not store.any_under("none/")
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
def test_any_name_is_refused_or_read_back_as_it_was_written(on_disk: Store, name: str, data: bytes) -> None:
    """`A:` and `x#1` could be put and never be read again: obstore reads more into a name than a directory does."""
    key = f"names/{name}"
    try:
        on_disk.put(key, data)
    except StoreError:
        assert on_disk.list("names/") == []
        return
    assert on_disk.get(key) == data
    assert [i.key for i in on_disk.list("names/")] == [key]
    on_disk.delete(key)
    assert on_disk.list("names/") == []


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
    what = "in s3://no-such-bucket-here/p: there is no such bucket; make it, or correct ELEC_STORE"
    assert str(told.value) == f"cannot write 'a/b' {what}"
    with pytest.raises(StoreError) as told:
        absent.list("a/")
    assert str(told.value) == f"cannot list 'a/' {what}"
    assert s3.list("a/") == []


def test_a_bucket_that_is_not_there_is_not_an_object_that_is_not_there(s3: Store) -> None:
    """`find` said None of every object of a bucket whose name was misspelt: an hour that nobody ever asked for."""
    absent = open_store("s3://no-such-bucket-here/p", allow_http=True)
    with pytest.raises(StoreError, match="there is no such bucket"):
        absent.find("a/b")
    assert s3.find("a/b") is None


def test_a_file_larger_than_a_part_is_stored_as_it_is(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "week.csv.gz"
    source.write_bytes(os.urandom(12_000_000))
    store.put_file("e/weekly/week.csv.gz", source)
    assert store.get("e/weekly/week.csv.gz") == source.read_bytes()
    store.put("e/weekly/week.csv.gz", source.read_bytes()[1:])
    assert store.get("e/weekly/week.csv.gz") == source.read_bytes()[1:]
    with pytest.raises(FileNotFoundError):
        store.put_file("e/weekly/week.csv.gz", tmp_path / "none")


def test_more_objects_than_s3_lists_at_once_are_listed(new_bucket: Callable[[str], Bucket]) -> None:
    """S3 gives 1,000 keys a page."""
    store = open_store(new_bucket("ministack").url, allow_http=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.put(f"e/many/{n:04d}", b""), range(1030)))
    assert [i.key for i in store.list("e/many/")] == [f"e/many/{n:04d}" for n in range(1030)]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", "no s3://bucket/prefix"),
        ("s3:///a", "no s3://bucket/prefix"),
        ("s3://Bad_Name/a", "no s3://bucket/prefix"),
        ("s3://my bucket/a", "no s3://bucket/prefix"),
        ("s3://bucket/a?x=1", "no s3://bucket/prefix"),
        ("s3://bucket/a#b", "no s3://bucket/prefix"),
        ("s3://AKIA:CANARY@bucket/a", "no s3://bucket/prefix"),
        ("s3://bucket/a/../b", "the store's prefix is 'a/../b'"),
        ("s3://bucket/a//b", "the store's prefix is 'a//b'"),
    ],
)
def test_what_s3_does_not_take_as_a_name_is_refused_before_anything_is_asked(url: str, says: str) -> None:
    """A space in the name of a bucket ended the process: obstore panics. A secret in the URL would be in each error."""
    with pytest.raises(StoreError, match=says) as told:
        open_store(url)
    assert "CANARY" not in str(told.value)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"])
def test_http_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An endpoint without TLS anywhere else sends posts and signatures in the clear."""
    monkeypatch.setenv(name, "http://user:CANARY@s3.example.org")
    with pytest.raises(StoreError, match=f"{name} is on s3.example.org without TLS; allowed: https://") as told:
        open_store("s3://bucket/a", allow_http=True)
    assert "CANARY" not in str(told.value)
    for good in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://s3.example.org"):
        monkeypatch.setenv(name, good)
        assert open_store("s3://bucket/a", allow_http=True).url == "s3://bucket/a"
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(StoreError, match=r"not an address with https://, or http:// on 127\.0\.0\.1"):
        open_store("s3://bucket/a").put("a/b", b"x")


def test_prefixes_of_a_bucket_are_stores_of_their_own(s3: Store) -> None:
    other = open_store(f"{s3.url}_other", allow_http=True)
    other.put("a/b", b"other")
    s3.put("a/b", b"mine")
    assert (s3.get("a/b"), other.get("a/b")) == (b"mine", b"other")
    assert [i.key for i in s3.list("a/")] == ["a/b"]
    assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
