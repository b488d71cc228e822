"""The same raw objects give the same bytes in a directory, on moto and on ministack."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.tables import COVERAGE, TWEETS
from elec_assets.domain.windows import Grain, id_bounds, split, window_at
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.coverage import week_table
from elec_assets_tests.clients.hours import HOUR, Clock, election, objects, sealer, search_fill
from elec_assets_tests.s3 import KINDS, Bucket

WEEK = window_at(HOUR.start, Grain.WEEK)
RAW = "xx_2027/data/raw/"
DERIVED = {
    "xx_2027/data/tables/twitter/20270201/18.parquet",
    "xx_2027/data/rejects/twitter/20270201/18.jsonl.gz",
    "xx_2027/data/coverage/twitter/20270201/18.json",
    "xx_2027/weekly/twitter/2027_05.csv.gz",
    "xx_2027/weekly/twitter/2027_05.parquet",
    "xx_2027/weekly/coverage/2027_05.csv.gz",
    "xx_2027/weekly/coverage/2027_05.parquet",
}


@pytest.fixture
def raw(tmp_path: Path, serve: Callable[..., XServer], clock: Clock) -> dict[str, bytes]:
    """The raw objects of an hour, one of them with a post that cannot be read; made in a store of their own."""
    store = open_store((tmp_path / "raw").as_uri())
    sealer(store, search_fill(store, serve(), clock)).seal(HOUR)
    first = id_bounds(HOUR)[0] + 1
    bad = f'{{"data":[{{"id":"{first}","text":"bad \\ud800 half"}}],"meta":{{"result_count":1}}}}'
    sealer(store, search_fill(store, serve(faults=[Fault(body=bad)]), clock)).seal(HOUR, refresh=True)
    return objects(store, RAW)


def build(store: Store, raw: dict[str, bytes]) -> dict[str, str]:
    """Seal the hour from what is stored, build the week; sha256 of what was made."""
    for key, data in raw.items():
        store.create(key, data)
    sealer(store, None).seal(HOUR)
    archive = TweetArchive(store, "xx_2027")
    hours = split(WEEK, Grain.HOUR)[:24]
    frames = (frame for hour in hours for frame in archive.rows(hour))
    WeeklyArchive(store, "xx_2027", "twitter", TWEETS).write(WEEK, frames)
    rows = week_table(election(), WEEK, archive.coverages(hours))
    WeeklyArchive(store, "xx_2027", "coverage", COVERAGE).write(WEEK, [rows])
    assert objects(store, RAW) == raw
    found = objects(store).items()
    return {key: hashlib.sha256(data).hexdigest() for key, data in found if not key.startswith(RAW)}


def test_the_same_raw_objects_give_the_same_bytes_wherever_they_are(
    raw: dict[str, bytes], new_bucket: Callable[[str], Bucket], on_disk: Store
) -> None:
    here = build(on_disk, raw)
    assert here.keys() == DERIVED
    for kind in KINDS[1:]:
        bucket = new_bucket(kind)
        assert build(open_store(bucket.url, allow_http=True), raw) == here
        # Also as another client of S3 sees it.
        assert {k: hashlib.sha256(d).hexdigest() for k, d in bucket.objects().items() if k in DERIVED} == here
