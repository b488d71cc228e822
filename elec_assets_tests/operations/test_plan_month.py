"""The month ahead of `elec plan`, against calculations by hand."""

import json

import msgspec
import polars as pl
import pytest

from elec_assets.domain.windows import iso
from elec_assets.operations.plan import PlanReport, plan
from elec_assets.transforms.sealing import read_table, table_bytes
from elec_assets_tests.operations.place import ELECTION, NOW, REGISTRY, Place, hour

DEBATE = 'events: [{name: Debate, at: "2026-02-18 21:00", for: 2h30min}]'


def planned(place: Place, capture: str | None = None, *, calendar: str = "", **settings: object) -> PlanReport:
    """The plan at 100 posts an hour, on 2026-02-16 at 12:30; collection ends on 2026-03-12."""
    text = (
        REGISTRY if capture is None else REGISTRY.replace("    candidates:", f"    capture: {capture}\n    candidates:")
    )
    if calendar:
        text = text.replace("      confirmed: true\n", f"      confirmed: true\n      {calendar}\n")
    (place.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    return plan(place.settings(**settings), place.registry, NOW, posts_an_hour=100)


def test_a_month_ends_with_the_collection_and_is_told_by_phase(place: Place) -> None:
    """The round is on 2026-02-22 and the inauguration on 2026-03-01: seven days after is the vote over, too."""
    month = planned(place).elections[0].month
    assert (month.start, month.end) == ("2026-02-16T12:00:00Z", "2026-03-12T00:00:00Z")
    told = [(p.phase, p.event, p.start, p.end, p.hours, p.planned_hours) for p in month.phases]
    assert told == [
        ("vote", False, "2026-02-16T12:00:00Z", "2026-02-28T23:00:00Z", 299, 299.0),
        ("closing", False, "2026-02-28T23:00:00Z", "2026-03-12T00:00:00Z", 265, 265.0),
    ]
    assert (month.planned_hours, month.listened_hours) == (564.0, 564.0)


def test_a_month_is_thirty_days_at_most(place: Place) -> None:
    text = REGISTRY.replace("collect_until: 2026-03-12", "collect_until: 2026-05-01")
    (place.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    (election,) = plan(place.settings(), place.registry, NOW).elections
    assert (election.month.end, election.month.planned_hours) == ("2026-03-18T12:00:00Z", 720.0)


def test_costs_are_those_calculated_by_hand(place: Place) -> None:
    (cost,) = planned(place).elections[0].month.costs
    assert cost.capture_posts == 56_400
    assert cost.capture_usd_posts == 282.0  # at 0.005 USD
    assert cost.capture_usd_most == 1692.0  # with an author at 0.010 USD, and another post with author: 0.030 USD
    # Beside a capture that was never measured, 2 % are searched for.
    assert (cost.fill_posts, cost.fill_usd_posts, cost.fill_usd_most) == (1128, 5.64, 33.84)
    assert (cost.originals_an_hour, cost.retweets_an_hour) == (None, None)


def test_a_sampled_month_pays_for_the_seconds_around_its_slots(place: Place) -> None:
    """Each slot of 60 s needs 15 s before and 30 s after; slots that nearly touch are stayed through."""
    month = planned(place, "{slots: 10, seconds: 60}").elections[0].month
    assert month.planned_hours == 94.0
    assert 94 * 1.70 <= month.listened_hours <= 94 * 1.9
    assert month.costs[0].capture_posts == pytest.approx(month.listened_hours * 100, abs=1)


def test_phases_and_events_have_lines_of_their_own(place: Place) -> None:
    """The debate is from 20:00 to 22:30 UTC; half an hour before takes in the hour before."""
    phases = "phases: {closing: {every: 1h, for: 5min}}"
    capture = f"{{default: {{every: 1h, for: 10min}}, {phases}, events: {{plan: continuous, before: 30min}}}}"
    report = planned(place, capture, calendar=DEBATE)
    told = [(p.phase, p.event, p.hours, p.planned_hours) for p in report.elections[0].month.phases]
    assert told == [("vote", False, 295, 49.17), ("vote", True, 4, 4.0), ("closing", False, 265, 22.08)]
    event = report.elections[0].month.phases[1]
    assert (event.start, event.end) == ("2026-02-18T19:00:00Z", "2026-02-18T23:00:00Z")
    assert any(line.split() == ["vote,", "events", event.start, event.end, "4", "4"] for line in report.lines())


def test_elections_share_one_connection_and_each_pays_for_all_of_it(place: Place) -> None:
    """X sends what any active rule matches for as long as the connection is open, whoever wanted it open."""
    alone = planned(place, "{slots: 10, seconds: 60}").elections[0].month
    other = REGISTRY.removeprefix("elections:\n").replace(ELECTION, "other_2026")
    sampled = (place.folder / "candidates.yaml").read_text(encoding="utf-8")
    (place.folder / "candidates.yaml").write_text(sampled + other, encoding="utf-8")
    months = [e.month for e in plan(place.settings(), place.registry, NOW, posts_an_hour=100).elections]
    assert [month.planned_hours for month in months] == [alone.planned_hours, 564.0]
    assert [month.listened_hours for month in months] == [564.0, 564.0]


def test_a_budget_that_holds_is_not_talked_about(place: Place) -> None:
    report = planned(place, x_budget_usd=3000.0)
    assert report.budget.problems == ()
    assert (report.budget.usd_a_month, report.budget.capture_usd, report.budget.fill_usd) == (3000.0, 2400.0, 600.0)
    assert any("for capture: 2400.00." in line for line in report.lines())


def test_a_plan_that_does_not_fit_is_told_with_one_that_does(place: Place) -> None:
    report = planned(place, x_budget_usd=1000.0)
    (problem,) = report.budget.problems
    assert problem.startswith(
        "Capture does not fit: at 100 posts an hour the next 30 days cost up to 1,692.00 USD (282.00"
    )
    assert "its share is 800.00 USD a month (ELEC_X_BUDGET_USD x (1 - ELEC_X_FILL_SHARE))" in problem
    assert "; `capture: {slots: 10, seconds: 60}` would cost up to " in problem
    usd = float(problem.rpartition("up to ")[2].removesuffix(" USD."))
    assert planned(place, "{slots: 10, seconds: 60}").elections[0].month.costs[0].capture_usd_most == pytest.approx(
        usd, abs=0.1
    )
    assert usd <= 800
    assert problem in report.lines()


def test_where_no_plan_fits_it_says_what_else_to_do(place: Place) -> None:
    (small, problem, fills) = planned(place, x_budget_usd=1.0).budget.problems
    assert small.startswith("The stream's share, 0.80 USD a month, is too small to listen with: 11.25 USD must be left")
    assert "raise ELEC_X_BUDGET_USD to at least 14.06" in small
    assert "; even `capture: {slots: 2, seconds: 60}` would cost up to" in problem
    assert problem.endswith("raise the budget, or follow fewer.")
    assert fills.startswith("Searches may not fit: at 100 posts an hour")
    assert fills.endswith("hours that it does not reach become `over_budget`.")


def test_audits_are_counted_with_the_searches(place: Place) -> None:
    report = planned(place, x_budget_usd=3000.0, x_fill_share=0.5, x_count_usd=100.0)
    (month,) = (election.month for election in report.elections)
    days, queries = 24, len(report.elections[0].queries)
    assert month.audit_usd == days * queries * 100.0
    assert any(f"{month.audit_usd:,.2f} USD for X's counts of each day" in line for line in report.lines())
    assert any(problem.startswith("Searches may not fit") for problem in report.budget.problems)
    assert planned(place, x_budget_usd=3000.0, x_fill_share=1.0).elections[0].month.audit_usd == 0


def test_events_are_kept_where_the_budget_allows_and_else_given_up(place: Place) -> None:
    capture = "{default: continuous, events: continuous}"
    long = 'events: [{name: Convention, at: "2026-02-18 00:00", for: 240h}]'
    (kept,) = planned(place, capture, calendar=DEBATE, x_budget_usd=1000.0).budget.problems
    assert "`capture: {slots: 10, seconds: 60}` with the plan for events would cost" in kept
    (given_up,) = planned(place, capture, calendar=long, x_budget_usd=800.0).budget.problems
    assert "seconds: 60}` would cost" in given_up


def test_without_a_budget_or_capture_only_that_is_told(place: Place) -> None:
    report = planned(place)
    assert report.budget.problems == (
        "ELEC_X_BUDGET_USD is 0, so nothing paid is asked of X; set it to what a month may cost.",
    )
    searched = planned(place, x_budget_usd=100.0, x_fill_share=1.0)
    assert searched.elections[0].month.filled_share == 1.0
    (problem,) = searched.budget.problems
    assert problem.startswith("Searches may not fit: at 100 posts an hour the next 30 days cost up to 1,692.00 USD")
    assert planned(place, x_base_url="http://127.0.0.1:9").budget.problems == ()


def test_more_posts_than_x_sells_are_told(place: Place) -> None:
    report = plan(place.settings(x_budget_usd=1e9), place.registry, NOW, posts_an_hour=10_000)
    (problem,) = report.budget.problems
    assert problem.startswith("X lets an account read 3,000,000 posts a month: at 10,000 posts an hour")


def captured(place: Place) -> tuple[int, int]:
    """An hour of which the stream brought the first half, posts of odd ids retweets; returns its counts of both."""
    (sealed,) = place.seal(hour(15, 10))
    assert sealed.row is not None
    frame = read_table(place.table_path(hour(15, 10)).read_bytes())
    frame = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 2 == 1)
        .then(pl.lit("retweet"))
        .otherwise(pl.lit("original"))
        .cast(frame["kind"].dtype)
        .alias("kind")
    )
    start, middle = hour(15, 10).start, hour(15, 10).start.replace(minute=30)
    row = msgspec.structs.replace(
        sealed.row, captured_s=1800.0, filled_s=1800.0, captured=[[iso(start), iso(middle)]], retweets_missed_s=1800.0
    )
    place.archive.save(hour(15, 10), table=table_bytes(frame), rejects=None, row=row)
    retweets = frame.filter((pl.col("kind").cast(str) == "retweet") & (pl.col("created_at") < middle)).height
    return frame.filter(pl.col("kind").cast(str) != "retweet").height, retweets


