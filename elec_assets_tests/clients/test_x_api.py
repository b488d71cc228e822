"""The search client against the sandbox of X, its faults, and the waits that they cause."""

import json
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from elec_assets.clients.x_api import PAGE_POSTS, Answer, SearchRequest, XApi, with_token
from elec_assets.clients.x_errors import (
    XCreditsDepleted,
    XError,
    XForbidden,
    XInvalidRequest,
    XNotFound,
    XRateLimited,
    XRedirected,
    XServerError,
    XUnauthorized,
    XUnreachable,
    XUsageCapExceeded,
)
from elec_assets.domain.windows import id_bounds
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import HOUR, Clock, x_api

Serve = Callable[..., XServer]
CANARY = "AAAAcanary%2Ftoken"
SINCE, UNTIL = id_bounds(HOUR)
REQUEST = SearchRequest('"Élodie Numéro3" OR @Compte_3', SINCE, UNTIL)
SEARCH = "/2/tweets/search/all"


def pages(api: XApi, request: SearchRequest = REQUEST) -> list[Answer]:
    answers = [api.search(request)]
    while token := json.loads(answers[-1].body)["meta"].get("next_token"):
        answers.append(api.search(with_token(request, token)))
    return answers


def test_pages_come_whole_and_newest_first(serve: Serve, clock: Clock) -> None:
    server = serve()
    answers = pages(x_api(server.url, clock))
    bodies = [json.loads(answer.body) for answer in answers]
    ids = [int(post["id"]) for body in bodies for post in body["data"]]
    assert ids == sorted(set(ids), reverse=True)
    assert all(SINCE < i < UNTIL for i in ids)
    assert len(answers) > 1
    assert [len(body["data"]) for body in bodies[:-1]] == [PAGE_POSTS] * (len(bodies) - 1)
    assert {r.path for r in server.requests} == {SEARCH}
    assert all(a.received_at < b.received_at for a, b in pairwise(answers))
    post, asked = bodies[0]["data"][0], server.requests[0].params
    assert {"author_id", "conversation_id", "edit_history_tweet_ids", "public_metrics", "lang"} <= post.keys()
    assert asked["since_id"] == str(SINCE)
    assert asked["until_id"] == str(UNTIL)


def test_the_new_spelling_is_learnt_once(serve: Serve, clock: Clock) -> None:
    server = serve(spelling="post")
    api = x_api(server.url, clock)
    answers = pages(api)
    assert len(answers) > 1
    assert [r.status for r in server.requests] == [400] + [200] * len(answers)
    assert "tweet.fields" in server.requests[0].params
    assert "post.fields" in server.requests[1].params
    old = pages(x_api(serve().url, clock))
    ids = [[p["id"] for a in found for p in json.loads(a.body)["data"]] for found in (answers, old)]
    assert ids[0] == ids[1]


def test_a_server_that_takes_neither_spelling_is_told(serve: Serve, clock: Clock) -> None:
    """No endless switching between the two."""
    body = {"title": "Invalid Request", "errors": [{"message": "tweet.fields or post.fields"}]}
    server = serve(faults=[Fault(status=400, body=body, times=9)])
    with pytest.raises(XInvalidRequest, match="X answered 400"):
        x_api(server.url, clock).search(REQUEST)
    assert len(server.requests) == 2


def test_a_connection_lost_while_the_spelling_changes_is_typed_and_tried_again(serve: Serve, clock: Clock) -> None:
    """The second request of a change of spelling let requests' own error out, which nothing above expects."""
    server = serve(spelling="post", faults=[Fault(skip=1, reset=True)])
    answer = x_api(server.url, clock).search(REQUEST)
    assert json.loads(answer.body)["data"]
    assert [r.status for r in server.requests] == [400, 0, 200]


