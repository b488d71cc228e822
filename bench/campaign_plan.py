"""What a campaign's schedules made of each partition of each election, in months: which runs, when, of what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bench.campaign_fill import Instance
from elec_assets.domain.trends import BLOCK_HOURS, REALTIME_REACH, Cadence
from elec_assets.domain.trends_due import SETTLE
from elec_assets.domain.windows import DAY, HOUR, WEEK, Grain, Window, floor, key_of, split
from elec_assets.schedules import SECOND_SEAL

AREAS = ("fr", "world")
BATCH_EVERY = timedelta(minutes=5)
_SEALED_AFTER = timedelta(minutes=7)
_BUILT_AFTER = timedelta(hours=26)
_COMPLIED_AT = timedelta(hours=3, minutes=40)
# Some hours are never sealed, and some fail both times: partition bars have more than one colour.
_MISSING_EVERY, _FAILED_EVERY = 499, 997
_MISSING, _FAILED = 7, 11


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when an election is collected; runs made before `whole_from` are as `elec purge` leaves them."""

    election: str
    start: datetime
    now: datetime
    whole_from: datetime

    def whole(self, at: datetime) -> bool:
        """Whether a run of that time is there with all its rows."""
        return at >= self.whole_from


def instances(span: Span) -> Iterator[Instance]:
    """All runs and events without a run of an election, in no order; `campaign_real` names the templates."""
    for template, at, partitions in _made(span):
        if at < span.now:
            yield Instance(template, span.election, at.timestamp(), partitions, whole=span.whole(at))


_Made = tuple[str, datetime, tuple[str, ...]]


def _made(span: Span) -> Iterator[_Made]:
    yield from _hours(span)
    for cadence in Cadence:
        yield from _trends(span, cadence)
    yield from _weeks(span)
    for day in split(Window(span.start, floor(span.now, Grain.DAY) + DAY), Grain.DAY):
        yield "comply", day.start + _COMPLIED_AT, ()
    at = span.start + BATCH_EVERY
    while at < span.now:
        yield "batches", at, ()
        at += BATCH_EVERY


def hour_state(n: int) -> str:
    """What became of the n-th hour: `MATERIALIZED`, `FAILED` or `MISSING`."""
    if n % _MISSING_EVERY == _MISSING:
        return "MISSING"
    return "FAILED" if n % _FAILED_EVERY == _FAILED else "MATERIALIZED"


def hours_over(span: Span) -> list[Window]:
    """The hours that were to be sealed."""
    last = floor(span.now - _SEALED_AFTER, Grain.HOUR)
    return split(Window(span.start, last), Grain.HOUR)


def _hours(span: Span) -> Iterator[_Made]:
    for n, hour in enumerate(hours_over(span)):
        state = hour_state(n)
        if state != "MISSING":
            template = "hour" if state == "MATERIALIZED" else "hour_failed"
            at = hour.end + _SEALED_AFTER
            yield template, at, (key_of(hour, Grain.HOUR),)
            yield template, at + SECOND_SEAL, (key_of(hour, Grain.HOUR),)


def _trends(span: Span, cadence: Cadence) -> Iterator[_Made]:
    """Runs of blocks, of the second samples too; an area a few minutes after the other."""
    length = BLOCK_HOURS * HOUR if cadence is Cadence.HOURLY else cadence.grain.length
    end = span.start
    while (end := end + length) < span.now:
        block = Window(end - length, end)
        keys = tuple(key_of(each, cadence.grain) for each in split(block, cadence.grain))
        for n, area in enumerate(AREAS):
            first = end + SETTLE[cadence] + timedelta(minutes=4 * n)
            yield f"trends_{cadence}_{area}", first, keys
            if cadence.samples > 1:
                yield f"trends_{cadence}_{area}", first + REALTIME_REACH, keys


def _weeks(span: Span) -> Iterator[_Made]:
    """Files of posts are built once and, after the last second seal, never again; those of searches while they grow."""
    for week in split(Window(span.start, floor(span.now, Grain.WEEK)), Grain.WEEK):
        at = week.end + _BUILT_AFTER
        yield "week_posts", at, (key_of(week, Grain.WEEK),)
        for day in range(7):
            yield "week_files", at + DAY * day + timedelta(minutes=3), (key_of(week, Grain.WEEK),)


def weeks_over(span: Span) -> int:
    """How many weeks were to be built."""
    return sum(end + _BUILT_AFTER < span.now for end in _ends(span, WEEK))


def days_over(span: Span) -> int:
    """How many days Google Trends was to be asked for."""
    return sum(end + SETTLE[Cadence.DAILY] < span.now for end in _ends(span, DAY))


def _ends(span: Span, length: timedelta) -> list[datetime]:
    return [span.start + length * (n + 1) for n in range((span.now - span.start) // length)]
