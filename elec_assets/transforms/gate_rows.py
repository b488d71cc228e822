"""Whether weeks that are over have about as many rows as those before, for the time that was planned of them. Pure.

A plan may take six times as much of an hour as the one before, and a collection may end on a Tuesday: so rows are
compared for the same planned time, which the coverage files of the release tell of each week as it was collected.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import polars as pl

from elec_assets.domain.windows import DAY, WEEK, Window, from_epoch_ms
from elec_assets.transforms.gate_allowed import Allowed
from elec_assets.transforms.manifest import FileEntry, Manifest
from elec_assets.transforms.publication import TWEETS_PRODUCT, VOLUME_PRODUCT, Place, place_of
from elec_assets.transforms.refusals import FRESH, ROWS, Refusal

LOW, HIGH = 0.25, 8.0
"""Rows of a week against the median of the four before: a debate week has about three times as many."""
LEAST_HOURS = 24
"""Planned hours of a week to be judged: fewer may be night or evening alone, a tenth or three times as much."""
_WEEKS, _FEWEST_WEEKS = 4, 2
_HOUR_S = 3600
_POSTS = "twitter"
PLAN_COLUMNS = ["source", "planned_s"]
"""Columns of a coverage file that tell what was planned."""
_EPOCH = from_epoch_ms(0)


@dataclass(frozen=True, slots=True)
class PlannedTime:
    """How much of a week was planned for posts: seconds, and the hours of which something was."""

    seconds: float
    hours: int


Plans = Mapping[str, PlannedTime]
"""By `{election}/{week}`."""


def planned_time(coverage: pl.DataFrame) -> PlannedTime | None:
    """What a week's coverage file says was planned for posts; None where it says nothing of posts.

    Args:
        coverage: its columns `PLAN_COLUMNS`; numbers may be text.
    """
    of_posts = coverage.filter(pl.col("source") == _POSTS)
    if not of_posts.height:
        return None
    seconds = of_posts["planned_s"].cast(pl.Float64, strict=False).fill_null(0.0)
    return PlannedTime(float(seconds.sum()), int((seconds > 0).sum()))


def weeks(
    staged: Manifest,
    expected: frozenset[str],
    now: datetime,
    allowed: Allowed | None = None,
    plans: Plans | None = None,
) -> Iterator[Refusal]:
    """Newest weeks that are missing, and weeks that are over with far fewer or more rows than those before.

    Args:
        staged: manifest of the release.
        expected: paths of the newest weekly files that must be in it.
        now: the time of asking.
        allowed: what may be, though it is refused.
        plans: what was planned of each week. Of a week without, rows are compared as they are.
    """
    paths = {entry.path for entry in staged.files}
    for path in sorted(expected - paths):
        yield Refusal(FRESH, path, "", "missing, and the week is over", "build the week, and stage again")
    folders: dict[str, list[FileEntry]] = {}
    for entry in staged.files:
        if entry.partition is not None and entry.rows is not None:
            folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
    known = (allowed or Allowed()).rows
    for entries in folders.values():
        ordered = sorted(entries, key=lambda entry: entry.path)
        places = {entry.path: place_of(entry.path, staged.profile) for entry in ordered}
        for number, entry in enumerate(ordered):
            if entry.state != "same" and entry.path not in known and _over(entry, now):
                yield from _odd_rows(entry, ordered[:number], places, plans or {})


def _odd_rows(
    entry: FileEntry, before: list[FileEntry], places: Mapping[str, Place | None], plans: Plans
) -> Iterator[Refusal]:
    plan = _plan(places[entry.path], plans)
    if plan is not None and plan.hours < LEAST_HOURS:
        return
    rates = [rate for each in before if (rate := _rate(each, places[each.path], plans, plan)) is not None][-_WEEKS:]
    usual = median(rates) if len(rates) >= _FEWEST_WEEKS else 0
    rows = entry.rows or 0
    if usual and not usual * LOW <= rows <= usual * HIGH:
        planned = "" if plan is None else f" for as much planned time ({plan.seconds / _HOUR_S:.1f} h)"
        what = f"{rows} rows, the weeks before have {usual:.0f}{planned} (median of {len(rates)})"
        yield Refusal(ROWS, entry.path, "", what, "find out why; if it is so, name the file as known")


def _plan(place: Place | None, plans: Plans) -> PlannedTime | None:
    """What rows of a file are of; None where no plan is known."""
    if place is None or place.product is None:
        return None
    plan = plans.get(f"{place.election}/{place.week}")
    if plan is None or place.product is TWEETS_PRODUCT:
        return plan
    if not plan.hours and place.product is not VOLUME_PRODUCT:
        return None  # Google Trends may be collected where posts are not
    # Volume has rows for each hour of which anything is planned. The rest follows the part of the week that was
    # collected, or stays as in a whole week: that is 7 times the scaled median at most, as long as a day is planned.
    return PlannedTime(float(plan.hours * _HOUR_S), plan.hours)


def _rate(entry: FileEntry, place: Place | None, plans: Plans, wanted: PlannedTime | None) -> float | None:
    """Rows that a week before would have in the planned time of another; None where it was too short to tell."""
    plan = _plan(place, plans)
    rows = float(entry.rows or 0)
    if plan is None or wanted is None:
        return rows
    if plan.hours < LEAST_HOURS or not plan.seconds:
        return None
    return rows * wanted.seconds / plan.seconds


def _over(entry: FileEntry, now: datetime) -> bool:
    return week_window(entry.partition or "").end <= now


def week_window(label: str) -> Window:
    """The window of an ISO week by its label, `2027_05`.

    Raises:
        ValueError: it is none.
    """
    year, _, week = label.partition("_")
    monday = datetime.fromisocalendar(int(year), int(week), 1)
    start = _EPOCH + DAY * (monday.toordinal() - _EPOCH.toordinal())
    return Window(start, start + WEEK)
