"""The stock tweepy client against the sandbox, and X's checks and error bodies."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy

from elec_assets.domain.windows import Window, id_bounds
from elec_assets.sandbox.posts import Json, full_text
from elec_assets.sandbox.world import Scene, World
from elec_assets.sandbox.x_errors import PRESETS
from elec_assets.sandbox.x_http import XServer

RECENT, ALL = "/2/tweets/search/recent", "/2/tweets/search/all"
LOUD = "Numéro0 OR Numéro1 OR Numéro2 OR Numéro3 OR Numéro4 OR Numéro5 OR Numéro6 OR Numéro7"
Serve = Callable[..., XServer]
Get = Callable[..., requests.Response]


def walk(get: Get, server: XServer, path: str, **params: str) -> Iterator[Json]:
    """Every page of a search."""
    while True:
        page = get(server, path, **params).json()
        yield page
        if "next_token" not in page["meta"]:
            return
        params["next_token"] = page["meta"]["next_token"]


def hour_ids(now: datetime, back: int) -> dict[str, str]:
    end = now - timedelta(hours=back)
    since, until = id_bounds(Window(end - timedelta(hours=1), end))
    return {"since_id": str(since), "until_id": str(until)}


class TestTweepy:
    """tweepy's own methods, unchanged."""

    def test_search_recent(self, serve: Serve, tweepy_client: Callable[..., Any]) -> None:
        client = tweepy_client(serve())
        answer = client.search_recent_tweets(
            '"elodie numero0" OR @compte_0',
            max_results=50,
            tweet_fields=["created_at", "author_id", "note_tweet", "entities"],
            expansions=["author_id", "referenced_tweets.id"],
            user_fields=["created_at"],
        )
        assert answer.data
        assert answer.meta["result_count"] == len(answer.data) <= 50
        ids = [t.id for t in answer.data]
        assert ids == sorted(ids, reverse=True)
        assert all(isinstance(t.created_at, datetime) for t in answer.data)
        assert {u.id for u in answer.includes["users"]} <= {t.author_id for t in answer.data}

    @pytest.mark.parametrize("method", ["search_recent_tweets", "search_all_tweets"])
    def test_paginator_finds_exactly_what_the_world_holds(
        self, serve: Serve, tweepy_client: Callable[..., Any], scene: Scene, now: datetime, method: str
    ) -> None:
        client = tweepy_client(serve())
        end = now - timedelta(hours=1)
        since, until = id_bounds(Window(end - timedelta(hours=1), end))
        pages = list(
            tweepy.Paginator(getattr(client, method), "essai", since_id=since, until_id=until, max_results=100)
        )
        found = [t.id for p in pages for t in p.data or []]
        held = [
            int(p["id"])
            for p in World(scene).posts(end - timedelta(hours=1), end)
            if re.search(r"\bessai\b", full_text(p), re.IGNORECASE)
            and not any(r["type"] == "retweeted" for r in p.get("referenced_tweets", []))
        ]
        assert len(pages) > 3
        assert found == held[::-1]

    def test_counts(self, serve: Serve, tweepy_client: Callable[..., Any], now: datetime) -> None:
        client = tweepy_client(serve())
        bounds = {"start_time": now - timedelta(hours=5), "end_time": now - timedelta(hours=1)}
        hours = client.get_recent_tweets_count(LOUD, granularity="hour", **bounds)
        minutes = client.get_all_tweets_count(LOUD, granularity="minute", **bounds)
        found = tweepy.Paginator(client.search_all_tweets, LOUD, max_results=500, **bounds).flatten()
        assert len(hours.data) == 4
        assert len(minutes.data) == 240
        assert hours.meta["total_tweet_count"] == minutes.meta["total_tweet_count"] == len(list(found)) > 0
        assert hours.data[0]["start"] == "2027-02-03T15:00:00.000Z"
        assert hours.data[0]["end"] == hours.data[1]["start"]

    def test_counts_of_a_long_time_come_in_pages(
        self, serve: Serve, tweepy_client: Callable[..., Any], now: datetime, quiet: Scene
    ) -> None:
        client = tweepy_client(serve(scene=quiet))
        start = now - timedelta(days=40)
        pages = list(tweepy.Paginator(client.get_all_tweets_count, "essai", granularity="day", start_time=start))
        assert len(pages) == 2
        starts = [b["start"] for p in reversed(pages) for b in p.data]
        assert starts == sorted(set(starts))
        assert len(starts) == 41

    def test_stream_rules(self, serve: Serve, tweepy_client: Callable[..., Any]) -> None:
        client = tweepy_client(serve(), tweepy.StreamingClient)
        assert client.get_rules().data is None
        rules = [tweepy.StreamRule('"a b" lang:fr', "elec:x:a"), tweepy.StreamRule("cat")]
        dry = client.add_rules(rules, dry_run=True)
        assert dry.meta["summary"]["valid"] == 2
        assert client.get_rules().data is None
        added = client.add_rules(rules)
        assert added.meta["summary"] == {"created": 2, "not_created": 0, "valid": 2, "invalid": 0}
        again = client.add_rules(rules)
        assert [e["title"] for e in again.errors] == ["DuplicateRule"] * 2
        listed = client.get_rules()
        assert [(r.value, r.tag) for r in listed.data] == [('"a b" lang:fr', "elec:x:a"), ("cat", None)]
        assert client.get_rules(ids=[added.data[1].id]).data == [listed.data[1]]
        gone = client.delete_rules([added.data[0].id, "1"])
        assert gone.meta["summary"] == {"deleted": 1, "not_deleted": 1}
        assert [r.value for r in client.get_rules().data] == ["cat"]

    def test_usage(self, serve: Serve, tweepy_client: Callable[..., Any]) -> None:
        server = serve()
        client = tweepy_client(server, return_type=dict)
        client.search_recent_tweets(LOUD, max_results=20)
        usage = client._make_request(
            "GET",
            "/2/usage/tweets",
            params={"days": 3, "usage_fields": "daily_project_usage"},
            endpoint_parameters=("days", "usage.fields"),
        )
        assert usage["data"]["project_usage"] == 20
        assert [u["usage"] for u in usage["data"]["daily_project_usage"]["usage"]] == [0, 0, 20]
        assert "daily_client_app_usage" not in usage["data"]

    def test_empty_page(self, serve: Serve, tweepy_client: Callable[..., Any], quiet: Scene) -> None:
        answer = tweepy_client(serve(scene=quiet)).search_recent_tweets("personneicinommée")
        assert answer.data is None
        assert answer.meta == {"result_count": 0}

    def test_errors_are_tweepys_classes(self, serve: Serve, tweepy_client: Callable[..., Any], quiet: Scene) -> None:
        server = serve(scene=quiet, rate_factor=0.01)
        client = tweepy_client(server)
        with pytest.raises(tweepy.BadRequest, match="Negation of a group"):
            client.search_recent_tweets("-(a b)")
        client.bearer_token = "wrong"
        with pytest.raises(tweepy.Unauthorized):
            client.search_recent_tweets("a")
        client.bearer_token = "sandbox-token"
        for _ in range(3):
            client.search_recent_tweets("personneicinommée")
        with pytest.raises(tweepy.TooManyRequests) as refused:
            client.search_recent_tweets("a")
        assert refused.value.reset_time == int(datetime(2027, 2, 3, 20, 15, tzinfo=UTC).timestamp())
        assert [r.status for r in server.requests] == [400, 401, 200, 200, 200, 429]


