"""What a writer sees, and what is kept, when S3 refuses, answers nonsense, is slow or goes away midway."""

import re
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from elec_assets.clients.store import Limits, ObjectExists, Store, StoreError, open_store
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import HOUR, Clock, objects, sealer, search_fill, table
from elec_assets_tests.s3 import Bucket
from elec_assets_tests.s3_faults import SECRET, SESSION, FaultyS3, S3Fault, faulty_s3

QUICK = Limits(timeout_s=0.3, connect_s=0.3, retries=2, retry_s=2.0)
LARGE = 12_000_000
SILENT = r"no whole answer from S3( to 3 attempts)?; check the network and AWS_ENDPOINT_URL, and run again"
RAW = "xx_2027/data/raw/"


@pytest.fixture
def bucket(new_bucket: Callable[[str], Bucket]) -> Bucket:
    return new_bucket("moto")


@pytest.fixture
def faulty(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """S3 of `bucket` that fails as told, and credentials that nobody may see."""
    with faulty_s3(bucket.endpoint) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.endpoint)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
        yield found


@pytest.fixture
def store(faulty: FaultyS3, bucket: Bucket) -> Store:
    assert faulty.endpoint != bucket.endpoint
    return open_store(bucket.url, allow_http=True, limits=QUICK)


def told(ask: Callable[[], object], faulty: FaultyS3) -> str:
    """What a refused operation says: one sentence, after few requests, without a secret also in its traceback."""
    faulty.requests.clear()
    start = time.monotonic()
    with pytest.raises(StoreError) as error:
        ask()
    assert time.monotonic() - start < QUICK.retry_s + QUICK.timeout_s + 1
    assert len(faulty.requests) <= 9
    logged = "".join(traceback.format_exception(error.value))
    assert "\n" not in str(error.value)
    assert not [secret for secret in (SECRET, SESSION, "<Error>", "StringToSign") if secret in logged]
    assert not isinstance(error.value, ObjectExists)
    return str(error.value)


ANSWERS = [
    (503, "SlowDown", "S3 answered 503 SlowDown to 3 attempts; run again later"),
    (500, "InternalError", "S3 answered 500 InternalError to 3 attempts; run again later"),
    (400, "BadDigest", "S3 answered 400 BadDigest; run again later"),
    (400, "InvalidToken", r"the credentials are not valid \(any more\): InvalidToken; renew them"),
    (400, "AuthorizationHeaderMalformed", "the bucket is in another region; set AWS_REGION to it"),
    (301, "PermanentRedirect", "the bucket is in another region; set AWS_REGION to it"),
    (401, "AccessDenied", "no permission; check the rights of this identity"),
    (403, "AccessDenied", "no permission; check the rights of this identity"),
    (403, "SignatureDoesNotMatch", r"no permission \(SignatureDoesNotMatch\); check the rights of this identity"),
    (404, "NoSuchBucket", "there is no such bucket; make it, or correct ELEC_STORE"),
    (409, "OperationAborted", "another write of this object is under way; run again"),
]
QUICK_ONES = ("InvalidToken", "SignatureDoesNotMatch", "NoSuchBucket", "PermanentRedirect")


def cases() -> Iterator[ParameterSet]:
    """Those that are tried several times, or wait, only in `make prove`."""
    for status, code, says in ANSWERS:
        marks = () if code in QUICK_ONES else pytest.mark.prove
        yield pytest.param({"status": status, "code": code}, says, id=f"{status}-{code}", marks=marks)
    yield pytest.param({"how": "cut"}, SILENT, id="cut", marks=pytest.mark.prove)
    yield pytest.param({"how": "slow"}, SILENT, id="slow", marks=pytest.mark.prove)


@pytest.mark.parametrize(("how", "says"), list(cases()))
def test_every_operation_ends_in_one_sentence_without_secrets(
    store: Store, faulty: FaultyS3, bucket: Bucket, tmp_path: Path, how: dict[str, Any], says: str
) -> None:
    """S3 repeats the session token in some refusals, and obstore's error, with all of it, was in Dagster's log."""
    fault = S3Fault("", **how)
    store.put("a/b", b"before")
    (tmp_path / "small").write_bytes(b"after")
    (tmp_path / "large").write_bytes(b"x" * LARGE)
    faulty.faults.append(fault)
    asks: dict[str, Callable[[], object]] = {
        "write 'a/b'": lambda: store.put("a/b", b"after"),
        "write 'a/c'": lambda: store.create("a/c", b"after"),
        "write 'a/b' ": lambda: store.put_file("a/b", tmp_path / "small"),
        "write 'a/b'  ": lambda: store.put_file("a/b", tmp_path / "large"),
        "read 'a/b'": lambda: store.find("a/b"),
        "list 'a/'": lambda: store.list("a/"),
        "delete 'a/b'": lambda: store.delete("a/b"),
    }
    for verb, ask in asks.items():
        sentence = told(ask, faulty)
        assert sentence.startswith(f"cannot {verb.rstrip()} in {bucket.url}: ")
        if verb.startswith("write"):
            assert re.search(f": {says}$", sentence)
    faulty.faults.clear()
    assert bucket.objects() == {"a/b": b"before"}


