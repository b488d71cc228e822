"""From raw documents of Google Trends to the tables of one partition. The same documents give the same rows.

Each document is read alone: one that cannot be read is named in `unread`, and the others still make their rows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from elec_assets.domain.tables import (
    INTEREST_BY_REGION,
    INTEREST_OVER_TIME,
    RELATED_QUERIES,
    RELATED_TOPICS,
    REQUESTS,
    Table,
)
from elec_assets.domain.trends import Cadence, Endpoint, block_of, expected_points, partition_of_block, sample_kind
from elec_assets.domain.trends_requests import Keyword
from elec_assets.domain.windows import Window, epoch_ms, key_of, parse_iso
from elec_assets.transforms.frames import Row, from_rows
from elec_assets.transforms.ordering import order_keys
from elec_assets.transforms.trends_answers import (
    BREAKOUT,
    Cell,
    Verdict,
    cell,
    growth_pct,
    judge,
    places,
    points,
    ranked,
    scale_of,
)
from elec_assets.transforms.trends_documents import Failure, RawTrendsDocument, failure_of
from elec_assets.transforms.trends_explore import TrendsUnreadable
from elec_assets.transforms.trends_objects import Ranked

TABLE_OF: Mapping[Endpoint, Table] = {
    Endpoint.TIMELINE: INTEREST_OVER_TIME,
    Endpoint.REGIONS: INTEREST_BY_REGION,
    Endpoint.TOPICS: RELATED_TOPICS,
    Endpoint.QUERIES: RELATED_QUERIES,
}
"""Which table the answers of an endpoint make."""
_GIVES_ROWS = (Verdict.OK, Verdict.EMPTY)


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that gave no rows though it should have: of which candidates, and why."""

    request_id: str
    endpoint: Endpoint
    candidates: tuple[str, ...]
    verdict: Verdict | None
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A timeline as calibration takes it: all of its block, times in ms since 1970, one entry a point and candidate.

    `values` are 0 where `has_data` is false.
    """

    document: RawTrendsDocument
    times_ms: tuple[int, ...]
    values: Mapping[str, tuple[int, ...]]
    has_data: Mapping[str, tuple[bool, ...]]


def table_of(
    endpoint: Endpoint, documents: Iterable[RawTrendsDocument], window: Window, cadence: Cadence
) -> tuple[pl.DataFrame, tuple[Unread, ...]]:
    """The table that the answers of an endpoint make for one partition, sorted, and the documents that gave nothing.

    `documents` are those of the partition's block; other endpoints are passed over. Timelines are cut to the
    window: an hour of a block of four.
    """
    table = TABLE_OF[endpoint]
    rows: list[Row] = []
    unread: list[Unread] = []
    for document in documents:
        if document.endpoint is endpoint:
            found = _read(document, window, cadence)
            if isinstance(found, Unread):
                unread.append(found)
            else:
                rows += found
    frame = from_rows(rows, table)
    return frame.sort(order_keys(table)), tuple(sorted(unread, key=lambda each: each.request_id))


def compared(document: RawTrendsDocument) -> Compared:
    """A timeline for calibration: points inside the block.

    Raises:
        TrendsUnreadable: it cannot be read, or holds another question's answer.
    """
    block = document.request.block
    inside = [point for point in points(document) if _inside(block, point.epoch_s)]
    by_candidate = list(zip(*(point.cells for point in inside), strict=True)) if inside else []
    named = dict(zip(document.request.candidates, by_candidate, strict=bool(inside)))
    return Compared(
        document,
        tuple(point.epoch_s * 1000 for point in inside),
        {candidate: tuple(each.value or 0 for each in cells) for candidate, cells in named.items()},
        {candidate: tuple(_seen(each) for each in cells) for candidate, cells in named.items()},
    )


def requests_table(
    documents: Iterable[RawTrendsDocument], failures: Iterable[Failure], window: Window, cadence: Cadence
) -> pl.DataFrame:
    """Every HTTP exchange of a partition's block, those that led to no document (`failures`) among them.

    Empty for the second to fourth hour of a block: its exchanges stand under the first.
    """
    stored_under = partition_of_block(block_of(window, cadence.grain), cadence.grain)
    if window != stored_under:
        return from_rows((), REQUESTS)
    partition = key_of(window, cadence.grain)
    rows = [_exchange_row(failure, partition, cadence, None, None) for failure in failures]
    for document in documents:
        n_points, n_expected = _counts(document)
        for exchange in document.all_exchanges:
            own = exchange.endpoint is document.endpoint and exchange.error_kind is None
            failure = failure_of(document.request, exchange)
            counted = (n_points, n_expected) if own else (None, None)
            rows.append(_exchange_row(failure, partition, cadence, *counted))
    frame = from_rows(rows, REQUESTS).unique(REQUESTS.key, keep="first", maintain_order=True)
    return frame.sort(order_keys(REQUESTS))


def latest_sample(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of the highest sample number that each candidate has in each partition, in the order they came."""
    last = pl.col("sample_no").max().over("area", "window", "partition", "candidate_id")
    return frame.filter(pl.col("sample_no") == last)


