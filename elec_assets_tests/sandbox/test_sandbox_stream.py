"""The stream as it is when nothing goes wrong."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms, from_epoch_ms
from elec_assets.sandbox.clock import FastClock, LinkedClock, speed_of, utc_now
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.world import Scene
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_rules import RuleStore
from elec_assets.sandbox.x_stream_match import Matcher
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets.sandbox.x_stream_seeds import Lag
from elec_assets_tests.sandbox.conftest import NOW
from elec_assets_tests.sandbox.streams import (
    EVERYTHING,
    FAST,
    RULES,
    STREAM,
    WORLD,
    Live,
    RawStream,
    add_rules,
    call,
    ids_of,
    made_ms,
    wait_for,
)

Serve = Callable[..., XServer]


def test_every_post_that_is_due_comes_once_with_its_rules(live: Live) -> None:
    server = live()
    with RawStream(server) as stream:
        assert stream.status == 200
        assert stream.headers["transfer-encoding"] == "chunked"
        messages = stream.take(40)
    sent = ids_of(messages)
    first, last = (from_epoch_ms(made_ms(i)) for i in (min(sent), max(sent)))
    matched = server.stream.matching(first, last - timedelta(seconds=30))
    # All that were made 15 s after the first (the longest lag), until so long before the last.
    sure = [i for i in matched if from_epoch_ms(made_ms(i)) > first + timedelta(seconds=15)]
    assert len(sure) > 10
    assert set(sure) <= set(sent)
    assert len(sent) == len(set(sent))
    assert all(m["matching_rules"] == [{"id": "1900000000000000001", "tag": "all"}] for m in messages)


def test_the_lag_is_as_x_states_it() -> None:
    lags = sorted(Lag().of(1, n) for n in range(20_000))
    assert 1_900 < lags[10_000] < 2_100
    assert 6_000 < lags[19_800] < 7_000
    assert lags[-1] <= 15_000
    tail = [Lag(tail_share=0.1, tail_s=60).of(1, n) for n in range(5_000)]
    assert 400 < sum(lag > 15_000 for lag in tail) < 600
    assert max(tail) <= 60_000
    assert Lag(median_s=0).of(1, 5) == 0


def test_lines_are_not_in_the_order_of_their_ids(live: Live) -> None:
    with RawStream(live()) as stream:
        made = [made_ms(i) for i in ids_of(stream.take(60))]
    assert made != sorted(made)
    # Out of order by the lag at most.
    assert all(a - b < 15_000 for a, b in pairwise(made))


def test_fields_are_those_that_were_asked_for_in_either_spelling(live: Live) -> None:
    server = live()
    with RawStream(server, tweet__fields="author_id,public_metrics", expansions="author_id") as stream:
        old = stream.take(5)
    assert all({"author_id", "public_metrics", "id", "text"} <= m["data"].keys() for m in old)
    assert all("lang" not in m["data"] for m in old)
    assert any(u["id"] == m["data"]["author_id"] for m in old for u in m["includes"]["users"])
    # Nobody has liked a post that was made a second ago.
    assert all(set(m["data"]["public_metrics"].values()) == {0} for m in old)
    wait_for(lambda: not server.stream.connections.active())
    with RawStream(server, post__fields="lang") as stream:
        assert all("lang" in m["data"] for m in stream.take(5))


def test_the_new_spelling_names_posts_as_x_does_now(live: Live) -> None:
    server = live(spelling="post")
    with RawStream(server, expansions="referenced_tweets.id", tweet__fields="referenced_tweets") as stream:
        messages = stream.take(30)
    assert all("edit_history_post_ids" in m["data"] and "edit_history_tweet_ids" not in m["data"] for m in messages)
    assert any("referenced_posts" in m["data"] and "posts" in m["includes"] for m in messages)


class Few:
    """A source of a few posts."""

    retweets_in_search = False

    def __init__(self, *posts: Json) -> None:
        self._posts = {p["id"]: p for p in posts}

    def newest_first(self, since_id: int, until_id: int) -> Iterator[Json]:
        return (p for i, p in sorted(self._posts.items(), reverse=True) if since_id < int(i) < until_id)

    def find(self, kind: str, key: str) -> Json | None:
        return self._posts.get(key) if kind == "tweets" else None


def test_accents_count_and_retweets_match_and_so_do_the_words_that_are_quoted() -> None:
    source = Few(
        {"id": "1", "text": "Jean Mélenchon"},
        {"id": "2", "text": "jean melenchon"},
        {"id": "3", "text": "RT @a: Jean…", "referenced_tweets": [{"type": "retweeted", "id": "1"}]},
        {"id": "4", "text": "look", "referenced_tweets": [{"type": "quoted", "id": "2"}]},
        {"id": "5", "text": "a reply", "referenced_tweets": [{"type": "replied_to", "id": "1"}]},
    )
    rules = RuleStore(lambda: from_epoch_ms(X_EPOCH_MS - 20_000))
    values = ("mélenchon", "melenchon", "mélenchon -is:retweet")
    rules.change({"add": [{"value": value} for value in values]}, {})
    matcher = Matcher(source, rules, 20_000)
    found = {i: [r.value for r in matcher.match(source.find("tweets", i) or {}, X_EPOCH_MS)] for i in "12345"}
    assert found == {"1": [values[0], values[2]], "2": [values[1]], "3": [values[0]], "4": [values[1]], "5": []}
    assert matcher.match(source.find("tweets", "1") or {}, X_EPOCH_MS - 1) == ()


def test_a_rule_works_some_seconds_after_it_was_added_until_as_long_after_it_was_deleted(live: Live) -> None:
    server = live(rules_lag_s=20)
    added = server.rules.all()[0].added_at
    with RawStream(server) as stream:
        messages = stream.take(10)
        call(server, "POST", RULES, json={"delete": {"values": [EVERYTHING]}})
        deleted = server.rules.lives()[0][1]
        assert deleted is not None
        until = time.monotonic() + 60 / FAST
        stream.socket.settimeout(0.05)
        while time.monotonic() < until:
            try:
                stream.read()
            except TimeoutError:
                continue
        messages = stream.messages
    made = [from_epoch_ms(made_ms(i)) for i in ids_of(messages)]
    assert added + timedelta(seconds=20) <= min(made)
    assert max(made) < deleted + timedelta(seconds=20)
    assert max(made) > deleted, "nothing shows that the rule still worked after it was deleted"


def test_keep_alives_come_when_nothing_else_does(serve: Serve, quiet: Scene) -> None:
    server = serve(scene=quiet, clock=FastClock(NOW, FAST))
    add_rules(server, ("nobodywritesthis", "none"))
    begin = time.monotonic()
    with RawStream(server) as stream:
        while stream.keep_alives < 4:
            stream.read()
    assert stream.content == b"\r\n" * 4
    assert 80 / FAST <= time.monotonic() - begin < 80 / FAST + 5


def test_without_a_rule_without_a_token_and_with_an_unknown_parameter(serve: Serve) -> None:
    server = serve()
    idle = call(server, "GET", STREAM)
    assert (idle.status_code, idle.json()["connection_issue"]) == (409, "RuleConfigurationIssue")
    assert idle.headers["x-rate-limit-limit"] == "50"
    add_rules(server, ("essai", None))
    refused = call(server, "GET", STREAM, headers={"Authorization": "Bearer wrong"})
    assert (refused.status_code, refused.json()["title"]) == (401, "Unauthorized")
    assert call(server, "GET", STREAM, params={"colour": "red"}).status_code == 400
    assert [c.status for c in server.stream.connects] == [409, 400]
    assert [r.status for r in server.requests if r.path == STREAM] == [409, 401, 400]


def test_each_post_is_billed_once_a_day_with_what_it_refers_to(live: Live) -> None:
    server = live()
    with RawStream(server, expansions="author_id,referenced_tweets.id") as stream:
        messages = stream.take(30)
    wait_for(lambda: not server.stream.connections.active())
    sent = {d.id for d in server.stream.delivered}
    assert set(ids_of(messages)) <= sent
    bill = server.bill.day(NOW.date())
    assert bill.posts == sent
    assert {t["id"] for m in messages for t in m.get("includes", {}).get("tweets", [])} <= bill.referenced_posts
    users = {u["id"] for m in messages for u in m.get("includes", {}).get("users", [])}
    assert users <= bill.users
    assert server.bill.usd == pytest.approx(len(bill.posts | bill.referenced_posts) * 0.005 + len(bill.users) * 0.010)


def test_posts_that_were_deleted_come_on_the_stream_and_not_by_search(serve: Serve, get: Any) -> None:  # noqa: ANN401
    server = serve(stream=StreamOptions(deleted_share=0.3, seed=5, rules_lag_s=0))
    add_rules(server, ("synthetique", None))
    start, end = NOW - timedelta(minutes=10), NOW - timedelta(minutes=1)
    params = {
        "query": "synthetique",
        "start_time": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }
    page = get(server, "/2/tweets/search/recent", max_results="100", **params).json()
    found = {p["id"] for p in page["data"]}
    counted = get(server, "/2/tweets/counts/recent", **params).json()["meta"]["total_tweet_count"]
    assert "next_token" not in page["meta"]
    assert not any(server.stream.deleted(int(i)) for i in found)
    assert 0.1 < 1 - len(found) / counted < 0.5


def test_prepared_lines_come_at_their_rate_without_a_rule(serve: Serve) -> None:
    lines = [json.dumps({"data": {"id": str(n), "text": "x"}}).encode() for n in range(3_000)]
    server = serve(clock=utc_now, stream=StreamOptions(lines=lines, rate=((0.2, 100), (0.1, 4_000), (9, 50))))
    with RawStream(server) as stream:
        begin = time.monotonic()
        messages = stream.take(420)
        took = time.monotonic() - begin
    assert ids_of(messages)[:420] == [str(n) for n in range(420)]
    assert 0.25 < took < 5
    wait_for(lambda: not server.stream.connections.active())
    assert server.stream.prepared is not None
    assert server.stream.lines_sent == server.stream.prepared.sent >= 420
    assert server.bill.usd == 0


def test_prepared_lines_that_are_due_while_nobody_is_connected_are_dropped(serve: Serve) -> None:
    lines = (b'{"data":{"id":"%d","text":"x"}}\n' % n for n in range(1_000))
    server = serve(clock=utc_now, stream=StreamOptions(lines=lines, rate=1_000))
    with RawStream(server) as first:
        first.take(5)
    wait_for(lambda: not server.stream.connections.active())
    time.sleep(0.1)
    with RawStream(server) as second:
        second.take(5)
    prepared = server.stream.prepared
    assert prepared is not None
    assert prepared.dropped >= 90
    assert int(ids_of(second.messages)[0]) >= 95


def test_recorded_posts_come_with_the_keys_and_types_that_x_sent(serve: Serve, recordings: Path) -> None:
    """A recording is streamed again, beside the seeded world's own lines."""
    file = recordings / "recorded_search_page_entities.jsonl"
    pages = [json.loads(line) for line in file.read_text().splitlines()]
    recorded = {p["id"]: p for page in pages for p in page["data"]}
    start = from_epoch_ms(min(made_ms(i) for i in recorded)) - timedelta(seconds=5)
    asked = {"tweet__fields": ",".join(sorted({k for p in recorded.values() for k in p} - {"attachments"}))}
    asked["expansions"] = "author_id,referenced_tweets.id,attachments.media_keys"
    replay = serve(replay=[file], clock=FastClock(start, FAST), match_all=True, stream=StreamOptions(rules_lag_s=0))
    add_rules(replay, ("x", None))
    with RawStream(replay, **asked) as stream:
        lines = stream.take(20)
    for line in lines:
        data = line["data"]
        whole = recorded[data["id"]]
        assert data == {**whole, **{k: data[k] for k in ("public_metrics", "edit_history_tweet_ids") if k in whole}}
        assert line["matching_rules"] == [{"id": "1900000000000000001", "tag": ""}]
    known: dict[str, set[str]] = {}
    for post in recorded.values():
        for key, kind in shape(post).items():
            known.setdefault(key, set()).add(kind)
    seeded = serve(scene=WORLD, clock=FastClock(NOW, FAST), stream=StreamOptions(rules_lag_s=0))
    add_rules(seeded, (EVERYTHING, None))
    with RawStream(seeded, **asked) as stream:
        ours = stream.take(40)
    compared = 0
    for line in ours:
        for key, kind in shape(line["data"]).items():
            compared += key in known
            assert kind in known.get(key, {kind}), key
    assert compared > 400


def shape(value: object, path: str = "") -> dict[str, str]:
    """The JSON type of everything in a value, by its path."""
    found = {path: type(value).__name__} if path else {}
    if isinstance(value, dict):
        for key, item in value.items():
            found.update(shape(item, f"{path}.{key}"))
    if isinstance(value, list):
        for item in value:
            found.update(shape(item, f"{path}[]"))
    return found


def test_clocks_tell_how_fast_they_run() -> None:
    clock = FastClock(NOW, 1_000)
    time.sleep(0.01)
    assert NOW + timedelta(seconds=10) <= clock() < NOW + timedelta(seconds=1_000)
    assert (speed_of(clock), speed_of(lambda: NOW)) == (1_000, 1)
    linked = LinkedClock(lambda: epoch_ms(NOW), 5)
    assert (linked(), speed_of(linked)) == (NOW, 5)
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(ValueError, match="speed is 0"):
        FastClock(NOW, 0)
