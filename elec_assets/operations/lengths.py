"""Lengths of time and moments as options of commands: `15m`, `2h`, `3d`; `2027-02-03T12:00:00Z`."""

import re
from datetime import UTC, datetime, timedelta

import click

_LENGTH = re.compile(r"(\d{1,6})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST = timedelta(days=366)


class Length(click.ParamType[timedelta]):
    """A length of time, at least a second and at most a year: `90s`, `15m`, `2h`, `3d`."""

    name = "LENGTH"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """What was typed as a length of time."""
        if isinstance(value, timedelta):
            return value
        length = as_length(str(value))
        if length is None:
            self.fail(f"{value!r} is not a length such as 90s, 15m, 2h or 3d, up to a year", param, ctx)
        return length


class Until(click.ParamType[timedelta | datetime]):
    """A moment: UTC, with `Z` or an offset, or a length from now."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta | datetime:
        """What was typed as a moment, or as the length from now to it."""
        if isinstance(value, timedelta | datetime):
            return value
        moment = as_length(str(value)) or _moment(str(value))
        if moment is None:
            allowed = "a time such as 2027-02-03T12:00:00Z (with Z or an offset), or a length such as 2h or 3d"
            self.fail(f"{value!r} is not {allowed}", param, ctx)
        return moment


def as_length(text: str) -> timedelta | None:
    """A length of time; None if the text is none."""
    match = _LENGTH.fullmatch(text)
    length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta()
    return length if timedelta() < length <= _MOST else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
