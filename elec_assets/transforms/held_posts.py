"""Which posts a raw object holds, in whatever way: what X is asked about, and where a post must be taken out. Pure.

A post is held as a row to be, as a copy sent along with another, and as the text of a retweet. What cannot be read as
JSON counts for every id that it names.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

import msgspec

from elec_assets.domain.windows import DAY, Window
from elec_assets.transforms.gzips import packed, unpacked
from elec_assets.transforms.json_spans import elements, members
from elec_assets.transforms.seen_posts import (
    COPIES,
    LINE,
    PAGE,
    UNREADABLE,
    SeenIncludes,
    SeenLine,
    SeenPage,
    SeenPost,
    post_in,
)
from elec_assets.transforms.tombstones import Tombstones

Kind = Literal["page", "lines"]
VERSION = 1
DAILY = 30 * DAY
"""Days whose posts X is asked about every day; older ones are asked about once in `WEEKLY` days."""
WEEKLY = 7
_ID = re.compile(rb'"(?:author_)?id"\s*:\s*"?([0-9]{1,19})(?![0-9])')
_REPEATS = re.compile(r"RT @(\w+): ", re.ASCII)
_NULL = b"null"


class Held(NamedTuple):
    """A post that is held.

    Attributes:
        id: of the post.
        author: user id; 0 where it is not known.
        row: id of the post whose row it is part of; its own where it is one, 0 where it is of several.
        placed: whether a place is tagged.
    """

    id: int
    author: int
    row: int
    placed: bool

    def taken(self, tombstones: Tombstones) -> bool:
        """Whether something of it must go."""
        return tombstones.takes(posts=(self.id,), people=(self.author or None,)) or (
            self.placed and tombstones.takes_place(self.id)
        )


class HeldObject(msgspec.Struct, array_like=True, frozen=True):
    """What one raw object of this size (bytes) holds."""

    size: int
    posts: tuple[Held, ...]


class _Stored(msgspec.Struct):
    version: int
    objects: dict[str, HeldObject]


def held_in(body: bytes, kind: Kind) -> tuple[Held, ...]:
    """The posts that a raw body holds, sorted, each once."""
    found = _of_page(body) if kind == "page" else _of_lines(body)
    return tuple(sorted(set(found)))


def _of_lines(body: bytes) -> Iterator[Held]:
    for line in body.split(b"\n"):
        text = line.strip()
        if not text:
            continue
        try:
            seen = LINE.decode(text)
            found = _of(seen.posts, seen.includes, single=True)
        except UNREADABLE:
            found = _salvaged(text, single=True)
        yield from found


def _of_page(body: bytes) -> list[Held]:
    try:
        seen = PAGE.decode(body)
        return _of(seen.posts, seen.includes, single=False)
    except UNREADABLE:
        return _salvaged(body, single=False)


def _salvaged(text: bytes, *, single: bool) -> list[Held]:
    """What can be read of a line or page that cannot be read whole, part by part as `scrub` does."""
    try:
        parts = members(text)
        data = parts.get("data", _NULL)
        included = members(parts["includes"]) if parts.get("includes", _NULL) != _NULL else {}
        posts = [data] if single else elements(data) if data != _NULL else []
        copies = [raw for name in COPIES if included.get(name, _NULL) != _NULL for raw in elements(included[name])]
    except UNREADABLE:
        return list(_named(text))
    read, unread = _read(posts)
    beside, odd = _read(copies)
    return [
        *_of(read, SeenIncludes(tweets=beside), single=single),
        *(held for raw in unread + odd for held in _named(raw)),
    ]


def _read(raw_posts: list[bytes]) -> tuple[list[SeenPost], list[bytes]]:
    """The posts that can be read, and the texts of the others."""
    found = [(raw, post_in(raw)) for raw in raw_posts]
    return [post for _, post in found if post is not None], [raw for raw, post in found if post is None]


def _of(posts: list[SeenPost], includes: SeenIncludes | None, *, single: bool) -> list[Held]:
    """Those of a line, which all belong to one row, or of a page."""
    row = _number(posts[0].id) if single and posts else 0
    found = []
    for post in posts:
        number = _number(post.id)
        found.append(Held(number, _number(post.author_id), number, post.geo is not None))
        found += [Held(_number(x), 0, number, placed=False) for x in post.retweeted]
    for copy in (includes or SeenIncludes()).copies:
        found.append(Held(_number(copy.id), _number(copy.author_id), row, copy.geo is not None))
    return [held for held in found if held.id]


def _number(x_id: str | int | None) -> int:
    return 0 if x_id is None else int(x_id)


def _named(raw: bytes) -> Iterator[Held]:
    """Every id that an unreadable text names, be it of a post or of an author; a place may be tagged to any."""
    for found in _ID.findall(raw):
        yield Held(int(found), int(found), 0, placed=True)


def profiles_in(body: bytes, kind: Kind) -> Iterator[tuple[int, str]]:
    """Id and handle (lower case) of each profile that a raw body holds."""
    for seen in _seen(body, kind):
        for user in (seen.includes or SeenIncludes()).users or ():
            if user.username and _number(user.id):
                yield _number(user.id), user.username.lower()


def repeated_of(body: bytes, kind: Kind, handles: Collection[str]) -> Iterator[int]:
    """Ids of the posts that retweets say to be of these handles (lower case): X does not always send them along."""
    if not handles or b"RT @" not in body:
        return
    for part in _parts(body, kind):
        with suppress(*UNREADABLE):
            posts = _TEXTS.decode(part).data or [] if kind == "page" else [_TEXT.decode(part).data or _Text()]
            said = [(_REPEATS.match(post.text), post) for post in posts]
            yield from (
                _number(x) for named, post in said if named and named[1].lower() in handles for x in post.retweeted
            )


class _Text(SeenPost):
    text: str = ""


class _TextLine(msgspec.Struct):
    data: _Text | None = None


class _TextPage(msgspec.Struct):
    data: list[_Text] | None = None


_TEXT, _TEXTS = msgspec.json.Decoder(_TextLine), msgspec.json.Decoder(_TextPage)


def _seen(body: bytes, kind: Kind) -> Iterator[SeenLine | SeenPage]:
    """The page or lines that can be read."""
    for part in _parts(body, kind):
        with suppress(*UNREADABLE):
            yield PAGE.decode(part) if kind == "page" else LINE.decode(part)


def _parts(body: bytes, kind: Kind) -> list[bytes]:
    return [body] if kind == "page" else body.split(b"\n")


def encode_held(objects: dict[str, HeldObject]) -> bytes:
    """What the raw objects of a day hold, by key, as stored."""
    return packed(msgspec.msgpack.encode(_Stored(VERSION, dict(sorted(objects.items())))))


def decode_held(data: bytes) -> dict[str, HeldObject]:
    """The inverse of `encode_held`; nothing where it cannot be read: it is made again from the raw objects."""
    try:
        stored = msgspec.msgpack.decode(unpacked(data), type=_Stored)
    except UNREADABLE:
        return {}
    return stored.objects if stored.version == VERSION else {}


def due(day: Window, today: Window, *, everything: bool = False) -> bool:
    """Whether X is to be asked about the posts of a day today."""
    age = today.start - day.start
    return everything or age < DAILY or age.days % WEEKLY == 0


def ids(held: Iterable[HeldObject]) -> set[int]:
    """The ids of all posts of some objects."""
    return {post.id for each in held for post in each.posts}
