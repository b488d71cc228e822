"""The endpoints of the Google Trends sandbox: one request in, one answer out. `trends_http.py` puts it on a socket.

Served: `/trends/explore/` (the cookie), `/trends/api/explore`, `/trends/api/widgetdata/{multiline,comparedgeo,
relatedsearches}` and `/trends/api/autocomplete/{text}`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Literal
from urllib.parse import unquote

from elec_assets.sandbox import trends_data as data
from elec_assets.sandbox import trends_faults as faults
from elec_assets.sandbox import trends_related as related
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.http_server import HttpRequest
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_answers import Asked, Refusal, TrendsAnswer, document, page
from elec_assets.sandbox.trends_explore import body_of, read_request
from elec_assets.sandbox.trends_geos import FrenchRegions
from elec_assets.sandbox.trends_samples import Sampler, series_of
from elec_assets.sandbox.trends_tokens import Issued, Quotas, Tokens, new_cookie
from elec_assets.sandbox.trends_widgets import widgets_of
from elec_assets.sandbox.trends_world import TrendsWorld

UserType = Literal["USER_TYPE_SCRAPER", "USER_TYPE_LEGIT_USER", "USER_TYPE_EMBED_OVER_QUOTA"]
_OVER_QUOTA = "_OVER_QUOTA"
_COOKIE_PATH, _EXPLORE_PATH = "/trends/explore", "/trends/api/explore"
_WIDGETS, _AUTOCOMPLETE = "/trends/api/widgetdata/", "/trends/api/autocomplete/"


@dataclass(frozen=True, slots=True)
class TrendsOptions:
    """How the sandbox behaves.

    Attributes:
        user_type: what Google takes the caller for; `..._OVER_QUOTA` leaves the lists of related searches empty.
        user_country: country of the caller's address.
        privacy_floor: sampled searches in a point or place, below which there is no data.
        french_regions: which regions of France are on the map: see `trends_geos`.
        hours_included: whether the last hour asked for is part of the answer.
        half_hour_quota: requests a cookie may make in 30 minutes; None: any number. Refused ones do not count.
        day_quota: the same in 24 hours.
        retry_after_s: what a refusal for quota says; None: nothing.
        cookie_required: refuse requests without a NID cookie that was given out here.
    """

    user_type: UserType = "USER_TYPE_SCRAPER"
    user_country: str = "FR"
    privacy_floor: int = 3
    french_regions: FrenchRegions = "mixed"
    hours_included: bool = True
    half_hour_quota: int | None = None
    day_quota: int | None = None
    retry_after_s: int | None = None
    cookie_required: bool = False


class TrendsApi:
    """The endpoints over a world. Everything it knows of time comes from `clock` (UTC)."""

    def __init__(self, world: TrendsWorld, clock: Callable[[], datetime], options: TrendsOptions) -> None:
        self.world = world
        self._clock = clock
        self._options = options
        self._sampler = Sampler(world, options.privacy_floor)
        self._tokens = Tokens()
        self._quotas = Quotas(options.half_hour_quota, options.day_quota)
        self._cookies: set[str] = set()

    def answer(self, request: HttpRequest, fault: Fault) -> TrendsAnswer:
        """Answer a request, refusals included."""
        now = self._clock()
        asked = self._known(request, now)
        spoilt = faults.spoilt(fault)
        if spoilt is not None:
            return spoilt.to(asked)
        try:
            self._admit(request, asked, now)
            return self._route(request, asked, fault, now)
        except Refusal as refusal:
            return refusal.answer

    def _known(self, request: HttpRequest, now: datetime) -> Asked:
        """What can be said of a request before it is answered."""
        path = request.path
        if path.rstrip("/") == _COOKIE_PATH:
            return Asked("cookie")
        if path == _EXPLORE_PATH:
            try:
                return read_request(request.params, now).asked("explore")
            except Refusal as refusal:
                return refusal.answer.asked
        if path.startswith(_AUTOCOMPLETE):
            return Asked("autocomplete", (unquote(path.removeprefix(_AUTOCOMPLETE)),))
        if not path.startswith(_WIDGETS):
            return Asked()
        issued = self._issued(request, now)
        endpoint = path.removeprefix(_WIDGETS)
        return issued.exploration.asked(endpoint, issued.widget) if issued else Asked(endpoint)

    def _admit(self, request: HttpRequest, asked: Asked, now: datetime) -> None:
        cookie = cookie_of(request)
        if asked.endpoint != "cookie" and self._options.cookie_required and cookie not in self._cookies:
            raise Refusal(429, "No cookie.", asked)
        if not self._quotas.take(cookie, now):
            wait = self._options.retry_after_s
            raise Refusal(429, "Too many requests.", asked, {"Retry-After": str(wait)} if wait is not None else None)

    def _route(self, request: HttpRequest, asked: Asked, fault: Fault, now: datetime) -> TrendsAnswer:
        if asked.endpoint == "cookie":
            return self._cookie(request).to(asked)
        if asked.endpoint == "explore":
            return self._explore(request, fault, now)
        if asked.endpoint == "autocomplete":
            return document(related.suggestions(self.world, asked.keywords[0]), asked)
        if asked.endpoint in ("multiline", "comparedgeo", "relatedsearches"):
            return self._widget(request, asked, fault, now)
        raise Refusal(404, "The requested URL was not found on this server.", asked)

    def _cookie(self, request: HttpRequest) -> TrendsAnswer:
        """Recorded: the page that sets the cookie is a 404. No domain: a cookie of google.com would be dropped here."""
        headers = {}
        if cookie_of(request) not in self._cookies:
            cookie = new_cookie()
            self._cookies.add(cookie)
            headers = {"Set-Cookie": f"NID={cookie}; path=/; HttpOnly"}
        return page(404, "The requested URL was not found on this server.", headers)

    def _explore(self, request: HttpRequest, fault: Fault, now: datetime) -> TrendsAnswer:
        exploration = read_request(request.params, now)
        user_type = faults.user_type_of(fault, self._options.user_type)
        widgets = widgets_of(exploration, self.world, user_type, self._options.user_country)
        for widget in widgets:
            if "request" in widget:
                widget["token"] = self._tokens.issue(exploration, widget["id"], widget["request"], now)
        body = body_of(exploration, faults.kept(widgets, fault), self.world)
        return document(body, exploration.asked("explore"))

    def _widget(self, request: HttpRequest, asked: Asked, fault: Fault, now: datetime) -> TrendsAnswer:
        issued = self._issued(request, now)
        if issued is None:
            raise Refusal(401, "The token is not for this request.", asked)
        wanted = json.loads(request.params["req"])
        makers = {"multiline": self._multiline, "comparedgeo": self._map, "relatedsearches": self._related}
        if _endpoint_of(issued.widget) != asked.endpoint:
            raise Refusal(400, "The widget is of another kind.", asked)
        body = makers[asked.endpoint](issued, wanted, request, now)
        if faults.is_empty(fault):
            body = {"default": {name: [] for name in body["default"]}}
        return document(body, asked, "empty" if _is_empty(body) else "ok")

    def _issued(self, request: HttpRequest, now: datetime) -> Issued | None:
        try:
            wanted = json.loads(request.params.get("req", ""))
        except ValueError:
            return None
        return self._tokens.find(request.params.get("token", ""), wanted, now) if isinstance(wanted, dict) else None

    def _multiline(self, issued: Issued, wanted: Json, request: HttpRequest, now: datetime) -> Json:
        span = issued.exploration.span
        included = self._options.hours_included
        series = series_of(self._sampler, wanted, issued.exploration.items, span, now, hours_included=included)
        return data.timeline(series, span, now, _minutes(request.params.get("tz", "0")))

    def _map(self, issued: Issued, wanted: Json, _request: HttpRequest, now: datetime) -> Json:
        items, span = _items_of(issued), issued.exploration.span
        keywords = [keyword for keyword, _ in items]
        return data.region_map(self._sampler, wanted, keywords, items[0][1], span, now, self._options.french_regions)

    def _related(self, issued: Issued, wanted: Json, _request: HttpRequest, now: datetime) -> Json:
        if wanted["userConfig"]["userType"].endswith(_OVER_QUOTA):
            return {"default": {"rankedList": []}}
        ((keyword, geo),) = _items_of(issued)
        return related.related(self._sampler, wanted, keyword, geo, issued.exploration.span, now)


def cookie_of(request: HttpRequest) -> str:
    """The NID cookie of a request; empty if it has none."""
    try:
        found = SimpleCookie(request.headers.get("cookie", "")).get("NID")
    except CookieError:
        return ""
    return found.value if found else ""


def _items_of(issued: Issued) -> tuple[tuple[str, str], ...]:
    """The keywords and geos of a widget: one for `..._i` and for single requests, all for the others."""
    index = issued.widget.rsplit("_", 1)[-1]
    return (issued.exploration.items[int(index)],) if index.isdecimal() else issued.exploration.items


def _endpoint_of(widget: str) -> str:
    if widget == "TIMESERIES":
        return "multiline"
    return "comparedgeo" if widget.startswith("GEO_MAP") else "relatedsearches"


def _is_empty(body: Json) -> bool:
    found = body["default"]
    rows = found.get("timelineData") or found.get("geoMapData") or found.get("rankedList") or []
    return not any(row.get("rankedKeyword", True) for row in rows)


def _minutes(text: str) -> int:
    """A time zone; UTC for what is none."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,4}", text) else 0
