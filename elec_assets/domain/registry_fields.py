"""Reading one field of the registry: text, number, date, local time, duration, list, mapping.

Every reader returns None for a value it cannot take, after noting why; so one pass finds all that is wrong.
To add a kind of value, add a method to `Value`; what the fields of an election mean stands in the modules above.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from typing import TypeVar

from elec_assets.domain.registry_problems import Problems, child_path
from elec_assets.domain.registry_tree import Mapping, Node, Scalar, Sequence

T = TypeVar("T")
FIRST_YEAR, LAST_YEAR = 2006, 2099  # X began in 2006; past 2099 a date is a slip of the pen
KEY = re.compile(r"[a-z][a-z0-9_]*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?))?")
_DURATION = re.compile(r"(?:([0-9]{1,5})h)?(?:([0-9]{1,5})min)?(?:([0-9]{1,5})s)?")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the file: its node, its path (`elections.fr_2027.calendar`), and where to note what is wrong."""

    node: Node
    path: str
    problems: Problems

    @property
    def shown(self) -> str:
        """The value as messages show it: short, on one line."""
        if not isinstance(self.node, Scalar):
            return "a list" if isinstance(self.node, Sequence) else "a mapping"
        if self.node.kind == "null":
            return "nothing"
        plain = self.node.kind != "text" and self.node.text.isprintable()
        return self.node.text[:40] if plain else repr(self.node.text[:40])

    def wrong(self, message: str) -> None:
        """Note what is wrong with this value, unless its text was refused before."""
        if not (isinstance(self.node, Scalar) and self.node.kind == "refused"):
            self.problems.add(self.node.line, self.path, message)

    def reject(self, allowed: str) -> None:
        """Note that the value is not one of those allowed."""
        self.wrong(f"{self.shown} is not allowed; use {allowed}")

    def raw(self, allowed: str) -> str | None:
        """The text of a scalar, stripped, whatever it looks like."""
        if isinstance(self.node, Scalar) and self.node.kind not in ("null", "refused"):
            return self.node.text.strip()
        self.reject(allowed)
        return None

    def text(self) -> str | None:
        """Text of one line, not empty, without control characters."""
        text = self.raw("text")
        if text is None:
            return None
        if not text:
            self.wrong("is empty; write some text")
            return None
        for character in text:
            if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
                self.wrong(f"holds the control character U+{ord(character):04X}; write text on one line")
                return None
        return text

    def search_text(self) -> str | None:
        """Text that X can search as a phrase: no double quotes."""
        text = self.text()
        if text is not None and '"' in text:
            self.wrong(f"{self.shown} holds double quotes, which X cannot search; leave them out")
            return None
        return text

    def matching(self, pattern: re.Pattern[str], allowed: str) -> str | None:
        """Text that a pattern matches whole."""
        text = self.raw(allowed)
        if text is None or pattern.fullmatch(text):
            return text
        self.reject(allowed)
        return None

    def integer(self, allowed: str) -> int | None:
        """A whole number (quoted ones are text)."""
        if isinstance(self.node, Scalar) and self.node.kind == "int" and _INTEGER.fullmatch(self.node.text):
            return int(self.node.text)
        self.reject(allowed)
        return None

    def boolean(self) -> bool | None:
        """True or false."""
        if isinstance(self.node, Scalar) and self.node.kind == "bool" and self.node.text.lower() in _TRUE + _FALSE:
            return self.node.text.lower() in _TRUE
        self.reject("true or false")
        return None

    def day(self) -> date | None:
        """A date `2027-04-11`."""
        text = self.matching(_DATE, "a date such as 2027-04-11")
        return None if text is None else self._date(text)

    def local_time(self, zone: tzinfo) -> datetime | None:
        """A time `2027-04-10 20:00` or a date (its first moment) of a time zone, as UTC.

        Of an hour that comes twice in autumn the first is meant; an hour that spring leaves out is a problem.
        """
        text = self.matching(_LOCAL_TIME, "a local date or time such as 2027-04-10 or '2027-04-10 20:00'")
        match = None if text is None else _LOCAL_TIME.fullmatch(text)
        day = None if match is None else self._date(match[1])
        if match is None or day is None:
            return None
        if match[2] is None:
            return datetime.combine(day, time(), zone).astimezone(UTC)
        try:
            local = datetime.combine(day, time.fromisoformat(match[2]), zone)
        except ValueError:
            self.reject("a time of day from 00:00 to 23:59")
            return None
        moment = local.astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            self.wrong(f"{self.shown} does not exist in {zone}: the clocks go forward over it")
            return None
        return moment

    def duration(self) -> timedelta | None:
        """A length of time such as `3h`, `10min`, `60s`, `1h30min`."""
        text = self.matching(_DURATION, "a duration such as 3h, 10min or 60s")
        match = None if text is None else _DURATION.fullmatch(text)
        if match is None:
            return None
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if length:
            return length
        self.reject("a duration longer than nothing, such as 3h, 10min or 60s")
        return None

    def items(self, allowed: str) -> list["Value"]:
        """The values of a list; none, with a problem, where it is not a list."""
        if not isinstance(self.node, Sequence):
            self.reject(allowed)
            return []
        nodes = enumerate(self.node.items)
        return [Value(node, f"{self.path}[{index}]", self.problems) for index, node in nodes]

    def some_items(self, allowed: str) -> list["Value"]:
        """The values of a list that must hold one; none, with a problem, where it does not."""
        items = self.items(allowed)
        if not items and isinstance(self.node, Sequence):
            self.wrong(f"an empty list is not allowed; use {allowed}")
        return items

    def entries(self, allowed: str = "a mapping") -> dict[str, "Value"] | None:
        """The values of a mapping of any keys; None, with a problem, where it is not a mapping."""
        if isinstance(self.node, Mapping):
            return {key: self.child(key, node) for key, node in self.node.entries.items()}
        self.reject(allowed)
        return None

    def child(self, key: str, node: Node) -> "Value":
        """The value of a key."""
        return Value(node, child_path(self.path, key), self.problems)

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, "Value"] | None:
        """The values of a mapping of known keys; those left empty are absent. Notes unknown and missing keys.

        None, with a problem, where it is not a mapping.
        """
        known = required + optional
        if not isinstance(self.node, Mapping):
            self.reject(f"a mapping with the keys {', '.join(known)}")
            return None
        fields: dict[str, Value] = {}
        for key, node in self.node.entries.items():
            if key not in known:
                self._unknown(key, self.node.lines[key], known)
            elif not (isinstance(node, Scalar) and node.kind == "null"):
                fields[key] = self.child(key, node)
        for key in required:
            if key not in fields:
                line = self.node.lines.get(key, self.node.line)
                self.problems.add(line, child_path(self.path, key), "is missing; it is required")
        return fields

    def _unknown(self, key: str, line: int, known: tuple[str, ...]) -> None:
        near = get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(known)}"
        self.problems.add(line, child_path(self.path, key), f"is not a known key; {hint}")

    def _date(self, text: str) -> date | None:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self.wrong(f"{self.shown} is not in the calendar; use a date such as 2027-04-11")
            return None
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
        self.reject(f"a date from {FIRST_YEAR} to {LAST_YEAR}")
        return None


def get(fields: dict[str, Value], key: str, read: Callable[[Value], T | None]) -> T | None:
    """The field read, or None where it is absent or wrong."""
    return read(fields[key]) if key in fields else None


def unique(values: list[Value], read: Callable[[Value], str | None]) -> tuple[str, ...]:
    """The texts of a list in its order; one that comes twice, whatever its case, is a problem."""
    texts: dict[str, str] = {}
    for value in values:
        text = read(value)
        if text is None:
            continue
        if text.casefold() in texts:
            value.wrong(f"{value.shown} is written twice; write it once")
        texts.setdefault(text.casefold(), text)
    return tuple(texts.values())
