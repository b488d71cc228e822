"""What alerts remember: conditions, incidents, the message under way. One JSON object, versioned."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from elec_assets.domain.windows import iso_ms

VERSION = 2
"""1 (2026-11) held incidents alone: no message under way, no limits, no past."""
_ID_DIGITS = 6
_MONDAY_AT = time(10)


class AlertStateUnreadable(Exception):
    """The state of alerts cannot be read; the text says why and what to do."""


class Severity(StrEnum):
    """How loud: warnings wait for the morning, critical ones do not."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 and 1."""
        return int(self is Severity.CRITICAL)


class Condition(msgspec.Struct, frozen=True):
    """Something wrong now.

    Attributes:
        key: which condition of which thing, the same as long as it lasts (`late:fr_2027/twitter/tweets`).
        asset: the key of the asset, or another name of what is wrong.
        wrong: what is wrong, short, without text of posts, handles, secrets: `late 2h40m (max 2h30m)`.
        since: since when, UTC.
        cause: key of the condition upstream that explains this one.
        timezone: of the election, for quiet hours.
        forget_at: from when on it is not looked for any more, mended or not; None: it is as long as it lasts.
    """

    key: str
    asset: str
    severity: Severity
    wrong: str
    since: datetime
    cause: str | None = None
    timezone: str = "UTC"
    forget_at: datetime | None = None

    def is_forgotten(self, now: datetime) -> bool:
        """Whether its absence says nothing any more."""
        return self.forget_at is not None and now >= self.forget_at


class Incident(msgspec.Struct, frozen=True):
    """A condition over time.

    Attributes:
        id: 6 hex digits, in every text about it.
        condition: as last seen, `since` the earliest.
        hits, misses: looks at which it was there; looks in a row at which it was not.
        fired_at: when it was there for good; None while pending.
        ended_at: the first look at which it was not there any more.
        announced_at: when its opening message was accepted.
        told_at, told_severity: when and how severe it was in the last message about it.
        muted: why nothing is said of it; empty: nothing mutes it.
        muted_until: a consequence stays muted for a while after its cause has ended.
        forgotten: it, or a part of it, is not looked for any more: nobody knows that it is over.
    """

    id: str
    condition: Condition
    first_seen: datetime
    hits: int = 1
    misses: int = 0
    fired_at: datetime | None = None
    ended_at: datetime | None = None
    announced_at: datetime | None = None
    told_at: datetime | None = None
    told_severity: Severity | None = None
    muted: str = ""
    muted_until: datetime | None = None
    forgotten: bool = False

    @property
    def severity(self) -> Severity:
        """As last seen."""
        return self.condition.severity

    @property
    def loudest(self) -> Severity:
        """The higher of what it is and what it was told as: what was told loud is resolved loud."""
        return max(self.severity, self.told_severity or self.severity, key=lambda severity: severity.rank)

    @property
    def is_raised(self) -> bool:
        """Whether it got worse since it was told."""
        return self.told_severity is not None and self.severity.rank > self.told_severity.rank


class Message(msgspec.Struct, frozen=True):
    """One message: its texts, and the ids of the incidents that it opens, raises, reminds of and resolves.

    `number` counts messages; `limit` says that a cap was reached, `alive` that alerts work.
    """

    number: int
    severity: Severity
    subject: str
    sms: str
    text: str
    opened: tuple[str, ...] = ()
    raised: tuple[str, ...] = ()
    reminded: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()
    severities: dict[str, Severity] = {}
    limit: bool = False
    alive: bool = False

    @property
    def opens(self) -> bool:
        """Whether it tells anything of an incident."""
        return bool(self.opened or self.raised or self.reminded or self.resolved)


class State(msgspec.Struct, frozen=True):
    """All that is remembered.

    Attributes:
        incidents: by key of the condition, pending and firing.
        over: ended, and still to be told so.
        past: resolved, or ended while muted, of the last days.
        outbox: the message under way.
        in_doubt: whether it may have arrived: it was under way when an earlier look ended.
        plain: whether the next message names nothing: the last one, which did, was unfit.
        number: of the last message.
        sent_at: when the messages of the last hour were sent.
        month, sent_in_month: `YYYYMM` in UTC, and the messages sent in it.
        limited_since: since when a cap holds messages back, once that was told.
        alive_at: when it was last told that alerts work.
        looked_at: when conditions were last looked at.
    """

    version: int = VERSION
    incidents: dict[str, Incident] = {}
    over: list[Incident] = []
    past: list[Incident] = []
    outbox: Message | None = None
    in_doubt: bool = False
    plain: bool = False
    number: int = 0
    sent_at: list[datetime] = []
    month: str = ""
    sent_in_month: int = 0
    limited_since: datetime | None = None
    alive_at: datetime | None = None
    looked_at: datetime | None = None


