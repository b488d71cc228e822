"""The dead-man switch speaks when the alerts do not, once, and says when they live again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.deadman_memory import note_path
from elec_assets.clients.sns_errors import SnsTopicMissing
from elec_assets.clients.store import Store, open_store
from elec_assets.domain import layout_alerts
from elec_assets.handlers.deadman import MAX_AGE, Verdict, check, handler
from elec_assets.transforms.heartbeat import Heartbeat, Over, Speaking, newest
from elec_assets.transforms.sms import SMS_SEPTETS, septets
from elec_assets_tests.clients.sns_place import PHONE, environment, sent_sms
from elec_assets_tests.clients.test_alert_state import Phone
from elec_assets_tests.s3 import Bucket, Servers, make_bucket, serve
from elec_assets_tests.s3_faults import S3Fault, faulty_s3
from elec_assets_tests.transforms.alerts_world import START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store((tmp_path / "store").as_uri())


def beat(store: Store, minutes: int = 0) -> None:
    store.put(layout_alerts.heartbeat(), Heartbeat(at=START + minutes * MINUTE).encoded())


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "note.json"


def at(store: Store, phone: Phone, minutes: int, note: Path | None = None) -> Verdict:
    return check(store, phone, START + minutes * MINUTE, max_age=MAX_AGE, label="prod", note=note)


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


def refuse_writes(folder: Path) -> None:
    """From now on a store in a directory is read and not written, whoever asks: as where its disk is full."""
    shutil.rmtree(folder / ".tmp")
    (folder / ".tmp").touch()


def test_a_store_that_can_be_read_but_not_written_is_told_of_once_and_every_4_hours(
    store: Store, note: Path, tmp_path: Path
) -> None:
    """48 messages in 4 hours, one each 5 minutes, where one was promised.

    The disk of the one box was full: the alerts could not write their heartbeat, so the switch spoke, and could not
    remember that it had.
    """
    phone = Phone()
    beat(store)
    refuse_writes(tmp_path / "store")
    for minutes in range(20, 20 + 240, 5):
        assert not at(store, phone, minutes, note).alive
    assert len(phone.got) == 1
    at(store, phone, 20 + 240, note)
    assert len(phone.got) == 2


def test_what_the_store_did_not_take_counts_before_what_it_holds_from_earlier(
    store: Store, note: Path, tmp_path: Path
) -> None:
    """It could not be told that the incident is over, and said at each run that the alerts are alive again."""
    phone = Phone()
    at(store, phone, 0, note)
    beat(store, 10)
    refuse_writes(tmp_path / "store")
    for minutes in (10, 15, 20):
        at(store, phone, minutes, note)
    assert ["DEAD" in message.sms for message in phone.got] == [True, False]


def test_a_store_that_takes_writes_again_is_right_over_an_older_note(store: Store, note: Path) -> None:
    phone = Phone()
    at(store, phone, 0, note)
    beat(store, 5)
    assert at(store, phone, 5).told is not None  # elsewhere, with a note of its own
    assert at(store, phone, 10, note) == Verdict(alive=True)


def test_a_full_disk_takes_the_note_whose_room_was_made_while_it_had_some(store: Store, note: Path) -> None:
    beat(store)
    assert at(store, Phone(), 1, note).alive
    room = note.stat()
    phone = Phone()
    at(store, phone, 20, note)
    beat(store, 21)
    at(store, phone, 21, note)
    after = note.stat()
    assert len(phone.got) == 2
    assert room.st_size == 512
    assert (after.st_ino, after.st_size, after.st_mode & 0o777) == (room.st_ino, room.st_size, 0o600)


def damaged(note: Path) -> None:
    note.write_bytes(b'{"incident": "\xff')


def without_offset(note: Path) -> None:
    note.write_text('{"incident": "a1b2c3", "since": "2027-02-01T12:00:00", "told_at": "2027-02-01T12:00:00"}')


def a_folder(note: Path) -> None:
    note.mkdir()


def a_pipe(note: Path) -> None:
    os.mkfifo(note)


def a_link(note: Path) -> None:
    note.symlink_to(theirs(note))


def a_second_name(note: Path) -> None:
    note.hardlink_to(theirs(note))


def of_another_user(note: Path) -> None:
    if os.getuid():
        pytest.skip("only root can give a file away")
    os.chown(theirs(note).rename(note), 65534, 65534)


def theirs(note: Path) -> Path:
    """A file that would keep the switch silent, were it believed."""
    made = note.with_name("theirs")
    made.write_bytes(Speaking(incident="a1b2c3", since=START, told_at=START).encoded())
    return made


@pytest.mark.parametrize("make", [damaged, without_offset, a_folder, a_pipe, a_link, a_second_name, of_another_user])
def test_a_note_that_is_damaged_or_somebody_elses_is_ignored_and_left_alone(
    store: Store, note: Path, make: Callable[[Path], None]
) -> None:
    make(note)
    mine = make in (damaged, without_offset)
    before = b"" if mine or not note.is_file() else note.read_bytes()
    phone = Phone()
    at(store, phone, 0, note)
    at(store, phone, 5, note)
    assert len(phone.got) == 1
    assert mine or not note.is_file() or note.read_bytes() == before


def test_deployments_on_one_machine_have_notes_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    addresses = [("s3://a/x", ""), ("s3://a/y", ""), ("s3://a/x", "http://127.0.0.1:9"), ("file:///a/x", "")]
    notes = {note_path(*address) for address in addresses}
    assert len(notes) == len(addresses)
    assert {path.parent for path in notes} == {tmp_path}
    assert note_path("s3://a/x", "") in notes


def test_the_clock_of_a_run_that_was_ahead_does_not_decide_what_is_remembered() -> None:
    told = Speaking(incident="a1b2c3", since=START, told_at=START)
    ahead = Over(over_at=START + timedelta(days=30))
    later = Over(over_at=START + MINUTE)
    assert newest((told, ahead), START + 2 * MINUTE) == told
    assert newest((None, ahead), START) == ahead
    assert newest((told, later), START + 2 * MINUTE) == newest((later, told), START + 2 * MINUTE) == later
    assert newest((None, None), START) is None


def test_what_a_version_that_deleted_left_is_read_and_it_takes_what_is_left_to_it_for_nothing(store: Store) -> None:
    left = b'{"incident":"a1b2c3","since":"2027-02-01T11:00:00Z","told_at":"2027-02-01T11:50:00Z","version":1}'
    store.put(layout_alerts.deadman(), left)
    phone = Phone()
    beat(store)
    at(store, phone, 0)
    assert [message.sms for message in phone.got] == ["prod CRIT: alerts are alive again, were dead 1h00m #a1b2c3"]
    # As it read: whatever raised ValueError was nothing.
    with pytest.raises(ValueError, match="missing required field"):
        msgspec.json.decode(store.get(layout_alerts.deadman()), type=Speaking)


def test_the_right_to_delete_is_not_needed(s3_servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it each run after the first incident said that the alerts are alive again, every 5 minutes, for good."""
    bucket = s3_servers.bucket("moto")
    with faulty_s3(bucket.endpoint) as faulty:
        for name, value in {**bucket.environment, "AWS_ENDPOINT_URL": faulty.endpoint}.items():
            monkeypatch.setenv(name, value)
        faulty.faults.append(S3Fault("POST .*delete|DELETE ", status=403, code="AccessDenied"))
        store = open_store(bucket.url, allow_http=True)
        phone = Phone()
        for minutes in (0, 5, 10):
            at(store, phone, minutes)
        beat(store, 11)
        for minutes in (12, 17, 22):
            assert at(store, phone, minutes).alive
    assert [message.sms.partition(",")[0] for message in phone.got] == [
        "prod CRIT: alerts are DEAD: there is no heartbeat",
        "prod CRIT: alerts are alive again",
    ]


