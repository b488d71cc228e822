import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture.backoff import RESET_MOST_S, Backoff, Pause
from elec_assets.clients.x_errors import XError, XUnreachable, XUnreadable, classify
from elec_assets.clients.x_stream import EndKind, StreamEnd
from elec_assets.domain.outcomes import Outcome
from elec_assets.sandbox.x_errors import PRESETS

NOW_MS = 1_800_000_000_000
NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


def ended(kind: EndKind, lived_s: float | None = None, error: XError | None = None) -> StreamEnd:
    """A connection that lived so long, or was never opened."""
    opened = None if lived_s is None else NOW_MS - round(lived_s * 1000)
    return StreamEnd(kind, "so it ended", error, None, opened, NOW_MS)


def refused(error: XError) -> StreamEnd:
    return ended(EndKind.REFUSED, error=error)


def preset(name: str, **headers: str) -> XError:
    status, body = PRESETS[name]
    return classify(status, headers, json.dumps(body).encode())


def answered(status: int, **body: object) -> XError:
    return classify(status, {}, json.dumps(body).encode())


def waits(end: StreamEnd, times: int) -> list[float]:
    backoff = Backoff()
    return [backoff.after(end, NOW_MS).wait_s for _ in range(times)]


RULES_ISSUE = {"title": "ConnectionException", "connection_issue": "RuleConfigurationIssue"}
PLAN_ISSUE = {"title": "ConnectionException", "connection_issue": "ProvisioningSubscription"}
FIELDS = {"title": "Invalid Request", "errors": [{"parameters": {"tweet.fields": ["x"]}, "message": "no tweet.fields"}]}
QUERY = {"title": "Invalid Request", "errors": [{"parameters": {"expansions": ["x"]}, "message": "no"}]}

# Every class of answer that X's documentation and the recordings know: the waits after it in a row, and what else.
DOUBLING = [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 320.0]
STEADY = [900.0] * 8
ROWS: dict[str, tuple[XError, list[float], Outcome, str]] = {
    "429 TooManyConnections": (preset("too_many_connections"), [60.0] * 8, Outcome.THROTTLED, "ghosts"),
    "429 UsageCapExceeded": (preset("usage_cap_exceeded"), STEADY, Outcome.OVER_BUDGET, "alert"),
    "429 rate limit": (preset("rate_limit"), [60.0, 120.0, 240.0, 480.0, 900.0], Outcome.THROTTLED, ""),
    "429 about rules": (answered(429, **RULES_ISSUE), DOUBLING, Outcome.ERROR, "rules"),
    "402 CreditsDepleted": (preset("credits_depleted"), STEADY, Outcome.OVER_BUDGET, "alert"),
    "403 not enrolled": (preset("client_not_enrolled"), STEADY, Outcome.REFUSED, "alert"),
    "403 of X's app": (preset("official_client_forbidden"), STEADY, Outcome.REFUSED, "alert"),
    "403 no stream": (answered(403, **PLAN_ISSUE), STEADY, Outcome.REFUSED, "alert"),
    "401": (preset("unauthorized"), STEADY, Outcome.REFUSED, "alert"),
    "400 tweet.fields": (answered(400, **FIELDS), [1.0, *STEADY], Outcome.ERROR, "not at once"),
    "400 else": (answered(400, **QUERY), STEADY, Outcome.ERROR, "alert"),
    "404": (preset("not_found"), STEADY, Outcome.ERROR, "alert"),
    "409": (answered(409, title="Conflict"), DOUBLING, Outcome.ERROR, "rules"),
    "302": (classify(302, {"location": "https://x.test"}, b""), STEADY, Outcome.ERROR, "alert"),
    "418": (answered(418), DOUBLING, Outcome.ERROR, ""),
    "500": (answered(500), DOUBLING, Outcome.ERROR, ""),
    "503": (preset("service_unavailable"), DOUBLING, Outcome.ERROR, ""),
    "200 without sense": (XUnreadable("no JSON", status=200), DOUBLING, Outcome.ERROR, ""),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_refusal_has_its_waits_and_its_cure(row: tuple[XError, list[float], Outcome, str]) -> None:
    error, expected, outcome, cure = row
    backoff = Backoff()
    pauses = [backoff.after(refused(error), NOW_MS) for _ in expected]
    assert [pause.wait_s for pause in pauses] == expected
    assert {pause.outcome for pause in pauses} == {outcome}
    assert all(str(error) in pause.why for pause in pauses)
    assert all(pause.end_ghosts == (cure == "ghosts") for pause in pauses)
    assert all(pause.sync_rules == (cure == "rules") for pause in pauses)
    assert [pause.alert for pause in pauses[1:]] == [cure in ("alert", "not at once")] * (len(pauses) - 1)
    assert pauses[0].alert == (cure == "alert")


def test_a_call_about_rules_waits_like_a_connect() -> None:
    error = preset("service_unavailable")
    assert Backoff().after_error(error, NOW_MS) == Backoff().after(refused(error), NOW_MS)
    assert Backoff().after_error(XUnreachable("no"), NOW_MS) == Pause(0.25, "no", Outcome.ERROR)


def test_network_errors_wait_a_quarter_of_a_second_more_each_time() -> None:
    never = ended(EndKind.LOST, error=XUnreachable("no"))
    assert waits(never, 70)[:6] == [1.0, 1.0, 1.0, 1.0, 1.25, 1.5]
    assert waits(never, 70)[62:] == [15.75, 16.0, 16.0, 16.0, 16.0, 16.0, 16.0, 16.0]
    assert waits(ended(EndKind.STALLED, 60.0), 3) == [0.25, 0.5, 0.75]


@pytest.mark.parametrize(("lived_s", "wait_s"), [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0), (3600.0, 0.0)])
def test_a_close_in_order_is_followed_at_once_but_not_twice_in_a_second(lived_s: float, wait_s: float) -> None:
    """Tweepy 4.17 alone connected 408 times in 2 s."""
    assert waits(ended(EndKind.CLOSED, lived_s), 20) == [wait_s] * 20


