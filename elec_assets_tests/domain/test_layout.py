from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain import layout
from elec_assets.domain.layout import CountsAnswer, SearchPage, parse_counts_answer, parse_search_page
from elec_assets.domain.windows import Grain, from_epoch_ms, window_at

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
TIMES = st.integers(1_136_073_600_000, 4_070_908_800_000).map(from_epoch_ms)  # 2006 to 2098
PAGES = st.builds(
    SearchPage,
    election=NAMES,
    hour=TIMES.map(lambda t: t.replace(minute=0, second=0, microsecond=0)),
    asked_at=TIMES.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
    query=st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    page=st.integers(1, 9999),
)
ANSWERS = st.builds(
    CountsAnswer,
    election=NAMES,
    day=TIMES.map(lambda t: t.replace(hour=0, minute=0, second=0, microsecond=0)),
    asked_at=TIMES.map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
    query=st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
)
HOUR = window_at(datetime(2027, 2, 1, 13, 30, tzinfo=UTC), Grain.HOUR)
WEEK = window_at(datetime(2027, 2, 1, tzinfo=UTC), Grain.WEEK)


@given(PAGES)
def test_a_search_page_is_read_back_from_both_of_its_keys(page: SearchPage) -> None:
    assert parse_search_page(page.body) == parse_search_page(page.meta) == page
    assert page.body != page.meta
    hour = window_at(page.hour, Grain.HOUR)
    assert page.body.startswith(layout.search_pages(page.election, hour))


@given(PAGES, PAGES)
def test_pages_of_one_question_sort_as_they_were_received(one: SearchPage, other: SearchPage) -> None:
    assert (one.body == other.body) == (one == other)
    if (one.election, one.hour, one.query) == (other.election, other.hour, other.query):
        assert (one.body < other.body) == ((one.asked_at, one.page) < (other.asked_at, other.page))


@given(PAGES, st.data())
def test_keys_that_are_almost_those_of_a_page_are_none(page: SearchPage, data: st.DataObject) -> None:
    """A stray object under the prefix is passed over; a date that does not exist must not stop the hour."""
    at = data.draw(st.integers(0, len(page.body) - 1))
    changed = page.body[:at] + data.draw(st.characters()) + page.body[at + 1 :]
    found = parse_search_page(changed)
    assert found is None or found.body == changed


@given(ANSWERS, st.data())
def test_an_answer_of_counts_is_read_back_from_its_key_and_from_no_other(
    answer: CountsAnswer, data: st.DataObject
) -> None:
    assert parse_counts_answer(answer.key) == answer
    assert answer.key.startswith(layout.counts_day(answer.election, window_at(answer.day, Grain.DAY)))
    assert parse_search_page(answer.key) is None
    at = data.draw(st.integers(0, len(answer.key) - 1))
    changed = answer.key[:at] + data.draw(st.characters()) + answer.key[at + 1 :]
    found = parse_counts_answer(changed)
    assert found is None or found.key == changed


@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_admissions_of_the_registry_sort_by_number_and_are_read_back(one: int, other: int) -> None:
    keys = layout.registry_admission(one), layout.registry_admission(other)
    assert tuple(map(layout.parse_registry_admission, keys)) == (one, other)
    assert all(key.startswith(layout.registry_history()) for key in keys)
    assert (keys[0] < keys[1]) == (one < other)


@pytest.mark.parametrize("key", ["1.json", "0000001.json", "000001.json.gz", "00000\uff11.json", "x/000001.json", ""])
def test_other_keys_are_no_admission(key: str) -> None:
    assert layout.parse_registry_admission(layout.registry_history() + key) is None


@pytest.mark.parametrize(
    "name",
    [
        "20270201_25_20270201T130730123Z_00000000_0001.json.gz",
        "20270201_13_20270230T130730123Z_00000000_0001.json.gz",
        "20270201_13_20270201T136030123Z_00000000_0001.json.gz",
        "20270201_1\uff13_20270201T130730123Z_00000000_0001.json.gz",
        "20270202_13_20270201T130730123Z_00000000_0001.json.gz",
        "20270201_13_20270201T130730123Z_00000000_0001.json",
    ],
)
def test_a_name_with_an_impossible_time_is_no_page(name: str) -> None:
    """An hour 25 raised a bare ValueError, which stopped the sealing of a whole hour."""
    assert parse_search_page(f"e/data/raw/twitter_search/20270201/{name}") is None


def test_keys_are_those_that_others_rely_on() -> None:
    """Changing one is a breaking change: they are documented in section 5 of the design."""
    page = SearchPage("e", HOUR.start, datetime(2027, 2, 1, 14, 7, 0, 5000, tzinfo=UTC), "0123abcd", 2)
    assert page.body == "e/data/raw/twitter_search/20270201/20270201_13_20270201T140700005Z_0123abcd_0002.json.gz"
    assert page.meta == page.body.replace(".json.gz", ".meta.json")
    answer = CountsAnswer("e", WEEK.start, page.asked_at, "0123abcd")
    assert answer.key == "e/data/raw/twitter_counts/20270201/20270201_20270201T140700005Z_0123abcd.json.gz"
    assert layout.tweets_hour("e", HOUR) == "e/data/tables/twitter/20270201/13.parquet"
    assert layout.rejects_hour("e", HOUR) == "e/data/rejects/twitter/20270201/13.jsonl.gz"
    assert layout.coverage_row("e", "twitter", HOUR, Grain.HOUR) == "e/data/coverage/twitter/20270201/13.json"
    assert layout.coverage_row("e", "x", WEEK, Grain.WEEK) == "e/data/coverage/x/20270201/2027-02-01.json"
    assert layout.weekly("e", "twitter", WEEK) == "e/weekly/twitter/2027_05.csv.gz"
    assert layout.weekly("e", "twitter", WEEK, "parquet") == "e/weekly/twitter/2027_05.parquet"
    assert layout.candidates_table("e") == "e/data/tables/candidates.csv"
    assert layout.registry_version("0123456789ab") == "state/registry/0123456789ab.json"
    assert layout.registry_admission(7) == "state/registry/history/000007.json"
    assert layout.spend_ledger("x_search", HOUR.start) == "state/spend/x_search/202702.json"