def test_what_could_not_be_said_is_tried_at_the_next_run(store: Store) -> None:
    phone = Phone(fails=[SnsTopicMissing("gone")])
    with pytest.raises(SnsTopicMissing):
        at(store, phone, 0)
    at(store, phone, 5)
    assert len(phone.got) == 1


def test_a_store_that_cannot_be_read_or_written_does_not_keep_it_silent(
    s3_servers: Servers, monkeypatch: pytest.MonkeyPatch, note: Path
) -> None:
    for name, value in {**environment(s3_servers.url("moto")), "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    nowhere = open_store("s3://no-such-bucket-here/of", allow_http=True)
    phone = Phone()
    assert at(nowhere, phone, 0).wrong == "the store cannot be read"
    at(nowhere, phone, 5)
    assert len(phone.got) == 2  # it has nowhere to remember
    at(nowhere, phone, 10, note)
    at(nowhere, phone, 15, note)
    assert len(phone.got) == 3


def test_the_lambda_reads_the_bucket_and_sends_the_sms_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve("moto", tmp_path) as url:  # of its own: see test_sns.py
        check_lambda(make_bucket(url), tmp_path, monkeypatch)


def check_lambda(bucket: Bucket, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        **bucket.environment,
        **environment(bucket.endpoint),
        "ELEC_STORE": bucket.url,
        "ELEC_ALERT_PHONE": PHONE,
        "TMPDIR": str(folder),
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
    store.delete(layout_alerts.deadman())  # as if it had not taken it
    assert handler({}, None)["told"] is False


def test_it_imports_neither_dagster_nor_pydantic_nor_polars() -> None:
    code = (
        "import sys, elec_assets.handlers.deadman as d\n"
        "print([m for m in ('dagster', 'pydantic', 'polars', 'boto3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
