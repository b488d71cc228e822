"""Object keys of Google Trends, built and parsed back: with `layout.py`, the only module that writes a path.

A partition's name inside its day folder is the hour `13`, or the key of the day or week, as for coverage rows.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from elec_assets.domain import layout
from elec_assets.domain.trends import SOURCE, Cadence, Endpoint, block_of, partition_of_block
from elec_assets.domain.windows import Grain, Window, floor, key_of, year_week

_AREA = r"(?P<area>[a-z][a-z0-9_]*)"
_WINDOW = r"(?P<window>hourly|daily|weekly)"
_PLACE = r"(?P<day>\d{8})/(?P<name>\d{2}|\d{4}-\d{2}-\d{2})"
_RAW = re.compile(
    rf"(?P<election>[^/]+)/data/raw/{SOURCE}/{_AREA}/{_WINDOW}/{_PLACE}/(?P<request>[0-9a-f]{{16}})"
    r"_(?P<endpoint>timeline|regions|topics|queries)\.json\.gz",
    re.ASCII,
)
_TABLE = re.compile(
    rf"(?P<election>[^/]+)/data/tables/{SOURCE}/{_AREA}/{_WINDOW}/(?P<table>[a-z][a-z_]*)/{_PLACE}\.parquet", re.ASCII
)
_COVERAGE = re.compile(rf"(?P<election>[^/]+)/data/coverage/{SOURCE}/{_AREA}/{_WINDOW}/{_PLACE}\.json", re.ASCII)
_WEEKLY = re.compile(
    rf"(?P<election>[^/]+)/weekly/{SOURCE}/(?P<table>[a-z][a-z_]*?)(?P<samples>_samples)?"
    r"/(?P<year>\d{4})_(?P<week>\d{2})\.(?P<suffix>csv\.gz|parquet)",
    re.ASCII,
)


def partition_name(window: Window, cadence: Cadence) -> str:
    """How a partition is called inside its day folder."""
    return f"{window.start:%H}" if cadence is Cadence.HOURLY else key_of(window, cadence.grain)


@dataclass(frozen=True, slots=True)
class TrendsPlace:
    """A partition of Google Trends: election, area, cadence, and the partition's window."""

    election: str
    area: str
    cadence: Cadence
    window: Window

    @property
    def block(self) -> "TrendsPlace":
        """The partition that the raw documents stand under: the first hour of the block, else this one."""
        grain = self.cadence.grain
        stored = partition_of_block(block_of(self.window, grain), grain)
        return TrendsPlace(self.election, self.area, self.cadence, stored)

    @property
    def documents(self) -> str:
        """Prefix of the raw documents of this partition, which an hour shares with its block."""
        return f"{self.election}/data/raw/{SOURCE}/{self.block._path()}/"

    @property
    def ladder(self) -> str:
        """What was decided before the first request of the block: which candidates, in which order; create-only."""
        return f"{self.documents}ladder.json"

    @property
    def coverage(self) -> str:
        """The coverage row: one object for all candidates and tables of the partition."""
        return layout.coverage_row(
            self.election, f"{SOURCE}/{self.area}/{self.cadence}", self.window, self.cadence.grain
        )

    def document(self, request_id: str, endpoint: Endpoint) -> str:
        """The raw document of one request and endpoint."""
        return f"{self.documents}{request_id}_{endpoint}.json.gz"

    def table(self, table: str) -> str:
        """A table of the partition: one of the five, or `requests`."""
        folder = f"{self.election}/data/tables/{SOURCE}/{self.area}/{self.cadence}/{table}"
        return f"{folder}/{self.window.start:%Y%m%d}/{partition_name(self.window, self.cadence)}.parquet"

    def _path(self) -> str:
        name = partition_name(self.window, self.cadence)
        return f"{self.area}/{self.cadence}/{self.window.start:%Y%m%d}/{name}"


@dataclass(frozen=True, slots=True)
class TrendsDocumentKey:
    """What the key of a raw document says; `place` is the partition it is stored under."""

    place: TrendsPlace
    request_id: str
    endpoint: Endpoint


def parse_document(key: str) -> TrendsDocumentKey | None:
    """The document that a key names; None if the key is not one of a raw document."""
    match = _RAW.fullmatch(key)
    place = None if match is None else _place(match)
    if match is None or place is None or place != place.block:
        return None
    return TrendsDocumentKey(place, match["request"], Endpoint(match["endpoint"]))


def parse_table(key: str) -> tuple[TrendsPlace, str] | None:
    """The partition and table that a key names; None if the key is not one of a Trends table."""
    match = _TABLE.fullmatch(key)
    place = None if match is None else _place(match)
    return None if match is None or place is None else (place, match["table"])


def parse_coverage(key: str) -> TrendsPlace | None:
    """The partition whose coverage row a key names; None if it names none."""
    match = _COVERAGE.fullmatch(key)
    return None if match is None else _place(match)


def weekly(election: str, table: str, week: Window, suffix: str = "csv.gz", *, samples: bool = False) -> str:
    """The weekly file of a table: the latest sample, or with `samples` all of them."""
    return layout.weekly(election, f"{SOURCE}/{table}{'_samples' if samples else ''}", week, suffix)


@dataclass(frozen=True, slots=True)
class TrendsWeekly:
    """What the key of a weekly file says."""

    election: str
    table: str
    week: Window
    suffix: str
    samples: bool


def parse_weekly(key: str) -> TrendsWeekly | None:
    """The weekly file that a key names; None if the key is not one of them."""
    match = _WEEKLY.fullmatch(key)
    if match is None:
        return None
    try:
        monday = datetime.fromisocalendar(int(match["year"]), int(match["week"]), 1).replace(tzinfo=UTC)
        week = Window(monday, monday + Grain.WEEK.length)
    except (ValueError, OverflowError):  # no such week, or past the last year
        return None
    if year_week(week) != f"{match['year']}_{match['week']}":
        return None
    return TrendsWeekly(match["election"], match["table"], week, match["suffix"], match["samples"] is not None)


def ladder_state(election: str, area: str, cadence: Cadence) -> str:
    """The latest estimates of an area and cadence: the order of the next ladder."""
    return f"state/{SOURCE}/ladder/{election}/{area}_{cadence}.json"


def governor() -> str:
    """Pace, cool-down and requests counted, shared by all processes of a host."""
    return f"state/{SOURCE}/governor.json"


def cookies() -> str:
    """The cookie that Google gave."""
    return f"state/{SOURCE}/cookies.json"


def source() -> str:
    """Whose answers the store holds: Google's or a sandbox's."""
    return f"state/{SOURCE}/source.json"


def loan() -> str:
    """To which invocation of a Lambda the right to ask is lent, and until when; there while one may be at work."""
    return f"state/{SOURCE}/loan.json"


def lent(invocation: str, name: str) -> str:
    """What an invocation writes of its own: `governor` and `cookies` as it leaves them, and what it `asked`."""
    return f"state/{SOURCE}/lent/{invocation}/{name}.json"


def _place(match: re.Match[str]) -> TrendsPlace | None:
    cadence = Cadence(match["window"])
    name = match["name"]
    try:
        day = datetime.strptime(match["day"], "%Y%m%d").replace(tzinfo=UTC)
        start = day.replace(hour=int(name)) if cadence is Cadence.HOURLY else day
        window = Window(start, start + cadence.grain.length)
    except (ValueError, OverflowError):  # digits that are no time, such as hour 25
        return None
    place = TrendsPlace(match["election"], match["area"], cadence, window)
    fits = floor(start, cadence.grain) == start and partition_name(window, cadence) == name
    return place if fits else None
