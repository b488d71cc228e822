"""`elec plan`: what will be asked of X and of Google Trends for each active election, and what it costs."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.x_api import PAGE_POSTS
from elec_assets.domain import calendar
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.rules import query_limit, search_queries, stream_rules
from elec_assets.domain.trends_plan import RequestsADay, TableRequests, requests_a_day, too_many
from elec_assets.domain.windows import DAY, Grain, Window, floor, split
from elec_assets.operations.plan_budget import BudgetAhead, budget_ahead
from elec_assets.operations.plan_month import MonthAhead, month_told, months_ahead
from elec_assets.operations.plan_volume import Rates, measured, with_retweets
from elec_assets.operations.report import DONE, columns
from elec_assets.settings import Settings

# Shown where nothing was collected yet: three sizes that a reader can find themselves in.
_GUESSES = (100.0, 1_000.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class Volume:
    """Requests, posts and USD a day at a number of posts an hour."""

    posts_an_hour: float
    requests_a_day: int
    posts_a_day: int
    usd_a_day: float
    usd_a_month: float


@dataclass(frozen=True, slots=True)
class ElectionPlan:
    """The plan of one election: whom, by which rules and queries, how much."""

    election: str
    candidates: int
    stream_rules: dict[str, str]
    queries: tuple[str, ...]
    planned_hours_today: float
    measured: bool
    volumes: tuple[Volume, ...]
    areas: int
    trends: tuple[TableRequests, ...]
    month: MonthAhead


@dataclass(frozen=True, slots=True)
class TrendsBudget:
    """Requests a day to Google Trends of all active elections: the least, the most, the cap (None: no cap).

    `problem` says why the plan cannot fit the cap, and what to do; None where it fits.
    """

    on: bool
    mean: float
    most: float
    daily_cap: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The plans of all active elections, and the budget they must fit (`budget_usd_a_month`: the share of searches)."""

    elections: tuple[ElectionPlan, ...]
    budget_usd_a_month: float
    free: bool
    trends: TrendsBudget
    budget: BudgetAhead
    exit_code: int = DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {key: value for key, value in asdict(self).items() if key != "exit_code"}

    def lines(self) -> list[str]:
        """For a person."""
        if not self.elections:
            return ["No election of the registry is active now: nothing is asked."]
        told = [line for plan in self.elections for line in _told(plan)]
        if self.free:
            return [*told, "X is on 127.0.0.1: free.", *_trends_told(self.trends)]
        budget = (
            f"Budget for searches: {self.budget.fill_usd:.2f} USD a month (ELEC_X_BUDGET_USD x ELEC_X_FILL_SHARE), "
            f"for capture: {self.budget.capture_usd:.2f}."
        )
        return [*told, budget, *self.budget.problems, *_trends_told(self.trends)]


def plan(settings: Settings, registry: Registry, now: datetime, posts_an_hour: float | None = None) -> PlanReport:
    """What will be asked of X. Volume is the mean of the last week's sealed hours, or the guess given, or three."""
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    active = registry.active(now)
    rates = [None if posts_an_hour is not None else _measured(store, election, now) for election in active]
    shown = [_shown(rate, posts_an_hour) for rate in rates]
    months = months_ahead(settings, active, shown, now)
    elections = tuple(
        _election(settings, e, now, (rate, posts_an_hour), month)
        for e, rate, month in zip(active, rates, months, strict=True)
    )
    asked = RequestsADay(tuple(cost for election in elections for cost in election.trends))
    cap = None if settings.trends_is_loopback else settings.trends_daily_cap
    problem = None if cap is None else too_many(asked, cap)
    trends = TrendsBudget(settings.trends_on, round(asked.mean, 1), round(asked.most, 1), cap, problem)
    budget = budget_ahead(settings, active, months, now)
    return PlanReport(elections, settings.x_fill_budget_usd, settings.x_is_loopback, trends, budget)


def _shown(rates: Rates | None, guess: float | None) -> tuple[Rates, ...]:
    """The volumes of the month ahead: what was measured, the guess, or three."""
    if rates is None:
        return tuple(Rates(posts) for posts in (_GUESSES if guess is None else (guess,)))
    return (rates if rates.originals is not None else with_retweets(rates),)


