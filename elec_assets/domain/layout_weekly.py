"""Keys of weekly files, parsed back: with `layout.py`, the only module that knows their place."""

import re

_FILE = re.compile(r"(?P<election>[^/]+)/weekly/(?P<product>.+)/(?P<week>\d{4}_\d{2})\.parquet", re.ASCII)


def weekly_files(election: str, product: str) -> str:
    """Prefix of all weekly files of a product."""
    return f"{election}/weekly/{product}/"


def parse_weekly(key: str) -> str | None:
    """The week (`2027_05`) of a weekly Parquet file by its key; None if the key is not one of such a file."""
    match = _FILE.fullmatch(key)
    return None if match is None else match["week"]
