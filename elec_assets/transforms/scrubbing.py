"""Takes what must not be kept out of a raw object, and leaves every other byte as it was received. Pure.

Of a line of the stream nothing stays but its end, so that the journal beside the batch still counts its lines. Of a
search page the post goes. With a post go its retweets (they hold its text), the copies that were sent along with other
posts, and its author's profile, media, polls and place where nothing else on the page or line needs them.

`scrub` changes nothing that was scrubbed before: a table made of a raw object is the same before and after it is
rewritten.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from elec_assets.transforms.json_spans import elements, members
from elec_assets.transforms.seen_posts import (
    COPIES,
    LINE,
    PAGE,
    UNREADABLE,
    Attachments,
    SeenIncludes,
    SeenLine,
    SeenPage,
    SeenPost,
    post_in,
)
from elec_assets.transforms.tombstones import Tombstones

_DIGITS = re.compile(rb"(?<![0-9])[0-9]{1,19}(?![0-9])")
_OTHERS = ("users", "media", "polls", "places")
_EMPTY_PAGE = b'{"data":[],"meta":{"result_count":0}}'
_NULL = b"null"


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A scrubbed body, and how much of it went: posts, copies sent along with other posts, profiles, places."""

    body: bytes
    posts: int = 0
    copies: int = 0
    profiles: int = 0
    places: int = 0


@dataclass(slots=True)
class _Count:
    posts: int = 0
    copies: int = 0
    profiles: int = 0
    places: int = 0


def scrub(body: bytes, kind: Literal["page", "lines"], tombstones: Tombstones) -> Scrubbed:
    r"""A raw body without what must not be kept; the same object where nothing of it is in it.

    What cannot be read as JSON, and names a post or person that is taken out, goes whole.
    """
    if not tombstones:
        return Scrubbed(body)
    count = _Count()
    if kind == "page":
        done = _page(body, tombstones, count)
    else:
        lines = body.split(b"\n")
        changed = [_line(line, tombstones, count) for line in lines]
        done = body if changed == lines else b"\n".join(changed)
    return Scrubbed(done, count.posts, count.copies, count.profiles, count.places)


def digits_in(raw: bytes) -> set[int]:
    """Every number in a text that could be an id."""
    return {int(found) for found in _DIGITS.findall(raw)}


def _named(raw: bytes, tombstones: Tombstones) -> bool:
    """Whether an unreadable text names a post or person that is taken out."""
    found = digits_in(raw)
    return tombstones.takes(posts=found, people=found) or any(map(tombstones.takes_place, found))


def _doomed(copies: Iterable[SeenPost], tombstones: Tombstones) -> frozenset[str]:
    """Ids of the posts of people to be forgotten among those sent along: retweets of them go too."""
    if not tombstones.people:
        return frozenset()
    return frozenset(str(post.id) for post in copies if tombstones.takes_person(post.author_id))


def _concerned(seen: SeenLine | SeenPage, tombstones: Tombstones) -> bool:
    includes = seen.includes or SeenIncludes()
    copies = includes.copies
    doomed = _doomed(copies, tombstones)
    return any(_goes(post, tombstones, doomed) or _placed(post, tombstones) for post in (*seen.posts, *copies)) or any(
        tombstones.takes_person(user.id) for user in includes.users or ()
    )


def _goes(post: SeenPost, tombstones: Tombstones, doomed: frozenset[str]) -> bool:
    repeated = post.retweeted
    return tombstones.takes(posts=(post.id, *repeated), people=(post.author_id,)) or not doomed.isdisjoint(
        map(str, repeated)
    )


def _placed(post: SeenPost, tombstones: Tombstones) -> bool:
    return post.geo is not None and tombstones.takes_place(post.id)


def _line(line: bytes, tombstones: Tombstones, count: _Count) -> bytes:
    text = line.strip()
    if not text:
        return line
    try:
        if not _concerned(LINE.decode(text), tombstones):
            return line
    except UNREADABLE:
        if not _named(text, tombstones):
            return line
    end = b"\r" if line.endswith(b"\r") else b""
    try:
        parts = members(text)
        kept = _rebuilt(parts, [parts.get("data", _NULL)], tombstones, count)
    except UNREADABLE:
        count.posts += 1
        return end
    if not kept.data:
        return end
    return _object({**parts, "data": kept.data[0], **kept.includes}) + end


