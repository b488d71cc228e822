"""Alerts in the store: one look commits, publishes, commits; whatever fails between, nothing is lost."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import boto3
import filelock
import pytest

from elec_assets.clients.alert_state import AlertDesk, add_silence, read_silences, read_state
from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.clients.sns_errors import SnsError, SnsTopicMissing, SnsUnanswered, SnsUnfit
from elec_assets.clients.store import Store
from elec_assets.domain import layout_alerts
from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.domain.silences import Silence
from elec_assets.transforms.alert_state import (
    AlertStateUnreadable,
    Incident,
    Message,
    State,
    encode_state,
)
from elec_assets_tests.transforms.alerts_world import QUIETLESS, START, TICK, condition

A = condition("a")


@dataclass
class Phone:
    """Takes messages, or fails with what stands first in `fails`."""

    fails: list[Exception] = field(default_factory=list)
    got: list[Message] = field(default_factory=list)

    def publish(self, message: Message) -> str:
        if self.fails:
            raise self.fails.pop(0)
        self.got.append(message)
        return "id"


def desk(store: Store, phone: Phone, tmp_path: Path) -> AlertDesk:
    return AlertDesk(store=store, publisher=phone, rules=QUIETLESS, lock=tmp_path / "lock")


def test_two_looks_publish_commit_and_leave_a_heartbeat(on_disk: Store, tmp_path: Path) -> None:
    phone = Phone()
    alerts = desk(on_disk, phone, tmp_path)
    alerts.look([A], START)
    look = alerts.look([A], START + TICK)
    assert look.published == phone.got[0]
    assert read_state(on_disk) == look.state
    assert read_state(on_disk).outbox is None
    assert on_disk.get(layout_alerts.heartbeat()) == b'{"at":"2027-02-01T12:00:30Z","firing":1,"message":1,"version":1}'


@pytest.mark.parametrize(
    ("error", "numbers"),
    [
        (SnsTopicMissing("gone"), [2]),
        (SnsUnanswered("?", certain=False), [1]),
        (SnsUnfit("unfit"), [2]),
        (KeyboardInterrupt(), [1]),
    ],
)
def test_a_failed_publish_is_tried_again_and_leaves_no_heartbeat(
    on_disk: Store, tmp_path: Path, error: Exception, numbers: list[int]
) -> None:
    phone = Phone(fails=[error])
    alerts = desk(on_disk, phone, tmp_path)
    alerts.look([A], START)
    beat = on_disk.get(layout_alerts.heartbeat())
    if isinstance(error, SnsError):
        assert alerts.look([A], START + TICK).error is error
    else:
        with pytest.raises(type(error)):
            alerts.look([A], START + TICK)
    assert on_disk.get(layout_alerts.heartbeat()) == beat
    alerts.look([A], START + 2 * TICK)
    assert [message.number for message in phone.got] == numbers
    assert phone.got[0].opened == (read_state(on_disk).incidents["a"].id,)


@pytest.mark.usefixtures("moto")
def test_a_thousand_incidents_that_waited_are_told_to_a_topic_and_alerts_go_on(on_disk: Store, tmp_path: Path) -> None:
    """They were more than SNS takes, with each text twice: no message ever after, and no heartbeat (2026-11)."""
    arn = boto3.client("sns", region_name="eu-west-3").create_topic(Name="many")["TopicArn"]
    publisher = Sns(SnsTarget(topic_arn=arn))
    waiting = [
        Incident(f"{n:06x}", condition(f"watch/{n}"), START, hits=5, misses=2, fired_at=START, ended_at=START + TICK)
        for n in range(1000)
    ]
    on_disk.put(layout_alerts.alerts(), encode_state(State(over=waiting)))
    alerts = AlertDesk(store=on_disk, publisher=publisher, rules=QUIETLESS, lock=tmp_path / "lock")
    look = alerts.look([A], START + 2 * TICK)
    assert look.error is None
    assert look.published is not None
    assert set(look.published.resolved) == {each.id for each in waiting}
    assert read_state(on_disk).over == []
    assert on_disk.find(layout_alerts.heartbeat()) is not None
    [opened] = read_state(on_disk).incidents.values()
    later = alerts.look([A], START + 3 * TICK)
    assert later.published is not None
    assert later.published.opened == (opened.id,)


class Fussy(Phone):
    """Takes no text that names one asset."""

    def publish(self, message: Message) -> str:
        if "fr_2027/a" in message.text:
            raise SnsUnfit("unfit")
        return super().publish(message)


def test_a_message_that_sns_never_takes_stops_neither_later_ones_nor_the_heartbeat(
    on_disk: Store, tmp_path: Path
) -> None:
    """It was composed again at each look, and the look ended before the heartbeat: the dead-man spoke every 4 h."""
    phone = Fussy()
    alerts = desk(on_disk, phone, tmp_path)
    other = condition("b")
    alerts.look([A], START)
    assert isinstance(alerts.look([A], START + TICK).error, SnsUnfit)
    for ticks in (2, 3, 4):
        assert alerts.look([A, other], START + ticks * TICK).error is None
    beat = on_disk.get(layout_alerts.heartbeat())
    assert beat.startswith(b'{"at":"2027-02-01T12:02:00Z","firing":2')
    held = read_state(on_disk).incidents
    assert [message.opened for message in phone.got] == [(held["a"].id,), (held["b"].id,)]


def test_a_look_while_another_is_under_way_does_nothing(
    on_disk: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elec_assets.clients.alert_state._LOCK_S", 0.05)
    with filelock.FileLock(tmp_path / "lock"):
        assert desk(on_disk, Phone(), tmp_path).look([A], START).state is None
    assert on_disk.find(layout_alerts.alerts()) is None


def test_a_damaged_state_is_never_written_over(on_disk: Store, tmp_path: Path) -> None:
    on_disk.put(layout_alerts.alerts(), b"{")
    with pytest.raises(AlertStateUnreadable, match=r"state/alerts\.json: not a state of alerts"):
        desk(on_disk, Phone(), tmp_path).look([A], START)
    assert on_disk.get(layout_alerts.alerts()) == b"{"


def test_a_silence_mutes_and_one_that_cannot_be_read_is_told_and_mutes_nothing(on_disk: Store, tmp_path: Path) -> None:
    phone = Phone()
    alerts = desk(on_disk, phone, tmp_path)
    add_silence(on_disk, Silence("fr_2027/a", START + timedelta(hours=1), "planned"), START)
    alerts.look([A], START)
    alerts.look([A], START + TICK)
    assert phone.got == []
    on_disk.put(layout_alerts.silences(), b"silences: [{match: a}]")
    with pytest.raises(RegistryInvalid):
        add_silence(on_disk, Silence("b", START + timedelta(hours=1), "planned"), START)
    alerts.look([A], START + 2 * TICK)
    alerts.look([A], START + 3 * TICK)
    told = {
        key
        for message in phone.got
        for key in ("a", "silences")
        if read_state(on_disk).incidents[key].id in message.opened
    }
    assert told == {"a", "silences"}
    assert read_silences(on_disk, START)[0] == ()
