"""How many posts an hour there were last week, originals and retweets, as far as sealed hours can tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import Grain, Window, epoch_ms, floor, parse_iso, split, window_of_key
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.estimates import inside

_LOOK_BACK = timedelta(days=7)
# Hours whose tables are read for the kinds of posts: every seventh of a week has each hour of the day once.
_READ = 24
# Retweets for each original where the stream was never heard: 592 of 1,015 recorded posts were retweets (2020 to 2023).
_RETWEETS = 1.4


@dataclass(frozen=True, slots=True)
class Rates:
    """Posts in an hour of covered time. `captured` is the part of covered time that the stream brought.

    `originals` and `retweets` are None where the stream brought nothing: search returns no retweets. `referring` is
    the part of posts that refer to another (retweets, replies, quotes).
    """

    posts: float
    captured: float = 0.0
    originals: float | None = None
    retweets: float | None = None
    referring: float = 1.0


def measured(archive: TweetArchive, election: Election, now: datetime) -> Rates | None:
    """The rates of the last 7 days; None where no hour of them was covered.

    Raises:
        ArchiveDamaged, CoverageUnreadable: an hour cannot be read.
    """
    end = floor(now, Grain.HOUR)
    rows = archive.coverages(split(Window(end - _LOOK_BACK, end), Grain.HOUR))
    captured = sum(row.captured_s for row in rows)
    covered = captured + sum(row.filled_s for row in rows)
    if not covered:
        return None
    posts = sum(row.rows for row in rows) / covered * 3600
    split_up = _by_kind(archive, election, [row for row in rows if row.captured_s])
    if split_up is None:
        return Rates(posts, captured / covered)
    originals, retweets, referring = split_up
    return Rates(originals + retweets, captured / covered, originals, retweets, referring)


def with_retweets(rates: Rates) -> Rates:
    """Rates that search measured, with the retweets that the stream is expected to bring beside them."""
    return replace(rates, posts=rates.posts * (1 + _RETWEETS), originals=rates.posts)


def _by_kind(
    archive: TweetArchive, election: Election, rows: Sequence[HourCoverage]
) -> tuple[float, float, float] | None:
    """Originals and retweets in an hour of the time that proves them, and the part of posts that refer to another."""
    seconds = [0.0, 0.0]
    counts = [0, 0]
    referring = 0
    for row in rows[:: max(math.ceil(len(rows) / _READ), 1)]:
        hour = window_of_key(row.partition, Grain.HOUR)
        planned = calendar.planned(election, hour)
        frame = archive.frame(hour)
        if frame is None or planned.seconds != row.planned_s:  # or sealed by another plan, which is not known any more
            continue
        at, kinds = frame["created_at"].dt.epoch("ms"), frame["kind"].cast(str)
        covered = planned - _spans(row.missed), planned & _spans(row.captured)
        for i, (time, of_kind) in enumerate(zip(covered, (kinds != "retweet", kinds == "retweet"), strict=True)):
            found = inside(at, time) & of_kind
            seconds[i] += time.seconds
            counts[i] += int(found.sum())
            referring += int((found & (kinds != "original")).sum())
    if not all(seconds):
        return None
    originals, retweets = (3600 * count / s for count, s in zip(counts, seconds, strict=True))
    return originals, retweets, referring / max(sum(counts), 1)


def _spans(texts: Sequence[Sequence[str]]) -> Intervals:
    return Intervals.of((epoch_ms(parse_iso(start)), epoch_ms(parse_iso(end))) for start, end in texts)
