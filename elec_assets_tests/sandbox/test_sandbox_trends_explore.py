"""Explore: widgets by the request's shape, what the server fills in, what it refuses; tokens and cookies."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.http_server import HttpRequest
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_api import TrendsApi, TrendsOptions
from elec_assets_tests.sandbox.trends import NOW, WEEK, WORLD, Client, Clock, StartTrends, endpoint_of

SINGLE = ["TIMESERIES", "GEO_MAP", "RELATED_TOPICS", "RELATED_QUERIES"]


@pytest.fixture
def client(google: StartTrends) -> Client:
    return google()


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    """For tests that neither count requests nor move the clock: starting and stopping takes 50 ms."""
    with start_trends(world=WORLD, clock=lambda: NOW) as server, requests.Session() as session:
        yield Client(server, session)


def test_one_keyword_has_topics_and_several_have_not(shared: Client) -> None:
    assert list(shared.widgets("Nom1")) == SINGLE
    triple = shared.widgets("Nom1", "Nom2", "Nom3")
    each = [f"{name}_{i}" for i in range(3) for name in ("TITLE", "GEO_MAP", "RELATED_QUERIES")]
    assert list(triple) == ["TIMESERIES", "GEO_MAP", *each]
    assert triple["GEO_MAP"]["type"] == "fe_multi_heat_map"
    assert triple["GEO_MAP"]["request"]["dataMode"] == "PERCENTAGES"
    assert "dataMode" not in triple["GEO_MAP_1"]["request"]
    assert [w for w, found in triple.items() if "token" not in found] == ["TITLE_0", "TITLE_1", "TITLE_2"]


def test_several_places_have_a_note_instead_of_a_common_map(shared: Client) -> None:
    items = [{"keyword": "Nom1", "time": WEEK, "geo": geo} for geo in ("FR", "")]
    widgets = shared.widgets(comparisonItem=items)
    assert list(widgets)[:2] == ["TIMESERIES", "geos_note"]
    assert {"GEO_MAP_0", "GEO_MAP_1"} < set(widgets)
    assert len(shared.data(widgets["TIMESERIES"])["timelineData"][0]["value"]) == 2


@pytest.mark.parametrize(
    ("geo", "named", "resolution", "view"),
    [
        ("", {}, "COUNTRY", ("world", "countries")),
        ("FR", {"country": "FR"}, "REGION", ("FR", "provinces")),
        ("US", {"country": "US"}, "REGION", ("US", "provinces")),
        ("FR-J", {"region": "FR-J"}, "CITY", ("FR-J", "cities")),
        ("US-CA", {"region": "US-CA"}, "DMA", ("US-CA", "metros")),
    ],
)
def test_the_place_decides_what_is_on_the_map(
    shared: Client, geo: str, named: dict[str, str], resolution: str, view: tuple[str, str]
) -> None:
    widget = shared.widgets("Nom1", geo=geo)["GEO_MAP"]
    assert (widget["request"]["geo"], widget["request"]["resolution"]) == (named, resolution)
    assert (widget["geo"], widget["resolution"]) == view


def test_the_server_fills_in_what_was_not_said(google: StartTrends) -> None:
    client = google(options=TrendsOptions(user_type="USER_TYPE_LEGIT_USER", user_country="DE"))
    widgets = client.widgets("Nom1", time="now 7-d", category=19, property="news")
    series, queries = widgets["TIMESERIES"]["request"], widgets["RELATED_QUERIES"]["request"]
    assert series["time"] == r"2027-01-27T14\:05\:57 2027-02-03T14\:05\:57"
    assert (series["resolution"], series["locale"]) == ("HOUR", "en-US")
    assert series["requestOptions"] == {"property": "news", "backend": "IZG", "category": 19}
    assert series["userConfig"] == {"userType": "USER_TYPE_LEGIT_USER"}
    assert queries["restriction"]["originalTimeRangeForExploreUrl"] == "now 7-d"
    assert queries["trendinessSettings"]["compareTime"] == r"2027-01-20T14\:05\:57 2027-01-27T14\:05\:57"
    assert (queries["userCountryCode"], queries["language"]) == ("DE", "en")


def test_a_topic_is_an_entity_and_shown_by_its_name(shared: Client) -> None:
    answer = json.loads(shared.explore("/m/0nom1", "Nom1", "/g/11x").text[5:])
    assert answer["keywords"] == [
        {"keyword": "/m/0nom1", "name": "Nom1", "type": "Politician"},
        {"keyword": "Nom1", "name": "Nom1", "type": "Search term"},
        {"keyword": "/g/11x", "name": "/g/11x", "type": "Topic"},
    ]
    items = answer["widgets"][0]["request"]["comparisonItem"]
    assert [i["complexKeywordsRestriction"]["keyword"][0]["type"] for i in items] == ["ENTITY", "BROAD", "ENTITY"]


def test_explore_may_be_a_get(shared: Client) -> None:
    req = {"comparisonItem": [{"keyword": "Nom1", "time": WEEK, "geo": "FR"}], "category": 0, "property": ""}
    answer = shared.get("/api/explore", hl="en-US", tz="0", req=json.dumps(req))
    assert [w["id"] for w in json.loads(answer.text[5:])["widgets"]] == SINGLE


ITEM = {"keyword": "Nom1", "time": WEEK, "geo": "FR"}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"comparisonItem": [ITEM] * 6}, 400),
        ({"comparisonItem": []}, 400),
        ({"comparisonItem": None}, 400),
        ({"comparisonItem": ["Nom1"]}, 400),
        ({"comparisonItem": [{**ITEM, "keyword": "x" * 101}]}, 400),
        ({"comparisonItem": [{**ITEM, "keyword": ""}]}, 400),
        ({"comparisonItem": [{**ITEM, "geo": "XX"}]}, 400),
        ({"comparisonItem": [ITEM, {**ITEM, "time": "now 7-d"}]}, 400),
        ({"comparisonItem": [{**ITEM, "time": "2027-01-24T00 2027-02-01T00"}]}, 400),
        ({"comparisonItem": [{**ITEM, "time": "2014-12-01T00 2014-12-02T00"}]}, 500),
        ({"property": "podcasts"}, 400),
        ({"category": "all"}, 400),
    ],
)
def test_what_google_does_not_take_is_a_page_of_html(shared: Client, request_: dict[str, Any], status: int) -> None:
    answer = shared.explore("Nom1", **request_)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert shared.server.requests[-1].outcome == "refused"


def test_a_hundred_characters_and_five_keywords_are_taken(shared: Client) -> None:
    assert shared.explore(*(f"{i}" * 100 for i in range(5))).status_code == 200


def test_a_request_without_json_and_an_unknown_path_are_refused(shared: Client) -> None:
    assert shared.get("/api/explore", req="{").status_code == 400
    assert shared.get("/api/dailytrends").status_code == 404


NAMES = ["Nom1", "/m/0nom1", "a + b", "FR", "", "now 7-d", WEEK, "\ud800", "a + ", "{}", "%s"]
SPANS = ["now 1-H", "all", "2027-02-01 9999-12-31", "0001-01-01 0001-01-02", "2027-02-03T14 2027-02-03T15"]
WORDS = st.sampled_from(NAMES) | st.text(max_size=12)
DAYS = st.dates(date(2003, 6, 1), date(2027, 6, 1))
TIMES = st.sampled_from(SPANS) | st.builds(lambda *d: "{} {}".format(*sorted(d)), DAYS, DAYS) | WORDS
ANY = st.recursive(st.none() | st.booleans() | st.integers() | WORDS, lambda c: st.lists(c, max_size=3), max_leaves=4)
GEOS = st.sampled_from(["", "FR", "FR-J", "US-CA", "DE"])
NEAR = st.lists(st.fixed_dictionaries({"keyword": WORDS, "time": TIMES, "geo": GEOS}), min_size=1, max_size=1)
ITEMS = (
    NEAR | NEAR | NEAR | st.lists(st.dictionaries(st.sampled_from(["keyword", "time", "geo"]), ANY), max_size=6) | ANY
)


@settings(max_examples=25, deadline=None)
@given(
    items=ITEMS, prop=st.sampled_from(["", "", "", "news", []]), category=st.sampled_from([0, 0, 0, 19, "x"]), tz=WORDS
)
def test_no_request_is_too_odd_for_an_answer(items: object, prop: object, category: object, tz: str) -> None:
    api = TrendsApi(WORLD, lambda: NOW, TrendsOptions())
    request = json.dumps({"comparisonItem": items, "property": prop, "category": category})
    answer = api.answer(HttpRequest("POST", "/trends/api/explore", {"req": request, "hl": tz}, {}, b""), Fault())
    assert answer.status in (200, 400, 500)
    for widget in json.loads(answer.content[5:])["widgets"] if answer.status == 200 else ():
        if "token" in widget:
            params = {"req": json.dumps(widget["request"]), "token": widget["token"], "tz": tz}
            path = f"/trends/api/widgetdata/{endpoint_of(widget['id'])}"
            assert api.answer(HttpRequest("GET", path, params, {}, b""), Fault()).status == 200


# Tokens


def test_every_exploration_has_new_tokens(shared: Client) -> None:
    tokens = [w["token"] for _ in range(2) for w in shared.widgets("Nom1").values()]
    assert len(set(tokens)) == 8
    assert all(token.startswith("APP6_UEAAAAA") and len(token) == 44 for token in tokens)


def test_a_token_is_for_its_request_save_resolution_and_small_places(shared: Client) -> None:
    widgets = shared.widgets("Nom1", geo="")
    region = widgets["GEO_MAP"]
    assert shared.fetch(region, resolution="REGION", includeLowSearchVolumeGeos=True).status_code == 200
    reordered = dict(reversed(region["request"].items()))
    assert shared.fetch({**region, "request": reordered}).status_code == 200
    for widget, changes in (
        (region, {"locale": "fr"}),
        (region, {"more": 1}),
        (widgets["RELATED_QUERIES"], {"userCountryCode": "ES"}),
        (widgets["TIMESERIES"], {"time": "2027-01-01 2027-01-05"}),
        ({**widgets["TIMESERIES"], "token": region["token"]}, {}),
        ({**region, "token": ""}, {}),
    ):
        answer = shared.fetch(widget, **changes)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")


def test_a_widget_is_not_answered_at_another_endpoint(shared: Client) -> None:
    widget = shared.widgets("Nom1")["TIMESERIES"]
    params = {"req": json.dumps(widget["request"]), "token": widget["token"], "tz": "0"}
    assert shared.get("/api/widgetdata/comparedgeo", **params).status_code == 400
    assert shared.get("/api/widgetdata/multiline", **{**params, "req": "1"}).status_code == 401


def test_a_token_lives_a_day(client: Client, clock: Clock) -> None:
    widget = client.widgets("Nom1")["TIMESERIES"]
    clock.move(hours=23, minutes=59)
    assert client.fetch(widget).status_code == 200
    clock.move(minutes=1)
    assert client.fetch(widget).status_code == 401


# Cookies and the log


def test_the_cookie_page_is_a_404_that_sets_a_host_only_cookie_once(client: Client) -> None:
    answer = client.get("/explore/", geo="US")
    assert answer.status_code == 404
    assert answer.headers["set-cookie"].startswith("NID=511=")
    assert "domain" not in answer.headers["set-cookie"].lower()
    assert "set-cookie" not in client.get("/explore/", geo="US").headers
    client.session.cookies.clear()
    assert client.get("/explore/", geo="US").headers["set-cookie"] != answer.headers["set-cookie"]


def test_the_cookie_can_be_required(google: StartTrends) -> None:
    client = google(options=TrendsOptions(cookie_required=True))
    assert client.explore("Nom1").status_code == 429
    client.get("/explore/", geo="US")
    assert client.explore("Nom1").status_code == 200


def test_the_log_says_what_was_asked_by_whom_and_how_it_ended(client: Client, clock: Clock) -> None:
    client.get("/explore/", geo="US")
    client.data(client.widgets("Nom1", "/m/0nom2", geo="")["RELATED_QUERIES_1"])
    client.get("/api/autocomplete/No%C3%ABl", hl="en-US")
    log = client.server.requests
    assert [(r.asked.endpoint, r.asked.widget, r.status, r.outcome) for r in log] == [
        ("cookie", "", 404, "ok"),
        ("explore", "", 200, "ok"),
        ("relatedsearches", "RELATED_QUERIES_1", 200, "ok"),
        ("autocomplete", "", 200, "ok"),
    ]
    assert log[2].asked.keywords == ("Nom1", "/m/0nom2")
    assert (log[2].asked.geo, log[2].asked.timeframe, log[2].at) == ("", WEEK, clock.now)
    assert log[3].asked.keywords == ("Noël",)
    assert [bool(r.cookie) for r in log] == [False, True, True, True]
    assert log[1].headers["content-length"] == "0"
