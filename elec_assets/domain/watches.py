"""What else is watched: `watches.yaml` -> a prefix of any bucket, and how old its newest object may be.

```yaml
watches:
  frenchpresidential2022_twitter:
    bucket: my-bucket
    prefix: data/raw/twitter/          # a folder; '' is the bucket itself
    time_threshold: 600                # seconds, 60 or more
    severity: critical                 # critical (default) or warning
    owner: who is asked
    judged_by: key                     # key (default): the UTC time that a key names, if it names one; or upload
    schedule: {timezone: Europe/Paris, days: [mon, tue, wed, thu, fri], from: "08:00", to: "20:00"}
```

The JSON form of 2021 (`alerts`, `phone_number`, `aws_key`) is read as it is; the last two are ignored, with a warning.
Nothing here opens a file: the caller gives the text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from elec_assets.domain.registry_fields import Value, get, unique
from elec_assets.domain.registry_json import json_tree
from elec_assets.domain.registry_problems import Problem, Problems, RegistryInvalid
from elec_assets.domain.registry_tree import Mapping as Tree
from elec_assets.domain.registry_tree import Node, Scalar, yaml_tree

LEAST_THRESHOLD_S = 60
"""Dagster takes no window of a freshness policy below it (1.13.27)."""
_MOST_THRESHOLD_S = 366 * 86_400
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Part of an asset's key and of messages of 160 characters.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[^/\x00-\x1f\x7f]+/)*")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*")
_DAY = re.compile("|".join(_DAYS))
_SEVERITY = re.compile("critical|warning")
_JUDGED_BY = re.compile("key|upload")
_PREFIX_RULE = "a folder that ends with /, such as data/raw/twitter/, or '' for the whole bucket"
_THRESHOLD_RULE = f"whole seconds from {LEAST_THRESHOLD_S} to {_MOST_THRESHOLD_S}"
_DAYS_RULE = f"a list of the days {', '.join(_DAYS)}"
_TIME_RULE = "a time of day in quotes, from '00:00' to '23:59'"
_ZONE_RULE = "an IANA name such as Europe/Paris"
_REQUIRED = ("bucket", "prefix", "time_threshold")
_OPTIONAL = ("severity", "schedule", "owner", "judged_by")
_OF_2021 = ("alerts", "phone_number", "aws_key")
_INSTEAD = {
    "phone_number": "set ELEC_ALERT_PHONE",
    "aws_key": "AWS credentials come from the environment; delete them from this file",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a watch is held to its threshold: on `days` (0 is Monday) from `start` to `end`, local time of `timezone`.

    `end` not after `start` is the next day's: equal ones are a whole day.
    """

    timezone: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    start: time = time()
    end: time = time()

    def opened(self, now: datetime) -> datetime | None:
        """Since when it has been open without a break, UTC, looking 8 days back; None while it is closed."""
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        spans = [self._span(today - timedelta(days=back), zone) for back in range(8, -1, -1)]
        opened: datetime | None = None
        reached = datetime.min.replace(tzinfo=UTC)
        for start, end in (span for span in spans if span is not None):
            if start > now:
                break
            opened = start if opened is None or start > reached else opened
            reached = max(reached, end)
        return opened if now < reached else None

    def _span(self, day: date, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """The open time that begins on a day."""
        if day.weekday() not in self.days:
            return None
        until = day if self.end > self.start else day + timedelta(days=1)
        start, end = datetime.combine(day, self.start, zone), datetime.combine(until, self.end, zone)
        return start.astimezone(UTC), end.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Watch:
    """A folder of a bucket, and how many seconds old its newest object may be while `schedule` is open."""

    name: str
    bucket: str
    prefix: str
    threshold_s: int
    severity: str = "critical"
    owner: str | None = None
    judged_by: str = "key"
    schedule: Schedule | None = None

    def stale_since(self, fresh_at: datetime | None, now: datetime) -> datetime | None:
        """When its newest data (None: there is none) passed the threshold; None while it has not, or need not be new.

        A schedule that opens begins the count anew. Without schedule and data it is stale since the threshold ago.
        """
        allowed = timedelta(seconds=self.threshold_s)
        opened = None if self.schedule is None else self.schedule.opened(now)
        if self.schedule is not None and opened is None:
            return None
        counted = [moment for moment in (fresh_at, opened) if moment is not None]
        if not counted:
            return now - allowed
        late_at = max(counted) + allowed
        return late_at if late_at < now else None


def parse_watches(text: str, source: str) -> tuple[Mapping[str, Watch], tuple[Problem, ...]]:
    """The watches that a text holds, by name, and warnings about what was ignored.

    JSON if the name of the file (`source`) ends so, or if it begins as the form of 2021 does; else YAML.

    Raises:
        RegistryInvalid: the text cannot be used; holds all problems, by line.
    """
    problems, warnings = Problems(source), Problems(source)
    as_json = source.endswith(".json") or text.lstrip("\ufeff \t\r\n").startswith("{")
    tree = json_tree(text, problems) if as_json else yaml_tree(text, problems)
    watches = {} if tree is None else _root(Value(tree, "", problems), warnings)
    if problems.found:
        raise RegistryInvalid(problems.ordered())
    return watches, tuple(warnings.ordered())


def _root(root: Value, warnings: Problems) -> dict[str, Watch]:
    of_2021 = isinstance(root.node, Tree) and "alerts" in root.node.entries
    named = "alerts" if of_2021 else "watches"
    fields = root.fields((named,), _OF_2021 if of_2021 else ())
    if fields is None or named not in fields:
        return {}
    if isinstance(root.node, Tree):
        _warn(root.node, warnings)
    entries = fields[named].entries("a mapping of watches") or {}
    read = {name: _watch(name, value) for name, value in entries.items()}
    return {name: watch for name, watch in read.items() if watch is not None}


def _warn(root: Tree, warnings: Problems) -> None:
    """Say what is ignored, never what it holds."""
    for key, instead in _INSTEAD.items():
        if key in root.entries:
            filled = (
                "; it holds a value, which everyone who reads the file can see" if _filled(root.entries[key]) else ""
            )
            warnings.add(root.lines[key], key, f"is ignored: {instead}{filled}")


def _filled(node: Node) -> bool:
    if isinstance(node, Scalar):
        return bool(node.text) and node.kind != "null"
    return any(_filled(child) for child in (node.entries.values() if isinstance(node, Tree) else node.items))


def _watch(name: str, value: Value) -> Watch | None:
    if not _NAME.fullmatch(name):
        value.wrong("is not a name; use up to 60 letters, digits and _, a letter first")
    fields = value.fields(_REQUIRED, _OPTIONAL)
    if fields is None:
        return None
    bucket = get(fields, "bucket", lambda field: field.matching(_BUCKET, "the name of a bucket, such as my-bucket"))
    prefix = get(fields, "prefix", lambda field: field.matching(_PREFIX, _PREFIX_RULE))
    threshold = get(fields, "time_threshold", _threshold)
    severity = get(fields, "severity", lambda field: field.matching(_SEVERITY, "critical or warning"))
    judged_by = get(fields, "judged_by", lambda field: field.matching(_JUDGED_BY, "key or upload"))
    owner = get(fields, "owner", Value.text)
    schedule = get(fields, "schedule", _schedule)
    if bucket is None or prefix is None or threshold is None:
        return None
    return Watch(name, bucket, prefix, threshold, severity or "critical", owner, judged_by or "key", schedule)


def _threshold(value: Value) -> int | None:
    seconds = value.integer(_THRESHOLD_RULE)
    if seconds is not None and not LEAST_THRESHOLD_S <= seconds <= _MOST_THRESHOLD_S:
        value.reject(_THRESHOLD_RULE)
        return None
    return seconds


def _schedule(value: Value) -> Schedule | None:
    fields = value.fields((), ("timezone", "days", "from", "to"))
    if fields is None:
        return None
    zone = get(fields, "timezone", _zone)
    named = get(fields, "days", lambda field: unique(field.some_items(_DAYS_RULE), _day))
    start, end = get(fields, "from", _time_of_day), get(fields, "to", _time_of_day)
    days = tuple(sorted(_DAYS.index(day) for day in named)) if named else Schedule().days
    return Schedule(zone or "UTC", days, start or time(), end or time())


def _day(value: Value) -> str | None:
    return value.matching(_DAY, _DAYS_RULE)


def _time_of_day(value: Value) -> time | None:
    text = value.matching(_TIME, _TIME_RULE)
    try:
        return None if text is None else time.fromisoformat(text)
    except ValueError:
        value.reject(_TIME_RULE)
        return None


def _zone(value: Value) -> str | None:
    name = value.matching(_ZONE, _ZONE_RULE)
    try:
        return None if name is None else str(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones such as Europe
        value.wrong(f"{value.shown} is not a time zone known on this machine; use {_ZONE_RULE}")
        return None
