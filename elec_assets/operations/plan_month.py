"""The month ahead: how long is listened in which phase and around events, and what that costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from elec_assets.capture.wanted import LEAD_MS, STAY_MS
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import MARGIN_MS
from elec_assets.domain.registry import Election
from elec_assets.domain.rules import query_limit, search_queries
from elec_assets.domain.windows import DAY, Grain, Window, floor, iso, split
from elec_assets.operations.plan_volume import Rates
from elec_assets.operations.report import columns
from elec_assets.settings import Settings

DAYS = 30
# The part of planned time that search fills beside a running capture, where nothing was measured: half an hour a day.
_FILLED = 0.02


@dataclass(frozen=True, slots=True)
class PhaseAhead:
    """The part of the month in one phase; the hours that an event raises are a part of their own (`event`)."""

    phase: str
    event: bool
    start: str
    end: str
    hours: int
    planned_hours: float


@dataclass(frozen=True, slots=True)
class CostAhead:
    """What the month costs at a number of posts an hour.

    `capture_*` is the stream, listened to as planned; `fill_*` searches for the planned time that it does not bring.
    `*_usd_posts` counts posts alone; `*_usd_most` the author of each, and a post with author that it refers to.
    """

    posts_an_hour: float
    originals_an_hour: float | None
    retweets_an_hour: float | None
    capture_posts: int
    capture_usd_posts: float
    capture_usd_most: float
    fill_posts: int
    fill_usd_posts: float
    fill_usd_most: float


@dataclass(frozen=True, slots=True)
class MonthAhead:
    """The next 30 days of an election, or those to the end of its collection. Times are UTC.

    `listened_hours` is how long posts of the election arrive: the planned time of all elections, which share one
    connection, with the seconds to connect before and to prove after. `filled_share` is the part of planned time that
    searches are counted for. `audit_usd` is what X's counts cost, which captured days are held against: a request for
    each query and day.
    """

    start: str
    end: str
    planned_hours: float
    listened_hours: float
    filled_share: float
    phases: tuple[PhaseAhead, ...]
    costs: tuple[CostAhead, ...]
    audit_usd: float


def months_ahead(
    settings: Settings, elections: Sequence[Election], rates: Sequence[Sequence[Rates]], now: datetime
) -> tuple[MonthAhead, ...]:
    """The month of each election; `rates` are the volumes to show for each. All must collect at some time of it."""
    connected = _connected(elections, now)
    return tuple(_month(settings, election, connected, of, now) for election, of in zip(elections, rates, strict=True))


def _window(election: Election, now: datetime) -> Window | None:
    start = max(floor(now, Grain.HOUR), election.calendar.collect_from)
    end = min(floor(now, Grain.HOUR) + DAYS * DAY, election.calendar.collect_until)
    return Window(start, end) if end > start else None


def hours_listened(elections: Sequence[Election], now: datetime) -> list[float]:
    """For each election the hours of its month in which its posts arrive."""
    connected = _connected(elections, now)
    windows = [_window(election, now) for election in elections]
    return [(connected & Intervals.between(w)).seconds / 3600 if w is not None else 0.0 for w in windows]


def _month(
    settings: Settings, election: Election, connected: Intervals, rates: Sequence[Rates], now: datetime
) -> MonthAhead:
    window = _window(election, now)
    if window is None:
        raise ValueError(f"{election.key} does not collect at {iso(now)}")
    phases = _phases(election, split(window, Grain.HOUR))
    planned = sum(phase.planned_hours for phase in phases)
    listened = (connected & Intervals.between(window)).seconds / 3600
    filled = _filled(settings, rates)
    return MonthAhead(
        start=iso(window.start),
        end=iso(window.end),
        planned_hours=round(planned, 2),
        listened_hours=round(listened, 2),
        filled_share=round(filled, 4),
        phases=phases,
        costs=tuple(_cost(settings, rate, listened, planned * filled) for rate in rates),
        audit_usd=_audits(settings, election, window),
    )


def _phases(election: Election, hours: Sequence[Window]) -> tuple[PhaseAhead, ...]:
    groups: dict[tuple[str, bool], list[Window]] = {}
    for hour in hours:
        raised = bool(calendar.events_in(election, hour))
        groups.setdefault((calendar.phase_at(election, hour.start).value, raised), []).append(hour)
    return tuple(
        PhaseAhead(
            phase=phase,
            event=event,
            start=iso(of[0].start),
            end=iso(of[-1].end),
            hours=len(of),
            planned_hours=round(sum(calendar.planned(election, hour).seconds for hour in of) / 3600, 2),
        )
        for (phase, event), of in groups.items()
    )


def _connected(elections: Sequence[Election], now: datetime) -> Intervals:
    """When the one connection is open, as `capture/wanted.py` opens it."""
    spans = [
        (start - LEAD_MS, end + MARGIN_MS + STAY_MS)
        for election in elections
        if (window := _window(election, now)) is not None
        for hour in split(window, Grain.HOUR)
        for start, end in calendar.planned(election, hour).spans
    ]
    return Intervals.of((start, end - STAY_MS) for start, end in Intervals.of(spans).spans)


def _filled(settings: Settings, rates: Sequence[Rates]) -> float:
    """The part of planned time that searches bring: as measured, little beside a capture, or all without one."""
    if settings.x_fill_share == 1:
        return 1.0
    known = [rate.captured for rate in rates if rate.captured]
    return 1 - known[0] if known else _FILLED


def _audits(settings: Settings, election: Election, window: Window) -> float:
    """Only hours with live capture are audited."""
    if settings.x_is_loopback or settings.x_fill_share == 1:
        return 0.0
    queries = search_queries(election, floor(window.start, Grain.HOUR), query_limit(settings.x_archive))
    days = split(Window(floor(window.start, Grain.DAY), window.end), Grain.DAY)
    return round(len(queries) * len(days) * settings.x_count_usd, 2)


def _cost(settings: Settings, rates: Rates, listened: float, filled: float) -> CostAhead:
    """Of volumes that search measured only originals are known; others are of all posts."""
    originals = rates.posts if rates.originals is None else rates.originals
    capture, fill = rates.posts * listened, originals * filled
    return CostAhead(
        posts_an_hour=rates.posts,
        originals_an_hour=rates.originals,
        retweets_an_hour=rates.retweets,
        capture_posts=round(capture),
        capture_usd_posts=_usd(settings, capture, None),
        capture_usd_most=_usd(settings, capture, rates.referring),
        fill_posts=round(fill),
        fill_usd_posts=_usd(settings, fill, None),
        fill_usd_most=_usd(settings, fill, 1.0),
    )


def _usd(settings: Settings, posts: float, referring: float | None) -> float:
    if settings.x_is_loopback:
        return 0.0
    if referring is None:
        return round(posts * settings.x_post_usd, 2)
    return round(posts * (1 + referring) * (settings.x_post_usd + settings.x_user_usd), 2)


def month_told(month: MonthAhead) -> list[str]:
    """For a person."""
    phases = [("phase", "from", "to", "hours", "planned hours")]
    phases += [
        (f"{p.phase}, events" if p.event else p.phase, p.start, p.end, f"{p.hours}", f"{p.planned_hours:,g}")
        for p in month.phases
    ]
    costs = [("posts/hour", "retweets", "streamed", "USD, posts alone", "USD at most", "searched", "USD at most")]
    costs += [
        (
            f"{c.posts_an_hour:,.0f}",
            "?" if c.retweets_an_hour is None else f"{c.retweets_an_hour:,.0f}",
            f"{c.capture_posts:,}",
            f"{c.capture_usd_posts:,.2f}",
            f"{c.capture_usd_most:,.2f}",
            f"{c.fill_posts:,}",
            f"{c.fill_usd_most:,.2f}",
        )
        for c in month.costs
    ]
    return [
        f"  {month.start} to {month.end}, {month.planned_hours:,g} planned hours:",
        *[f"    {line}" for line in columns(phases)],
        f"  the stream is open {month.listened_hours:,g} hours of it; searches are counted for "
        f"{month.filled_share:.0%} of planned time; at most: each post with its author and a post it refers to:",
        *[f"    {line}" for line in columns(costs)],
        *([f"  and {month.audit_usd:,.2f} USD for X's counts of each day, to audit it"] if month.audit_usd else []),
    ]
