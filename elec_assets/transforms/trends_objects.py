"""The objects of Google Trends that are read, as typed structs. Fields that are not named here are ignored.

Drift is expected: what nothing needs may be absent or null. What a table stands on (`default`, the list in it, a
point's time and values) must be there, else an answer without data would pass for an empty one.
"""

from typing import Annotated

from msgspec import Meta, Raw, Struct

Index = Annotated[int, Meta(ge=0, le=100)]
Growth = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Restricted(Struct, rename="camel"):
    """One keyword as Google took it: type BROAD for terms, and its text or mid."""

    value: str
    type: str | None = None


class Restriction(Struct, rename="camel"):
    """The keywords of one comparison item; several where a term has the form `a + b`."""

    keyword: list[Restricted]


class ComparisonItem(Struct, rename="camel"):
    """One of the things compared, and where; maps have the place beside the items."""

    complex_keywords_restriction: Restriction
    geo: dict[str, str] | None = None
    time: str | None = None


class RequestOptions(Struct, rename="camel"):
    """Kind of search and category."""

    property: str | None = None
    category: int | None = None


class UserConfig(Struct, rename="camel"):
    """What Google takes the asker for."""

    user_type: str | None = None


class WidgetRequest(Struct, rename="camel"):
    """The request that an explore call made for one widget; lines and maps compare, related lists restrict."""

    time: str | None = None
    resolution: str | None = None
    geo: dict[str, str] | None = None
    comparison_item: list[ComparisonItem] | None = None
    restriction: ComparisonItem | None = None
    keyword_type: str | None = None
    data_mode: str | None = None
    request_options: RequestOptions | None = None
    user_config: UserConfig | None = None


class Widget(Struct, rename="camel"):
    """One widget of an explore answer; those of text alone have neither request nor token."""

    id: str | None = None
    token: str | None = None
    request: Raw = Raw(b"null")


class ExploreAnswer(Struct, rename="camel"):
    """An explore answer; each widget as received."""

    widgets: list[Raw]


class TimelinePoint(Struct, rename="camel"):
    """A point of time: epoch seconds as text, and for each keyword a value, Google's mark and text."""

    time: Annotated[str, Meta(pattern=r"\A[0-9]{1,11}\Z")] | Annotated[int, Meta(ge=0, le=99_999_999_999)]
    value: list[Index]
    has_data: list[bool] | None = None
    formatted_value: list[str] | None = None
    is_partial: bool | None = None


class TimelineData(Struct, rename="camel"):
    """The points."""

    timeline_data: list[TimelinePoint]


class TimelineAnswer(Struct, rename="camel"):
    """Body of the timeline endpoint."""

    default: TimelineData


class Coordinates(Struct, rename="camel"):
    """Where a city is, degrees."""

    lat: float
    lng: float


class Region(Struct, rename="camel"):
    """A region: a code or coordinates, and for each keyword a value, Google's mark and text."""

    value: list[Index]
    geo_code: str | None = None
    geo_name: str | None = None
    coordinates: Coordinates | None = None
    has_data: list[bool] | None = None
    formatted_value: list[str] | None = None


class RegionData(Struct, rename="camel"):
    """The regions."""

    geo_map_data: list[Region]


class RegionAnswer(Struct, rename="camel"):
    """Body of the regions endpoint."""

    default: RegionData


class Topic(Struct, rename="camel"):
    """A topic: id, name, kind of thing."""

    mid: str | None = None
    title: str | None = None
    type: str | None = None


class Ranked(Struct, rename="camel"):
    """An entry of a related list; `has_data` is absent in rising lists."""

    value: Growth
    query: str | None = None
    topic: Topic | None = None
    formatted_value: str | None = None
    has_data: bool | None = None
    link: str | None = None


class RankedList(Struct, rename="camel"):
    """One list; the first is top, the second rising."""

    ranked_keyword: list[Ranked]


class RelatedData(Struct, rename="camel"):
    """Both lists; none at all is what Google answered over quota (since 2024-08-20)."""

    ranked_list: list[RankedList]


class RelatedAnswer(Struct, rename="camel"):
    """Body of the related endpoint, for topics and queries."""

    default: RelatedData
