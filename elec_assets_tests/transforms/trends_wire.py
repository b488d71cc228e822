"""Answers of Google Trends as they come over the wire, made by hand from the recordings' shapes."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from elec_assets.domain.registry import Candidate, DatedStatus
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import TrendsRequest, comparison
from elec_assets.domain.windows import HOUR, Window
from elec_assets.transforms.trends_documents import Exchange, RawTrendsDocument, document_of
from elec_assets.transforms.trends_explore import read_explore

Json = dict[str, Any]
BLOCK = Window(datetime(2027, 2, 1, 4, tzinfo=UTC), datetime(2027, 2, 1, 8, tzinfo=UTC))
HOURS = [Window(BLOCK.start + n * HOUR, BLOCK.start + (n + 1) * HOUR) for n in range(4)]
DAY = Window(datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 2, 2, tzinfo=UTC))
FETCHED = datetime(2027, 2, 1, 8, 20, 0, 123000, tzinfo=UTC)
START_S = int(BLOCK.start.timestamp())
SCRAPER = "USER_TYPE_SCRAPER"


def people(*names: str) -> list[Candidate]:
    return [Candidate(name, name.title(), (DatedStatus(1),)) for name in names]


def asked(*names: str, geo: str = "FR", cadence: Cadence = Cadence.HOURLY, block: Window = BLOCK) -> TrendsRequest:
    return comparison("fr" if geo else "world", geo, cadence, block, people(*names))


ALONE = asked("ada", cadence=Cadence.DAILY, block=DAY)
BOTH = asked("ada", "bob")


def widget_request(request: TrendsRequest, endpoint: Endpoint, user_type: str = SCRAPER) -> Json:
    """What the explore call says it will ask for a widget."""
    geo = {"country": request.geo} if request.geo else {}
    keywords = [{"keyword": [{"type": "BROAD", "value": keyword.text}]} for keyword in request.keywords]
    common: Json = {
        "requestOptions": {"property": request.gprop, "backend": "IZG", "category": request.category},
        "userConfig": {"userType": user_type},
    }
    time = request.timeframe
    if endpoint is Endpoint.TIMELINE:
        items = [{"geo": geo, "complexKeywordsRestriction": keyword} for keyword in keywords]
        return {"time": time, "resolution": "MINUTE", "locale": "en-US", "comparisonItem": items, **common}
    if endpoint is Endpoint.REGIONS:
        items = [{"time": time, "complexKeywordsRestriction": keyword} for keyword in keywords]
        mode = {"dataMode": "PERCENTAGES"} if len(items) > 1 else {}
        return {"geo": geo, "comparisonItem": items, "resolution": "REGION", "locale": "en-US", **mode, **common}
    kind = "ENTITY" if endpoint is Endpoint.TOPICS else "QUERY"
    restriction = {"geo": geo, "time": time, "complexKeywordsRestriction": keywords[0]}
    return {"restriction": restriction, "keywordType": kind, "metric": ["TOP", "RISING"], "language": "en", **common}


def explore_json(request: TrendsRequest, omit: Collection[Endpoint] = (), user_type: str = SCRAPER) -> Json:
    names = {Endpoint.TIMELINE: "TIMESERIES", Endpoint.REGIONS: "GEO_MAP"}
    if len(request.keywords) == 1:
        names |= {Endpoint.TOPICS: "RELATED_TOPICS", Endpoint.QUERIES: "RELATED_QUERIES"}
    widgets: list[Json] = [
        {"request": widget_request(request, endpoint, user_type), "token": f"APP6_{name}", "id": name, "title": "x"}
        for endpoint, name in names.items()
        if endpoint not in omit
    ]
    widgets.append({"text": {"text": "no token"}, "id": "TITLE_0", "type": "fe_text"})
    return {"widgets": widgets, "keywords": [{"keyword": k.text} for k in request.keywords], "timeRanges": ["x"]}


def explore_body(request: TrendsRequest, omit: Collection[Endpoint] = (), user_type: str = SCRAPER) -> bytes:
    return b")]}'\n" + json.dumps(explore_json(request, omit, user_type), ensure_ascii=False).encode()


def body(answer: object) -> bytes:
    """A widget's data as sent."""
    return b")]}',\n" + json.dumps(answer, ensure_ascii=False).encode()


def point(minute: int, *values: int, **more: object) -> Json:
    """A point so many minutes after the block's start."""
    return {
        "time": str(START_S + 60 * minute),
        "formattedTime": "Feb 1, 2027",
        "value": list(values),
        "hasData": [True] * len(values),
        "formattedValue": [str(value) for value in values],
    } | more


def timeline(*points: Json) -> Json:
    return {"default": {"timelineData": list(points), "averages": []}}


def region(code: str, *values: int, **more: object) -> Json:
    return {
        "geoCode": code,
        "geoName": f"Name of {code}",
        "value": list(values),
        "formattedValue": [str(value) for value in values],
        "maxValueIndex": 0,
        "hasData": [True] * len(values),
    } | more


def regions(*found: Json) -> Json:
    return {"default": {"geoMapData": list(found)}}


def related(top: Sequence[Json], rising: Sequence[Json]) -> Json:
    return {"default": {"rankedList": [{"rankedKeyword": list(top)}, {"rankedKeyword": list(rising)}]}}


def query(text: str, value: int, formatted: str, **more: object) -> Json:
    return {"query": text, "value": value, "formattedValue": formatted, "link": f"/trends/explore?q={text}"} | more


def topic(mid: str, value: int, formatted: str, **more: object) -> Json:
    about = {"mid": mid, "title": f"Title of {mid}", "type": "Topic"}
    return {"topic": about, "value": value, "formattedValue": formatted, "link": "/trends/explore?q=x"} | more


def document(
    request: TrendsRequest,
    endpoint: Endpoint,
    answer: object,
    *,
    exchanges: Sequence[Exchange] = (),
    fetched_at: datetime = FETCHED,
    user_type: str = SCRAPER,
    sent: str | None = None,
) -> RawTrendsDocument:
    """A document as the client would make it."""
    return document_of(
        read_explore(explore_body(request, user_type=user_type), request),
        endpoint,
        status=200,
        body=answer if isinstance(answer, bytes) else body(answer),
        fetched_at=fetched_at,
        backend="test",
        backend_version="1",
        sent=sent,
        exchanges=exchanges,
    )


ANSWERS: dict[Endpoint, Json] = {
    Endpoint.TIMELINE: timeline(point(0, 100), point(8, 0, formattedValue=["<1"]), point(16, 7, isPartial=True)),
    Endpoint.REGIONS: regions(
        region("FR-IDF", 100),
        region("FR-A", 0, hasData=[False], formattedValue=[""]),
        {"coordinates": {"lat": 48.8, "lng": 2.3}, "geoName": "Paris", "value": [7], "hasData": [True]},
    ),
    Endpoint.TOPICS: related([topic("/m/1", 100, "100", hasData=True)], [topic("/g/2", 12600, "Breakout")]),
    Endpoint.QUERIES: related([query("a b", 100, "100", hasData=True)], [query("c", 1250, "+1,250%")]),
}
"""A good answer of each endpoint, to a question about one candidate."""
