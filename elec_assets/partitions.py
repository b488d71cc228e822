"""Partitions of an election: hours, days and weeks in UTC, from the Monday of collect_from to the Monday after its end.

They begin on a Monday because Dagster drops a first partial week, and so that no hour lies outside every week. Units
that the calendar does not plan are `not_planned`. Windows and keys are in `domain/windows.py`.
"""

import warnings
from datetime import datetime

import dagster as dg

from elec_assets.domain.registry import Election
from elec_assets.domain.trends import Cadence
from elec_assets.domain.trends_plan import first_partition
from elec_assets.domain.windows import WEEK, Grain, Window, floor, window_of_key


def bounds(election: Election) -> Window:
    """First Monday and the Monday that ends the last week, 00:00 UTC."""
    dates = election.calendar
    start = floor(dates.collect_from, Grain.WEEK)
    end = floor(dates.collect_until, Grain.WEEK)
    return Window(start, end if end == dates.collect_until else end + WEEK)


def hours(election: Election) -> dg.HourlyPartitionsDefinition:
    """Every whole hour of an election; an hour exists once it is over."""
    span = bounds(election)
    return dg.HourlyPartitionsDefinition(start_date=_naive(span.start), end_date=_naive(span.end), timezone="UTC")


def weeks(election: Election) -> dg.WeeklyPartitionsDefinition:
    """Every week of an election, Monday to Sunday; the running week exists already."""
    span = bounds(election)
    return dg.WeeklyPartitionsDefinition(
        start_date=_naive(span.start), end_date=_naive(span.end), day_offset=1, end_offset=1, timezone="UTC"
    )


def trends(election: Election, cadence: Cadence) -> dg.TimeWindowPartitionsDefinition:
    """Every hour, day or week of Google Trends, once it is over; days and weeks begin earlier with `trends_from`."""
    start, end = _naive(first_partition(election, cadence)), _naive(bounds(election).end)
    if cadence is Cadence.HOURLY:
        return dg.HourlyPartitionsDefinition(start_date=start, end_date=end, timezone="UTC")
    if cadence is Cadence.DAILY:
        return dg.DailyPartitionsDefinition(start_date=start, end_date=end, timezone="UTC")
    # Unlike other weeks the running one is no partition: what is asked for once is kept for good.
    return dg.WeeklyPartitionsDefinition(start_date=start, end_date=end, day_offset=1, timezone="UTC")


def trends_weeks(election: Election) -> dg.WeeklyPartitionsDefinition:
    """The weeks of coverage and of the weekly files of Google Trends: the election's, and those since `trends_from`."""
    start, end = first_partition(election, Cadence.WEEKLY), bounds(election).end
    return dg.WeeklyPartitionsDefinition(
        start_date=_naive(start), end_date=_naive(end), day_offset=1, end_offset=1, timezone="UTC"
    )


def week_of_parts() -> dg.TimeWindowPartitionMapping:
    """A week is made of those of its hours or days that exist: the running week has fewer."""
    with warnings.catch_warnings():
        # Beta since 1.8; said here once, not in the log of every run. `test_partitions.py` would notice a change.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


def window(key: str, grain: Grain) -> Window:
    """The window of a partition key."""
    return window_of_key(key, grain)


def _naive(moment: datetime) -> datetime:
    # Dagster wants the start without offset and its time zone beside it.
    return moment.replace(tzinfo=None)
