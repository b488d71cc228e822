"""What Google Trends really sent in 2023 reads as plain pytrends reads it, wherever plain pytrends is right.

The peer is pytrends' own code, unchanged, down to where it would open a connection: there it gets the recorded body.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from pytrends.request import TrendReq

from elec_assets.domain.registry import Candidate, DatedStatus
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import TrendsRequest, comparison
from elec_assets.domain.windows import Window
from elec_assets.transforms.trends import table_of
from elec_assets.transforms.trends_answers import Verdict, judge
from elec_assets.transforms.trends_documents import (
    RawTrendsDocument,
    decode_document,
    document_of,
    encode_document,
)
from elec_assets.transforms.trends_explore import TrendsMismatch, parse_answer, read_explore

RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
YEAR = Window(datetime(2021, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
RECEIVED = datetime(2023, 3, 26, 8, 9, 20, tzinfo=UTC)
Exchanges = list[dict[str, Any]]
Load = Callable[[str], Exchanges]


@pytest.fixture
def load() -> Load:
    folder = RECORDINGS / "google_trends"
    if not folder.is_dir():
        pytest.skip("no recordings: set ELEC_TEST_RECORDINGS to the directory that holds them")

    def read(name: str) -> Exchanges:
        found: Exchanges = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        return found

    return read


class Plain(TrendReq):  # type: ignore[misc]  # pytrends publishes no types
    """Plain pytrends, given the recorded bodies of the calls it makes, in their order."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.bodies = [exchange["response"]["body"] for exchange in exchanges[1:]]  # the first is the cookie's
        super().__init__()

    def GetGoogleCookie(self) -> dict[str, str]:  # noqa: N802 - pytrends' name
        return {}

    def _get_data(self, url: str, method: str = "get", trim_chars: int = 0, **kwargs: object) -> object:
        assert url.startswith("https://trends.google.com/trends/api/")
        assert method in ("get", "post")
        assert "params" in kwargs
        return json.loads(self.bodies.pop(0)[trim_chars:])


def plain(exchanges: Exchanges, *keywords: str) -> Plain:
    made = Plain(exchanges)
    made.build_payload(list(keywords))
    return made


def asked(*keywords: str) -> TrendsRequest:
    people = [Candidate(text, text, (DatedStatus(1),)) for text in keywords]
    return comparison("world", "", Cadence.DAILY, YEAR, people)


def body(exchange: dict[str, Any]) -> bytes:
    return str(exchange["response"]["body"]).encode()


def read(request: TrendsRequest, exchanges: Exchanges, endpoint: Endpoint) -> RawTrendsDocument:
    """Our document of a recording, once through the store."""
    made = document_of(
        read_explore(body(exchanges[1]), request),
        endpoint,
        status=200,
        body=body(exchanges[2]),
        fetched_at=RECEIVED,
        backend="recorded",
        backend_version="4.9",
    )
    kept = decode_document(encode_document(made), "k")
    assert kept == made
    return kept


def ours(*documents: RawTrendsDocument) -> pl.DataFrame:
    frame, unread = table_of(documents[0].endpoint, documents, YEAR, Cadence.DAILY)
    assert unread == ()
    return frame


def test_interest_over_time_reads_as_in_plain_pytrends(load: Load) -> None:
    exchanges = load("interest_over_time_ok")
    expected = plain(exchanges, "pizza", "bagel").interest_over_time()
    assert len(expected) == 5
    document = read(asked("pizza", "bagel"), exchanges, Endpoint.TIMELINE)
    assert (document.resolution, document.user_type) == ("DAY", "USER_TYPE_SCRAPER")
    frame = ours(document)
    for keyword in ("pizza", "bagel"):
        rows = frame.filter(pl.col("candidate_id") == keyword)
        assert rows.get_column("value").to_list() == expected[keyword].to_list()
        assert rows.get_column("is_partial").to_list() == expected["isPartial"].to_list()
        assert [ts.replace(tzinfo=None) for ts in rows.get_column("ts")] == expected.index.to_list()


