"""Reading an explore answer: which widget serves which endpoint, and proof that it answers what was asked.

Google's token for a widget is worth what its request says. A widget of another candidate, left over or swapped,
would put one person's data under another's name: so keywords, place, category and kind of search are compared.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from elec_assets.domain.trends import Endpoint, Shape
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_objects import ComparisonItem, ExploreAnswer, Widget, WidgetRequest

_PREFIX = re.compile(rb"\)\]\}',?\s*")
_T = TypeVar("_T")
WIDGET_IDS = {
    Endpoint.TIMELINE: "TIMESERIES",
    Endpoint.REGIONS: "GEO_MAP",
    Endpoint.TOPICS: "RELATED_TOPICS",
    Endpoint.QUERIES: "RELATED_QUERIES",
}
_KEYWORD_TYPES = {Endpoint.TOPICS: "ENTITY", Endpoint.QUERIES: "QUERY"}
_DATA_MODES = {Shape.SINGLE: None, Shape.LADDER: "PERCENTAGES"}


class TrendsUnreadable(ValueError):
    """An answer of Google Trends is not what it should be; the text says where."""


class TrendsMismatch(TrendsUnreadable):
    """An answer belongs to another question than the one asked."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A widget as an explore answer offers it: it and its request as received, its token, and the request as read."""

    raw: bytes
    request: bytes
    token: str
    read: WidgetRequest

    @property
    def user_type(self) -> str | None:
        """What Google takes the asker for."""
        return None if self.read.user_config is None else self.read.user_config.user_type


@dataclass(frozen=True, slots=True)
class Explored:
    """The widgets that Google offers for a request, each of them checked against it."""

    request: TrendsRequest
    offers: Mapping[Endpoint, Offer]

    @property
    def resolution(self) -> str | None:
        """How far apart Google will put points of time."""
        timeline = self.offers.get(Endpoint.TIMELINE)
        return None if timeline is None else timeline.read.resolution


def parse_answer(body: bytes, kind: type[_T], what: str) -> _T:
    """A body of Google Trends: `)]}'` or `)]}',` in front, then JSON of this kind.

    Raises:
        TrendsUnreadable: it is not; a page of HTML, for example.
    """
    prefix = _PREFIX.match(body)
    if prefix is None:
        raise TrendsUnreadable(f"{what}: the answer does not begin with )]}}' as those of Google Trends do")
    try:
        body.decode()  # what is not read is not checked otherwise
    except UnicodeDecodeError as error:
        raise TrendsUnreadable(f"{what}: not UTF-8: {error}") from error
    return decode(body[prefix.end() :], kind, what)


def decode(data: bytes, kind: type[_T], what: str) -> _T:
    """JSON of this kind.

    Raises:
        TrendsUnreadable: it is not.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, another type, or nested without end
        raise TrendsUnreadable(f"{what}: {error}") from error


def read_explore(body: bytes, request: TrendsRequest) -> Explored:
    """What an explore answer offers for a request. An endpoint without a widget is absent: nothing takes its place.

    Raises:
        TrendsUnreadable: it is no explore answer.
        TrendsMismatch: a widget is about something else.
    """
    offers: dict[Endpoint, Offer] = {}
    endpoints = {widget_id: endpoint for endpoint, widget_id in WIDGET_IDS.items()}
    for index, raw in enumerate(parse_answer(body, ExploreAnswer, "explore").widgets):
        where = f"explore, widgets[{index}]"
        widget = decode(bytes(raw), Widget, where)
        endpoint = endpoints.get(widget.id or "")
        if endpoint is None or widget.token is None:
            continue
        if endpoint in offers:
            raise TrendsUnreadable(f"{where}: a second widget {widget.id}; which of the two is meant cannot be told")
        read = check_widget(bytes(widget.request), request, endpoint)
        offers[endpoint] = Offer(bytes(raw), bytes(widget.request), widget.token, read)
    return Explored(request, offers)


def check_widget(data: bytes, request: TrendsRequest, endpoint: Endpoint) -> WidgetRequest:
    """A widget's request, which is proven to be about what was asked.

    Raises:
        TrendsUnreadable: it cannot be read.
        TrendsMismatch: it is about other keywords, another place, category or kind of search, or another list.
    """
    what = f"request {request.request_id}, {endpoint}"
    read = decode(data, WidgetRequest, f"{what}: widget")
    items = [read.restriction] if read.restriction is not None else (read.comparison_item or [])
    _same(what, "keywords", [_keyword(item) for item in items], [_plain(k.text) for k in request.keywords])
    places = [read.geo if item.geo is None else item.geo for item in items]
    _same(what, "geo", [_geo(place, request.geo) for place in places], [request.geo] * len(items))
    if read.request_options is not None:
        _same_if_told(what, "category", read.request_options.category, request.category)
        _same_if_told(what, "property", read.request_options.property, request.gprop)
    if endpoint in _KEYWORD_TYPES:
        _same(what, "keywordType", read.keyword_type, _KEYWORD_TYPES[endpoint])
    if endpoint is Endpoint.REGIONS:
        _same(what, "dataMode", read.data_mode, _DATA_MODES[request.shape])
    return read


def _keyword(item: ComparisonItem) -> str:
    return _plain(" + ".join(keyword.value for keyword in item.complex_keywords_restriction.keyword))


def _plain(text: str) -> str:
    """A keyword as compared: case, spaces and composition of accents do not count."""
    parts = unicodedata.normalize("NFC", text).casefold().split("+")
    return " + ".join(" ".join(part.split()) for part in parts)


def _geo(found: dict[str, str] | None, asked: str) -> str:
    """The place, in the spelling asked for where it is the same: `{}` is the world, `{"country": "FR"}` is FR."""
    values = list((found or {}).values())
    if len(values) == 1 and values[0] and (asked == values[0] or asked.endswith(f"-{values[0]}")):
        return asked
    return ", ".join(values)


def _same_if_told(what: str, field: str, found: object, asked: object) -> None:
    if found is not None:
        _same(what, field, found, asked)


def _same(what: str, field: str, found: object, asked: object) -> None:
    if found != asked:
        raise TrendsMismatch(f"{what}: asked for {field} {asked!r}, the widget says {found!r}; its data is not used")