class TestFields:
    """What an answer holds is what was asked."""

    def test_defaults(self, serve: Serve, get: Get) -> None:
        page = get(serve(), RECENT, query=LOUD).json()
        assert set(page) == {"data", "meta"}
        assert len(page["data"]) == 10
        assert all(set(p) == {"id", "text", "edit_history_tweet_ids"} for p in page["data"])

    def test_no_retweets_and_all_else(self, serve: Serve, get: Get, now: datetime) -> None:
        pages = walk(
            get,
            serve(),
            ALL,
            query="essai OR test",
            max_results="500",
            tweet__fields="referenced_tweets",
            **hour_ids(now, 1),
        )
        kinds = {r["type"] for page in pages for p in page["data"] for r in p.get("referenced_tweets", [])}
        assert kinds == {"replied_to", "quoted"}

    def test_includes_hold_only_what_the_page_needs(self, serve: Serve, get: Get, now: datetime) -> None:
        server = serve()
        expansions = "author_id,referenced_tweets.id,referenced_tweets.id.author_id,entities.mentions.username"
        expansions += ",attachments.media_keys,geo.place_id,in_reply_to_user_id"
        missing = 0
        for page in walk(get, server, ALL, query=LOUD, max_results="100", expansions=expansions, **hour_ids(now, 1)):
            users = {u["id"] for u in page["includes"]["users"]}
            originals = page["includes"].get("tweets", [])
            wanted = {p["author_id"] for p in page["data"] + originals}
            wanted |= {p["in_reply_to_user_id"] for p in page["data"] if "in_reply_to_user_id" in p}
            wanted |= {m["id"] for p in page["data"] for m in p.get("entities", {}).get("mentions", [])}
            assert users <= wanted
            errors = page.get("errors", [])
            lost = {e["value"] for e in errors}
            referenced = {r["id"] for p in page["data"] for r in p.get("referenced_tweets", [])}
            assert {p["id"] for p in originals} == referenced - lost
            assert all(e["title"] == "Not Found Error" for e in errors)
            missing += len(lost & referenced)
        assert missing > 0

    def test_new_spelling(self, serve: Serve, get: Get) -> None:
        server = serve(spelling="post")
        page = get(
            server,
            RECENT,
            query=LOUD,
            post__fields="referenced_posts,note_post",
            expansions="referenced_posts.id",
            max_results="100",
        ).json()
        keys = {k for p in page["data"] for k in p}
        assert {"edit_history_post_ids", "referenced_posts"} <= keys
        assert not keys & {"edit_history_tweet_ids", "referenced_tweets", "note_tweet"}
        assert "posts" in page["includes"]
        refused = get(server, RECENT, query="a", tweet__fields="created_at")
        assert refused.status_code == 400
        assert "[tweet.fields] is not one of" in refused.json()["errors"][0]["message"]

    def test_both_spellings_ask_for_the_same_by_default(self, serve: Serve, get: Get) -> None:
        server = serve()
        old = get(server, RECENT, query=LOUD, tweet__fields="referenced_tweets").json()
        new = get(server, RECENT, query=LOUD, post__fields="referenced_posts").json()
        assert old == new

    def test_versions_to_come_are_not_listed(self, serve: Serve, get: Get, scene: Scene, now: datetime) -> None:
        world = World(scene)
        root = next(
            p
            for p in world.posts(now - timedelta(hours=9), now)
            if len(p["edit_history_tweet_ids"]) > 1 and p["id"] == p["edit_history_tweet_ids"][0]
        )
        made = datetime.fromisoformat(root["created_at"])
        bounds = {"since_id": str(int(root["id"]) - 1), "until_id": str(int(root["id"]) + 1)}
        early = serve(clock=lambda: made + timedelta(seconds=5), index_lag_s=0, match_all=True)
        late = serve(match_all=True)
        histories = [
            get(s, ALL, query="x", **bounds).json()["data"][0]["edit_history_tweet_ids"] for s in (early, late)
        ]
        assert histories == [[root["id"]], root["edit_history_tweet_ids"]]