def _page(body: bytes, tombstones: Tombstones, count: _Count) -> bytes:
    try:
        if not _concerned(PAGE.decode(body), tombstones):
            return body
    except UNREADABLE:
        if not _named(body, tombstones):
            return body
    try:
        parts = members(body)
        posts = elements(parts["data"]) if parts.get("data", _NULL) != _NULL else []
        kept = _rebuilt(parts, posts, tombstones, count)
    except UNREADABLE:
        count.posts += 1
        return _EMPTY_PAGE
    data = {"data": _array(kept.data)} if "data" in parts else {}
    return _object({**parts, **data, **kept.includes})


class _Kept(NamedTuple):
    """What stays: posts of `data`, and `includes` where there are any."""

    data: list[bytes]
    includes: dict[str, bytes]


@dataclass(slots=True)
class _Needs:
    """What posts point to."""

    users: set[str] = field(default_factory=set)
    media: set[str] = field(default_factory=set)
    polls: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)

    def add(self, post: SeenPost) -> None:
        self.users |= {str(x) for x in (post.author_id, post.in_reply_to_user_id) if x is not None}
        attached = post.attachments or Attachments()
        self.media |= set(attached.media_keys or ())
        self.polls |= set(attached.poll_ids or ())
        self.add_place(post)

    def add_place(self, post: SeenPost) -> None:
        if post.geo is not None and post.geo.place_id is not None:
            self.places.add(post.geo.place_id)


class _Sieve:
    """Posts on their way through: what stays, and what is needed by what stays or went."""

    def __init__(self, tombstones: Tombstones, doomed: frozenset[str]) -> None:
        self._tombstones = tombstones
        self._doomed = doomed
        self.kept, self.gone = _Needs(), _Needs()
        self.places = 0

    def through(self, raw_posts: Iterable[bytes]) -> list[bytes]:
        """The posts that stay, as received but for places."""
        return [kept for raw in raw_posts if (kept := self._post(raw)) is not None]

    def _post(self, raw: bytes) -> bytes | None:
        post = post_in(raw)
        if post is None:
            return None if _named(raw, self._tombstones) else raw
        if _goes(post, self._tombstones, self._doomed):
            self.gone.add(post)
            return None
        if not _placed(post, self._tombstones):
            self.kept.add(post)
            return raw
        self.gone.add_place(post)
        post.geo = None
        self.kept.add(post)
        self.places += 1
        return _object({name: part for name, part in members(raw).items() if name != "geo"})


def _rebuilt(parts: dict[str, bytes], posts: list[bytes], tombstones: Tombstones, count: _Count) -> _Kept:
    """What stays of a page or line.

    Raises:
        ValueError: its brackets, quotes and commas are not where they must be.
    """
    raw = parts.get("includes", _NULL)
    included = {} if raw == _NULL else members(raw)
    lists = {name: _elements(included, name) for name in (*COPIES, *_OTHERS)}
    copies = [post for name in COPIES for part in lists[name] if (post := post_in(part)) is not None]
    sieve = _Sieve(tombstones, _doomed(copies, tombstones))
    data = sieve.through(posts)
    kept = {name: sieve.through(lists[name]) for name in COPIES}
    kept |= {name: [part for part in lists[name] if _stays(name, part, sieve, tombstones)] for name in _OTHERS}
    count.posts += len(posts) - len(data)
    count.copies += sum(len(lists[name]) - len(kept[name]) for name in COPIES)
    count.profiles += len(lists["users"]) - len(kept["users"])
    count.places += sieve.places
    if raw == _NULL:
        return _Kept(data, {})
    return _Kept(data, {"includes": _object({**included, **{n: _array(kept[n]) for n in kept if lists[n]}})})


def _stays(name: str, raw: bytes, sieve: _Sieve, tombstones: Tombstones) -> bool:
    """Whether something that stays needs it, or nothing that went did."""
    key = _text(raw, "media_key" if name == "media" else "id")
    if name == "users" and (tombstones.takes_person(int(key)) if key.isdecimal() else _named(raw, tombstones)):
        return False
    return key not in getattr(sieve.gone, name) - getattr(sieve.kept, name)


def _text(raw: bytes, name: str) -> str:
    try:
        return str(msgspec.json.decode(members(raw).get(name, _NULL)))
    except UNREADABLE:
        return ""


def _elements(included: dict[str, bytes], name: str) -> list[bytes]:
    raw = included.get(name, _NULL)
    return [] if raw == _NULL else elements(raw)


def _array(parts: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(parts) + b"]"


def _object(parts: dict[str, bytes]) -> bytes:
    return b"{" + b",".join(msgspec.json.encode(name) + b":" + part for name, part in parts.items()) + b"}"
