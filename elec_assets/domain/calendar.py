"""What the dates of an election plan: which time is collected. Pure: the moment is always passed in."""

import hashlib
import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.phases import Phase, phase_begins, phase_of
from elec_assets.domain.registry import CapturePlan, Election, Event
from elec_assets.domain.windows import HOUR_MS, Window, epoch_ms


def collected(election: Election, window: Window) -> Intervals:
    """The part of a window between collect_from and collect_until."""
    dates = election.calendar
    return Intervals.between(window) & Intervals.of([(epoch_ms(dates.collect_from), epoch_ms(dates.collect_until))])


def phase_at(election: Election, moment: datetime) -> Phase:
    """The phase of the election at a moment."""
    dates = election.calendar
    return phase_of(_begins(dates.rounds, dates.inauguration, election.timezone), moment)


@lru_cache(maxsize=64)
def _begins(rounds: tuple[date, ...], inauguration: date, timezone: str) -> Mapping[Phase, datetime]:
    return phase_begins(rounds, inauguration, ZoneInfo(timezone))


def events_in(election: Election, window: Window) -> tuple[Event, ...]:
    """The events that raise the plan of a window: those that touch it with the margins of the capture plan.

    None where the registry gives events no plan.
    """
    changes = election.capture_changes
    if changes.events is None:
        return ()
    before, after = timedelta(seconds=changes.before_s), timedelta(seconds=changes.after_s)
    return tuple(
        event
        for event in election.calendar.events
        if event.window.start - before < window.end and window.start < event.window.end + after
    )


def planned(election: Election, hour: Window) -> Intervals:
    """The time of an hour that the capture plan wants: that of its phase, and beside it that of its events.

    The phase is the one at the hour's start, and an event counts for every hour it touches: an hour has one plan from
    its first to its last second, or one weight could not count up for all of it.
    """
    changes = election.capture_changes
    phase = phase_at(election, hour.start) if changes.phases else None
    plans = [next((special.plan for special in changes.phases if special.phase == phase), election.capture)]
    if changes.events is not None and events_in(election, hour):
        plans.append(changes.events)
    wanted = Intervals.of(span for plan in plans for span in _spans(plan, election.key, hour))
    return wanted & collected(election, hour)


def _spans(plan: CapturePlan, election: str, hour: Window) -> list[tuple[int, int]]:
    """What one plan wants, from the first second of the hour: all, random slots, or the first part of each period."""
    start = epoch_ms(hour.start)
    if plan.mode == "every":
        period, length = plan.every_s * 1000, plan.length_s * 1000
        first = start - start % period if period > HOUR_MS else start
        return [(t, t + length) for t in range(first, start + HOUR_MS, period)]
    if plan.mode == "slots":
        return _slots(f"{election} {hour.start.isoformat()}", start, plan.slots, plan.slot_s * 1000)
    return [(start, start + HOUR_MS)]


def _slots(seed: str, start: int, slots: int, length: int) -> list[tuple[int, int]]:
    """One slot in each equal part of the hour, drawn from election and hour alone: a rerun plans the same.

    The parts begin at a random second and go round the hour's end, so that every second of an hour is drawn equally
    often. Parts that begin on the hour would leave out those beside their edges (2026-11-22: with 10 x 60 s the first
    second of an hour 1 time in 301 instead of 1 in 6), and people post on the hour.
    """
    # Random, not secret: a sample that anyone can draw again.
    draw = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))  # noqa: S311
    part = HOUR_MS // slots
    turn = draw.randrange(0, HOUR_MS, 1000)
    begins = [(turn + i * part + draw.randrange(0, part - length + 1, 1000)) % HOUR_MS for i in range(slots)]
    whole = [(start + begin, start + min(begin + length, HOUR_MS)) for begin in begins]
    return whole + [(start, start + begin + length - HOUR_MS) for begin in begins if begin + length > HOUR_MS]