class Rules(msgspec.Struct, frozen=True):
    """How alerts behave.

    Attributes:
        label: which deployment speaks, at the head of every text.
        ticks: looks in a row to fire, and to resolve.
        least_gap: looks closer together than this count once.
        quiet_from, quiet_to: local hours in which warnings wait; equal: none.
        remind_critical, remind_warning: how long after the last message an open incident is told again.
        per_hour, per_month: messages at most (UTC months); the notices that a cap is reached come on top.
        cause_grace: how long a consequence stays muted after its cause has ended.
        alive: whether it is told that alerts work: at once, and every Monday from 10:00 in `timezone`.
        keep, keep_most: how long, and how many at most, resolved incidents are remembered.
    """

    label: str = "elec"
    ticks: int = 2
    least_gap: timedelta = timedelta(seconds=15)
    quiet_from: time = time(22)
    quiet_to: time = time(8)
    remind_critical: timedelta = timedelta(hours=4)
    remind_warning: timedelta = timedelta(hours=24)
    per_hour: int = 10
    per_month: int = 200
    cause_grace: timedelta = timedelta(minutes=15)
    alive: bool = True
    timezone: str = "UTC"
    keep: timedelta = timedelta(days=14)
    keep_most: int = 500

    def is_quiet(self, severity: Severity, timezone: str, now: datetime) -> bool:
        """Whether a message of this severity waits for the morning."""
        if severity is Severity.CRITICAL:
            return False
        local = now.astimezone(ZoneInfo(timezone)).time()
        if self.quiet_from <= self.quiet_to:
            return self.quiet_from <= local < self.quiet_to
        return local >= self.quiet_from or local < self.quiet_to

    def remind_after(self, severity: Severity) -> timedelta:
        """How long after the last message an open incident is told again."""
        return self.remind_critical if severity is Severity.CRITICAL else self.remind_warning

    def alive_due(self, last: datetime | None, now: datetime) -> bool:
        """Whether it is to be told that alerts work: at once the first time, then on Mondays."""
        if not self.alive or last is None:
            return self.alive
        local = now.astimezone(ZoneInfo(self.timezone))
        at = datetime.combine(local.date(), _MONDAY_AT, local.tzinfo)
        return local.weekday() == 0 and last < at <= local


_S = TypeVar("_S", bound=msgspec.Struct)


def changed(struct: _S, **fields: Any) -> _S:  # noqa: ANN401 - fields of the struct
    """The same with other values."""
    return msgspec.structs.replace(struct, **fields)


def incident_id(key: str, first_seen: datetime) -> str:
    """The id of an incident: a restart finds the same."""
    return hashlib.sha256(f"{key} {iso_ms(first_seen)}".encode()).hexdigest()[:_ID_DIGITS]


def encode_state(state: State) -> bytes:
    """The object that keeps a state."""
    return msgspec.json.format(msgspec.json.encode(state), indent=1)


def decode_state(data: bytes, name: str) -> State:
    """The state that an object holds; one of version 1 becomes one of this version.

    Raises:
        AlertStateUnreadable: it is damaged, or of a newer version; the text begins with `name`.
    """
    try:
        text = data.decode()  # else msgspec passes over names that are not UTF-8
        version = msgspec.json.decode(text, type=_Versioned).version
        if version > VERSION:
            raise AlertStateUnreadable(f"{name}: version {version}, this program reads up to {VERSION}; upgrade")
        if version < 1:
            raise AlertStateUnreadable(f"{name}: version {version} never was; restore it or move it away")
        return _from_1(text) if version == 1 else msgspec.json.decode(text, type=State)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise AlertStateUnreadable(f"{name}: not a state of alerts ({error}); restore it or move it away") from error


class _Versioned(msgspec.Struct):
    version: int


class _Incident1(msgspec.Struct):
    """Of version 1, where an incident was announced as soon as it fired."""

    state: str
    asset: str
    severity: Severity
    wrong: str
    since: datetime
    first_seen: datetime
    hits: int
    misses: int
    fired_at: datetime | None = None
    last_sent: datetime | None = None


class _State1(msgspec.Struct):
    version: int
    incidents: Mapping[str, _Incident1]


def _from_1(text: str) -> State:
    old = msgspec.json.decode(text, type=_State1)
    return State(incidents={key: _incident_of_1(key, incident) for key, incident in old.incidents.items()})


def _incident_of_1(key: str, old: _Incident1) -> Incident:
    firing = old.state == "firing"
    return Incident(
        incident_id(key, old.first_seen),
        Condition(key, old.asset, old.severity, old.wrong, old.since),
        old.first_seen,
        hits=old.hits,
        misses=old.misses,
        fired_at=(old.fired_at or old.first_seen) if firing else None,
        announced_at=old.last_sent if firing else None,
        told_at=old.last_sent if firing else None,
        told_severity=old.severity if firing and old.last_sent else None,
    )
