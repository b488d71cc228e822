"""What was last seen of watched prefixes and of the batches of the stream: one JSON object, versioned.

One sensor looks and writes it (`sensors_watched.py`); the alerts and `elec watch ls` read it.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

VERSION = 1


class WatchStateUnreadable(Exception):
    """What was seen cannot be read; the text says why and what to do."""


class SeenWatch(msgspec.Struct, frozen=True, kw_only=True):
    """What the last look at a prefix came to. All times are UTC.

    Attributes:
        state: `found`, `empty`, or why it could not be listed.
        since: since when it has been in that state.
        fresh_at: how new its data was when it was last found; None: it never was.
        key, size, modified, named_at, objects: of the newest object then, see `transforms.watched.Newest`.
        said: what to do, where it could not be listed.
    """

    state: str
    since: datetime
    fresh_at: datetime | None = None
    key: str = ""
    size: int = 0
    modified: datetime | None = None
    named_at: datetime | None = None
    objects: int = 0
    said: str = ""


class SeenBatches(msgspec.Struct, frozen=True, kw_only=True):
    """How far journals prove an election's time, and the key of the newest one."""

    covered_to: datetime | None
    key: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was seen, and when it was last looked at."""

    at: datetime
    watches: Mapping[str, SeenWatch] = {}
    batches: Mapping[str, SeenBatches] = {}
    version: int = VERSION


class _Versioned(msgspec.Struct):
    version: int


def encode_seen(seen: Seen) -> bytes:
    """The object that keeps it."""
    return msgspec.json.format(msgspec.json.encode(seen), indent=1)


def decode_seen(data: bytes, name: str) -> Seen:
    """What an object holds.

    Raises:
        WatchStateUnreadable: it is damaged, or of a newer version; the text begins with `name`.
    """
    try:
        text = data.decode()  # else msgspec passes over names that are not UTF-8
        version = msgspec.json.decode(text, type=_Versioned).version
        if version != VERSION:
            raise WatchStateUnreadable(f"{name}: version {version}, this program reads {VERSION}; upgrade")
        return msgspec.json.decode(text, type=Seen)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise WatchStateUnreadable(f"{name}: not what was seen ({error}); delete it, the next look makes it") from error
