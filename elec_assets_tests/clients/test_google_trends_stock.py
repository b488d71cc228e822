"""What stock pytrends 4.9.2 does wrong, shown on it and then on our client: the same server, the same faults."""

import gc
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import pytrends.request
import requests
from pytrends.exceptions import ResponseError, TooManyRequestsError
from pytrends.request import TrendReq

from elec_assets.clients.trends_errors import (
    TrendsCoolingDown,
    TrendsMismatched,
    TrendsRefused,
    TrendsUnavailable,
    TrendsUnreachable,
    TrendsWithheld,
)
from elec_assets.domain.trends import Endpoint
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.transforms.trends_answers import points
from elec_assets_tests.clients.trends import COOKIE, EXPLORE, ONE, OTHER, WIDGETS, Google, asked
from elec_assets_tests.sandbox.trends import Client

StartGoogle = Callable[..., Google]
Stock = Callable[..., Any]
FAR = "USER_TYPE_EMBED_OVER_QUOTA"


@pytest.fixture
def world(google: StartGoogle) -> Google:
    return google()


@pytest.fixture
def stock(world: Google, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """Make a stock client: only the addresses are another."""
    usual = pytrends.request.BASE_TRENDS_URL
    monkeypatch.setattr(pytrends.request, "BASE_TRENDS_URL", world.server.url)
    for name in [n for n in vars(TrendReq) if n.endswith("_URL")]:
        monkeypatch.setattr(TrendReq, name, getattr(TrendReq, name).replace(usual, world.server.url))
    return lambda **options: TrendReq(hl="en-US", tz=0, **options)


def test_the_geo_of_the_request_before_does_not_stick(world: Google, stock: Stock) -> None:
    """FR then world: pytrends sends FR again (`self.geo = geo or self.geo`), and a world table would hold France."""
    plain = stock()
    for geo in ("FR", ""):
        plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo=geo)
    assert [r.asked.geo for r in world.server.requests if r.path == EXPLORE] == ["FR", "FR"]

    world.server.requests.clear()
    backend = world.backend()
    for request in (ONE, asked("Nom1", geo="")):
        for endpoint in (Endpoint.TIMELINE, Endpoint.REGIONS):
            backend.fetch(backend.explore(request), endpoint)
    assert [r.asked.geo for r in world.server.requests[1:]] == ["FR"] * 4 + [""] * 4


@pytest.mark.parametrize(
    ("widget", "endpoint"), [("TIMESERIES", Endpoint.TIMELINE), ("GEO_MAP", Endpoint.REGIONS)], ids=str
)
def test_a_widget_that_is_missing_is_absent_and_not_the_last_candidates(
    world: Google, stock: Stock, widget: str, endpoint: Endpoint
) -> None:
    """Stock pytrends keeps the widget and token of the explore before, and returns its data under the new name."""
    ask = {Endpoint.TIMELINE: TrendReq.interest_over_time, Endpoint.REGIONS: TrendReq.interest_by_region}[endpoint]
    plain = stock()
    plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")
    first = ask(plain)
    world.server.faults.add(TrendsFault(path=EXPLORE, drop_widget=widget))
    plain.build_payload(["Nom2"], timeframe=ONE.timeframe, geo="FR")
    pd.testing.assert_series_equal(ask(plain)["Nom2"], first["Nom1"], check_names=False)

    backend = world.backend()
    assert backend.fetch(backend.explore(ONE), endpoint).body
    world.server.faults.add(TrendsFault(path=EXPLORE, drop_widget=widget))
    explored = backend.explore(OTHER)
    sent = len(world.server.requests)
    document = backend.fetch(explored, endpoint)
    assert (document.absent, document.body, document.request) == (True, b"", OTHER)
    assert len(world.server.requests) == sent


def test_an_answer_about_others_is_refused_and_not_labelled_as_asked(world: Google, stock: Stock) -> None:
    """Stock pytrends puts the names asked for on whatever columns come back, in the order asked."""
    with requests.Session() as session:
        swapped = Client(world.server, session).explore("Nom2", "Nom1", time=ONE.timeframe).text
    plain = stock()
    plain.build_payload(["Nom1", "Nom2"], timeframe=ONE.timeframe, geo="FR")
    right = plain.interest_over_time()
    world.server.faults.add(TrendsFault(path=EXPLORE, body=swapped, headers={"Content-Type": "application/json"}))
    plain.build_payload(["Nom1", "Nom2"], timeframe=ONE.timeframe, geo="FR")
    wrong = plain.interest_over_time()
    assert right["Nom1"].max() == wrong["Nom2"].max() == 100
    assert max(right["Nom2"].max(), wrong["Nom1"].max()) < 20

    backend = world.backend()
    world.server.faults.add(TrendsFault(path=EXPLORE, body=swapped))
    with pytest.raises(TrendsMismatched, match=r"keywords \['nom1', 'nom2'\], the widget says \['nom2', 'nom1'\]"):
        backend.explore(asked("Nom1", "Nom2"))


