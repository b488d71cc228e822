"""What X says of posts in the results of a compliance job, a JSON object a line, in today's form and the one before."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Action(StrEnum):
    """What is to be done with a post that is held."""

    DELETE = "delete"
    SCRUB_GEO = "scrub_geo"
    REHYDRATE = "rehydrate"
    INVALID = "invalid_id"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """What X says of one post; `reason` is its word for why."""

    id: str
    action: Action
    reason: str


def read_events(body: bytes) -> list[Event]:
    """The events of a job's results.

    Raises:
        ValueError, RecursionError: a line is not as documented: what it says must not be passed over.
    """
    return [_event(line) for line in body.split(b"\n") if line.strip()]


class _Event(msgspec.Struct):
    id: str | int
    action: str = ""
    reason: str = ""
    error: str = ""


_DECODER = msgspec.json.Decoder(_Event)


def _event(line: bytes) -> Event:
    found = _DECODER.decode(line)
    if found.error:
        return Event(str(found.id), Action.INVALID, found.error)
    # Until 2026 X wrote `delete` with this reason where only the place is to go.
    if found.action == Action.SCRUB_GEO or found.reason == Action.SCRUB_GEO:
        return Event(str(found.id), Action.SCRUB_GEO, found.reason)
    known = found.action in (Action.DELETE, Action.REHYDRATE)
    return Event(str(found.id), Action(found.action) if known else Action.UNKNOWN, found.reason or found.action)
