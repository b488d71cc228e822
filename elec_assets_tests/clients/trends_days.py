"""A small election whose candidates the sandbox of Google Trends knows, and what collects its partitions."""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.store import Store
from elec_assets.clients.trends_collected import CollectedPartition
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.domain.layout_trends import TrendsPlace, parse_document
from elec_assets.domain.registry import Calendar, Candidate, DatedStatus, Election, TrendsNames
from elec_assets.domain.trends import Cadence, Endpoint, TrendsTable
from elec_assets.domain.windows import DAY, HOUR, Window
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets.transforms.trends_documents import RawTrendsDocument, decode_document

MONDAY = datetime(2027, 2, 1, tzinfo=UTC)
TODAY = Window(MONDAY, MONDAY + DAY)
WEEK = Window(MONDAY - 7 * DAY, MONDAY)
HOURS = [Window(MONDAY + n * HOUR, MONDAY + (n + 1) * HOUR) for n in range(24)]
ALL = tuple(TrendsTable)
LINES = (TrendsTable.INTEREST_OVER_TIME, TrendsTable.CALIBRATED_INTEREST)
ALONE = (TrendsTable.INTEREST_BY_REGION, TrendsTable.RELATED_TOPICS, TrendsTable.RELATED_QUERIES)
WIDGETS = {
    Endpoint.TIMELINE: "TIMESERIES",
    Endpoint.REGIONS: "GEO_MAP",
    Endpoint.TOPICS: "RELATED_TOPICS",
    Endpoint.QUERIES: "RELATED_QUERIES",
}
# What tells when an answer came, not what it says.
INCIDENTAL = ["fetched_at"]


def person(number: int, **changes: Any) -> Candidate:  # noqa: ANN401 - fields of Candidate
    values: dict[str, Any] = {"trends": TrendsNames(topic_mid=f"/m/0nom{number}")}
    return Candidate(
        **{"key": f"c{number:02d}", "name": f"Nom{number}", "status": (DatedStatus(1),), **values, **changes}
    )


def election(count: int = 3, **changes: Any) -> Election:  # noqa: ANN401 - fields of Election
    """An election in France, collected from January to March 2027; its people are those of the sandbox."""
    dates = Calendar(
        datetime(2027, 1, 4, tzinfo=UTC),
        datetime(2027, 3, 1, tzinfo=UTC),
        rounds=(date(2027, 2, 21),),
        inauguration=date(2027, 2, 25),
    )
    people = [person(number) for number in range(count)]
    values = {
        "key": "xx_2027",
        "name": "Test",
        "country": "FR",
        "calendar": dates,
        "candidates": {p.key: p for p in people},
        "areas": {"fr": "FR", "world": ""},
    }
    return Election(**{**values, **changes})


def collector(
    store: Store, clock: Callable[[], datetime], backend: TrendsBackend | None, chosen: Election | None = None
) -> TrendsCollector:
    """A collector as one run of Dagster would make it."""
    return TrendsCollector(
        election=chosen or election(),
        registry_version="0123456789ab",
        store=store,
        backend=backend,
        clock=clock,
    )


def stored_documents(store: Store, but: Collection[str] = ()) -> dict[str, RawTrendsDocument]:
    """Every raw document, by key, but those."""
    keys = [info.key for info in store.list("xx_2027/data/raw/google_trends/") if info.key not in but]
    return {key: decode_document(store.get(key), key) for key in keys if parse_document(key) is not None}


def tables_of(store: Store) -> dict[str, bytes]:
    """Every table and coverage row."""
    folders = ("xx_2027/data/tables/", "xx_2027/data/coverage/")
    return {info.key: store.get(info.key) for folder in folders for info in store.list(folder)}


def said(found: CollectedPartition) -> dict[TrendsTable, pl.DataFrame]:
    """The tables of a partition, without what tells how they came."""
    return {
        table: made.frame.drop(INCIDENTAL, strict=False)
        for table, made in found.tables.items()
        if made.frame is not None
    }


@dataclass(frozen=True)
class Question:
    """A question for data as it came over the wire."""

    widget: str
    keywords: tuple[str, ...]
    geo: str
    timeframe: str


def questions(server: TrendsServer, start: int = 0) -> Counter[Question]:
    """How often each question for data was answered well."""
    return Counter(
        Question(r.asked.widget, r.asked.keywords, r.asked.geo, r.asked.timeframe)
        for r in server.requests[start:]
        if r.asked.endpoint not in ("cookie", "explore") and r.status == 200 and r.outcome in ("ok", "empty")
    )


def question_of(document: RawTrendsDocument) -> Question:
    """The question for data that a document answers."""
    request = document.request
    texts = tuple(keyword.text for keyword in request.keywords)
    return Question(WIDGETS[document.endpoint], texts, request.geo, request.timeframe)


def place(area: str, cadence: Cadence, window: Window) -> TrendsPlace:
    return TrendsPlace("xx_2027", area, cadence, window)
