"""What answers of Google Trends say: zero, less than one and no data are three things, and drift is never silent."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.trends import Endpoint
from elec_assets.transforms.trends_answers import Level, Verdict, growth_pct, judge, level, points
from elec_assets.transforms.trends_explore import TrendsUnreadable
from elec_assets_tests.transforms.trends_wire import (
    ALONE,
    ANSWERS,
    BOTH,
    START_S,
    Json,
    document,
    point,
    query,
    region,
    regions,
    related,
    timeline,
    topic,
)

ENDPOINTS = pytest.mark.parametrize("endpoint", ANSWERS, ids=[endpoint.value for endpoint in ANSWERS])
EMPTY: dict[Endpoint, Json] = {
    Endpoint.TIMELINE: timeline(),
    Endpoint.REGIONS: regions(),
    Endpoint.TOPICS: related([], []),
    Endpoint.QUERIES: related([], []),
}
# Fields that no table has: whatever Google makes of them, rows stay.
IGNORED = {"formattedTime", "averages", "maxValueIndex"}
Path = tuple[str | int, ...]


@pytest.mark.parametrize(
    ("value", "has_data", "formatted", "meaning"),
    [
        (57, True, "57", Level.VALUE),
        (57, None, None, Level.VALUE),
        (57, False, "57", Level.VALUE),
        (0, True, "<1", Level.BELOW_ONE),
        (0, None, "<1", Level.BELOW_ONE),
        (0, True, "<1%", Level.BELOW_ONE),
        (0, True, "0", Level.ZERO),
        (0, True, None, Level.ZERO),
        (0, False, "0", Level.NO_DATA),
        (0, False, "", Level.NO_DATA),
        (0, None, "0", None),
    ],
)
def test_zero_less_than_one_and_no_data_are_three_things(
    value: int, has_data: bool | None, formatted: str | None, meaning: Level | None
) -> None:
    assert level(value, has_data, formatted) is meaning


@ENDPOINTS
def test_a_good_answer_is_ok_and_an_empty_one_is_empty(endpoint: Endpoint) -> None:
    assert judge(document(ALONE, endpoint, ANSWERS[endpoint])) is Verdict.OK
    assert judge(document(ALONE, endpoint, EMPTY[endpoint])) is Verdict.EMPTY


@ENDPOINTS
def test_an_answer_over_quota_is_never_taken_for_an_empty_one(endpoint: Endpoint) -> None:
    """Google answers 200 with nothing inside, and says so in the widget alone."""
    refused = document(ALONE, endpoint, EMPTY[endpoint], user_type="USER_TYPE_EMBED_OVER_QUOTA")
    assert judge(refused) is Verdict.OVER_QUOTA


@pytest.mark.parametrize("endpoint", [Endpoint.TOPICS, Endpoint.QUERIES])
def test_no_list_at_all_is_not_an_empty_list(endpoint: Endpoint) -> None:
    """Seen since 2024-08-20, where plain pytrends ends in an IndexError."""
    assert judge(document(ALONE, endpoint, {"default": {"rankedList": []}})) is Verdict.NO_LISTS


def places_in(value: object, path: Path = ()) -> Iterator[Path]:
    """Paths of all values in a JSON value, its own left out."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield (*path, key)
        yield from places_in(child, (*path, key))


def changed(answer: Json, path: Path, value: object) -> Json:
    made: Any = copy.deepcopy(answer)
    reached = made
    for step in path[:-1]:
        reached = reached[step]
    reached[path[-1]] = value
    return made  # type: ignore[no-any-return]  # JSON


@ENDPOINTS
def test_any_value_of_a_wrong_type_is_told_with_its_path(endpoint: Endpoint) -> None:
    """Every value of the answer in turn; only those that no table has may be anything."""
    answer = ANSWERS[endpoint]
    for path in places_in(answer):
        made = document(ALONE, endpoint, changed(answer, path, {"?": []} if path[-1] != "default" else 7))
        if IGNORED & set(path):
            assert judge(made) is Verdict.OK
        else:
            with pytest.raises(TrendsUnreadable, match=rf"request [0-9a-f]{{16}}, {endpoint}: "):
                judge(made)


@ENDPOINTS
def test_new_fields_are_passed_over(endpoint: Endpoint) -> None:
    answer = ANSWERS[endpoint]
    for path in places_in({"": answer}):
        reached: Any = {"": answer}
        for step in path:
            reached = reached[step]
        if isinstance(reached, dict):
            made: Any = changed({"": answer}, path, {**reached, "newField": {"of": [1]}})
            assert judge(document(ALONE, endpoint, made[""])) is Verdict.OK


