import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_errors import (
    XError,
    XInvalidRequest,
    XServerError,
    XUnauthorized,
    XUnreachable,
    XUnreadable,
    classify,
)
from elec_assets.clients.x_rules import Added, RefusedRule, XRules
from elec_assets.domain.rule_sync import HeldRule
from elec_assets.domain.rules import StreamRule, rule_tag_prefix, stream_rules
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import election

Serve = Callable[..., XServer]
NOW = datetime(2027, 2, 1, tzinfo=UTC)
ROUTE = "/2/tweets/search/stream/rules"
ONE = StreamRule('("One") lang:fr', "elec:xx_2027:one")
TWO = StreamRule('("Two") lang:fr', "elec:xx_2027:two")
BAD = StreamRule('("Three" lang:fr', "elec:xx_2027:three")


def control(url: str, token: str = TOKEN) -> XControl:
    return XControl(token=token, base_url=url, timeout_s=5.0)


def rules(url: str) -> XRules:
    return XRules(control(url))


def names(held: tuple[HeldRule, ...]) -> set[tuple[str, str]]:
    return {(rule.value, rule.tag) for rule in held}


def answer(status: int = 200, **body: Any) -> Fault:  # noqa: ANN401 - JSON
    return Fault(path=ROUTE, status=status, body=body)


def test_rules_are_brought_to_what_is_wanted_and_kept_there(serve: Serve) -> None:
    made = rules(serve().url)
    wanted = stream_rules(election(), NOW)
    first = made.sync(wanted)
    assert names(first.added) == {(rule.value, rule.tag) for rule in wanted} == names(made.held())
    assert (first.deleted, first.refused, first.left_out) == ((), (), ())
    assert first.changed(rule_tag_prefix("xx_2027"))
    assert not first.changed(rule_tag_prefix("yy_2027"))
    again = made.sync(wanted)
    assert (again.added, again.deleted) == ((), ())
    assert not again.changed("elec:")


def test_a_changed_rule_is_added_before_the_old_one_goes(serve: Serve) -> None:
    """And a sync that was ended midway is ended by the next one."""
    # Listing, trial, addition of the first sync; the same of the second, whose deletion fails.
    server = serve(faults=[Fault(path=ROUTE, skip=6, preset="service_unavailable")])
    made = rules(server.url)
    made.sync([ONE, TWO])
    new = StreamRule('("One" OR "Uno") lang:fr', ONE.tag)
    with pytest.raises(XServerError):
        made.sync([new, TWO])
    assert len(made.held()) == 3
    done = made.sync([new, TWO])
    assert (names(done.added), names(done.deleted)) == (set(), {(ONE.value, ONE.tag)})
    assert names(made.held()) == {(new.value, new.tag), (TWO.value, TWO.tag)}
    asked = [(request.method, request.params.get("dry_run")) for request in server.requests[:6]]
    assert asked == [("GET", None), ("POST", "true"), ("POST", None)] * 2


def test_the_rules_of_others_stay(serve: Serve) -> None:
    made = rules(serve().url)
    theirs = made.add([StreamRule("(theirs)", "theirs"), StreamRule("(nameless)", "")])
    made.sync([ONE])
    made.sync([])
    assert names(made.held()) == names(theirs.held) == {("(theirs)", "theirs"), ("(nameless)", "")}
    assert names(made.held("theirs")) == {("(theirs)", "theirs")}


def test_a_bad_rule_is_named_with_the_reason_and_stops_no_other(serve: Serve) -> None:
    server = serve()
    done = rules(server.url).sync([ONE, BAD, TWO])
    assert names(done.added) == {(ONE.value, ONE.tag), (TWO.value, TWO.tag)}
    (refusal,) = done.refused
    assert refusal.rule == BAD
    assert refusal.why.startswith("UnprocessableEntity: ")


def test_a_bad_new_rule_leaves_its_old_one_to_work(serve: Serve) -> None:
    """A slip in the registry must not end the capture of a candidate who was followed well until then."""
    made = rules(serve().url)
    made.sync([ONE, TWO])
    done = made.sync([StreamRule(BAD.value, ONE.tag)])
    assert (names(done.added), names(done.deleted)) == (set(), {(TWO.value, TWO.tag)})
    assert names(made.held()) == {(ONE.value, ONE.tag)}


def test_a_rule_that_is_held_counts_only_under_its_own_tag(serve: Serve) -> None:
    """X answers DuplicateRule with success, and tweepy raises nothing."""
    made = rules(serve().url)
    held = made.add([ONE]).held
    assert made.add([ONE]) == Added(held, ())
    (refusal,) = made.add([StreamRule(ONE.value, TWO.tag)]).refused
    assert refusal.why == f"X holds a rule of this value under another tag (rule {held[0].id})"


def test_hundreds_of_rules_go_in_parts_that_x_takes(serve: Serve) -> None:
    server = serve()
    made = rules(server.url)
    many = [StreamRule(f"(word{n})", f"elec:xx_2027:{n}") for n in range(250)]
    assert len(made.sync(many).added) == 250
    made.sync([])
    assert made.held() == ()
    # Three parts, each tried and added, and three deleted.
    assert [request.method for request in server.requests].count("POST") == 9


