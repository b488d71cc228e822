"""Rows of a week against those before: for the same planned time, whatever the plan."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl
import pytest

from elec_assets.transforms.gate_rows import PlannedTime, planned_time, weeks
from elec_assets.transforms.manifest import FileEntry, make_manifest

NOW = datetime(2027, 6, 5, 6, tzinfo=UTC)
WHOLE = PlannedTime(168 * 3600.0, 168)
SLOTS = PlannedTime(168 * 600.0, 168)
LAST_DAY = PlannedTime(24 * 3600.0, 24)
FEW = PlannedTime(23 * 3600.0, 23)
NOTHING = PlannedTime(0.0, 0)


def odd(rows: list[int], plans: Sequence[PlannedTime | None], product: str = "twitter") -> list[str]:
    """What is refused of weeks with so many rows, of which the last is new."""
    names = [f"2027_{10 + n}" for n in range(len(rows))]
    files = [
        FileEntry(
            path=f"x/{product}/{week}.csv.gz",
            sha256="0" * 64,
            bytes=1,
            plain_sha256="0" * 64,
            plain_bytes=1,
            rows=number,
            partition=week,
            state="new" if week == names[-1] else "same",
        )
        for week, number in zip(names, rows, strict=True)
    ]
    manifest = make_manifest(names[-1], files, profile="public")
    known = {f"x/{week}": plan for week, plan in zip(names, plans, strict=True) if plan is not None}
    return [str(refusal) for refusal in weeks(manifest, frozenset(), NOW, plans=known)]


def test_a_last_week_of_one_day_is_compared_with_a_day_of_the_others() -> None:
    """A `collect_until` on a Tuesday: 14 % of the rows of the weeks before, and the final release never went out."""
    rows = [70_000] * 4
    assert odd([*rows, 10_000], [WHOLE] * 4 + [LAST_DAY]) == []
    (lost,) = odd([*rows, 2_000], [WHOLE] * 4 + [LAST_DAY])
    assert "2000 rows, the weeks before have 10000 for as much planned time (24.0 h)" in lost


def test_a_phase_of_continuous_capture_is_compared_with_as_much_of_the_slots_before() -> None:
    """Ten slots of a minute become the whole hour: 6 times the rows, and with growth of 1.4 beyond the limit of 8."""
    rows = [10_000] * 3
    assert odd([*rows, 120_000], [SLOTS] * 3 + [WHOLE]) == []
    assert len(odd([*rows, 500_000], [SLOTS] * 3 + [WHOLE])) == 1
    assert len(odd([*rows, 14_000], [SLOTS] * 3 + [WHOLE])) == 1, "as many as before, of six times the time"


@pytest.mark.parametrize("plan", [FEW, NOTHING])
def test_a_week_with_less_than_a_day_planned_is_not_judged(plan: PlannedTime) -> None:
    assert odd([70_000] * 4 + [10], [WHOLE] * 4 + [plan]) == []


def test_nor_are_others_judged_by_it() -> None:
    assert odd([10, 70_000, 70_000, 70_000], [FEW, WHOLE, WHOLE, WHOLE]) == []
    assert odd([10, 10, 70_000, 70_000], [FEW, NOTHING, WHOLE, WHOLE]) == [], "one week alone is no usual number"


def test_without_a_known_plan_rows_are_compared_as_they_are() -> None:
    assert len(odd([70_000] * 4 + [10_000], [WHOLE] * 4 + [None])) == 1
    assert len(odd([70_000] * 4 + [10_000], [None] * 5)) == 1


@pytest.mark.parametrize("product", ["twitter_volume", "coverage", "google_trends/interest_over_time"])
def test_other_tables_follow_the_hours_of_the_plan_and_not_its_seconds(product: str) -> None:
    assert odd([1_680] * 5, [SLOTS] * 4 + [WHOLE], product) == []
    assert odd([1_680] * 4 + [240], [WHOLE] * 4 + [LAST_DAY], product) == []
    assert odd([1_680] * 5, [WHOLE] * 4 + [LAST_DAY], product) == [], "coverage tells of unplanned hours too"
    assert len(odd([1_680] * 4 + [100], [WHOLE] * 5, product)) == 1


def test_searches_are_judged_in_weeks_without_any_plan_of_posts() -> None:
    assert len(odd([1_680] * 4 + [10], [NOTHING] * 5, "coverage")) == 1


def test_what_was_planned_is_read_from_the_coverage_of_posts() -> None:
    frame = pl.DataFrame({"source": ["twitter"] * 3 + ["google_trends"], "planned_s": ["600.0", "0.0", None, "86400"]})
    assert planned_time(frame) == PlannedTime(600.0, 1)
    assert planned_time(frame.tail(1)) is None
