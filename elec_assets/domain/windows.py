"""Windows of UTC time: hours, days and ISO weeks, their partition keys, and the time inside an X id.

A window is half open, `[start, end)`. Partition keys are Dagster's defaults in UTC: hour
`2027-02-01-13:00`, day `2027-02-01`, week = its Monday. Keep time zones and calendars out of here.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

# Snowflake epoch of X ids, in ms since 1970: created_ms = (id >> 22) + EPOCH (checked on 1,014 recorded posts).
X_EPOCH_MS = 1_288_834_974_657
# Ids below this were numbered one after another, before snowflakes (2010-11-04): they hold no time.
FIRST_SNOWFLAKE = 29_700_859_247
ALL_IDS = (-1, 10**19)
"""Bounds, both exclusive, of all that is read as an id of X: up to 19 digits."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
HOUR_MS = 3_600_000
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


class Grain(StrEnum):
    """Length of a partition."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """Length of a window of this grain."""
        return {Grain.HOUR: HOUR, Grain.DAY: DAY, Grain.WEEK: WEEK}[self]

    @property
    def key_format(self) -> str:
        """`strftime` format of a partition key of this grain."""
        return "%Y-%m-%d-%H:%M" if self is Grain.HOUR else "%Y-%m-%d"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open span of UTC time `[start, end)`.

    Raises:
        ValueError: a bound is not UTC, or the end is not after the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for bound in (self.start, self.end):
            if bound.utcoffset() != timedelta(0):
                raise ValueError(f"{bound!r} is not a UTC time")
        if self.end <= self.start:
            raise ValueError(f"a window must end after its start: {self.start} to {self.end}")

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{iso(self.start)} to {iso(self.end)}"


def iso(moment: datetime) -> str:
    """A UTC time as ISO 8601 with `Z`; milliseconds only where there are any."""
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def iso_ms(moment: datetime) -> str:
    """A UTC time as ISO 8601 with `Z`, always with milliseconds: such texts sort as their times do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`.

    Raises:
        ValueError: the text is not an ISO 8601 time with an offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset")
    return moment.astimezone(UTC)


def floor(moment: datetime, grain: Grain) -> datetime:
    """Start of the window of this grain that holds the moment; weeks start on Monday 00:00 UTC."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if grain is Grain.HOUR:
        return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return day if grain is Grain.DAY else day - DAY * day.weekday()


def window_at(moment: datetime, grain: Grain) -> Window:
    """The window of this grain that holds the moment."""
    start = floor(moment, grain)
    return Window(start, start + grain.length)


def window_of_key(key: str, grain: Grain) -> Window:
    """The window that a partition key names.

    Raises:
        ValueError: the key is not one of this grain, spelt as Dagster does (a week's key must be a Monday).
    """
    start = datetime.strptime(key, grain.key_format).replace(tzinfo=UTC)
    if floor(start, grain) != start or start.strftime(grain.key_format) != key:
        raise ValueError(f"{key!r} is not the start of a {grain}")
    return Window(start, start + grain.length)


def key_of(window: Window, grain: Grain) -> str:
    """Partition key of a window of this grain."""
    return window.start.strftime(grain.key_format)


def split(window: Window, grain: Grain) -> list[Window]:
    """The windows of this grain that lie in the window, which must start on one's edge."""
    starts = []
    start = window.start
    while start < window.end:
        starts.append(Window(start, start + grain.length))
        start += grain.length
    return starts


def year_week(window: Window) -> str:
    """ISO year and week of a week's window, as file names carry it: `2027_05`."""
    year, week, _ = window.start.isocalendar()
    return f"{year:04d}_{week:02d}"


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, exact."""
    return (moment - _EPOCH) // _MILLISECOND


def from_epoch_ms(milliseconds: int) -> datetime:
    """The inverse of `epoch_ms`."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def created_ms(tweet_id: int) -> int | None:
    """When X made this id, in ms since 1970; None for ids older than snowflakes (2010-11-04)."""
    return (tweet_id >> 22) + X_EPOCH_MS if tweet_id >= FIRST_SNOWFLAKE else None


def id_bounds(window: Window) -> tuple[int, int]:
    """`since_id` and `until_id` of a window, both exclusive as X has them.

    An id belongs to the window if and only if since_id < id < until_id.
    """
    first = (epoch_ms(window.start) - X_EPOCH_MS) << 22
    past = (epoch_ms(window.end) - X_EPOCH_MS) << 22
    return first - 1, past
