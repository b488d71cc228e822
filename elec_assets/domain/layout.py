"""Every object key of the store, built and parsed back. No other module writes a path.

Day folders are `YYYYMMDD`, as the 2021 collector and every watcher of it expect.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from elec_assets.domain.windows import Grain, Window, key_of, year_week

_STAMP = "%Y%m%dT%H%M%S"
_FIRST_YEAR = 1000  # strftime pads no year before
_SEARCH_PAGE = re.compile(
    r"(?P<election>[^/]+)/data/raw/twitter_search/(?P<day>\d{8})/(?P=day)_(?P<hour>\d{2})"
    r"_(?P<asked>\d{8}T\d{9}Z)_(?P<query>[0-9a-f]{8})_(?P<page>\d{4})\.(?P<suffix>json\.gz|meta\.json)",
    re.ASCII,
)
_COUNTS = re.compile(
    r"(?P<election>[^/]+)/data/raw/twitter_counts/(?P<day>\d{8})/(?P=day)"
    r"_(?P<asked>\d{8}T\d{9}Z)_(?P<query>[0-9a-f]{8})\.json\.gz",
    re.ASCII,
)
_ADMISSION = re.compile(r"state/registry/history/(?P<number>\d{6})\.json", re.ASCII)


def _day(window: Window) -> str:
    return f"{window.start:%Y%m%d}"


@dataclass(frozen=True, slots=True, order=True)
class SearchPage:
    """Key of one page of a search answer: its hour, asked when (ms), which query (8 hex of sha256), page from 1."""

    election: str
    hour: datetime
    asked_at: datetime
    query: str
    page: int

    @property
    def stem(self) -> str:
        """The key without suffix."""
        folder = f"{self.election}/data/raw/twitter_search/{self.hour:%Y%m%d}"
        return f"{folder}/{self.hour:%Y%m%d_%H}_{_stamp(self.asked_at)}_{self.query}_{self.page:04d}"

    @property
    def body(self) -> str:
        """Key of the answer, as received."""
        return f"{self.stem}.json.gz"

    @property
    def meta(self) -> str:
        """Key of the sidecar: request, status, receive time."""
        return f"{self.stem}.meta.json"


def parse_search_page(key: str) -> SearchPage | None:
    """The page that a body's or sidecar's key names; None if the key is not one of a search page."""
    match = _SEARCH_PAGE.fullmatch(key)
    if match is None:
        return None
    hour, asked_at = _time(match["day"] + match["hour"], "%Y%m%d%H"), _asked(match["asked"])
    if hour is None or asked_at is None:
        return None
    return SearchPage(match["election"], hour, asked_at, match["query"], int(match["page"]))


def search_pages(election: str, hour: Window) -> str:
    """Prefix of all search pages of an hour, bodies and sidecars."""
    return f"{election}/data/raw/twitter_search/{_day(hour)}/{hour.start:%Y%m%d_%H}_"


@dataclass(frozen=True, slots=True, order=True)
class CountsAnswer:
    """Key of what X counted of a day (its start, UTC), asked when (ms), for which query (8 hex of sha256)."""

    election: str
    day: datetime
    asked_at: datetime
    query: str

    @property
    def key(self) -> str:
        """Key of the answer, as received."""
        folder = f"{self.election}/data/raw/twitter_counts/{self.day:%Y%m%d}"
        return f"{folder}/{self.day:%Y%m%d}_{_stamp(self.asked_at)}_{self.query}.json.gz"


def parse_counts_answer(key: str) -> CountsAnswer | None:
    """The answer that a key names; None if the key is not one of counts."""
    match = _COUNTS.fullmatch(key)
    if match is None:
        return None
    day, asked_at = _time(match["day"], "%Y%m%d"), _asked(match["asked"])
    return None if day is None or asked_at is None else CountsAnswer(match[1], day, asked_at, match["query"])


def counts_day(election: str, day: Window) -> str:
    """Prefix of all that X counted of a day."""
    return f"{election}/data/raw/twitter_counts/{_day(day)}/"


def _stamp(moment: datetime) -> str:
    return f"{moment:{_STAMP}}{moment.microsecond // 1000:03d}Z"


def _asked(stamp: str) -> datetime | None:
    seconds = _time(stamp[:15], _STAMP)
    return None if seconds is None else seconds.replace(microsecond=int(stamp[15:18]) * 1000)


def _time(digits: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError:  # digits that are no time, such as hour 25
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def tweets_hour(election: str, hour: Window) -> str:
    """The sealed table of an hour."""
    return f"{election}/data/tables/twitter/{_day(hour)}/{hour.start:%H}.parquet"


def rejects_hour(election: str, hour: Window) -> str:
    """What was received for an hour and could not be read, with reasons."""
    return f"{election}/data/rejects/twitter/{_day(hour)}/{hour.start:%H}.jsonl.gz"


def coverage_row(election: str, source: str, window: Window, grain: Grain) -> str:
    """The coverage row of one partition of a source."""
    name = f"{window.start:%H}" if grain is Grain.HOUR else key_of(window, grain)
    return f"{election}/data/coverage/{source}/{_day(window)}/{name}.json"


def weekly(election: str, product: str, week: Window, suffix: str = "csv.gz") -> str:
    """A weekly file, e.g. product `twitter` -> `fr_presidential_2027/weekly/twitter/2027_05.csv.gz`."""
    return f"{election}/weekly/{product}/{year_week(week)}.{suffix}"


def candidates_table(election: str) -> str:
    """The candidates of an election as CSV."""
    return f"{election}/data/tables/candidates.csv"


def registry_version(version: str) -> str:
    """A version of the registry that was in force, kept for good."""
    return f"state/registry/{version}.json"


def registry_history() -> str:
    """Prefix of the history of the registry: which version came into force after which."""
    return "state/registry/history/"


def registry_admission(number: int) -> str:
    """One version coming into force, numbered from 1: created once, so that of two at once one comes first."""
    return f"{registry_history()}{number:06d}.json"


def parse_registry_admission(key: str) -> int | None:
    """The number of an admission by its key; None if the key is not one of an admission."""
    match = _ADMISSION.fullmatch(key)
    return None if match is None else int(match["number"])


def x_source() -> str:
    """Whose posts the store holds: X's or a sandbox's."""
    return "state/x_source.json"


def spend_ledger(owner: str, month: datetime) -> str:
    """Spend of one month and one writer (`x_search`)."""
    return f"state/spend/{owner}/{month:%Y%m}.json"
