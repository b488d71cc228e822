"""`elec coverage` of Google Trends, over rows in a store: what was planned, answered and missed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election, TrendsPlan
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import DAY, HOUR, Window
from elec_assets.operations.coverage_trends import TrendsReport
from elec_assets.operations.coverage_trends import trends_coverage as report
from elec_assets.transforms.coverage import CoverageUnreadable
from elec_assets.transforms.trends_coverage import trends_coverage
from elec_assets_tests.clients import trends_days

NOON = datetime(2027, 2, 3, 12, 30, tzinfo=UTC)
LINES, TOPICS = TrendsTable.INTEREST_OVER_TIME, TrendsTable.RELATED_TOPICS
PEOPLE = ("c00", "c01", "c02")


def election(hourly: Sequence[TrendsTable] = (), daily: Sequence[TrendsTable] = (TOPICS,)) -> Election:
    return trends_days.election(3, areas={"fr": "FR"}, trends=TrendsPlan(tuple(hourly), tuple(daily), ()))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path.as_uri())


def day(of_month: int) -> TrendsPlace:
    return day_before(3 - of_month)


def day_before(days: int) -> TrendsPlace:
    start = datetime(2027, 2, 3, tzinfo=UTC) - days * DAY
    return TrendsPlace("xx_2027", "fr", Cadence.DAILY, Window(start, start + DAY))


def save(store: Store, place: TrendsPlace, **refused: str) -> None:
    """A day with an answer of one row each, but for those refused."""
    frame = pl.DataFrame({"candidate_id": PEOPLE, "level": ["value"] * 3}).filter(
        ~pl.col("candidate_id").is_in(list(refused))
    )
    causes = {(TOPICS, name): (Outcome.REFUSED, why) for name, why in refused.items()}
    row = trends_coverage(place, {TOPICS: PEOPLE}, {TOPICS: frame}, {TOPICS: PEOPLE}, causes)
    TrendsArchive(store, "xx_2027").save_coverage(place, row)


def test_every_unit_is_counted_and_gaps_are_told_together(store: Store) -> None:
    save(store, day(1))
    save(store, day(2), c01="Google refused", c02="Google refused")
    found = report(store, [election()], NOON - timedelta(days=3), NOON)
    told = json.loads(json.dumps(found.as_dict()))
    assert told["elections"] == {
        "xx_2027": {
            "fr": {
                "daily": {
                    "partitions": 3,
                    "units": 9,
                    "answered": 4,
                    "rows": 4,
                    "outcomes": {"not_run": 3, "ok": 4, "refused": 2},
                }
            }
        }
    }
    assert [(gap["partition"], gap["outcome"], gap["candidates"]) for gap in told["gaps"]] == [
        ("2027-01-31", "not_run", ["c00", "c01", "c02"]),
        ("2027-02-02", "refused", ["c01", "c02"]),
    ]
    lines = found.lines()
    assert lines[1].split() == ["xx_2027", "2027-01-31", "fr", "daily", "1", "3", "0", "0", "3", "not_run"]
    assert "5 units of Google Trends without an answer:" in lines
    assert lines[-2:] == [
        "  xx_2027 fr daily 2027-01-31, related_topics of 3 candidates: not_run (planned, and no run has asked)",
        "  xx_2027 fr daily 2027-02-02, related_topics of 2 candidates: refused (Google refused)",
    ]


def test_one_candidate_is_named(store: Store) -> None:
    save(store, day(2), c01="Google refused")
    lines = report(store, [election()], day(2).window.start, NOON).lines()
    assert lines[-1] == "  xx_2027 fr daily 2027-02-02, related_topics of c01: refused (Google refused)"


def test_without_a_gap_it_says_so(store: Store) -> None:
    save(store, day(2))
    found = report(store, [election()], day(2).window.start, NOON)
    assert (found.gaps, found.lines()[-1]) == ([], "No gap.")


def test_hours_count_once_their_block_is_over(store: Store) -> None:
    """A block is asked for whole: before its end its hours are no gaps."""
    plan = election(hourly=(LINES,), daily=())
    until = datetime(2027, 2, 3, 11, 59, tzinfo=UTC)
    hours = [part.key for part in report(store, [plan], until - 6 * HOUR, until).partitions]
    assert hours == ["2027-02-03-05:00", "2027-02-03-06:00", "2027-02-03-07:00"]
    later = report(store, [plan], until - 6 * HOUR, until + timedelta(minutes=1))
    assert [part.key for part in later.partitions][-1] == "2027-02-03-11:00"


def test_tables_that_are_not_planned_are_shown_where_they_were_made(store: Store) -> None:
    save(store, day(2), c01="Google refused")
    unplanned = election(daily=())
    found = report(store, [unplanned], NOON - timedelta(days=3), NOON)
    assert [part.key for part in found.partitions] == ["2027-02-02"]
    assert report(store, [unplanned], NOON - HOUR, NOON) == TrendsReport(())
    assert report(store, [unplanned], NOON, NOON).lines() == ["No partition of Google Trends is planned in this time."]


def test_days_before_collection_are_shown_from_trends_from_on(store: Store) -> None:
    early = election()
    early = replace(early, calendar=replace(early.calendar, trends_from=datetime(2026, 12, 30, tzinfo=UTC)))
    found = report(store, [early], datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 6, tzinfo=UTC))
    assert (found.partitions[0].key, found.partitions[-1].key) == ("2026-12-30", "2027-01-05")
    late = report(store, [election()], datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 6, tzinfo=UTC))
    assert [part.key for part in late.partitions] == ["2027-01-04", "2027-01-05"]


def test_partitions_that_miss_the_same_are_one_line(store: Store) -> None:
    plan = election(hourly=(LINES,), daily=(TOPICS, LINES))
    lines = report(store, [plan], datetime(2027, 2, 1, tzinfo=UTC), NOON).lines()
    hours = "2027-02-01-00:00 to 2027-02-03-11:00 (60 partitions), interest_over_time of 3 candidates"
    days = "2027-02-01 to 2027-02-02 (2 partitions), related_topics, interest_over_time of 3 candidates"
    assert lines[-3:] == [
        "192 units of Google Trends without an answer:",
        f"  xx_2027 fr hourly {hours}: not_run (planned, and no run has asked)",
        f"  xx_2027 fr daily {days}: not_run (planned, and no run has asked)",
    ]


def test_more_gaps_than_a_person_reads_are_counted(store: Store) -> None:
    for number in range(1, 24):
        save(store, day_before(number), c01=f"reason {number}")
    lines = report(store, [election()], NOON - timedelta(days=23), NOON).lines()
    assert lines[-1] == "  and 3 more; see --json"


def test_a_damaged_row_is_named(store: Store) -> None:
    store.put(day(2).coverage, b"no row")
    with pytest.raises(CoverageUnreadable, match=r"fr/daily/20270202/2027-02-02\.json: not a coverage row"):
        report(store, [election()], NOON - timedelta(days=3), NOON)
