"""`state/silences.yaml`: which alerts are muted, until when, and why. Nothing is muted without an end and a reason.

```yaml
silences:
  - {match: "fr_presidential_2027/google_trends/*", until: "2027-02-03T12:00:00Z", reason: Google changes its pages}
```
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from elec_assets.domain.registry_fields import Value, get
from elec_assets.domain.registry_problems import Problems, RegistryInvalid
from elec_assets.domain.registry_tree import yaml_tree
from elec_assets.domain.windows import iso, parse_iso

LONGEST = timedelta(days=31)
"""A silence ends at most so long after now: what is muted for good should not be watched."""
_MATCH = re.compile(r"[A-Za-z0-9_*?:/.\-]{1,200}")
_MATCH_RULE = "the name of an alert or asset, or a pattern with * and ?, in quotes"
_UNTIL_RULE = "a time with Z or an offset, in quotes, such as '2027-02-03T12:00:00Z'"


@dataclass(frozen=True, slots=True)
class Silence:
    """What is muted (`match`: name of an alert or asset, `*` and `?` stand for others), until when (UTC), and why."""

    match: str
    until: datetime
    reason: str


def parse_silences(text: str, source: str) -> tuple[Silence, ...]:
    """The silences that a text holds; those that are over too.

    Raises:
        RegistryInvalid: the text is not such a file; holds all problems, by line.
    """
    problems = Problems(source)
    tree = yaml_tree(text, problems)
    silences: list[Silence] = []
    if tree is not None:
        fields = Value(tree, "", problems).fields(("silences",)) or {}
        items = fields["silences"].items("a list of {match, until, reason}") if "silences" in fields else []
        silences = [silence for item in items if (silence := _silence(item)) is not None]
    if problems.found:
        raise RegistryInvalid(problems.ordered())
    return tuple(silences)


def silences_text(silences: Iterable[Silence]) -> str:
    """The inverse of `parse_silences`."""
    lines = [
        f"  - {{match: {_quoted(s.match)}, until: {_quoted(iso(s.until))}, reason: {_quoted(s.reason)}}}"
        for s in sorted(silences, key=lambda s: (s.until, s.match))
    ]
    return "silences:\n" + "\n".join(lines) + "\n" if lines else "silences: []\n"


def silenced(silences: Iterable[Silence], new: Silence, now: datetime) -> tuple[Silence, ...]:
    """The silences with one more, in place of one of the same name; those that are over are left out.

    Raises:
        ValueError: it is over already, too long, or has no reason or no usable name.
    """
    if not now < new.until <= now + LONGEST:
        last = iso(now + LONGEST)
        raise ValueError(f"until is {iso(new.until)}; a time after now, {iso(now)}, and not after {last} is allowed")
    if not new.reason.strip() or not new.reason.isprintable():
        raise ValueError("the reason is empty or has several lines; write one line that says why")
    if not _MATCH.fullmatch(new.match):
        raise ValueError(f"{new.match[:40]!r} cannot be silenced; use {_MATCH_RULE}")
    return (*(s for s in silences if s.match != new.match and s.until > now), new)


def silencing(silences: Sequence[Silence], names: Sequence[str], now: datetime) -> Silence | None:
    """The silence that mutes one of the names now: the one that ends last."""
    found = [s for s in silences if now < s.until and any(fnmatchcase(name, s.match) for name in names)]
    return max(found, key=lambda s: s.until, default=None)


def _silence(value: Value) -> Silence | None:
    fields = value.fields(("match", "until", "reason"))
    if fields is None:
        return None
    match = get(fields, "match", lambda field: field.matching(_MATCH, _MATCH_RULE))
    until = get(fields, "until", _time)
    reason = get(fields, "reason", Value.text)
    return None if match is None or until is None or reason is None else Silence(match, until, reason)


def _time(value: Value) -> datetime | None:
    text = value.raw(_UNTIL_RULE)
    try:
        return None if text is None else parse_iso(text)
    except (ValueError, OverflowError):
        value.reject(_UNTIL_RULE)
        return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