@pytest.mark.parametrize(
    ("endpoint", "answer", "message"),
    [
        (Endpoint.TIMELINE, {}, "missing required field `default`"),
        (Endpoint.TIMELINE, {"default": {}}, "missing required field `timelineData`"),
        (Endpoint.REGIONS, {"default": {"geoMapData": None}}, "Expected `array`, got `null`"),
        (Endpoint.TIMELINE, timeline({"time": "1"}), "missing required field `value`"),
        (Endpoint.TIMELINE, timeline(point(0, 101)), "Expected `int` <= 100"),
        (Endpoint.TIMELINE, timeline(point(0, -1)), "Expected `int` >= 0"),
        (Endpoint.TIMELINE, timeline(point(0, 1, time="1.5")), "matching regex"),
        (Endpoint.TIMELINE, timeline(point(0, 1, time="\uff11")), "matching regex"),
        (Endpoint.TIMELINE, timeline(point(0, 1, 2)), r"timelineData\[0\].value: 2 entries for 1 keywords"),
        (Endpoint.TIMELINE, timeline(point(0, 1, hasData=[])), r"\[0\].hasData: 0 entries for 1 keywords"),
        (Endpoint.TIMELINE, timeline(point(3, 1), point(3, 2)), r"timelineData\[1\]: time \d+ stands twice"),
        (Endpoint.REGIONS, regions(region("FR-A", 1, 2)), r"geoMapData\[0\].value: 2 entries for 1 keywords"),
        (Endpoint.QUERIES, related([topic("/m/1", 1, "1")], []), r"rankedList\[0\].rankedKeyword\[0\]: has no name"),
        (Endpoint.TOPICS, related([], [query("q", 1, "1")]), r"rankedList\[1\].rankedKeyword\[0\]: has no name"),
        (
            Endpoint.TOPICS,
            related([{"topic": {"type": "T"}, "value": 1}], []),
            r"\[0\].rankedKeyword\[0\]: has no name",
        ),
        (Endpoint.REGIONS, regions({"value": [1]}), r"geoMapData\[0\]: has no place"),
        (Endpoint.REGIONS, regions({"value": [1], "coordinates": {"lat": 1.0}}), "missing required field `lng`"),
        (Endpoint.TOPICS, {"default": {"rankedList": [{"rankedKeyword": []}]}}, "rankedList has 1 lists"),
        (Endpoint.QUERIES, b"<html>unusual traffic</html>", r"does not begin with \)\]\}'"),
        (Endpoint.QUERIES, b")]}',\n" + b'{"default":{"rankedList":[', "truncated"),
    ],
)
def test_an_answer_that_is_not_whole_is_told(endpoint: Endpoint, answer: object, message: str) -> None:
    with pytest.raises(TrendsUnreadable, match=message):
        judge(document(ALONE, endpoint, answer))


def test_an_answer_of_two_keywords_needs_two_values() -> None:
    with pytest.raises(TrendsUnreadable, match="1 entries for 2 keywords"):
        judge(document(BOTH, Endpoint.TIMELINE, timeline(point(0, 100))))


def test_points_come_in_the_order_of_time_whatever_google_does() -> None:
    made = points(document(ALONE, Endpoint.TIMELINE, timeline(point(9, 1), point(2, 2), point(5, 3, time=START_S))))
    assert [each.epoch_s - START_S for each in made] == [0, 120, 540]


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("+400%", 400),
        ("+1,250%", 1250),
        ("-30%", -30),
        ("250%", 250),
        ("Breakout", None),
        ("", None),
        (None, None),
        ("+1,25%", None),
        ("+\uff11%", None),
        ("400", None),
    ],
)
def test_growth_is_read_from_the_text(text: str | None, growth: int | None) -> None:
    assert growth_pct(text) == growth


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(ANSWERS)), JSON, st.data())
def test_no_answer_stops_the_parser_and_what_it_takes_is_whole(
    endpoint: Endpoint, value: object, data: st.DataObject
) -> None:
    """Any JSON at any place: it is refused with a sentence, or read; and if read, nothing that had a value lost it."""
    answer = ANSWERS[endpoint]
    made = changed(answer, data.draw(st.sampled_from(list(places_in(answer)))), value)
    found = document(ALONE, endpoint, made)
    try:
        verdict = judge(found)
    except TrendsUnreadable:
        return
    assert verdict in (Verdict.OK, Verdict.EMPTY, Verdict.NO_LISTS)
    if endpoint is Endpoint.TIMELINE:
        sent = {int(each["time"]): each["value"] for each in json.loads(found.body[6:])["default"]["timelineData"]}
        for each in points(found):
            assert [cell.value or 0 for cell in each.cells] == sent[each.epoch_s]
