"""The plan of Google Trends in the registry."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from elec_assets.domain.registry import Election, TrendsPlan
from elec_assets.domain.registry_content import read_content, registry_of
from elec_assets.domain.registry_file import RegistryInvalid, parse_registry
from elec_assets.domain.trends import Cadence, TrendsTable

TEXT = """\
elections:
  e:
    name: Test
    country: FR
    calendar:
      collect_from: 2026-11-02
      rounds: [2027-04-11]
      inauguration: 2027-05-13
{calendar}
{trends}
    candidates:
      ada: {{name: Ada, status: 1}}
"""


def no_file(path: str) -> str:
    raise OSError(path)


def election(trends: str = "", calendar: str = "") -> Election:
    return parse_registry(TEXT.format(trends=trends, calendar=calendar), "r.yaml", no_file).elections["e"]


def problems(trends: str = "", calendar: str = "") -> list[str]:
    with pytest.raises(RegistryInvalid) as raised:
        election(trends, calendar)
    return [str(problem) for problem in raised.value.problems]


def test_without_a_plan_the_default_holds() -> None:
    read = election()
    assert read.trends == TrendsPlan()
    assert read.trends.tables(Cadence.HOURLY) == (TrendsTable.INTEREST_OVER_TIME, TrendsTable.CALIBRATED_INTEREST)
    assert read.trends.daily == read.trends.weekly == tuple(TrendsTable)
    assert read.calendar.trends_from is None


def test_a_cadence_that_is_left_out_keeps_its_default_and_an_empty_list_is_none() -> None:
    read = election("    trends: {hourly: [], daily: [related_queries, interest_over_time]}")
    assert read.trends == TrendsPlan((), (TrendsTable.INTEREST_OVER_TIME, TrendsTable.RELATED_QUERIES))


def test_days_and_weeks_may_begin_before_the_collection() -> None:
    read = election(calendar="      trends_from: 2026-01-01")
    assert read.calendar.trends_from == datetime(2026, 1, 1, tzinfo=UTC)


_NAMES = "interest_over_time, interest_by_region, related_topics, related_queries, calibrated_interest"


@pytest.mark.parametrize(
    ("trends", "found"),
    [
        (
            "    trends: {hourly: [related_topcs]}",
            f"r.yaml:10: elections.e.trends.hourly[0]: 'related_topcs' is not allowed; use one of the tables {_NAMES}",
        ),
        ("    trends: {dayly: []}", "r.yaml:10: elections.e.trends.dayly: is not a known key; did you mean daily?"),
        (
            "    trends: {daily: [related_queries, related_queries]}",
            "r.yaml:10: elections.e.trends.daily[1]: 'related_queries' is written twice; write it once",
        ),
        (
            "    trends: {daily: related_queries}",
            f"r.yaml:10: elections.e.trends.daily: 'related_queries' is not allowed; use a list of the tables {_NAMES}",
        ),
        (
            "    trends: all",
            "r.yaml:10: elections.e.trends: 'all' is not allowed; use a mapping with the keys hourly, daily, weekly",
        ),
    ],
)
def test_a_wrong_plan_is_told_by_line_and_field(trends: str, found: str) -> None:
    assert problems(trends) == [found]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2026-11-02", "2026-11-02 is not before collect_from, 2026-11-02; write an earlier date or leave it out"),
        (
            "2014-12-31",
            "'2014-12-31' is not allowed; "
            "use a date from 2015-01-01, before which Google Trends takes no explicit hours",
        ),
        ("soon", "'soon' is not allowed; use a date such as 2027-04-11"),
    ],
)
def test_a_wrong_start_is_told_by_line_and_field(value: str, found: str) -> None:
    assert problems(calendar=f"      trends_from: {value}") == [f"r.yaml:9: elections.e.calendar.trends_from: {found}"]


def test_the_version_of_a_registry_that_uses_neither_is_what_it_was_before_there_was_either() -> None:
    """Else every registry would come into force anew with the upgrade. The number is from before."""
    registry = registry_of({"e": election()}, "r.yaml")
    assert registry.version == "298fa18c6348"
    assert read_content(registry.content.encode(), registry.version)["e"] == election()


def test_a_plan_and_a_start_are_kept_and_read_back() -> None:
    asked = election("    trends: {hourly: []}", "      trends_from: 2026-01-01")
    registry = registry_of({"e": asked}, "r.yaml")
    assert read_content(registry.content.encode(), registry.version) == {"e": asked}
    assert registry.version != registry_of({"e": election()}, "r.yaml").version
    other = replace(asked, trends=replace(asked.trends, weekly=()))
    assert registry_of({"e": other}, "r.yaml").version != registry.version
