"""What alerts remember: versions, damage, and texts that fit."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.transforms.alert_state import (
    VERSION,
    AlertStateUnreadable,
    Condition,
    Incident,
    Rules,
    Severity,
    decode_state,
    encode_state,
    incident_id,
)
from elec_assets.transforms.alert_texts import Told, grouped_message, length
from elec_assets.transforms.sms import SMS_SEPTETS, septets
from elec_assets_tests.transforms.alerts_world import START, TICK, Alerts, condition

OF_VERSION_1 = {
    "version": 1,
    "incidents": {
        "a": {
            "state": "firing",
            "asset": "fr_2027/a",
            "severity": "critical",
            "wrong": "late",
            "since": "2027-02-01T11:00:00Z",
            "first_seen": "2027-02-01T11:10:00Z",
            "hits": 9,
            "misses": 0,
            "fired_at": "2027-02-01T11:10:30Z",
            "last_sent": "2027-02-01T11:10:30Z",
        },
        "b": {
            "state": "pending",
            "asset": "fr_2027/b",
            "severity": "warning",
            "wrong": "late",
            "since": "2027-02-01T11:59:00Z",
            "first_seen": "2027-02-01T12:00:00Z",
            "hits": 1,
            "misses": 0,
        },
    },
}


def test_a_state_survives_being_stored() -> None:
    alerts = Alerts()
    alerts.looks(3, condition("a"), condition("b", critical=False, cause="a"))
    alerts.looks(1)
    alerts.look(publish="lost")
    state = alerts.state
    assert state.outbox is not None
    assert state.over
    assert decode_state(encode_state(state), "x") == state


def test_a_state_of_version_1_goes_on_where_it_was() -> None:
    alerts = Alerts(kept=msgspec.json.encode(OF_VERSION_1))
    (opening,) = alerts.look(condition("a"), condition("b"))
    assert opening.opened == (incident_id("b", START),)
    (over,) = alerts.looks(2)
    assert set(over.resolved) == {incident_id("a", datetime(2027, 2, 1, 11, 10, tzinfo=UTC)), *opening.opened}
    assert alerts.state.version == VERSION


def test_a_state_of_a_newer_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(
        AlertStateUnreadable, match=r"state/alerts.json: version 3, this program reads up to 2; upgrade"
    ):
        decode_state(b'{"version": 3, "incidents": 7}', "state/alerts.json")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"version": 0}', b'{"version": 2, "number": "a"}', b"\xff", b"[" * 9999]
)
def test_a_damaged_state_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(AlertStateUnreadable, match=r"^x: .*restore it or move it away"):
        decode_state(data, "x")


@given(
    st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90), st.sampled_from(Severity)), min_size=1, max_size=7),
    st.text(max_size=30),
    st.integers(0, 40),
    st.booleans(),
)
@settings(max_examples=40)
def test_every_sms_fits_and_names_the_first_three_incidents_whole(
    parts: list[tuple[str, str, Severity]], label: str, held: int, over: bool
) -> None:
    made = [
        Incident(f"{n:06x}", Condition(str(n), asset, severity, wrong, START), START, ended_at=START + TICK)
        for n, (asset, wrong, severity) in enumerate(parts)
    ]
    told = Told(opened=made, resolved=made[: len(made) // 2] if over else ())
    message = grouped_message(told, held, START, Rules(label=label), 1)
    assert 0 < (septets(message.sms) or 0) <= SMS_SEPTETS
    assert message.subject.isascii()
    assert len(message.subject) < 100
    for _, incident in told.events[:3]:
        assert f"#{incident.id}" in message.sms
    for incident in made:
        assert f"#{incident.id}" in message.text
    assert len(told.events) == len(made)


WORDS = st.text(st.sampled_from('a/_é\u4e2d\U0001f600\n"\\'), min_size=1, max_size=2000)


@given(st.integers(1, 1500), WORDS, WORDS, st.integers(0, 1500), st.integers(0, 1500))
@settings(max_examples=40, deadline=None)
def test_a_message_stays_under_what_sns_takes_whatever_waits(
    count: int, asset: str, wrong: str, criticals: int, over: int
) -> None:
    """A thousand incidents at a month's end were more than 262,144 bytes: refused and composed again, for ever."""
    made = [
        Incident(
            f"{n:06x}",
            Condition(str(n), asset, Severity.CRITICAL if count - n <= criticals else Severity.WARNING, wrong, START),
            START,
            ended_at=START + TICK,
        )
        for n in range(count)
    ]
    told = Told(opened=made, resolved=made[:over])
    message = grouped_message(told, count, START, Rules(), 1)
    body = json.dumps({"default": message.text, "email": message.text, "sms": message.sms})
    assert len(body.encode()) < 200_000
    assert {*message.opened, *message.severities} == {each.id for each in made}, "all of them count as told"
    named = [each for each in made if f"#{each.id} " in message.text]
    rest = count - len(named)
    assert (f"+{rest} more: " in message.text) == (rest > 0)
    assert len(named) >= min(count, 6)
    least = min(each.severity.rank for each in named)
    assert all(each.severity.rank <= least for each in made if each not in named), "the most severe are named"


def test_a_text_names_a_hundred_and_counts_the_rest_by_what_they_are() -> None:
    many = [
        Incident(f"{n:06x}", condition(f"asset_{n}", critical=n < 10), START, ended_at=START + TICK) for n in range(150)
    ]
    text = grouped_message(Told(opened=many, resolved=many[:100]), 0, START, Rules(), 1).text
    assert text.count("#") == 100
    assert text.index("#000000") < text.index("#000064") < text.index("#000031") < text.index("+50 more: 50 OVER")


def test_one_incident_alone_is_told_whole() -> None:
    (message,) = Alerts(rules=Rules(label="prod", alive=False)).looks(2, condition("twitter/batches"))
    given_id = message.opened[0]
    assert message.sms == f"prod CRIT: NEW fr_2027/twitter/batches: late 11m (max 10m) since 12:00Z #{given_id}"
    assert message.subject == f"[prod CRIT] NEW fr_2027/twitter/batches #{given_id}"
    assert "  since 2027-02-01T12:00:00Z\n" in message.text


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=59), "0m"),
        (timedelta(minutes=47), "47m"),
        (timedelta(hours=26, minutes=4), "26h04m"),
        (timedelta(hours=60), "2d12h"),
        (timedelta(seconds=-5), "0m"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(span: timedelta, said: str) -> None:
    assert length(span) == said
