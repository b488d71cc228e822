import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elec_assets.clients.x_errors import (
    XCreditsDepleted,
    XError,
    XForbidden,
    XInvalidRequest,
    XNotFound,
    XRateLimited,
    XRedirected,
    XServerError,
    XTooManyConnections,
    XUnauthorized,
    XUsageCapExceeded,
    classify,
    problem_text,
)
from elec_assets.domain.outcomes import CAUSES, Outcome
from elec_assets.sandbox.x_errors import PRESETS

RECORDED: dict[str, type[XError]] = {
    "stream_429_too_many_connections": XTooManyConnections,
    "403_client_not_enrolled": XForbidden,
    "429_usage_cap_exceeded": XUsageCapExceeded,
    "400_invalid_field": XInvalidRequest,
    "402_credits_depleted": XCreditsDepleted,
    "429_rate_limit_docs": XRateLimited,
    "400_since_id_too_old": XInvalidRequest,
    "400_since_id_with_time": XInvalidRequest,
    "400_end_time_too_recent": XInvalidRequest,
}
# Bodies of answers with status 200: lines of a stream and answers about rules are no errors of a search.
NO_ERRORS = {"in_stream_operational_disconnect", "in_stream_upstream_disconnect", "rules_duplicate"}
STOPPING = {XUnauthorized, XForbidden, XCreditsDepleted, XUsageCapExceeded, XRedirected}


def test_every_recorded_error_gets_its_class(recordings: Path) -> None:
    recorded = json.loads((recordings / "error_bodies.json").read_text(encoding="utf-8"))
    assert recorded.keys() == RECORDED.keys() | NO_ERRORS
    for name, kind in RECORDED.items():
        entry = recorded[name]
        body = json.dumps(entry["body"]).encode()
        error = classify(entry["status"], entry.get("headers", {}), body)
        assert type(error) is kind, name
        assert (error.status, error.body) == (entry["status"], body)
        assert error.fatal == (kind in STOPPING)
        assert str(error).startswith(f"X answered {entry['status']} (")


def test_only_a_complaint_about_fields_is_one_about_their_spelling(recordings: Path) -> None:
    recorded = json.loads((recordings / "error_bodies.json").read_text(encoding="utf-8"))
    named = {
        name: error.names_tweet_fields
        for name, entry in recorded.items()
        if isinstance(error := classify(400, {}, json.dumps(entry["body"]).encode()), XInvalidRequest)
    }
    assert [name for name, says in named.items() if says] == ["400_invalid_field"]


@pytest.mark.parametrize(
    ("preset", "kind"),
    [
        ("usage_cap_exceeded", XUsageCapExceeded),
        ("credits_depleted", XCreditsDepleted),
        ("client_not_enrolled", XForbidden),
        ("too_many_connections", XTooManyConnections),
        ("rate_limit", XRateLimited),
        ("unauthorized", XUnauthorized),
        ("service_unavailable", XServerError),
        ("not_found", XNotFound),
    ],
)
def test_every_error_of_the_sandbox_gets_its_class(preset: str, kind: type[XError]) -> None:
    status, body = PRESETS[preset]
    assert type(classify(status, {}, json.dumps(body).encode())) is kind


@pytest.mark.parametrize("prefix", ["https://api.twitter.com/2/problems/", "https://api.x.com/2/problems/", ""])
def test_a_type_is_known_by_its_last_part(prefix: str) -> None:
    body = json.dumps({"title": "?", "type": f"{prefix}usage-capped"}).encode()
    assert type(classify(429, {}, body)) is XUsageCapExceeded


def test_what_an_error_means_and_asks_for_is_said() -> None:
    said = {
        401: "check X_BEARER_TOKEN",
        402: "add credits",
        403: "check in X's developer console",
        404: "check ELEC_X_BASE_URL",
        500: "X is in trouble, run again later",
        302: "set ELEC_X_BASE_URL to the final address",
    }
    for status, text in said.items():
        assert text in str(classify(status, {"location": "https://elsewhere.example"}, b""))
    assert "https://elsewhere.example" in str(classify(302, {"location": "https://elsewhere.example"}, b""))


