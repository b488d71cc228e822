"""What a line of the stream is, read as loosely as can be: the tags of its rules and the id of its post.

The tables are made of the line itself later, strictly; here nothing may stop a batch.
"""

from enum import Enum, auto
from typing import NamedTuple

import msgspec

from elec_assets.domain.windows import ALL_IDS
from elec_assets.transforms.json_spans import elements, members


class Sort(Enum):
    """What a line is: a post, a message of X that has none, or something that cannot be read."""

    POST = auto()
    NOTICE = auto()
    UNREADABLE = auto()


class LineRead(NamedTuple):
    """A line; `post_id` is None but for posts."""

    sort: Sort
    post_id: int | None = None
    tags: tuple[str, ...] = ()


class _Rule(msgspec.Struct, gc=False):
    tag: str | None = None


class _Data(msgspec.Struct, gc=False):
    id: str | int


class _Line(msgspec.Struct, gc=False):
    data: _Data | None = None
    matching_rules: list[_Rule] | None = None


_LINE = msgspec.json.Decoder(_Line)
_TAG = msgspec.json.Decoder(str | None)
_ID = msgspec.json.Decoder(str | int)
# Recursion: text that is nested without end.
_UNREADABLE = (ValueError, RecursionError)
_NULL = b"null"
_DIGITS = len(str(ALL_IDS[1] - 1))


def read_line(raw: bytes) -> LineRead:
    """What a line is; never fails. A post whose id is none is unreadable, but keeps its tags."""
    try:
        read = _LINE.decode(raw)
    except _UNREADABLE:
        return _salvage(raw)
    tags = tuple(rule.tag for rule in read.matching_rules or () if rule.tag)
    if read.data is None:
        return LineRead(Sort.NOTICE, None, tags)
    return _post(read.data.id, tags)


def _post(told: str | int, tags: tuple[str, ...]) -> LineRead:
    text = str(told)
    if len(text) <= _DIGITS and text.isdecimal() and text.isascii():
        return LineRead(Sort.POST, int(text), tags)
    return LineRead(Sort.UNREADABLE, None, tags)


def _salvage(raw: bytes) -> LineRead:
    """What can be read of a line that does not decode whole; a blank one says nothing."""
    if not raw.strip():
        return LineRead(Sort.NOTICE)
    try:
        parts = members(raw)
    except _UNREADABLE:
        return LineRead(Sort.UNREADABLE)
    tags = _salvaged_tags(parts.get("matching_rules", _NULL))
    if parts.get("data", _NULL) == _NULL:
        return LineRead(Sort.NOTICE, None, tags)
    try:
        return _post(_ID.decode(members(parts["data"]).get("id", b"")), tags)
    except _UNREADABLE:
        return LineRead(Sort.UNREADABLE, None, tags)


def _salvaged_tags(raw: bytes) -> tuple[str, ...]:
    tags = []
    try:
        for part in elements(raw):
            tag = _TAG.decode(members(part).get("tag", _NULL))
            if tag:
                tags.append(tag)
    except _UNREADABLE:  # a line goes to all elections rather than to the wrong ones
        return ()
    return tuple(tags)
