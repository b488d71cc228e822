from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.tables import COVERAGE
from elec_assets.domain.windows import HOUR, WEEK, Grain, Window, epoch_ms, key_of, split, window_at
from elec_assets.transforms.coverage import (
    Counts,
    CoverageUnreadable,
    HourCoverage,
    decode,
    encode,
    hour_coverage,
    hour_row,
    week_table,
)
from elec_assets.transforms.frames import polars_schema
from elec_assets_tests.clients.hours import election, slots

WEEK_5 = window_at(datetime(2027, 2, 1, tzinfo=UTC), Grain.WEEK)
FIRST = window_at(WEEK_5.start, Grain.HOUR)
START = epoch_ms(FIRST.start)
WHOLE = Intervals.between(FIRST)
PARTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4).map(
    lambda spans: Intervals.of((START + a * 60_000, START + b * 60_000) for a, b in spans)
)
CAUSES = st.dictionaries(st.sampled_from([Outcome.ERROR, Outcome.REFUSED, Outcome.THROTTLED]), st.text(min_size=1))


def counts(rows: int = 0) -> Counts:
    return Counts(rows=rows, received=rows, duplicates=0, strays=0, rejects=0, raw_objects=0, queries=1)


def row(
    hour: Window = FIRST,
    planned: Intervals = WHOLE,
    captured: Intervals = NOWHERE,
    filled: Intervals = NOWHERE,
    causes: dict[Outcome, str] | None = None,
    rows: int = 0,
) -> HourCoverage:
    return hour_coverage(
        "xx_2027", hour, planned=planned, captured=captured, filled=filled, causes=causes or {}, counts=counts(rows)
    )


@given(PARTS, PARTS, PARTS, CAUSES, st.integers(0, 3))
def test_seconds_add_up_and_the_outcome_follows_from_them(
    planned: Intervals, captured: Intervals, filled: Intervals, causes: dict[Outcome, str], rows: int
) -> None:
    found = row(FIRST, planned, captured, filled, causes, rows)
    assert found.captured_s + found.filled_s + found.missed_s == pytest.approx(planned.seconds)
    assert found.planned_s - found.captured_s == pytest.approx(found.retweets_missed_s)
    assert found.missed_s == pytest.approx((planned - captured - filled).seconds)
    if not planned:
        assert found.outcome is Outcome.NOT_PLANNED
    elif found.missed_s:
        assert found.outcome in (*causes, Outcome.PARTIAL)
        assert (found.outcome is Outcome.PARTIAL) == (not causes)
        assert found.reason
        assert found.missed
    else:
        assert found.outcome is (Outcome.OK if rows else Outcome.EMPTY)
    assert (found.reason is None) == (not found.missed)
    assert decode(encode(found), "key") == found


def test_silence_and_a_gap_are_never_the_same() -> None:
    assert row(filled=WHOLE).outcome is Outcome.EMPTY
    assert row(filled=WHOLE, rows=1).outcome is Outcome.OK
    gap = row(rows=1, filled=Intervals.of([(START, START + 3_599_999)]))
    assert (gap.outcome, gap.missed_s) == (Outcome.PARTIAL, 0.001)
    assert gap.missed == [["2027-02-01T00:59:59.999Z", "2027-02-01T01:00:00Z"]]


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"election":"\xff"}', b"[" * 50_000, b'{"schema_version":"x"}'])
def test_a_damaged_row_names_its_key_and_what_to_do(data: bytes) -> None:
    with pytest.raises(CoverageUnreadable, match=r"e/data/x: not a coverage row .*; seal the hour again"):
        decode(data, "e/data/x")


def test_a_row_of_a_newer_version_is_not_guessed_at() -> None:
    newer = encode(msgspec.structs.replace(row(), schema_version=2))
    with pytest.raises(CoverageUnreadable, match="schema version 2, this program reads up to 1; upgrade"):
        decode(newer, "key")


def test_a_week_has_one_row_an_hour_whatever_was_stored() -> None:
    """Every outcome shows; hours without row are not_run or not_planned; rows of other weeks are not taken in."""
    hours = split(WEEK_5, Grain.HOUR)
    causes = [Outcome.PARTIAL, Outcome.THROTTLED, Outcome.REFUSED, Outcome.OVER_BUDGET, Outcome.ERROR]
    stored = [row(hour, Intervals.between(hour), causes={c: "why"}) for hour, c in zip(hours, causes, strict=False)]
    stored += [row(hours[5], Intervals.between(hours[5]), filled=Intervals.between(hours[5]), rows=7)]
    stored += [row(hours[6], Intervals.between(hours[6]), filled=Intervals.between(hours[6]))]
    stored += [row(hours[7], NOWHERE)]
    elsewhere = window_at(WEEK_5.end, Grain.HOUR)
    stored += [row(elsewhere, Intervals.between(elsewhere), causes={Outcome.ERROR: "why"})]
    frame = week_table(election(), WEEK_5, [*stored, *stored[:3]])
    assert frame.height == 168
    assert dict(frame.schema) == polars_schema(COVERAGE)
    assert frame["partition"].to_list() == [key_of(hour, Grain.HOUR) for hour in hours]
    assert frame["outcome"].head(9).to_list() == [
        *("partial", "throttled", "refused", "over_budget", "error", "ok", "empty", "not_planned", "not_run"),
    ]
    assert set(frame["outcome"]) == {outcome.value for outcome in Outcome}
    by_outcome = {r["outcome"]: r for r in frame.to_dicts()}
    assert [by_outcome[o]["rows"] for o in ("ok", "empty", "not_run", "not_planned")] == [7, 0, None, None]
    assert [by_outcome[o]["weight_originals"] for o in ("ok", "error", "not_run")] == [1.0, None, None]
    assert all(r["weight_retweets"] is None for r in frame.to_dicts())
    assert [by_outcome[o]["missed_s"] for o in ("ok", "not_run", "not_planned")] == [0, 3600, 0]


def test_weeks_at_the_edge_of_the_collection() -> None:
    before = window_at(election().calendar.collect_from - HOUR, Grain.WEEK)
    assert set(week_table(election(), before, [])["outcome"]) == {"not_planned"}
    first = Window(before.end, before.end + WEEK)
    assert set(week_table(election(), first, [])["outcome"]) == {"not_run"}


def test_an_hour_in_slots_weighs_what_it_stands_for() -> None:
    chosen = election(capture=slots(10, 60))
    absent = hour_row(chosen, FIRST, None)
    assert (absent.outcome, absent.planned_s, absent.missed_s) == (Outcome.NOT_RUN, 600, 600)
    whole = row(planned=WHOLE, filled=Intervals.of([(START, START + 600_000)]), rows=1)
    frame = week_table(chosen, WEEK_5, [whole])
    assert frame["weight_originals"][0] == 6.0
