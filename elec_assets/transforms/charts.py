"""Small SVG pictures for the UI and the README: a week of coverage, a week of volume. Pure, same input same bytes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import Window

# Distinguishable also without colour vision (Okabe-Ito); silence (white) and gaps (dark) are never alike.
COLOURS = {
    Outcome.OK: "#009E73",
    Outcome.EMPTY: "#E6F5F0",
    Outcome.PARTIAL: "#F0E442",
    Outcome.THROTTLED: "#E69F00",
    Outcome.REFUSED: "#D55E00",
    Outcome.OVER_BUDGET: "#CC79A7",
    Outcome.ERROR: "#8B0000",
    Outcome.NOT_RUN: "#555555",
    Outcome.NOT_PLANNED: "#DDDDDD",
}
_CELL, _LEFT, _TOP = 18, 44, 22
# Outcomes a line of the legend: all nine do not fit beside each other.
_LEGEND_LINE = 5
_FONT = 'font-family="sans-serif" font-size="10" fill="#333"'


def coverage_week(week: Window, outcomes: Sequence[tuple[datetime, Outcome]]) -> str:
    """A week as 7 rows of 24 cells, coloured by the outcome of each hour; a cell's title names hour and outcome."""
    width, height = _LEFT + 24 * _CELL + 10, _TOP + 7 * _CELL + 50
    parts = [_open(width, height, f"Coverage of the week of {week.start:%Y-%m-%d}")]
    parts += [_text(_LEFT + h * _CELL + 2, 14, f"{h:02d}") for h in range(0, 24, 3)]
    parts += [_text(2, _TOP + d * _CELL + 13, f"{week.start + timedelta(days=d):%a %d}") for d in range(7)]
    for start, outcome in outcomes:
        x = _LEFT + start.hour * _CELL
        y = _TOP + (start - week.start).days * _CELL
        title = f"<title>{start:%a %d %b %H:00} UTC: {outcome}</title>"
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" fill="{COLOURS[outcome]}"'
            f' stroke="#999" stroke-width="0.5">{title}</rect>'
        )
    parts += _legend(sorted({outcome for _, outcome in outcomes}), height - 30)
    return "".join([*parts, "</svg>"])


def hourly_bars(week: Window, counts: Sequence[tuple[datetime, int]]) -> str:
    """Posts an hour over a week as bars; days are marked."""
    width, height, floor = _LEFT + 168 * 3 + 10, 140, 112
    top = max((n for _, n in counts), default=0) or 1
    parts = [_open(width, height, f"Posts an hour, week of {week.start:%Y-%m-%d}"), _text(2, 18, str(top))]
    parts.append(_text(2, floor, "0"))
    for start, count in counts:
        hour = int((start - week.start).total_seconds() // 3600)
        tall = round(count / top * (floor - 10), 1)
        parts.append(
            f'<rect x="{_LEFT + hour * 3}" y="{floor - tall}" width="2.4" height="{tall}" fill="#0072B2">'
            f"<title>{start:%a %d %b %H:00} UTC: {count}</title></rect>"
        )
    parts += [_text(_LEFT + d * 72, floor + 14, f"{week.start + timedelta(days=d):%a %d}") for d in range(7)]
    return "".join([*parts, "</svg>"])


def _open(width: int, height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<title>{escape(title)}</title><rect width="{width}" height="{height}" fill="#fff"/>'
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}" {_FONT}>{escape(text)}</text>'


def _legend(outcomes: Sequence[Outcome], y: int) -> list[str]:
    parts = []
    x = _LEFT
    for number, outcome in enumerate(outcomes):
        if number == _LEGEND_LINE:
            x, y = _LEFT, y + 16
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{COLOURS[outcome]}" stroke="#999"/>')
        parts.append(_text(x + 14, y, outcome.value))
        x += 26 + 6 * len(outcome.value)
    return parts
