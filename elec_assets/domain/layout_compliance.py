"""Object keys of what was taken out, built and parsed back: with `layout.py`, the only module that writes a path.

Everything goes by the day folder of raw objects: a batch or a search page and its tombstones share a day.
"""

import re
from datetime import UTC, datetime

from elec_assets.domain.layout import parse_search_page
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.windows import Grain, Window, window_at

_FIRST_YEAR = 1000  # strftime pads no year before
_DAY = re.compile(
    r"(?P<election>[^/]+)/data/compliance/twitter/(?P<day>\d{8})/(?P<name>tombstones|todo|held)\.(?:json|json\.gz|gz)",
    re.ASCII,
)


def compliance(election: str) -> str:
    """Prefix of all that compliance keeps of an election."""
    return f"{election}/data/compliance/twitter/"


def tombstones_day(election: str, day: Window) -> str:
    """What was taken out of the raw objects of a day, as fingerprints."""
    return f"{_folder(election, day)}/tombstones.json.gz"


def todo_day(election: str, day: Window) -> str:
    """What is still to be made again because of a day's tombstones; there only until it is done."""
    return f"{_folder(election, day)}/todo.json"


def held_day(election: str, day: Window) -> str:
    """Which posts the raw objects of a day hold: made from them, and may be deleted at any time."""
    return f"{_folder(election, day)}/held.gz"


def parse_compliance_day(key: str) -> tuple[str, Window] | None:
    """Name (`tombstones`, `todo` or `held`) and day of an object of a day by its key; None if it is not one."""
    match = _DAY.fullmatch(key)
    day = None if match is None else _time(match["day"])
    return None if match is None or day is None else (match["name"], window_at(day, Grain.DAY))


def compliance_job(election: str) -> str:
    """The job that runs at X for an election; there only while it does."""
    return f"{compliance(election)}job.json"


def compliance_table(election: str) -> str:
    """The table of how much was taken out, as CSV."""
    return f"{election}/data/tables/compliance.csv"


def forgotten() -> str:
    """Whose posts are never kept, in any election, as fingerprints."""
    return "state/forgotten.json"


def raw_posts(election: str) -> tuple[str, str]:
    """Prefixes of the raw objects that hold posts: batches with their journals, search pages with their sidecars."""
    return f"{election}/data/raw/twitter/", f"{election}/data/raw/twitter_search/"


def raw_day(key: str) -> Window | None:
    """The day folder that the body of a batch or of a search page lies in; None of any other object."""
    hour = raw_hour(key)
    return None if hour is None else window_at(hour.start, Grain.DAY)


def raw_hour(key: str) -> Window | None:
    """The hour that the body of a batch or of a search page is of by its key; None of any other object."""
    batch = parse_batch(key)
    if batch is not None:
        return window_at(batch.slot, Grain.HOUR) if key == batch.body else None
    page = parse_search_page(key)
    return window_at(page.hour, Grain.HOUR) if page is not None and key == page.body else None


def _folder(election: str, day: Window) -> str:
    return f"{compliance(election)}{day.start:%Y%m%d}"


def _time(digits: str) -> datetime | None:
    try:
        moment = datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:  # digits that are no day, such as month 13
        return None
    return moment if moment.year >= _FIRST_YEAR else None
