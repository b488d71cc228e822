"""The client of Google Trends against the sandbox: whole cycles, refusals, and what is asked again."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from elec_assets.clients.google_trends import GoogleTrends, TrendsBackend
from elec_assets.clients.trends_errors import (
    TrendsCoolingDown,
    TrendsError,
    TrendsGarbled,
    TrendsInvalid,
    TrendsMisplaced,
    TrendsRefused,
    TrendsTokenRefused,
    TrendsUnavailable,
    TrendsUnreachable,
    TrendsWithheld,
)
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.domain.windows import iso_ms
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.transforms.trends_answers import Verdict, judge
from elec_assets.transforms.trends_documents import RawTrendsDocument, decode_document, encode_document
from elec_assets_tests.clients.trends import COOKIE, DATA, EXPLORE, ONE, OTHER, WIDGETS, Google, asked

StartGoogle = Callable[..., Google]
QUOTA = "USER_TYPE_EMBED_OVER_QUOTA"


def cycle(backend: TrendsBackend, request: TrendsRequest) -> dict[Endpoint, RawTrendsDocument]:
    explored = backend.explore(request)
    return {endpoint: backend.fetch(explored, endpoint) for endpoint in DATA}


@pytest.mark.parametrize("geo", ["FR", ""])
def test_a_candidate_alone_has_four_documents(google: StartGoogle, geo: str) -> None:
    world = google()
    documents = cycle(world.backend(), asked("Nom1", geo=geo))
    assert [judge(document) for document in documents.values()] == [Verdict.OK] * 4
    assert {document.user_type for document in documents.values()} == {"USER_TYPE_SCRAPER"}
    assert {document.resolution for document in documents.values()} == {"EIGHT_MINUTE"}
    assert {(d.backend, d.backend_version) for d in documents.values()} == {("pytrends", "4.9.2")}
    for document in documents.values():
        assert decode_document(encode_document(document), "x") == document
    level = json.loads(documents[Endpoint.REGIONS].sent or "")
    assert (level["resolution"], level["includeLowSearchVolumeGeos"]) == ("REGION" if geo else "COUNTRY", False)
    assert [documents[endpoint].sent for endpoint in DATA if endpoint is not Endpoint.REGIONS] == [None] * 3


def test_candidates_compared_have_a_timeline_and_no_lists(google: StartGoogle) -> None:
    documents = cycle(google().backend(), asked("Nom1", "Nom2", "Nom3"))
    assert [judge(document) for document in documents.values()] == [Verdict.OK] * 2 + [Verdict.ABSENT] * 2


def test_the_wire_is_as_recorded(google: StartGoogle) -> None:
    """One connection, one cookie, English, an empty POST, and no header that makes us another program."""
    world = google(cookie_required=True)
    backend = world.backend()
    for request in (ONE, OTHER):
        cycle(backend, request)
    first, *rest = world.server.requests
    assert (first.asked.endpoint, first.cookie, first.status) == ("cookie", "", 404)
    assert len({request.cookie for request in rest}) == 1
    assert {request.headers["accept-language"] for request in rest} == {"en-US"}
    assert {request.headers["user-agent"].split("/")[0] for request in rest} == {"python-requests"}
    assert {(request.method, request.headers.get("content-length")) for request in rest} == {
        ("POST", "0"),
        ("GET", None),
    }
    assert len(world.server.connections()) == 1
    assert len(world.server.requests) == 1 + 2 * 5


def test_the_cookie_is_kept_for_the_next_process(google: StartGoogle) -> None:
    world = google(cookie_required=True)
    world.backend().explore(ONE)
    world.backend().explore(OTHER)
    assert [endpoint for endpoint, _ in world.endpoints] == ["cookie", "explore", "explore"]
    assert world.server.requests[1].cookie == world.server.requests[2].cookie != ""


def test_without_a_cookie_it_is_asked_once_and_gone_on(google: StartGoogle, caplog: pytest.LogCaptureFixture) -> None:
    world = google(faults=[TrendsFault(path=COOKIE, status=200, times=9)])
    backend = world.backend()
    for request in (ONE, OTHER):
        assert backend.explore(request).offers
    assert [endpoint for endpoint, _ in world.endpoints] == ["cookie", "explore", "explore"]
    assert "gave no cookie" in caplog.text


def test_the_first_document_tells_of_the_explore_call(google: StartGoogle) -> None:
    world = google()
    documents = cycle(world.backend(), ONE)
    told = {endpoint: [exchange.endpoint for exchange in d.exchanges] for endpoint, d in documents.items()}
    assert told == {endpoint: [endpoint] for endpoint in DATA} | {Endpoint.TIMELINE: [Endpoint.EXPLORE, DATA[0]]}
    explore, own = documents[Endpoint.TIMELINE].exchanges
    assert (explore.status, explore.attempt, explore.error_kind) == (200, 1, None)
    assert own.bytes == len(documents[Endpoint.TIMELINE].body)
    assert own.latency_ms is not None
    assert own.fetched_at == iso_ms(documents[Endpoint.TIMELINE].fetched_at)


# Refusals


@pytest.mark.parametrize(
    ("fault", "path", "wait_s"),
    [
        (TrendsFault(preset="too_many_requests"), EXPLORE, 60),
        (TrendsFault(preset="too_many_requests"), WIDGETS, 60),
        (TrendsFault(preset="too_many_requests"), COOKIE, 60),
        (TrendsFault(preset="too_many_requests_retry_after", headers={"Retry-After": "7200"}), EXPLORE, 7200),
        (TrendsFault(preset="forbidden"), EXPLORE, 60),
        (TrendsFault(preset="captcha"), EXPLORE, 60),
        (TrendsFault(preset="captcha"), WIDGETS, 60),
        (TrendsFault(preset="captcha"), COOKIE, 60),
        (TrendsFault(preset="unauthorized"), EXPLORE, 60),
        (TrendsFault(user_type=QUOTA), EXPLORE, 60),
        (TrendsFault(redirect="https://www.google.com/sorry/index?continue=x"), EXPLORE, 60),
        (TrendsFault(redirect="https://www.google.com/sorry/index?continue=x"), COOKIE, 60),
    ],
)
def test_a_refusal_is_not_asked_again_and_closes_the_way_for_all(
    google: StartGoogle, fault: TrendsFault, path: str, wait_s: int
) -> None:
    world = google(faults=[replace(fault, path=path)])
    backend = world.backend()
    with pytest.raises(TrendsRefused) as told:
        cycle(backend, ONE)
    assert (told.value.outcome, told.value.fatal, told.value.retriable) == (Outcome.REFUSED, True, False)
    assert [exchange.error_kind for exchange in told.value.exchanges][-1:] == ["refused"] * (path != COOKIE)
    assert told.value.resume_at is not None
    assert wait_s - 1 < (told.value.resume_at - world.clock.now).total_seconds() <= wait_s
    sent = len(world.server.requests)
    for process in (backend, world.backend()):
        with pytest.raises(TrendsCoolingDown, match="it refused to answer; run again then") as closed:
            process.explore(OTHER)
        assert closed.value.resume_at == told.value.resume_at
    assert (len(world.server.requests), world.clock.slept) == (sent, [])
    world.clock.now = told.value.resume_at
    assert world.backend().explore(ONE).offers


def test_a_list_that_is_withheld_is_no_refusal(google: StartGoogle) -> None:
    """It may be all that Google has for a scraper: the timelines of the others must not wait for it."""
    world = google()
    backend = world.backend()
    explored = backend.explore(ONE)
    world.server.faults.add(TrendsFault(path=WIDGETS, empty=True))
    with pytest.raises(TrendsWithheld) as told:
        backend.fetch(explored, Endpoint.QUERIES)
    assert (told.value.outcome, told.value.fatal, told.value.resume_at) == (Outcome.THROTTLED, False, None)
    assert [exchange.error_kind for exchange in told.value.exchanges] == [None, "withheld"]
    assert backend.fetch(backend.explore(OTHER), Endpoint.TIMELINE).body


def test_an_empty_timeline_or_map_is_an_answer(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    explored = backend.explore(ONE)
    for endpoint in (Endpoint.TIMELINE, Endpoint.REGIONS):
        world.server.faults.add(TrendsFault(path=WIDGETS, empty=True))
        assert judge(backend.fetch(explored, endpoint)) is Verdict.EMPTY


# What is asked again


@pytest.mark.parametrize(
    ("fault", "error", "kind", "status"),
    [
        (TrendsFault(preset="server_error"), TrendsUnavailable, "server_error", 500),
        (TrendsFault(preset="server_error_javascript"), TrendsUnavailable, "server_error", 500),
        (TrendsFault(reset=True), TrendsUnreachable, "timeout", None),
        (TrendsFault(cut=0.5), TrendsUnreachable, "timeout", None),
        (TrendsFault(truncate=0.5), TrendsGarbled, "unreadable", 200),
        (TrendsFault(truncate=0), TrendsGarbled, "unreadable", 200),
        (TrendsFault(status=204), TrendsError, "error", 204),
    ],
)
@pytest.mark.parametrize("path", [EXPLORE, WIDGETS])
def test_what_may_pass_is_asked_three_times(
    google: StartGoogle, fault: TrendsFault, error: type[TrendsError], kind: str, status: int | None, path: str
) -> None:
    times = 3 if error.retriable else 1
    world = google(faults=[replace(fault, path=path, times=times)])
    backend = world.backend()
    with pytest.raises(error) as told:
        cycle(backend, ONE)
    own = [exchange for exchange in told.value.exchanges if exchange.error_kind is not None]
    assert [(exchange.error_kind, exchange.status) for exchange in own] == [(kind, status)] * times
    assert [exchange.attempt for exchange in own] == list(range(1, times + 1))
    assert len(told.value.exchanges) == times + (path == WIDGETS)
    assert told.value.outcome is Outcome.ERROR
    assert len(world.clock.slept) == times - 1
    assert all(0 <= slept <= 4 * 2**n for n, slept in enumerate(world.clock.slept))
    assert backend.explore(ONE).offers


def test_a_second_attempt_that_succeeds_tells_of_the_first(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=WIDGETS, preset="server_error", times=2)])
    backend = world.backend()
    document = backend.fetch(backend.explore(ONE), Endpoint.TIMELINE)
    told = [
        (exchange.endpoint, exchange.attempt, exchange.status, exchange.error_kind) for exchange in document.exchanges
    ]
    assert told == [
        (Endpoint.EXPLORE, 1, 200, None),
        (Endpoint.TIMELINE, 1, 500, "server_error"),
        (Endpoint.TIMELINE, 2, 500, "server_error"),
        (Endpoint.TIMELINE, 3, 200, None),
    ]


def test_a_stall_is_given_up(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, delay_s=0.5)])
    backend = world.backend(timeout_s=0.3)
    assert backend.explore(ONE).offers
    assert len(world.clock.slept) == 1


def test_what_google_does_not_take_is_never_sent_again(google: StartGoogle) -> None:
    """`quarantined`: the kind in the exchanges is what later runs know it by."""
    world = google(faults=[TrendsFault(path=EXPLORE, status=400)])
    with pytest.raises(TrendsInvalid, match="answered 400: it does not take this request") as told:
        world.backend().explore(ONE)
    assert (told.value.kind, told.value.outcome, told.value.fatal) == ("invalid", Outcome.ERROR, False)
    assert world.endpoints == [("cookie", 404), ("explore", 400)]


def test_a_refused_token_leads_to_one_new_explore_call(google: StartGoogle) -> None:
    """And its other widgets are then asked for with the new tokens."""
    world = google()
    backend = world.backend()
    explored = backend.explore(ONE)
    world.clock.now += timedelta(hours=25)  # tokens last for a day
    documents = [backend.fetch(explored, endpoint) for endpoint in DATA]
    assert [judge(document) for document in documents] == [Verdict.OK] * 4
    statuses = [("explore", 200), ("multiline", 401), ("explore", 200), ("multiline", 200)]
    assert [(e, s) for e, s in world.endpoints[1:5] if e != "unknown"] == statuses
    assert len(world.endpoints) == 1 + 4 + 3
    told = [(exchange.endpoint, exchange.attempt, exchange.error_kind) for exchange in documents[0].exchanges]
    assert told == [
        (Endpoint.EXPLORE, 1, None),
        (Endpoint.TIMELINE, 1, "token_refused"),
        (Endpoint.EXPLORE, 2, None),
        (Endpoint.TIMELINE, 2, None),
    ]
    world.server.requests.clear()
    world.clock.now += timedelta(hours=25)
    assert backend.fetch(backend.explore(ONE), Endpoint.TIMELINE).body
    assert [status for _, status in world.endpoints] == [200, 200]


def test_a_new_token_that_is_refused_too_is_told(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=WIDGETS, preset="unauthorized", times=9)])
    with pytest.raises(TrendsTokenRefused) as told:
        cycle(world.backend(), ONE)
    assert [status for _, status in world.endpoints] == [404, 200, 401, 200, 401]
    assert len(told.value.exchanges) == 4


def test_a_widget_that_the_new_explore_call_lacks_is_absent(google: StartGoogle) -> None:
    world = google()
    backend = world.backend()
    explored = backend.explore(ONE)
    world.clock.now += timedelta(hours=25)
    world.server.faults.add(TrendsFault(path=EXPLORE, drop_widget="TIMESERIES"))
    assert backend.fetch(explored, Endpoint.TIMELINE).absent


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (
            TrendsFault(path=EXPLORE, redirect="https://consent.google.com/m?continue=secret"),
            "to consent.google.com/m; set",
        ),
        (TrendsFault(path=EXPLORE, status=404), "answered 404: check ELEC_TRENDS_BASE_URL"),
    ],
)
def test_another_address_is_told_and_not_followed(google: StartGoogle, fault: TrendsFault, text: str) -> None:
    world = google(faults=[fault])
    with pytest.raises(TrendsMisplaced, match=text) as told:
        world.backend().explore(ONE)
    assert told.value.fatal
    assert "secret" not in str(told.value)
    assert len(world.server.requests) == 2


def test_nothing_is_fetched_for_explore(google: StartGoogle) -> None:
    backend = google().backend()
    with pytest.raises(ValueError, match="explore has no document"):
        backend.fetch(backend.explore(ONE), Endpoint.EXPLORE)


# Pace


def test_every_exchange_is_counted_also_those_in_vain(google: StartGoogle) -> None:
    world = google(faults=[TrendsFault(path=EXPLORE, preset="server_error", times=2)])
    limits = TrendsLimits(pace_per_h=3600, floor_per_h=60, ceiling_per_h=3600)
    cycle(world.backend(limits), ONE)
    pace = world.governor(limits).look()
    assert len(pace.sent_ms) == len(world.server.requests) == 8
    assert pace.clean == 6


def test_at_the_cap_nothing_is_sent(google: StartGoogle) -> None:
    world = google()
    backend = world.backend(TrendsLimits(daily_cap=6))
    cycle(backend, ONE)
    with pytest.raises(TrendsCoolingDown, match="limit of 6 requests in 24 hours") as told:
        backend.explore(OTHER)
    assert (told.value.outcome, len(world.server.requests)) == (Outcome.OVER_BUDGET, 6)


def test_the_pace_is_kept_on_the_wire(google: StartGoogle) -> None:
    world = google()
    backend = world.backend(TrendsLimits(pace_per_h=60, burst=2))
    for request in (ONE, OTHER, asked("Nom3")):
        cycle(backend, request)
    times = [request.at for request in world.server.requests]
    assert timedelta(minutes=0.7 * 13) < times[-1] - times[0] < timedelta(minutes=1.3 * 15)


# Secrets


def test_the_cookie_is_shown_nowhere(google: StartGoogle, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = google()
    backend = world.backend()
    documents = cycle(backend, ONE)
    cookie = world.server.requests[-1].cookie
    world.server.faults.add(TrendsFault(path=EXPLORE, reset=True, times=3))
    world.server.faults.add(TrendsFault(path=EXPLORE, status=418))
    shown = [caplog.text, repr(backend), repr(vars(backend)), repr(vars(backend._session)), repr(documents)]
    for _ in range(2):
        with pytest.raises(TrendsError) as told:
            backend.explore(OTHER)
        assert told.value.__cause__ is None
        assert told.value.__suppress_context__ or told.value.__context__ is None
        shown += [str(told.value), repr(told.value.exchanges)]
    assert len(cookie) > 20
    assert all(cookie not in text for text in shown)


def test_the_backend_is_one_of_the_protocol(google: StartGoogle) -> None:
    backend: TrendsBackend = google().backend()
    assert isinstance(backend, GoogleTrends)
    assert (backend.name, backend.version) == ("pytrends", "4.9.2")
