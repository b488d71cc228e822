"""Tombstones in the store: read for every seal, added to by compliance, and what is still to be done because of them.

One writer: `elec comply` or its asset, one at a time (`comply_lock`). Order of writes: what is to be made again, then
the tombstones, then raw objects, then tables; last, what was to be made is crossed off. A crash between leaves the
first, and the next run goes on from there.
"""

import hashlib
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.store import Store
from elec_assets.domain import layout_compliance as layout
from elec_assets.domain.windows import Grain, Window, floor, window_at, window_of_key, year_week
from elec_assets.transforms.tombstones import (
    DayTombstones,
    Tombstones,
    TombstonesUnreadable,
    decode_day,
    decode_people,
    encode_day,
    encode_people,
    fingerprint,
    union,
)


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What compliance took out of the tables of an election.

    Attributes:
        weeks: `GGGG_WW` of all weeks that posts or places were ever taken out of.
        rows: fingerprints of the posts, and of the retweets that went with them.
    """

    weeks: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()


class _Todo(msgspec.Struct):
    hours: list[str]
    version: int = 1


class Forgotten:
    """The people who are not to be kept, in any election."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def people(self) -> frozenset[str]:
        """Their fingerprints.

        Raises:
            ArchiveDamaged: the object is damaged, or from a newer program.
        """
        data = self._store.find(layout.forgotten())
        with _told():
            return frozenset() if data is None else decode_people(data, layout.forgotten())

    def add(self, user_id: int) -> bool:
        """Add one; whether it is new."""
        before = self.people()
        after = before | {fingerprint(user_id)}
        if after == before:
            return False
        self._store.put(layout.forgotten(), encode_people(after))
        return True


class TombstoneArchive:
    """The tombstones of one election."""

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election
        self._forgotten = Forgotten(store)

    def of(self, keys: Iterable[str]) -> Tombstones:
        """All that apply to raw objects: those of their days, and the people to be forgotten.

        Raises:
            ArchiveDamaged: one is damaged, or from a newer program: nothing may be made without it.
        """
        days = sorted({day for key in keys if (day := layout.raw_day(key)) is not None})
        return union([Tombstones(people=self._forgotten.people()), *(self.day(day).tombstones for day in days)])

    def day(self, day: Window) -> DayTombstones:
        """Those of the raw objects of a day.

        Raises:
            ArchiveDamaged: as `of`.
        """
        key = layout.tombstones_day(self._election, day)
        data = self._store.find(key)
        with _told():
            return DayTombstones() if data is None else decode_day(data, key)

    def days(self) -> dict[Window, DayTombstones]:
        """Those of all days that have some.

        Raises:
            ArchiveDamaged: as `of`.
        """
        return {day: self.day(day) for day in self._days("tombstones")}

    def note(self, day: Window, found: DayTombstones) -> None:
        """Add tombstones to a day; what must be made again is written first.

        Raises:
            ArchiveDamaged: as `of`.
        """
        before = self.day(day)
        self.plan(day, found.hours)
        after = before | found
        if after != before:
            self._store.put(layout.tombstones_day(self._election, day), encode_day(after))

    def plan(self, day: Window, hours: Collection[str]) -> None:
        """Note hours (Dagster's keys) that must be made again because of a day."""
        before = self.planned(day)
        if not set(hours) <= before:
            data = msgspec.json.encode(_Todo(sorted({*before, *hours})))
            self._store.put(layout.todo_day(self._election, day), data)

    def planned(self, day: Window) -> frozenset[str]:
        """Hours that must be made again because of a day.

        Raises:
            ArchiveDamaged: the object is damaged.
        """
        key = layout.todo_day(self._election, day)
        data = self._store.find(key)
        if data is None:
            return frozenset()
        try:
            hours = msgspec.json.decode(data, type=_Todo).hours
            for hour in hours:
                window_of_key(hour, Grain.HOUR)
        except (ValueError, RecursionError) as error:
            raise ArchiveDamaged(
                f"{key}: not readable ({error}); delete it and run `elec rebuild --table tweets` for its day"
            ) from error
        return frozenset(hours)

    def unfinished(self) -> list[Window]:
        """The days because of which something is still to be made again."""
        return self._days("todo")

    def done(self, day: Window) -> None:
        """Nothing more is to be made because of a day."""
        self._store.delete(layout.todo_day(self._election, day))

    def taken_out(self) -> TakenOut:
        """What was ever taken out of the tables: a release is held to it, see `gate_allowed.Removal`.

        Raises:
            ArchiveDamaged: as `of`.
        """
        days = self.days().values()
        hours = {window_of_key(hour, Grain.HOUR) for day in days for hour in day.hours}
        weeks = {window_at(floor(hour.start, Grain.WEEK), Grain.WEEK) for hour in hours}
        rows = frozenset[str]().union(*(day.posts | day.rows for day in days))
        return TakenOut(frozenset(map(year_week, weeks)), rows)

    def _days(self, name: str) -> list[Window]:
        listed = self._store.list(layout.compliance(self._election))
        found = (layout.parse_compliance_day(info.key) for info in listed)
        return sorted(each[1] for each in found if each is not None and each[0] == name)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TombstonesUnreadable as error:
        raise ArchiveDamaged(str(error)) from error


def comply_lock(store_url: str) -> Path:
    """The lock file of compliance with a store: in its directory, never listed; for S3 in this host's temporary one."""
    parts = urlsplit(store_url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)) / ".comply.lock"
    name = hashlib.sha256(store_url.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"elec_assets-comply-{os.getuid()}-{name}.lock"
