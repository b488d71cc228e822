"""The widgets of an answer to explore, without their tokens.

One keyword: TIMESERIES, GEO_MAP, RELATED_TOPICS, RELATED_QUERIES. Two to five: TIMESERIES, a GEO_MAP of percentages,
then for each a title, a map and related queries, but no topics. Several places: a note instead of the common map.
Request fields that the server fills in: resolved time, resolution, locale, backend, compareTime, userType, country.
"""

from elec_assets.sandbox import trends_geos as geos
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_explore import Exploration, geo_of, keyword_of, shown
from elec_assets.sandbox.trends_world import TrendsWorld

_HELP = "https://support.google.com/trends/answer/"
_TEXTS = {
    "Interest over time": ("Numbers are relative to the highest point on the chart; 0 means not enough data.", None),
    "Interest by region": ("0 to 100, where 100 is the place with most interest. <p>Not an absolute count.", "4355212"),
    "Interest by subregion": ("0 to 100, where 100 is the place with most interest. <p>No count.", "4355212"),
    "Compared breakdown by region": ("Each term's part of the searches in a place. <p>No count.", None),
    "Compared breakdown by subregion": ("Each term's part of the searches in a place. <p>No count.", None),
    "Related topics": ("Users also searched for these topics. <p>* <b>Top</b>, <b>Rising</b>, Breakout.", None),
    "Related queries": ("Users also searched for these queries. <p>* <b>Top</b>, <b>Rising</b>, Breakout.", "4355000"),
}


def widgets_of(asked: Exploration, world: TrendsWorld, user_type: str, user_country: str) -> list[Json]:
    """All widgets in Google's order; TITLE_i and geos_note have no request, and so get no token."""
    maker = _Maker(asked, world, user_type, user_country)
    found = [maker.timeseries()]
    if len(asked.items) == 1:
        return [*found, maker.map(0, ""), maker.related(0, "", "ENTITY"), maker.related(0, "", "QUERY")]
    found.append(maker.compared() if len(set(asked.geos)) == 1 else maker.note())
    for index in range(len(asked.items)):
        suffix = f"_{index}"
        found += [maker.title(index, suffix), maker.map(index, suffix), maker.related(index, suffix, "QUERY")]
    return found


