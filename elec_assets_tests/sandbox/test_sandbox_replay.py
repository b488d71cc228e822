import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.replay import Replay, ReplayError
from elec_assets.sandbox.x_http import XServer

ALL = "/2/tweets/search/all"
Serve = Callable[..., XServer]
Get = Callable[..., requests.Response]
PAGE: Json = {
    "data": [
        {
            "id": "1440717170493689866",
            "text": "one @b",
            "author_id": "5",
            "referenced_tweets": [{"type": "quoted", "id": "7"}],
        },
        {"id": "1440717170493689800", "text": "two", "author_id": "6"},
    ],
    "includes": {
        "users": [{"id": "5", "name": "A", "username": "a"}, {"id": "6", "name": "B", "username": "B"}],
        "tweets": [{"id": "7", "text": "seven", "author_id": "6"}],
    },
    "meta": {"result_count": 2},
}
LINE: Json = {
    "data": {"id": "1440717170493689900", "text": "three", "author_id": "6"},
    "includes": {"users": [{"id": "6", "name": "B2", "username": "B"}]},
    "matching_rules": [{"id": 1, "tag": None}],
}


def as_asked(page: Json) -> dict[str, str]:
    """The parameters of the recorded request, with ids of the page as bounds."""
    asked = dict(parse_qsl(urlsplit(page["__twarc"]["url"]).query))
    for name in ("start_time", "end_time"):
        asked.pop(name, None)
    asked["since_id"] = str(int(page["meta"]["oldest_id"]) - 1)
    asked["until_id"] = str(int(page["meta"]["newest_id"]) + 1)
    return {name.replace(".", "__"): value for name, value in asked.items()}


@pytest.fixture(scope="module")
def pages(recordings: Path) -> list[Json]:
    return [json.loads(p.read_text()) for p in sorted(recordings.glob("recorded_search_page_*.jsonl"))]


@pytest.fixture
def replayed(serve: Serve, recordings: Path) -> XServer:
    return serve(replay=sorted(recordings.glob("recorded_search_page_*.jsonl")), match_all=True)


def by_id(objects: list[Json]) -> dict[str, Json]:
    return {o.get("id") or o["media_key"]: o for o in objects}


def test_recorded_pages_come_back_whole(replayed: XServer, get: Get, pages: list[Json]) -> None:
    for page in pages:
        answer = get(replayed, ALL, **{**as_asked(page), "max_results": "500"}).json()
        assert answer["data"] == page["data"]
        assert {k: by_id(v) for k, v in answer["includes"].items()} == {
            k: by_id(v) for k, v in page["includes"].items()
        }
        assert {e["value"] for e in answer["errors"]} == {e["value"] for e in page["errors"]}
        assert answer["meta"] == {k: page["meta"][k] for k in ("newest_id", "oldest_id", "result_count")}


@pytest.mark.parametrize("size", [10, 97])
def test_repaged_with_includes_of_their_own(replayed: XServer, get: Get, pages: list[Json], size: int) -> None:
    seen: list[Json] = []
    for page in pages:
        users, tweets = by_id(page["includes"]["users"]), by_id(page["includes"]["tweets"])
        params = {**as_asked(page), "max_results": str(size)}
        while True:
            answer = get(replayed, ALL, **params).json()
            includes = answer["includes"]
            referenced = {r["id"] for p in answer["data"] for r in p.get("referenced_tweets", [])}
            assert {t["id"] for t in includes.get("tweets", [])} == referenced & tweets.keys()
            assert {p["author_id"] for p in answer["data"]} & users.keys() <= {u["id"] for u in includes["users"]}
            assert all(users[u["id"]] == u for u in includes["users"])
            assert all(tweets[t["id"]] == t for t in includes.get("tweets", []))
            seen += answer["data"]
            if "next_token" not in answer["meta"]:
                break
            params["next_token"] = answer["meta"]["next_token"]
    assert seen == [p for page in pages for p in page["data"]]
    assert len({p["id"] for p in seen}) == 574


def test_a_recorded_query_matches_by_itself(serve: Serve, get: Get, recordings: Path, pages: list[Json]) -> None:
    server = serve(replay=[recordings / "recorded_search_page_kpop.jsonl"])
    page = next(p for p in pages if len(p["data"]) == 100)
    found = get(server, ALL, **as_asked(page)).json()["data"]
    assert len(found) >= 95
    assert get(server, ALL, **{**as_asked(page), "query": "#autrechose"}).json()["meta"]["result_count"] == 0


def test_recent_still_reaches_only_seven_days(replayed: XServer, get: Get, pages: list[Json]) -> None:
    params = {**as_asked(pages[0]), "max_results": "100"}
    assert get(replayed, "/2/tweets/search/recent", **params).status_code == 400


def write(path: Path, *lines: object) -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_pages_and_stream_lines_mix(tmp_path: Path, name: str) -> None:
    error: Json = {"errors": [{"title": "operational-disconnect"}]}
    source = Replay([write(tmp_path / name, PAGE, "", LINE, {"meta": {"result_count": 0}}, error)])
    ids = [p["id"] for p in source.newest_first(0, 2**63)]
    assert ids == ["1440717170493689900", "1440717170493689866", "1440717170493689800"]
    assert (source.find("users", "6") or {})["name"] == "B2"
    assert (source.find("usernames", "b") or {})["id"] == "6"
    assert (source.find("tweets", "7") or {})["text"] == "seven"
    assert source.find("tweets", "8") is None


def test_the_new_spelling_is_read(tmp_path: Path) -> None:
    post = {"id": "9", "text": "x", "referenced_posts": [{"type": "quoted", "id": "7"}], "edit_history_post_ids": ["9"]}
    page = {"data": [post], "includes": {"posts": [{"id": "7", "text": "seven", "note_post": {"text": "more"}}]}}
    source = Replay([write(tmp_path / "a.jsonl", page)])
    assert next(source.newest_first(0, 99)).keys() == {"id", "text", "referenced_tweets", "edit_history_tweet_ids"}
    assert (source.find("tweets", "7") or {})["note_tweet"] == {"text": "more"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{broken"], "a.jsonl:1: not JSON"),
        ([PAGE, "[1, 2]"], "a.jsonl:2: neither a search page"),
        ([{"hello": 1}], "a.jsonl:1: neither"),
        ([{"data": [{"id": 5.5, "text": "x"}]}], "a.jsonl:1: a post needs"),
        ([{"data": [{"id": "5"}]}], "a.jsonl:1: a post needs"),
        ([{**PAGE, "includes": {"users": [{"name": "x"}]}}], "a.jsonl:1: includes.users"),
        ([{"meta": {"result_count": 0}}], "a.jsonl: holds no post"),
        ([], "a.jsonl: holds no post"),
    ],
)
def test_bad_recordings_are_named(tmp_path: Path, lines: list[Any], message: str) -> None:
    with pytest.raises(ReplayError, match=message.replace("[", r"\[")):
        Replay([write(tmp_path / "a.jsonl", *lines)])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match=r"none\.jsonl: cannot be read"):
        Replay([tmp_path / "none.jsonl"])
    (tmp_path / "plain.jsonl.gz").write_text("no gzip")
    with pytest.raises(ReplayError, match=r"plain\.jsonl\.gz: cannot be read"):
        Replay([tmp_path / "plain.jsonl.gz"])
