"""`/trends/api/explore`: the request read and checked, and the widgets that answer it, by the request's shape."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.sandbox import trends_geos as geos
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_answers import Asked, Refusal
from elec_assets.sandbox.trends_labels import range_label
from elec_assets.sandbox.trends_times import BadTimeframe, Span, read
from elec_assets.sandbox.trends_world import Subject, TrendsWorld

MAX_ITEMS, MAX_KEYWORD = 5, 100
PROPERTIES = ("", "images", "news", "youtube", "froogle")
_MID = re.compile(r"/[mg]/\w+")
# What JSON can write but no text can hold.
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Exploration:
    """A checked request: keyword and geo of each item, one span for all."""

    items: tuple[tuple[str, str], ...]
    span: Span
    category: int
    prop: str
    locale: str

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords, in order."""
        return tuple(keyword for keyword, _ in self.items)

    @property
    def geos(self) -> tuple[str, ...]:
        """The geos, in order."""
        return tuple(geo for _, geo in self.items)

    def asked(self, endpoint: str, widget: str = "") -> Asked:
        """What the log says of it."""
        return Asked(endpoint, self.keywords, self.geos[0], self.span.asked, widget)


def read_request(params: Mapping[str, str], now: datetime) -> Exploration:
    """Check a request.

    Raises:
        Refusal: 400 for what Google does not take, 500 for hours before 2015.
    """
    request = _object(params.get("req", ""))
    found = request.get("comparisonItem")
    items: list[Any] = found if isinstance(found, list) else []
    read_items = [i for i in items if isinstance(i, dict)]
    keywords = tuple(str(i.get("keyword", "")) for i in read_items)
    places = tuple(str(i.get("geo", "")) for i in read_items)
    times = [str(i.get("time", "")) for i in read_items]
    asked = Asked("explore", keywords, *places[:1], *times[:1])
    prop, category = request.get("property", ""), request.get("category", 0)
    for reason in _problems(items, keywords, places, times, prop, category):
        raise Refusal(400, reason, asked)
    try:
        span = read(times[0], now)
    except BadTimeframe as error:
        raise Refusal(error.status, str(error), asked) from error
    locale = params.get("hl", "en-US")
    return Exploration(tuple(zip(keywords, places, strict=True)), span, category, prop, locale)


def _object(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _problems(
    items: list[Any],
    keywords: tuple[str, ...],
    places: tuple[str, ...],
    times: list[str],
    prop: object,
    category: object,
) -> list[str]:
    checks = {
        f"needs 1 to {MAX_ITEMS} comparisonItem, got {len(items)}": not 1 <= len(items) <= MAX_ITEMS
        or len(keywords) < len(items),
        f"keyword must have 1 to {MAX_KEYWORD} characters": any(not 1 <= len(k) <= MAX_KEYWORD for k in keywords),
        "keyword must be Unicode text": any(_SURROGATE.search(k) for k in keywords),
        f"property must be one of {PROPERTIES}": prop not in PROPERTIES,
        "category must be a number": not isinstance(category, int),
        "geo is not known": any(geo and geos.find(geo) is None for geo in places),
        "items must have one time": len(set(times)) > 1,
    }
    return [reason for reason, wrong in checks.items() if wrong]


def keyword_of(keyword: str) -> Json:
    """How a request names a keyword: a topic by its mid, or a search term."""
    return {"keyword": [{"type": "ENTITY" if _MID.fullmatch(keyword) else "BROAD", "value": keyword}]}


def shown(keyword: str, world: TrendsWorld) -> Subject:
    """What Google writes for a keyword: name and type of a topic, or the term as it is."""
    known = world.subject(keyword)
    if not _MID.fullmatch(keyword):
        return Subject(keyword, kind="Search term")
    return known if known.mid == keyword else Subject(keyword, kind="Topic")


def geo_of(geo: str) -> Json:
    """How a request names a place."""
    if not geo:
        return {}
    return {"region" if "-" in geo else "country": geo}


def body_of(asked: Exploration, widgets: list[Json], world: TrendsWorld) -> Json:
    """The whole answer, around its widgets."""
    names = [shown(keyword, world) for keyword in asked.keywords]
    return {
        "widgets": widgets,
        "keywords": [
            {"keyword": keyword, "name": found.name, "type": found.kind}
            for keyword, found in zip(asked.keywords, names, strict=True)
        ],
        "timeRanges": [range_label(asked.span)] * len(names),
        "examples": [],
        "shareText": f"Explore search interest for {', '.join(n.name for n in names)} by time, location and "
        "popularity on Google Trends",
        "shouldShowMultiHeatMapMessage": False,
    }
