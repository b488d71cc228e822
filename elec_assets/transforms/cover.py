"""Pictures of a release, drawn from its data: the cover of 560 x 280, and coverage week by week.

SVG; same data, same bytes. Kaggle takes covers as PNG only: whoever stages turns the cover into one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

import polars as pl

from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.tables import DAILY_SUMMARY
from elec_assets.transforms.charts import CAPTURED, COLOURS, FILLED
from elec_assets.transforms.frames import empty

WIDTH, HEIGHT = 560, 280
_MARGIN, _TOP, _BOTTOM = 24, 98, 214
# Two rows of names, three in each.
_LINES, _IN_ROW, _NAME = 5, 3, 24
_DAYS, _LEAST_COVERED = 366, 0.9
_PICTURE = 376
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


def cover(title: str, subtitle: str, daily: pl.DataFrame, names: Mapping[str, str] | None = None) -> str:
    """The cover: estimated posts a day of the candidates with the most, each a line; gaps where days are not covered.

    Args:
        title: of the dataset.
        subtitle: one line.
        daily: rows of `daily_summary`, of any elections; the last year of them is drawn.
        names: name of a candidate by key, for the legend; keys stand for themselves.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<title>{escape(title)}</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f'<rect width="{WIDTH}" height="6" fill="{_PALETTE[0]}"/>',
        _text(_MARGIN, 42, title, _fitting(title, 26), bold=True),
        _text(_MARGIN, 65, subtitle, _fitting(subtitle, 14)),
        f'<line x1="{_MARGIN}" y1="{_BOTTOM}" x2="{WIDTH - _MARGIN}" y2="{_BOTTOM}" stroke="#999"/>',
    ]
    known = _last_year(daily) if daily.height else empty(DAILY_SUMMARY)
    keys = _most(known)
    parts += _plot(known, keys)
    parts += _legend([(names or {}).get(key, key) for key in keys])
    return "".join([*parts, "</svg>"])


def _last_year(daily: pl.DataFrame) -> pl.DataFrame:
    """One row a day and candidate; an election of years ago would press the newest into a corner."""
    # The sum of a few covered hours would be drawn as silence (an outage, and the running day, 2026-11).
    known = daily.filter(pl.col("originals_estimate").is_not_null() & (pl.col("originals_coverage") >= _LEAST_COVERED))
    shown = known.filter(pl.col("day") > pl.col("day").max() - pl.duration(days=_DAYS))
    return shown.group_by("day", "candidate").agg(pl.col("originals_estimate").sum()).sort("day", "candidate")


def _plot(known: pl.DataFrame, keys: Sequence[str]) -> list[str]:
    drawn = known.filter(pl.col("candidate").is_in(keys))
    days: list[datetime] = drawn["day"].to_list()
    if not days:
        return []
    first, last = days[0], days[-1]
    span, top = max((last - first).days, 1), max(drawn["originals_estimate"].to_list()) or 1.0
    parts = [
        f'<line x1="{_MARGIN}" y1="{_TOP}" x2="{WIDTH - _MARGIN}" y2="{_TOP}" stroke="#ddd"/>',
        _text(_MARGIN, _TOP - 5, f"{top:,.0f} posts a day, estimated, without retweets", 10),
        _text(_MARGIN, _BOTTOM + 15, f"{first:%Y-%m-%d}", 11),
        _text(WIDTH - _MARGIN, _BOTTOM + 15, f"{last:%Y-%m-%d}", 11, anchor="end"),
    ]
    for key, colour in zip(keys, _PALETTE, strict=False):
        rows = drawn.filter(pl.col("candidate") == key)
        points = [((day - first).days, float(n)) for day, n in rows.select("day", "originals_estimate").rows()]
        parts += [_line(piece, span, top, colour) for piece in _pieces(points)]
    return parts


def _fitting(text: str, size: int) -> float:
    """The font size at which a text fits the width: a letter of DejaVu Sans is 0.6 of it wide, a few are more."""
    return min(float(size), round((WIDTH - 2 * _MARGIN) / (0.6 * max(len(text), 1)), 1))


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
    wide = (WIDTH - 2 * _MARGIN) // _IN_ROW
    for number, (name, colour) in enumerate(zip(names, _PALETTE, strict=False)):
        x, y = _MARGIN + number % _IN_ROW * wide, _BOTTOM + 41 + number // _IN_ROW * 16
        shown = name if len(name) <= _NAME else f"{name[: _NAME - 1].rstrip()}\u2026"
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, y, shown, 11))
    return parts


def coverage_weeks(election: str, weeks: Sequence[WeekCoverage]) -> str:
    """Weeks of posts as bars: from below what was captured, filled and missed of the planned time."""
    tall, left, top = 90, 44, 24
    # Few weeks are drawn wider: the title needs the room.
    wide = max(14, min(36, _PICTURE // max(len(weeks), 1)))
    width, height = left + max(wide * len(weeks), _PICTURE) + 10, top + tall + 48
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
        span = dict.fromkeys([weeks[0].week, weeks[-1].week])
        parts.append(_text(left, top + tall + 14, " to ".join(span), 10))
    for number, (name, colour) in enumerate(
        (("captured", CAPTURED), ("filled by search", FILLED), ("missed", _MISSED))
    ):
        x = left + (0, 76, 180)[number]
        parts.append(f'<rect x="{x}" y="{height - 17}" width="10" height="10" fill="{colour}" stroke="#999"/>')
        parts.append(_text(x + 14, height - 8, name, 10))
    return "".join([*parts, "</svg>"])


def _text(x: float, y: float, text: str, size: float, *, bold: bool = False, anchor: str = "start") -> str:
    # The packaged font has one weight: bold is a line around the letters.
    weight = ' stroke="#333" stroke-width="0.6"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="{size}" text-anchor="{anchor}" fill="#333"{weight}>'
        f"{escape(text)}</text>"
    )
