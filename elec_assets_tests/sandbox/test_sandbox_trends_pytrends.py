"""Plain pytrends 4.9.2, unchanged but for its addresses, against the sandbox."""

import gc

import pandas as pd
import pytest
import pytrends.request
from pytrends.exceptions import ResponseError, TooManyRequestsError
from pytrends.request import TrendReq

from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets_tests.sandbox.trends import WEEK, Client, StartTrends


@pytest.fixture
def addresses(google: StartTrends, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A server, and pytrends' constants leading to it: the module's for the cookie, the class's for all else."""
    client = google()
    usual = pytrends.request.BASE_TRENDS_URL
    monkeypatch.setattr(pytrends.request, "BASE_TRENDS_URL", client.server.url)
    for name in [n for n in vars(TrendReq) if n.endswith("_URL")]:
        monkeypatch.setattr(TrendReq, name, getattr(TrendReq, name).replace(usual, client.server.url))
    return client


@pytest.mark.parametrize(
    ("keywords", "timeframe", "geo"),
    [
        (["Nom1"], WEEK, "FR"),
        (["Nom1", "Nom2", "Nom3"], WEEK, "FR"),
        (["/m/0nom1"], "today 12-m", ""),
        (["Nom1", "Nom2", "Nom3"], "today 12-m", ""),
    ],
)
def test_a_whole_cycle(addresses: Client, keywords: list[str], timeframe: str, geo: str) -> None:
    plain = TrendReq(hl="en-US", tz=0)
    assert list(plain.cookies) == ["NID"]
    plain.build_payload(keywords, timeframe=timeframe, geo=geo)

    over_time = plain.interest_over_time()
    assert list(over_time.columns) == [*keywords, "isPartial"]
    assert over_time[keywords].to_numpy().max() == 100
    assert len(over_time) == (168 if geo else 53)
    assert bool(over_time["isPartial"].iloc[-1]) is (timeframe == "today 12-m")

    regions = plain.interest_by_region(inc_geo_code=True, inc_low_vol=True)
    assert list(regions.columns) == ["geoCode", *keywords]
    assert len(regions) == (22 if geo else 250)
    assert set(regions[keywords].sum(axis=1)) <= {0, 100} if len(keywords) > 1 else regions[keywords].max().max() == 100

    topics = plain.related_topics()
    assert list(topics) == (keywords if len(keywords) == 1 else [])
    for found in topics.values():
        assert {"topic_mid", "topic_title", "topic_type", "value", "formattedValue"} <= set(found["top"].columns)

    queries = plain.related_queries()
    assert list(queries) == keywords
    assert all(0 < len(found["top"]) <= 25 for found in queries.values())
    assert {r.cookie for r in addresses.server.requests[1:]} == {plain.cookies["NID"]}
    assert {r.outcome for r in addresses.server.requests} == {"ok"}


@pytest.mark.usefixtures("addresses")
def test_suggestions_lead_from_a_name_to_its_topic() -> None:
    assert TrendReq().suggestions("nom2") == [{"mid": "/m/0nom2", "title": "Nom2", "type": "Politician"}]


def test_the_faults_break_plain_pytrends_as_google_does(addresses: Client) -> None:
    plain = TrendReq(hl="en-US", tz=0)
    for fault, error in (
        (TrendsFault(preset="too_many_requests"), TooManyRequestsError),
        (TrendsFault(preset="captcha"), ResponseError),
        (TrendsFault(preset="server_error_javascript"), ValueError),
        (TrendsFault(truncate=0.7), ValueError),
        (TrendsFault(preset="too_many_requests", no_content_type=True), KeyError),
    ):
        addresses.server.faults.add(fault)
        with pytest.raises(error):
            plain.build_payload(["Nom1"], timeframe=WEEK, geo="FR")
    gc.collect()


def test_a_refused_cookie_goes_unnoticed(addresses: Client) -> None:
    addresses.server.faults.add(TrendsFault(path="/trends/explore*", preset="too_many_requests"))
    assert TrendReq().cookies == {}


def test_a_missing_widget_gives_the_last_candidates_data_under_the_new_name(addresses: Client) -> None:
    """Plain pytrends keeps the widget of the explore before: a client of ours must not."""
    plain = TrendReq(hl="en-US", tz=0)
    plain.build_payload(["Nom1"], timeframe=WEEK, geo="FR")
    first = plain.interest_over_time()
    addresses.server.faults.add(TrendsFault(drop_widget="TIMESERIES"))
    plain.build_payload(["Nom2"], timeframe=WEEK, geo="FR")
    pd.testing.assert_series_equal(plain.interest_over_time()["Nom2"], first["Nom1"], check_names=False)


def test_an_empty_ranked_list_is_an_index_error(addresses: Client) -> None:
    plain = TrendReq(hl="en-US", tz=0)
    addresses.server.faults.add(TrendsFault(user_type="USER_TYPE_EMBED_OVER_QUOTA"))
    plain.build_payload(["Nom1"], timeframe=WEEK, geo="FR")
    with pytest.raises(IndexError):
        plain.related_queries()
