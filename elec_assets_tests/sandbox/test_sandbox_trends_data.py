"""The numbers: scale, samples by day, floor, partial points, maps, lists; and that the truth can be found in them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_api import TrendsOptions
from elec_assets.sandbox.trends_samples import percentages
from elec_assets.sandbox.trends_world import Subject, TrendsScene
from elec_assets_tests.sandbox.trends import NOW, SCENE, WEEK, WORLD, Client, Clock, Json, StartTrends

MONDAY = datetime(2027, 1, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """At the time where `google` begins: starting and stopping a server takes 50 ms."""
    with start_trends(world=WORLD, clock=lambda: NOW) as server, requests.Session() as session:
        yield Client(server, session)


@cache
def by_popularity() -> list[str]:
    names = [s.name for s in SCENE.subjects]
    return sorted(names, key=lambda n: -WORLD.share(n, "FR", MONDAY, MONDAY + timedelta(days=7)))


# Over time


def test_the_highest_point_of_all_keywords_is_100(client: Client) -> None:
    points = client.timeline(*by_popularity()[:3])
    assert len(points) == 168
    assert max(v for p in points for v in p["value"]) == 100
    assert max(p["value"][2] for p in points) < 100
    alone = client.timeline(by_popularity()[2])
    assert max(p["value"][0] for p in alone) == 100
    times = [int(p["time"]) for p in points]
    assert times == list(range(int(MONDAY.timestamp()), int(MONDAY.timestamp()) + 168 * 3600, 3600))
    assert not any("isPartial" in p for p in points)


def test_averages_are_there_for_several_keywords_alone(client: Client) -> None:
    several = client.data(client.widgets(*by_popularity()[:2])["TIMESERIES"])
    means = np.array([p["value"] for p in several["timelineData"]]).mean(axis=0)
    assert several["averages"] == [int(m + 0.5) for m in means]
    assert client.data(client.widgets("Nom1")["TIMESERIES"])["averages"] == []


def test_small_is_less_than_1_and_too_small_is_no_data(client: Client) -> None:
    first, *_, last = by_popularity()
    points = client.timeline(first, last, time="2027-01-25 2027-01-31")
    assert {(p["value"][1], p["hasData"][1], p["formattedValue"][1]) for p in points} == {(0, True, "<1")}
    hours = client.timeline(first, last)
    assert (0, False, "0") in {(p["value"][1], p["hasData"][1], p["formattedValue"][1]) for p in hours}


def test_nothing_above_the_floor_is_an_empty_list(google: StartTrends) -> None:
    client = google(world=TrendsScene(1, (Subject("silent", popularity=0.0),)))
    widgets = client.widgets("silent")
    assert client.data(widgets["TIMESERIES"]) == {"timelineData": [], "averages": []}
    assert client.data(widgets["GEO_MAP"]) == {"geoMapData": []}
    assert client.data(widgets["RELATED_TOPICS"]) == {"rankedList": [{"rankedKeyword": []}, {"rankedKeyword": []}]}
    assert {r.outcome for r in client.server.requests[1:]} == {"empty"}


def test_the_last_point_of_a_window_that_goes_on_is_partial(client: Client) -> None:
    for time in ("now 7-d", "2027-02-03T12 2027-02-03T16", "2027-02-01 2027-02-28", "today 12-m"):
        points = client.timeline(by_popularity()[0], time=time)
        assert [p.get("isPartial") for p in points] == [None] * (len(points) - 1) + [True]
        assert int(points[-1]["time"]) <= NOW.timestamp()
    whole = client.timeline(by_popularity()[0], time="2027-02-03T08 2027-02-03T12")
    assert not any("isPartial" in p for p in whole)


def test_the_last_hour_is_in_or_out(google: StartTrends) -> None:
    inside, outside = google(), google(options=TrendsOptions(hours_included=False))
    asked = {"time": "2027-02-02T08 2027-02-02T12"}
    assert len(inside.timeline(by_popularity()[0], **asked)) == 241
    assert len(outside.timeline(by_popularity()[0], **asked)) == 240


def test_hours_are_labelled_in_the_callers_zone_and_never_moved(client: Client) -> None:
    widget = client.widgets(by_popularity()[0], time="2027-02-02T08 2027-02-02T12")["TIMESERIES"]
    utc, paris = (client.data(widget, tz=tz)["timelineData"][0] for tz in ("0", "-60"))
    assert utc["time"] == paris["time"]
    assert (utc["formattedTime"], paris["formattedTime"]) == ("Feb 2, 2027 at 8:00 AM", "Feb 2, 2027 at 9:00 AM")


# Samples


def test_a_day_keeps_its_sample_and_the_next_draws_another(google: StartTrends, clock: Clock) -> None:
    one, two = google(), google()
    first = one.timeline("Nom1", "Nom2")
    assert one.timeline("Nom1", "Nom2") == two.timeline("Nom1", "Nom2") == first
    clock.move(hours=9)
    assert one.timeline("Nom1", "Nom2") == first
    clock.move(hours=1)
    assert one.timeline("Nom1", "Nom2") != first
    clock.move(days=8)
    assert one.timeline("Nom1", "Nom2") != first


def test_another_request_is_another_sample_but_another_caller_is_not(google: StartTrends) -> None:
    client, other = google(), google(options=TrendsOptions(user_type="USER_TYPE_LEGIT_USER", user_country="ES"))
    top = by_popularity()[0]
    alone = [p["value"][0] for p in client.timeline(top)]
    assert [p["value"][0] for p in other.timeline(top)] == alone
    assert [p["value"][0] for p in client.timeline(top, by_popularity()[1])] != alone
    assert [p["value"][0] for p in client.timeline(top, category=19)] != alone


def test_the_ratio_of_two_candidates_is_the_true_one(client: Client) -> None:
    first, second, *_ = by_popularity()
    points = client.timeline(first, second)
    totals = np.array([p["value"] for p in points]).sum(axis=0)
    hours = [MONDAY + timedelta(hours=h) for h in range(168)]
    # An index is of shares: each hour counts alike, whatever is searched for in it.
    true = [sum(WORLD.share(k, "FR", h, h + timedelta(hours=1)) for h in hours) for k in (first, second)]
    assert totals[1] / totals[0] == pytest.approx(true[1] / true[0], rel=0.03)


def test_a_union_and_a_topic_are_asked_for_like_any_keyword(client: Client) -> None:
    first, second, *_ = by_popularity()
    mid = next(s.mid for s in SCENE.subjects if s.name == first)
    assert mid is not None
    widget = client.widgets(f"{first} + {second}", first, mid)["TIMESERIES"]
    union, one, topic = np.array([p["value"] for p in client.data(widget)["timelineData"]]).sum(axis=0)
    assert union > 1.1 * one
    assert topic == pytest.approx(one, rel=0.05)


# Maps


def test_one_keyword_is_mapped_from_0_to_100(client: Client) -> None:
    rows = client.data(client.widgets(by_popularity()[0])["GEO_MAP"])["geoMapData"]
    assert len(rows) == 22
    assert max(r["value"][0] for r in rows) == rows[0]["value"][0] == 100
    assert {"FR-IDF", "FR-A"} < {r["geoCode"] for r in rows}
    assert {r["maxValueIndex"] for r in rows} == {0}


def test_several_keywords_split_each_place(client: Client) -> None:
    names = by_popularity()
    rows = client.data(client.widgets(names[0], names[1], names[-1], geo="")["GEO_MAP"])["geoMapData"]
    assert len(rows) == 250
    for row in rows:
        assert sum(row["value"]) == (100 if any(row["hasData"]) else 0)
        assert row["maxValueIndex"] in range(3)
        assert [bool(text) for text in row["formattedValue"]] == row["hasData"]
    assert any(row["formattedValue"][2] == "<1%" for row in rows)


def test_small_places_are_shown_when_asked_for(client: Client) -> None:
    widget = client.widgets("pizza", geo="")["GEO_MAP"]
    few, many = (
        sum(r["hasData"][0] for r in client.data(widget, includeLowSearchVolumeGeos=low)["geoMapData"])
        for low in (False, True)
    )
    assert 20 < few < 80
    assert many > few


def test_cities_have_coordinates_and_no_code(client: Client) -> None:
    widget = client.widgets(by_popularity()[0], geo="")["GEO_MAP"]
    rows = client.data(widget, resolution="CITY")["geoMapData"]
    assert {"coordinates", "geoName"} < set(rows[0])
    assert not any("geoCode" in r for r in rows)
    assert all(set(r["coordinates"]) == {"lat", "lng"} for r in rows)
    within = client.data(client.widgets(by_popularity()[0], geo="FR-IDF")["GEO_MAP"])["geoMapData"]
    assert [r["geoName"] for r in within] == ["Paris"]
    assert client.data(widget, resolution="DMA")["geoMapData"] == []


def test_a_country_that_leads_in_truth_leads_on_the_map(client: Client) -> None:
    rows = client.data(client.widgets(by_popularity()[0], geo="")["GEO_MAP"])["geoMapData"]
    assert rows[0]["geoCode"] == "FR"
    assert rows[1]["value"][0] < 60


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=5))
def test_percentages_add_up_and_are_off_by_less_than_one(parts: list[float]) -> None:
    found = percentages(parts)
    total = sum(parts)
    assert sum(found) == (100 if total else 0)
    assert all(abs(f - 100 * p / total) < 1.001 for f, p in zip(found, parts, strict=True) if total)


# Related


@pytest.mark.parametrize(
    ("widget", "name"),
    [("RELATED_TOPICS", lambda r: r["topic"]["mid"]), ("RELATED_QUERIES", lambda r: r["query"])],
)
def test_related_lists_are_ranked(client: Client, widget: str, name: Callable[[Json], str]) -> None:
    top, rising = client.data(client.widgets(by_popularity()[0])[widget])["rankedList"]
    for ranked in (top["rankedKeyword"], rising["rankedKeyword"]):
        values = [r["value"] for r in ranked]
        assert values == sorted(values, reverse=True)
        assert 0 < len({name(r) for r in ranked}) == len(ranked) <= 25
    assert top["rankedKeyword"][0]["value"] == 100
    assert all(r["hasData"] for r in top["rankedKeyword"])
    for row in rising["rankedKeyword"]:
        assert "hasData" not in row
        assert row["value"] >= 40
        assert row["value"] % 10 == 0
        assert row["formattedValue"] == ("Breakout" if row["value"] > 5000 else f"+{row['value']:,}%")
    link = top["rankedKeyword"][0]["link"]
    assert link.startswith("/trends/explore?q=")
    assert link.endswith(f"&date={WEEK.replace(' ', '+')}&geo=FR")


def test_weeks_bring_breakouts(google: StartTrends, clock: Clock) -> None:
    client = google()
    found = []
    for number in range(9):
        monday = MONDAY + timedelta(weeks=number)
        week = f"{monday:%Y-%m-%d} {monday + timedelta(days=6):%Y-%m-%d}"
        rising = client.data(client.widgets(by_popularity()[0], time=week)["RELATED_QUERIES"])["rankedList"][1]
        found += [r["formattedValue"] for r in rising["rankedKeyword"]]
        clock.move(days=7)
    assert "Breakout" in found
    assert any(label.startswith("+") for label in found)


def test_over_quota_the_lists_are_not_even_there(google: StartTrends) -> None:
    client = google(options=TrendsOptions(user_type="USER_TYPE_EMBED_OVER_QUOTA"))
    widgets = client.widgets("Nom1")
    assert client.data(widgets["RELATED_TOPICS"]) == {"rankedList": []}
    assert client.server.requests[-1].outcome == "empty"
    assert client.data(widgets["TIMESERIES"])["timelineData"]


def test_autocomplete_knows_the_topics_of_the_scene(client: Client) -> None:
    answer = client.get("/api/autocomplete/NOM3", hl="en-US")
    assert answer.text == ")]}',\n" + '{"default":{"topics":[{"mid":"/m/0nom3","title":"Nom3","type":"Politician"}]}}'
    assert client.get("/api/autocomplete/nobody").text.endswith('{"topics":[]}}')
