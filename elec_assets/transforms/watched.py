"""How new a watched prefix is: by the time that keys name where they do, else by the time of upload.

The upload time alone is fooled by a stuck stream that sends old files again. A key names the start of what it holds
(`.../20270201/20270201_1305_ab.jsonl.gz`, `.../20270201/1305.csv.gz`, `.../20270201/13.parquet`); its end is taken to
be the start of the next one, judged by the gap between the two newest.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from elec_assets.domain.windows import DAY, HOUR

_DAY = re.compile(r"\d{8}", re.ASCII)
_NAMED = re.compile(r"(?P<day>\d{8})/(?:(?P=day)[_T-]?)?(?P<hour>\d{2})(?P<minute>\d{2})?(?!\d)[^/]*", re.ASCII)
_AHEAD = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a listing: key, bytes, time of upload (UTC)."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest object.

    Attributes:
        named_at: the time that its key names; None where it names none.
        fresh_at: how new the data is: its end by key or its upload, whichever is earlier.
        objects: how many were looked at.
    """

    key: str
    size: int
    modified: datetime
    named_at: datetime | None
    fresh_at: datetime
    objects: int


def named_at(key: str) -> datetime | None:
    """The UTC time that a key names below a day folder; None where it names none."""
    found = _NAMED.search(key)
    if found is None or not key.endswith(found[0]):
        return None
    try:
        return datetime.strptime(f"{found['day']}{found['hour']}{found['minute'] or '00'}", "%Y%m%d%H%M").replace(
            tzinfo=UTC
        )
    except ValueError:
        return None


def newest_of(objects: Iterable[Listed], *, by_key: bool) -> Newest | None:
    """The newest of a listing in any order; None if it holds no data (empty objects are none).

    Times in keys count only if no object was uploaded clearly before the time that it names: then they are not UTC.
    """
    held = [(named_at(each.key) if by_key else None, each) for each in objects if each.size and each.key[-1:] != "/"]
    if not held:
        return None
    named = [(at, each) for at, each in held if at is not None]
    if not named or any(at > each.modified + _AHEAD for at, each in named):
        latest = max((each for _, each in held), key=lambda each: (each.modified, each.key))
        return Newest(latest.key, latest.size, latest.modified, None, latest.modified, len(held))
    at, latest = max(named, key=lambda pair: (pair[0], pair[1].modified, pair[1].key))
    before = max((time for time, _ in named if time < at), default=at - HOUR)
    end = at + min(at - before, HOUR)
    # What has no time in its name, a `_SUCCESS` or a table, says nothing of the rest.
    return Newest(latest.key, latest.size, latest.modified, at, min(latest.modified, end), len(held))


def day_folders(folders: Iterable[str], now: datetime, threshold: timedelta) -> list[str] | None:
    """Which of a prefix's folders to list: today's, yesterday's, those the threshold reaches, else the last before.

    A folder is a key that may end with `/`. None: there are no day folders, so all is to be listed.
    """
    days = {found: folder for folder in folders if (found := _day_of(folder)) is not None}
    if not days:
        return None
    today = now.astimezone(UTC).date()
    first = min(today - DAY, (now - threshold).astimezone(UTC).date())
    # Tomorrow's, where the clock of who writes is ahead.
    near = [folder for day, folder in sorted(days.items()) if first <= day <= today + DAY]
    past = [folder for day, folder in sorted(days.items()) if day < first]
    return near or past[-1:]


def _day_of(folder: str) -> date | None:
    name = folder.rstrip("/").rpartition("/")[2]
    try:
        return datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() if _DAY.fullmatch(name) else None
    except ValueError:
        return None