def test_originals_and_retweets_are_measured_where_each_could_be_seen(place: Place) -> None:
    """Retweets only in the half hour that the stream brought: as many again in the other half were not to be had."""
    originals, retweets = captured(place)
    assert originals > 0 < retweets
    (election,) = plan(place.settings(), place.registry, NOW).elections
    (cost,) = election.month.costs
    assert cost.originals_an_hour == pytest.approx(originals)
    assert cost.retweets_an_hour == pytest.approx(2 * retweets)
    assert cost.posts_an_hour == pytest.approx(originals + 2 * retweets)
    assert election.month.filled_share == 0.5
    assert cost.fill_posts == round(originals * 564 / 2)
    referring = retweets / (originals + retweets)
    assert cost.capture_usd_most == pytest.approx(cost.posts_an_hour * 564 * (1 + referring) * 0.015, abs=0.01)


def test_retweets_that_search_could_not_bring_are_assumed(place: Place) -> None:
    (sealed,) = place.seal(hour(15, 10))
    assert sealed.row is not None
    (cost,) = plan(place.settings(), place.registry, NOW).elections[0].month.costs
    assert cost.originals_an_hour == sealed.row.rows
    assert cost.posts_an_hour == pytest.approx(2.4 * sealed.row.rows)
    assert cost.retweets_an_hour is None


def test_programs_are_given_the_month_under_stable_names(place: Place) -> None:
    report = json.loads(json.dumps(planned(place, x_budget_usd=5.0).as_dict()))
    month = report["elections"][0]["month"]
    assert set(month) == {
        "start",
        "end",
        "planned_hours",
        "listened_hours",
        "filled_share",
        "phases",
        "costs",
        "audit_usd",
    }
    assert set(report["budget"]) == {"usd_a_month", "capture_usd", "fill_usd", "problems"}
    assert set(month["phases"][0]) == {"phase", "event", "start", "end", "hours", "planned_hours"}
    assert month["costs"][0]["posts_an_hour"] == 100