class TestChecks:
    """Requests that X refuses, with its bodies."""

    @pytest.mark.parametrize(
        ("path", "params", "message"),
        [
            (RECENT, {}, "can not be empty"),
            (RECENT, {"query": "a" * 513}, "at most 512"),
            (ALL, {"query": "a" * 1025}, "at most 1024"),
            (RECENT, {"query": "a", "max_results": "9"}, "[9] is not between 10 and 100"),
            (RECENT, {"query": "a", "max_results": "101"}, "[101] is not between 10 and 100"),
            (ALL, {"query": "a", "max_results": "501"}, "[501] is not between 10 and 500"),
            (RECENT, {"query": "a", "max_results": "x"}, "[x] is not between"),
            (RECENT, {"query": "a", "sort_order": "best"}, "[recency,relevancy]"),
            (RECENT, {"query": "a", "previous_token": "b"}, "[previous_token] is not one of [query,"),
            (RECENT, {"query": "a", "tweet_fields": "id"}, "[tweet_fields] is not one of"),
            (RECENT, {"query": "a", "expansions": "author"}, "value [author] is not one of"),
            (RECENT, {"query": "a", "user__fields": "id,age"}, "`user.fields` query parameter value [age]"),
            (RECENT, {"query": "a", "since_id": "12x"}, "does not match"),
            (RECENT, {"query": "a", "start_time": "yesterday"}, "RFC 3339"),
            (RECENT, {"query": "a", "start_time": "2027-01-27T19:59:59Z"}, "must be on or after 2027-01-27T20:00Z"),
            (RECENT, {"query": "a", "end_time": "2027-02-03T19:59:51Z"}, "minimum of 10 seconds prior"),
            (RECENT, {"query": "a", "next_token": "b26v89"}, "Invalid 'next_token'"),
            (
                ALL,
                {"query": "a", "start_time": "2027-02-01T00:00:00Z", "end_time": "2027-02-01T00:00:00Z"},
                "must be after",
            ),
            ("/2/tweets/counts/recent", {"query": "a", "granularity": "week"}, "[minute,hour,day]"),
            ("/2/tweets/counts/recent", {"query": "a", "max_results": "10"}, "[max_results] is not one of"),
            ("/2/usage/tweets", {"days": "91"}, "not between 1 and 90"),
        ],
    )
    def test_refused(self, serve: Serve, get: Get, path: str, params: dict[str, str], message: str) -> None:
        answer = get(serve(), path, **params)
        body = answer.json()
        assert answer.status_code == 400
        assert message in body["errors"][0]["message"]
        assert body["title"] == "Invalid Request"

    @pytest.mark.parametrize(
        ("path", "params"),
        [
            (RECENT, {"query": "a" * 512, "max_results": "10"}),
            (ALL, {"query": "a" * 1024, "max_results": "500"}),
            (RECENT, {"query": "a", "start_time": "2027-01-27T20:00:00Z", "end_time": "2027-02-03T19:59:50Z"}),
            (ALL, {"query": "a", "start_time": "2027-01-01T00:00:00Z", "end_time": "2027-01-01T00:00:01Z"}),
        ],
    )
    def test_at_the_limit_is_allowed(
        self, serve: Serve, get: Get, quiet: Scene, path: str, params: dict[str, str]
    ) -> None:
        assert get(serve(scene=quiet), path, **params).status_code == 200

    def test_since_id_too_old_names_the_smallest_legal_id(self, serve: Serve, get: Get, quiet: Scene) -> None:
        server = serve(scene=quiet)
        message = get(server, RECENT, query="a", since_id="5").json()["errors"][0]["message"]
        smallest = int(message.rsplit(" ", 1)[1])
        assert "created after 2027-01-27T20:00Z" in message
        assert get(server, RECENT, query="a", since_id=str(smallest)).status_code == 400
        assert get(server, RECENT, query="a", since_id=str(smallest + 1)).status_code == 200
        assert get(server, ALL, query="a", since_id="5", until_id="7").status_code == 200

    def test_a_token_belongs_to_its_request(self, serve: Serve, get: Get) -> None:
        server = serve()
        token = get(server, RECENT, query=LOUD).json()["meta"]["next_token"]
        assert get(server, RECENT, query=LOUD, next_token=token, max_results="20").status_code == 200
        assert get(server, RECENT, query="Numéro0", next_token=token).status_code == 400
        assert get(server, ALL, query=LOUD, next_token=token).status_code == 400
        assert get(server, RECENT, query=LOUD, next_token=token[:-1] + "!").status_code == 400

    def test_unknown_paths_and_callers(self, serve: Serve, get: Get) -> None:
        server = serve()
        assert get(server, "/2/usage/credits").status_code == 404
        answer = requests.get(server.url + RECENT, timeout=10)
        assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")

    @pytest.mark.parametrize(
        ("name", "path", "params"),
        [
            ("400_invalid_field", RECENT, {"query": "a", "tweet__fields": "nothing"}),
            ("400_since_id_too_old", RECENT, {"query": "a", "since_id": "5"}),
            ("400_since_id_with_time", RECENT, {"query": "a", "since_id": "5", "end_time": "2027-02-01T00:00:00Z"}),
            ("400_end_time_too_recent", RECENT, {"query": "a", "end_time": "2027-02-03T20:00:00Z"}),
        ],
    )
    def test_bodies_are_shaped_as_recorded(
        self, serve: Serve, get: Get, recordings: Path, name: str, path: str, params: dict[str, str]
    ) -> None:
        recorded = json.loads((recordings / "error_bodies.json").read_text())[name]
        answer = get(serve(), path, **params)
        assert answer.status_code == recorded["status"]
        assert shape(answer.json()) == shape(recorded["body"])

    @pytest.mark.parametrize(
        ("name", "preset"),
        [
            ("429_usage_cap_exceeded", "usage_cap_exceeded"),
            ("402_credits_depleted", "credits_depleted"),
            ("403_client_not_enrolled", "client_not_enrolled"),
            ("stream_429_too_many_connections", "too_many_connections"),
            ("429_rate_limit_docs", "rate_limit"),
        ],
    )
    def test_preset_errors_are_shaped_as_recorded(self, recordings: Path, name: str, preset: str) -> None:
        recorded = json.loads((recordings / "error_bodies.json").read_text())[name]
        status, body = PRESETS[preset]
        assert status == recorded["status"]
        assert shape(body) == shape(recorded["body"])

    def test_duplicate_rule_is_shaped_as_recorded(self, serve: Serve, recordings: Path) -> None:
        recorded = json.loads((recordings / "error_bodies.json").read_text())["rules_duplicate"]["body"]
        url = serve().url + "/2/tweets/search/stream/rules"
        headers = {"Authorization": "Bearer sandbox-token"}
        value = "from:twitterdev from:twitterapi has:links"
        for _ in range(2):
            answer = requests.post(url, json={"add": [{"value": value}]}, headers=headers, timeout=10)
        assert shape(answer.json()) == shape(recorded)
        assert answer.json()["meta"]["summary"] == recorded["meta"]["summary"]


