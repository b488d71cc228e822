"""Pictures of Google Trends: well-formed, small, the same for the same rows, and true."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from elec_assets.transforms.charts_trends import calibrated_curves, interest_curves, region_bars, related_bars

START = datetime(2027, 2, 1, tzinfo=UTC)
NAMES = [f"candidate{number:02}" for number in range(40)]
MINUTES = [START + timedelta(minutes=8 * n) for n in range(180)]
INTEREST = pl.DataFrame(
    {
        "request_id": [f"{at // 3:016x}" for at in range(0, 40, 5) for _ in MINUTES for _ in range(5)],
        "candidate_id": [name for at in range(0, 40, 5) for _ in MINUTES for name in NAMES[at : at + 5]],
        "ts": [moment for _ in range(0, 40, 5) for moment in MINUTES for _ in range(5)],
        "value": [n % 101 for n in range(40 * len(MINUTES))],
    }
)
CALIBRATED = pl.DataFrame(
    {
        "candidate_id": [name for name in NAMES for _ in MINUTES],
        "ts": [moment for _ in NAMES for moment in MINUTES],
        "rel_index": [100.0 / (number + 1) if number < 30 else None for number in range(40) for _ in MINUTES],
    }
)
REGIONS = pl.DataFrame(
    {
        "candidate_id": [name for name in NAMES for _ in range(22)],
        "rank": [rank for _ in NAMES for rank in range(1, 23)],
        "geo_code": [f"FR-{rank}" for _ in NAMES for rank in range(1, 23)],
        "geo_name": [f"<Region> & {rank}" for _ in NAMES for rank in range(1, 23)],
        "value": [100 - rank for _ in NAMES for rank in range(1, 23)],
    }
)
RELATED = pl.DataFrame(
    {
        "candidate_id": [name for name in NAMES for _ in range(50)],
        "list": ["top" if n < 25 else "rising" for _ in NAMES for n in range(50)],
        "is_breakout": [n > 45 for _ in NAMES for n in range(50)],
        "query": [f"what people typed {n}" for _ in NAMES for n in range(50)],
        "value": [n for _ in NAMES for n in range(50)],
    }
)
DRAWN: list[tuple[Callable[[pl.DataFrame], str], pl.DataFrame]] = [
    (interest_curves, INTEREST),
    (calibrated_curves, CALIBRATED),
    (region_bars, REGIONS),
    (related_bars, RELATED),
]


@pytest.mark.parametrize(("draw", "frame"), DRAWN)
def test_forty_candidates_make_a_small_picture(draw: Callable[[pl.DataFrame], str], frame: pl.DataFrame) -> None:
    svg = draw(frame)
    ET.fromstring(svg)  # noqa: S314 - our own
    assert len(svg) < 16_000
    assert draw(frame.reverse().sort("candidate_id", maintain_order=True)) == svg
    assert "of 40 candidates" in svg or "4 of 8 comparisons" in svg


@pytest.mark.parametrize(("draw", "frame"), DRAWN)
def test_without_rows_or_values_a_picture_says_so_or_is_empty(
    draw: Callable[[pl.DataFrame], str], frame: pl.DataFrame
) -> None:
    ET.fromstring(draw(frame.head(0)))  # noqa: S314 - our own
    column = "rel_index" if "rel_index" in frame.columns else "value"
    ET.fromstring(draw(frame.with_columns(pl.lit(None, dtype=frame.schema[column]).alias(column))))  # noqa: S314


def test_the_largest_candidates_are_drawn_and_those_too_small_to_see_are_not() -> None:
    svg = calibrated_curves(CALIBRATED)
    assert all(name in svg for name in NAMES[:8])
    assert not any(name in svg for name in NAMES[30:])


def test_a_line_breaks_off_where_there_is_no_data() -> None:
    """A week with two points looked like a straight line of interest between them (2026-11)."""
    one = INTEREST.filter(pl.col("candidate_id") == NAMES[0]).head(60)
    gone = pl.int_range(pl.len()).is_between(20, 39)
    broken = one.with_columns(value=pl.when(gone).then(None).otherwise("value"))
    assert (interest_curves(one).count("h1"), interest_curves(broken).count("h1")) == (1, 2)


def test_who_was_asked_about_and_has_no_data_is_named_beside_the_others() -> None:
    asked = INTEREST.filter(pl.col("request_id") == INTEREST["request_id"][0])
    silent = pl.col("candidate_id") == NAMES[1]
    svg = interest_curves(asked.with_columns(value=pl.when(silent).then(None).otherwise("value")))
    assert f">{NAMES[1]}: no data<" in svg
    assert svg.count("no data") == 1


def test_related_lists_are_counted_and_nothing_that_was_typed_is_shown() -> None:
    svg = related_bars(RELATED)
    assert svg.count(">25 + 21 + 4<") == len(NAMES)
    assert "typed" not in svg


def test_names_are_cut_where_they_would_leave_the_picture() -> None:
    long = REGIONS.with_columns(geo_name=pl.lit("Saint Vincent and the Grenadines"))
    assert ">Saint Vincent and the Gre\u2026<" in region_bars(long)
    assert ">Provence-Alpes-C\u00f4te d'Azur<" in region_bars(
        REGIONS.with_columns(geo_name=pl.lit("Provence-Alpes-C\u00f4te d'Azur"))
    )