def test_three_bad_moments_are_outlived_with_growing_waits(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(preset="service_unavailable"), Fault(reset=True), Fault(cut=0.5)])
    answer = x_api(server.url, clock).search(REQUEST)
    assert len(json.loads(answer.body)["data"]) == PAGE_POSTS
    assert [r.status for r in server.requests] == [503, 0, 200, 200]
    assert clock.slept == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        (Fault(preset="service_unavailable", times=5), XServerError, "X is in trouble"),
        (Fault(status=500, body="<html>", times=5), XServerError, "no title"),
        (Fault(reset=True, times=5), XUnreachable, "no whole answer from X"),
        (Fault(cut=0.9, times=5), XUnreachable, "no whole answer from X"),
    ],
)
def test_after_four_attempts_it_gives_up(
    serve: Serve, clock: Clock, fault: Fault, kind: type[XError], says: str
) -> None:
    server = serve(faults=[fault])
    with pytest.raises(kind, match=says):
        x_api(server.url, clock).search(REQUEST)
    assert len(server.requests) == 4
    assert server.faults.left == 1
    assert clock.slept == [2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("preset", "kind"),
    [
        ("unauthorized", XUnauthorized),
        ("credits_depleted", XCreditsDepleted),
        ("client_not_enrolled", XForbidden),
        ("usage_cap_exceeded", XUsageCapExceeded),
        ("not_found", XNotFound),
    ],
)
def test_what_waiting_cannot_help_is_asked_once(serve: Serve, clock: Clock, preset: str, kind: type[XError]) -> None:
    """UsageCapExceeded is a 429 whose rate headers are not exhausted: waiting for their reset would never end."""
    headers = {"x-rate-limit-remaining": "39999", "x-rate-limit-reset": str(int(clock.now.timestamp()) + 5)}
    server = serve(faults=[Fault(preset=preset, headers=headers, times=9)])
    with pytest.raises(kind) as told:
        x_api(server.url, clock).search(REQUEST)
    assert type(told.value) is kind
    assert len(server.requests) == 1
    assert clock.slept == []


def test_a_wrong_token_is_refused_by_the_sandbox_as_by_x(serve: Serve, clock: Clock) -> None:
    with pytest.raises(XUnauthorized, match="check X_BEARER_TOKEN"):
        x_api(serve().url, clock, token="wrong").search(REQUEST)


def limited(reset: datetime | None) -> Fault:
    return Fault(
        preset="rate_limit", headers={} if reset is None else {"x-rate-limit-reset": str(reset.timestamp())[:10]}
    )


def test_a_rate_limit_that_ends_soon_is_waited_for(serve: Serve, clock: Clock) -> None:
    reset = clock.now + timedelta(seconds=40)
    server = serve(faults=[limited(reset)])
    assert x_api(server.url, clock).search(REQUEST).received_at > reset
    assert len(clock.slept) == 1
    assert 40 < clock.slept[0] <= 41


def test_a_rate_limit_that_ended_already_is_waited_for_a_second(serve: Serve, clock: Clock) -> None:
    x_api(serve(faults=[limited(clock.now - timedelta(hours=1))]).url, clock).search(REQUEST)
    assert clock.slept == [1.0]


def test_a_rate_limit_that_ends_late_is_told_at_once(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[limited(clock.now + timedelta(minutes=14))])
    with pytest.raises(XRateLimited, match="too many requests until 2027-02-02T15:14:00Z: run again then"):
        x_api(server.url, clock).search(REQUEST)
    assert clock.slept == []
    assert len(server.requests) == 1


def test_a_rate_limit_without_end_is_tried_a_few_times(serve: Serve, clock: Clock) -> None:
    """What tweepy itself does then recurses without end."""
    server = serve(faults=[limited(None)] * 9)
    with pytest.raises(XRateLimited, match="for an unnamed time"):
        x_api(server.url, clock).search(REQUEST)
    assert clock.slept == [2.0, 4.0, 8.0]
    assert len(server.requests) == 4


def test_limits_as_x_sets_them_are_kept_by_pacing(serve: Serve, clock: Clock) -> None:
    """One question a second at the full archive: with the pace of the settings none of twenty is refused."""
    server = serve(rate_factor=1.0)
    api = x_api(server.url, clock, pace_s=1.0)
    for _ in range(20):
        api.search(REQUEST)
    assert {r.status for r in server.requests} == {200}
    assert len(clock.slept) == 19
    assert all(0 < s <= 1 for s in clock.slept)
    clock.slept.clear()
    clock.now += timedelta(seconds=5)
    api.search(REQUEST)
    assert clock.slept == []


def test_a_clock_set_back_does_not_stop_the_pace(serve: Serve, clock: Clock) -> None:
    """An hour set back was slept for an hour."""
    api = x_api(serve().url, clock, pace_s=1.0)
    api.search(REQUEST)
    clock.now -= timedelta(hours=1)
    api.search(REQUEST)
    assert max(clock.slept, default=0) <= 1.0


