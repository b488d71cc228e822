import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.x_documents import BESIDE_POSTS, Group, RawDocument, Reject, decode
from elec_assets.transforms.x_objects import ReceivedPost, as_count

ID = "1574186989737459712"
NOON = datetime(2022, 9, 26, 12, tzinfo=UTC)
RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))


def document(body: bytes, kind: Literal["page", "lines"] = "page") -> RawDocument:
    return RawDocument("batch", "search" if kind == "page" else "stream", NOON, body, kind)


def page(*posts: str, rest: str = "") -> bytes:
    return ('{"data":[' + ",".join(posts) + "]" + rest + "}").encode()


def post(rest: str = "", tweet_id: str = ID) -> str:
    return f'{{"id":"{tweet_id}","text":"t"{rest}}}'


def read(body: bytes, kind: Literal["page", "lines"] = "page") -> tuple[list[ReceivedPost], list[Reject]]:
    parts = list(decode(document(body, kind)))
    posts = [post for part in parts if isinstance(part, Group) for _, post in part.posts]
    return posts, [part for part in parts if isinstance(part, Reject)]


def only(body: bytes) -> ReceivedPost:
    posts, rejects = read(body)
    assert rejects == []
    assert len(posts) == 1
    return posts[0]


# Drift that other readers lose data to, one test each.


def test_a_new_field_is_ignored() -> None:
    assert only(page(post(',"brand_new":{"a":[1,{"b":null}]}'))).id == ID


@pytest.mark.parametrize("field", ["public_metrics", "entities", "geo", "withheld", "note_tweet", "referenced_posts"])
def test_an_absent_or_null_object_is_null(field: str) -> None:
    assert getattr(only(page(post())), field) is None
    assert getattr(only(page(post(f',"{field}":null'))), field) is None


@pytest.mark.parametrize(
    ("written", "count"), [("3", 3), ('"3"', 3), ("3.0", 3), ('"3.0"', 3), ('"-3"', -3), ("null", None)]
)
def test_a_count_may_be_a_string_or_a_whole_float(written: str, count: int | None) -> None:
    metrics = only(page(post(f',"public_metrics":{{"like_count":{written}}}'))).public_metrics
    assert metrics is not None
    assert metrics.like_count == count
    assert type(metrics.like_count) is type(count)


@pytest.mark.parametrize(
    "written", ["3.5", '"3.5"', '"many"', '""', "1e30", "9223372036854775808", "true", "[3]", '"٣"']
)
def test_a_count_that_is_no_whole_number_rejects_its_post(written: str) -> None:
    bad = post(f',"public_metrics":{{"like_count":{written}}}')
    posts, rejects = read(page(bad, post()))
    assert [p.id for p in posts] == [ID]
    assert [(r.position, r.raw) for r in rejects] == [(0, bad.encode())]
    assert "count" in rejects[0].reason


def test_an_id_as_integer_is_exact() -> None:
    assert only(page(f'{{"id":{ID},"text":"t"}}')).id == ID


def test_an_id_as_string_stays_a_string() -> None:
    assert only(page(post())).id == ID


BAD_IDS = [
    *(f"{ID}.0", "1.5741869897374597e18", "1e3", '""', '"12a"', '"-1"', "-1", '"12345678901234567890"', '"1\\n"'),
    *("12345678901234567890", "true", "[]", '"١٢"', '" 1"'),
]


@pytest.mark.parametrize("written", [*BAD_IDS, "null"])
def test_an_id_that_is_none_rejects_its_post(written: str) -> None:
    bad = f'{{"id":{written},"text":"t"}}'
    posts, rejects = read(page(bad, post()))
    assert [p.id for p in posts] == [ID]
    assert [(r.batch_id, r.position, r.raw) for r in rejects] == [("batch", 0, bad.encode())]


@pytest.mark.parametrize("written", BAD_IDS)
@pytest.mark.parametrize("field", ["author_id", "conversation_id", "in_reply_to_user_id"])
def test_another_id_that_is_none_rejects_its_post(field: str, written: str) -> None:
    bad = post(f',"{field}":{written}')
    posts, rejects = read(page(bad, post()))
    assert [p.id for p in posts] == [ID]
    assert [(r.position, r.raw) for r in rejects] == [(0, bad.encode())]


