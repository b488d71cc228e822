"""A picture of incidents for the UI: what was open, muted and over in the last days. Pure, same input same bytes."""

from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from elec_assets.domain.windows import DAY, Grain, floor, iso
from elec_assets.transforms.alert_state import Incident, Severity, State
from elec_assets.transforms.alert_texts import length

SHOWN = timedelta(days=7)
MOST = 30
"""How many incidents are drawn; those that are left out are counted."""
# Distinguishable also without colour vision (Okabe-Ito).
COLOURS = {Severity.CRITICAL: "#D55E00", Severity.WARNING: "#E69F00"}
MUTED = "#999999"
_LEFT, _WIDTH, _ROW, _TOP, _LEGEND = 300, 560, 16, 24, 24
_FONT = 'font-family="sans-serif" font-size="10" fill="#333"'
_NAME = 46


def shown(state: State, now: datetime) -> list[Incident]:
    """The incidents of the last days: those that are open first, then the latest; no pending ones."""
    past = [i for i in (*state.over, *state.past) if i.ended_at is None or i.ended_at > now - SHOWN]
    firing = [i for i in state.incidents.values() if i.fired_at is not None]
    return [
        *sorted(firing, key=lambda i: (-i.severity.rank, bool(i.muted), i.condition.since, i.condition.key)),
        *sorted(past, key=lambda i: (i.ended_at or now, i.condition.key), reverse=True),
    ]


def phase(incident: Incident) -> str:
    """`open`, `muted` (open, and not told), `over`, or `over, muted` (never told)."""
    if incident.ended_at is None or incident.misses < 1:
        return "muted" if incident.muted else "open"
    return "over" if incident.announced_at is not None or not incident.muted else "over, muted"


def timeline(state: State, now: datetime) -> str:
    """One bar an incident, from its beginning to its end or to now; grey where it was not told."""
    incidents = shown(state, now)
    drawn = incidents[:MOST]
    height = _TOP + _ROW * max(1, len(drawn)) + _LEGEND + (14 if len(incidents) > MOST else 0)
    width = _LEFT + _WIDTH + 10
    start = now - SHOWN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<title>Incidents of the week to {iso(now.replace(microsecond=0))}</title>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *_days(start, now, height - _LEGEND),
        *(part for row, incident in enumerate(drawn) for part in _bar(incident, row, start, now)),
    ]
    if not drawn:
        parts.append(_text(2, _TOP + 12, "nothing was wrong"))
    if len(incidents) > MOST:
        parts.append(_text(2, height - _LEGEND - 2, f"and {len(incidents) - MOST} more"))
    parts += _legend(height - 8)
    return "".join([*parts, "</svg>"])


def _days(start: datetime, now: datetime, floor_y: int) -> list[str]:
    parts = []
    day = floor(start, Grain.DAY) + DAY
    while day <= now:
        x = _x(day, start, now)
        parts.append(f'<line x1="{x}" y1="{_TOP - 4}" x2="{x}" y2="{floor_y}" stroke="#ddd"/>')
        parts.append(_text(x + 2, 14, f"{day:%a %d}"))
        day += DAY
    return parts


def _bar(incident: Incident, row: int, start: datetime, now: datetime) -> list[str]:
    condition, y = incident.condition, _TOP + row * _ROW
    end = now if incident.ended_at is None else incident.ended_at
    left, right = _x(max(condition.since, start), start, now), _x(end, start, now)
    muted = phase(incident) in ("muted", "over, muted")
    colour = MUTED if muted else COLOURS[incident.loudest]
    over = "" if incident.ended_at is None else f" until {iso(end.replace(microsecond=0))}"
    words = (
        f"#{incident.id} {condition.key}: {condition.wrong}, {phase(incident)}, {incident.loudest}, since "
        f"{iso(condition.since.replace(microsecond=0))}{over}, {length(end - condition.since)}"
        + (f" ({incident.muted})" if incident.muted else "")
    )
    return [
        _text(2, y + 11, _short(condition.key)),
        f'<rect x="{left}" y="{y + 2}" width="{max(2.0, round(right - left, 1))}" height="{_ROW - 5}" fill="{colour}"'
        f' fill-opacity="{1 if incident.ended_at is None else 0.55}"><title>{escape(words)}</title></rect>',
    ]


def _legend(y: int) -> list[str]:
    parts, x = [], 2
    for name, colour in (("critical", COLOURS[Severity.CRITICAL]), ("warning", COLOURS[Severity.WARNING])):
        parts += [f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>', _text(x + 14, y, name)]
        x += 70
    parts += [f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{MUTED}"/>', _text(x + 14, y, "not told")]
    return [*parts, _text(x + 80, y, "pale: over")]


def _x(moment: datetime, start: datetime, now: datetime) -> float:
    share = (moment - start) / (now - start)
    return round(_LEFT + min(1.0, max(0.0, share)) * _WIDTH, 1)


def _short(key: str) -> str:
    return key if len(key) <= _NAME else f"{key[: _NAME // 2 - 1]}..{key[len(key) - _NAME // 2 + 1 :]}"


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}" {_FONT}>{escape(text)}</text>'
