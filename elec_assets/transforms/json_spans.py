"""Cuts JSON text into its members or elements without decoding them, so that one bad part can be set aside alone.

A decoder stops at the first fault of a page. This looks at brackets, commas and quotes only, so it finds the parts of
a page whose strings hold bad escapes, lone surrogates or bytes that are not UTF-8.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)
_CLOSING = {b"{": b"}", b"[": b"]"}
_MEMBER = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"\s*:(.*)', re.DOTALL)


def members(text: bytes) -> dict[str, bytes]:
    """Key -> raw value of a JSON object. Of equal keys the last counts.

    Raises:
        ValueError: the text is no object, or its brackets, quotes and commas are not where they must be.
    """
    found = {}
    for part in _parts(text, b"{"):
        member = _MEMBER.fullmatch(part)
        if member is None:
            raise ValueError(f"a key and a value expected, {part[:20]!r} found")
        found[_key(member[1])] = member[2].strip()
    return found


def _key(raw: bytes) -> str:
    """A key with its escapes read; as written where they cannot be."""
    text = raw.decode(errors="replace")
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def elements(text: bytes) -> list[bytes]:
    """The raw elements of a JSON array.

    Raises:
        ValueError: the text is no array, or its brackets and quotes do not balance.
    """
    return _parts(text, b"[")


def _parts(text: bytes, opening: bytes) -> list[bytes]:
    """What stands between the commas of the outermost bracket, without white space around it."""
    text = text.strip()
    if not text.startswith(opening):
        raise ValueError(f"JSON {'object' if opening == b'{' else 'array'} expected, {text[:1]!r} found")
    edges = [0, *_edges(text)]
    if edges[-1] != len(text) - 1:
        raise ValueError("other text follows the last bracket")
    parts = [text[left + 1 : right].strip() for left, right in pairwise(edges)]
    return [] if parts == [b""] else parts


def _edges(text: bytes) -> Iterator[int]:
    """Positions of the commas of the outermost bracket, and of the bracket that closes it."""
    closing: list[bytes] = []
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in _CLOSING:
            closing.append(_CLOSING[mark])
        elif mark in (b"}", b"]"):
            if closing.pop() != mark:
                raise ValueError(f"unbalanced {mark.decode()} at byte {token.start()}")
            if not closing:
                yield token.start()
                return
        elif mark == b'"':
            raise ValueError(f"a string that starts at byte {token.start()} does not end")
        elif mark == b"," and len(closing) == 1:
            yield token.start()
    raise ValueError("the text is cut off")
