"""The texts beside the numbers, as en-US shows them."""

from datetime import datetime, timedelta

from elec_assets.sandbox.trends_times import Resolution, Span

_EN_DASH = "\u2013"


def point_labels(start: datetime, end: datetime, resolution: Resolution, tz_minutes: int) -> tuple[str, str]:
    """`formattedTime` and `formattedAxisTime` of a point. Only hours move with the time zone (recorded: days do not).

    Args:
        start: of the point, UTC.
        end: of the point, exclusive.
        resolution: of its series.
        tz_minutes: as JavaScript counts: minutes behind UTC.
    """
    if resolution == "MONTH":
        return f"{start:%b %Y}", f"{start:%b %Y}"
    if resolution == "DAY":
        return _day(start), _day(start)
    if resolution == "WEEK":
        last = end - timedelta(days=1)
        first = f"{start:%b} {start.day}" if start.year == last.year else _day(start)
        until = f"{last.day}, {last.year}" if start.month == last.month else _day(last)
        return f"{first} {_EN_DASH} {until}", _day(start)
    local = start - timedelta(minutes=tz_minutes)
    clock = f"{local.hour % 12 or 12}:{local:%M %p}"
    return f"{_day(local)} at {clock}", f"{local:%b} {local.day} at {clock}"


def range_label(span: Span) -> str:
    """`timeRanges` of an answer: recorded are `2021` for a year and `1/1/21 - 1/5/21` for days."""
    first, last = span.start, span.end - timedelta(days=1)
    if (first.month, first.day, last.month, last.day) == (1, 1, 12, 31) and first.year == last.year:
        return str(first.year)
    named = {
        "now 1-H": "Past hour",
        "now 4-H": "Past 4 hours",
        "now 1-d": "Past day",
        "now 7-d": "Past 7 days",
        "today 1-m": "Past 30 days",
        "today 3-m": "Past 90 days",
        "today 12-m": "Past 12 months",
        "today 5-y": "Past 5 years",
    }
    if span.asked in named:
        return named[span.asked]
    last = span.end if "T" in span.asked else last
    return " - ".join(f"{d.month}/{d.day}/{d:%y}" for d in (first, last))


def value_label(value: int, *, has_data: bool) -> str:
    """A value of 0 to 100: `<1` is something, `0` is nothing."""
    return "<1" if has_data and value == 0 else str(value)


def percent_label(value: int, *, has_data: bool) -> str:
    """A part of a region's searches; empty where there is no data."""
    return f"{value_label(value, has_data=True)}%" if has_data else ""


def growth_label(value: int) -> str:
    """Growth in percent; over 5000 Google calls it a breakout."""
    return "Breakout" if value > 5000 else f"+{value:,}%"


def _day(moment: datetime) -> str:
    return f"{moment:%b} {moment.day}, {moment.year}"