def test_the_token_never_follows_a_redirect(serve: Serve, clock: Clock) -> None:
    other = serve(token=CANARY)
    server = serve(token=CANARY, faults=[Fault(redirect=f"{other.url}{SEARCH}?query=x", times=9)])
    with pytest.raises(XRedirected, match=f"redirected to {other.url}.*ELEC_X_BASE_URL"):
        x_api(server.url, clock, token=CANARY).search(REQUEST)
    assert other.requests == []
    assert len(server.requests) == 1


def test_an_answer_that_does_not_come_is_a_timeout(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(delay_s=3.0)])
    # On a busy machine an answer that is not held back took more than 0.2 s (2026-11-22).
    assert json.loads(x_api(server.url, clock, timeout_s=1.5).search(REQUEST).body)["data"]
    assert clock.slept == [2.0]
    server.faults.add(Fault(delay_s=0.4, times=4))
    with pytest.raises(XUnreachable, match=r"no whole answer from X \(ReadTimeout\); run again later"):
        x_api(server.url, clock, timeout_s=0.2).search(REQUEST)


def test_an_address_where_nobody_answers_is_told(clock: Clock) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(XUnreachable, match="no whole answer from X"):
            x_api(url, clock).search(REQUEST)


def test_a_proxy_of_this_machine_is_not_asked_for_the_sandbox(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library requests chose the proxy by tweepy's fixed address, so NO_PROXY for 127.0.0.1 was never looked at.

    Without NO_PROXY too: the demo behind a proxy had its stream's rules asked of the proxy.
    """
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    server = serve()
    assert json.loads(x_api(server.url, clock).search(REQUEST).body)["data"]
    assert clock.slept == []


def test_no_log_and_no_error_holds_the_token(
    serve: Serve, clock: Clock, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """At DEBUG tweepy logs the headers of each request, the token among them."""
    caplog.set_level(logging.DEBUG, "tweepy")
    faults = [
        Fault(reset=True, times=4),
        Fault(preset="service_unavailable", times=4),
        Fault(cut=0.5, times=4),
        Fault(preset="unauthorized"),
        Fault(status=200, body="{}"),
    ]
    told = []
    with caplog.at_level(logging.DEBUG):
        for fault in faults:
            api = x_api(serve(token=CANARY, faults=[fault]).url, clock, token=CANARY)
            try:
                api.search(REQUEST)
            except XError as error:
                told += [str(error), repr(error), repr(error.__cause__), error.body.decode(errors="replace")]
            told.append(repr(api))
    shown = "\n".join([caplog.text, *told, *capfd.readouterr()])
    assert "/2/tweets/search/all" in shown
    assert CANARY not in shown


def test_usage_tells_posts_read(serve: Serve, clock: Clock) -> None:
    server = serve()
    api = x_api(server.url, clock)
    api.search(REQUEST)
    assert api.usage() == str(server.bill.posts)
    server.faults.add(Fault(path="/2/usage/tweets", body={"data": {}}))
    assert api.usage() == "unknown"


@pytest.mark.parametrize(
    "body", ['{"data":[1]}', '{"data":null}', "[]", "not JSON", '{"data":{"project_usage":"\\ud800"}}', "[" * 50_000]
)
def test_usage_of_an_unknown_form_is_unknown(serve: Serve, clock: Clock, body: str) -> None:
    """What `elec doctor` shows must not end in a traceback: deep nesting did."""
    api = x_api(serve(faults=[Fault(body=body)]).url, clock)
    assert api.usage() == "unknown"


def test_usage_that_is_refused_is_typed(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(preset="unauthorized"), Fault(reset=True)])
    api = x_api(server.url, clock)
    with pytest.raises(XUnauthorized):
        api.usage()
    with pytest.raises(XUnreachable, match=server.url):
        api.usage()


def test_recent_search_asks_the_other_endpoint(serve: Serve, clock: Clock) -> None:
    server = serve()
    api = XApi(
        token="sandbox-token",
        base_url=f"{server.url}/",
        archive="recent",
        timeout_s=10,
        pace_s=0,
        clock=clock,
        sleep=clock.sleep,
    )
    assert api.search(REQUEST).received_at.tzinfo is UTC
    assert api.endpoint == server.requests[0].path == "/2/tweets/search/recent"
