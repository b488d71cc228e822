"""What an answer of Google Trends says, after all checks: points, regions, ranked entries, or that there is nothing.

Zero, "less than 1" and "no data" are three things: see `Level`. Nothing is taken for empty unless Google said so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from elec_assets.domain.trends import Endpoint, Shape
from elec_assets.transforms.trends_documents import RawTrendsDocument
from elec_assets.transforms.trends_explore import TrendsUnreadable, parse_answer
from elec_assets.transforms.trends_objects import Ranked, Region, RegionAnswer, RelatedAnswer, TimelineAnswer

BREAKOUT = "Breakout"
LISTS = ("top", "rising")
_GROWTH = re.compile(r"([+-]?)([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})%", re.ASCII)


class Verdict(StrEnum):
    """What an answer is worth. Only `ok` and `empty` are what was asked for."""

    OK = "ok"
    EMPTY = "empty"  # Google has nothing to tell: a list without entries
    ABSENT = "absent"  # the explore call offered no such widget
    OVER_QUOTA = "over_quota"  # Google says so in the widget
    NO_LISTS = "no_lists"  # neither top nor rising: seen over quota (2024-08), perhaps not only then


class Level(StrEnum):
    """What a value says."""

    VALUE = "value"
    BELOW_ONE = "below_one"
    ZERO = "zero"
    NO_DATA = "no_data"


class Scale(StrEnum):
    """What the values of a map are relative to."""

    INDEX = "index_0_100"
    SHARE = "share_within_region"


def level(value: int, has_data: bool | None, formatted: str | None) -> Level | None:
    """What a value says; None for a 0 that Google left without its mark and without `<1`."""
    if value:
        return Level.VALUE
    if has_data is False:
        return Level.NO_DATA
    if formatted is not None and formatted.startswith("<"):
        return Level.BELOW_ONE
    return Level.ZERO if has_data else None


class Cell(NamedTuple):
    """One value, with Google's mark and text. `value` is None where there is no data."""

    value: int | None
    has_data: bool | None
    formatted: str | None
    level: Level | None


@dataclass(frozen=True, slots=True)
class Point:
    """A point of time (epoch seconds), with one cell a keyword."""

    epoch_s: int
    is_partial: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A region, with one cell a keyword."""

    region: Region
    cells: tuple[Cell, ...]


def judge(document: RawTrendsDocument) -> Verdict:
    """What an answer is worth: to be asked before it is stored.

    Raises:
        TrendsUnreadable: it is not what was asked for, or cannot be read; all of it is looked at.
    """
    if document.absent:
        return Verdict.ABSENT
    if document.over_quota:
        return Verdict.OVER_QUOTA
    if document.endpoint is Endpoint.TIMELINE:
        return Verdict.OK if points(document) else Verdict.EMPTY
    if document.endpoint is Endpoint.REGIONS:
        return Verdict.OK if places(document) else Verdict.EMPTY
    lists = ranked(document)
    if not lists:
        return Verdict.NO_LISTS
    return Verdict.OK if any(lists.values()) else Verdict.EMPTY


def points(document: RawTrendsDocument) -> list[Point]:
    """The points of a timeline, in the order of time.

    Raises:
        TrendsUnreadable: as `judge`.
    """
    what = _checked(document, Endpoint.TIMELINE)
    read: dict[int, Point] = {}
    for index, found in enumerate(parse_answer(document.body, TimelineAnswer, what).default.timeline_data):
        where = f"{what}: timelineData[{index}]"
        epoch_s = int(found.time)
        if epoch_s in read:
            raise TrendsUnreadable(f"{where}: time {epoch_s} stands twice")
        cells = _cells(where, document, found.value, found.has_data, found.formatted_value)
        read[epoch_s] = Point(epoch_s, bool(found.is_partial), cells)
    return [point for _, point in sorted(read.items())]


def places(document: RawTrendsDocument) -> list[Place]:
    """The regions of a map, in Google's order.

    Raises:
        TrendsUnreadable: as `judge`.
    """
    what = _checked(document, Endpoint.REGIONS)
    return [
        _place(f"{what}: geoMapData[{index}]", document, region)
        for index, region in enumerate(parse_answer(document.body, RegionAnswer, what).default.geo_map_data)
    ]


def _place(where: str, document: RawTrendsDocument, region: Region) -> Place:
    if (region.geo_code or region.geo_name) is None and region.coordinates is None:
        raise TrendsUnreadable(f"{where}: has no place")
    return Place(region, _cells(where, document, region.value, region.has_data, region.formatted_value))


def scale_of(document: RawTrendsDocument) -> Scale:
    """What the values of a map are relative to: the widget was checked to be of the kind that the request asks for."""
    return Scale.INDEX if document.request.shape is Shape.SINGLE else Scale.SHARE


def ranked(document: RawTrendsDocument) -> dict[str, list[Ranked]]:
    """The entries by list, `top` and `rising`; no list at all where Google sent none.

    Raises:
        TrendsUnreadable: as `judge`; also for entries that have no topic, or no query.
    """
    what = _checked(document, document.endpoint)
    if document.endpoint not in (Endpoint.TOPICS, Endpoint.QUERIES):
        raise TrendsUnreadable(f"{what}: has no ranked lists")
    lists = parse_answer(document.body, RelatedAnswer, what).default.ranked_list
    if lists and len(lists) != len(LISTS):
        raise TrendsUnreadable(f"{what}: rankedList has {len(lists)} lists; expected {' and '.join(LISTS)}")
    for index, found in enumerate(lists):
        for place, entry in enumerate(found.ranked_keyword):
            if not _named(entry, document.endpoint):
                raise TrendsUnreadable(f"{what}: rankedList[{index}].rankedKeyword[{place}]: has no name")
    return {name: found.ranked_keyword for name, found in zip(LISTS, lists, strict=False)}


def _named(entry: Ranked, endpoint: Endpoint) -> bool:
    if endpoint is Endpoint.QUERIES:
        return entry.query is not None
    return entry.topic is not None and (entry.topic.mid or entry.topic.title) is not None


def growth_pct(formatted: str | None) -> int | None:
    """Growth in percent from `+400%` or `+1,250%`; None for a breakout, or any other text."""
    match = _GROWTH.fullmatch(formatted or "")
    return None if match is None else int(match[1] + match[2].replace(",", ""))


def cell(value: int, has_data: bool | None, formatted: str | None) -> Cell:
    """One value as tables have it: null where there is no data."""
    found = level(value, has_data, formatted)
    return Cell(None if found is Level.NO_DATA else value, has_data, formatted, found)


def _checked(document: RawTrendsDocument, endpoint: Endpoint) -> str:
    """How messages name a document that is proven to answer its request."""
    what = f"request {document.request.request_id}, {document.endpoint}"
    if document.endpoint is not endpoint:
        raise TrendsUnreadable(f"{what}: is no answer of {endpoint}")
    document.read_widget()
    return what


def _cells(
    where: str,
    document: RawTrendsDocument,
    values: Sequence[int],
    has_data: Sequence[bool] | None,
    formatted: Sequence[str] | None,
) -> tuple[Cell, ...]:
    count = len(document.request.keywords)
    marks = [None] * count if has_data is None else has_data
    texts = [None] * count if formatted is None else formatted
    for name, found in (("value", values), ("hasData", marks), ("formattedValue", texts)):
        if len(found) != count:
            raise TrendsUnreadable(f"{where}.{name}: {len(found)} entries for {count} keywords")
    return tuple(cell(*each) for each in zip(values, marks, texts, strict=True))
