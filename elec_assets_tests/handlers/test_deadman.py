"""The dead-man switch speaks when the alerts do not, once, and says when they live again."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from elec_assets.clients.sns_errors import SnsTopicMissing
from elec_assets.clients.store import Store, open_store
from elec_assets.domain import layout_alerts
from elec_assets.handlers.deadman import MAX_AGE, Verdict, check, handler
from elec_assets.transforms.heartbeat import Heartbeat
from elec_assets.transforms.sms import SMS_SEPTETS, septets
from elec_assets_tests.clients.sns_place import PHONE, environment, sent_sms
from elec_assets_tests.clients.test_alert_state import Phone
from elec_assets_tests.s3 import Bucket, Servers, make_bucket, serve
from elec_assets_tests.transforms.alerts_world import START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


def beat(store: Store, minutes: int = 0) -> None:
    store.put(layout_alerts.heartbeat(), Heartbeat(at=START + minutes * MINUTE).encoded())


def at(store: Store, phone: Phone, minutes: int) -> Verdict:
    return check(store, phone, START + minutes * MINUTE, max_age=MAX_AGE, label="prod")


def test_it_speaks_once_past_the_age_reminds_and_says_when_it_beats_again(store: Store) -> None:
    phone = Phone()
    beat(store)
    assert at(store, phone, 15) == Verdict(alive=True)
    assert not at(store, phone, 16).alive
    for minutes in range(20, 16 + 240, 5):
        assert not at(store, phone, minutes).alive
    assert len(phone.got) == 1
    at(store, phone, 16 + 240)
    beat(store, 300)
    assert at(store, phone, 301).alive
    assert at(store, phone, 306) == Verdict(alive=True)
    said = [message.sms for message in phone.got]
    mark = said[0][-8:]
    assert mark.startswith(" #")
    assert said == [
        "prod CRIT: alerts are DEAD: nothing was looked at for 16m (max 15m), since 2027-02-01T12:00:00Z. "
        f"Look at dagster-daemon and its host.{mark}",
        "prod CRIT: alerts are DEAD: nothing was looked at for 4h16m (max 15m), since 2027-02-01T12:00:00Z. "
        f"Look at dagster-daemon and its host.{mark}",
        f"prod CRIT: alerts are alive again, were dead 5h01m{mark}",
    ]
    assert all((septets(text) or 999) <= SMS_SEPTETS for text in said)


@pytest.mark.parametrize(
    "data", [None, b"", b"{}", b"\xff", b'{"at": "2027-02-01T12:00:00"}', b'{"at": "2027-02-01T13:00:00Z"}']
)
def test_a_heartbeat_that_is_missing_damaged_or_of_tomorrow_is_as_bad_as_an_old_one(
    store: Store, data: bytes | None
) -> None:
    if data is not None:
        store.put(layout_alerts.heartbeat(), data)
    phone = Phone()
    assert not at(store, phone, 0).alive
    assert len(phone.got) == 1


def test_what_could_not_be_said_is_tried_at_the_next_run(store: Store) -> None:
    phone = Phone(fails=[SnsTopicMissing("gone")])
    with pytest.raises(SnsTopicMissing):
        at(store, phone, 0)
    at(store, phone, 5)
    assert len(phone.got) == 1


def test_a_store_that_cannot_be_read_or_written_does_not_keep_it_silent(
    s3_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment(s3_servers.url("moto")), "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    nowhere = open_store("s3://no-such-bucket-here/of", allow_http=True)
    phone = Phone()
    assert at(nowhere, phone, 0).wrong == "the store cannot be read"
    at(nowhere, phone, 5)
    assert len(phone.got) == 2


def test_the_lambda_reads_the_bucket_and_sends_the_sms_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("moto", tmp_path) as url:  # of its own: see test_sns.py
        check_lambda(make_bucket(url), monkeypatch)


def check_lambda(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        **bucket.environment,
        **environment(bucket.endpoint),
        "ELEC_STORE": bucket.url,
        "ELEC_ALERT_PHONE": PHONE,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    store = open_store(bucket.url, allow_http=True)
    beat(store)  # of 2027: ahead of the clock of this machine, or long past
    assert handler({"max_age_s": 60, "label": "prod"}, None)["told"] is True
    number, text = sent_sms(bucket.endpoint)[-1]
    assert number == PHONE
    assert text.startswith("prod CRIT: alerts are DEAD: ")
    assert handler({}, None)["told"] is False


def test_it_imports_neither_dagster_nor_pydantic_nor_polars() -> None:
    code = (
        "import sys, elec_assets.handlers.deadman as d\n"
        "print([m for m in ('dagster', 'pydantic', 'polars', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
