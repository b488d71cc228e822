"""The heartbeat that a complete look leaves, and what the dead-man switch makes of it."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from elec_assets.domain.windows import iso
from elec_assets.transforms.alert_state import Message, Severity, incident_id
from elec_assets.transforms.alert_texts import length
from elec_assets.transforms.sms import cut, gsm, shortened, subject

VERSION = 1
REMIND = timedelta(hours=4)
_AHEAD = timedelta(minutes=5)
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


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
    since: _Moment
    told_at: _Moment
    version: int = VERSION

    @property
    def at(self) -> datetime:
        """When it was remembered."""
        return self.told_at

    def encoded(self) -> bytes:
        """The object that keeps it."""
        return msgspec.json.encode(self)


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """What it remembers when the alerts live again: since when nothing is spoken of.

    It stands in the place of `Speaking`, so that no right to delete is needed; a version before 2026-11-22, which
    deleted, takes it for a damaged one, that is for none.
    """

    over_at: _Moment
    version: int = VERSION

    @property
    def at(self) -> datetime:
        """When it was remembered."""
        return self.over_at

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


def recalled(data: bytes | None) -> Speaking | Over | None:
    """What the switch remembers; nothing where it is damaged: it then speaks once more."""
    kinds: tuple[type[Speaking | Over], ...] = (Speaking, Over)
    for kind in kinds:
        with suppress(ValueError, RecursionError):
            return None if data is None else msgspec.json.decode(data.decode(), type=kind)
    return None


def newest(records: Iterable[Speaking | Over | None], now: datetime) -> Speaking | Over | None:
    """The one that counts of those remembered in several places; one from a clock that was ahead only if alone."""
    found = [record for record in records if record is not None]
    return max(found, key=lambda record: (record.at <= now, record.at), default=None)


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
