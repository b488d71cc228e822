"""What a line of the stream costs: its post, the posts and users sent along, each once a UTC day.

X does not say whether what is sent along is billed: it is counted (the upper bound). That X bills a post once a UTC
day is its own promise (2026).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from elec_assets.domain.prices import Prices

MOST_IDS = 1_000_000
"""Ids remembered of a day: 75 MB. X sells 3 million posts a month; what comes after is counted each time it comes."""
_ID_BYTES = 8
# Set in the ids of users, in the file: ids of X are below 2^63 until 2079.
_USER = 1 << 63


class _Named(msgspec.Struct):
    id: str | int


class _Includes(msgspec.Struct):
    users: list[_Named] | None = None
    tweets: list[_Named] | None = None
    posts: list[_Named] | None = None


class _Line(msgspec.Struct):
    data: _Named | None = None
    includes: _Includes | None = None


_DECODER = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class Read:
    """What a line made X bill: new posts and users."""

    posts: int
    users: int

    def usd(self, prices: Prices) -> float:
        """Its price."""
        return prices.of(self.posts, self.users)


MOST = Read(3, 3)
"""More than a line can cost: a reply that quotes, with the two posts it refers to, and an author for each."""


class DayIds:
    """The ids of posts and users that X billed today, in memory and in a file `ids_{YYYYMMDD}` of the folder.

    The file is not synced: what a power cut takes from it is counted again, which says too much, never too little.
    """

    def __init__(self, folder: Path, day: date) -> None:
        self.day = day
        self._path = folder / f"ids_{day:%Y%m%d}"
        for other in folder.glob("ids_*"):
            if other != self._path:
                other.unlink(missing_ok=True)
        self._seen = set(_ids_of(self._path))

    def read(self, raw: bytes, *, remember: bool) -> Read:
        """What is new of a line. One that cannot be read counts as the most that a line can be."""
        try:
            line = _DECODER.decode(raw)
            posts, users = _parts(line)
        except (ValueError, RecursionError):  # not JSON, not UTF-8, an id that is no number, or nested without end
            return MOST
        found = Read(len(posts - self._seen), len(users - self._seen))
        if remember and len(self._seen) < MOST_IDS:
            self._remember((posts | users) - self._seen)
        return found

    def _remember(self, new: set[int]) -> None:
        if not new:
            return
        self._seen |= new
        with suppress(OSError):  # a full disk: counted again after a restart
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(file, b"".join(number.to_bytes(_ID_BYTES) for number in new))
            finally:
                os.close(file)


def _parts(line: _Line) -> tuple[set[int], set[int]]:
    """The posts and the users of a line; empty for a notice."""
    includes = line.includes or _Includes()
    posts = _numbers([*(includes.tweets or ()), *(includes.posts or ()), *([line.data] if line.data else ())])
    return posts, {number | _USER for number in _numbers(includes.users or ())}


def _numbers(named: Iterable[_Named]) -> set[int]:
    return {int(each.id) & (_USER - 1) for each in named}


def _ids_of(path: Path) -> Iterator[int]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    whole = len(data) - len(data) % _ID_BYTES
    if whole != len(data):  # cut within an id: the next one must not be read across it
        os.truncate(path, whole)
    for start in range(0, whole, _ID_BYTES):
        yield int.from_bytes(data[start : start + _ID_BYTES])