def test_a_stop_of_ours_is_nothing_wrong() -> None:
    assert Backoff().after(ended(EndKind.STOPPED, 60.0), NOW_MS) == Pause(0.0, "so it ended", None)


@pytest.mark.parametrize(
    ("ahead_s", "waits_s"),
    [(0.5, 1.5), (30, 31.0), (900, 901.0), (10_000, RESET_MOST_S), (0, 60.0), (-30, 60.0)],
)
def test_a_limit_is_waited_for_until_its_time_and_never_for_hours(ahead_s: float, waits_s: float) -> None:
    """A reset that is over, or far away, comes from a clock that is wrong: X's or ours."""
    reset = NOW + timedelta(seconds=int(ahead_s)) if ahead_s != 0.5 else NOW + timedelta(seconds=1)
    now_ms = NOW_MS + (500 if ahead_s == 0.5 else 0)
    error = preset("rate_limit", **{"x-rate-limit-reset": str(int(reset.timestamp()))})
    assert Backoff().after(refused(error), now_ms).wait_s == waits_s


def test_a_ghost_that_was_ended_leaves_its_place_soon_unless_it_comes_back() -> None:
    backoff = Backoff()
    pauses = [backoff.after(refused(preset("too_many_connections")), NOW_MS) for _ in range(4)]
    assert [pause.wait_ended_s for pause in pauses] == [5.0, 5.0, 60.0, 60.0]


def test_after_five_minutes_of_listening_all_is_forgotten() -> None:
    backoff = Backoff()
    for _ in range(10):
        backoff.after(refused(preset("service_unavailable")), NOW_MS)
        backoff.after(ended(EndKind.LOST, 0.0), NOW_MS)
    assert backoff.after(ended(EndKind.LOST, 299.0), NOW_MS).wait_s == 2.75
    assert backoff.after(ended(EndKind.LOST, 300.0), NOW_MS).wait_s == 0.25
    assert backoff.after(refused(preset("service_unavailable")), NOW_MS).wait_s == 5.0


ENDS = st.one_of(
    st.builds(ended, st.sampled_from([EndKind.CLOSED, EndKind.LOST, EndKind.STALLED]), st.floats(0, 1000)),
    st.sampled_from([error for error, *_ in ROWS.values()]).map(refused),
    st.integers(-5000, 5000).map(
        lambda s: refused(preset("rate_limit", **{"x-rate-limit-reset": str(NOW_MS // 1000 + s)}))
    ),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ENDS, max_size=60))
def test_waits_are_bounded_and_connects_a_second_apart(ends: list[StreamEnd]) -> None:
    backoff = Backoff()
    for end in ends:
        pause = backoff.after(end, NOW_MS)
        assert 0 <= pause.wait_ended_s <= pause.wait_s <= RESET_MOST_S
        assert end.connected_s + pause.wait_s >= 0.999
        assert pause.why
        assert pause.outcome is not None


def test_an_endless_row_of_failures_overflows_nothing() -> None:
    assert waits(refused(preset("service_unavailable")), 3_000)[-1] == 320.0
