"""The raw document of Google Trends as stored: the question, what Google offered for it, and the body as received.

One document is one request and endpoint. It holds all that its tables need, so they can be rebuilt without asking
again. Encoding is a function of the content: no clock, no order of keys, gzip without time.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import Keyword, KeywordKind, TrendsRequest
from elec_assets.domain.windows import Window, iso_ms, parse_iso
from elec_assets.transforms.gzips import packed, unpacked
from elec_assets.transforms.trends_explore import Explored, TrendsMismatch, TrendsUnreadable, check_widget, decode
from elec_assets.transforms.trends_objects import Widget, WidgetRequest

FORMAT = 1
_OVER_QUOTA = "OVER_QUOTA"


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One HTTP exchange. `attempt` counts from 1; `fetched_at` is its end, UTC text; `status` null: no answer."""

    endpoint: Endpoint
    attempt: int
    fetched_at: str
    status: int | None = None
    bytes: int | None = None
    latency_ms: int | None = None
    error_kind: str | None = None
    payload_sha256: str | None = None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange and the question it was for: how exchanges that led to no document are kept in the coverage row."""

    request_id: str
    area: str
    geo: str
    timeframe: str
    candidates: tuple[str, ...]
    keywords: tuple[str, ...]
    sample_no: int
    exchange: Exchange


def failure_of(request: TrendsRequest, exchange: Exchange) -> Failure:
    """An exchange with the question it was for."""
    return Failure(
        request_id=request.request_id,
        area=request.area,
        geo=request.geo,
        timeframe=request.timeframe,
        candidates=request.candidates,
        keywords=tuple(keyword.text for keyword in request.keywords),
        sample_no=request.sample_no,
        exchange=exchange,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTrendsDocument:
    """One answer of Google Trends.

    `widget` is the explore call's widget as received, None where the explore offered none: then there is no body.
    `sent` is the widget's request as it was sent on. `exchanges` are the HTTP exchanges that led here, oldest first;
    the explore is told by the first document after it.
    """

    request: TrendsRequest
    endpoint: Endpoint
    status: int
    fetched_at: datetime
    backend: str
    backend_version: str
    body: bytes
    widget: bytes | None
    sent: str | None = None
    resolution: str | None = None
    exchanges: tuple[Exchange, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether Google offered no such widget: that is an answer too, and not asked again."""
        return self.widget is None

    def read_widget(self) -> WidgetRequest:
        """The request that Google resolved, proven to be about what was asked.

        Raises:
            TrendsUnreadable, TrendsMismatch: as `check_widget`; or there is no widget.
        """
        if self.widget is None:
            raise TrendsUnreadable(f"request {self.request.request_id}, {self.endpoint}: no widget was offered")
        widget = decode(self.widget, Widget, f"request {self.request.request_id}, {self.endpoint}: widget")
        read = check_widget(bytes(widget.request), self.request, self.endpoint)
        if self.sent is not None:
            read.resolution = check_widget(self.sent.encode(), self.request, self.endpoint).resolution
        return read

    @property
    def user_type(self) -> str | None:
        """What Google takes the asker for; None where it did not say, or there is no widget.

        Raises:
            TrendsUnreadable, TrendsMismatch: as `read_widget`.
        """
        config = None if self.absent else self.read_widget().user_config
        return None if config is None else config.user_type

    @property
    def over_quota(self) -> bool:
        """Whether Google says that it answers this asker no more; the body is then empty or altered."""
        return _OVER_QUOTA in (self.user_type or "")

    @property
    def all_exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges; of a document that was stored without any, the one that it is."""
        if self.exchanges or self.absent:
            return self.exchanges
        digest = hashlib.sha256(self.body).hexdigest()
        return (
            Exchange(
                endpoint=self.endpoint,
                attempt=1,
                fetched_at=iso_ms(self.fetched_at),
                status=self.status,
                bytes=len(self.body),
                payload_sha256=digest,
            ),
        )


def document_of(
    explored: Explored,
    endpoint: Endpoint,
    *,
    status: int,
    body: bytes,
    fetched_at: datetime,
    backend: str,
    backend_version: str,
    sent: str | None = None,
    exchanges: Sequence[Exchange] = (),
) -> RawTrendsDocument:
    """The document of an endpoint after its explore; where the explore offered no widget, `body` is empty."""
    offer = explored.offers.get(endpoint)
    return RawTrendsDocument(
        request=explored.request,
        endpoint=endpoint,
        status=status,
        fetched_at=fetched_at,
        backend=backend,
        backend_version=backend_version,
        body=body,
        widget=None if offer is None else offer.raw,
        sent=sent,
        resolution=explored.resolution,
        exchanges=tuple(exchanges),
    )


class _Keyword(msgspec.Struct, forbid_unknown_fields=True):
    candidate: str
    text: str
    kind: KeywordKind


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    area: str
    geo: str
    cadence: Cadence
    block: tuple[str, str]
    timeframe: str
    keywords: tuple[_Keyword, ...]
    hl: str
    tz: int
    category: int
    gprop: str
    sample_no: int


class _Stored(msgspec.Struct, kw_only=True):
    format: int
    request_id: str
    request: _Request
    endpoint: Endpoint
    status: int
    fetched_at: str
    backend: str
    backend_version: str
    resolution: str | None
    exchanges: tuple[Exchange, ...]
    sent: str | None
    widget: str | None
    body_encoding: Literal["utf-8", "base64"]
    body: str


class _Header(msgspec.Struct):
    format: int


def encode_document(document: RawTrendsDocument) -> bytes:
    """The document as stored: gzip of JSON; the same document gives the same bytes."""
    encoding, body = _text(document.body)
    stored = _Stored(
        format=FORMAT,
        request_id=document.request.request_id,
        request=msgspec.convert(document.request.spec, _Request),
        endpoint=document.endpoint,
        status=document.status,
        fetched_at=iso_ms(document.fetched_at),
        backend=document.backend,
        backend_version=document.backend_version,
        resolution=document.resolution,
        exchanges=document.exchanges,
        sent=document.sent,
        widget=None if document.widget is None else document.widget.decode(),
        body_encoding=encoding,
        body=body,
    )
    return packed(msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n")


def decode_document(data: bytes, key: str) -> RawTrendsDocument:
    """A stored document.

    Raises:
        TrendsUnreadable: it is damaged, or a newer program wrote it; the text names the object.
    """
    try:
        plain = unpacked(data)
    except ValueError as error:
        raise TrendsUnreadable(f"{key}: no whole gzip file ({error})") from error
    written = decode(plain, _Header, key).format
    if written > FORMAT:
        raise TrendsUnreadable(f"{key}: format {written}, this program reads up to {FORMAT}; upgrade")
    stored = decode(plain, _Stored, key)
    try:
        document = _document(stored)
    except ValueError as error:
        raise TrendsUnreadable(f"{key}: {error}") from error
    if document.request.request_id != stored.request_id:
        raise TrendsMismatch(
            f"{key}: holds request {document.request.request_id}, but is stored as that of {stored.request_id}"
        )
    return document


def _document(stored: _Stored) -> RawTrendsDocument:
    asked = stored.request
    values: dict[str, Any] = {name: getattr(asked, name) for name in asked.__struct_fields__}
    del values["timeframe"]
    values["block"] = Window(*map(parse_iso, asked.block))
    values["keywords"] = tuple(Keyword(k.candidate, k.text, k.kind) for k in asked.keywords)
    return RawTrendsDocument(
        request=TrendsRequest(**values),
        endpoint=stored.endpoint,
        status=stored.status,
        fetched_at=parse_iso(stored.fetched_at),
        backend=stored.backend,
        backend_version=stored.backend_version,
        resolution=stored.resolution,
        exchanges=stored.exchanges,
        sent=stored.sent,
        widget=None if stored.widget is None else stored.widget.encode(),
        body=base64.b64decode(stored.body, validate=True) if stored.body_encoding == "base64" else stored.body.encode(),
    )


def _text(body: bytes) -> tuple[Literal["utf-8", "base64"], str]:
    """The body as text, exactly; what is not UTF-8 in base64."""
    try:
        return "utf-8", body.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(body).decode()
