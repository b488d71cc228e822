"""What a batch's journal says: which time was proven, by which connections, and when each line was received.

A connection of X proves the time from its opening, or from RULES_LAG_MS after the last change of this election's
rules if that is later, until MARGIN_MS before the last byte that it brought. Bytes are lines and keep-alives: a socket
that has stalled proves nothing after its last byte. There is one journal for each slot and election that the service
lived, empty or unplanned ones too; a slot without a journal was not listened to.

Times named `_ms` are milliseconds since 1970, UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.outcomes import Outcome

VERSION = 1
SLOT_MS = 300_000
"""Length of a slot; slots start at multiples of it."""
KEEP_ALIVE_MS = 20_000
"""X sends a keep-alive at least this often (documentation of the filtered stream)."""
RULES_LAG_MS = 20_000
"""A change of rules holds after about this long (documentation of the filtered stream)."""
MARGIN_MS = 30_000
"""Posts reach the stream within 6 to 7 s in 99 of 100 cases (X's documentation); four times that."""
SILENCE_MS = 60_000
"""Three keep-alives missed: where bytes come again after so long, the time between is not proven."""


def slot_of(at_ms: int) -> int:
    """Start of the slot that holds the moment."""
    return at_ms - at_ms % SLOT_MS


@dataclass(frozen=True, slots=True)
class ConnectionSpan:
    """One connection within a slot.

    `number` counts up over the life of a spool. `opened_ms` may be before the slot. `closed_ms` is None where the
    connection lives on, and where it ended with its process: then `why`, a sentence, says so. `lines`, `keep_alives`
    and `bytes` are those of the slot.
    """

    number: int
    opened_ms: int
    last_byte_ms: int
    closed_ms: int | None
    why: str | None
    lines: int
    keep_alives: int
    bytes: int


@dataclass(frozen=True, slots=True)
class BatchJournal:
    """What is known about the batch of one spool, election and slot.

    `planned` is what the plan wanted of the slot. `covered` is what was newly proven since the journal before: it may
    begin before the slot, and the end of a slot is proven by the next journal, so that the time captured is the union
    of all journals. `received_ms` and `line_connections` are of each line of the batch, in its order. `hours` counts
    posts by the hour of their id (Dagster's partition key); lines without one are in none. `causes` say why planned
    time was not listened to, oldest first.
    """

    spool: str
    election: str
    slot_ms: int
    registry_version: str
    planned: Intervals
    covered: Intervals
    connections: tuple[ConnectionSpan, ...]
    received_ms: tuple[int, ...]
    line_connections: tuple[int, ...]
    hours: Mapping[str, int]
    posts: int
    notices: int
    unreadable: int
    causes: tuple[tuple[Outcome, str], ...]
