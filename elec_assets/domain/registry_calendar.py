"""The dates of an election, from the fields of the registry.

`collect_from` and `collect_until` bound UTC partitions: 00:00 UTC of their date. Rounds and inauguration stay local
dates; blackouts and events are given in local time and held in UTC.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from elec_assets.domain.registry import Calendar, Event
from elec_assets.domain.registry_fields import Value, get
from elec_assets.domain.registry_trends import trends_start
from elec_assets.domain.windows import Window, iso

COLLECT_AFTER_INAUGURATION = timedelta(days=14)


def read_calendar(value: Value, zone: tzinfo) -> Calendar | None:
    """The calendar of an election; None, with problems noted, where a needed date cannot be read."""
    fields = value.fields(
        required=("collect_from", "rounds", "inauguration"),
        optional=("collect_until", "confirmed", "blackouts", "events", "trends_from"),
    )
    if fields is None:
        return None
    start = get(fields, "collect_from", Value.day)
    end = get(fields, "collect_until", Value.day)
    rounds = get(fields, "rounds", _rounds)
    inauguration = get(fields, "inauguration", Value.day)
    confirmed = get(fields, "confirmed", Value.boolean)
    blackouts = _blackouts(fields["blackouts"], zone) if "blackouts" in fields else ()
    events = _events(fields["events"], zone) if "events" in fields else ()
    trends = get(fields, "trends_from", trends_start)
    if start is not None and end is not None and end <= start:
        fields["collect_until"].wrong(f"{end} is not after collect_from, {start}")
    if rounds is None or inauguration is None or start is None:
        return None
    if trends is not None and trends >= start:
        fields["trends_from"].wrong(
            f"{trends} is not before collect_from, {start}; write an earlier date or leave it out"
        )
    if start >= rounds[0]:
        fields["collect_from"].wrong(f"{start} is not before the first round, {rounds[0]}")
    if inauguration <= rounds[-1]:
        fields["inauguration"].wrong(f"{inauguration} is not after the last round, {rounds[-1]}")
    if end is not None and end <= rounds[-1]:
        fields["collect_until"].wrong(f"{end} is not after the last round, {rounds[-1]}")
    return Calendar(
        collect_from=_midnight(start),
        collect_until=_midnight(end or inauguration + COLLECT_AFTER_INAUGURATION),
        rounds=rounds,
        inauguration=inauguration,
        confirmed=bool(confirmed),
        blackouts=blackouts,
        events=events,
        trends_from=None if trends is None else _midnight(trends),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _rounds(value: Value) -> tuple[date, ...] | None:
    """The dates of the rounds; None if one is wrong or they do not ascend (dates after them cannot be judged then)."""
    values = value.some_items("a list of dates, one for each round")
    days = tuple(day for item in values if (day := item.day()) is not None)
    if not values or len(days) < len(values):
        return None
    ordered = True
    for item, before, day in zip(values[1:], days, days[1:], strict=False):
        if day <= before:
            item.wrong(f"{day} is not after the round before it, {before}")
            ordered = False
    return days if ordered else None


def _blackouts(value: Value, zone: tzinfo) -> tuple[Window, ...]:
    read = [(window, item) for item in value.items("a list of {from, to}") if (window := _span(item, zone)) is not None]
    read.sort(key=lambda pair: pair[0])
    for (before, _), (window, item) in pairwise(read):
        if window.start < before.end:
            item.wrong(f"begins at {iso(window.start)}, before another blackout ends at {iso(before.end)}")
    return tuple(window for window, _ in read)


def _span(value: Value, zone: tzinfo) -> Window | None:
    fields = value.fields(required=("from", "to"))
    if fields is None:
        return None
    start = get(fields, "from", lambda field: field.local_time(zone))
    end = get(fields, "to", lambda field: field.local_time(zone))
    if start is None or end is None:
        return None
    if end <= start:
        fields["to"].wrong(f"{fields['to'].shown} is not after from, {fields['from'].shown}")
        return None
    return Window(start, end)


def _events(value: Value, zone: tzinfo) -> tuple[Event, ...]:
    return tuple(
        event for item in value.items("a list of {name, at, for}") if (event := _event(item, zone)) is not None
    )


def _event(value: Value, zone: tzinfo) -> Event | None:
    fields = value.fields(required=("name", "at", "for"))
    if fields is None:
        return None
    name = get(fields, "name", Value.text)
    at = get(fields, "at", lambda field: field.local_time(zone))
    length = get(fields, "for", Value.duration)
    if name is None or at is None or length is None:
        return None
    return Event(name, Window(at, at + length))
