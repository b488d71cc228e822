"""French regions in Google's maps: a crosswalk of old and new codes, and the codes that nobody knows.

Tables keep codes as Google returns them. `fr_regions.csv` leads from the 22 regions before 2016-01-01 (ISO 3166-2
codes FR-A to FR-V) to the 13 after (law 2015-29 of 2015-01-16; ISO 3166-2:FR). ISO wrote FR-COR for Corsica before
FR-20R: both are known.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import polars as pl

FRANCE = "FR"
REGION = "REGION"
_SAME = {"FR-COR": "FR-20R"}


@dataclass(frozen=True, slots=True)
class OldRegion:
    """A region before 2016, and the one that it is part of now."""

    old_code: str
    old_name: str
    new_code: str
    new_name: str


@cache
def crosswalk() -> tuple[OldRegion, ...]:
    """All 22 old regions, by code."""
    text = files(__package__).joinpath("fr_regions.csv").read_text(encoding="utf-8")
    return tuple(OldRegion(**row) for row in csv.DictReader(text.splitlines()))


def new_code(code: str) -> str | None:
    """The code after 2016 of a French region, whichever was given; None for a code that is neither old nor new."""
    new = {region.old_code: region.new_code for region in crosswalk()}
    if code in new:
        return new[code]
    code = _SAME.get(code, code)
    return code if code in new.values() else None


def unknown_codes(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes that are of no French region known here, sorted, each once."""
    return tuple(sorted({code for code in codes if new_code(code) is None}))


def unknown_regions(frame: pl.DataFrame) -> tuple[str, ...]:
    """Unknown codes of French regions in rows of `interest_by_region`; other countries and levels are passed over."""
    french = frame.filter((pl.col("geo") == FRANCE) & (pl.col("geo_level") == REGION))
    return unknown_codes(french.get_column("geo_code").drop_nulls().to_list())
