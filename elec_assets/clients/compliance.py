"""Keeping an election within X's terms: ask which posts held are gone, note tombstones, apply them. And forgetting.

Only counts are told and recorded. The ids that X is asked about, and those that it names, are in no log.
"""

import fcntl
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from elec_assets.clients.held_posts import HeldArchive, Person
from elec_assets.clients.redaction import Redacted, Redaction
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import Forgotten
from elec_assets.clients.x_compliance import JOB_IDS, Job, XCompliance
from elec_assets.clients.x_errors import XError
from elec_assets.domain import layout_compliance as layout
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import Grain, Window, window_at
from elec_assets.transforms.compliance_events import Action, Event
from elec_assets.transforms.held_posts import due, ids

JOB_NAME = "elec_assets"
LONGEST_WAIT_S = 7200.0
# Only a word is recorded of what X says.
_REASON = re.compile(r"[a-z_]{1,40}", re.ASCII)


class ComplyBusy(Exception):
    """Another run of compliance works on this store on this host."""


class _JobState(msgspec.Struct):
    job: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: days with posts, posts held and asked about, jobs, raw objects still to be rewritten."""

    days: int
    posts: int
    asked: int
    jobs: int
    pending: int


@dataclass(slots=True)
class Complied:
    """What a run did, in counts.

    Attributes:
        posts: posts held, in whatever way; one that is held on two days counts twice.
        asked: of them, how many X was asked about.
        told: what X said, by reason.
        posts_new: tombstones of posts that are new.
        places_new: tombstones of places that are new.
        waiting: whether X still works on a job: the next run takes its results.
        error: why X could not be asked to the end; what was noted is applied all the same.
        redacted: what was taken out and made again.
    """

    posts: int = 0
    asked: int = 0
    told: Counter[str] = field(default_factory=Counter)
    posts_new: int = 0
    places_new: int = 0
    waiting: bool = False
    error: XError | None = None
    redacted: Redacted = field(default_factory=Redacted)


class Complier:
    """Compliance of one election. One at a time in a store: hold `comply_alone`.

    `x` is None where X may not be asked: what is noted is applied all the same.
    """

    def __init__(
        self,
        *,
        store: Store,
        election: Election,
        registry_version: str,
        query_limit: int,
        x: XCompliance | None,
        say: Callable[[str], None],
        keep: bool = True,
        longest_wait_s: float = LONGEST_WAIT_S,
        job_ids: int = JOB_IDS,
    ) -> None:
        self._store = store
        self._election = election
        self._x = x
        self._say = say
        self._longest_wait_s = longest_wait_s
        self._job_ids = job_ids
        self._held = HeldArchive(store, election.key, keep=keep)
        self._redaction = Redaction(store, election, registry_version, query_limit, self._held, say)

    def plan(self, now: datetime, *, everything: bool = False) -> Plan:
        """What `run` would do now; nothing is asked, and nothing changed.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read.
            StoreError: the store refused.
        """
        days = self._held.days()
        posts, asked = self._ids(days, now, everything=everything)
        pending = self._redaction.pending(days)
        return Plan(len(days), posts, len(asked), -(-len(asked) // self._job_ids), len(pending))

    def run(self, now: datetime, *, everything: bool = False) -> Complied:
        """Ask X about the posts of the days that are due, note what it says, and apply all that is noted.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read.
            StoreError: the store refused.
        """
        done = Complied()
        days = self._held.days()
        if self._x is not None and days:
            posts, asked = self._ids(days, now, everything=everything)
            done.posts, done.asked = posts, len(asked)
            try:
                self._ask(self._x, sorted(asked), days, done)
            except XError as error:
                done.error = error
                self._say(str(error))
        done.redacted = self._redaction.apply(days)
        return done

    def person(self, who: str) -> Person:
        """Who is meant by a user id or `@handle`: nobody, where no post by that handle is held.

        Raises:
            ArchiveDamaged: a raw object cannot be read.
            StoreError: the store refused.
        """
        return self._held.person(who.lower())

    def forget(self, person: Person) -> Complied:
        """Take out all that a person posted, and keep nothing of it from now on. X is not asked.

        Raises:
            ArchiveDamaged: a raw object, or what is known of it, cannot be read.
            StoreError: the store refused.
        """
        done = Complied()
        days = self._held.days()
        for user in sorted(person.users):
            Forgotten(self._store).add(user)
        mine = set(person.posts)
        for day in days:
            held = self._held.day(day).values()
            mine |= {post.id for each in held for post in each.posts if post.author in person.users}
        done.posts = len(mine)
        done.posts_new, _ = self._redaction.note(frozenset(mine), frozenset(), days)
        done.redacted = self._redaction.apply(days)
        return done

    def _ids(self, days: Sequence[Window], now: datetime, *, everything: bool) -> tuple[int, set[int]]:
        """How many posts are held, by day, and those to ask about."""
        today = window_at(now, Grain.DAY)
        posts = 0
        asked: set[int] = set()
        for number, day in enumerate(days, start=1):
            found = ids(self._held.day(day).values())
            posts += len(found)
            if due(day, today, everything=everything):
                asked |= found
            if number % 30 == 0:
                self._say(f"{number} of {len(days)} days looked at, {posts} posts held")
        return posts, asked

    def _ask(self, x: XCompliance, asked: Sequence[int], days: list[Window], done: Complied) -> None:
        left = self._left_over(x)
        if left is not None and not self._take(x, left, days, done):
            return
        parts = [asked[first : first + self._job_ids] for first in range(0, len(asked), self._job_ids)]
        for number, part in enumerate(parts, start=1):
            job = x.create(f"{JOB_NAME} {self._election.key}"[:64])
            self._store.put(self._state, msgspec.json.encode(_JobState(job.id)))
            x.upload(job, part)
            self._say(f"job {number} of {len(parts)} at X: {len(part)} ids sent")
            if not self._take(x, job, days, done):
                return

    def _take(self, x: XCompliance, job: Job, days: list[Window], done: Complied) -> bool:
        """Wait for a job and note its results; whether X was done in time."""
        complete = x.wait(job, self._longest_wait_s)
        if complete is None:
            self._say("X still works on it; the next run takes the results")
            done.waiting = True
            return False
        events = x.results(complete)
        done.told.update(_reason(event) for event in events)
        posts, places = self._redaction.note(_ids(events, Action.DELETE), _ids(events, Action.SCRUB_GEO), days)
        done.posts_new += posts
        done.places_new += places
        self._say(f"X named {len(events)} posts; {posts} tombstones of posts and {places} of places are new")
        self._store.delete(self._state)
        return True

    def _left_over(self, x: XCompliance) -> Job | None:
        """The job that a run before left at X, where it has results or will have."""
        data = self._store.find(self._state)
        if data is None:
            return None
        try:
            job = x.job(msgspec.json.decode(data, type=_JobState).job)
        except (ValueError, RecursionError):  # not readable: a job that is forgotten is found by its name
            job = None
        if job is None or not job.status.lasts:
            self._store.delete(self._state)
            return None
        self._say("a job of the run before is taken up")
        return job

    @property
    def _state(self) -> str:
        return layout.compliance_job(self._election.key)


def _ids(events: Sequence[Event], action: Action) -> frozenset[int]:
    return frozenset(int(event.id) for event in events if event.action is action and event.id.isdecimal())


def _reason(event: Event) -> str:
    """How an event is counted: by its reason where the post goes, else by what is to be done."""
    if event.action is not Action.DELETE:
        return str(event.action)
    return event.reason if _REASON.fullmatch(event.reason) else "other"


@contextmanager
def comply_alone(path: Path) -> Iterator[None]:
    """Hold the lock of compliance.

    Raises:
        ComplyBusy: another process of this host holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ComplyBusy("another run of `elec comply` works on this store; wait until it has ended") from None
        yield
