"""`elec plan` against a calculation by hand."""

import json
from datetime import timedelta

import pytest

from elec_assets.clients.registry_source import load_registry
from elec_assets.operations.plan import plan
from elec_assets_tests.operations.place import NOW, REGISTRY, Place, hour


def test_volume_and_cost_are_those_calculated_by_hand(place: Place) -> None:
    report = plan(place.settings(x_budget_usd=50.0), place.registry, NOW, posts_an_hour=250)
    (election,) = report.elections
    (volume,) = election.volumes
    assert len(election.queries) == 1
    assert (election.candidates, election.planned_hours_today, election.measured) == (2, 24.0, False)
    # 24 h, one query: 250 posts are two full pages and a half one, 3.5 requests an hour on average.
    assert volume.requests_a_day == 24 * 3.5
    assert volume.posts_a_day == 6000
    # Each post at 0.005 USD with its author at 0.010 USD.
    assert volume.usd_a_day == 90.0
    assert volume.usd_a_month == 2700.0
    assert report.budget_usd_a_month == 10.0  # a fifth of 50 goes to searches


def test_prices_and_shares_are_settings(place: Place) -> None:
    settings = place.settings(x_post_usd=0.001, x_user_usd=0.0, x_budget_usd=40.0, x_fill_share=0.5)
    report = plan(settings, place.registry, NOW, posts_an_hour=100)
    assert report.elections[0].volumes[0].usd_a_day == 2.4
    assert report.budget_usd_a_month == 20.0
    assert any(line.startswith("Budget for searches: 20.00 USD a month") for line in report.lines())


def test_nothing_measured_shows_three_sizes(place: Place) -> None:
    (election,) = plan(place.settings(), place.registry, NOW).elections
    assert [v.posts_an_hour for v in election.volumes] == [100, 1000, 10_000]
    assert [v.usd_a_day for v in election.volumes] == [36.0, 360.0, 3600.0]


def test_volume_is_measured_from_the_coverage_of_the_last_week(place: Place) -> None:
    hours = [hour(15, 10), hour(15, 11), hour(16, 3)]
    sealed = place.seal(*hours)
    rows = [s.row.rows for s in sealed if s.row]
    assert len(set(rows)) > 1, "hours of one size would show no mean"
    (election,) = plan(place.settings(), place.registry, NOW).elections
    (volume,) = election.volumes
    assert election.measured
    assert volume.posts_an_hour == pytest.approx(sum(rows) / 3)
    assert volume.posts_a_day == round(sum(rows) / 3 * 24)


def test_time_that_was_not_covered_is_no_silence(place: Place) -> None:
    """12:30: of the hour that runs, and of one that X refused, nothing is known; they must not halve the volume."""
    (whole,) = place.seal(hour(15, 10))
    assert whole.row is not None
    (refused,) = place.seal(hour(15, 11), token="wrong")
    assert refused.row is not None
    assert refused.row.outcome == "refused"
    (election,) = plan(place.settings(), place.registry, NOW).elections
    assert election.volumes[0].posts_an_hour == pytest.approx(whole.row.rows)


