"""What should be there by now: the newest planned partition, never outside collection, whatever was backfilled."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.due import BATCHES, BATCHES_FAIL, BATCHES_WARN, WINDOWS, due, late, late_batches, newest_due
from elec_assets.domain.registry import Calendar, Candidate, CapturePlan, DatedStatus, Election
from elec_assets.domain.windows import DAY, HOUR, WEEK, Grain, Window, floor
from elec_assets.freshness import POLICIES

MINUTE = timedelta(minutes=1)
FROM, UNTIL = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 5, 27, tzinfo=UTC)
ELECTION = Election(
    "fr",
    "X",
    "FR",
    Calendar(FROM, UNTIL, (date(2027, 4, 11), date(2027, 4, 25)), date(2027, 5, 13)),
    {"one": Candidate("one", "One", (DatedStatus(1),))},
    "Europe/Paris",
)
PRODUCTS = st.sampled_from(sorted(WINDOWS))
TIMES = st.datetimes(datetime(2027, 1, 1), datetime(2027, 7, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds
# Nights in which the clocks of Europe change, week ends, months' ends, the first and last hours.
EDGES = st.sampled_from(
    [
        datetime(2027, 3, 28, tzinfo=UTC),
        datetime(2027, 4, 1, tzinfo=UTC),
        datetime(2027, 4, 26, tzinfo=UTC),
        FROM,
        UNTIL,
    ]
).flatmap(lambda at: st.integers(-5000, 5000).map(lambda minutes: at + minutes * MINUTE))


def period(product: str) -> timedelta:
    return WINDOWS[product].block


def test_what_has_no_partitions_has_a_window_of_its_own() -> None:
    assert set(POLICIES) - set(WINDOWS) == {BATCHES, "kaggle/staged", "kaggle/dataset"}
    assert POLICIES[BATCHES] == dg.FreshnessPolicy.time_window(warn_window=BATCHES_WARN, fail_window=BATCHES_FAIL)


@pytest.mark.parametrize("product", sorted(WINDOWS))
def test_windows_are_those_of_the_policies_less_one_period(product: str) -> None:
    window = WINDOWS[product]
    # Weekly files are counted from their build, 26 hours after the week's end.
    built = timedelta(hours=26) if window.warn == 2 * DAY else timedelta()
    warn, fail = (span + period(product) - built for span in (window.warn, window.fail))
    assert POLICIES[product] == dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=fail)


@given(PRODUCTS, TIMES | EDGES)
def test_nothing_is_due_outside_collection_and_what_is_due_is_planned_and_over(product: str, now: datetime) -> None:
    partition = newest_due(product, ELECTION, now)
    assert due(product, ELECTION, now) == (partition is not None)
    if not FROM <= now < UNTIL:
        assert partition is None
        assert late(product, ELECTION, now, lambda _: False) is None
    elif partition is None:
        assert now < FROM + period(product) + WEEK + WINDOWS[product].warn
    else:
        assert floor(partition.start, WINDOWS[product].grain) == partition.start
        assert partition.end > FROM
        assert partition.end + WINDOWS[product].warn <= now
        assert now < partition.end + WINDOWS[product].warn + period(product)


@given(PRODUCTS, TIMES | EDGES)
def test_a_product_that_keeps_its_times_is_never_late(product: str, now: datetime) -> None:
    """Each partition is there by the time at which it would be late, to the second."""
    window = WINDOWS[product]
    there_before = now - window.warn
    blocks = floor(there_before, Grain.DAY) if window.grain is Grain.HOUR else floor(there_before, window.grain)
    while blocks + window.block <= there_before:
        blocks += window.block
    assert late(product, ELECTION, now, lambda partition: partition.end <= blocks) is None


@given(PRODUCTS, st.integers(0, 60 * 24 * 100), st.integers(1, 12), st.lists(st.integers(1, 400), max_size=9))
@settings(max_examples=60, deadline=None)
def test_an_outage_is_seen_whatever_old_partitions_are_backfilled(
    product: str, minutes: int, lost: int, old: list[int]
) -> None:
    now = FROM + 2 * WEEK + minutes * MINUTE
    newest = newest_due(product, ELECTION, now)
    assert newest is not None
    length = newest.end - newest.start
    gone = {newest.start - n * length for n in range(lost)}
    backfilled = {newest.start - (lost + n) * length for n in old}
    found = late(product, ELECTION, now, lambda p: p.start in backfilled or p.start < min(gone))
    assert found is not None
    assert found.partition == newest
    assert found.since <= now
    assert found.missing <= lost


@pytest.mark.parametrize(
    ("product", "newest", "warn"),
    [
        ("twitter/tweets", Window(FROM + 9 * HOUR, FROM + 10 * HOUR), FROM + 10 * HOUR + 30 * MINUTE),
        ("google_trends/hourly", Window(FROM + 11 * HOUR, FROM + 12 * HOUR), FROM + 13 * HOUR),
        ("google_trends/daily", Window(FROM + DAY, FROM + 2 * DAY), FROM + 2 * DAY + 6 * HOUR),
        ("coverage/weekly", Window(FROM, FROM + WEEK), FROM + WEEK + 2 * DAY),
    ],
)
def test_a_partition_warns_then_fails_at_its_times(product: str, newest: Window, warn: datetime) -> None:
    second = timedelta(seconds=1)
    window = WINDOWS[product]

    def before(partition: Window) -> bool:
        return partition.start < newest.start

    def found(now: datetime) -> tuple[Window | None, bool] | None:
        judged = late(product, ELECTION, now, before)
        return None if judged is None else (judged.partition, judged.fail)

    assert found(warn - second) is None
    assert found(warn) == (newest, False)
    fails = warn - window.warn + window.fail
    judged = late(product, ELECTION, fails, before)
    assert judged is not None
    assert judged.fail
    assert judged.since == warn
    earlier = late(product, ELECTION, fails - second, before)
    assert earlier is not None
    assert not earlier.fail


def test_hours_that_nothing_plans_are_not_due() -> None:
    every = replace(ELECTION, capture=CapturePlan("every", every_s=6 * 3600, length_s=600))
    assert newest_due("twitter/tweets", every, FROM + 11 * HOUR) == Window(FROM + 6 * HOUR, FROM + 7 * HOUR)
    nobody = replace(ELECTION, candidates={})
    assert not any(due(product, nobody, FROM + 3 * WEEK) for product in (*WINDOWS, BATCHES))


@pytest.mark.parametrize(("age", "fail"), [(7, None), (7.1, False), (10, False), (10.1, True), (60 * 60, True)])
def test_batches_are_late_7_and_10_minutes_after_planned_time_that_none_covers(age: float, fail: bool | None) -> None:
    now = FROM + 10 * DAY
    found = late_batches(ELECTION, now, now - age * MINUTE)
    assert (None if found is None else found.fail) == fail
    if found is not None and age < 60:
        assert found.since == now - age * MINUTE


@given(st.integers(0, 14 * 24 * 60))
@settings(max_examples=40)
def test_planned_pauses_of_the_stream_are_not_late(minutes: int) -> None:
    """Ten minutes in each hour are planned, and covered as soon as they are over."""
    every = replace(ELECTION, capture=CapturePlan("every", every_s=3600, length_s=600))
    now = FROM + 7 * DAY + minutes * MINUTE
    hour = floor(now, Grain.HOUR)
    covered = min(now - 5 * MINUTE, hour + 10 * MINUTE) if now >= hour + 5 * MINUTE else hour - 50 * MINUTE
    assert late_batches(every, now, covered) is None
    stopped = late_batches(every, now, covered - 2 * HOUR)
    assert stopped is not None
    assert stopped.fail


def test_batches_are_not_late_at_the_beginning_nor_outside_collection() -> None:
    assert late_batches(ELECTION, FROM + 7 * MINUTE, None) is None
    assert late_batches(ELECTION, FROM + 8 * MINUTE, None) is not None
    assert late_batches(ELECTION, FROM - MINUTE, None) is None
    assert late_batches(ELECTION, UNTIL, None) is None
