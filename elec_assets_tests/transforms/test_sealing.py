import base64
import gzip
import json
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import HOUR, Grain, Window, id_bounds, window_at
from elec_assets.transforms.frames import empty, polars_schema
from elec_assets.transforms.sealing import Sealed, read_table, rejects_bytes, seal, table_bytes
from elec_assets.transforms.x_documents import RawDocument, Reject

RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
WINDOW = Window(datetime(2027, 2, 1, 13, tzinfo=UTC), datetime(2027, 2, 1, 14, tzinfo=UTC))
SINCE, UNTIL = id_bounds(WINDOW)
FIRST, LAST = SINCE + 1, UNTIL - 1
LATER = WINDOW.end + HOUR


def no_match(_: PostText) -> Match:
    return Match()


def document(
    *posts: dict[str, Any],
    batch_id: str = "b",
    received_at: datetime = LATER,
    origin: Literal["search", "stream"] = "search",
    tags: tuple[str, ...] = (),
) -> RawDocument:
    if origin == "search":
        return RawDocument(batch_id, origin, received_at, json.dumps({"data": posts}).encode(), "page")
    rules = [{"id": "1", "tag": tag} for tag in tags]
    lines = [json.dumps({"data": post, "matching_rules": rules}) for post in posts]
    return RawDocument(batch_id, origin, received_at, "\r\n".join(lines).encode(), "lines")


def post(tweet_id: int, text: str = "t", **fields: object) -> dict[str, Any]:
    return {"id": str(tweet_id), "text": text, **fields}


def sealed(*documents: RawDocument, tombstones: tuple[str, ...] = ()) -> Sealed:
    found = seal(documents, WINDOW, no_match, tombstones)
    assert found.received == found.frame.height + found.duplicates + found.strays + found.removed
    assert dict(found.frame.schema) == polars_schema(TWEETS)
    return found


def test_nothing_gives_an_empty_table() -> None:
    found = sealed()
    assert found.frame.equals(empty(TWEETS))
    assert (found.rejects, found.received, found.duplicates, found.strays) == ([], 0, 0, 0)


def test_only_ids_of_the_window_are_kept_whenever_they_came() -> None:
    found = sealed(document(*(post(i) for i in (FIRST - 1, FIRST, LAST, LAST + 1, 12345)), received_at=LATER + HOUR))
    assert found.frame["tweet_id"].to_list() == [str(FIRST), str(LAST)]
    assert found.strays == 3 - 1  # 12345 is older than snowflakes and has no time: a reject
    assert [r.position for r in found.rejects] == [4]


def test_rows_are_sorted_by_id_as_a_number() -> None:
    window = Window(datetime(2010, 11, 6, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))
    ids = [99_999_999_999_999_999, 100_000_000_000_000_000, 999_999_999_999_999]
    found = seal([document(*(post(i) for i in ids))], window, no_match)
    assert found.frame["tweet_id"].to_list() == [str(i) for i in sorted(ids)]


def test_of_several_copies_the_last_received_gives_the_values() -> None:
    old = document(post(FIRST, "old"), batch_id="z", received_at=LATER)
    new = document(post(FIRST, "new"), batch_id="a", received_at=LATER + timedelta(milliseconds=1))
    found = sealed(new, old)
    assert found.frame.select("text", "batch_id").rows() == [("new", "a")]
    assert found.duplicates == 1


def test_at_the_same_time_the_greater_batch_then_the_later_position_wins() -> None:
    first, second = (
        document(post(FIRST, "a1"), post(FIRST, "a2"), batch_id="a"),
        document(post(FIRST, "b"), batch_id="b"),
    )
    assert sealed(second, first).frame["text"].to_list() == ["b"]
    assert sealed(first).frame["text"].to_list() == ["a2"]


def test_of_two_batches_the_line_received_last_gives_the_values() -> None:
    """Two spools heard the same post; one batch goes on for longer, and its copy is the older."""
    times = [1_800_000_000_000 + 1000 * n for n in range(3)]
    long = document(post(FIRST, "older"), post(FIRST + 1), batch_id="z", origin="stream", received_at=LATER)
    short = document(post(FIRST, "newer"), batch_id="a", origin="stream", received_at=LATER - HOUR)
    long = replace(long, received_ms=(times[0], times[2]))
    short = replace(short, received_ms=(times[1],))
    for order in ((long, short), (short, long), (short, long, short)):
        found = sealed(*order).frame
        assert found["text"].to_list() == ["newer", "t"]
        assert found["received_at"].dt.timestamp("ms").to_list() == times[1:]


