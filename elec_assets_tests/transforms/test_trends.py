"""From raw documents of Google Trends to tables: every value in its place, nothing from a neighbour."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.tables import REQUESTS
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.windows import Window
from elec_assets.transforms.ordering import Order
from elec_assets.transforms.parquet import parquet_bytes
from elec_assets.transforms.trends import TABLE_OF, Unread, compared, latest_sample, requests_table, table_of
from elec_assets.transforms.trends_documents import (
    Exchange,
    RawTrendsDocument,
    decode_document,
    encode_document,
    failure_of,
)
from elec_assets_tests.transforms.trends_wire import (
    ALONE,
    ANSWERS,
    BLOCK,
    BOTH,
    DAY,
    FETCHED,
    HOURS,
    START_S,
    asked,
    document,
    point,
    query,
    region,
    regions,
    related,
    timeline,
    topic,
)

MINUTES = timeline(*[point(minute, minute % 101, 100 - minute % 101) for minute in range(-60, 300)])
WHOLE = document(BOTH, Endpoint.TIMELINE, MINUTES)


def made(
    endpoint: Endpoint, *documents: RawTrendsDocument, window: Window = DAY, cadence: Cadence = Cadence.DAILY
) -> pl.DataFrame:
    frame, unread = table_of(endpoint, documents, window, cadence)
    assert unread == ()
    return frame


def hour(number: int, *documents: RawTrendsDocument) -> pl.DataFrame:
    return made(Endpoint.TIMELINE, *documents, window=HOURS[number], cadence=Cadence.HOURLY)


def test_each_hour_of_a_block_has_its_own_points_and_names_the_block() -> None:
    """The scale of 0 to 100 is that of the block, so every row says which block it is."""
    frames = [hour(number, WHOLE) for number in range(4)]
    assert [frame.height for frame in frames] == [120] * 4
    for window, frame in zip(HOURS, frames, strict=True):
        assert frame.get_column("ts").min() == window.start
        assert frame.get_column("ts").max() == window.end - timedelta(minutes=1)
        assert frame.get_column("period_start").unique().to_list() == [BLOCK.start]
        assert frame.get_column("period_end").unique().to_list() == [BLOCK.end]
        assert frame.get_column("timeframe").unique().to_list() == ["2027-02-01T04 2027-02-01T08"]
        assert frame.get_column("partition").unique().to_list() == [f"{window.start:%Y-%m-%d-%H:%M}"]


def test_every_value_stands_under_its_candidate_and_time() -> None:
    frame = pl.concat([hour(number, WHOLE) for number in range(4)])
    found = {(r["candidate_id"], int(r["ts"].timestamp())): r["value"] for r in frame.iter_rows(named=True)}
    expected = {}
    for minute in range(240):
        expected["ada", START_S + 60 * minute] = minute % 101
        expected["bob", START_S + 60 * minute] = 100 - minute % 101
    assert found == expected


def test_a_row_says_what_was_asked_and_what_google_made_of_it() -> None:
    row = hour(0, WHOLE).filter(pl.col("candidate_id") == "bob").row(7, named=True)
    assert row == {
        "request_id": BOTH.request_id,
        "candidate_id": "bob",
        "keyword": "Bob",
        "keyword_kind": "term",
        "area": "fr",
        "geo": "FR",
        "window": "hourly",
        "timeframe": "2027-02-01T04 2027-02-01T08",
        "period_start": BLOCK.start,
        "period_end": BLOCK.end,
        "resolution": "MINUTE",
        "gprop": "",
        "category": 0,
        "hl": "en-US",
        "tz": 0,
        "user_type": "USER_TYPE_SCRAPER",
        "sample_kind": "realtime",
        "backend": "test",
        "backend_version": "1",
        "fetched_at": FETCHED,
        "sample_no": 1,
        "partition": "2027-02-01-04:00",
        "ts": BLOCK.start + timedelta(minutes=7),
        "value": 93,
        "has_data": True,
        "is_partial": False,
        "formatted": "93",
        "batch_id": BOTH.batch_id,
        "batch_position": 1,
        "level": "value",
    }


def test_zero_less_than_one_and_no_data_stay_apart() -> None:
    answer = timeline(
        point(0, 100),
        point(1, 0, formattedValue=["<1"]),
        point(2, 0),
        point(3, 0, hasData=[False]),
        point(4, 0, hasData=None, formattedValue=None, isPartial=True),
    )
    frame = hour(0, document(asked("ada"), Endpoint.TIMELINE, answer))
    assert frame.select("value", "has_data", "formatted", "level", "is_partial").rows() == [
        (100, True, "100", "value", False),
        (0, True, "<1", "below_one", False),
        (0, True, "0", "zero", False),
        (None, False, "0", "no_data", False),
        (0, None, None, None, True),
    ]
    assert frame.get_column("batch_id").to_list() == [None] * 5


def test_regions_have_codes_as_google_gives_them_or_coordinates() -> None:
    frame = made(Endpoint.REGIONS, document(ALONE, Endpoint.REGIONS, ANSWERS[Endpoint.REGIONS]))
    columns = ["rank", "geo_code", "geo_name", "lat", "lng", "geo_level", "value", "has_data", "scale", "level"]
    assert frame.select(columns).rows() == [
        (1, "FR-IDF", "Name of FR-IDF", None, None, "REGION", 100, True, "index_0_100", "value"),
        (2, "FR-A", "Name of FR-A", None, None, "REGION", None, False, "index_0_100", "no_data"),
        (3, None, "Paris", 48.8, 2.3, "REGION", 7, True, "index_0_100", "value"),
    ]


def test_a_split_among_keywords_and_an_index_of_one_are_never_one_scale() -> None:
    answer = regions(region("FR-IDF", 98, 2, formattedValue=["98%", "2%"]))
    frame = made(Endpoint.REGIONS, document(BOTH, Endpoint.REGIONS, answer))
    assert frame.select("candidate_id", "value", "formatted", "scale").rows() == [
        ("ada", 98, "98%", "share_within_region"),
        ("bob", 2, "2%", "share_within_region"),
    ]


def test_the_level_of_regions_is_the_one_that_was_sent() -> None:
    """The client may ask the widget for another: tokens allow it."""
    plain = document(ALONE, Endpoint.REGIONS, ANSWERS[Endpoint.REGIONS])
    widget = plain.widget
    assert widget is not None
    asked_for = widget[widget.index(b'"request": ') + 11 : widget.index(b', "token"')].decode()
    sent = asked_for.replace('"REGION"', '"CITY"')
    frame = made(Endpoint.REGIONS, document(ALONE, Endpoint.REGIONS, ANSWERS[Endpoint.REGIONS], sent=sent))
    assert frame.get_column("geo_level").unique().to_list() == ["CITY"]


def test_related_lists_have_ranks_growth_and_breakouts() -> None:
    answer = related(
        [query("x", 100, "100", hasData=True), query("y", 0, "<1", hasData=True)],
        [query("z", 8550, "Breakout"), query("w", 1250, "+1,250%")],
    )
    frame = made(Endpoint.QUERIES, document(ALONE, Endpoint.QUERIES, answer))
    columns = ["list", "rank", "query", "value", "formatted", "is_breakout", "growth_pct", "level"]
    assert frame.select(columns).rows() == [
        ("rising", 1, "z", 8550, "Breakout", True, None, "value"),
        ("rising", 2, "w", 1250, "+1,250%", False, 1250, "value"),
        ("top", 1, "x", 100, "100", False, None, "value"),
        ("top", 2, "y", 0, "<1", False, None, "below_one"),
    ]


def test_growth_and_breakout_are_of_the_rising_list_alone() -> None:
    answer = related([query("x", 100, "Breakout"), query("y", 5, "+5%")], [])
    frame = made(Endpoint.QUERIES, document(ALONE, Endpoint.QUERIES, answer))
    assert frame.select("is_breakout", "growth_pct").rows() == [(False, None), (False, None)]


def test_topics_keep_their_mid_title_and_type() -> None:
    answer = related([topic("/m/1", 100, "100")], [{"topic": {"title": "T"}, "value": 60, "formattedValue": "+60%"}])
    frame = made(Endpoint.TOPICS, document(ALONE, Endpoint.TOPICS, answer))
    assert frame.select("list", "topic_mid", "topic_title", "topic_type", "growth_pct", "link").rows() == [
        ("rising", None, "T", None, 60, None),
        ("top", "/m/1", "Title of /m/1", "Topic", None, "/trends/explore?q=x"),
    ]


@pytest.mark.parametrize("endpoint", TABLE_OF)
def test_no_document_is_a_table_without_rows(endpoint: Endpoint) -> None:
    assert made(endpoint).is_empty()
    assert tuple(made(endpoint).columns) == TABLE_OF[endpoint].names


def test_one_bad_answer_is_named_and_the_others_make_their_rows() -> None:
    bad = document(asked("cyd"), Endpoint.TIMELINE, b"<html></html>")
    quota = document(asked("dan"), Endpoint.TIMELINE, timeline(), user_type="USER_TYPE_EMBED_OVER_QUOTA")
    frame, unread = table_of(Endpoint.TIMELINE, [bad, WHOLE, quota], HOURS[0], Cadence.HOURLY)
    assert frame.equals(hour(0, WHOLE))
    assert {each.candidates: each.reason.split(": ", 1)[-1] for each in unread} == {
        ("cyd",): "the answer does not begin with )]}' as those of Google Trends do",
        ("dan",): "Google says that its quota is used up",
    }
    assert all(isinstance(each, Unread) for each in unread)


CANDIDATES = ["ada", "bob", "cyd", "dan", "eve", "fay"]


@settings(deadline=None, max_examples=3)
@given(st.randoms(use_true_random=False))
def test_rebuilding_from_documents_in_any_order_gives_the_same_bytes(rng: random.Random) -> None:
    documents = [
        document(asked(*pair), Endpoint.TIMELINE, timeline(*[point(m, rng.randint(0, 100), 5) for m in range(50, 80)]))
        for pair in pairwise(CANDIDATES)
    ] + [document(ALONE, endpoint, answer) for endpoint, answer in ANSWERS.items()]
    again = [decode_document(encode_document(each), "k") for each in documents]
    rng.shuffle(again)
    for endpoint, table in TABLE_OF.items():
        frames = [table_of(endpoint, each, HOURS[1], Cadence.HOURLY)[0] for each in (documents, again)]
        assert parquet_bytes(frames[0], table) == parquet_bytes(frames[1], table)
        Order(table).check(frames[0])
    assert parquet_bytes(requests_table(documents, (), HOURS[0], Cadence.HOURLY), REQUESTS) == parquet_bytes(
        requests_table(again, (), HOURS[0], Cadence.HOURLY), REQUESTS
    )


def test_calibration_gets_the_block_and_nothing_around_it() -> None:
    found = compared(WHOLE)
    assert found.times_ms == tuple((START_S + 60 * minute) * 1000 for minute in range(240))
    assert found.values["bob"][7] == 93
    assert found.has_data == {"ada": (True,) * 240, "bob": (True,) * 240}
    holes = timeline(point(0, 100, 0, hasData=[True, False]), point(1, 3, 0, formattedValue=["3", "<1"]))
    other = compared(document(BOTH, Endpoint.TIMELINE, holes))
    assert other.values == {"ada": (100, 3), "bob": (0, 0)}
    assert other.has_data == {"ada": (True, True), "bob": (False, True)}
    nothing = compared(document(BOTH, Endpoint.TIMELINE, timeline(point(-1, 1, 1))))
    assert (nothing.times_ms, nothing.values, nothing.has_data) == ((), {}, {})


EXPLORE = Exchange(endpoint=Endpoint.EXPLORE, attempt=1, fetched_at="2027-02-01T08:19:58.000Z", status=200, bytes=99)
REFUSED = Exchange(endpoint=Endpoint.TIMELINE, attempt=1, fetched_at="2027-02-01T08:19:59.500Z", status=429)
ANSWERED = Exchange(endpoint=Endpoint.TIMELINE, attempt=2, fetched_at="2027-02-01T08:20:00.123Z", status=200)


def test_every_exchange_has_a_row_with_its_points_and_failures_too() -> None:
    told = document(BOTH, Endpoint.TIMELINE, MINUTES, exchanges=[EXPLORE, ANSWERED])
    frame = requests_table([told], [failure_of(BOTH, REFUSED)], HOURS[0], Cadence.HOURLY)
    columns = ["endpoint", "attempt", "status", "bytes", "n_points", "n_expected", "candidates"]
    assert frame.select(columns).rows() == [
        ("explore", 1, 200, 99, None, None, ["ada", "bob"]),
        ("timeline", 1, 429, None, None, None, ["ada", "bob"]),
        ("timeline", 2, 200, None, 240, 240, ["ada", "bob"]),
    ]
    assert requests_table([told], [], HOURS[1], Cadence.HOURLY).is_empty()


def test_a_document_without_a_record_of_exchanges_is_one() -> None:
    row = requests_table([WHOLE], (), HOURS[0], Cadence.HOURLY).row(0, named=True)
    assert (row["status"], row["bytes"], row["n_points"]) == (200, len(WHOLE.body), 240)
    assert row["fetched_at"] == FETCHED
    assert row["partition"] == "2027-02-01-04:00"


def test_an_answer_with_points_missing_shows_it() -> None:
    short = document(BOTH, Endpoint.TIMELINE, timeline(*[point(minute, 1, 1) for minute in range(0, 300, 2)]))
    row = requests_table([short], (), HOURS[0], Cadence.HOURLY).row(0, named=True)
    assert (row["n_points"], row["n_expected"]) == (120, 240)


def test_the_latest_sample_of_each_candidate_and_partition_is_kept() -> None:
    later = datetime(2027, 2, 9, 8, tzinfo=UTC)
    second = document(BOTH.sample(2), Endpoint.TIMELINE, timeline(point(0, 1, 2)), fetched_at=later)
    alone = document(asked("cyd"), Endpoint.TIMELINE, timeline(point(0, 9)))
    frame = hour(0, WHOLE, second, alone)
    kept = latest_sample(frame)
    assert kept.select("candidate_id", "sample_no", "sample_kind", "value").rows() == [
        ("ada", 2, "archive", 1),
        ("bob", 2, "archive", 2),
        ("cyd", 1, "realtime", 9),
    ]
    assert frame.height == 123
