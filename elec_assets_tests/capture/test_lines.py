import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.capture.lines import LineRead, Sort, read_line

FEW = settings(max_examples=40, deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ID = 1_800_000_000_000_000_001


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b'{"data":{"id":"12"},"matching_rules":[{"id":"1","tag":"a"},{"id":"2"}]}', LineRead(Sort.POST, 12, ("a",))),
        (b'{"matching_rules":[{"id":1,"tag":null}],"data":{"text":"x","id":12}}\r\n', LineRead(Sort.POST, 12)),
        (b'{"data":{"id":"12"},"matching_rules":[{"tag":""}]}', LineRead(Sort.POST, 12)),
        (b'{"data":{"id":"12"},"matching_rules":null}', LineRead(Sort.POST, 12)),
        # A lone surrogate, and bytes that are not UTF-8, where nothing is read.
        (b'{"data":{"id":"12","text":"\\ud800"}}', LineRead(Sort.POST, 12)),
        (b'{"data":{"id":"12","text":"\xff"},"matching_rules":[{"tag":"a"}]}', LineRead(Sort.POST, 12, ("a",))),
        # Rules that cannot be read: the post goes to all elections.
        (b'{"data":{"id":"12"},"matching_rules":{"tag":"a"}}', LineRead(Sort.POST, 12)),
        (b'{"data":{"id":"12"},"matching_rules":[{"tag":5},{"tag":"a"}]}', LineRead(Sort.POST, 12)),
        (b'{"data":{"id":"12"},"matching_rules":[{"tag":"\\ud800"}]}', LineRead(Sort.POST, 12)),
        # Ids that are none: the post keeps its tags.
        (b'{"data":{"id":"x"},"matching_rules":[{"tag":"a"}]}', LineRead(Sort.UNREADABLE, None, ("a",))),
        (b'{"data":{"id":1.5},"matching_rules":[{"tag":"a"}]}', LineRead(Sort.UNREADABLE, None, ("a",))),
        (b'{"data":{"id":-1}}', LineRead(Sort.UNREADABLE)),
        (b'{"data":{"id":true}}', LineRead(Sort.UNREADABLE)),
        (b'{"data":{"id":"99999999999999999999"}}', LineRead(Sort.UNREADABLE)),
        ('{"data":{"id":"１２"}}'.encode(), LineRead(Sort.UNREADABLE)),  # noqa: RUF001 - digits, but not ASCII
        (b'{"data":{"text":"x"}}', LineRead(Sort.UNREADABLE)),
        (b'{"data":"x"}', LineRead(Sort.UNREADABLE)),
        (b'{"errors":[{"title":"operational-disconnect"}]}', LineRead(Sort.NOTICE)),
        (b'{"unknown":1}', LineRead(Sort.NOTICE)),
        (b'{"data":null}', LineRead(Sort.NOTICE)),
        (b"\r\n", LineRead(Sort.NOTICE)),
        (b'{"data":{"id":"12"', LineRead(Sort.UNREADABLE)),
        (b"[1]", LineRead(Sort.UNREADABLE)),
        (b"null", LineRead(Sort.UNREADABLE)),
        (b"<html>", LineRead(Sort.UNREADABLE)),
        (b"", LineRead(Sort.NOTICE)),
        (b'{"data":' + b"[" * 100_000, LineRead(Sort.UNREADABLE)),
    ],
)
def test_what_a_line_is(raw: bytes, wanted: LineRead) -> None:
    assert read_line(raw) == wanted


@given(st.binary(max_size=60))
@FEW
def test_any_bytes_are_read_as_something(raw: bytes) -> None:
    assert read_line(raw).post_id is None or b"id" in raw


@given(JSON, JSON, JSON)
@FEW
def test_any_json_is_read_as_something(data: object, rules: object, other: object) -> None:
    """`errors` and what is unknown may be anything; a post is only one with an id."""
    read = read_line(json.dumps({"data": data, "matching_rules": rules, "errors": other}).encode())
    assert (read.sort is Sort.POST) == (read.post_id is not None)
    assert (read.sort is Sort.NOTICE) == (data is None)


@given(JSON, st.booleans())
@FEW
def test_a_good_post_is_one_whatever_stands_beside_it(other: object, number: bool) -> None:
    post = {"data": {"text": other, "id": ID if number else str(ID), "geo": other}, "includes": other}
    read = read_line(json.dumps(post | {"matching_rules": [{"id": other, "tag": "t"}]}).encode())
    assert read == LineRead(Sort.POST, ID, ("t",))
