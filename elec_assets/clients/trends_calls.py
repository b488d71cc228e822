"""What is sent to Google Trends, built by pytrends 4.9.2: nothing is sent or parsed here.

pytrends keeps state between calls: an empty geo means the last one, a widget that is missing means the last
candidate's, and labels are put on whatever comes back. So each call is built by an object of its own, is caught where
pytrends would send it, and its answer never returns to pytrends.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from elec_assets.domain.trends import Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_explore import Offer

VERSION = "4.9.2"
"""Of pytrends: its last (2023-04), and the one whose requests were compared with recordings."""
_WORLD, _ELSEWHERE = "COUNTRY", "REGION"


@dataclass(frozen=True, slots=True)
class Call:
    """A request without its host: method, path below the base URL, query."""

    method: str
    path: str
    params: Mapping[str, str | int]

    @property
    def req(self) -> str:
        """The question inside the query, JSON."""
        return str(self.params["req"])


COOKIE = Call("get", "/explore/", {"geo": "US"})
"""The page that gives the cookie. Answers 404 (recorded 2023), with the cookie."""


class _Caught(Exception):
    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


@functools.cache
def _builder() -> Any:  # noqa: ANN401  # pytrends has no types
    """A class that builds requests.

    Not at import: pytrends loads pandas, 0.8 s of CPU (2026-11), which what only reads the store does not need.
    """
    import pytrends.request

    class Builder(pytrends.request.TrendReq):  # type: ignore[misc]  # pytrends has no types
        """Catches each request where pytrends would send it, and asks for no cookie when it is made."""

        def GetGoogleCookie(self) -> dict[str, str]:  # noqa: N802  # pytrends' name
            return {}

        def _get_data(self, url: str, method: str = "get", trim_chars: int = 0, **kwargs: Any) -> NoReturn:  # noqa: ANN401, ARG002  # as pytrends
            raise _Caught(Call(method, url.removeprefix(pytrends.request.BASE_TRENDS_URL), dict(kwargs["params"])))

    return Builder


def explore_call(request: TrendsRequest) -> Call:
    """The question which widgets there are."""
    builder = _made(request)
    keywords = [keyword.text for keyword in request.keywords]
    try:
        builder.build_payload(
            keywords, cat=request.category, timeframe=request.timeframe, geo=request.geo, gprop=request.gprop
        )
    except _Caught as caught:
        return caught.call
    raise _nothing_sent()


def widget_call(request: TrendsRequest, endpoint: Endpoint, offer: Offer) -> Call:
    """The question for the data of a widget, with the widget's own request and token.

    Raises:
        ValueError: the endpoint is explore, which is not a widget.
    """
    builder = _made(request)
    widget = {"request": json.loads(offer.request), "token": offer.token}
    try:
        _ask(builder, endpoint, widget, _ELSEWHERE if request.geo else _WORLD)
    except _Caught as caught:
        return caught.call
    raise _nothing_sent()


def changed(call: Call, offer: Offer) -> str | None:
    """The widget's request as it is sent, if pytrends changed it (maps); None where it is as offered."""
    return None if json.loads(call.req) == json.loads(offer.request) else call.req


def _made(request: TrendsRequest) -> Any:  # noqa: ANN401  # pytrends has no types
    return _builder()(hl=request.hl, tz=request.tz, geo=request.geo)


def _ask(builder: Any, endpoint: Endpoint, widget: dict[str, Any], resolution: str) -> None:  # noqa: ANN401  # as above
    if endpoint is Endpoint.TIMELINE:
        builder.interest_over_time_widget = widget
        builder.interest_over_time()
    elif endpoint is Endpoint.REGIONS:
        builder.interest_by_region_widget = widget
        builder.interest_by_region(resolution=resolution)
    elif endpoint is Endpoint.TOPICS:
        builder.related_topics_widget_list = [widget]
        builder.related_topics()
    elif endpoint is Endpoint.QUERIES:
        builder.related_queries_widget_list = [widget]
        builder.related_queries()
    else:
        raise ValueError(f"{endpoint} has no widget; allowed: timeline, regions, topics, queries")


def _nothing_sent() -> RuntimeError:
    return RuntimeError(f"pytrends sent nothing; this program needs pytrends {VERSION}, with its names as they were")
