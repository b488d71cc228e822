"""Pictures of Google Trends: well-formed, small, the same for the same rows, and true."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from elec_assets.transforms.charts_trends import calibrated_curves, interest_curves, region_bars

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
DRAWN: list[tuple[Callable[[pl.DataFrame], str], pl.DataFrame]] = [
    (interest_curves, INTEREST),
    (calibrated_curves, CALIBRATED),
    (region_bars, REGIONS),
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
