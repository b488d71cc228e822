"""When to be connected."""

import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture.wanted import LATE_MS, LEAD_MS, STAY_MS, Want, Wanted
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import MARGIN_MS, SLOT_MS
from elec_assets.domain.registry import CapturePlan
from elec_assets.domain.windows import HOUR_MS, Grain, epoch_ms, window_at
from elec_assets_tests.clients.hours import election, slots

HOUR_18 = epoch_ms(datetime(2027, 2, 1, 18, tzinfo=UTC))
TEN_OF_AN_HOUR = CapturePlan("every", every_s=3600, length_s=600)


def test_a_continuous_plan_wants_one_connection_all_the_time() -> None:
    wanted = Wanted([election()])
    want = wanted.at(HOUR_18)
    assert want.connected
    assert want.until_ms is not None
    assert want.until_ms > HOUR_18 + HOUR_MS


def test_a_connection_begins_before_planned_time_and_ends_with_a_byte_that_proves_it() -> None:
    wanted = Wanted([election(capture=TEN_OF_AN_HOUR)])
    start, end = HOUR_18, HOUR_18 + 600_000
    assert wanted.at(start - LEAD_MS - 1) == Want(connected=False, next_ms=start - LEAD_MS)
    for inside in (start - LEAD_MS, start, end - 1):
        assert wanted.at(inside) == Want(connected=True, begin=True, until_ms=end + MARGIN_MS)
    for late in (end, end + MARGIN_MS + LATE_MS - 1):
        assert wanted.at(late) == Want(connected=True, until_ms=end + MARGIN_MS), "it goes on, and none is made"
    assert wanted.at(end + MARGIN_MS + LATE_MS) == Want(connected=False, next_ms=start + HOUR_MS - LEAD_MS)


def test_before_the_first_day_the_next_time_is_that_day_and_after_the_last_there_is_none() -> None:
    first = epoch_ms(election().calendar.collect_from)
    wanted = Wanted([election()])
    assert wanted.at(first - 30 * 24 * HOUR_MS) == Want(connected=False, next_ms=first - LEAD_MS)
    assert wanted.at(first - LEAD_MS).connected
    assert wanted.at(epoch_ms(election().calendar.collect_until) + HOUR_MS) == Want(connected=False)
    assert Wanted([]).at(HOUR_18) == Want(connected=False)


@settings(max_examples=30, deadline=None)
@given(number=st.integers(1, 60), seconds=st.integers(1, 60), offset_s=st.integers(0, 3600))
def test_whatever_is_planned_is_wanted_with_its_margin(number: int, seconds: int, offset_s: int) -> None:
    plans = [election(key="one", capture=slots(number, seconds)), election(key="two", capture=TEN_OF_AN_HOUR)]
    wanted = Wanted(plans)
    now = HOUR_18 + offset_s * 1000
    hours = [window_at(datetime(2027, 2, 1, hour, tzinfo=UTC), Grain.HOUR) for hour in (17, 18, 19)]
    spans = [span for plan in plans for hour in hours for span in calendar.planned(plan, hour).spans]
    needed = any(start - LEAD_MS <= now <= end + MARGIN_MS for start, end in spans)
    near = any(start - LEAD_MS - STAY_MS <= now <= end + MARGIN_MS + LATE_MS + STAY_MS for start, end in spans)
    want = wanted.at(now)
    assert want.connected or not needed
    assert near or not want.connected
    if not want.connected:
        assert want.next_ms is not None
        assert want.next_ms > now
        assert wanted.at(want.next_ms).connected


@settings(max_examples=15, deadline=None)
@given(number=st.integers(1, 360), seconds=st.integers(1, 10))
def test_no_plan_asks_for_more_connects_than_x_takes(number: int, seconds: int) -> None:
    wanted = Wanted([election(capture=slots(number, seconds))])
    now, starts = HOUR_18 - HOUR_MS, []
    while now < HOUR_18 + 2 * HOUR_MS:
        want = wanted.at(now)
        if want.connected:
            assert want.until_ms is not None
            starts.append(now)
            now = want.until_ms + LATE_MS
        else:
            assert want.next_ms is not None
            now = want.next_ms
    assert all(b - a > 15 * 60_000 for a, b in zip(starts, starts[20:], strict=False))


def test_a_slot_is_planned_in_part_and_lived_by_the_elections_that_collect_in_it() -> None:
    mine = election(capture=TEN_OF_AN_HOUR)
    later = replace(
        mine, key="later", calendar=replace(mine.calendar, collect_from=datetime(2027, 2, 1, 18, 2, tzinfo=UTC))
    )
    wanted = Wanted([mine, later])
    assert wanted.planned(mine, HOUR_18 + SLOT_MS) == Intervals(((HOUR_18 + SLOT_MS, HOUR_18 + 2 * SLOT_MS),))
    assert not wanted.planned(mine, HOUR_18 + 2 * SLOT_MS)
    assert [e.key for e in wanted.living(HOUR_18)] == ["xx_2027", "later"]
    assert [e.key for e in wanted.living(HOUR_18 - SLOT_MS)] == ["xx_2027"]
    last = epoch_ms(mine.calendar.collect_until)
    assert [e.key for e in wanted.living(last)] == ["xx_2027", "later"], "its end is proven in the slot after"
    assert wanted.living(last + SLOT_MS) == ()


def test_threads_may_look_at_hours_far_apart_at_the_same_time() -> None:
    """An upload packs a slot of yesterday while the loop looks at now: each threw the other's hours away.

    The loop's KeyError ended the capture.
    """
    chosen = election()
    wanted = Wanted([chosen])
    failed: list[Exception] = []

    def look(day: int) -> None:
        try:
            for slot in range(80):
                assert wanted.planned(chosen, HOUR_18 + day * 24 * HOUR_MS + slot % 20 * HOUR_MS)
        except Exception as error:  # noqa: BLE001 - of a thread
            failed.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=look, args=(day,)) for day in (0, 9, 0, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not failed
