"""Whether the month ahead fits the budget for X, and which cheaper plan would."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from elec_assets.capture.spend import least_share_usd
from elec_assets.domain.registry import CaptureChanges, CapturePlan, Election
from elec_assets.operations.plan_month import DAYS, CostAhead, MonthAhead, hours_listened
from elec_assets.settings import Settings

_MOST_READ = 3_000_000
"""Posts that X lets a pay-per-use account read in a month (2026)."""
_CHEAPER = tuple(CapturePlan("slots", slots=slots, slot_s=60) for slots in (20, 10, 5, 2))


@dataclass(frozen=True, slots=True)
class BudgetAhead:
    """The monthly budget and its shares, USD, and a sentence for each that the month does not fit."""

    usd_a_month: float
    capture_usd: float
    fill_usd: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Total:
    """What all elections cost together at one of the volumes shown, USD."""

    posts_an_hour: float
    posts: int
    usd_posts: float
    usd_most: float


def budget_ahead(
    settings: Settings, elections: Sequence[Election], months: Sequence[MonthAhead], now: datetime
) -> BudgetAhead:
    """Whether the month fits the budget, and if not, what would. On 127.0.0.1 everything does."""
    total, fill = settings.x_budget_usd, settings.x_fill_budget_usd
    problems: list[str | None] = []
    if not settings.x_is_loopback and elections:
        if total:
            problems = [
                too_small(settings),
                _capture_problem(settings, elections, months, now, total - fill),
                _fill_problem(fill, months),
                _reads_problem(settings, months),
            ]
        else:
            problems = ["ELEC_X_BUDGET_USD is 0, so nothing paid is asked of X; set it to what a month may cost."]
    return BudgetAhead(total, total - fill, fill, tuple(problem for problem in problems if problem))


def too_small(settings: Settings) -> str | None:
    """Why nothing is listened to with the stream's share, where it is below the least."""
    share = settings.x_capture_budget_usd
    least = least_share_usd(settings.x_prices)
    if settings.x_is_loopback or not share or share >= least:
        return None
    return (
        f"The stream's share, {share:,.2f} USD a month, is too small to listen with: {least:,.2f} USD must be left for "
        "what X may send, and bill, before it hears of an end; raise ELEC_X_BUDGET_USD to at least "
        f"{least / (1 - settings.x_fill_share):,.2f}, or give all to searches with ELEC_X_FILL_SHARE=1."
    )


def _capture_problem(
    settings: Settings, elections: Sequence[Election], months: Sequence[MonthAhead], now: datetime, budget: float
) -> str | None:
    if settings.x_fill_share == 1:  # there is to be no capture
        return None
    found = _totals(months, "capture")
    over = next((at for at, total in enumerate(found) if total.usd_most > budget), None)
    if over is None:
        return None
    told = (
        f"Capture does not fit: {_said(found[over])}, and its share is {budget:,.2f} USD a month "
        "(ELEC_X_BUDGET_USD x (1 - ELEC_X_FILL_SHARE))"
    )
    has_events = any(election.capture_changes.events is not None for election in elections)
    for events in (True, False) if has_events else (False,):
        for plan in _CHEAPER:
            hours = hours_listened([_with(election, plan, events=events) for election in elections], now)
            usd = sum(
                cost.capture_usd_most * hour / month.listened_hours
                for cost, hour, month in zip(_costs(months, over), hours, months, strict=True)
            )
            named = f"`capture: {{slots: {plan.slots}, seconds: {plan.slot_s}}}`"
            if usd <= budget:
                kept = " with the plan for events" if events else ""
                return f"{told}; {named}{kept} would cost up to {usd:,.2f} USD."
    return f"{told}; even {named} would cost up to {usd:,.2f} USD: raise the budget, or follow fewer."


def _fill_problem(budget: float, months: Sequence[MonthAhead]) -> str | None:
    over = next((total for total in _totals(months, "fill") if total.usd_most > budget), None)
    if over is None:
        return None
    return (
        f"Searches may not fit: {_said(over)}, and their share is {budget:,.2f} USD a month "
        "(ELEC_X_BUDGET_USD x ELEC_X_FILL_SHARE); hours that it does not reach become `over_budget`."
    )


def _reads_problem(settings: Settings, months: Sequence[MonthAhead]) -> str | None:
    what = "fill" if settings.x_fill_share == 1 else "capture"
    over = next((total for total in _totals(months, what) if total.posts > _MOST_READ), None)
    if over is None:
        return None
    return (
        f"X lets an account read {_MOST_READ:,} posts a month: at {over.posts_an_hour:,.0f} posts an hour the next "
        f"{DAYS} days bring {over.posts:,}; sample by slots, or follow fewer."
    )


def _said(total: _Total) -> str:
    return (
        f"at {total.posts_an_hour:,.0f} posts an hour the next {DAYS} days cost up to {total.usd_most:,.2f} USD "
        f"({total.usd_posts:,.2f} for posts alone)"
    )


def _with(election: Election, plan: CapturePlan, *, events: bool) -> Election:
    changes = replace(election.capture_changes, phases=()) if events else CaptureChanges()
    return replace(election, capture=plan, capture_changes=changes)


def _costs(months: Sequence[MonthAhead], at: int) -> list[CostAhead]:
    """The costs at one of the volumes shown; an election whose volume is known has it at each."""
    return [month.costs[min(at, len(month.costs) - 1)] for month in months]


def _totals(months: Sequence[MonthAhead], what: str) -> list[_Total]:
    """What all elections cost at each of the volumes shown, for `capture` or `fill`."""
    capture = what == "capture"
    return [
        _Total(
            sum(cost.posts_an_hour for cost in costs),
            sum(cost.capture_posts if capture else cost.fill_posts for cost in costs),
            sum(cost.capture_usd_posts if capture else cost.fill_usd_posts for cost in costs),
            sum(cost.capture_usd_most if capture else cost.fill_usd_most for cost in costs)
            + (0.0 if capture else sum(month.audit_usd for month in months)),
        )
        for at in range(max(len(month.costs) for month in months))
        for costs in [_costs(months, at)]
    ]