def test_a_rule_that_is_gone_already_is_deleted(serve: Serve) -> None:
    made = rules(serve().url)
    (held,) = made.add([ONE]).held
    made.delete([held.id, "12345"])
    made.delete([held.id])
    assert made.held() == ()


def test_all_pages_of_rules_are_read(serve: Serve) -> None:
    rows = [{"id": str(n), "value": f"v{n}", "tag": f"elec:{n}"} for n in range(4)]
    server = serve(
        faults=[
            answer(data=rows[:2], meta={"next_token": "more"}),
            answer(data=rows[2:], meta={"next_token": "still more"}),
            answer(data=rows[1:2], meta={"result_count": 1}),
        ]
    )
    assert [rule.id for rule in rules(server.url).held()] == ["0", "1", "2", "3"]
    assert [dict(request.params) for request in server.requests] == [
        {},
        {"pagination_token": "more"},
        {"pagination_token": "still more"},
    ]


def test_pages_without_end_are_given_up(serve: Serve) -> None:
    server = serve(faults=[Fault(path=ROUTE, status=200, body={"data": [], "meta": {"next_token": "x"}}, times=200)])
    assert rules(server.url).held() == ()
    assert len(server.requests) == 101


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "details": (
        {"title": "UnprocessableEntity", "detail": "no", "details": ["at 3", 7]},
        "UnprocessableEntity: no: at 3: 7",
    ),
    "cap": ({"title": "RulesCapExceeded", "type": "x/rule-cap"}, "RulesCapExceeded"),
    "duplicate by type": (
        {"type": "https://api.x.com/2/problems/duplicate-rules", "id": 5},
        "X holds a rule of this value under another tag (rule 5)",
    ),
    "duplicate without id": (
        {"title": "DuplicateRule"},
        "X holds a rule of this value under another tag (rule without id)",
    ),
    "nothing": ({}, "X gave no reason"),
}


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("status", [200, 201, 400])
def test_each_form_of_a_refusal_is_read(serve: Serve, reason: tuple[dict[str, Any], str], status: int) -> None:
    said, why = reason
    body = {"errors": [{"value": ONE.value, **said}], "meta": {"summary": {"not_created": 1}}}
    made = rules(serve(faults=[answer(status, **body)]).url)
    assert made.add([ONE]) == Added((), (RefusedRule(ONE, why),))


def test_a_rule_that_nobody_speaks_of_is_refused(serve: Serve) -> None:
    server = serve(faults=[answer(201, meta={}), answer(201, meta={})])
    assert rules(server.url).add([ONE]).refused == (RefusedRule(ONE, "X did not add it and gave no reason"),)


ERRORS: dict[str, tuple[Fault, type[XError]]] = {
    "no request": (Fault(path=ROUTE, status=400, body={"title": "Invalid Request"}), XInvalidRequest),
    "503": (Fault(path=ROUTE, preset="service_unavailable"), XServerError),
    "reset": (Fault(path=ROUTE, reset=True), XUnreachable),
    "cut": (Fault(path=ROUTE, cut=0.5), XUnreachable),
    "no JSON": (Fault(path=ROUTE, status=200, body="<html>"), XUnreadable),
    "no object": (Fault(path=ROUTE, status=200, body="[]"), XUnreadable),
    "too deep": (Fault(path=ROUTE, status=200, body="[" * 100_000), XUnreadable),
}


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS)
def test_a_call_that_fails_is_typed_and_made_once(serve: Serve, case: tuple[Fault, type[XError]]) -> None:
    fault, kind = case
    calls: tuple[Callable[[XRules], object], ...] = (XRules.held, lambda r: r.add([ONE]), lambda r: r.delete(["1"]))
    for call in calls:
        server = serve(faults=[fault])
        with pytest.raises(kind) as raised:
            call(rules(server.url))
        assert type(raised.value) is kind
        assert len(server.requests) == 1


def test_odd_rows_are_left_out_of_the_rules(serve: Serve) -> None:
    server = serve(faults=[answer(data=["x", {"id": 7, "value": "v"}, None], meta=None), answer(data={}, meta=[])])
    made = rules(server.url)
    assert made.held() == (HeldRule("7", "v", ""),)
    assert made.held() == ()


def test_the_token_reaches_no_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG tweepy writes the headers of each request."""
    server = serve()
    caplog.set_level("DEBUG")
    rules(server.url).sync([ONE])
    with pytest.raises(XUnauthorized):
        XRules(control(server.url, token="another-secret")).held()
    assert TOKEN not in caplog.text
    assert "another-secret" not in caplog.text


def test_a_connection_exception_is_told_apart_by_its_issue() -> None:
    """X's specification names four issues of one title; only the first was ever recorded."""
    kinds = {
        issue: type(classify(429, {}, json.dumps({"title": "ConnectionException", "connection_issue": issue}).encode()))
        for issue in ("TooManyConnections", "ProvisioningSubscription", "RuleConfigurationIssue", "RulesInvalidIssue")
    }
    assert {issue: kind.__name__ for issue, kind in kinds.items()} == {
        "TooManyConnections": "XTooManyConnections",
        "ProvisioningSubscription": "XForbidden",
        "RuleConfigurationIssue": "XNoRules",
        "RulesInvalidIssue": "XNoRules",
    }
    assert type(classify(409, {}, b"{}")).__name__ == "XNoRules"