def test_an_empty_list_of_lists_is_neither_a_crash_nor_an_empty_answer(world: Google, stock: Stock) -> None:
    plain = stock()
    plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")
    world.server.faults.add(TrendsFault(path=WIDGETS, empty=True))
    with pytest.raises(IndexError):
        plain.related_queries()

    backend = world.backend()
    explored = backend.explore(ONE)
    world.server.faults.add(TrendsFault(path=WIDGETS, empty=True))
    with pytest.raises(TrendsWithheld, match="without any list"):
        backend.fetch(explored, Endpoint.QUERIES)
    assert backend.fetch(explored, Endpoint.TOPICS).body


def test_over_quota_with_status_200_is_a_refusal(world: Google, stock: Stock) -> None:
    """Stock pytrends does not look at what Google takes it for, and returns the line of one who is over quota."""
    plain = stock()
    world.server.faults.add(TrendsFault(path=EXPLORE, user_type=FAR))
    plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")
    assert plain.interest_over_time()["Nom1"].max() == 100

    backend = world.backend()
    world.server.faults.add(TrendsFault(path=EXPLORE, user_type=FAR))
    with pytest.raises(TrendsRefused, match="over quota") as told:
        backend.explore(ONE)
    assert told.value.resume_at is not None
    sent = len(world.server.requests)
    with pytest.raises(TrendsCoolingDown):
        backend.explore(ONE)
    assert len(world.server.requests) == sent


def test_a_captcha_with_status_200_is_a_refusal(world: Google, stock: Stock) -> None:
    """Stock pytrends says "code 200", and not that it was refused: who waits only after its 429 goes on asking."""
    plain = stock()
    world.server.faults.add(TrendsFault(path=EXPLORE, preset="captcha"))
    with pytest.raises(ResponseError, match="code 200") as refused:
        plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")
    assert not isinstance(refused.value, TooManyRequestsError)

    world.server.faults.add(TrendsFault(path=EXPLORE, preset="captcha"))
    with pytest.raises(TrendsRefused, match="takes us for a robot"):
        world.backend().explore(ONE)


def test_retries_work(world: Google, stock: Stock) -> None:
    plain = stock(retries=2, backoff_factor=0.1)
    with pytest.raises(TypeError, match="method_whitelist"):
        plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")

    world.server.faults.add(TrendsFault(path=EXPLORE, preset="server_error", times=2))
    assert world.backend().explore(ONE).offers
    assert world.endpoints[-3:] == [("explore", 500), ("explore", 500), ("explore", 200)]
    gc.collect()  # what the stock client left open


def test_an_answer_without_content_type_is_read_for_what_it_is(world: Google, stock: Stock) -> None:
    plain = stock()
    for preset in (None, "too_many_requests"):
        world.server.faults.add(TrendsFault(path=EXPLORE, preset=preset, no_content_type=True))
        with pytest.raises(KeyError, match="content-type"):
            plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")

    backend = world.backend()
    world.server.faults.add(TrendsFault(path=EXPLORE, no_content_type=True))
    assert backend.explore(ONE).offers
    world.server.faults.add(TrendsFault(path=EXPLORE, preset="too_many_requests", no_content_type=True))
    with pytest.raises(TrendsRefused):
        backend.explore(ONE)
    gc.collect()


def test_an_error_that_calls_itself_javascript_is_an_error(world: Google, stock: Stock) -> None:
    plain = stock()
    world.server.faults.add(TrendsFault(path=EXPLORE, preset="server_error_javascript"))
    with pytest.raises(ValueError, match="Expecting value"):
        plain.build_payload(["Nom1"], timeframe=ONE.timeframe, geo="FR")

    world.server.faults.add(TrendsFault(path=EXPLORE, preset="server_error_javascript", times=3))
    with pytest.raises(TrendsUnavailable, match="answered 500"):
        world.backend().explore(ONE)


def test_a_host_that_is_down_is_not_asked_for_its_cookie_without_end(world: Google, stock: Stock) -> None:
    """Stock pytrends asks at once, again and again, as long as the host is down (790 times in 3 s)."""
    world.server.faults.add(TrendsFault(path=COOKIE, reset=True, times=100))
    stock(requests_args={"proxies": {}})
    assert world.endpoints == [("cookie", 0)] * 100 + [("cookie", 404)]

    world.server.requests.clear()
    world.server.faults.add(TrendsFault(path=COOKIE, reset=True, times=100))
    with pytest.raises(TrendsUnreachable, match="run again later"):
        world.backend().explore(ONE)
    assert world.endpoints == [("cookie", 0)] * 3
    assert len(world.clock.slept) == 2
    gc.collect()


def test_what_both_read_right_is_the_same(world: Google, stock: Stock) -> None:
    plain = stock()
    plain.build_payload(["Nom1", "Nom2"], timeframe=ONE.timeframe, geo="FR")
    frame = plain.interest_over_time()
    backend = world.backend()
    read = points(backend.fetch(backend.explore(asked("Nom1", "Nom2")), Endpoint.TIMELINE))
    assert [[cell.value or 0 for cell in point.cells] for point in read] == frame[["Nom1", "Nom2"]].to_numpy().tolist()
    assert [point.epoch_s for point in read] == [int(moment.timestamp()) for moment in frame.index]
