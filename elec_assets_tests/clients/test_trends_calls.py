"""What pytrends builds: the question of each endpoint, and nothing left over from the one before."""

import json

import pytest

from elec_assets.clients.trends_calls import changed, explore_call, widget_call
from elec_assets.domain.trends import Endpoint
from elec_assets.transforms.trends_explore import Offer, read_explore
from elec_assets_tests.clients.trends import DATA, ONE, asked
from elec_assets_tests.transforms.trends_wire import explore_body

PATHS = {
    Endpoint.TIMELINE: "/api/widgetdata/multiline",
    Endpoint.REGIONS: "/api/widgetdata/comparedgeo",
    Endpoint.TOPICS: "/api/widgetdata/relatedsearches",
    Endpoint.QUERIES: "/api/widgetdata/relatedsearches",
}


def test_explore_asks_for_the_keywords_the_block_and_the_place() -> None:
    call = explore_call(asked("Nom1", "Élodie d'Aÿ"))
    assert (call.method, call.path) == ("post", "/api/explore")
    assert {**call.params, "req": json.loads(call.req)} == {
        "hl": "en-US",
        "tz": 0,
        "req": {
            "comparisonItem": [
                {"keyword": name, "time": "2027-02-01T00 2027-02-02T00", "geo": "FR"}
                for name in ("Nom1", "Élodie d'Aÿ")
            ],
            "category": 0,
            "property": "",
        },
    }


@pytest.mark.parametrize("endpoint", DATA)
def test_a_widget_is_asked_for_with_its_own_request_and_token(endpoint: Endpoint) -> None:
    offer = read_explore(explore_body(ONE), ONE).offers[endpoint]
    call = widget_call(ONE, endpoint, offer)
    assert (call.method, call.path) == ("get", PATHS[endpoint])
    assert (call.params["token"], call.params["tz"]) == (offer.token, 0)
    added = {"includeLowSearchVolumeGeos": False} if endpoint is Endpoint.REGIONS else {}
    assert json.loads(call.req) == json.loads(offer.request) | added
    assert changed(call, offer) == (call.req if added else None)


@pytest.mark.parametrize(
    ("geo", "own", "sent"), [("", "REGION", "COUNTRY"), ("FR", "REGION", "REGION"), ("FR-A", "CITY", "CITY")]
)
def test_the_world_is_cut_into_countries_and_all_else_as_google_offers(geo: str, own: str, sent: str) -> None:
    offer = read_explore(explore_body(ONE), ONE).offers[Endpoint.REGIONS]
    request = json.loads(offer.request) | {"resolution": own}
    offered = Offer(offer.raw, json.dumps(request).encode(), offer.token, offer.read)
    assert json.loads(widget_call(asked("Nom1", geo=geo), Endpoint.REGIONS, offered).req)["resolution"] == sent


def test_explore_is_no_widget() -> None:
    offer = read_explore(explore_body(ONE), ONE).offers[Endpoint.TIMELINE]
    with pytest.raises(ValueError, match="explore has no widget; allowed: timeline, regions, topics, queries"):
        widget_call(ONE, Endpoint.EXPLORE, offer)