def test_a_200_that_holds_an_error_is_no_success(store: Store, faulty: FaultyS3, bucket: Bucket) -> None:
    """S3 may answer the end of an upload in parts so."""
    store.put("a/b", b"before")
    faulty.faults.append(S3Fault("POST .*uploadId=", status=200, code="InternalError"))
    sentence = told(lambda: store.put("a/b", b"x" * LARGE), faulty)
    assert sentence.endswith("S3 answered 200 InternalError to 3 attempts; run again later")
    assert [r for r in faulty.requests if r.startswith("DELETE")], "the parts stay, and are paid for"
    faulty.faults[:] = [S3Fault("PUT", status=200, code="InternalError")]
    assert told(lambda: store.put("a/b", b"x"), faulty).endswith(
        "what is not S3's; check AWS_ENDPOINT_URL, and run again"
    )
    assert bucket.objects() == {"a/b": b"before"}


def test_a_failure_that_passes_is_not_told(store: Store, faulty: FaultyS3, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * LARGE)
    for fault in (S3Fault("", times=2), S3Fault("", how="cut", times=2), S3Fault("PUT .*partNumber=2", times=2)):
        faulty.faults[:] = [fault]
        store.put_file("a/b", tmp_path / "large")
        assert store.get("a/b") == b"x" * LARGE
    faulty.faults[:] = [S3Fault("GET", how="half", times=1)]
    assert store.get("a/b") == b"x" * LARGE


def test_a_creation_whose_answer_was_lost_is_a_creation(store: Store, faulty: FaultyS3) -> None:
    """The second attempt found the object of the first, and the writer was told that another had won."""
    faulty.faults.append(S3Fault("PUT", how="lost", times=1))
    store.create("a/b", b"mine")
    assert [r.split(" ")[0] for r in faulty.requests] == ["PUT", "PUT", "GET"]
    assert store.get("a/b") == b"mine"
    faulty.faults[:] = [S3Fault("PUT", how="cut", times=1)]
    with pytest.raises(ObjectExists):
        store.create("a/b", b"other")
    assert store.get("a/b") == b"mine"


def test_a_creation_that_met_another_is_tried_again(store: Store, faulty: FaultyS3, bucket: Bucket) -> None:
    """409 says that two creations met, not that one is there: obstore takes it for 412, and nothing was stored."""
    faulty.faults.append(S3Fault("PUT", status=409, code="ConditionalRequestConflict", times=2))
    store.create("a/b", b"mine")
    assert bucket.objects() == {"a/b": b"mine"}
    with pytest.raises(ObjectExists):
        store.create("a/b", b"other")


def test_without_credentials_the_sentence_says_so(
    store: Store, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are then looked for at an address that only machines of AWS have."""
    assert store.list("a/") == []
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or"):
        open_store(bucket.url, allow_http=True, limits=QUICK).put("a/b", b"x")


def test_a_key_that_s3_refuses_to_delete_is_told(store: Store, faulty: FaultyS3) -> None:
    """It is asked for by a POST that is answered with 200, and the refusal inside."""
    store.put("a/b", b"x")
    faulty.faults.append(S3Fault("POST .*delete", status=200, code="AccessDenied"))
    assert "cannot delete 'a/b'" in told(lambda: store.delete("a/b"), faulty)


ASKED = {
    "body": r"PUT .*/data/raw/.*_0002\.json\.gz",
    "sidecar": r"PUT .*/data/raw/.*_0002\.meta\.json",
    "ledger": r"PUT .*/state/spend/",
    "table": r"PUT .*/data/tables/",
    "coverage": r"PUT .*/data/coverage/",
    "read": r"GET .*/data/raw/.*_0002\.json\.gz",
    "list": r"GET .*list-type=2",
}
HOW: dict[str, dict[str, Any]] = {
    "refused": {"status": 403, "code": "AccessDenied"},
    "busy": {"status": 503},
    "cut": {"how": "cut"},
    "slow": {"how": "slow"},
}


def moments() -> Iterator[ParameterSet]:
    """Each of `ASKED` with each of `HOW`; four of them each time."""
    always = {("table", "busy"), ("body", "cut"), ("coverage", "refused"), ("sidecar", "refused")}
    for asked, how in product(ASKED, HOW):
        marks = () if (asked, how) in always else pytest.mark.prove
        yield pytest.param(ASKED[asked], HOW[how], id=f"{asked}-{how}", marks=marks)


@pytest.mark.parametrize(("where", "how"), list(moments()))
def test_a_store_that_refuses_midway_through_sealing_changes_nothing_and_a_rerun_mends(
    store: Store,
    faulty: FaultyS3,
    serve: Callable[..., XServer],
    clock: Clock,
    where: str,
    how: dict[str, Any],
) -> None:
    server = serve()
    sealer(store, search_fill(store, server, clock)).seal(HOUR)
    before, rows = objects(store), table(store)
    faulty.faults.append(S3Fault(where, **how))
    with pytest.raises(StoreError, match=r"^cannot (write|read|list) '"):
        sealer(store, search_fill(store, server, clock)).seal(HOUR, refresh=True)
    faulty.faults.clear()
    after = objects(store)
    assert {key: after[key] for key in before if key.startswith(RAW)} == {
        key: data for key, data in before.items() if key.startswith(RAW)
    }
    # The table may be the new one, with the same posts, where its coverage row was refused: never a part of one.
    assert table(store).equals(rows)
    done = sealer(store, search_fill(store, server, clock)).seal(HOUR)
    assert done.stored
    assert done.findings == []
    assert table(store).equals(rows)