@pytest.mark.parametrize(
    ("preset", "says"),
    [
        ("client_not_enrolled", "put the app in a project with access to search"),
        ("official_client_forbidden", "X_BEARER_TOKEN is of an app of X: make one of yours"),
        ("client_forbidden", "check in X's developer console that the app may use search"),
    ],
)
def test_each_403_says_what_to_do_about_it(preset: str, says: str) -> None:
    status, body = PRESETS[preset]
    error = classify(status, {}, json.dumps(body).encode())
    assert type(error) is XForbidden
    assert says in str(error)


@pytest.mark.parametrize("header", ["", "soon", "-5", "12.5", "1901000000000", "1e9", " 5", "²", "9" * 300])
def test_a_reset_that_is_no_time_in_seconds_is_none(header: str) -> None:
    """Milliseconds taken for seconds would be waited for beyond the year 60000."""
    error = classify(429, {"x-rate-limit-reset": header}, b"")
    assert isinstance(error, XRateLimited)
    assert error.reset_at is None
    assert "run again in 15 minutes" in str(error)


def test_what_a_problem_says_is_said_once() -> None:
    assert problem_text(b'{"title":"Unauthorized","detail":"Unauthorized"}') == "Unauthorized"
    assert problem_text(b'{"errors":[{"title":"A","detail":"B"}]}') == "A: B"
    assert problem_text(b'{"errors":[{"code":88,"message":"Rate limit exceeded"}]}') == "Rate limit exceeded"
    assert problem_text(b"<html>") == problem_text(b"[]") == problem_text(b'{"errors":[7]}') == ""


def test_a_rate_limit_tells_until_when() -> None:
    reset = datetime(2027, 2, 1, 13, 15, tzinfo=UTC)
    error = classify(429, {"x-rate-limit-reset": str(int(reset.timestamp()))}, b"")
    assert isinstance(error, XRateLimited)
    assert error.reset_at == reset
    assert "until 2027-02-01T13:15:00Z" in str(error)
    unnamed = classify(429, {}, b"")
    assert isinstance(unnamed, XRateLimited)
    assert unnamed.reset_at is None


# What a proxy, a broken server or an attacker may send: nothing of it may raise anything but an XError.
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PROBLEMS = st.fixed_dictionaries(
    {}, optional={"title": JSON, "type": JSON, "reason": JSON, "detail": JSON, "errors": JSON | st.lists(JSON)}
)
BODIES = st.binary() | JSON.map(lambda v: json.dumps(v).encode()) | PROBLEMS.map(lambda v: json.dumps(v).encode())
HEADERS = st.fixed_dictionaries({}, optional={"x-rate-limit-reset": st.text(), "location": st.text()})


@given(st.integers(100, 999).filter(lambda s: s != 200), HEADERS, BODIES)
@example(429, {"x-rate-limit-reset": "²"}, b"")
@example(429, {"x-rate-limit-reset": "99999999999"}, b"")
@example(500, {}, b'{"title":"\xff"}')
@example(500, {}, b"[" * 100_000)
@example(500, {}, b'{"errors":[[]],"title":null}')
@example(500, {}, b'{"title":"\\ud800"}')
def test_no_answer_can_break_the_reading_of_errors(status: int, headers: dict[str, str], body: bytes) -> None:
    """A superscript two as reset time, a byte that is not UTF-8 and deep nesting did: the run ended in a traceback."""
    error = classify(status, headers, body)
    assert isinstance(error, XError)
    assert error.outcome in CAUSES
    assert error.outcome is not Outcome.PARTIAL
    assert error.status == status
    assert not (error.fatal and error.retriable)
    assert len(str(error)) < 2_000
    str(error).encode()


def test_a_long_title_is_cut() -> None:
    assert len(str(classify(500, {}, json.dumps({"title": "x" * 100_000, "detail": "y" * 100_000}).encode()))) < 1_000
    assert len(str(classify(302, {"location": "https://x/" + "y" * 100_000}, b""))) < 1_000
