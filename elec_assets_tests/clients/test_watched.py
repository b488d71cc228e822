"""Prefixes on moto: thousands of keys, an empty day, a missing bucket, no permission, each its own state."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from elec_assets.clients.watched import WatchState, look
from elec_assets.domain.watches import Watch
from elec_assets_tests.s3 import Bucket, Servers, make_bucket, serve
from elec_assets_tests.s3_faults import SECRET, S3Fault, faulty_s3

MINUTE = timedelta(minutes=1)


@pytest.fixture
def bucket(s3_servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = s3_servers.bucket("moto")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def fill(bucket: Bucket, *keys: str) -> None:
    store = S3Store(bucket.name, client_options={"allow_http": True})
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda key: obstore.put(store, key, b"x"), keys))


def watch(bucket: Bucket, prefix: str = "data/raw/", threshold_s: int = 600, judged_by: str = "key") -> Watch:
    return Watch("w", bucket.name, prefix, threshold_s, judged_by=judged_by)


def batches(day: datetime, count: int) -> list[str]:
    """`count` files of a day, several of each five minutes."""
    at = [day + 5 * MINUTE * (n * 288 // count) for n in range(count)]
    return [f"data/raw/{t:%Y%m%d}/{t:%H%M}_{n:05}.gz" for n, t in enumerate(at)]


def look_at_yesterday(bucket: Bucket, count: int) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    keys = batches(day, count)
    fill(bucket, *keys)
    looked = look(watch(bucket), now, allow_http=True)
    assert looked.state is WatchState.FOUND
    assert looked.newest is not None
    assert (looked.newest.key, looked.newest.objects) == (keys[-1], count)
    assert looked.newest.fresh_at == day + timedelta(days=1)


def test_the_newest_is_seen_on_whichever_page_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The monitor of 2021 read one page, and keys are sorted: past 1,000 a day the newest were never seen."""
    with serve("moto", tmp_path, MOTO_S3_DEFAULT_MAX_KEYS="100") as url:
        bucket = make_bucket(url)
        for name, value in bucket.environment.items():
            monkeypatch.setenv(name, value)
        look_at_yesterday(bucket, 288)


@pytest.mark.prove
def test_the_newest_of_5_000_keys_a_day_is_seen(bucket: Bucket) -> None:
    look_at_yesterday(bucket, 5000)


def test_just_after_midnight_yesterdays_newest_counts(bucket: Bucket) -> None:
    """The monitor of 2021 looked at today's folder alone: each midnight was a false alarm."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight - 5 * MINUTE
    fill(bucket, *(f"data/raw/{t:%Y%m%d}/{t:%H%M}.gz" for t in (last - 5 * MINUTE, last)))
    looked = look(watch(bucket), midnight + MINUTE, allow_http=True)
    assert looked.newest is not None
    assert looked.newest.fresh_at == midnight
    assert watch(bucket).stale_since(looked.newest.fresh_at, midnight + MINUTE) is None


def test_an_empty_day_shows_the_last_one_and_an_empty_prefix_is_empty(bucket: Bucket) -> None:
    fill(bucket, "data/raw/20210101/1305.gz", "data/raw/20210102/1305.gz", "beside/20990101/0000.gz")
    looked = look(watch(bucket), datetime.now(UTC), allow_http=True)
    assert looked.newest is not None
    assert looked.newest.key == "data/raw/20210102/1305.gz"
    empty = look(watch(bucket, "data/other/"), datetime.now(UTC), allow_http=True)
    assert (empty.state, empty.said) == (WatchState.EMPTY, f"there is no data in s3://{bucket.name}/data/other/")


@pytest.mark.parametrize("prefix", ["flat/", "deep/", ""])
def test_a_prefix_without_day_folders_is_looked_at_whole(bucket: Bucket, prefix: str) -> None:
    fill(bucket, "flat/a.csv", "flat/b.csv", "deep/x/a.csv", "deep/y/z/b.csv")
    looked = look(watch(bucket, prefix), datetime.now(UTC), allow_http=True)
    assert looked.newest is not None
    assert looked.newest.objects == (4 if not prefix else 2)
    assert looked.newest.fresh_at == looked.newest.modified


@pytest.mark.usefixtures("bucket")
def test_a_missing_bucket_says_so() -> None:
    looked = look(Watch("w", "no-such-bucket-here", "a/", 60), datetime.now(UTC), allow_http=True)
    assert (looked.state, looked.newest) == (WatchState.NO_BUCKET, None)
    assert looked.said == "there is no bucket no-such-bucket-here; correct it in watches.yaml"


@pytest.mark.parametrize(
    ("fault", "state", "said"),
    [
        (S3Fault("GET ", status=403, code="AccessDenied"), WatchState.NO_PERMISSION, "allow s3:ListBucket"),
        (S3Fault("GET ", status=403, code="InvalidAccessKeyId"), WatchState.NO_PERMISSION, "allow s3:ListBucket"),
        (S3Fault("GET ", status=301, code="PermanentRedirect"), WatchState.NO_ANSWER, "another region"),
        (S3Fault("GET ", status=503), WatchState.NO_ANSWER, "no whole answer"),
        (S3Fault("GET ", how="cut"), WatchState.NO_ANSWER, "no whole answer"),
    ],
)
def test_each_refusal_is_a_state_of_its_own_and_shows_no_secret(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, fault: S3Fault, state: WatchState, said: str
) -> None:
    with faulty_s3(bucket.endpoint) as server:
        server.faults = [fault]
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        looked = look(watch(bucket), datetime.now(UTC), allow_http=True, timeout_s=2.0)
    assert looked.state is state
    assert said in looked.said
    assert SECRET not in looked.said
