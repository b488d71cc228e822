"""Answers of X that are no page of posts."""

from collections.abc import Callable
from datetime import timedelta

from elec_assets.domain.outcomes import Outcome
from elec_assets.sandbox.faults import Fault
from elec_assets_tests.bad_input.case import Case
from elec_assets_tests.bad_input.place import LEDGER, NOW, PARTITION, ROW, TABLE, WHOLE_ROWS, Place

_STAYS = "Everything stored before; the hour's missing time is asked for again by a later run."
_AND_ANSWER = " The answer, as received, is kept beside the request that it was for."
_CONSOLE = "in X's developer console"
_BAD_QUERY = {
    "errors": [{"parameters": {"query": ["?"]}, "message": "There were errors processing your request: no operator"}],
    "title": "Invalid Request",
    "detail": "One or more parameters to your request was invalid.",
    "type": "https://api.twitter.com/2/problems/invalid-request",
}
_NOT_FOUND = {"title": "Not Found Error", "detail": "Could not find what was asked for.", "type": "about:blank"}


def _seal(*faults: Fault) -> Callable[[Place], str]:
    return lambda place: place.seal(*faults)


def _limited(reset: str, times: int = 1) -> Fault:
    return Fault(preset="rate_limit", headers={"x-rate-limit-reset": reset} if reset else {}, times=times)


def _in(seconds: float) -> str:
    return str(int((NOW + timedelta(seconds=seconds)).timestamp()))


def _ends_all(name: str, comes: str, preset: str, outcome: Outcome, *says: str) -> Case:
    """An answer that every other question would get too: one request, and no further one in this run."""
    work = _seal(Fault(preset=preset, times=9))
    return Case(name, comes, work, (f"{PARTITION}: {outcome}", *says), outcome, 1, _STAYS)


def _lost(name: str, comes: str, fault: Fault, *says: str, raw: int = 1) -> Case:
    """No whole answer, four times: with waits of 2, 4 and 8 s between them."""
    said = (f"{PARTITION}: error", *says, "run again later")
    return Case(name, comes, _seal(fault), said, Outcome.ERROR, 4, _STAYS, waited_s=14, raw=raw)


def _odd(name: str, comes: str, fault: Fault, *says: str, rejects: int = 1, raw: int = 2) -> Case:
    """Status 200, and no page of posts: asked once."""
    said = (f"{PARTITION}: error", *says, "check ELEC_X_BASE_URL")
    kept = _STAYS + (_AND_ANSWER if rejects else "")
    return Case(name, comes, _seal(fault), said, Outcome.ERROR, 1, kept, rejects=rejects, raw=raw)


ANSWERS = (
    Case(
        "a_rate_limit_that_ends_soon",
        "429 with `x-rate-limit-reset` in 40 s",
        _seal(_limited(_in(40))),
        (f"{PARTITION}: ok",),
        Outcome.OK,
        3,
        "Everything; the run waits for the reset, and has the whole hour.",
        rows=WHOLE_ROWS,
        waited_s=40,
        raw=4,
        replaced=(ROW, LEDGER, TABLE),
    ),
    Case(
        "a_rate_limit_that_ends_late",
        "429 with `x-rate-limit-reset` in 14 min",
        _seal(_limited(_in(840), times=9)),
        (f"{PARTITION}: throttled", "X answered 429", "until 2027-02-02T15:14:00Z: run again then"),
        Outcome.THROTTLED,
        1,
        _STAYS,
    ),
    Case(
        "a_rate_limit_without_end",
        "429 without reset header",
        _seal(_limited("", times=9)),
        (f"{PARTITION}: throttled", "X answered 429", "run again in 15 minutes"),
        Outcome.THROTTLED,
        4,
        _STAYS,
        waited_s=14,
    ),
    _ends_all(
        *("the_usage_cap", "429 UsageCapExceeded", "usage_cap_exceeded", Outcome.OVER_BUDGET),
        *("UsageCapExceeded", f"raise the spending limit {_CONSOLE} or wait for the next period"),
    ),
    _ends_all("a_wrong_token", "401", "unauthorized", Outcome.REFUSED, "X answered 401", "check X_BEARER_TOKEN"),
    _ends_all(
        *("credits_used_up", "402", "credits_depleted", Outcome.OVER_BUDGET),
        *("CreditsDepleted", f"add credits {_CONSOLE}, then run the hours again"),
    ),
    _ends_all(
        *("a_client_not_enrolled", "403, reason `client-not-enrolled`", "client_not_enrolled", Outcome.REFUSED),
        *("X answered 403", f"put the app in a project with access to search, {_CONSOLE}"),
    ),
    _ends_all(
        *("an_official_client", "403, reason `official-client-forbidden`", "official_client_forbidden"),
        *(Outcome.REFUSED, "X answered 403", f"make one of yours {_CONSOLE} and use its token"),
    ),
    _ends_all(
        *("a_forbidden_client", "403 without reason", "client_forbidden", Outcome.REFUSED),
        *("X answered 403", f"check {_CONSOLE} that the app may use search"),
    ),
    _ends_all("no_such_endpoint", "404", "not_found", Outcome.ERROR, "X answered 404", "check ELEC_X_BASE_URL"),
    Case(
        "a_query_that_x_refuses",
        "400",
        _seal(Fault(status=400, body=_BAD_QUERY)),
        (f"{PARTITION}: error", "X answered 400", "no operator", "please report it with this text"),
        Outcome.ERROR,
        1,
        _STAYS,
    ),
    _lost("x_in_trouble", "503, five times", Fault(preset="service_unavailable", times=5), "X answered 503", raw=2),
    _lost("a_body_cut_midway", "A body that is cut midway", Fault(cut=0.5, times=4), "no whole answer from X"),
    _lost(
        "a_packed_body_cut_midway",
        "A gzip-coded body that is cut",
        Fault(gzip=True, cut=0.5, times=4),
        "no whole answer",
    ),
    Case(
        "a_redirect",
        "A redirect",
        _seal(Fault(redirect="https://elsewhere.example/2/tweets/search/all", times=9)),
        (f"{PARTITION}: error", "redirected to https://elsewhere.example/", "set ELEC_X_BASE_URL to the final address"),
        Outcome.ERROR,
        1,
        "Everything stored before. The token does not follow the redirect.",
    ),
    _odd(
        *("errors_and_no_posts", "200 with `errors` alone", Fault(body={"errors": [_NOT_FOUND]})),
        *("X answered 200 with no search page", "Could not find what was asked for"),
        raw=2,
    ),
    _odd("a_web_page", "200 with HTML", Fault(body="<html>busy</html>"), "X answered 200 with no search page", raw=2),
    _odd("a_page_cut_at_its_end", "200 with half a page", Fault(body='{"data":[{"id":"1'), "no search page", raw=2),
    _odd(
        *("an_endless_answer", "200 with 10 GB", Fault(filler_bytes=10 << 30)),
        "X's answer is longer than 32 MiB and was given up",
        rejects=0,
        raw=1,
    ),
)
