"""Pictures of a release, drawn from its data: the cover of 560 x 280, and coverage week by week.

SVG; same data, same bytes. Kaggle takes covers as PNG only: whoever stages turns the cover into one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

import polars as pl

from elec_assets.domain.outcomes import Outcome
from elec_assets.transforms.charts import CAPTURED, COLOURS, FILLED

WIDTH, HEIGHT = 560, 280
_MARGIN, _TOP, _BOTTOM = 24, 96, 232
_LINES = 5
# Okabe-Ito, on white; distinguishable without colour vision.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_MISSED = COLOURS[Outcome.NOT_RUN]
_GAP_DAYS = 1


@dataclass(frozen=True, slots=True)
class WeekCoverage:
    """Hours of a week of posts (`2027_05`): planned, captured live, filled by search and missed."""

    week: str
    planned_h: float
    captured_h: float
    filled_h: float
    missed_h: float

    @property
    def covered(self) -> float:
        """Covered part of the planned time, 0 to 1; 1 where nothing was planned."""
        return 1 - self.missed_h / self.planned_h if self.planned_h else 1.0


def cover(title: str, subtitle: str, daily: pl.DataFrame) -> str:
    """The cover: estimated posts a day of the candidates with the most, each a line; gaps where nothing is known.

    Args:
        title: of the dataset.
        subtitle: one line.
        daily: rows of `daily_summary`.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(_MARGIN, 44, title, 26, "bold"),
        _text(_MARGIN, 70, subtitle, 14),
        f'<line x1="{_MARGIN}" y1="{_BOTTOM}" x2="{WIDTH - _MARGIN}" y2="{_BOTTOM}" stroke="#999"/>',
    ]
    known = daily.filter(pl.col("originals_estimate").is_not_null())
    names = _most(known)
    if known.height:
        first, last = known["day"].min(), known["day"].max()
        top = float(known.filter(pl.col("candidate").is_in(names))["originals_estimate"].max() or 0) or 1.0  # type: ignore[arg-type]  # polars types it as any literal
        if isinstance(first, datetime) and isinstance(last, datetime):
            span = max((last - first).days, 1)
            for name, colour in zip(names, _PALETTE, strict=False):
                rows = known.filter(pl.col("candidate") == name).sort("day")
                points = [((day - first).days, float(n)) for day, n in rows.select("day", "originals_estimate").rows()]
                parts += [_line(piece, span, top, colour) for piece in _pieces(points)]
            parts += [_text(_MARGIN, 250, f"{first:%Y-%m-%d}", 11), _text(WIDTH - 88, 250, f"{last:%Y-%m-%d}", 11)]
    parts += _legend(names)
    return "".join([*parts, "</svg>"])


def _most(known: pl.DataFrame) -> list[str]:
    sums = known.group_by("candidate").agg(pl.col("originals_estimate").sum())
    ranked = sums.sort(["originals_estimate", "candidate"], descending=[True, False])
    return [str(name) for name in ranked["candidate"].head(_LINES)]


def _pieces(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """The points in runs of days without a gap."""
    pieces: list[list[tuple[int, float]]] = []
    for point in points:
        if pieces and point[0] - pieces[-1][-1][0] <= _GAP_DAYS:
            pieces[-1].append(point)
        else:
            pieces.append([point])
    return pieces


def _line(points: Sequence[tuple[int, float]], span: int, top: float, colour: str) -> str:
    def place(day: int, number: float) -> str:
        x = _MARGIN + day / span * (WIDTH - 2 * _MARGIN)
        return f"{x:.1f},{_BOTTOM - number / top * (_BOTTOM - _TOP):.1f}"

    drawn = " ".join(place(*point) for point in [*points, *(points if len(points) == 1 else [])])
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2" stroke-linecap="round"/>'


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for number, (name, colour) in enumerate(zip(names, _PALETTE, strict=False)):
        x = _MARGIN + number * 104
        parts.append(f'<rect x="{x}" y="260" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 14, 269, name[:14], 11))
    return parts


def coverage_weeks(election: str, weeks: Sequence[WeekCoverage]) -> str:
    """Weeks of posts as bars: from below what was captured, filled and missed of the planned time."""
    wide, tall, left, top = 14, 90, 44, 24
    width, height = left + wide * max(len(weeks), 16) + 10, top + tall + 48
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<title>{escape(election)}</title><rect width="{width}" height="{height}" fill="#fff"/>',
        _text(2, 14, f"{election}: planned time of posts covered, by week", 11),
        _text(2, top + 8, "100 %", 10),
        _text(2, top + tall, "0", 10),
    ]
    for number, week in enumerate(weeks):
        y = float(top + tall)
        for hours, colour in ((week.captured_h, CAPTURED), (week.filled_h, FILLED), (week.missed_h, _MISSED)):
            high = round(hours / week.planned_h * tall, 1) if week.planned_h else 0.0
            y = round(y - high, 1)
            if high:
                told = f"{week.week}: {week.covered:.1%} covered"
                parts.append(
                    f'<rect x="{left + number * wide}" y="{y}" width="{wide - 2}" height="{high}" fill="{colour}">'
                    f"<title>{told}</title></rect>"
                )
    if weeks:
        parts.append(_text(left, top + tall + 14, f"{weeks[0].week} to {weeks[-1].week}", 10))
    for number, (name, colour) in enumerate(
        (("captured", CAPTURED), ("filled by search", FILLED), ("missed", _MISSED))
    ):
        x = left + (0, 76, 180)[number]
        parts.append(f'<rect x="{x}" y="{height - 17}" width="10" height="10" fill="{colour}" stroke="#999"/>')
        parts.append(_text(x + 14, height - 8, name, 10))
    return "".join([*parts, "</svg>"])


def _text(x: float, y: float, text: str, size: int, weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}" font-weight="{weight}" fill="#333">'
        f"{escape(text)}</text>"
    )
