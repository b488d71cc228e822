"""What the dates of an election plan: which time is collected. Pure: the moment is always passed in."""

import hashlib
import random

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR_MS, Window, epoch_ms


def collected(election: Election, window: Window) -> Intervals:
    """The part of a window between collect_from and collect_until."""
    dates = election.calendar
    return Intervals.between(window) & Intervals.of([(epoch_ms(dates.collect_from), epoch_ms(dates.collect_until))])


def planned(election: Election, hour: Window) -> Intervals:
    """The time of an hour that the capture plan wants: all of it, slots, or the first part of each period.

    Random slots lie one in each equal stratum of the hour, drawn from the election's key and the hour alone, so that
    a rerun plans the same.
    """
    plan = election.capture
    start = epoch_ms(hour.start)
    if plan.mode == "every":
        period, length = plan.every_s * 1000, plan.length_s * 1000
        first = start - start % period if period > HOUR_MS else start
        spans = [(t, t + length) for t in range(first, start + HOUR_MS, period)]
    elif plan.mode == "slots":
        spans = _slots(f"{election.key} {hour.start.isoformat()}", start, plan.slots, plan.slot_s * 1000)
    else:
        spans = [(start, start + HOUR_MS)]
    return Intervals.of(spans) & collected(election, hour)


def _slots(seed: str, start: int, slots: int, length: int) -> list[tuple[int, int]]:
    # Random, not secret: a sample that anyone can draw again.
    draw = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))  # noqa: S311
    stratum = HOUR_MS // slots
    begins = [start + i * stratum + draw.randrange(0, stratum - length + 1, 1000) for i in range(slots)]
    return [(begin, begin + length) for begin in begins]
