"""The registry's file form: YAML text -> `Registry`, or all that is wrong with it at once, by file, line and field.

`registry_tree.py` and `registry_json.py` turn text into a tree with lines, `registry_fields.py` reads one field,
`registry_calendar.py`, `registry_capture.py`, `registry_trends.py` and `registry_people.py` the parts of an election,
`registry_problems.py` holds what is wrong, `registry_content.py` the content and its version. This module holds the
election itself.
Nothing here opens a file: the caller gives the text and, for `candidates_file`, a way to read another.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import PurePath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from elec_assets.domain.registry import Candidate, CaptureChanges, CapturePlan, Election, Registry, TrendsPlan
from elec_assets.domain.registry_calendar import read_calendar
from elec_assets.domain.registry_capture import read_capture
from elec_assets.domain.registry_content import registry_of
from elec_assets.domain.registry_fields import KEY, Value, get, unique
from elec_assets.domain.registry_people import parse_candidates_json, read_candidates
from elec_assets.domain.registry_problems import Problem, Problems, RegistryInvalid
from elec_assets.domain.registry_tree import yaml_tree
from elec_assets.domain.registry_trends import read_trends

__all__ = [
    "RESERVED_KEYS",
    "Problem",
    "RegistryInvalid",
    "parse_candidates",
    "parse_registry",
]

# Folders and asset prefixes of what spans elections (architecture sections 4 and 5): no election may be named so.
RESERVED_KEYS = ("kaggle", "releases", "state", "watch")
_REQUIRED = ("name", "country", "calendar")
_OPTIONAL = ("candidates", "candidates_file", "timezone", "languages", "areas", "capture", "trends", "release")
_COUNTRY = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_GEO = re.compile(r"(?:[A-Z]{2}(?:-[A-Z0-9]{1,3}){0,2})?")
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*")


def parse_registry(text: str, source: str, read_file: Callable[[str], str]) -> Registry:
    """The registry that a YAML text holds.

    Args:
        text: the text of the file.
        source: what the file is called in messages and in `Registry.source`.
        read_file: gives the text of a `candidates_file`, named as in the registry; may raise OSError or ValueError.

    Raises:
        RegistryInvalid: the text is not a valid registry; holds all problems, this file's first, by line.
    """
    reading = _Reading(source, read_file, Problems(source), {})
    tree = yaml_tree(text, reading.problems)
    elections: dict[str, Election] = {}
    if tree is not None:
        elections = reading.elections(Value(tree, "", reading.problems))
    found = reading.problems.ordered() + [p for _, other in sorted(reading.others.items()) for p in other.ordered()]
    if found:
        raise RegistryInvalid(found)
    return registry_of(elections, source)


def parse_candidates(text: str, source: str) -> dict[str, Candidate]:
    """The candidates of a 2021-form JSON file, read alone.

    Raises:
        RegistryInvalid: the text is not such a file; holds all problems, by line.
    """
    problems = Problems(source)
    candidates = parse_candidates_json(text, problems)
    if problems.found:
        raise RegistryInvalid(problems.ordered())
    return candidates


@dataclass(frozen=True, slots=True)
class _Reading:
    """One pass over a registry. `others` holds the problems of candidates files, by name."""

    source: str
    read_file: Callable[[str], str]
    problems: Problems
    others: dict[str, Problems]

    def elections(self, root: Value) -> dict[str, Election]:
        top = root.fields(required=("elections",))
        entries = get(top or {}, "elections", lambda value: value.entries("a mapping of elections"))
        if entries is None:
            return {}
        if not entries:
            (top or {})["elections"].wrong("holds no election; write at least one")
        read = {key: self.election(key, value) for key, value in entries.items()}
        return {key: election for key, election in read.items() if election is not None}

    def election(self, key: str, value: Value) -> Election | None:
        if not KEY.fullmatch(key):
            value.wrong("is not a key; use small letters, digits and _, a letter first")
        if key in RESERVED_KEYS:
            value.wrong(f"is a reserved key; use any but {', '.join(RESERVED_KEYS)}")
        fields = value.fields(_REQUIRED, _OPTIONAL)
        if fields is None:
            return None
        zone = get(fields, "timezone", _zone) or UTC
        name = get(fields, "name", Value.text)
        country = get(fields, "country", _country)
        calendar = get(fields, "calendar", lambda field: read_calendar(field, zone))
        languages = get(fields, "languages", _languages)
        areas = get(fields, "areas", _areas)
        capture, changes = get(fields, "capture", read_capture) or (CapturePlan(), CaptureChanges())
        candidates = self.candidates(value, fields, zone, languages or ())
        trends = get(fields, "trends", read_trends)
        get(fields, "release", Value.entries)  # gets its meaning with the part of the platform that uses it
        if name is None or country is None or calendar is None:
            return None
        return Election(
            key=key,
            name=name,
            country=country,
            calendar=calendar,
            candidates=candidates,
            timezone=str(zone),
            languages=languages or (),
            areas=areas or {country.lower(): country, "world": ""},
            capture=capture,
            trends=trends or TrendsPlan(),
            capture_changes=changes,
        )

    def candidates(
        self, election: Value, fields: dict[str, Value], zone: tzinfo, languages: tuple[str, ...]
    ) -> dict[str, Candidate]:
        if "candidates_file" in fields and "candidates" in fields:
            fields["candidates_file"].wrong("stands beside candidates; use one of the two")
        if "candidates" in fields:
            return read_candidates(fields["candidates"], zone, languages)
        if "candidates_file" in fields:
            return self.candidates_file(fields["candidates_file"], zone, languages)
        election.wrong("has no candidates; write candidates or candidates_file")
        return {}

    def candidates_file(self, value: Value, zone: tzinfo, languages: tuple[str, ...]) -> dict[str, Candidate]:
        path = value.text()
        if path is None:
            return {}
        try:
            text = self.read_file(path)
        except UnicodeDecodeError:
            value.wrong(f"{value.shown} is not UTF-8 text; save it as UTF-8")
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            value.wrong(f"{value.shown} cannot be read: {cause}")
        else:
            # Named as the operator can open it: candidates_file is relative to the registry.
            named = str(PurePath(self.source).parent / path)
            return parse_candidates_json(text, self.others.setdefault(named, Problems(named)), zone, languages)
        return {}


def _country(value: Value) -> str | None:
    return value.matching(_COUNTRY, "two capital letters (ISO 3166-1), such as FR")


def _zone(value: Value) -> tzinfo | None:
    allowed = "an IANA name such as Europe/Paris"
    name = value.matching(_ZONE, allowed)
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones such as Europe
        value.wrong(f"{value.shown} is not a time zone known on this machine; use {allowed}")
        return None


def _languages(value: Value) -> tuple[str, ...]:
    items = value.items("a list of languages such as [fr, en]")
    return unique(items, lambda item: item.matching(_LANGUAGE, "a language as X writes it, such as fr or en"))


def _areas(value: Value) -> dict[str, str] | None:
    entries = value.entries("a mapping of areas such as {fr: FR, world: ''}")
    if entries is None:
        return None
    if not entries:
        value.wrong("holds no area; write at least one, such as world: ''")
    areas: dict[str, str] = {}
    for name, entry in entries.items():
        if not KEY.fullmatch(name):
            entry.wrong("is not a name of an area; use small letters, digits and _, a letter first")
        geo = entry.matching(_GEO, "a geo of Google Trends such as FR or US-NY, or '' for the world")
        if geo is not None:
            areas[name] = geo
    return areas
