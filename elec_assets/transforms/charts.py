"""Small SVG pictures for the UI and the README: a week of coverage, a week of volume. Pure, same input same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
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
# Where the planned time of an hour comes from; what is missing has the colour of its outcome.
CAPTURED, FILLED = COLOURS[Outcome.OK], "#56B4E9"
_CELL, _LEFT, _TOP = 18, 44, 22
# Names a line of the legend: all eleven do not fit beside each other.
_LEGEND_LINE = 5
_FONT = 'font-family="sans-serif" font-size="10" fill="#333"'


@dataclass(frozen=True, slots=True)
class HourCell:
    """An hour of the picture: its outcome, and the seconds that were captured, filled and missed."""

    start: datetime
    outcome: Outcome
    captured_s: float = 0.0
    filled_s: float = 0.0
    missed_s: float = 0.0


def coverage_week(week: Window, hours: Sequence[HourCell]) -> str:
    """A week as 7 rows of 24 cells: of each hour, from the top, what was captured, filled and missed.

    Missed time, and hours of which nothing was covered or nothing came, have the colour of their outcome. A cell's
    title says it in words.
    """
    width, height = _LEFT + 24 * _CELL + 10, _TOP + 7 * _CELL + 50
    parts = [_open(width, height, f"Coverage of the week of {week.start:%Y-%m-%d}")]
    parts += [_text(_LEFT + h * _CELL + 2, 14, f"{h:02d}") for h in range(0, 24, 3)]
    parts += [_text(2, _TOP + d * _CELL + 13, f"{week.start + timedelta(days=d):%a %d}") for d in range(7)]
    for hour in hours:
        x = _LEFT + hour.start.hour * _CELL
        y = _TOP + (hour.start - week.start).days * _CELL
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" fill="{COLOURS[hour.outcome]}"'
            f' stroke="#999" stroke-width="0.5"><title>{_words(hour)}</title></rect>'
        )
        parts += _covered(hour, x, y)
    parts += _legend(_shown(hours), height - 30)
    return "".join([*parts, "</svg>"])


def _words(hour: HourCell) -> str:
    told = (("captured", hour.captured_s), ("filled by search", hour.filled_s), ("missed", hour.missed_s))
    parts = [f"{seconds / 60:.1f} min {name}" for name, seconds in told if seconds]
    return ", ".join([f"{hour.start:%a %d %b %H:00} UTC: {hour.outcome}", *parts])


def _covered(hour: HourCell, x: float, y: float) -> list[str]:
    """The covered part of a cell, over its outcome's colour; nothing for an hour in which nothing came."""
    planned = hour.captured_s + hour.filled_s + hour.missed_s
    if not planned or hour.outcome is Outcome.EMPTY:
        return []
    parts = []
    for seconds, colour in ((hour.captured_s, CAPTURED), (hour.filled_s, FILLED)):
        tall = round(seconds / planned * (_CELL - 2), 1)
        if tall:
            parts.append(
                f'<rect x="{x}" y="{round(y, 1)}" width="{_CELL - 2}" height="{tall}" fill="{colour}" '
                'pointer-events="none"/>'
            )
        y += tall
    return parts


def _shown(hours: Sequence[HourCell]) -> list[tuple[str, str]]:
    """What the legend names: captured and filled where there is any, and outcomes other than ok."""
    drawn = [hour for hour in hours if hour.outcome is not Outcome.EMPTY]
    parts = [("captured", CAPTURED)] if any(hour.captured_s for hour in drawn) else []
    parts += [("filled by search", FILLED)] if any(hour.filled_s for hour in drawn) else []
    return parts + [(outcome.value, COLOURS[outcome]) for outcome in Outcome if _has(hours, outcome)]


def _has(hours: Sequence[HourCell], outcome: Outcome) -> bool:
    """Whether an hour shows the colour of an outcome: a covered one does not."""
    return any(hour.outcome is outcome and (outcome is not Outcome.OK or not _covered(hour, 0, 0)) for hour in hours)


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


def _legend(entries: Sequence[tuple[str, str]], y: int) -> list[str]:
    """Names with their colours, side by side."""
    parts = []
    x = _LEFT
    for number, (name, colour) in enumerate(entries):
        if number and number % _LEGEND_LINE == 0:
            x, y = _LEFT, y + 14
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}" stroke="#999"/>')
        parts.append(_text(x + 14, y, name))
        x += 26 + 6 * len(name)
    return parts
