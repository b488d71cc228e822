"""Alerts in the store: what they remember, the silences, the heartbeat; and one look from conditions to a message.

One writer: looks on one host take turns by a file lock, and the daemon of Dagster runs on one host. A look commits,
publishes, and commits again; whatever stops it between, the next look finds the message and sends it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import filelock

from elec_assets.clients.sns_errors import SnsError
from elec_assets.clients.store import Store
from elec_assets.domain import layout_alerts
from elec_assets.domain.registry_problems import RegistryInvalid
from elec_assets.domain.silences import Silence, parse_silences, silenced, silences_text
from elec_assets.transforms.alert_state import Condition, Message, Rules, Severity, State, decode_state, encode_state
from elec_assets.transforms.alerts import advance, refused, sent
from elec_assets.transforms.heartbeat import Heartbeat

_LOCK_S = 20.0
"""Shorter than the 30 s between two looks: one that waits longer is skipped."""


class Publisher(Protocol):
    """Whatever sends a message: `clients.sns.Sns`."""

    def publish(self, message: Message) -> str:
        """Send it; returns an id. Raises SnsError."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What one look came to.

    Attributes:
        state: what is remembered after it; None: another look was under way, nothing was done.
        published: the message that was accepted.
        error: why a message was not, or may not have been.
    """

    state: State | None
    published: Message | None = None
    error: SnsError | None = None


class AlertDesk:
    """Turns conditions into messages, once each."""

    def __init__(self, *, store: Store, publisher: Publisher, rules: Rules, lock: Path) -> None:
        self._store = store
        self._publisher = publisher
        self._rules = rules
        self._lock = lock

    def look(self, conditions: Sequence[Condition], now: datetime) -> Look:
        """Remember these conditions, tell what is due, and leave a heartbeat if nothing failed.

        `conditions` are all that is wrong: what is not among them is over.

        Raises:
            AlertStateUnreadable: the state is damaged, or of a newer version; nothing was told.
            StoreError: the store refused.
        """
        try:
            with filelock.FileLock(self._lock, timeout=_LOCK_S):
                return self._look(conditions, now)
        except filelock.Timeout:
            return Look(None)

    def _look(self, conditions: Sequence[Condition], now: datetime) -> Look:
        silences, unreadable = read_silences(self._store, now)
        every = [*conditions, unreadable] if unreadable is not None else conditions
        state = advance(read_state(self._store), every, silences, now, self._rules)
        self._write(state)
        message = state.outbox
        if message is not None:
            try:
                self._publisher.publish(message)
            except SnsError as error:
                if error.certain:
                    state = refused(state, unfit=error.unfit)
                    self._write(state)
                return Look(state, error=error)
            state = sent(state, now, self._rules)
            self._write(state)
        # Last: who cannot tell anybody is as good as dead.
        firing = sum(incident.fired_at is not None for incident in state.incidents.values())
        self._store.put(layout_alerts.heartbeat(), Heartbeat(at=now, firing=firing, message=state.number).encoded())
        return Look(state, published=message)

    def _write(self, state: State) -> None:
        self._store.put(layout_alerts.alerts(), encode_state(state))


def read_state(store: Store) -> State:
    """What alerts remember; an empty state where there is none.

    Raises:
        AlertStateUnreadable: it is damaged, or of a newer version.
        StoreError: the store refused.
    """
    data = store.find(layout_alerts.alerts())
    return State() if data is None else decode_state(data, layout_alerts.alerts())


def read_silences(store: Store, now: datetime) -> tuple[tuple[Silence, ...], Condition | None]:
    """The silences. A file that cannot be read mutes nothing, and is a condition itself.

    Raises:
        StoreError: the store refused.
    """
    key = layout_alerts.silences()
    data = store.find(key)
    try:
        return (() if data is None else parse_silences(data.decode(), key)), None
    except (RegistryInvalid, UnicodeDecodeError):
        wrong = "cannot be read, nothing is muted; elec watch ls shows why"
        return (), Condition("silences", key, Severity.WARNING, wrong, now)


def add_silence(store: Store, new: Silence, now: datetime) -> tuple[Silence, ...]:
    """Mute something; returns all silences as they are now.

    Raises:
        ValueError: see `domain.silences.silenced`.
        RegistryInvalid: the file there is cannot be read, and is left as it is.
        StoreError: the store refused.
    """
    key = layout_alerts.silences()
    data = store.find(key)
    held = () if data is None else parse_silences(data.decode(errors="replace"), key)
    silences = silenced(held, new, now)
    store.put(key, silences_text(silences).encode())
    return silences
