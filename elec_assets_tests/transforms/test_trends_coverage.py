"""Coverage of Google Trends: exactly one outcome for each candidate and table."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.tables import COVERAGE
from elec_assets.domain.trends import Cadence, Endpoint, TrendsTable
from elec_assets.domain.windows import Grain, window_at
from elec_assets.transforms.coverage import CoverageUnreadable
from elec_assets.transforms.ordering import Order
from elec_assets.transforms.trends import table_of
from elec_assets.transforms.trends_coverage import (
    TrendsCoverage,
    answered,
    coverage_table,
    decode,
    encode,
    trends_coverage,
)
from elec_assets.transforms.trends_documents import Exchange, failure_of
from elec_assets_tests.transforms.trends_wire import ALONE, BOTH, HOURS, asked, document, point, related, timeline

PLACE = TrendsPlace("e", "fr", Cadence.HOURLY, HOURS[0])
LINE, QUERIES = TrendsTable.INTEREST_OVER_TIME, TrendsTable.RELATED_QUERIES
PLANNED = {LINE: ("ada", "bob", "cyd", "dan"), QUERIES: ("ada",)}
SEEN = document(BOTH, Endpoint.TIMELINE, timeline(point(0, 100, 0, hasData=[True, False])))
NO_ENTRIES = document(ALONE, Endpoint.QUERIES, related([], []))
DOCUMENTS = [SEEN, NO_ENTRIES, document(asked("cyd", "dan"), Endpoint.TIMELINE, b"<html></html>")]
CAUSES = {(LINE, "cyd"): (Outcome.REFUSED, "Google refused; again from 09:00")}
TABLES = {LINE: table_of(Endpoint.TIMELINE, DOCUMENTS, HOURS[0], Cadence.HOURLY)[0]}
REFUSAL = failure_of(BOTH, Exchange(endpoint=Endpoint.TIMELINE, attempt=1, fetched_at="2027-02-01T08:00:00.000Z"))
ROW = trends_coverage(
    PLACE, PLANNED, TABLES, answered(DOCUMENTS), CAUSES, resume_at="2027-02-01T09:00:00Z", failures=[REFUSAL]
)


def test_every_planned_unit_has_one_outcome_and_its_reason() -> None:
    assert [(u.table, u.candidate, u.outcome, u.rows, u.reason) for u in ROW.units] == [
        (LINE, "ada", Outcome.OK, 1, None),
        (LINE, "bob", Outcome.EMPTY, 1, None),
        (LINE, "cyd", Outcome.REFUSED, 0, "Google refused; again from 09:00"),
        (LINE, "dan", Outcome.NOT_RUN, 0, "not asked yet"),
        (QUERIES, "ada", Outcome.EMPTY, 0, None),
    ]
    assert ROW.outcome is Outcome.REFUSED
    assert ROW.settled_share == pytest.approx(3 / 5)


def test_an_answer_that_cannot_be_read_or_is_of_another_shape_answers_nothing() -> None:
    found = answered(DOCUMENTS)
    assert found[LINE] == found[TrendsTable.CALIBRATED_INTEREST] == {"ada", "bob"}
    assert found[QUERIES] == {"ada"}
    assert found[TrendsTable.RELATED_TOPICS] == set()


def test_a_row_is_read_back_and_the_same_row_is_the_same_bytes() -> None:
    assert decode(encode(ROW), "k") == ROW
    turned = trends_coverage(
        PLACE,
        {table: people[::-1] for table, people in reversed(PLANNED.items())},
        TABLES,
        answered(DOCUMENTS[::-1]),
        CAUSES,
        resume_at="2027-02-01T09:00:00Z",
        failures=[REFUSAL],
    )
    assert encode(turned) == encode(ROW)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_damaged_row_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(CoverageUnreadable, match=r"^k: not a coverage row .*make the partition again$"):
        decode(data, "k")
    newer = encode(ROW).replace(b'"schema_version": 1', b'"schema_version": 9')
    with pytest.raises(CoverageUnreadable, match="k: schema version 9, this program reads up to"):
        decode(newer, "k")


def outcome(*found: Outcome) -> Outcome:
    people = [f"c{n}" for n in range(len(found))]
    causes = {(QUERIES, who): (each, "x") for who, each in zip(people, found, strict=True)}
    return trends_coverage(PLACE, {QUERIES: people}, {}, {}, causes).outcome


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=6))
@settings(deadline=None, max_examples=60)
def test_a_partition_is_settled_only_if_all_its_units_are(found: list[Outcome]) -> None:
    assert outcome(*found).settled == all(each.settled for each in found)


def test_the_worst_cause_names_the_partition() -> None:
    assert outcome(Outcome.OK, Outcome.THROTTLED, Outcome.REFUSED) is Outcome.REFUSED
    assert outcome(Outcome.OK, Outcome.NOT_RUN) is Outcome.PARTIAL
    assert outcome(Outcome.NOT_RUN, Outcome.NOT_RUN) is Outcome.NOT_RUN
    assert outcome(Outcome.OK, Outcome.EMPTY) is Outcome.OK
    assert outcome(Outcome.EMPTY) is Outcome.EMPTY
    assert trends_coverage(PLACE, {}, {}, {}, {}).outcome is Outcome.NOT_PLANNED


def test_calibrated_rows_without_a_number_are_empty() -> None:
    frame = pl.DataFrame({"candidate_id": ["ada", "bob"], "rel_index": [None, 3.5]})
    table = TrendsTable.CALIBRATED_INTEREST
    people = ["ada", "bob"]
    row = trends_coverage(PLACE, {table: people}, {table: frame}, {table: people}, {})
    assert [unit.outcome for unit in row.units] == [Outcome.EMPTY, Outcome.OK]


def rows(stored: TrendsCoverage | None) -> list[tuple[object, ...]]:
    frame = coverage_table(PLACE, PLANNED, stored)
    Order(COVERAGE).check(frame)
    return frame.select("table", "candidate", "outcome", "planned_s", "filled_s", "missed_s", "rows").rows()


def test_the_published_table_has_every_unit_also_of_a_partition_that_never_ran() -> None:
    assert rows(ROW) == [
        ("interest_over_time", "ada", "ok", 3600, 3600, 0, 1),
        ("interest_over_time", "bob", "empty", 3600, 3600, 0, 1),
        ("interest_over_time", "cyd", "refused", 3600, 0, 3600, 0),
        ("interest_over_time", "dan", "not_run", 3600, 0, 3600, None),
        ("related_queries", "ada", "empty", 3600, 3600, 0, 0),
    ]
    assert {row[2] for row in rows(None)} == {"not_run"}
    assert len(rows(None)) == 5


def test_weeks_and_days_of_one_date_are_told_apart() -> None:
    week = TrendsPlace("e", "fr", Cadence.WEEKLY, window_at(datetime(2027, 2, 1, tzinfo=UTC), Grain.WEEK))
    frame = coverage_table(week, {LINE: ("ada",)}, None)
    assert frame.select("window", "partition", "planned_s").row(0) == ("weekly", "2027-02-01", 7 * 86_400)
