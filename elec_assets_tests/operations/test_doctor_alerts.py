"""`elec doctor` on alerts: who is told, what keeps SMS from arriving, what cannot be read, whether anyone looks."""

from datetime import timedelta
from typing import Any

import pytest

from elec_assets.clients.sns import SmsState
from elec_assets.domain import layout_alerts
from elec_assets.operations.doctor_alerts import _reaches, alert_checks
from elec_assets.operations.doctor_check import Check
from elec_assets.transforms.alert_state import State, encode_state
from elec_assets.transforms.heartbeat import Heartbeat
from elec_assets_tests.clients.sns_place import MESSAGE, PHONE, environment, refusing
from elec_assets_tests.operations.place import NOW, Place

REGION = "eu-west-3"
GONE = f"arn:aws:sns:{REGION}:123456789012:gone"


def examined(place: Place, **changes: Any) -> dict[str, Check]:  # noqa: ANN401 - fields of Settings
    settings = place.settings(**{"aws_region": REGION, **changes})
    return {check.name: check for check in alert_checks(settings, place.store, NOW)}


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)


def test_a_deployment_that_tells_nobody_is_a_warning(place: Place) -> None:
    checks = examined(place)
    assert [(name, check.state) for name, check in checks.items()] == [
        ("alerts", "warn"),
        ("watches", "ok"),
        ("silences", "ok"),
        ("alert sensor", "warn"),
    ]
    assert "ELEC_ALERT_PHONE" in checks["alerts"].todo
    assert checks["alert sensor"].found == "there is no heartbeat"


@pytest.mark.parametrize(
    ("code", "state", "found"),
    [
        ("NotFound", "fail", "topic gone is not there"),
        # Whoever may only publish may not ask: not a failure.
        ("AuthorizationError", "ok", "topic gone is told"),
    ],
)
def test_a_topic_that_is_not_there_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, code: str, state: str, found: str
) -> None:
    with refusing(403, code) as (url, _):
        use(monkeypatch, url)
        check = examined(place, alert_topic_arn=GONE)["alerts"]
    assert (check.state, check.found) == (state, found)


def test_nothing_is_sent_to_a_number_and_its_middle_is_hidden(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing(400, "Throttling") as (url, got):
        use(monkeypatch, url)
        check = examined(place, alert_phone=PHONE)["alerts"]
    assert check.found == "+33***44 is told"
    assert got
    assert all("Action=Publish" not in request and MESSAGE.sms not in request for request in got)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alert_phone": "0611223344"}, "ELEC_ALERT_PHONE is not a number"),
        ({"alert_phone": PHONE, "alert_topic_arn": GONE}, "not both"),
        ({"alert_topic_arn": f"{GONE}.fifo"}, "a FIFO topic sends no SMS"),
        ({"alert_topic_arn": GONE}, "no answer from SNS"),
    ],
)
def test_a_target_that_cannot_work_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    use(monkeypatch, "http://127.0.0.1:9")
    check = examined(place, **changes)["alerts"]
    assert check.state == "fail"
    assert said in check.found
    assert "0611223344" not in check.found


@pytest.mark.parametrize(
    ("sms", "state", "said"),
    [
        (SmsState(None, None, None), "ok", "topic a is told"),
        (SmsState(sandbox=False, opted_out=False, spend_limit_usd=30.0), "ok", "SMS may cost 30 USD a month"),
        (SmsState(sandbox=False, opted_out=True, spend_limit_usd=30.0), "fail", "opted out"),
        (SmsState(sandbox=True, opted_out=None, spend_limit_usd=30.0), "warn", "only verified numbers"),
        (SmsState(sandbox=False, opted_out=None, spend_limit_usd=1.0), "warn", "1 USD a month"),
    ],
)
def test_what_keeps_sms_from_arriving_is_told(sms: SmsState, state: str, said: str) -> None:
    check = _reaches("alerts", "topic a is told", sms)
    assert (check.state, said in check.found) == (state, True)


def test_what_cannot_be_read_fails_and_is_named(place: Place) -> None:
    (place.folder / "watches.yaml").write_text("watches: {a: {bucket: one}}\n", encoding="utf-8")
    place.store.put(layout_alerts.silences(), b"silences: [{match: a}]")
    place.store.put(layout_alerts.alerts(), b'{"version": 99}')
    checks = examined(place)
    assert {name: checks[name].state for name in ("watches", "silences", "alert sensor")} == {
        "watches": "fail",
        "silences": "fail",
        "alert sensor": "fail",
    }
    assert "watches.yaml:1" in checks["watches"].found
    assert "version 99" in checks["alert sensor"].found


def test_a_list_that_is_named_and_missing_is_a_failure(place: Place) -> None:
    """Dagster does not load without it; doctor counted 0 prefixes and was content."""
    check = examined(place, watches=str(place.folder / "other.yaml"))["watches"]
    assert (check.state, "other.yaml" in check.found) == ("fail", True)


def test_the_list_of_2021_is_taken_with_a_warning(place: Place) -> None:
    old = '{"alerts": {"a": {"bucket": "one", "prefix": "a/", "time_threshold": 600}}, "phone_number": "+33611223344"}'
    (place.folder / "watches.json").write_text(old, encoding="utf-8")
    check = examined(place, watches=str(place.folder / "watches.json"))["watches"]
    assert (check.state, "set ELEC_ALERT_PHONE" in check.found) == ("warn", True)
    assert PHONE not in check.found


def test_an_old_heartbeat_says_since_when_nobody_looks(place: Place) -> None:
    place.store.put(layout_alerts.alerts(), encode_state(State()))
    place.store.put(layout_alerts.heartbeat(), Heartbeat(at=NOW - timedelta(minutes=2)).encoded())
    assert examined(place)["alert sensor"].found == "looks; 0 incidents are open"
    place.store.put(layout_alerts.heartbeat(), Heartbeat(at=NOW - timedelta(hours=2)).encoded())
    check = examined(place)["alert sensor"]
    assert (check.state, check.found) == ("warn", "nothing was looked at for 2h00m (max 15m)")