def test_a_plan_of_ten_minutes_an_hour_costs_a_sixth(place: Place) -> None:
    text = REGISTRY.replace("    candidates:\n", "    capture: {every: 1h, for: 10min}\n    candidates:\n")
    (place.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    (election,) = plan(place.settings(), place.registry, NOW, posts_an_hour=600).elections
    assert election.planned_hours_today == 4.0
    assert election.volumes[0].posts_a_day == 2400


def test_who_is_followed_from_within_the_hour_is_not_shown_before_the_next(place: Place) -> None:
    """It was half past twelve, and what was shown of somebody followed since twenty past was not asked of X."""
    # 12:20 UTC
    late = '      zlate: {name: Zoe Late, status: 1, since: "2026-02-16 13:20"}\n'
    text = REGISTRY.replace("    candidates:\n", f"    candidates:\n{late}")
    (place.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    registry, seen = load_registry(place.folder / "candidates.yaml"), []
    for minutes in (0, 30):
        (election,) = plan(place.settings(), registry, NOW + timedelta(minutes=minutes), posts_an_hour=1).elections
        seen.append((election.candidates, len(election.stream_rules), "Zoe" in "".join(election.queries)))
    assert seen == [(2, 2, False), (3, 3, True)]


def test_recent_search_gets_shorter_queries(place: Place) -> None:
    people = "\n".join(f"      p{i:02}: {{name: Prénom{i:02} Nom-Composé{i:02}, status: 1}}" for i in range(40))
    text = REGISTRY.replace("    candidates:\n", f"    candidates:\n{people}\n")
    (place.folder / "candidates.yaml").write_text(text, encoding="utf-8")
    for archive, limit in (("recent", 512), ("all", 1024)):
        (election,) = plan(place.settings(x_archive=archive), place.registry, NOW, posts_an_hour=1).elections
        assert limit / 2 < max(map(len, election.queries)) <= limit
        # However quiet it is, each query is asked each hour.
        assert election.volumes[0].requests_a_day >= 24 * len(election.queries)


def test_the_sandbox_is_free(place: Place) -> None:
    report = plan(place.settings(x_base_url=place.x.url), place.registry, NOW, posts_an_hour=1000)
    assert (report.free, report.elections[0].volumes[0].usd_a_day) == (True, 0.0)
    assert "X is on 127.0.0.1: free." in report.lines()
    assert place.x.requests == []  # a plan asks no one


def test_no_active_election_is_said(place: Place) -> None:
    report = plan(place.settings(), place.registry, NOW.replace(year=2031))
    assert (report.elections, report.exit_code) == ((), 0)
    assert report.lines() == ["No election of the registry is active now: nothing is asked."]


def test_people_and_programs_are_told_the_same(place: Place) -> None:
    report = plan(place.settings(), place.registry, NOW, posts_an_hour=250)
    (election,) = json.loads(json.dumps(report.as_dict()))["elections"]
    text = "\n".join(report.lines())
    assert set(election["stream_rules"]) == {"elec:test_2026:amartin", "elec:test_2026:bleroux"}
    for told in [*election["stream_rules"].values(), *election["queries"], "6,000", "84", "90.00", "2,700.00"]:
        assert told in text


def test_a_plan_needs_no_store_yet(place: Place) -> None:
    assert not (place.folder / "data").exists()
    plan(place.settings(), place.registry, NOW)
    assert [name for name in place.objects() if not name.startswith(".tmp")] == []


def test_requests_to_google_trends_are_told_by_table(place: Place) -> None:
    """Two candidates, two areas: one comparison of two requests; each alone an explore and what it is for."""
    report = plan(place.settings(trends="on"), place.registry, NOW)
    costs = {f"{c.cadence} {c.table} {c.sample_no}": c.mean for c in report.elections[0].trends}
    assert report.elections[0].areas == 2
    assert costs["hourly interest_over_time 1"] == 2 * 6 * 2
    assert costs["daily interest_by_region 1"] == 2 * 2 * 2
    assert costs["daily related_topics 1"] == 2 * 2
    assert costs["daily interest_over_time 2"] == 2 * 2
    assert costs["weekly interest_over_time 1"] == pytest.approx(2 * 2 / 7)
    assert report.trends.mean == pytest.approx(sum(costs.values()), abs=0.05)
    assert report.trends.problem is None
    assert "the cap is 1,200 (ELEC_TRENDS_DAILY_CAP)." in report.lines()[-1]


def test_a_plan_that_cannot_fit_says_so_and_what_to_do(place: Place) -> None:
    report = plan(place.settings(trends_daily_cap=20), place.registry, NOW)
    assert report.trends.problem is not None
    told = next(line for line in report.lines() if line.startswith("This cannot fit"))
    assert "take tables out of `trends` in the registry" in told
    assert report.lines()[-1] == "Google Trends is off: set ELEC_TRENDS=on to ask it."
    assert plan(place.settings(trends_base_url="http://127.0.0.1:9"), place.registry, NOW).trends.daily_cap is None
