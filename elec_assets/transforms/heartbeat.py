"""The heartbeat that a complete look leaves, and what the dead-man switch makes of it."""

from datetime import datetime, timedelta

import msgspec

from elec_assets.domain.windows import iso
from elec_assets.transforms.alert_state import Message, Severity, incident_id
from elec_assets.transforms.alert_texts import length
from elec_assets.transforms.sms import cut, gsm, shortened, subject

VERSION = 1
REMIND = timedelta(hours=4)
_AHEAD = timedelta(minutes=5)


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """When all was last looked at and told, how many incidents were open then, and the number of the last message."""

    at: datetime
    firing: int = 0
    message: int = 0
    version: int = VERSION

    def encoded(self) -> bytes:
        """The object that keeps it."""
        return msgspec.json.encode(self)


class Speaking(msgspec.Struct, frozen=True, kw_only=True):
    """What the dead-man switch remembers while it speaks: of which incident, since when, and when it last did."""

    incident: str
    since: datetime
    told_at: datetime
    version: int = VERSION

    def encoded(self) -> bytes:
        """The object that keeps it."""
        return msgspec.json.encode(self)


def silent_since(data: bytes | None, now: datetime, max_age: timedelta) -> tuple[datetime | None, str] | None:
    """Since when there has been no heartbeat (None: unknown), and what is wrong; None while it beats.

    `data` is the heartbeat's object; a newer version is read as far as it says when.
    """
    if data is None:
        return None, "there is no heartbeat"
    try:
        at = msgspec.json.decode(data.decode(), type=Heartbeat).at
        age = now - at
    except (ValueError, RecursionError, TypeError):  # not JSON, not UTF-8, nested without end; a time without offset
        return None, "the heartbeat cannot be read"
    if age < -_AHEAD:
        return None, f"the heartbeat is {length(-age)} ahead of this clock"
    return None if age <= max_age else (at, f"nothing was looked at for {length(age)} (max {length(max_age)})")


def speaking(data: bytes | None) -> Speaking | None:
    """What the switch remembers; nothing where it is damaged: it then speaks once more."""
    try:
        return None if data is None else msgspec.json.decode(data.decode(), type=Speaking)
    except (ValueError, RecursionError):
        return None


def spoken(since: datetime | None, before: Speaking | None, now: datetime) -> Speaking | None:
    """What to remember after speaking now; None if it is too soon to speak again."""
    if before is not None and timedelta(0) <= now - before.told_at < REMIND:
        return None
    began = before.since if before is not None else since or now
    name = before.incident if before is not None else incident_id("deadman", began)
    return Speaking(incident=name, since=began, told_at=now)


def dead_message(wrong: str, said: Speaking, label: str) -> Message:
    """That the alerts themselves are dead."""
    return _message(
        f"alerts are DEAD: {wrong}, since {iso(said.since)}. Look at dagster-daemon and its host.", said, label
    )


def alive_again(before: Speaking, now: datetime, label: str) -> Message:
    """That they live again."""
    return _message(f"alerts are alive again, were dead {length(now - before.since)}", before, label)


def _message(text: str, said: Speaking, label: str) -> Message:
    head, mark = f"{shortened(gsm(label), 20)} CRIT: ", f" #{said.incident}"
    sms = cut(head + gsm(text), 160 - len(mark)) + mark
    return Message(0, Severity.CRITICAL, subject(f"[{label} CRIT] {text[:70]}{mark}"), sms, f"{head}{text}{mark}\n")