def shape(body: Json) -> object:
    """What must equal a recorded body: keys at every level, title and type."""
    errors = [
        (sorted(e), sorted(e.get("parameters", {})), e.get("title"), e.get("type")) for e in body.get("errors", [])
    ]
    return sorted(body), body.get("title"), body.get("type"), errors


class TestTime:
    """Bounds, the index lag and the bill."""

    def test_bounds_are_exact(self, serve: Serve, get: Get, now: datetime) -> None:
        server = serve(match_all=True)
        bounds = hour_ids(now, 2)
        ids = [
            int(p["id"])
            for page in walk(get, server, ALL, query="x", max_results="500", **bounds)
            for p in page["data"]
        ]
        inner = {"since_id": str(ids[-1]), "until_id": str(ids[0])}
        within = [
            int(p["id"]) for page in walk(get, server, ALL, query="x", max_results="500", **inner) for p in page["data"]
        ]
        assert within == ids[1:-1]
        times = {"start_time": "2027-02-03T17:00:00Z", "end_time": "2027-02-03T18:00:00Z"}
        timed = [
            int(p["id"]) for page in walk(get, server, ALL, query="x", max_results="500", **times) for p in page["data"]
        ]
        assert timed == ids

    def test_young_posts_are_not_found(self, serve: Serve, get: Get, now: datetime) -> None:
        def newest(server: XServer) -> datetime:
            since = id_bounds(Window(now - timedelta(minutes=10), now))[0]
            far = id_bounds(Window(now, now + timedelta(minutes=10)))[1]
            params = {"since_id": str(since), "until_id": str(far), "tweet__fields": "created_at"}
            return datetime.fromisoformat(get(server, RECENT, query="x", **params).json()["data"][0]["created_at"])

        busy = Scene(seed=2, people=(), posts_per_hour=20_000)
        assert newest(serve(scene=busy, match_all=True)) < now - timedelta(seconds=30)
        assert now - timedelta(seconds=5) < newest(serve(scene=busy, match_all=True, index_lag_s=0)) < now

    def test_the_bill_counts_a_post_once_a_day(self, serve: Serve, get: Get, now: datetime) -> None:
        moment = [now]
        server = serve(clock=lambda: moment[0])
        for _ in range(2):
            get(server, ALL, query=LOUD, max_results="50", expansions="author_id", **hour_ids(now, 1))
        assert server.bill.posts == 50
        users = server.bill.users
        assert 0 < users <= 50
        moment[0] = now + timedelta(days=1)
        get(server, ALL, query=LOUD, max_results="50", expansions="author_id", **hour_ids(now, 1))
        get(server, "/2/tweets/counts/all", query=LOUD, **hour_ids(now, 1))
        assert server.bill.posts == 100
        assert server.bill.usd == pytest.approx(100 * 0.005 + 2 * users * 0.010 + 0.010)

    def test_rate_limits(self, serve: Serve, get: Get, now: datetime, quiet: Scene) -> None:
        moment = [now]
        server = serve(scene=quiet, clock=lambda: moment[0], rate_factor=1)
        first = get(server, ALL, query="personneicinommée")
        second = get(server, ALL, query="personneicinommée")
        assert (first.headers["x-rate-limit-limit"], first.headers["x-rate-limit-remaining"]) == ("300", "299")
        assert second.status_code == 429
        moment[0] = now + timedelta(seconds=1)
        assert get(server, ALL, query="personneicinommée").headers["x-rate-limit-remaining"] == "298"

    def test_without_limits_headers_are_never_exhausted(self, serve: Serve, get: Get) -> None:
        server = serve()
        answers = [get(server, "/2/usage/tweets") for _ in range(60)]
        assert {a.status_code for a in answers} == {200}
        assert {a.headers["x-rate-limit-remaining"] for a in answers} == {"49"}