def test_origins_and_tags_are_united() -> None:
    stream = document(post(FIRST), batch_id="s", origin="stream", tags=("b", "a"))
    again = document(post(FIRST), batch_id="s2", origin="stream", tags=("c", "a"))
    search = document(post(FIRST, "later"), received_at=LATER + HOUR)
    for order in ((stream, again, search), (search, again, stream)):
        (row,) = sealed(*order).frame.to_dicts()
        assert (row["origin"], row["matched_rule_tags"], row["text"]) == (
            ["search", "stream"],
            ["a", "b", "c"],
            "later",
        )
    assert sealed(search).frame["matched_rule_tags"].to_list() == [[]]


def test_tombstoned_posts_their_retweets_and_quoted_texts_are_left_out() -> None:
    gone = str(FIRST)
    quote = post(FIRST + 1, referenced_tweets=[{"type": "quoted", "id": gone}])
    retweet = post(FIRST + 2, referenced_tweets=[{"type": "retweeted", "id": gone}])
    body = {"data": [post(FIRST, "gone"), quote, retweet], "includes": {"tweets": [post(FIRST, "gone")]}}
    page = RawDocument("b", "search", LATER, json.dumps(body).encode(), "page")
    assert sealed(page).frame["quoted_text"].to_list() == [None, "gone", None]
    found = sealed(page, tombstones=(gone,))
    assert found.frame.select("tweet_id", "quoted_text").rows() == [(str(FIRST + 1), None)]
    assert found.removed == 2
    assert b"gone" not in table_bytes(found.frame)


COPIES = st.builds(
    lambda times, *posts, **fields: replace(document(*posts, **fields), received_ms=times),
    st.sampled_from([None, (5, 6), (6, 5), (5, 5)]),
    st.builds(post, st.integers(FIRST - 1, FIRST + 3) | st.just(LAST), st.sampled_from(["a", "b"])),
    st.builds(post, st.integers(FIRST, FIRST + 3), st.sampled_from(["c", "d"])),
    batch_id=st.sampled_from(["x", "y"]),
    received_at=st.sampled_from([LATER, LATER + HOUR]),
    origin=st.sampled_from(["search", "stream"]),
    tags=st.sampled_from([(), ("t",), ("u", "t")]),
)
BROKEN = st.builds(
    RawDocument,
    st.sampled_from(["x", "y"]),
    st.just("stream"),
    st.just(LATER),
    st.sampled_from([b"cut", b'{"data":{}}']),
    st.just("lines"),
)


@settings(deadline=None)
@given(st.lists(COPIES | BROKEN, max_size=6), st.randoms(use_true_random=False))
def test_sealing_is_a_function_of_the_set_of_documents(documents: list[RawDocument], rng: random.Random) -> None:
    once = sealed(*documents)
    again = [*documents, *rng.choices(documents, k=3)] if documents else []
    rng.shuffle(again)
    twice = sealed(*again)
    assert twice.frame.equals(once.frame)
    assert table_bytes(twice.frame) == table_bytes(once.frame)
    assert rejects_bytes(twice.rejects) == rejects_bytes(once.rejects)
    counts = [(found.received, found.duplicates, found.strays, found.removed) for found in (once, twice)]
    assert counts[0] == counts[1]


def test_table_bytes_round_trip_and_do_not_depend_on_chunks() -> None:
    frame = sealed(document(*(post(FIRST + i, f"é😀\r\n\x00 {i}") for i in range(50)))).frame
    pieces = pl.concat([frame.slice(i, 7) for i in range(0, 50, 7)], rechunk=False)
    assert table_bytes(pieces) == table_bytes(frame)
    assert read_table(table_bytes(pieces)).equals(frame)


def test_rejects_are_written_without_loss() -> None:
    rejects = [Reject("b", 2, "not UTF-8", b'"\xff\xfe'), Reject("a", -1, "cut", 'é\n"'.encode())]
    content = rejects_bytes(rejects)
    lines = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    assert lines[0] == {"batch_id": "a", "position": -1, "reason": "cut", "raw": 'é\n"'}
    assert base64.b64decode(lines[1]["raw_base64"]) == b'"\xff\xfe'
    assert content == rejects_bytes(reversed(rejects))
    assert content[4:8] == b"\x00\x00\x00\x00"


def test_recorded_hours_hold_all_recorded_ids() -> None:
    files = sorted((RECORDINGS / "x").glob("recorded_search_page_*.jsonl"))
    if not files:
        pytest.skip("no recordings: set ELEC_TEST_RECORDINGS to the directory that holds them")
    documents = [RawDocument(f.name, "search", LATER, f.read_bytes(), "page") for f in files]
    posts = [post for document in documents for post in json.loads(document.body)["data"]]
    hours = {window_at(datetime.fromisoformat(post["created_at"]), Grain.HOUR) for post in posts}
    found = [seal(documents, hour, no_match) for hour in sorted(hours)]
    ids = [tweet_id for hour in found for tweet_id in hour.frame["tweet_id"]]
    assert ids == sorted((post["id"] for post in posts), key=int)
    assert len(ids) == 574
    assert [hour.strays for hour in found] == [574 - hour.frame.height for hour in found]