def test_an_object_that_became_a_list_rejects_its_post() -> None:
    posts, rejects = read(page(post(), post(',"public_metrics":[]')))
    assert len(posts) == 1
    assert [r.position for r in rejects] == [1]
    assert "public_metrics" in rejects[0].reason


@pytest.mark.parametrize("text", [r"\ud83d", r"\ud83d ...", r"\ude00 ......", r"\ud83dA......", r"\ud83d\ud83d\ude00"])
def test_a_lone_surrogate_rejects_its_post_alone(text: str) -> None:
    bad = f'{{"id":"{ID}","text":"{text}"}}'
    posts, rejects = read(page(post(), bad, post()))
    assert len(posts) == 2
    assert [(r.position, r.raw) for r in rejects] == [(1, bad.encode())]
    assert rejects[0].reason.startswith("a lone surrogate")


def test_a_surrogate_pair_is_a_character() -> None:
    assert only(page(f'{{"id":"{ID}","text":"\\ud83d\\ude00"}}')).text == "\U0001f600"


@pytest.mark.parametrize("bad", ['{"id":"1","text":"\x01"}', '{"id":"1","text":"\\q"}', "nul", "3", "{}", "null"])
def test_a_broken_post_rejects_itself_alone(bad: str) -> None:
    posts, rejects = read(page(post(), bad, post()))
    assert len(posts) == 2
    assert [(r.position, r.raw) for r in rejects] == [(1, bad.encode())]


def test_bytes_that_are_not_utf8_reject_their_post_alone() -> None:
    bad = f'{{"id":"{ID}","text":"'.encode() + b'\xff\xfe"}'
    posts, rejects = read(b'{"data":[' + post().encode() + b"," + bad + b"]}")
    assert len(posts) == 1
    assert [r.raw for r in rejects] == [bad]


NO_PAGES = [
    *(b"", b"<html>", b"[]", b"3", b'{"data":3}', b'{"data":[{"id":"1","te', b"{}", b'{"data":null}', b'{"errors":[]}'),
    *(b'{"meta":{"result_count":3}}', page(post()) + b" x", b'{"data":[],}', page(post())[:-1]),
]


@pytest.mark.parametrize("body", NO_PAGES)
def test_a_page_that_is_none_is_one_reject(body: bytes) -> None:
    posts, rejects = read(body)
    assert posts == []
    assert [(r.position, r.raw) for r in rejects] == [(BESIDE_POSTS, body)]
    assert rejects[0].reason


def test_text_nested_without_end_is_a_reject() -> None:
    bad = post(',"x":' + "[" * 100_000 + "]" * 100_000)
    posts, rejects = read(page(post(), bad))
    assert len(posts) == 1
    assert [r.position for r in rejects] == [1]


@pytest.mark.parametrize("body", [b'{"meta":{"result_count":0}}', b'{"data":[],"meta":{"result_count":0}}'])
def test_an_empty_page_is_no_reject(body: bytes) -> None:
    assert read(body) == ([], [])


def test_partial_errors_beside_data_are_no_reject() -> None:
    assert only(page(post(), rest=',"errors":[{"title":"Not Found Error","value":"1"}]')).id == ID


def test_a_bad_part_sent_along_does_not_take_the_posts_with_it() -> None:
    users = '[{"id":"1","username":"a"},{"id":"2","created_at":"yesterday"},{"id":"3","username":"c"}]'
    body = page(post(), rest=f',"includes":{{"users":{users},"polls":["\\ud83d"],"media":null}}')
    groups = [part for part in decode(document(body)) if isinstance(part, Group)]
    rejects = [part for part in decode(document(body)) if isinstance(part, Reject)]
    assert [user.username for user in groups[0].includes.users or ()] == ["a", "c"]
    assert sorted(r.reason.split(":")[0] for r in rejects) == ["includes.polls", "includes.users[1]"]
    assert {r.position for r in rejects} == {BESIDE_POSTS}