def test_interest_by_region_reads_as_in_plain_pytrends_but_for_what_has_no_data(load: Load) -> None:
    """Pytrends writes 0 for the 215 countries without data; here they are null, and marked."""
    exchanges = load("interest_by_region_ok")
    expected = plain(exchanges, "pizza", "bagel").interest_by_region(inc_geo_code=True)
    frame = ours(read(asked("pizza", "bagel"), exchanges, Endpoint.REGIONS))
    assert frame.get_column("scale").unique().to_list() == ["share_within_region"]
    assert frame.get_column("geo_level").unique().to_list() == ["COUNTRY"]
    for keyword in ("pizza", "bagel"):
        rows = frame.filter(pl.col("candidate_id") == keyword).sort("geo_name", "geo_code")
        theirs = expected.reset_index().sort_values(["geoName", "geoCode"])
        assert rows.get_column("geo_name").to_list() == theirs["geoName"].to_list()
        assert rows.get_column("geo_code").to_list() == theirs["geoCode"].to_list()
        assert rows.get_column("value").fill_null(0).to_list() == theirs[keyword].to_list()
        assert rows.get_column("value").null_count() == rows.filter(pl.col("level") == "no_data").height == 215
        below = rows.filter(pl.col("level") == "below_one")
        assert (below.height, set(below.get_column("formatted"))) == {"pizza": (0, set()), "bagel": (14, {"<1%"})}[
            keyword
        ]


def test_related_topics_read_as_in_plain_pytrends(load: Load) -> None:
    exchanges = load("related_topics_result_keys")
    expected = plain(exchanges, "pizza").related_topics()["pizza"]
    frame = ours(read(asked("pizza"), exchanges, Endpoint.TOPICS))
    columns = ["topic_mid", "topic_title", "topic_type", "value", "formatted", "link"]
    for name in ("top", "rising"):
        theirs = expected[name].rename(columns={"formattedValue": "formatted"})[columns]
        assert same(frame.filter(pl.col("list") == name).select(columns), theirs)
    assert frame.filter("is_breakout").select("topic_title", "value", "growth_pct").rows() == [
        ("Sam Goody", 12600, None)
    ]
    assert frame.filter(pl.col("list") == "rising").get_column("growth_pct").to_list()[1:3] == [160, 80]
    assert frame.height == 21 + 4


def test_related_queries_read_as_in_plain_pytrends(load: Load) -> None:
    """The recording asks for two keywords, of which each has a list of its own; ours asks for one at a time."""
    exchanges = load("related_queries_result_keys")
    expected = plain(exchanges, "pizza", "bagel").related_queries()
    widgets = {w["id"]: w for w in json.loads(body(exchanges[1])[5:])["widgets"]}
    for index, keyword in enumerate(("pizza", "bagel")):
        document = RawTrendsDocument(
            request=asked(keyword),
            endpoint=Endpoint.QUERIES,
            status=200,
            fetched_at=RECEIVED,
            backend="recorded",
            backend_version="4.9",
            body=body(exchanges[2 + index]),
            widget=json.dumps(widgets[f"RELATED_QUERIES_{index}"]).encode(),
        )
        frame = ours(document)
        for name in ("top", "rising"):
            assert same(frame.filter(pl.col("list") == name).select("query", "value"), expected[keyword][name])
        rising = frame.filter((pl.col("list") == "rising") & ~pl.col("is_breakout"))
        assert rising.get_column("growth_pct").to_list() == rising.get_column("value").to_list()


def same(frame: pl.DataFrame, theirs: pd.DataFrame) -> bool:
    return frame.height > 0 and frame.rows() == [tuple(row) for row in theirs.itertuples(index=False)]


def test_every_recorded_body_is_whole_and_of_its_own_question(load: Load) -> None:
    region, line = load("interest_by_region_ok"), load("interest_over_time_ok")
    both = asked("pizza", "bagel")
    assert judge(read(both, region, Endpoint.REGIONS)) is judge(read(both, line, Endpoint.TIMELINE)) is Verdict.OK
    assert set(read_explore(body(load("related_topics_result_keys")[1]), asked("pizza")).offers) == {
        endpoint for endpoint in Endpoint if endpoint is not Endpoint.EXPLORE
    }
    for other in (asked("pizza"), asked("bagel", "pizza"), asked("pizza", "tart")):
        with pytest.raises(TrendsMismatch):
            read_explore(body(line[1]), other)
    assert parse_answer(body(line[2]), dict, "x").keys() == {"default"}
