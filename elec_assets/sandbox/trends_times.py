"""Timeframes as Google Trends reads them: what is asked -> window, resolution, points and their labels.

`now 1-H` and explicit hours (`2027-02-01T00 2027-02-01T23`, UTC) come in minutes to hours by span; dates in days,
weeks (from Sunday 00:00 UTC) or months. Sources: a recording of five days in DAY, one of a year in WEEK; the rest
is what clients and their issues report. Whether a last hour asked for is part of the answer is known of none of
them: `hours_included` chooses.
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Resolution = Literal["MINUTE", "EIGHT_MINUTE", "SIXTEEN_MINUTE", "HOUR", "DAY", "WEEK", "MONTH"]
FIRST_DAY = date(2004, 1, 1)
FIRST_HOUR = datetime(2015, 1, 1, tzinfo=UTC)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# Below this span: that resolution.
_BY_HOURS: Sequence[tuple[timedelta, Resolution]] = (
    (5 * _HOUR, "MINUTE"),
    (36 * _HOUR, "EIGHT_MINUTE"),
    (72 * _HOUR, "SIXTEEN_MINUTE"),
    (8 * _DAY, "HOUR"),
)
_BY_DAYS: Sequence[tuple[timedelta, Resolution]] = ((270 * _DAY, "DAY"), (1900 * _DAY, "WEEK"))
STEPS: dict[Resolution, timedelta] = {
    "MINUTE": timedelta(minutes=1),
    "EIGHT_MINUTE": timedelta(minutes=8),
    "SIXTEEN_MINUTE": timedelta(minutes=16),
    "HOUR": _HOUR,
    "DAY": _DAY,
    "WEEK": 7 * _DAY,
}
_NOW = {"now 1-H": _HOUR, "now 4-H": 4 * _HOUR, "now 1-d": _DAY, "now 7-d": 7 * _DAY}
_TODAY = {"today 1-m": 1, "today 3-m": 3, "today 12-m": 12, "today 5-y": 60}
_EXPLICIT = re.compile(r"(\d{4}-\d\d-\d\d)(?:T(\d\d))? (\d{4}-\d\d-\d\d)(?:T(\d\d))?")


class BadTimeframe(ValueError):
    """A timeframe that Google refuses; `status` is the HTTP status it does so with."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Span:
    """A timeframe, resolved.

    Attributes:
        asked: as it was asked for.
        start, end: UTC; `end` is exclusive for dates (the day after the last), and as asked for hours.
        resolution: of the points.
        time: `request.time` of the answer; colons are escaped.
        compare: the window of equal length before, in the same form.
    """

    asked: str
    start: datetime
    end: datetime
    resolution: Resolution
    time: str
    compare: str

    def until(self, now: datetime) -> datetime:
        """Its end, or the moment that it has come to; at least a minute after its start."""
        return max(min(self.end, now), self.start + timedelta(minutes=1))


def read(asked: str, now: datetime) -> Span:
    """Resolve a timeframe at a moment.

    Raises:
        BadTimeframe: it is not one, is empty, begins in the future, or is longer or older than Google takes.
    """
    if asked in _NOW:
        end = now.replace(microsecond=0)
        return _hours(asked, end - _NOW[asked], end)
    today = now.date()
    if asked in _TODAY:
        return _dates(asked, _months_before(today, _TODAY[asked]), today)
    if asked == "all":
        return _dates(asked, FIRST_DAY, today)
    found = _EXPLICIT.fullmatch(asked)
    if found is None or (found[2] is None) != (found[4] is None):
        raise BadTimeframe(f"no timeframe: {asked}")
    try:
        first, last = date.fromisoformat(found[1]), date.fromisoformat(found[3])
        hours = [time(int(hour or 0), tzinfo=UTC) for hour in (found[2], found[4])]
    except ValueError as error:
        raise BadTimeframe(f"no timeframe: {asked}: {error}") from error
    start, end = datetime.combine(first, hours[0]), datetime.combine(last, hours[1])
    _check(asked, start, end, now)
    return _dates(asked, first, last) if found[2] is None else _hours(asked, start, end)


def points(span: Span, now: datetime, *, hours_included: bool = True) -> list[tuple[datetime, datetime]]:
    """Start and end of each point that has begun."""
    last = min(span.end, now)
    found = []
    start = _first(span)
    # Hours asked for: a point that begins at the end, but none of a window that ends now.
    until = last + timedelta(microseconds=1) if hours_included and "T" in span.asked and span.end < now else last
    while start < until:
        end = _after(start, span.resolution)
        found.append((start, end))
        start = end
    return found


def sample_kind(span: Span, now: datetime) -> Literal["realtime", "archive"]:
    """Which of Google's two samples answers: that of the last seven days, or the other."""
    return "realtime" if span.end > now - 7 * _DAY else "archive"


def _check(asked: str, start: datetime, end: datetime, now: datetime) -> None:
    if start.date() < FIRST_DAY or end < start or start >= now or end.year > now.year + 1:
        raise BadTimeframe(f"nothing there: {asked}")
    if "T" in asked:
        if end <= start or end - start >= 8 * _DAY:
            raise BadTimeframe(f"hours over 1 hour to 7 days and 23 hours: {asked}")
        if start < FIRST_HOUR:
            raise BadTimeframe(f"hours before {FIRST_HOUR:%Y-%m-%d}: {asked}", 500)


def _hours(asked: str, start: datetime, end: datetime) -> Span:
    span = end - start
    resolution = next(r for longest, r in _BY_HOURS if span < longest)
    return Span(asked, start, end, resolution, _text(start, end), _text(start - span, start))


def _text(start: datetime, end: datetime) -> str:
    return " ".join(moment.strftime("%Y-%m-%dT%H\\:%M\\:%S") for moment in (start, end))


def _dates(asked: str, first: date, last: date) -> Span:
    days = (last - first) + _DAY
    resolution: Resolution = next((r for longest, r in _BY_DAYS if days < longest), "MONTH")
    start, end = (datetime.combine(day, time(), tzinfo=UTC) for day in (first, last + _DAY))
    # Recorded: 2021-01-01 2021-12-31 is compared with 2020-01-02 2020-12-31.
    compare = f"{first - days} {first - _DAY}"
    return Span(asked, start, end, resolution, f"{first} {last}", compare)


def _first(span: Span) -> datetime:
    """The start of the first point: dates begin with the week or month that holds them, times with their step."""
    if span.resolution == "MONTH":
        return span.start.replace(day=1)
    if span.resolution == "WEEK":
        return span.start - (span.start.isoweekday() % 7) * _DAY
    step = timedelta(minutes=1) if span.resolution != "HOUR" else _HOUR
    return span.start - (span.start - FIRST_HOUR) % step


def _after(start: datetime, resolution: Resolution) -> datetime:
    if resolution == "MONTH":
        return start + monthrange(start.year, start.month)[1] * _DAY
    return start + STEPS[resolution]


def _months_before(day: date, months: int) -> date:
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
