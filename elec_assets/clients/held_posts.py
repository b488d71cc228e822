"""What the raw objects of an election hold, by day: read once, kept beside the tombstones, dropped when rewritten."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.store import ObjectInfo, Store
from elec_assets.domain import layout_compliance as layout
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.windows import Window
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.held_posts import (
    HeldObject,
    Kind,
    decode_held,
    encode_held,
    held_in,
    profiles_in,
    repeated_of,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Users of X, and posts of theirs that are known by retweets alone."""

    users: frozenset[int]
    posts: frozenset[int]


class HeldArchive:
    """Reads raw objects of one election for what they hold. `keep` says whether what was read is kept in the store."""

    def __init__(self, store: Store, election: str, *, keep: bool = True) -> None:
        self._store = store
        self._election = election
        self._keep = keep
        self._listed: dict[Window, list[ObjectInfo]] | None = None
        self._changed: set[Window] = set()

    def days(self) -> list[Window]:
        """The days that have raw objects with posts, oldest first."""
        return sorted(self._raw())

    def day(self, day: Window) -> dict[str, HeldObject]:
        """What each raw object of a day holds, by its key. Only objects that were not read before are read.

        Raises:
            ArchiveDamaged: one cannot be unpacked.
        """
        key = layout.held_day(self._election, day)
        data = self._store.find(key)
        known = {} if data is None else decode_held(data)
        if day in self._changed:
            self._listed = None
            self._changed.clear()
        held = {info.key: self._held(info, known) for info in self._raw().get(day, [])}
        # Those without posts are kept too: else they would be read again each time.
        if self._keep and held != known:
            self._store.put(key, encode_held(held))
        return held

    def forget(self, day: Window) -> None:
        """Drop what is known of a day: its raw objects are about to change."""
        self._store.delete(layout.held_day(self._election, day))
        # Listed again only if it is wanted: a list of all raw objects for each day would take hours.
        self._changed.add(day)

    def person(self, who: str) -> Person:
        """Who is meant by a user id or `@handle`, by all raw objects. Slow: everything is read, twice.

        Raises:
            ArchiveDamaged: one cannot be unpacked.
        """
        profiles = {profile for key, body in self._bodies() for profile in profiles_in(body, kind_of(key))}
        users = {user for user, name in profiles if who in (str(user), f"@{name}")}
        users |= {int(who)} if who.isdecimal() else set()
        handles = {name for user, name in profiles if user in users}
        posts = {post for key, body in self._bodies() for post in repeated_of(body, kind_of(key), handles)}
        return Person(frozenset(users), frozenset(posts))

    def _bodies(self) -> Iterator[tuple[str, bytes]]:
        for day in self.days():
            for info in self._raw()[day]:
                yield info.key, self.body(info.key)

    def body(self, key: str) -> bytes:
        """A raw object, unpacked.

        Raises:
            ArchiveDamaged: it cannot be.
        """
        try:
            return unpacked(self._store.get(key))
        except ValueError as error:
            raise ArchiveDamaged(f"{key}: cannot be unpacked ({error}); restore it from a backup") from error

    def _held(self, info: ObjectInfo, known: dict[str, HeldObject]) -> HeldObject:
        before = known.get(info.key)
        if before is not None and before.size == info.size:
            return before
        return HeldObject(info.size, held_in(self.body(info.key), kind_of(info.key)))

    def _raw(self) -> dict[Window, list[ObjectInfo]]:
        if self._listed is None:
            self._listed = _by_day(
                info for prefix in layout.raw_posts(self._election) for info in self._store.list(prefix)
            )
        return self._listed


def kind_of(key: str) -> Kind:
    """Whether a raw object holds lines of the stream or a search page."""
    return "page" if parse_batch(key) is None else "lines"


def _by_day(listed: Iterable[ObjectInfo]) -> dict[Window, list[ObjectInfo]]:
    found: dict[Window, list[ObjectInfo]] = defaultdict(list)
    for info in listed:
        day = layout.raw_day(info.key)
        if day is not None:
            found[day].append(info)
    return dict(found)
