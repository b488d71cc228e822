"""What must not be kept, as fingerprints: posts taken out, posts without their place, people to be forgotten. Pure.

Only fingerprints are stored, never the ids (docs/decisions/0011): they can be applied again, and not be read.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

import msgspec
import polars as pl

from elec_assets.domain.windows import Grain, window_of_key
from elec_assets.transforms.gzips import packed, unpacked

VERSION = 1
_BYTES = 16
_PERSON = b"elec tombstone"


class TombstonesUnreadable(Exception):
    """Tombstones are damaged or were written by a newer program. Nothing may be made without them."""


def fingerprint(x_id: str | int) -> str:
    """The fingerprint of an id of X: 32 hex digits; `007` is 7.

    Raises:
        ValueError: the id is no decimal number.
    """
    return hashlib.blake2b(str(int(x_id)).encode(), digest_size=_BYTES, person=_PERSON).hexdigest()


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Fingerprints of what must not be kept.

    Attributes:
        posts: posts that are taken out, with all copies and retweets of them.
        places: posts that lose the place that was tagged.
        people: users whose posts and profiles are taken out.
    """

    posts: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.posts or self.places or self.people)

    def __or__(self, other: "Tombstones") -> "Tombstones":
        return Tombstones(self.posts | other.posts, self.places | other.places, self.people | other.people)

    def takes_post(self, *ids: str | int | None) -> bool:
        """Whether one of these posts is taken out."""
        return bool(self.posts) and any(fingerprint(x) in self.posts for x in ids if x is not None)

    def takes_place(self, tweet_id: str | int | None) -> bool:
        """Whether the place of this post is taken out."""
        return bool(self.places) and tweet_id is not None and fingerprint(tweet_id) in self.places

    def takes_person(self, *ids: str | int | None) -> bool:
        """Whether one of these users is to be forgotten."""
        return bool(self.people) and any(fingerprint(x) in self.people for x in ids if x is not None)

    def takes(self, *, posts: Iterable[str | int | None], people: Iterable[str | int | None]) -> bool:
        """Whether one of these posts is taken out, or one of these users."""
        return self.takes_post(*posts) or self.takes_person(*people)


NONE = Tombstones()


def union(many: Iterable[Tombstones]) -> Tombstones:
    """All of them together."""
    return reduce(or_, many, NONE)


def kept_rows(frame: pl.DataFrame, tombstones: Tombstones) -> int:
    """How many rows of a table `tweets` stay when the tombstones are applied."""
    return frame.height - len(taken_ids(frame, tombstones))


def taken_ids(frame: pl.DataFrame, tombstones: Tombstones) -> list[str]:
    """Ids of the rows of a table `tweets` that go when the tombstones are applied: retweets of what goes among them."""
    columns = frame.select("tweet_id", "retweeted_id", "author_id", "retweeted_author_id")
    return [
        tweet_id
        for tweet_id, retweeted_id, author_id, retweeted_author_id in columns.iter_rows()
        if tombstones.takes(posts=(tweet_id, retweeted_id), people=(author_id, retweeted_author_id))
    ]


@dataclass(frozen=True, slots=True)
class DayTombstones:
    """The tombstones of the raw objects of a day, and what they ever changed.

    Attributes:
        posts: as `Tombstones.posts`.
        places: as `Tombstones.places`.
        hours: the hours (Dagster's keys) whose tables they ever changed.
        rows: fingerprints of all rows that they took out of tables, retweets of `posts` among them. They are applied
            to nothing: they tell a release which of its rows are rightly gone.
    """

    posts: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    hours: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()

    @property
    def tombstones(self) -> Tombstones:
        """As they are applied."""
        return Tombstones(self.posts, self.places)

    def __or__(self, other: "DayTombstones") -> "DayTombstones":
        return DayTombstones(
            self.posts | other.posts, self.places | other.places, self.hours | other.hours, self.rows | other.rows
        )


class _Stored(msgspec.Struct, kw_only=True):
    version: int = VERSION
    posts: list[str] = []
    places: list[str] = []
    hours: list[str] = []
    rows: list[str] = []


class _Forgotten(msgspec.Struct, kw_only=True):
    version: int = VERSION
    people: list[str] = []


def encode_day(day: DayTombstones) -> bytes:
    """As stored; the same tombstones give the same bytes."""
    stored = _Stored(posts=sorted(day.posts), places=sorted(day.places), hours=sorted(day.hours), rows=sorted(day.rows))
    return packed(msgspec.json.encode(stored))


def decode_day(data: bytes, key: str) -> DayTombstones:
    """The inverse of `encode_day`.

    Raises:
        TombstonesUnreadable: it is none; the text names the key.
    """
    try:
        stored = msgspec.json.decode(unpacked(data), type=_Stored)
        _check(stored.version)
        for hour in stored.hours:
            window_of_key(hour, Grain.HOUR)
    except (ValueError, RecursionError) as error:
        raise _unreadable(key, error) from error
    return DayTombstones(*map(frozenset, (stored.posts, stored.places, stored.hours, stored.rows)))


def encode_people(people: Iterable[str]) -> bytes:
    """The fingerprints of people to be forgotten, as stored."""
    return msgspec.json.format(msgspec.json.encode(_Forgotten(people=sorted(set(people)))), indent=1) + b"\n"


def decode_people(data: bytes, key: str) -> frozenset[str]:
    """The inverse of `encode_people`.

    Raises:
        TombstonesUnreadable: it is none; the text names the key.
    """
    try:
        stored = msgspec.json.decode(data, type=_Forgotten)
        _check(stored.version)
    except (ValueError, RecursionError) as error:
        raise _unreadable(key, error) from error
    return frozenset(stored.people)


def _check(version: int) -> None:
    if version > VERSION:
        raise ValueError(f"version {version}, this program reads up to {VERSION}; upgrade")


def _unreadable(key: str, error: Exception) -> TombstonesUnreadable:
    return TombstonesUnreadable(
        f"{key}: no readable tombstones ({error}); restore it from a backup: without it posts that were taken out "
        "could come back"
    )
