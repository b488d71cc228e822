"""Keys of Google Trends are read back as they were built, and nothing else is read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain import layout, layout_trends
from elec_assets.domain.layout_trends import (
    TrendsDocumentKey,
    TrendsPlace,
    TrendsWeekly,
    parse_coverage,
    parse_document,
    parse_table,
    parse_weekly,
)
from elec_assets.domain.tables import TABLES
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.windows import Grain, Window, from_epoch_ms, split, window_at

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
TIMES = st.integers(1_136_073_600_000, 4_070_908_800_000).map(from_epoch_ms)  # 2006 to 2098
PLACES = st.builds(
    lambda election, area, cadence, moment: TrendsPlace(election, area, cadence, window_at(moment, cadence.grain)),
    NAMES,
    NAMES,
    st.sampled_from(Cadence),
    TIMES,
)
IDS = st.from_regex(r"[0-9a-f]{16}", fullmatch=True)
ASKED = st.sampled_from([endpoint for endpoint in Endpoint if endpoint is not Endpoint.EXPLORE])
TRENDS_TABLES = st.sampled_from([name for name in TABLES if name not in ("tweets", "coverage", "candidates")])
HOUR = TrendsPlace("e", "fr", Cadence.HOURLY, window_at(datetime(2027, 2, 1, 13, tzinfo=UTC), Grain.HOUR))
WEEK = TrendsPlace("e", "world", Cadence.WEEKLY, window_at(datetime(2027, 2, 3, tzinfo=UTC), Grain.WEEK))


@settings(deadline=None, max_examples=15)
@given(PLACES, IDS, ASKED)
def test_a_document_is_read_back_and_stands_under_the_first_hour_of_its_block(
    place: TrendsPlace, request_id: str, endpoint: Endpoint
) -> None:
    key = place.document(request_id, endpoint)
    assert parse_document(key) == TrendsDocumentKey(place.block, request_id, endpoint)
    assert key.startswith(place.documents)
    assert place.ladder.startswith(place.documents)
    assert parse_document(place.ladder) is None
    assert place.block.block == place.block


@settings(deadline=None, max_examples=15)
@given(PLACES, TRENDS_TABLES)
def test_a_table_and_a_coverage_row_are_read_back(place: TrendsPlace, table: str) -> None:
    assert parse_table(place.table(table)) == (place, table)
    assert parse_coverage(place.coverage) == place


@settings(deadline=None, max_examples=15)
@given(PLACES, PLACES, TRENDS_TABLES)
def test_two_partitions_never_share_a_key(one: TrendsPlace, other: TrendsPlace, table: str) -> None:
    same = one == other
    assert (one.table(table) == other.table(table)) == same
    assert (one.coverage == other.coverage) == same


@settings(deadline=None, max_examples=15)
@given(NAMES, TRENDS_TABLES, TIMES, st.booleans(), st.sampled_from(["csv.gz", "parquet"]))
def test_a_weekly_file_is_read_back(election: str, table: str, moment: datetime, samples: bool, suffix: str) -> None:
    week = window_at(moment, Grain.WEEK)
    key = layout_trends.weekly(election, table, week, suffix, samples=samples)
    assert parse_weekly(key) == TrendsWeekly(election, table, week, suffix, samples)


@settings(deadline=None, max_examples=15)
@given(PLACES, IDS, ASKED, st.data())
def test_keys_that_are_almost_those_of_a_document_are_none(
    place: TrendsPlace, request_id: str, endpoint: Endpoint, data: st.DataObject
) -> None:
    for key, parse in (
        (
            place.document(request_id, endpoint),
            lambda k: (d := parse_document(k)) and d.place.document(d.request_id, d.endpoint),
        ),
        (place.coverage, lambda k: (p := parse_coverage(k)) and p.coverage),
        (place.table("requests"), lambda k: (t := parse_table(k)) and t[0].table(t[1])),
    ):
        at = data.draw(st.integers(0, len(key) - 1))
        changed = key[:at] + data.draw(st.characters()) + key[at + 1 :]
        assert parse(changed) in (None, changed)


def test_the_hours_of_a_block_share_their_documents() -> None:
    hours = [TrendsPlace("e", "fr", Cadence.HOURLY, hour) for hour in split(_block(), Grain.HOUR)]
    assert {hour.documents for hour in hours} == {"e/data/raw/google_trends/fr/hourly/20270201/12/"}
    assert len({hour.table("requests") for hour in hours}) == 4
    assert parse_document("e/data/raw/google_trends/fr/hourly/20270201/13/0123456789abcdef_timeline.json.gz") is None


def test_keys_are_those_that_others_rely_on() -> None:
    """Changing one is a breaking change: they are documented in section 5 of the design."""
    request = "0123456789abcdef"
    assert HOUR.document(request, Endpoint.TIMELINE) == (
        "e/data/raw/google_trends/fr/hourly/20270201/12/0123456789abcdef_timeline.json.gz"
    )
    assert WEEK.document(request, Endpoint.QUERIES) == (
        "e/data/raw/google_trends/world/weekly/20270201/2027-02-01/0123456789abcdef_queries.json.gz"
    )
    assert (
        HOUR.table("interest_over_time")
        == "e/data/tables/google_trends/fr/hourly/interest_over_time/20270201/13.parquet"
    )
    assert WEEK.table("requests") == "e/data/tables/google_trends/world/weekly/requests/20270201/2027-02-01.parquet"
    assert HOUR.coverage == "e/data/coverage/google_trends/fr/hourly/20270201/13.json"
    assert WEEK.coverage == "e/data/coverage/google_trends/world/weekly/20270201/2027-02-01.json"
    assert WEEK.ladder == "e/data/raw/google_trends/world/weekly/20270201/2027-02-01/ladder.json"
    assert layout_trends.weekly("e", "related_topics", WEEK.window) == (
        "e/weekly/google_trends/related_topics/2027_05.csv.gz"
    )
    assert layout_trends.weekly("e", "related_topics", WEEK.window, "parquet", samples=True) == (
        "e/weekly/google_trends/related_topics_samples/2027_05.parquet"
    )
    assert layout_trends.ladder_state("e", "fr", Cadence.DAILY) == "state/google_trends/ladder/e/fr_daily.json"
    assert layout_trends.governor() == "state/google_trends/governor.json"
    assert layout_trends.cookies() == "state/google_trends/cookies.json"
    assert layout_trends.source() == "state/google_trends/source.json"
    assert layout_trends.loan() == "state/google_trends/loan.json"
    assert layout_trends.lent("0a1b", "governor") == "state/google_trends/lent/0a1b/governor.json"


@pytest.mark.parametrize(
    "key",
    [
        "e/data/tables/google_trends/fr/hourly/requests/20270230/13.parquet",
        "e/data/tables/google_trends/fr/hourly/requests/20270201/24.parquet",
        "e/data/tables/google_trends/fr/hourly/requests/20270201/2027-02-01.parquet",
        "e/data/tables/google_trends/fr/daily/requests/20270201/2027-02-02.parquet",
        "e/data/tables/google_trends/fr/daily/requests/20270201/13.parquet",
        "e/data/tables/google_trends/fr/weekly/requests/20270202/2027-02-02.parquet",
        "e/data/tables/google_trends/fr/daily/requests/2027020\uff11/2027-02-01.parquet",
    ],
)
def test_a_key_with_a_time_that_is_no_partition_is_none(key: str) -> None:
    assert parse_table(key) is None


@pytest.mark.parametrize("week", ["2027_53", "2027_00", "0000_01", "9999_53"])
def test_a_week_that_does_not_exist_is_no_weekly_file(week: str) -> None:
    assert parse_weekly(f"e/weekly/google_trends/requests/{week}.csv.gz") is None
    assert parse_weekly("e/weekly/twitter/2027_05.csv.gz") is None


def test_trends_and_tweets_never_share_a_coverage_row() -> None:
    assert HOUR.coverage != layout.coverage_row("e", "twitter", HOUR.window, Grain.HOUR)
    assert parse_coverage(layout.coverage_row("e", "twitter", HOUR.window, Grain.HOUR)) is None


def _block() -> Window:
    return Window(datetime(2027, 2, 1, 12, tzinfo=UTC), datetime(2027, 2, 1, 16, tzinfo=UTC))
