"""What raw objects hold: rows, copies, retweeted originals, and whatever an unreadable text names."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.windows import DAY, Grain, Window, window_at
from elec_assets.transforms.held_posts import (
    Held,
    HeldObject,
    Kind,
    decode_held,
    due,
    encode_held,
    held_in,
    ids,
    profiles_in,
    repeated_of,
)
from elec_assets.transforms.scrubbing import scrub
from elec_assets.transforms.tombstones import Tombstones, fingerprint

LINE = {
    "data": {
        "id": "10",
        "author_id": "1",
        "text": "RT @Someone: hello",
        "referenced_tweets": [{"type": "retweeted", "id": "20"}, {"type": "quoted", "id": "30"}],
        "geo": {"place_id": "x"},
    },
    "includes": {"tweets": [{"id": "20", "author_id": 2}], "users": [{"id": "2", "username": "Someone"}]},
}
NEW = json.loads(json.dumps(LINE).replace("referenced_tweets", "referenced_posts").replace('"tweets"', '"posts"'))
FOUND = {Held(10, 1, 10, placed=True), Held(20, 0, 10, placed=False), Held(20, 2, 10, placed=False)}


@pytest.mark.parametrize("line", [LINE, NEW], ids=["tweet", "post"])
def test_a_line_holds_its_post_the_copies_and_what_it_repeats(line: object) -> None:
    body = b"\r\n" + json.dumps(line).encode() + b"\r\n\r\n"
    assert set(held_in(body, "lines")) == FOUND
    assert set(profiles_in(body, "lines")) == {(2, "someone")}
    assert list(repeated_of(body, "lines", {"someone"})) == [20]
    assert list(repeated_of(body, "lines", {"another"})) == []


def test_copies_of_a_page_belong_to_no_row_of_its_own() -> None:
    page = {"data": [LINE["data"]], "includes": LINE["includes"]}
    body = json.dumps(page).encode()
    assert Held(20, 2, 0, placed=False) in held_in(body, "page")
    assert set(profiles_in(body, "page")) == {(2, "someone")}
    assert list(repeated_of(body, "page", {"someone"})) == [20]


def test_an_unreadable_text_holds_every_post_it_names() -> None:
    body = b'{"data":{"id":"10","text":"cut off \r\n{"author_id": 20'
    assert set(held_in(body, "lines")) == {Held(10, 10, 0, placed=True), Held(20, 20, 0, placed=True)}
    assert {each.id for each in held_in(body, "page")} == {10, 20}
    assert held_in(b'{"errors":[{"title":"bye"}]}\r\n', "lines") == ()


def test_what_is_known_is_read_back_and_anything_else_is_nothing() -> None:
    objects = {"b": HeldObject(7, held_in(json.dumps(LINE).encode(), "lines")), "a": HeldObject(0, ())}
    assert decode_held(encode_held(objects)) == objects
    assert encode_held(dict(sorted(objects.items()))) == encode_held(objects)
    assert decode_held(b"damaged") == {}
    assert ids(objects.values()) == {10, 20}


def test_every_day_older_than_30_days_is_due_once_in_7() -> None:
    today = window_at(datetime(2027, 6, 1, tzinfo=UTC), Grain.DAY)
    for age in (0, 1, 29):
        assert due(_ago(today, age), today)
    for age in (30, 200, 500):
        turns = [due(_ago(today, age), Window(today.start + DAY * n, today.end + DAY * n)) for n in range(7)]
        assert sum(turns) == 1
    assert due(_ago(today, 31), today, everything=True)


def _ago(today: Window, days: int) -> Window:
    return Window(today.start - timedelta(days=days), today.end - timedelta(days=days))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_is_held_and_taken_out_is_held_no_more_however_broken_the_text(seed: int) -> None:
    """Random bytes are changed: nothing raises, and what must go is gone."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    body = bytearray((json.dumps(LINE) + "\r\n" + json.dumps(NEW)).encode())
    for _ in range(draw.randrange(6)):
        body[draw.randrange(len(body))] = draw.choice(b'"{}[],:\\\n0 \xff')
    raw = bytes(body)
    kind: Kind = "lines" if draw.random() < 0.5 else "page"
    held = held_in(raw, kind)
    some = [draw.sample(held, min(len(held), number)) for number in (2, draw.randrange(2))]
    posts, authors = {each.id for each in some[0]}, {each.author for each in some[1] if each.author}
    gone = Tombstones(frozenset(map(fingerprint, posts)), people=frozenset(map(fingerprint, authors)))
    done = scrub(raw, kind, gone).body
    assert not [each for each in held_in(done, kind) if each.taken(gone)]
    assert scrub(done, kind, gone).body == done