def _measured(store: Store, election: Election, now: datetime) -> Rates | None:
    return measured(TweetArchive(store, election.key), election, now)


def _election(
    settings: Settings, election: Election, now: datetime, known: tuple[Rates | None, float | None], month: MonthAhead
) -> ElectionPlan:
    # Who is followed counts by whole hours.
    began = floor(now, Grain.HOUR)
    queries = search_queries(election, began, query_limit(settings.x_archive))
    rates, guess = known
    volumes = (guess,) if guess is not None else _GUESSES if rates is None else (rates.posts,)
    today = Window(floor(now, Grain.DAY), floor(now, Grain.DAY) + DAY)
    hours = sum(calendar.planned(election, hour).seconds for hour in split(today, Grain.HOUR)) / 3600
    return ElectionPlan(
        election=election.key,
        candidates=len(election.as_of(began)),
        stream_rules={rule.tag: rule.value for rule in stream_rules(election, began)},
        queries=queries,
        planned_hours_today=hours,
        measured=rates is not None,
        volumes=tuple(_volume(settings, len(queries), hours, v) for v in volumes),
        areas=len(election.areas),
        trends=requests_a_day(election.trends, len(election.as_of(began)), len(election.areas)).tables,
        month=month,
    )


def _volume(settings: Settings, queries: int, hours: float, posts_an_hour: float) -> Volume:
    posts = posts_an_hour * hours
    # Each query ends with a page that is not full; each post brings its author.
    requests = hours * (queries + posts_an_hour / PAGE_POSTS)
    usd = 0.0 if settings.x_is_loopback else posts * (settings.x_post_usd + settings.x_user_usd)
    return Volume(posts_an_hour, round(requests), round(posts), round(usd, 2), round(usd * 30, 2))


def _told(plan: ElectionPlan) -> list[str]:
    known = "mean of the last week" if plan.measured else "assumed: nothing was collected yet"
    rows = [("posts/hour", "requests/day", "posts/day", "USD/day", "USD/30 days")]
    rows += [
        (
            f"{v.posts_an_hour:,.0f}",
            f"{v.requests_a_day:,}",
            f"{v.posts_a_day:,}",
            f"{v.usd_a_day:,.2f}",
            f"{v.usd_a_month:,.2f}",
        )
        for v in plan.volumes
    ]
    return [
        f"{plan.election}: {plan.candidates} candidates followed, {plan.planned_hours_today:g} h planned today",
        f"  stream rules ({len(plan.stream_rules)}):",
        *[f"    {tag}  {value}" for tag, value in plan.stream_rules.items()],
        f"  search queries ({len(plan.queries)}):",
        *[f"    {len(query)} characters: {query}" for query in plan.queries],
        f"  volume ({known}); USD for each post with its author, up to 3 times that where posts refer to others:",
        *[f"    {line}" for line in columns(rows)],
        *month_told(plan.month),
        *_tables_told(plan),
        "",
    ]


def _tables_told(plan: ElectionPlan) -> list[str]:
    if not plan.trends:
        return ["  Google Trends: no table is in the plan"]
    rows = [("cadence", "table", "sample", "requests/day", "with all repairs")]
    rows += [
        (c.cadence.value, c.table.value, str(c.sample_no), f"{c.mean:,.1f}", f"{c.mean + c.repairs:,.1f}")
        for c in plan.trends
    ]
    return [
        f"  Google Trends, areas: {plan.areas}; tables made of the same answers share them:",
        *[f"    {line}" for line in columns(rows)],
    ]


def _trends_told(trends: TrendsBudget) -> list[str]:
    if not trends.mean:
        return []
    total = f"Google Trends: {trends.mean:,.0f} to {trends.most:,.0f} requests a day"
    cap = (
        "on 127.0.0.1: no cap"
        if trends.daily_cap is None
        else f"the cap is {trends.daily_cap:,} (ELEC_TRENDS_DAILY_CAP)"
    )
    off = [] if trends.on else ["Google Trends is off: set ELEC_TRENDS=on to ask it."]
    told = [f"This cannot fit: {trends.problem}."] if trends.problem else []
    return [f"{total}; {cap}.", *told, *off]