def test_an_unreadable_part_that_nothing_reads_is_noted() -> None:
    posts, rejects = read(page(post(), rest=r',"errors":[{"detail":"\ud83d"}]'))
    assert len(posts) == 1
    assert [r.reason.split(":")[0] for r in rejects] == ["errors"]


def test_both_spellings_are_read() -> None:
    old = ',"referenced_tweets":[{"type":"quoted","id":"1"}],"note_tweet":{"text":"n"},"edit_history_tweet_ids":["2"]'
    for spelled in (old, old.replace("tweet", "post")):
        found = only(page(post(spelled)))
        assert [(r.type, r.id) for r in found.references] == [("quoted", "1")]
        assert (found.full_text, found.edit_ids) == ("n", ["2"])


def test_a_post_older_than_snowflakes_needs_its_time() -> None:
    assert only(page(post(',"created_at":"2009-01-01T00:00:00.000Z"', "1100000000"))).id == "1100000000"
    posts, rejects = read(page(post("", "1100000000")))
    assert posts == []
    assert "snowflakes" in rejects[0].reason


def test_lines_of_the_stream() -> None:
    rules = ',"matching_rules":[{"id":"1"},{"id":2,"tag":null},{"id":"3","tag":""},{"id":"4","tag":"elec:a"}]'
    notice = '{"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect"}]}'
    lines = [f'{{"data":{post()}{rules}}}', "", notice, f'{{"data":{post()}', '{"limit":{"track":3}}', '{"data":null}']
    parts = list(decode(document("\r\n".join(lines).encode(), "lines")))
    assert [(part.posts[0][0], part.tags) for part in parts if isinstance(part, Group)] == [(0, ("elec:a",))]
    assert [(part.position, part.raw.decode()) for part in parts if isinstance(part, Reject)] == [
        (position, lines[position]) for position in (3, 4, 5)
    ]


def test_a_line_with_bad_rules_keeps_its_post() -> None:
    parts = list(decode(document(f'{{"data":{post()},"matching_rules":[{{"tag":3}}]}}'.encode(), "lines")))
    assert [part.reason.split(":")[0] for part in parts if isinstance(part, Reject)] == ["matching_rules"]
    assert [len(part.posts) for part in parts if isinstance(part, Group)] == [1]


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_count_is_exact(count: int) -> None:
    assert as_count(str(count)) == count


@given(st.binary(), st.sampled_from(["page", "lines"]))
def test_arbitrary_bytes_never_raise(body: bytes, kind: Literal["page", "lines"]) -> None:
    posts, rejects = read(body, kind)
    assert posts == []
    assert bool(rejects) == bool(body.strip()) or kind == "page"


SAMPLE = page(
    post(',"author_id":"7","public_metrics":{"like_count":1},"entities":{"urls":[{"url":"u"}]}'),
    post(',"referenced_tweets":[{"type":"retweeted","id":"9"}],"created_at":"2022-09-25T23:59:59.000Z"'),
    rest=',"includes":{"users":[{"id":"7","username":"a"}],"tweets":[{"id":"9","text":"é\\ud83d\\ude00"}]},"meta":{"a":1}',
)


@given(
    st.lists(st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 12), st.binary(max_size=4)), min_size=1, max_size=4),
    st.sampled_from(["page", "lines"]),
)
def test_mutated_pages_never_raise_and_nothing_vanishes(
    edits: list[tuple[int, int, bytes]], kind: Literal["page", "lines"]
) -> None:
    body = SAMPLE
    for start, length, inserted in edits:
        body = body[:start] + inserted + body[start + length :]
    posts, rejects = read(body, kind)
    assert posts or rejects or kind == "lines" or msgspec.json.decode(body).get("data") == []


def test_recorded_pages_have_no_reject() -> None:
    files = sorted((RECORDINGS / "x").glob("recorded_search_page_*.jsonl"))
    if not files:
        pytest.skip("no recordings: set ELEC_TEST_RECORDINGS to the directory that holds them")
    for file in files:
        posts, rejects = read(file.read_bytes())
        assert rejects == []
        assert [p.id for p in posts] == [p["id"] for p in json.loads(file.read_bytes())["data"]]
