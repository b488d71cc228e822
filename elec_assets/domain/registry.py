"""Who is followed: registry -> elections -> candidates, with dates. The model; `registry_file.py` reads it from YAML.

Only the dates in the file decide who is followed when: nothing here reads a clock.
`collect_from` and `collect_until` bound UTC partitions and are read as 00:00 UTC of their date; rounds,
inauguration, blackouts and events are local to the election's time zone, and held here in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from elec_assets.domain.phases import Phase
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import Window

NOT_FOLLOWED = -1
LEFT_OUT = {"left out of the content where it is the default": True}
"""Metadata of fields that came later: registries that do not use them keep their version."""


@dataclass(frozen=True, slots=True)
class DatedStatus:
    """A status (1 declared, 0 named, -1 out) and the time it holds from; None: from the beginning."""

    value: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrendsNames:
    """How Google Trends knows a candidate: a topic's mid (`/m/...`), a search term, or neither."""

    topic_mid: str | None = None
    term: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person followed. `accounts` are X handles without `@`, the person's own and those of the party."""

    key: str
    name: str
    status: tuple[DatedStatus, ...]
    accounts: tuple[str, ...] = ()
    group: str | None = None
    party: str | None = None
    image: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    terms: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    trends: TrendsNames = TrendsNames()

    def status_at(self, moment: datetime) -> int:
        """The status that holds at a moment: the latest dated one not after it."""
        held = [s for s in self.status if s.since is None or s.since <= moment]
        return held[-1].value if held else NOT_FOLLOWED

    def followed_at(self, moment: datetime) -> bool:
        """Whether posts of this moment are asked for: within since/until, and status 0 or 1."""
        if self.since is not None and moment < self.since:
            return False
        if self.until is not None and moment >= self.until:
            return False
        return self.status_at(moment) != NOT_FOLLOWED


@dataclass(frozen=True, slots=True)
class Event:
    """Something that makes people talk: a debate, a speech."""

    name: str
    window: Window


@dataclass(frozen=True, slots=True)
class CapturePlan:
    """When the stream is listened to: always, `slots` random slots of `slot_s` seconds an hour, or `every`/`length`."""

    mode: str = "continuous"  # continuous | slots | every
    slots: int = 0
    slot_s: int = 0
    every_s: int = 0
    length_s: int = 0


@dataclass(frozen=True, slots=True)
class PhasePlan:
    """The plan of one phase, instead of the election's."""

    phase: Phase
    plan: CapturePlan


@dataclass(frozen=True, slots=True)
class CaptureChanges:
    """Where another plan than the election's holds: in phases (instead of it), and around events (beside it).

    An event counts from `before_s` seconds before its window to `after_s` seconds after it; `events` None: not at all.
    """

    phases: tuple[PhasePlan, ...] = ()
    events: CapturePlan | None = None
    before_s: int = 0
    after_s: int = 0


@dataclass(frozen=True, slots=True)
class TrendsPlan:
    """Which tables of Google Trends are made at which cadence. The default fits the daily cap for 40 candidates."""

    hourly: tuple[TrendsTable, ...] = (TrendsTable.INTEREST_OVER_TIME, TrendsTable.CALIBRATED_INTEREST)
    daily: tuple[TrendsTable, ...] = tuple(TrendsTable)
    weekly: tuple[TrendsTable, ...] = tuple(TrendsTable)

    def tables(self, cadence: Cadence) -> tuple[TrendsTable, ...]:
        """The tables made at a cadence, in the order of `TrendsTable`."""
        return {Cadence.HOURLY: self.hourly, Cadence.DAILY: self.daily, Cadence.WEEKLY: self.weekly}[cadence]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The dates of an election; all times UTC, `rounds` and `inauguration` local dates.

    `trends_from` is where daily and weekly partitions of Google Trends begin, if before `collect_from`.
    """

    collect_from: datetime
    collect_until: datetime
    rounds: tuple[date, ...]
    inauguration: date
    confirmed: bool = False
    blackouts: tuple[Window, ...] = ()
    events: tuple[Event, ...] = ()
    trends_from: datetime | None = field(default=None, metadata=LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Election:
    """One election, as the registry describes it."""

    key: str
    name: str
    country: str
    calendar: Calendar
    candidates: Mapping[str, Candidate]
    timezone: str = "UTC"
    languages: tuple[str, ...] = ()
    areas: Mapping[str, str] = field(default_factory=lambda: {"world": ""})
    capture: CapturePlan = CapturePlan()
    trends: TrendsPlan = field(default=TrendsPlan(), metadata=LEFT_OUT)
    capture_changes: CaptureChanges = field(default=CaptureChanges(), metadata=LEFT_OUT)

    def as_of(self, moment: datetime) -> tuple[Candidate, ...]:
        """The candidates followed at a moment, in the order of their keys."""
        return tuple(c for _, c in sorted(self.candidates.items()) if c.followed_at(moment))

    def active_at(self, now: datetime) -> bool:
        """Whether collection runs: collect_from <= now < collect_until."""
        return self.calendar.collect_from <= now < self.calendar.collect_until


@dataclass(frozen=True, slots=True)
class Registry:
    """All elections of a deployment.

    `content` is what they say, as canonical JSON; `version` the first 12 hex digits of its sha256.
    """

    elections: Mapping[str, Election]
    version: str
    source: str
    content: str = ""

    def active(self, now: datetime) -> tuple[Election, ...]:
        """The elections whose collection runs now."""
        return tuple(e for e in self.elections.values() if e.active_at(now))
