import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from elec_assets.domain.matcher import Match, PostText
from elec_assets.domain.tables import TWEETS
from elec_assets.transforms.frames import from_rows
from elec_assets.transforms.tweets import flatten
from elec_assets.transforms.x_documents import RawDocument

RECORDINGS = Path(os.environ.get("ELEC_TEST_RECORDINGS", Path(__file__).parents[3] / "shared" / "data"))
NOON = datetime(2027, 2, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ID = "1574186989737459712"  # 2022-09-25 23:59:59.x

Json = dict[str, Any]


def no_match(_: PostText) -> Match:
    return Match()


def row(post: Json, includes: Json | None = None, removed: tuple[str, ...] = ()) -> Json:
    body = json.dumps({"data": [{"id": ID, "text": "own"} | post], "includes": includes}).encode()
    flat = flatten(RawDocument("batch", "search", NOON, body, "page"), no_match, removed)
    assert flat.rejects == []
    return from_rows([cells for _, cells in flat.rows], TWEETS).row(0, named=True)


def matched(post: Json, includes: Json | None = None) -> PostText:
    """What the matcher is given."""
    seen: list[PostText] = []

    def match(text: PostText) -> Match:
        seen.append(text)
        return Match()

    body = json.dumps({"data": [{"id": ID, "text": "own"} | post], "includes": includes}).encode()
    flatten(RawDocument("batch", "search", NOON, body, "page"), match)
    assert len(seen) == 1
    return seen[0]


def refers(*references: tuple[str, str]) -> Json:
    return {"referenced_tweets": [{"type": kind, "id": tweet_id} for kind, tweet_id in references]}


ORIGINAL = {
    "id": "7",
    "author_id": "70",
    "text": "all of it, to the very end #z",
    "entities": {"hashtags": [{"tag": "z"}], "mentions": [{"username": "m"}], "urls": [{"url": "u"}]},
}
CUT = {"text": "RT @old_name: all of it, to…", "entities": {"mentions": [{"username": "old_name"}]}}


def test_a_post_with_nothing_but_id_and_text() -> None:
    created = datetime(2022, 9, 25, 23, 59, 59, tzinfo=UTC)
    found = row({})
    assert found["created_at"].replace(microsecond=0) == created
    assert found["window_start"] == datetime(2022, 9, 25, 23, 55, tzinfo=UTC)
    assert (found["kind"], found["text"], found["text_is_full"]) == ("original", "own", True)
    assert (found["edit_ids"], found["edit_root_id"], found["is_edited"]) == ([], ID, False)
    assert found["received_at"] == found["metrics_at"] == NOON
    assert (found["batch_id"], found["origin"], found["schema_version"]) == ("batch", ["search"], 1)
    empty = [c.name for c in TWEETS.columns if c.nullable and found[c.name] is not None]
    assert empty == ["metrics_at", "received_at"]


def test_a_post_older_than_snowflakes_has_the_time_x_gives() -> None:
    found = row({"id": "1100000000", "created_at": "2009-01-05T10:11:12.000Z"})
    assert found["created_at"] == datetime(2009, 1, 5, 10, 11, 12, tzinfo=UTC)
    assert found["window_start"] == datetime(2009, 1, 5, 10, 10, tzinfo=UTC)


def test_the_id_decides_the_time() -> None:
    assert row({"created_at": "2001-01-01T00:00:00.000Z"})["created_at"].year == 2022


@pytest.mark.parametrize(
    ("references", "kind"),
    [
        ([("replied_to", "1")], "reply"),
        ([("replied_to", "1"), ("quoted", "2")], "quote"),
        ([("quoted", "2"), ("replied_to", "1"), ("retweeted", "3")], "retweet"),
        ([("something_new", "4")], "original"),
    ],
)
def test_kind_is_the_first_of_retweet_quote_reply_and_all_ids_are_kept(
    references: list[tuple[str, str]], kind: str
) -> None:
    found = row(refers(*references))
    ids = dict(references)
    assert found["kind"] == kind
    assert [found[f"{name}_id"] for name in ("replied_to", "quoted", "retweeted")] == [
        ids.get(name) for name in ("replied_to", "quoted", "retweeted")
    ]


def test_a_cut_retweet_is_made_whole_from_the_original() -> None:
    found = row(refers(("retweeted", "7")) | CUT, {"tweets": [{"id": "6", "text": "other"}, ORIGINAL]})
    assert found["text"] == "RT @old_name: all of it, to the very end #z"
    assert found["text_is_full"] is True
    assert (found["hashtags"], found["mentions"], found["urls"]) == (["z"], ["old_name", "m"], ["u"])
    assert (found["retweeted_author_id"], found["quoted_text"]) == ("70", None)


def test_the_long_form_of_the_original_is_used() -> None:
    original = ORIGINAL | {"note_tweet": {"text": "longer still", "entities": {"hashtags": [{"tag": "long"}]}}}
    found = row(refers(("retweeted", "7")) | CUT, {"tweets": [original]})
    assert (found["text"], found["hashtags"]) == ("RT @old_name: longer still", ["long"])


@pytest.mark.parametrize(("text", "full"), [("RT @a: cut…", False), ("RT @a: short", True)])
def test_a_retweet_without_its_original_is_full_if_it_is_not_cut(text: str, full: bool) -> None:
    found = row(refers(("retweeted", "7")) | {"text": text}, {"tweets": [{"id": "8", "text": "another"}]})
    assert (found["text"], found["text_is_full"], found["retweeted_author_id"]) == (text, full, None)


def test_an_ellipsis_of_the_author_does_not_make_a_post_cut() -> None:
    assert row({"text": "well…"})["text_is_full"] is True


def test_long_posts_have_text_and_entities_of_the_long_form() -> None:
    short = {"hashtags": [{"tag": "s"}], "cashtags": [{"tag": "c"}]}
    for name in ("note_tweet", "note_post"):
        found = row({"entities": short, name: {"text": "long", "entities": {"hashtags": [{"tag": "l"}]}}})
        assert (found["text"], found["hashtags"], found["cashtags"]) == ("long", ["l"], [])


def test_links_are_followed_as_far_as_x_did() -> None:
    urls = [{"url": "a", "expanded_url": "b", "unwound_url": "c"}, {"url": "a", "expanded_url": "b"}, {"url": "a"}, {}]
    assert row({"entities": {"urls": urls}})["urls"] == ["c", "b", "a"]


def test_what_is_sent_along_is_found_by_id_never_by_position() -> None:
    includes = {
        "users": [{"id": "2", "username": "two"}, {"id": 1, "username": "one", "created_at": "2012-06-29T17:51:18Z"}],
        "media": [
            {"media_key": "3_2", "type": "video", "preview_image_url": "p"},
            {"media_key": "3_3", "type": "photo"},
            {"media_key": "3_1", "type": "photo", "url": "u"},
        ],
        "places": [{"id": "zz", "full_name": "Z"}, {"id": "07", "country_code": "FR", "full_name": "Paris"}],
        "tweets": [{"id": "5", "text": "five"}, {"id": "7", "text": "seven", "author_id": "70"}],
    }
    post = {
        "author_id": "1",
        "attachments": {"media_keys": ["3_1", "3_9", "3_2", "3_3"]},
        "geo": {"place_id": "07"},
        **refers(("quoted", "7")),
    }
    found = row(post, includes)
    assert (found["author_username"], found["author_created_at"]) == (
        "one",
        datetime(2012, 6, 29, 17, 51, 18, tzinfo=UTC),
    )
    assert (found["media_types"], found["media_urls"]) == (["photo", "video", "photo"], ["u", "p", ""])
    assert (found["place_id"], found["place_country_code"], found["place_full_name"]) == ("07", "FR", "Paris")
    assert (found["quoted_text"], found["quoted_author_id"]) == ("seven", "70")
    alone = row(post)
    assert (alone["author_id"], alone["author_username"], alone["media_types"]) == ("1", None, [])
    assert (alone["place_id"], alone["place_full_name"], alone["quoted_text"]) == ("07", None, None)


def test_of_two_copies_sent_along_the_last_is_used() -> None:
    copies = [ORIGINAL | {"text": "first"}, ORIGINAL | {"text": "last"}]
    assert row(refers(("quoted", "7")), {"tweets": copies})["quoted_text"] == "last"


def test_both_spellings_give_the_same_row() -> None:
    old = refers(("quoted", "7")) | {"edit_history_tweet_ids": ["5", ID], "note_tweet": {"text": "n"}}
    new = json.loads(json.dumps(old).replace("tweet", "post"))
    assert row(old, {"tweets": [ORIGINAL]}) == row(new, {"posts": [ORIGINAL]})


def test_edits() -> None:
    found = row({"edit_history_tweet_ids": ["5", 6, ID]})
    assert (found["edit_ids"], found["edit_root_id"], found["is_edited"]) == (["5", "6", ID], "5", True)
    assert row({"edit_history_tweet_ids": [ID]})["is_edited"] is False


def test_the_remaining_columns() -> None:
    metrics = {f"{name}_count": i for i, name in enumerate(("like", "reply", "retweet", "quote", "bookmark"))}
    user = {"followers_count": "5", "following_count": 6.0, "tweet_count": 7}
    found = row(
        {
            "public_metrics": metrics,
            "author_id": 1,
            "context_annotations": [{"domain": {"id": "10"}, "entity": {"id": 84}}, {"domain": {"id": "3"}}],
            "withheld": {"country_codes": ["DE", "FR"]},
            **{"lang": "fr", "possibly_sensitive": False, "reply_settings": "everyone", "conversation_id": 12},
        },
        {"users": [{"id": "1", "name": "N", "verified_type": "blue", "public_metrics": user}]},
    )
    assert [found[f"{n}_count"] for n in ("like", "reply", "retweet", "quote", "bookmark", "impression")] == [
        *range(5),
        None,
    ]
    assert [found[f"author_{n}"] for n in ("followers", "following", "tweets")] == [5, 6, 7]
    assert (found["context_entities"], found["withheld_countries"]) == (["10.84"], ["DE", "FR"])
    assert (found["author_id"], found["conversation_id"]) == ("1", "12")
    assert (found["author_name"], found["author_verified_type"], found["lang"]) == ("N", "blue", "fr")
    assert (found["possibly_sensitive"], found["reply_settings"]) == (False, "everyone")


def test_a_stream_line_has_its_tags_sorted() -> None:
    rules = [{"id": "1", "tag": "b"}, {"id": "2", "tag": "a"}, {"id": "3", "tag": "b"}, {"id": 4}]
    line = json.dumps({"data": {"id": ID, "text": "t"}, "matching_rules": rules}).encode()
    flat = flatten(RawDocument("batch", "stream", NOON, line + b"\r\n\r\n" + line, "lines"), no_match)
    assert [position for position, _ in flat.rows] == [0, 2]
    found = from_rows([cells for _, cells in flat.rows], TWEETS)
    assert found["matched_rule_tags"].to_list() == [["a", "b"]] * 2
    assert found["origin"].to_list() == [["stream"]] * 2


def test_what_the_matcher_finds_is_in_the_row() -> None:
    def match(post: PostText) -> Match:
        assert post.text == "t"
        return Match(("a", "b"), ("a:name", "b:term"), ("c",))

    body = f'{{"data":[{{"id":"{ID}","text":"t"}}]}}'.encode()
    flat = flatten(RawDocument("batch", "search", NOON, body, "page"), match)
    found = from_rows([cells for _, cells in flat.rows], TWEETS).row(0, named=True)
    assert found["candidates"] == ["a", "b"]
    assert (found["matched_by"], found["matched_in_quote"]) == (["a:name", "b:term"], ["c"])


def test_the_matcher_reads_the_original_of_a_retweet() -> None:
    quoting = ORIGINAL | refers(("quoted", "9"))
    includes = {"tweets": [quoting, {"id": "9", "text": "deep"}], "users": [{"id": "1", "username": "me"}]}
    read = matched(refers(("retweeted", "7")) | CUT | {"author_id": "1"}, includes)
    assert read.text == ORIGINAL["text"]
    assert (list(read.urls), read.author_username, read.quoted_text) == (["u"], "me", "deep")
    assert set(read.mentions) == {"old_name", "m"}


@pytest.mark.parametrize(("written", "quoted", "rejects"), [("9", "deep", 0), ('"9"', "deep", 0), ('"x"', None, 1)])
def test_what_the_original_of_a_retweet_quotes_is_found_however_its_id_is_written(
    written: str, quoted: str | None, rejects: int
) -> None:
    """As a number, in that one place, it was not: `matched_in_quote` was empty, and no reject told of it."""
    original = json.dumps(ORIGINAL | refers(("quoted", "?"))).replace('"?"', written)
    post = json.dumps({"id": ID, **CUT, **refers(("retweeted", "7"))})
    line = f'{{"data":{post},"includes":{{"tweets":[{original},{{"id":"9","text":"deep"}}]}}}}'.encode()

    def match(text: PostText) -> Match:
        return Match(matched_in_quote=(text.quoted_text,) if text.quoted_text else ())

    flat = flatten(RawDocument("batch", "stream", NOON, line, "lines"), match)
    found = from_rows([cells for _, cells in flat.rows], TWEETS).row(0, named=True)
    assert (found["matched_in_quote"], len(flat.rejects)) == ([quoted] if quoted else [], rejects)


def test_the_matcher_reads_a_retweet_without_original_less_its_prefix() -> None:
    read = matched(refers(("retweeted", "7")) | {"text": "RT @a_b: cut…"})
    assert (read.text, list(read.mentions)) == ("cut…", ["a_b"])


def test_the_matcher_reads_a_quote_with_the_text_quoted() -> None:
    read = matched(refers(("quoted", "7")), {"tweets": [ORIGINAL]})
    assert (read.text, read.quoted_text) == ("own", ORIGINAL["text"])


def test_texts_of_removed_posts_are_not_used() -> None:
    found = row(refers(("quoted", "7")), {"tweets": [ORIGINAL]}, removed=("7",))
    assert (found["quoted_id"], found["quoted_text"], found["quoted_author_id"]) == ("7", None, None)


# The recordings, read independently.


def recorded() -> Iterator[tuple[Json, Json, str]]:
    files = sorted((RECORDINGS / "x").glob("recorded_search_page_*.jsonl"))
    if not files:
        pytest.skip("no recordings: set ELEC_TEST_RECORDINGS to the directory that holds them")
    for file in files:
        page = json.loads(file.read_text())
        body = json.dumps(page).encode()
        flat = flatten(RawDocument(file.name, "search", NOON, body, "page"), no_match)
        assert flat.rejects == []
        rows = from_rows([cells for _, cells in flat.rows], TWEETS).to_dicts()
        assert [r["tweet_id"] for r in rows] == [post["id"] for post in page["data"]]
        for post, found in zip(page["data"], rows, strict=True):
            yield plain_row(post, page["includes"], file.name), found, file.name


def named(items: list[Json], key: str, value: object) -> Json:
    """The last item of this name: the recordings hold two posts twice, once with and once without `unwound_url`."""
    return next((item for item in reversed(items) if item[key] == value), {})


def plain_row(post: Json, includes: Json, batch_id: str) -> Json:
    """The row that the descriptions in tables.py ask for, from plain JSON; `created_at` to the second, as X has it."""
    ref = {r["type"]: r["id"] for r in post.get("referenced_tweets", [])}
    retweeted = named(includes["tweets"], "id", ref.get("retweeted"))
    quoted = named(includes["tweets"], "id", ref.get("quoted"))
    author = named(includes["users"], "id", post["author_id"])
    media = [
        named(includes.get("media", []), "media_key", k) for k in post.get("attachments", {}).get("media_keys", [])
    ]
    media = [m for m in media if m]
    place = named(includes.get("places", []), "id", post.get("geo", {}).get("place_id"))
    source, mentions, text = post.get("entities", {}), [], post["text"]
    if retweeted:
        name = re.match(r"RT @(\w+): ", text)
        assert name is not None
        source, mentions, text = retweeted.get("entities", {}), [name[1]], name[0] + retweeted["text"]
    edit_ids = post.get("edit_history_tweet_ids", [])
    metrics, counts = post["public_metrics"], author.get("public_metrics", {})
    created = datetime.fromisoformat(post["created_at"])
    return {
        "tweet_id": post["id"],
        "created_at": created,
        "window_start": created.replace(minute=created.minute // 5 * 5, second=0),
        "author_id": post["author_id"],
        "conversation_id": post.get("conversation_id"),
        "in_reply_to_user_id": post.get("in_reply_to_user_id"),
        "kind": "retweet" if "retweeted" in ref else "quote" if "quoted" in ref else "reply" if ref else "original",
        "replied_to_id": ref.get("replied_to"),
        "quoted_id": ref.get("quoted"),
        "retweeted_id": ref.get("retweeted"),
        "retweeted_author_id": retweeted.get("author_id"),
        "quoted_author_id": quoted.get("author_id"),
        "text": text,
        "text_is_full": bool(retweeted) or "retweeted" not in ref or text[-1] != "…",
        "quoted_text": quoted.get("text"),
        **{name: post.get(name) for name in ("lang", "possibly_sensitive", "reply_settings")},
        **{f"{n}_count": metrics.get(f"{n}_count") for n in ("like", "reply", "retweet", "quote", "bookmark")},
        "impression_count": metrics.get("impression_count"),
        "metrics_at": NOON,
        "hashtags": [tag["tag"] for tag in source.get("hashtags", [])],
        "mentions": mentions + [mention["username"] for mention in source.get("mentions", [])],
        "urls": [url.get("unwound_url", url["expanded_url"]) for url in source.get("urls", [])],
        "cashtags": [tag["tag"] for tag in source.get("cashtags", [])],
        "media_types": [medium["type"] for medium in media],
        "media_urls": [medium.get("url") or medium["preview_image_url"] for medium in media],
        "context_entities": [f"{a['domain']['id']}.{a['entity']['id']}" for a in post.get("context_annotations", [])],
        "place_id": post.get("geo", {}).get("place_id"),
        "place_country_code": place.get("country_code"),
        "place_full_name": place.get("full_name"),
        "edit_ids": edit_ids,
        "edit_root_id": edit_ids[0] if edit_ids else post["id"],
        "is_edited": False,
        "withheld_countries": [],
        "author_username": author.get("username"),
        "author_name": author.get("name"),
        "author_created_at": datetime.fromisoformat(author["created_at"]) if author else None,
        "author_verified_type": None,
        "author_followers": counts.get("followers_count"),
        "author_following": counts.get("following_count"),
        "author_tweets": counts.get("tweet_count"),
        **{name: [] for name in ("candidates", "matched_by", "matched_in_quote", "matched_rule_tags")},
        "origin": ["search"],
        "received_at": NOON,
        "batch_id": batch_id,
        "schema_version": 1,
    }


def test_all_recorded_posts_column_by_column() -> None:
    seen = 0
    for expected, found, file in recorded():
        assert tuple(expected) == TWEETS.names
        found["created_at"] = found["created_at"].replace(microsecond=0)
        for name in TWEETS.names:
            assert found[name] == expected[name], f"{file}, post {found['tweet_id']}, column {name}"
        seen += 1
    assert seen == 574


def test_most_recorded_retweets_are_whole() -> None:
    retweets = [found for _, found, _ in recorded() if found["kind"] == "retweet"]
    assert len(retweets) == 392
    assert all(found["text_is_full"] for found in retweets if found["retweeted_author_id"])
    assert sum(found["text"].endswith("…") for found in retweets) < len(retweets) * 0.1


ODD = st.sampled_from(
    [
        '"12a"',
        "7",
        '"7"',
        '""',
        "null",
        '"3"',
        "3.0",
        "3.5",
        '"\\ud83d"',
        "[]",
        "{}",
        '"2022-01-01T00:00:00.000Z"',
        "-1",
        "true",
    ]
)
FIELDS = (
    *("id", "author_id", "conversation_id", "created_at", "like_count", "reference", "edit", "user", "followers"),
    "deep",
)


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=2), min_size=1, max_size=4))
@example([{"followers": '"12a"', "author_id": "null"}])
def test_lines_read_at_once_and_one_by_one_give_the_same_rows(lines: list[dict[str, str]]) -> None:
    """Documents in which all is well are read by a short cut; a broken line makes the same document go the long way.

    The short cut does not look at a user sent along whom no post names: it makes no row and no reject.
    """
    body = "\n".join(odd_line(odd) for odd in lines)
    quick, careful = (
        flatten(RawDocument("batch", "stream", NOON, text.encode(), "lines"), no_match) for text in (body, body + "\n{")
    )
    assert quick.rows == careful.rows
    unused = [reject for reject in careful.rejects[:-1] if reject not in quick.rejects]
    assert quick.rejects == [reject for reject in careful.rejects[:-1] if reject not in unused]
    assert all(reject.raw.startswith(b'{"id":') and b'"username"' in reject.raw for reject in unused)
    assert len(quick.rows) + len({reject.position for reject in quick.rejects}) >= len(lines)


