"""Which blocks of Google Trends are to be asked for at a time: new ones, second samples, and what is missing.

Pure: whether something remains to be done of a block is told by the caller.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from elec_assets.domain.registry import Election
from elec_assets.domain.trends import BLOCK_HOURS, Cadence, block_of, second_sample_at
from elec_assets.domain.trends_plan import planned
from elec_assets.domain.windows import HOUR, Window, epoch_ms, floor

TICK = timedelta(minutes=15)
SETTLE: Mapping[Cadence, timedelta] = {
    Cadence.HOURLY: timedelta(minutes=20),
    Cadence.DAILY: timedelta(minutes=90),
    Cadence.WEEKLY: timedelta(hours=3),
}
"""From how long after its end a block is asked for: the last minutes are there by then, and hours go before days."""
LOOK_BACK: Mapping[Cadence, timedelta] = {
    Cadence.HOURLY: timedelta(days=7),
    Cadence.DAILY: timedelta(days=14),
    Cadence.WEEKLY: timedelta(weeks=4),
}
"""How far back anything is looked for; what is older is made by a backfill. Second samples are within it."""
SAMPLE_REACH = timedelta(days=3)
"""How long after it is due a second sample is asked for."""
CATCH_UP = 2
PRIORITIES: Mapping[Cadence, int] = {Cadence.HOURLY: 5, Cadence.DAILY: 4, Cadence.WEEKLY: 3}
"""Of the newest block; second samples have 2, what is caught up 1, backfills by hand 0."""
_SAMPLE, _PAST = 2, 1


@dataclass(frozen=True, slots=True)
class Due:
    """A block of an area to be asked for, and how urgent it is."""

    area: str
    block: Window
    priority: int


Open = Callable[[str, Window], bool]
"""Whether something of an area's block remains to be done now."""


def due_blocks(election: Election, cadence: Cadence, span: Window, now: datetime, is_open: Open) -> list[Due]:
    """What to ask for at a tick, most urgent first: new blocks, due second samples, and a few of the past.

    `span` holds the election's partitions; those before it, which `trends_from` adds, are made by a backfill.
    Which of the past changes from tick to tick, so that what always fails never keeps others waiting.
    """
    blocks = _blocks(election, cadence, span, now)
    newest, past = blocks[-1:], blocks[:-1]
    again = [block for block in past if sample_due(block, cadence, now)]
    rest = [block for block in past if block not in again and block.end > now - LOOK_BACK[cadence]]
    first = _open(election, newest, PRIORITIES[cadence], is_open)
    samples = _open(election, reversed(again), _SAMPLE, is_open)
    turned = _turned([*reversed(rest)], now)
    return [*first, *_some(samples), *_some(_open(election, turned, _PAST, is_open))]


def _blocks(election: Election, cadence: Cadence, span: Window, now: datetime) -> list[Window]:
    """The planned blocks that are over for a while, oldest first, as far back as anything is asked for."""
    length = BLOCK_HOURS * HOUR if cadence is Cadence.HOURLY else cadence.grain.length
    last = now - SETTLE[cadence]
    running = floor(last, cadence.grain)
    end = block_of(Window(running, running + cadence.grain.length), cadence.grain).start
    start = end - length * (LOOK_BACK[cadence] // length + 1)
    found = [Window(start + length * n, start + length * (n + 1)) for n in range((end - start) // length)]
    return [b for b in found if b.start in span and planned(election, cadence, b)]


def sample_due(block: Window, cadence: Cadence, now: datetime) -> bool:
    """Whether now is the time for a block's second sample."""
    due_at = second_sample_at(block, cadence)
    return due_at is not None and due_at <= now < due_at + SAMPLE_REACH


def _open(election: Election, blocks: Iterable[Window], priority: int, is_open: Open) -> Iterator[Due]:
    for block in blocks:
        for area in election.areas:
            if is_open(area, block):
                yield Due(area, block, priority)


def _turned(blocks: list[Window], now: datetime) -> list[Window]:
    turn = epoch_ms(now) // (TICK // timedelta(milliseconds=1)) % len(blocks) if blocks else 0
    return [*blocks[turn:], *blocks[:turn]]


def _some(found: Iterator[Due]) -> list[Due]:
    return list(islice(found, CATCH_UP))
