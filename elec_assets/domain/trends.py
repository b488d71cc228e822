"""What is asked of Google Trends, and for which time: tables, cadences, blocks, samples. No request is built here.

A **block** is the span that one request covers, and the extent of its 0-100 scale: four hours for hourly partitions
(00, 04, ..., 20 UTC), the day, the ISO week. It is the same whichever of its partitions is asked for, so an answer
is fetched once and cut to each hour.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from elec_assets.domain.windows import DAY, HOUR, Grain, Window, key_of

SOURCE = "google_trends"
HL = "en-US"
"""Language of every request: names of regions change with it, so it is one and the same."""
FIRST_EXPLICIT_HOURS = 2015
"""Google answers 500 to hours before this year (2022-2025, several reports)."""
BLOCK_HOURS = 4
# Google's two samples of searches: real-time (the last 7 days) and the archive (support answer 4365533).
REALTIME_REACH = 7 * DAY
_TIMEFRAME = "%Y-%m-%dT%H"
# How far apart points are, by the `resolution` that Google answers with; MONTH has no fixed length.
_STEPS = {
    "MINUTE": timedelta(minutes=1),
    "EIGHT_MINUTE": timedelta(minutes=8),
    "SIXTEEN_MINUTE": timedelta(minutes=16),
    "HOUR": HOUR,
    "DAY": DAY,
    "WEEK": 7 * DAY,
}


class TrendsTable(StrEnum):
    """The tables that an election's plan can hold."""

    INTEREST_OVER_TIME = "interest_over_time"
    INTEREST_BY_REGION = "interest_by_region"
    RELATED_TOPICS = "related_topics"
    RELATED_QUERIES = "related_queries"
    CALIBRATED_INTEREST = "calibrated_interest"


class Endpoint(StrEnum):
    """What is fetched from Google: the explore call that hands out widgets, and the widgets' data."""

    EXPLORE = "explore"
    TIMELINE = "timeline"
    REGIONS = "regions"
    TOPICS = "topics"
    QUERIES = "queries"


class Shape(StrEnum):
    """How candidates are put into requests: several compared at once (the ladder), or one alone."""

    LADDER = "ladder"
    SINGLE = "single"


NEEDS: dict[TrendsTable, tuple[Shape, Endpoint]] = {
    TrendsTable.INTEREST_OVER_TIME: (Shape.LADDER, Endpoint.TIMELINE),
    TrendsTable.CALIBRATED_INTEREST: (Shape.LADDER, Endpoint.TIMELINE),
    TrendsTable.INTEREST_BY_REGION: (Shape.SINGLE, Endpoint.REGIONS),
    TrendsTable.RELATED_TOPICS: (Shape.SINGLE, Endpoint.TOPICS),
    TrendsTable.RELATED_QUERIES: (Shape.SINGLE, Endpoint.QUERIES),
}
"""Which documents a table is made of. Only requests of one keyword have topics, and maps on the 0-100 scale."""


def endpoints(tables: tuple[TrendsTable, ...], shape: Shape) -> tuple[Endpoint, ...]:
    """What to fetch after the explore of a request of this shape, for these tables; each once, in a fixed order."""
    wanted = {NEEDS[table][1] for table in tables if NEEDS[table][0] is shape}
    return tuple(endpoint for endpoint in Endpoint if endpoint in wanted)


class Cadence(StrEnum):
    """How often tables are made. The name stands in keys of the store and of assets, and in the column `window`."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def grain(self) -> Grain:
        """Length of a partition."""
        return {Cadence.HOURLY: Grain.HOUR, Cadence.DAILY: Grain.DAY, Cadence.WEEKLY: Grain.WEEK}[self]

    @property
    def blocks_a_day(self) -> float:
        """How many blocks there are in a day; a seventh for weeks."""
        return {Cadence.HOURLY: 24 / BLOCK_HOURS, Cadence.DAILY: 1.0, Cadence.WEEKLY: 1 / 7}[self]

    @property
    def samples(self) -> int:
        """How many samples the ladder is asked for; a second of the hourly ones would break the daily cap."""
        return 1 if self is Cadence.HOURLY else 2


class SampleKind(StrEnum):
    """Which of Google's two samples an answer comes from."""

    REALTIME = "realtime"
    ARCHIVE = "archive"


def block_of(window: Window, grain: Grain) -> Window:
    """The block that holds a partition's window: four hours for an hour, else the window itself."""
    if grain is not Grain.HOUR:
        return window
    start = window.start.replace(hour=window.start.hour - window.start.hour % BLOCK_HOURS)
    return Window(start, start + BLOCK_HOURS * HOUR)


def partition_of_block(block: Window, grain: Grain) -> Window:
    """The partition that a block's raw documents are stored under: for hours the block's first."""
    return Window(block.start, block.start + grain.length)


def partition_key(window: Window, cadence: Cadence) -> str:
    """Partition key of a window, as in Dagster."""
    return key_of(window, cadence.grain)


def timeframe(block: Window) -> str:
    """The span of a block as Google Trends reads it: `2027-02-01T04 2027-02-01T08`, hours in UTC.

    Whether Google counts the end hour in is not known for sure (2026-11), so the hour after the last is named:
    the whole block is covered either way, and what lies past it is cut off.
    """
    return f"{block.start:{_TIMEFRAME}} {block.end:{_TIMEFRAME}}"


def sample_kind(block: Window, fetched_at: datetime) -> SampleKind:
    """Which sample Google answers from: real-time until seven days after the block's end."""
    return SampleKind.REALTIME if fetched_at - block.end < REALTIME_REACH else SampleKind.ARCHIVE


def second_sample_at(window: Window, cadence: Cadence) -> datetime | None:
    """From when the ladder of a partition is asked again, as `sample_no` 2; None for hourly ones.

    On the eighth day after the partition's last: by then the archive answers, and the weekly file is still open.
    """
    return window.end + REALTIME_REACH if cadence.samples > 1 else None


def expected_points(block: Window, window: Window, resolution: str | None) -> int | None:
    """How many points of an answer lie in the window, if they begin at the block's start and none is missing.

    None where the resolution is unknown, or has no fixed length.
    """
    step = _STEPS.get(resolution or "")
    if step is None:
        return None
    return _steps_before(window.end, block.start, step) - _steps_before(window.start, block.start, step)


def _steps_before(moment: datetime, start: datetime, step: timedelta) -> int:
    """How many of start, start + step, ... come before the moment."""
    return max(0, -((start - moment) // step))