def odd_line(odd: dict[str, str]) -> str:
    """A line of the stream with other values in some places."""
    found = {
        **{"id": f'"{ID}"', "author_id": '"7"', "conversation_id": '"8"', "created_at": "null", "like_count": "1"},
        **{"reference": '"9"', "edit": f'"{ID}"', "user": '"7"', "followers": "5"},
        "deep": '"9"',
    } | odd
    return (
        f'{{"data":{{"id":{found["id"]},"text":"t","author_id":{found["author_id"]},'
        f'"conversation_id":{found["conversation_id"]},"created_at":{found["created_at"]},'
        f'"public_metrics":{{"like_count":{found["like_count"]}}},'
        f'"referenced_tweets":[{{"type":"quoted","id":{found["reference"]}}}],'
        f'"edit_history_tweet_ids":[{found["edit"]}]}},'
        f'"includes":{{"tweets":[{{"id":"9","text":"o","referenced_tweets":[{{"type":"quoted","id":{found["deep"]}}}]}}],'
        f'"users":[{{"id":{found["user"]},"username":"a",'
        f'"public_metrics":{{"followers_count":{found["followers"]}}}}}]}}}}'
    )


def test_posts_outside_the_ids_asked_for_are_counted_and_make_no_row() -> None:
    body = "\n".join(f'{{"data":{{"id":"{ID[:-1]}{digit}","text":"t"}}}}' for digit in range(5)).encode()
    bounds = (int(ID[:-1] + "0"), int(ID[:-1] + "3"))
    flat = flatten(RawDocument("batch", "stream", NOON, body, "lines"), no_match, within=bounds)
    assert [row[0] for _, row in flat.rows] == [ID[:-1] + "1", ID[:-1] + "2"]
    assert flat.strays == 3


def test_each_line_of_the_stream_has_the_time_of_its_own_receipt() -> None:
    """Strays and blank lines before it do not shift it, whatever number of posts is worked on at a time."""
    lines = [f'{{"data":{{"id":"{int(ID) + number}","text":"t"}}}}' for number in range(150)]
    lines[3] = ""
    lines[7] = '{"data":{"id":"1000000000000000000","text":"of another hour"}}'
    times = tuple(1_000 * number for number in range(150))
    within = (int(ID) - 1, int(ID) + 1_000)
    for tail in ("", "\n{"):  # the second is read the long way
        body = ("\r\n".join(lines) + tail).encode()
        known = times if not tail else (*times, 0)
        flat = flatten(RawDocument("batch", "stream", NOON, body, "lines", known), no_match, within=within)
        found = [dict(zip(TWEETS.names, row, strict=True)) for _, row in flat.rows]
        expected = [times[number] for number in range(150) if number not in (3, 7)]
        assert [row["received_at"] for row in found] == [row["metrics_at"] for row in found] == expected
        assert flat.strays == 1