class _Maker:
    def __init__(self, asked: Exploration, world: TrendsWorld, user_type: str, user_country: str) -> None:
        self._asked = asked
        self._names = [shown(keyword, world).name for keyword in asked.keywords]
        self._options = {"property": asked.prop, "backend": "IZG", "category": asked.category}
        self._user = {"userType": user_type}
        self._country = user_country

    def timeseries(self) -> Json:
        items = [{"geo": geo_of(geo), "complexKeywordsRestriction": keyword_of(k)} for k, geo in self._asked.items]
        request = {
            "time": self._asked.span.time,
            "resolution": self._asked.span.resolution,
            "locale": self._asked.locale,
            "comparisonItem": items,
            "requestOptions": self._options,
            "userConfig": self._user,
        }
        return {
            "request": request,
            "lineAnnotationText": "Search interest",
            "bullets": [{"text": name} for name in self._names],
            "showLegend": False,
            "showAverages": len(items) > 1,
            "helpDialog": _help("Interest over time"),
            **_common("TIMESERIES", "fe_line_chart", "Interest over time", is_long=True),
        }

    def map(self, index: int, suffix: str) -> Json:
        keyword, geo = self._asked.items[index]
        title = f"Interest by {'sub' * bool(geo)}region"
        return {
            "request": self._map_request((keyword,), geo),
            **_map_view(geo),
            "helpDialog": _help(title),
            "color": f"PALETTE_COLOR_{index + 1}",
            "index": index,
            "bullet": self._names[index],
            **_common(f"GEO_MAP{suffix}", "fe_geo_chart_explore", title, is_long=not suffix),
        }

    def compared(self) -> Json:
        geo = self._asked.geos[0]
        title = f"Compared breakdown by {'sub' * bool(geo)}region"
        request = self._map_request(self._asked.keywords, geo)
        return {
            "request": {**request, "dataMode": "PERCENTAGES"},
            **_map_view(geo),
            "showLegend": False,
            "helpDialog": _help(title),
            "bullets": [{"value": n, "color": f"PALETTE_COLOR_{i + 1}"} for i, n in enumerate(self._names)],
            **_common("GEO_MAP", "fe_multi_heat_map", title, is_long=True),
        }

    def related(self, index: int, suffix: str, kind: str) -> Json:
        keyword, geo = self._asked.items[index]
        title = "Related topics" if kind == "ENTITY" else "Related queries"
        request = {
            "restriction": {
                "geo": geo_of(geo),
                "time": self._asked.span.time,
                "originalTimeRangeForExploreUrl": self._asked.span.asked,
                "complexKeywordsRestriction": keyword_of(keyword),
            },
            "keywordType": kind,
            "metric": ["TOP", "RISING"],
            "trendinessSettings": {"compareTime": self._asked.span.compare},
            "requestOptions": self._options,
            "language": self._asked.locale.split("-")[0],
            "userCountryCode": self._country,
            "userConfig": self._user,
        }
        name = "RELATED_TOPICS" if kind == "ENTITY" else "RELATED_QUERIES"
        return {
            "request": request,
            "helpDialog": _help(title),
            "color": f"PALETTE_COLOR_{index + 1}",
            "keywordName": self._names[index],
            **_common(f"{name}{suffix}", "fe_related_searches", title, is_long=False),
        }

    def title(self, index: int, suffix: str) -> Json:
        common = _common(f"TITLE{suffix}", "fe_text", "", is_long=True)
        return {"text": {"text": self._names[index]}, **common, "template": "fe_explore"}

    def note(self) -> Json:
        common = _common("geos_note", "fe_text", "", is_long=True)
        return {"text": {"text": "Places are compared."}, **common, "template": "fe_explore"}

    def _map_request(self, keywords: tuple[str, ...], geo: str) -> Json:
        time = self._asked.span.time
        return {
            "geo": geo_of(geo),
            "comparisonItem": [{"time": time, "complexKeywordsRestriction": keyword_of(k)} for k in keywords],
            "resolution": map_resolution(geo),
            "locale": self._asked.locale,
            "requestOptions": self._options,
            "userConfig": self._user,
        }


def map_resolution(geo: str) -> str:
    """What the places on a map are, as long as the request does not say otherwise."""
    if not geo:
        return "COUNTRY"
    if "-" not in geo:
        return "REGION"
    return "DMA" if geo.startswith("US-") else "CITY"


def places_on(geo: str, resolution: str, french: geos.FrenchRegions) -> list[geos.Geo]:
    """The places on a map, in no order. Metropolitan areas are not known: none."""
    if resolution == "COUNTRY":
        return [place for code, place in geos.countries().items() if geo in ("", code)]
    if resolution == "REGION":
        wanted = (geo,) if geo else ("FR", "US")
        return [place for country in wanted for place in geos.regions(country, french).values()]
    if resolution == "CITY":
        within = geos.find(geo)
        regions = within.parts if within else ()
        return [c for c in geos.cities() if geo in ("", c.country) or c.parts[0] in regions]
    return []


def _map_view(geo: str) -> Json:
    views = {"COUNTRY": "countries", "REGION": "provinces", "DMA": "metros", "CITY": "cities"}
    return {
        "geo": geo or "world",
        "resolution": views[map_resolution(geo)],
        "searchInterestLabel": "Search interest",
        "displayMode": "regions",
    }


def _help(title: str) -> Json:
    content, page = _TEXTS[title]
    return {"title": title, "content": content, **({"url": _HELP + page} if page else {})}


def _common(widget: str, kind: str, title: str, *, is_long: bool) -> Json:
    return {
        "id": widget,
        "type": kind,
        "title": title,
        "template": "fe",
        "embedTemplate": "fe_embed",
        "version": "1",
        "isLong": is_long,
        "isCurated": False,
    }
