"""How new a prefix is: by key and by upload, whatever order the listing has."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.watched import Listed, day_folders, named_at, newest_of

NOON = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def batch(at: datetime, uploaded: datetime | None = None, size: int = 9) -> Listed:
    return Listed(f"data/{at:%Y%m%d}/{at:%Y%m%d_%H%M}_ab.jsonl.gz", size, uploaded or at + 6 * MINUTE)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("a/20270201/20270201_1305_ab.jsonl.gz", NOON + 65 * MINUTE),
        ("a/20270201/1305.csv.gz", NOON + 65 * MINUTE),
        ("a/20270201/13.parquet", NOON + 60 * MINUTE),
        ("a/20270201/20270201T13.json", NOON + 60 * MINUTE),
        ("a/20270201/20270202_1305.gz", None),
        ("a/20270231/1305.gz", None),
        ("a/20270201/2560.gz", None),
        ("a/20270201/part-0001.gz", None),
        ("a/20270201/1305/x.gz", None),
        ("a/weekly.csv", None),
    ],
)
def test_a_key_names_a_time_below_a_day_folder(key: str, wanted: datetime | None) -> None:
    assert named_at(key) == wanted


@given(st.permutations([batch(NOON + n * 5 * MINUTE) for n in range(9)]))
def test_the_newest_is_found_in_any_order_and_its_data_end_where_the_next_would_begin(objects: list[Listed]) -> None:
    newest = newest_of(objects, by_key=True)
    assert newest is not None
    assert (newest.key, newest.objects) == (batch(NOON + 40 * MINUTE).key, 9)
    assert newest.fresh_at == NOON + 45 * MINUTE


def test_a_stuck_stream_that_sends_old_files_again_is_not_fresh() -> None:
    """The monitor of 2021 looked at `LastModified` alone."""
    again = [batch(NOON + n * 5 * MINUTE, NOON + timedelta(hours=9)) for n in range(3)]
    newest, uploaded = newest_of(again, by_key=True), newest_of(again, by_key=False)
    assert newest is not None
    assert uploaded is not None
    assert newest.fresh_at == NOON + 15 * MINUTE
    assert uploaded.fresh_at == NOON + timedelta(hours=9)


def test_keys_in_local_time_are_not_believed() -> None:
    newest = newest_of([batch(NOON + 60 * MINUTE, NOON)], by_key=True)
    assert newest is not None
    assert (newest.named_at, newest.fresh_at) == (None, NOON)


def test_empty_objects_and_folders_are_no_data() -> None:
    assert newest_of([batch(NOON, size=0), Listed("data/20270201/", 5, NOON)], by_key=True) is None
    newest = newest_of([batch(NOON), batch(NOON + 5 * MINUTE, size=0)], by_key=True)
    assert newest is not None
    assert newest.named_at == NOON


@pytest.mark.parametrize(
    ("hour", "minute", "threshold_h", "wanted"),
    [
        (12, 0, 0.2, ["p/20270131", "p/20270201/"]),
        (0, 1, 0.2, ["p/20270131", "p/20270201/"]),
        (12, 0, 40, ["p/20270130", "p/20270131", "p/20270201/"]),
    ],
)
def test_today_yesterday_and_what_the_threshold_reaches_is_listed(
    hour: int, minute: int, threshold_h: float, wanted: list[str]
) -> None:
    folders = ["p/20270101", "p/20270130", "p/20270131", "p/20270201/", "p/20280101", "p/other", "p/20279999"]
    now = NOON.replace(hour=hour, minute=minute)
    assert day_folders(folders, now, timedelta(hours=threshold_h)) == wanted
    assert day_folders(folders[:1], now, timedelta(hours=1)) == ["p/20270101"]
    assert day_folders(["p/20280101"], now, timedelta(hours=1)) == []
    assert day_folders(["p/other"], now, timedelta(hours=1)) is None