def _read(document: RawTrendsDocument, window: Window, cadence: Cadence) -> list[Row] | Unread:
    request = document.request
    verdict = None
    try:
        verdict = judge(document)
        if verdict in _GIVES_ROWS:
            return list(_rows(document, window, cadence))
        reason = _REASONS[verdict]
    except TrendsUnreadable as error:
        reason = str(error)
    return Unread(request.request_id, document.endpoint, request.candidates, verdict, reason)


_REASONS = {
    Verdict.ABSENT: "Google offered no such widget",
    Verdict.OVER_QUOTA: "Google says that its quota is used up",
    Verdict.NO_LISTS: "Google sent no list at all, as it does over quota",
}


def _rows(document: RawTrendsDocument, window: Window, cadence: Cadence) -> Iterator[Row]:
    if document.endpoint is Endpoint.TIMELINE:
        return _timeline_rows(document, window, cadence)
    if document.endpoint is Endpoint.REGIONS:
        return _region_rows(document, window, cadence)
    return _ranked_rows(document, window, cadence)


def _timeline_rows(document: RawTrendsDocument, window: Window, cadence: Cadence) -> Iterator[Row]:
    batch_id = document.request.batch_id
    inside = [point for point in points(document) if _inside(window, point.epoch_s)]
    for position, keyword in enumerate(document.request.keywords):
        asked = _asked(document, keyword, window, cadence)
        for point in inside:
            value, has_data, formatted, level = _values(point.cells[position])
            ts = point.epoch_s * 1000
            yield (*asked, ts, value, has_data, point.is_partial, formatted, batch_id, position, level)


def _region_rows(document: RawTrendsDocument, window: Window, cadence: Cadence) -> Iterator[Row]:
    geo_level = document.read_widget().resolution
    scale = scale_of(document).value
    found = places(document)
    for position, keyword in enumerate(document.request.keywords):
        asked = _asked(document, keyword, window, cadence)
        for rank, place in enumerate(found, start=1):
            region = place.region
            where = (None, None) if region.coordinates is None else (region.coordinates.lat, region.coordinates.lng)
            value, has_data, formatted, level = _values(place.cells[position])
            named = (region.geo_code, region.geo_name, *where, geo_level)
            yield (*asked, rank, *named, value, has_data, formatted, scale, level)


def _ranked_rows(document: RawTrendsDocument, window: Window, cadence: Cadence) -> Iterator[Row]:
    asked = _asked(document, document.request.keywords[0], window, cadence)
    for name, entries in ranked(document).items():
        for rank, entry in enumerate(entries, start=1):
            value, has_data, formatted, level = _values(cell(entry.value, entry.has_data, entry.formatted_value))
            growth = growth_pct(formatted) if name == "rising" else None
            breakout = name == "rising" and formatted == BREAKOUT
            about = (has_data, formatted, breakout, growth, entry.link, level)
            yield (*asked, name, rank, *_subject(entry, document.endpoint), value, *about)


def _subject(entry: Ranked, endpoint: Endpoint) -> tuple[str | None, ...]:
    if endpoint is Endpoint.QUERIES:
        return (entry.query,)
    topic = entry.topic
    return (None, None, None) if topic is None else (topic.mid, topic.title, topic.type)


def _asked(document: RawTrendsDocument, keyword: Keyword, window: Window, cadence: Cadence) -> Sequence[object]:
    request = document.request
    return (
        request.request_id,
        keyword.candidate,
        keyword.text,
        keyword.kind.value,
        request.area,
        request.geo,
        cadence.value,
        request.timeframe,
        epoch_ms(request.block.start),
        epoch_ms(request.block.end),
        document.resolution,
        request.gprop,
        request.category,
        request.hl,
        request.tz,
        document.user_type,
        sample_kind(request.block, document.fetched_at).value,
        document.backend,
        document.backend_version,
        epoch_ms(document.fetched_at),
        request.sample_no,
        key_of(window, cadence.grain),
    )


def _values(found: Cell) -> tuple[int | None, bool | None, str | None, str | None]:
    return found.value, found.has_data, found.formatted, None if found.level is None else found.level.value


def _seen(found: Cell) -> bool:
    return found.value is not None and (found.value > 0 or found.has_data is not False)


def _inside(window: Window, epoch_s: int) -> bool:
    return epoch_ms(window.start) <= epoch_s * 1000 < epoch_ms(window.end)


def _counts(document: RawTrendsDocument) -> tuple[int | None, int | None]:
    """Points received inside the block, and points that it has; None for what is no readable timeline."""
    if document.endpoint is not Endpoint.TIMELINE or document.absent:
        return None, None
    block = document.request.block
    try:
        found = sum(_inside(block, point.epoch_s) for point in points(document))
    except TrendsUnreadable:
        return None, None
    return found, expected_points(block, block, document.resolution)


def _exchange_row(
    failure: Failure, partition: str, cadence: Cadence, n_points: int | None, n_expected: int | None
) -> Row:
    exchange = failure.exchange
    return (
        failure.request_id,
        failure.area,
        failure.geo,
        cadence.value,
        partition,
        failure.timeframe,
        failure.candidates,
        failure.keywords,
        failure.sample_no,
        exchange.endpoint.value,
        exchange.attempt,
        exchange.status,
        exchange.bytes,
        exchange.latency_ms,
        exchange.error_kind,
        exchange.payload_sha256,
        epoch_ms(parse_iso(exchange.fetched_at)),
        n_points,
        n_expected,
    )
