"""Small SVG pictures of Google Trends for the UI: curves over time, bars of regions and lists.

Pure, same input same bytes. What people typed is in none of them: the event log keeps every picture.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import log10
from xml.sax.saxutils import escape

import polars as pl

# Okabe-Ito and black: told apart also without colour vision. More curves than these would not be. Grey stands for its
# yellow, which nobody reads on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
_TOP_COLOUR, _RISING_COLOUR, _BREAKOUT_COLOUR = "#56B4E9", "#E69F00", "#D55E00"
_POINTS = 60
"""Points of a curve at most: more are not seen at this width, and the event log keeps every picture."""
_WIDTH, _HEIGHT, _LEFT, _TOP, _NAMES = 300, 96, 34, 22, 130
_PANELS = 4
_DECADES = 3
_BARS = 6
_NAMED = 40
_REGION = 26
"""Letters of a region's name that fit: `Provence-Alpes-Côte d'Azur`."""
_FONT = 'font-family="sans-serif" font-size="10" fill="#333"'
Curve = Sequence[tuple[int, datetime, float]]
"""Points with their numbers in time: between two that are not neighbours there was no data."""


def interest_curves(frame: pl.DataFrame) -> str:
    """Rows of `interest_over_time`: a panel for each of up to 4 comparisons, chosen to show most candidates.

    Values compare within a panel only.
    """
    comparisons = {
        str(request): sorted(group["candidate_id"].unique().to_list())
        for (request,), group in frame.group_by("request_id")
    }
    chosen = _covering(comparisons)
    title = f"Interest over time: {len(chosen)} of {len(comparisons)} comparisons, each on its own scale of 0 to 100"
    drawn = []
    for number, request in enumerate(chosen):
        curves = _curves(frame.filter(pl.col("request_id") == request), "value")
        silent = [name for name in comparisons[request] if name not in curves]
        drawn.append(_panel(curves, 0.0, 100.0, number, silent=silent))
    return _svg(len(chosen), title, drawn)


def calibrated_curves(frame: pl.DataFrame) -> str:
    """Rows of `calibrated_interest` of one area and cadence: the largest candidates on one logarithmic scale."""
    means = frame.group_by("candidate_id").agg(pl.col("rel_index").mean()).drop_nulls("rel_index")
    largest = means.sort(["rel_index", "candidate_id"], descending=[True, False]).head(len(_COLOURS))
    names = largest["candidate_id"].to_list()
    told = frame.filter((pl.col("candidate_id").is_in(names)) & (pl.col("rel_index") > 0))
    found = _curves(told.with_columns(pl.col("rel_index").log10().clip(lower_bound=2 - _DECADES)), "rel_index")
    curves = {name: found[name] for name in names if name in found}
    total = frame["candidate_id"].n_unique()
    title = f"Calibrated interest, {len(curves)} of {total} candidates, one logarithmic scale (100 is the peak)"
    lowest = f"\u2264 {10.0 ** (2 - _DECADES):g}"
    return _svg(1, title, [_panel(curves, 2.0 - _DECADES, log10(100), 0, scale=(lowest, "100"))])


def region_bars(frame: pl.DataFrame) -> str:
    """Rows of `interest_by_region`: for up to 4 candidates the regions where they are searched for most."""
    told = frame.filter(pl.col("value") > 0)
    counts = told.group_by("candidate_id").len().sort(["len", "candidate_id"], descending=[True, False])
    names = counts["candidate_id"].head(_PANELS).to_list()
    total = frame["candidate_id"].n_unique()
    title = f"Interest by region, {len(names)} of {total} candidates, each on its own scale of 0 to 100"
    drawn = [_bars(told.filter(pl.col("candidate_id") == name), name, number) for number, name in enumerate(names)]
    return _svg(len(names), title, drawn)


def related_bars(frame: pl.DataFrame) -> str:
    """Rows of `related_topics` or `related_queries`: how many each candidate has in top, rising and breakout.

    Counts alone: a query, and the title of a topic, may name anyone.
    """
    breakout = pl.col("is_breakout").fill_null(value=False)
    rising = pl.col("list") == "rising"
    counts = (
        frame.group_by("candidate_id")
        .agg(
            top=(pl.col("list") == "top").sum(),
            rising=(rising & ~breakout).sum(),
            breakout=(rising & breakout).sum(),
        )
        .sort("candidate_id")
        .head(_NAMED)
    )
    total = frame["candidate_id"].n_unique()
    title = f"Related lists, {counts.height} of {total} candidates: entries in top, in rising, and breakouts"
    rows = counts.iter_rows()
    height = _TOP + 24 + counts.height * 14
    return _framed(height, title, [_stacks([(str(name), top, up, burst) for name, top, up, burst in rows])])


def _stacks(rows: Sequence[tuple[str, int, int, int]]) -> Iterator[str]:
    longest = max((sum(counts) for _, *counts in rows), default=0) or 1
    legend = (("top", _TOP_COLOUR), ("rising", _RISING_COLOUR), ("breakout", _BREAKOUT_COLOUR))
    for place, (word, colour) in enumerate(legend):
        yield f'<rect x="{_LEFT + place * 70}" y="{_TOP}" width="10" height="10" fill="{colour}"/>'
        yield _text(_LEFT + place * 70 + 14, _TOP + 9, word)
    for place, (name, *counts) in enumerate(rows):
        y = _TOP + 18 + place * 14
        yield _text(_LEFT, y + 9, _cut(name, 20))
        x = float(_LEFT + _NAMES)
        for count, (_, colour) in zip(counts, legend, strict=True):
            width = count / longest * 220
            if count:
                yield f'<rect x="{x:.0f}" y="{y}" width="{width:.0f}" height="10" fill="{colour}"/>'
            x += width
        yield _text(x + 4, y + 9, " + ".join(map(str, counts)))


def _covering(comparisons: dict[str, list[str]]) -> list[str]:
    """Requests that together show most candidates, one after the other; equal ones by their ids."""
    chosen: list[str] = []
    shown: set[str] = set()
    left = sorted(comparisons)
    while left and len(chosen) < _PANELS:
        best = max(left, key=lambda request: len(set(comparisons[request]) - shown))
        if chosen and not set(comparisons[best]) - shown:
            break
        chosen.append(best)
        shown |= set(comparisons[best])
        left.remove(best)
    return chosen


def _curves(frame: pl.DataFrame, column: str) -> Mapping[str, Curve]:
    """Points by candidate, at most `_POINTS` each: means of neighbours."""
    moments = frame["ts"].unique().sort()
    step = max(1, -(-len(moments) // _POINTS))
    bins = pl.DataFrame({"ts": moments}).with_columns(at=pl.int_range(pl.len()) // step)
    told = frame.select("candidate_id", "ts", pl.col(column).alias("value")).drop_nulls("value").join(bins, on="ts")
    thinned = told.group_by("candidate_id", "at").agg(pl.col("ts").min(), pl.col("value").mean())
    found: dict[str, list[tuple[int, datetime, float]]] = {}
    for name, at, moment, value in thinned.sort("candidate_id", "at").iter_rows():
        found.setdefault(name, []).append((at, moment, value))
    return found


def _panel(
    curves: Mapping[str, Curve],
    low: float,
    high: float,
    number: int,
    *,
    scale: tuple[str, str] = ("0", "100"),
    silent: Sequence[str] = (),
) -> Iterator[str]:
    top = _TOP + number * (_HEIGHT + 20)
    moments = [moment for curve in curves.values() for _, moment, _ in curve]
    yield _text(2, top + 8, scale[1])
    yield _text(2, top + _HEIGHT, scale[0])
    yield f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#ccc"/>'
    for place, name in enumerate(silent, start=len(curves)):
        yield _text(_LEFT + _WIDTH + 6, top + 9 + place * 12, f"{_cut(name, 14)}: no data")
    if not moments:
        yield _text(_LEFT + 8, top + _HEIGHT / 2, "no data")
        return
    first, last = min(moments), max(moments)
    span = (last - first).total_seconds() or 1.0
    for place, (name, curve) in enumerate(curves.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = [
            (
                at,
                f"{_LEFT + (moment - first).total_seconds() / span * _WIDTH:.0f},"
                f"{top + (1 - (value - low) / (high - low)) * _HEIGHT:.0f}",
            )
            for at, moment, value in curve
        ]
        yield f'<path d="{_line(points)}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linecap="round"/>'
        yield _text(_LEFT + _WIDTH + 6, top + 9 + place * 12, _cut(name, 22), colour)
    yield _text(_LEFT, top + _HEIGHT + 12, f"{first:%Y-%m-%d %H:%M}")
    yield _text(_LEFT + _WIDTH - 86, top + _HEIGHT + 12, f"{last:%Y-%m-%d %H:%M}")


def _line(points: Sequence[tuple[int, str]]) -> str:
    """A path through neighbours; where points are missing it breaks off, and one alone is a dot."""
    parts: list[str] = []
    for place, (at, point) in enumerate(points):
        joined = place > 0 and points[place - 1][0] == at - 1
        parts.append(f"L{point}" if joined else f"M{point}h1")
    return "".join(parts)


def _bars(frame: pl.DataFrame, name: str, number: int) -> Iterator[str]:
    top = _TOP + number * (_HEIGHT + 20)
    yield _text(_LEFT, top + 8, name, weight="bold")
    best = frame.sort(["value", "rank"], descending=[True, False]).head(_BARS)
    rows = best.select("geo_code", "geo_name", "value").iter_rows()
    for place, (code, region, value) in enumerate(rows):
        y = top + 14 + place * 14
        yield _text(_LEFT, y + 9, _cut(str(region or code or ""), _REGION))
        yield f'<rect x="{_LEFT + _NAMES}" y="{y}" width="{value * 1.7:.0f}" height="10" fill="#0072B2"/>'
        yield _text(_LEFT + _NAMES + value * 1.7 + 4, y + 9, str(value))


def _svg(panels: int, title: str, drawn: Iterable[Iterable[str]]) -> str:
    return _framed(_TOP + max(panels, 1) * (_HEIGHT + 20), title, drawn)


def _framed(height: int, title: str, drawn: Iterable[Iterable[str]]) -> str:
    width = _LEFT + _WIDTH + _NAMES
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<title>{escape(title)}</title><rect width="{width}" height="{height}" fill="#fff"/>{_text(2, 14, title)}'
    )
    return "".join([head, *(part for panel in drawn for part in panel), "</svg>"])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def _text(x: float, y: float, text: str, colour: str = "#333", weight: str = "") -> str:
    font = _FONT.replace("#333", colour) + (f' font-weight="{weight}"' if weight else "")
    return f'<text x="{x:.0f}" y="{y:.0f}" {font}>{escape(text)}</text>'