class TestRules:
    """The rule endpoints beyond what tweepy asks."""

    def post(self, server: XServer, body: object, **params: str) -> requests.Response:
        url = server.url + "/2/tweets/search/stream/rules"
        headers = {"Authorization": "Bearer sandbox-token"}
        return requests.post(url, json=body, params=params, headers=headers, timeout=10)

    def test_bad_rules_are_refused_one_by_one(self, serve: Serve) -> None:
        values = ["lang:fr", "a" * 1025, "-(a b)", "cat", "a" * 1024]
        body = self.post(serve(), {"add": [{"value": v} for v in values]}).json()
        assert [r["value"] for r in body["data"]] == ["cat", "a" * 1024]
        assert [e["value"] for e in body["errors"]] == values[:3]
        assert {e["title"] for e in body["errors"]} == {"UnprocessableEntity"}

    def test_the_cap_is_a_thousand(self, serve: Serve, get: Get) -> None:
        server = serve()
        body = self.post(server, {"add": [{"value": f"cat{n}"} for n in range(1_001)]}).json()
        assert body["meta"]["summary"] == {"created": 1_000, "not_created": 1, "valid": 1_000, "invalid": 1}
        assert body["errors"][0]["title"] == "RulesCapExceeded"
        counts = get(server, "/2/tweets/search/stream/rules/counts").json()["data"]
        assert (counts["project_rules_count"], counts["cap_per_project"]) == (1_000, 1_000)

    def test_delete_by_value_and_all(self, serve: Serve) -> None:
        server = serve()
        created = self.post(server, {"add": [{"value": "a", "tag": "t"}, {"value": "b"}, {"value": "c"}]})
        assert created.status_code == 201
        assert (
            self.post(server, {"delete": {"values": ["b"]}}, dry_run="true").json()["meta"]["summary"]["deleted"] == 1
        )
        assert len(server.rules.all()) == 3
        self.post(server, {"delete": {"values": ["b"]}})
        assert [r.value for r in server.rules.all()] == ["a", "c"]
        self.post(server, None, delete_all="true")
        assert server.rules.all() == []

    @pytest.mark.parametrize(
        "body", [None, {}, {"add": []}, {"add": [{"tag": "x"}]}, {"delete": {}}, {"add": "cat"}, []]
    )
    def test_malformed_bodies(self, serve: Serve, body: object) -> None:
        assert self.post(serve(), body).status_code == 400
