"""What people get in a script: a phone behind an SNS that fails as told, and the events that its messages tell."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from elec_assets.clients.sns_errors import SnsTopicMissing, SnsUnanswered
from elec_assets.clients.store import ObjectMissing, Store
from elec_assets.domain.windows import Window
from elec_assets.transforms.alert_state import Message

# As `transforms/alert_texts.py` writes an incident into an e-mail.
_EVENT = re.compile(
    r"^(NEW|WORSE|STILL|OVER) (?:warning|critical) #([0-9a-f]{6}) (\S+)\n  .*\n  since (\S+)", re.MULTILINE
)
_ARRIVES = 0.4
_NEVER = datetime.min.replace(tzinfo=UTC)


class Killed(Exception):
    """The process ended between publish and commit."""


class MemoryStore(Store):
    """Objects in a dictionary: what a crash of the machine leaves of a directory is another test's subject."""

    def __init__(self) -> None:
        self.url = "memory"
        self._objects: dict[str, bytes] = {}

    def get(self, key: str) -> bytes:
        """As `Store.get`."""
        if key not in self._objects:
            raise ObjectMissing(f"there is no {key}")
        return self._objects[key]

    def put(self, key: str, data: bytes) -> None:
        """As `Store.put`."""
        self._objects[key] = data

    def delete(self, key: str) -> None:
        """As `Store.delete`."""
        self._objects.pop(key, None)


def seeded(seed: str) -> random.Random:
    """Draws that anyone can make again."""
    return random.Random(seed)  # noqa: S311 - nothing secret


@dataclass(frozen=True, slots=True)
class SnsFault:
    """What becomes of messages in a window.

    `gone`: refused, the topic is not there. `down`: no answer, and some arrive. `killed`: it arrives, and the sender is
    killed before it knows.
    """

    window: Window
    how: Literal["gone", "down", "killed"]


@dataclass
class Phone:
    """Takes messages at `now`, a time that the caller sets."""

    faults: Sequence[SnsFault] = ()
    seed: int = 0
    now: datetime = _NEVER
    got: list[tuple[datetime, Message]] = field(default_factory=list)

    def publish(self, message: Message) -> str:
        """As `Sns.publish`.

        Raises:
            SnsError: a fault says so.
            Killed: a fault says so.
        """
        fault = next((each for each in self.faults if self.now in each.window), None)
        if fault is None or fault.how == "killed":
            self.got.append((self.now, message))
            if fault is not None:
                raise Killed
            return "id"
        if fault.how == "gone":
            raise SnsTopicMissing("there is no such topic")
        if seeded(f"{self.seed} {self.now}").random() < _ARRIVES:
            self.got.append((self.now, message))
        raise SnsUnanswered("no answer", certain=False)

    @property
    def messages(self) -> list[tuple[datetime, Message]]:
        """Each once, when it came first: a repeated one is known by its number, and is the same."""
        first: dict[int, tuple[datetime, Message]] = {}
        for at, message in self.got:
            known = first.setdefault(message.number, (at, message))
            assert known[1] == message, f"message {message.number} came with two texts"
        return list(first.values())


@dataclass(frozen=True, slots=True)
class Event:
    """One incident in one message: `NEW`, `WORSE`, `STILL` or `OVER`; `since` as it is written there."""

    at: datetime
    kind: str
    incident: str
    asset: str
    since: str


def events(messages: Sequence[tuple[datetime, Message]]) -> list[Event]:
    """What messages tell of incidents, as a person reads it."""
    return [
        Event(at, kind, incident, asset, since)
        for at, message in messages
        for kind, incident, asset, since in _EVENT.findall(message.text)
    ]
