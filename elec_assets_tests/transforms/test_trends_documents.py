"""Raw documents of Google Trends: kept as received, read back as kept, and never another candidate's."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.trends import Endpoint
from elec_assets.transforms.gzips import packed, unpacked
from elec_assets.transforms.trends_documents import (
    Exchange,
    RawTrendsDocument,
    decode_document,
    document_of,
    encode_document,
)
from elec_assets.transforms.trends_explore import TrendsMismatch, TrendsUnreadable, parse_answer, read_explore
from elec_assets.transforms.trends_objects import TimelineAnswer
from elec_assets_tests.transforms.trends_wire import (
    ALONE,
    ANSWERS,
    BOTH,
    FETCHED,
    Json,
    asked,
    body,
    document,
    explore_body,
    explore_json,
    point,
    timeline,
)

EXCHANGE = Exchange(endpoint=Endpoint.EXPLORE, attempt=2, fetched_at="2027-02-01T08:19:00.000Z", status=200, bytes=9)
GOOD = document(BOTH, Endpoint.TIMELINE, timeline(point(0, 100, 3)), exchanges=[EXCHANGE])


def stored(document: RawTrendsDocument) -> Json:
    plain: Json = json.loads(unpacked(encode_document(document)))
    return plain


@settings(deadline=None, max_examples=30)
@given(st.binary() | st.text().map(str.encode), st.none() | st.text(), st.booleans())
def test_a_document_is_read_back_as_it_was_whatever_came(data: bytes, sent: str | None, known: bool) -> None:
    before = replace(GOOD, body=data, sent=sent, resolution="MINUTE" if known else None)
    kept = encode_document(before)
    after = decode_document(kept, "k")
    assert after == before
    assert encode_document(after) == kept


def test_the_widget_is_kept_byte_for_byte_also_what_nobody_reads() -> None:
    explored = read_explore(explore_body(BOTH), BOTH)
    raw = explored.offers[Endpoint.TIMELINE].raw
    assert raw in explore_body(BOTH)
    assert b'"title": "x"' in raw
    assert decode_document(encode_document(GOOD), "k").widget == raw
    assert stored(GOOD)["body"].encode() == GOOD.body


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_document_are_refused_by_name(data: bytes) -> None:
    for found in (data, packed(data), encode_document(GOOD)[: len(data) + 20]):
        with pytest.raises(TrendsUnreadable, match=r"^some/key: "):
            decode_document(found, "some/key")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format=2), "k: format 2, this program reads up to 1; upgrade"),
        (lambda d: d["request"].update(geo=""), "k: holds request .*, but is stored as that of"),
        (lambda d: d["request"].update(tz="0"), r"Expected `int`, got `str` - at `\$.request.tz`"),
        (lambda d: d["request"].update(keywords=[]), "k: a request holds 1 to 5 keywords, found 0"),
        (lambda d: d.update(body_encoding="base64", body="?"), "k: .*base64"),
        (lambda d: d.update(fetched_at="then"), "k: Invalid isoformat string"),
        (lambda d: d.pop("body"), "Object missing required field `body`"),
    ],
)
def test_a_document_that_was_changed_is_refused(change: Callable[[Json], object], message: str) -> None:
    plain = stored(GOOD)
    change(plain)
    with pytest.raises(TrendsUnreadable, match=message):
        decode_document(packed(json.dumps(plain).encode()), "k")


def test_a_missing_widget_is_missing_and_nothing_takes_its_place() -> None:
    """Plain pytrends keeps the widget of the candidate before, and returns its data under the new name."""
    explored = read_explore(explore_body(ALONE, omit=[Endpoint.TIMELINE]), ALONE)
    assert set(explored.offers) == {Endpoint.REGIONS, Endpoint.TOPICS, Endpoint.QUERIES}
    assert explored.resolution is None
    made = document_of(
        explored, Endpoint.TIMELINE, status=200, body=b"", fetched_at=FETCHED, backend="t", backend_version="1"
    )
    assert made.absent
    assert decode_document(encode_document(made), "k") == made
    with pytest.raises(TrendsUnreadable, match="no widget was offered"):
        made.read_widget()


def _at(endpoint: int, *path: str | int) -> Callable[[Json], Json]:
    def reach(answer: Json) -> Json:
        found = answer["widgets"][endpoint]["request"]
        for step in path:
            found = found[step]
        return found  # type: ignore[no-any-return]  # JSON

    return reach


@pytest.mark.parametrize(
    ("reach", "change", "message"),
    [
        (
            _at(0, "comparisonItem", 0, "complexKeywordsRestriction", "keyword", 0),
            {"value": "Bob"},
            r"timeline: asked for keywords \['ada'\], the widget says \['bob'\]; its data is not used",
        ),
        (_at(0, "comparisonItem", 0), {"geo": {}}, "timeline: asked for geo .*FR.*, the widget says"),
        (_at(0, "comparisonItem", 0, "geo"), {"country": "DE"}, "timeline: asked for geo"),
        (_at(1), {"geo": {}}, "regions: asked for geo"),
        (_at(1), {"dataMode": "PERCENTAGES"}, "regions: asked for dataMode None, the widget says 'PERCENTAGES'"),
        (_at(1), {"comparisonItem": []}, "regions: asked for keywords"),
        (_at(2), {"keywordType": "QUERY"}, "topics: asked for keywordType 'ENTITY', the widget says 'QUERY'"),
        (_at(2, "restriction", "geo"), {"country": "BE"}, "topics: asked for geo"),
        (_at(3, "requestOptions"), {"category": 16}, "queries: asked for category 0, the widget says 16"),
        (_at(3, "requestOptions"), {"property": "news"}, "queries: asked for property '', the widget says 'news'"),
    ],
)
def test_a_widget_about_something_else_is_never_used(reach: Callable[[Json], Json], change: Json, message: str) -> None:
    answer = explore_json(ALONE)
    reach(answer).update(change)
    with pytest.raises(TrendsMismatch, match=message):
        read_explore(b")]}'\n" + json.dumps(answer).encode(), ALONE)


def test_a_stored_document_with_another_candidates_widget_is_refused_when_read() -> None:
    other = document(asked("cyd", "bob"), Endpoint.TIMELINE, timeline(point(0, 100, 3)))
    mixed = decode_document(encode_document(replace(GOOD, widget=other.widget)), "k")
    with pytest.raises(TrendsMismatch, match="asked for keywords"):
        mixed.read_widget()


def test_the_order_of_keywords_counts_because_values_come_in_it() -> None:
    turned = asked("bob", "ada")
    with pytest.raises(TrendsMismatch, match=r"\['bob', 'ada'\], the widget says \['ada', 'bob'\]"):
        read_explore(explore_body(BOTH), turned)


def test_case_spaces_and_the_parts_of_a_union_are_the_same_keyword() -> None:
    union = replace(ALONE, keywords=(replace(ALONE.keywords[0], text="Édouard  Philippe + philippe"),))
    answer = explore_json(union)
    for widget in answer["widgets"]:
        text = json.dumps(widget.get("request"))
        one = '{"type": "BROAD", "value": "\\u00c9douard  Philippe + philippe"}'
        two = '{"type": "BROAD", "value": "e\\u0301douard philippe"}, {"type": "BROAD", "value": "philippe"}'
        if "request" in widget:
            assert one in text
            widget["request"] = json.loads(text.replace(one, two))
    assert set(read_explore(b")]}'\n" + json.dumps(answer).encode(), union).offers) == set(ANSWERS)


@pytest.mark.parametrize(("geo", "said"), [("", {}), ("FR", {"country": "FR"}), ("FR-IDF", {"region": "FR-IDF"})])
def test_the_place_is_compared_however_google_spells_it(geo: str, said: Json) -> None:
    request = replace(ALONE, geo=geo)
    answer = explore_json(request)
    for widget in answer["widgets"][:2]:
        item = widget["request"].get("comparisonItem")[0]
        (item if "geo" in item else widget["request"])["geo"] = said
    for widget in answer["widgets"][2:4]:
        widget["request"]["restriction"]["geo"] = said
    assert len(read_explore(b")]}'\n" + json.dumps(answer).encode(), request).offers) == 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"does not begin with \)\]\}'"),
        (b"<html>are you a robot?</html>", r"does not begin with \)\]\}'"),
        (b'{"widgets":[]}', r"does not begin with \)\]\}'"),
        (b")]}'\n", "explore: Input data was truncated"),
        (b')]}\'\n{"widgets"', "explore: Input data was truncated"),
        (b")]}'\n[]", r"explore: Expected `object`, got `array`"),
        (b")]}'\n{}", "explore: Object missing required field `widgets`"),
        (b')]}\'\n{"widgets":[1]}', r"explore, widgets\[0\]: Expected `object`, got `int`"),
        (b')]}\'\n{"widgets":[],"x":"\xff"}', "explore: not UTF-8"),
        (b')]}\'\n{"widgets":' + b"[" * 100_000, "explore: "),
    ],
)
def test_what_is_no_explore_answer_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(TrendsUnreadable, match=message):
        read_explore(data, ALONE)


def test_two_widgets_of_one_kind_are_refused() -> None:
    answer = explore_json(ALONE)
    answer["widgets"].append(answer["widgets"][0])
    with pytest.raises(TrendsUnreadable, match=r"widgets\[5\]: a second widget TIMESERIES"):
        read_explore(b")]}'\n" + json.dumps(answer).encode(), ALONE)


@settings(deadline=None, max_examples=40)
@given(st.binary(max_size=40), st.sampled_from([b"", b")]}'\n", b")]}',\n", b")]}'"]))
def test_no_bytes_stop_the_reader(data: bytes, prefix: bytes) -> None:
    for read in (lambda b: read_explore(b, ALONE), lambda b: parse_answer(b, TimelineAnswer, "x")):
        with pytest.raises(TrendsUnreadable):
            read(prefix + data)


@pytest.mark.parametrize("prefix", [b")]}'\n", b")]}',\n", b")]}',\r\n", b")]}',"])
def test_both_prefixes_are_taken(prefix: bytes) -> None:
    answer = prefix + body(timeline(point(0, 100)))[6:]
    assert parse_answer(answer, TimelineAnswer, "x").default.timeline_data[0].value == [100]
