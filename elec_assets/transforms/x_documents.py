"""From a raw object, as X sent it, to its posts. What cannot be read becomes a reject with its reason, never a crash.

A document is decoded whole and typed. Only where that fails is it cut into parts, and only the parts that fail are
rejected: one bad post does not take its page with it, one bad author not the posts.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

import msgspec

from elec_assets.transforms.json_spans import elements, members
from elec_assets.transforms.x_objects import Includes, Line, Media, Page, Place, Post, ReceivedPost, Rule, User

BESIDE_POSTS = -1
"""Position of a reject that is no single post: a whole page, or a part of one beside its posts."""

_PAGE = msgspec.json.Decoder(Page)
_LINE = msgspec.json.Decoder(Line)
_POST = msgspec.json.Decoder(ReceivedPost)
_RULES = msgspec.json.Decoder(list[Rule] | None)
# msgspec's errors and UnicodeDecodeError are ValueErrors; RecursionError is for text nested without end.
_UNREADABLE = (ValueError, RecursionError)
_INCLUDED = ("users", "tweets", "posts", "media", "places")
_NULL = b"null"
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_SURROGATE = re.compile(_HIGH + b"(?!" + _LOW + b")|(?<!\\\\u[dD][89abAB]..)" + _LOW)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RawDocument:
    r"""A raw object of the store, uncompressed.

    `batch_id` is the object's name; `kind` is `page` for one search answer, `lines` for stream lines (`\n` or
    `\r\n` between them). `received_at` (UTC) is when the page, or the last line, was received.
    """

    batch_id: str
    origin: Literal["search", "stream"]
    received_at: datetime
    body: bytes
    kind: Literal["page", "lines"]


@dataclass(frozen=True, slots=True, order=True)
class Reject:
    """What could not be read: a post, a line, a part sent along or a whole page, as received (`raw`), and why.

    `position` counts from 0: the post in its page or the line in its batch; BESIDE_POSTS for anything else.
    """

    batch_id: str
    position: int
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """Posts, each with its position, and what X sent along with them; `tags` of the stream rules that matched."""

    posts: list[tuple[int, ReceivedPost]]
    includes: Includes
    tags: list[str]


def decode(document: RawDocument) -> Iterator[Group | Reject]:
    """The posts of a document, and its rejects. Blank lines and notices of the stream without a post are neither."""
    if document.kind == "page":
        yield from _page(document)
        return
    for position, line in enumerate(document.body.split(b"\n")):
        if line := line.strip():
            yield from _line(line, _Rejecter(document.batch_id, position))


@dataclass(frozen=True, slots=True)
class _Rejecter:
    """Makes rejects of one place in one document."""

    batch_id: str
    position: int

    def reject(self, error: Exception | str, raw: bytes, where: str = "") -> Reject:
        lone = "a lone surrogate; " if _LONE_SURROGATE.search(raw) else ""
        return Reject(self.batch_id, self.position, f"{where}{lone}{error}", raw)


def _page(document: RawDocument) -> Iterator[Group | Reject]:
    beside = _Rejecter(document.batch_id, BESIDE_POSTS)
    try:
        page = _PAGE.decode(document.body)
    except _UNREADABLE as error:
        yield from _salvage_page(document, beside, error)
        return
    if page.data is not None:
        yield Group(list(enumerate(page.data)), page.includes or Includes(), [])
    elif page.meta is None or page.meta.result_count != 0:
        yield beside.reject("a page without `data` whose `meta.result_count` is not 0", document.body)


def _line(line: bytes, place: _Rejecter) -> Iterator[Group | Reject]:
    try:
        read = _LINE.decode(line)
    except _UNREADABLE as error:
        yield from _salvage_line(line, place, error)
        return
    if read.data is not None:
        yield Group([(place.position, read.data)], read.includes or Includes(), _tags(read.matching_rules))
    elif bytes(read.errors) in (b"", _NULL):
        yield place.reject("a line with neither `data` nor `errors`", line)


def _tags(rules: list[Rule] | None) -> list[str]:
    return [rule.tag for rule in rules or () if rule.tag]


def _salvage_page(document: RawDocument, beside: _Rejecter, error: Exception) -> Iterator[Group | Reject]:
    """What can be read of a page that does not decode whole."""
    try:
        parts = members(document.body)
        raw_posts = elements(parts.get("data", _NULL))
    except ValueError as structure:
        yield beside.reject(f"{error}; {structure}", document.body)
        return
    rejects: list[Reject] = []
    posts: list[tuple[int, ReceivedPost]] = []
    for position, raw in enumerate(raw_posts):
        place = _Rejecter(document.batch_id, position)
        posts += [(position, post) for post in _attempt(_POST.decode, raw, "", place, rejects)]
    includes = _salvage_includes(parts, beside, rejects)
    _check_rest(parts, ("data", "includes"), "", beside, rejects)
    yield from rejects
    yield Group(posts, includes, [])


def _salvage_line(line: bytes, place: _Rejecter, error: Exception) -> Iterator[Group | Reject]:
    """What can be read of a line that does not decode whole: its post, or nothing."""
    try:
        parts = members(line)
        post = _POST.decode(parts.get("data", _NULL))
    except _UNREADABLE:
        yield place.reject(error, line)
        return
    rejects: list[Reject] = []
    includes = _salvage_includes(parts, place, rejects)
    rules = _attempt(_RULES.decode, parts.get("matching_rules", _NULL), "matching_rules: ", place, rejects)
    _check_rest(parts, ("data", "includes", "matching_rules"), "", place, rejects)
    yield from rejects
    yield Group([(place.position, post)], includes, _tags(rules[0] if rules else None))


def _salvage_includes(parts: dict[str, bytes], place: _Rejecter, rejects: list[Reject]) -> Includes:
    raw = parts.get("includes", _NULL)
    if raw == _NULL:
        return Includes()
    try:
        included = members(raw)
    except ValueError as error:
        rejects.append(place.reject(error, raw, "includes: "))
        return Includes()
    _check_rest(included, _INCLUDED, "includes.", place, rejects)

    def items(name: str, kind: type[_T]) -> list[_T]:
        decoder = msgspec.json.Decoder(kind)
        found: list[_T] = []
        if included.get(name, _NULL) == _NULL:
            return found
        raw_items = _attempt(elements, included[name], f"includes.{name}: ", place, rejects)
        for index, item in enumerate(raw_items[0] if raw_items else ()):
            found += _attempt(decoder.decode, item, f"includes.{name}[{index}]: ", place, rejects)
        return found

    return Includes(
        items("users", User), items("tweets", Post), items("posts", Post), items("media", Media), items("places", Place)
    )


def _attempt(read: Callable[[bytes], _T], raw: bytes, where: str, place: _Rejecter, rejects: list[Reject]) -> list[_T]:
    """What `read` makes of the raw text, in a list; an empty list, and a reject noted, where it fails."""
    try:
        return [read(raw)]
    except _UNREADABLE as error:
        rejects.append(place.reject(error, raw, where))
        return []


def _check_rest(
    parts: dict[str, bytes], read: tuple[str, ...], where: str, place: _Rejecter, rejects: list[Reject]
) -> None:
    """Note the parts that nothing reads and that are not JSON: they are why the document did not decode whole."""
    for name, raw in parts.items():
        if name not in read:
            _attempt(msgspec.json.decode, raw, f"{where}{name}: ", place, rejects)
