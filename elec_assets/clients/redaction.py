"""Takes what has tombstones out of the store: raw objects rewritten, their hours sealed again, their weeks built again.

The one exception to "raw objects are never replaced". It can be killed at any point and run again: what is to be done
is noted before the first object is touched (`tombstones.py`), and every step makes the same bytes each time.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.held_posts import HeldArchive, kind_of
from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import Forgotten, TombstoneArchive
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain import layout
from elec_assets.domain.layout_compliance import raw_hour
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import TWEETS, VOLUME
from elec_assets.domain.windows import (
    HOUR,
    Grain,
    Window,
    created_ms,
    floor,
    from_epoch_ms,
    key_of,
    split,
    window_at,
    window_of_key,
)
from elec_assets.transforms.coverage import CoverageUnreadable
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.held_posts import HeldObject
from elec_assets.transforms.scrubbing import scrub
from elec_assets.transforms.tombstones import DayTombstones, Tombstones, fingerprint, taken_ids, union
from elec_assets.transforms.volume import hour_volume

WEEKLY_PRODUCTS = ("twitter", VOLUME.name)


@dataclass(slots=True)
class Redacted:
    """What a run took out, in counts, and what it made again.

    `weeks` are keys of weeks, `files` the weekly products of each (`twitter`, ...). `failed` says what could not be
    made, and why.
    """

    objects: int = 0
    posts: int = 0
    copies: int = 0
    profiles: int = 0
    places: int = 0
    hours: list[str] = field(default_factory=list)
    weeks: list[str] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Redaction:
    """Applies the tombstones of one election. `say` is told how it goes."""

    def __init__(
        self,
        store: Store,
        election: Election,
        registry_version: str,
        query_limit: int,
        held: HeldArchive,
        say: Callable[[str], None],
    ) -> None:
        self._store = store
        self._election = election
        self._tombstones = TombstoneArchive(store, election.key)
        self._held = held
        self._archive = TweetArchive(store, election.key)
        self._sealer = HourSealer(
            election=election, registry_version=registry_version, store=store, fill=None, query_limit=query_limit
        )
        self._say = say

    def note(self, posts: frozenset[int], places: frozenset[int], days: list[Window]) -> tuple[int, int]:
        """Write tombstones of these posts and places for each of the days in which they are held.

        What people to be forgotten have posted is noted too. Returns how many posts and places were new.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read.
            StoreError: the store refused.
        """
        people = Forgotten(self._store).people()
        wanted = Tombstones(frozenset(map(fingerprint, posts)), frozenset(map(fingerprint, places)), frozenset(people))
        if not wanted:
            return 0, 0
        new_posts: set[str] = set()
        new_places: set[str] = set()
        for day in days:
            found = _found(self._held.day(day), wanted)
            if found.posts or found.places:
                before = self._tombstones.day(day)
                new_posts |= found.posts - before.posts
                new_places |= found.places - before.places
                self._tombstones.note(day, found)
        return len(new_posts), len(new_places)

    def pending(self, days: list[Window]) -> list[str]:
        """Raw objects of these days that hold what has tombstones, and days that are not finished; nothing is changed.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read.
        """
        people = Forgotten(self._store).people()
        objects = [key for day in days for key in self._dirty(day, people)]
        return objects + [f"{day.start:%Y-%m-%d}" for day in self._tombstones.unfinished()]

    def apply(self, days: list[Window]) -> Redacted:
        """Rewrite the raw objects of these days that hold what has tombstones, and make again all that is noted.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read; what was done before it stays done.
            StoreError: the store refused.
        """
        done = Redacted()
        people = Forgotten(self._store).people()
        unfinished = self._tombstones.unfinished()
        for day in sorted({*days, *unfinished}):
            self._rewrite_day(day, people, done)
        unfinished = self._tombstones.unfinished()
        applied = union([Tombstones(people=people), *(self._tombstones.day(day).tombstones for day in unfinished)])
        sealed: dict[str, bool] = {}
        for day in unfinished:
            self._note_rows(day, applied)
            for hour in sorted(self._tombstones.planned(day)):
                if hour not in sealed:
                    sealed[hour] = self._seal(hour, done)
        failed = {hour for hour, fine in sealed.items() if not fine}
        failed |= self._build_weeks(sealed, failed, done)
        for day in unfinished:
            if not self._tombstones.planned(day) & failed:
                self._tombstones.done(day)
        return done

    def _dirty(self, day: Window, people: frozenset[str]) -> dict[str, HeldObject]:
        """The raw objects of a day that hold what has tombstones."""
        mine = self._tombstones.day(day).tombstones | Tombstones(people=people)
        if not mine:
            return {}
        held = self._held.day(day)
        return {key: each for key, each in held.items() if any(post.taken(mine) for post in each.posts)}

    def _rewrite_day(self, day: Window, people: frozenset[str], done: Redacted) -> None:
        dirty = self._dirty(day, people)
        if not dirty:
            return
        mine = self._tombstones.day(day).tombstones | Tombstones(people=people)
        self._tombstones.note(day, _found(dirty, mine))
        # First what is known of them: after a crash they are looked at again.
        self._held.forget(day)
        for key in dirty:
            self._rewrite(key, mine, done)
        self._say(f"{day.start:%Y-%m-%d}: {len(dirty)} raw objects rewritten")

    def _rewrite(self, key: str, tombstones: Tombstones, done: Redacted) -> None:
        body = self._held.body(key)
        scrubbed = scrub(body, kind_of(key), tombstones)
        if scrubbed.body == body:
            return
        self._store.put(key, packed(scrubbed.body))
        done.objects += 1
        done.posts += scrubbed.posts
        done.copies += scrubbed.copies
        done.profiles += scrubbed.profiles
        done.places += scrubbed.places

    def _note_rows(self, day: Window, applied: Tombstones) -> None:
        """Note the rows that tables are about to lose: once they are sealed again, nothing tells a retweet from a loss.

        Of a table that cannot be read nothing is noted: what it lost, a person must look at.
        """
        rows: set[str] = set()
        for hour in sorted(self._tombstones.planned(day)):
            try:
                frame = self._archive.frame(window_of_key(hour, Grain.HOUR))
            except ArchiveDamaged as error:
                self._say(f"{hour}: the rows taken out cannot be counted: {error}")
                continue
            if frame is not None:
                rows |= set(map(fingerprint, taken_ids(frame, applied)))
        self._tombstones.note(day, DayTombstones(rows=frozenset(rows)))

    def _seal(self, hour_key: str, done: Redacted) -> bool:
        """Seal an hour again, where it was sealed before; whether nothing is left to be done."""
        hour = window_of_key(hour_key, Grain.HOUR)
        before = self._archive.table(hour)
        if before is None and self._store.find(layout.rejects_hour(self._election.key, hour)) is None:
            return True
        try:
            sealed = self._sealer.seal(hour)
        except ArchiveDamaged as error:
            done.failed.append(f"{hour_key}: {error}")
            return False
        if not sealed.stored:
            done.failed.append(f"{hour_key}: {sealed.summary}")
            return False
        done.hours.append(hour_key)
        self._say(f"{hour_key}: sealed again, {sealed.summary}")
        return True

    def _build_weeks(self, hours: Collection[str], failed: Collection[str], done: Redacted) -> set[str]:
        """Build the weekly files of these hours again, where they were built before; the hours of those that fail."""
        weeks: dict[Window, set[str]] = {}
        for hour in hours:
            week = window_at(window_of_key(hour, Grain.HOUR).start, Grain.WEEK)
            weeks.setdefault(week, set()).add(hour)
        left: set[str] = set()
        for week, its in sorted(weeks.items()):
            if its.isdisjoint(failed) and not self._build_week(week, done):
                left |= its
        return left

    def _build_week(self, week: Window, done: Redacted) -> bool:
        key = key_of(week, Grain.WEEK)
        built = [product for product in WEEKLY_PRODUCTS if self._is_built(product, week)]
        try:
            for product in built:
                self._build(product, week)
        except (ArchiveDamaged, CoverageUnreadable) as error:
            done.failed.append(f"week of {key}: {error}")
            return False
        if built:
            done.weeks.append(key)
            done.files += [(product, key) for product in built]
            self._say(f"week of {key}: {' and '.join(built)} built again")
        return True

    def _is_built(self, product: str, week: Window) -> bool:
        key = layout.weekly(self._election.key, product, week)
        return any(info.key == key for info in self._store.list(key))

    def _build(self, product: str, week: Window) -> None:
        hours = split(week, Grain.HOUR)
        if product == VOLUME.name:
            counted = (
                hour_volume(self._election, hour, self._archive.frame(hour), self._archive.coverage(hour))
                for hour in hours
            )
            WeeklyArchive(self._store, self._election.key, product, VOLUME).write(week, counted)
            return
        frames = (frame for hour in hours for frame in self._archive.rows(hour))
        WeeklyArchive(self._store, self._election.key, product, TWEETS).write(week, frames)


def _found(held: dict[str, HeldObject], wanted: Tombstones) -> DayTombstones:
    """The tombstones that concern these raw objects, and the hours whose tables they change."""
    posts: set[str] = set()
    places: set[str] = set()
    hours: set[str] = set()
    for key, each in held.items():
        for post in each.posts:
            if not post.taken(wanted):
                continue
            whole = wanted.takes_post(post.id) or wanted.takes_person(post.author or None)
            (posts if whole else places).add(fingerprint(post.id))
            hours |= set(_hours(key, post.row))
    return DayTombstones(frozenset(posts), frozenset(places), frozenset(hours))


def _hours(key: str, row: int) -> Iterator[str]:
    """The hour that a raw object is of, where what cannot be read is told, and that of a row made from it."""
    own = raw_hour(key)
    if own is not None:
        yield key_of(own, Grain.HOUR)
    made = created_ms(row) if row else None
    if made is not None:
        start = floor(from_epoch_ms(made), Grain.HOUR)
        yield key_of(Window(start, start + HOUR), Grain.HOUR)
