"""The sandbox beside recorded exchanges of Google: the same keys, types, prefixes and content types, both ways."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from elec_assets.sandbox.replay import ReplayError
from elec_assets.sandbox.trends_replay import TrendsReplay
from elec_assets.sandbox.trends_world import TrendsScene
from elec_assets_tests.sandbox.trends import Client, Json, StartTrends, endpoint_of

FILES = [
    "interest_by_region_ok.json",
    "interest_over_time_ok.json",
    "related_queries_result_keys.json",
    "related_topics_result_keys.json",
]
RECORDED_AT = datetime(2023, 3, 26, 8, 9, 20, tzinfo=UTC)
HEADERS = ("content-type", "content-disposition", "cache-control", "x-content-type-options")


def form(value: Any, path: str = "") -> set[tuple[str, str]]:  # noqa: ANN401 - any JSON
    """Every path in a document with the type of what is there; widgets by id, other lists as one."""
    if isinstance(value, dict):
        found = {(f"{path}.{k}", type(v).__name__) for k, v in value.items()}
        return found.union(*(form(v, f"{path}.{k}") for k, v in value.items()))
    if isinstance(value, list):
        names = [v["id"] if isinstance(v, dict) and "token" in v else "*" for v in value]
        found = {(f"{path}[{name}]", type(v).__name__) for name, v in zip(names, value, strict=True)}
        return found.union(*(form(v, f"{path}[{name}]") for name, v in zip(names, value, strict=True)))
    return set()


def send(client: Client, request: Json, **params: str) -> requests.Response:
    address = client.server.url.removesuffix("/trends") + request["path"]
    return client.session.request(request["method"], address, params={**request["query"], **params}, timeout=10)


def documents(body: str) -> tuple[str, Json]:
    """Prefix and document."""
    prefix, _, text = body.partition("\n")
    return prefix, json.loads(text)


def test_the_recordings_are_those_known(trends_recordings: Path) -> None:
    assert sorted(p.name for p in trends_recordings.glob("*.json")) == FILES


@pytest.mark.parametrize("name", FILES)
def test_every_key_and_type_is_that_of_the_recording(google: StartTrends, trends_recordings: Path, name: str) -> None:
    client = google(world=TrendsScene(seed=4, decades=1), clock=lambda: RECORDED_AT)
    cookie, explore, *data = json.loads((trends_recordings / name).read_text(encoding="utf-8"))
    assert send(client, cookie["request"]).status_code == cookie["response"]["status"]

    answer = send(client, explore["request"])
    ours = documents(answer.text)
    theirs = documents(explore["response"]["body"])
    assert ours[0] == theirs[0]
    assert form(ours[1]) == form(theirs[1])
    # The values too, save for tokens, explanations and the caller's country.
    assert [bare(w) for w in ours[1]["widgets"]] == [bare(w) for w in theirs[1]["widgets"]]
    assert {k: v for k, v in ours[1].items() if k != "widgets"} == {
        k: v for k, v in theirs[1].items() if k != "widgets"
    }
    assert same_headers(answer, explore["response"])

    for exchange in data:
        asked = json.loads(exchange["request"]["query"]["req"])
        wanted = {k: v for k, v in asked.items() if k in ("keywordType", "restriction", "comparisonItem", "dataMode")}
        answer = send(client, exchange["request"], **ask(ours[1]["widgets"], wanted))
        ours_data, theirs_data = documents(answer.text), documents(exchange["response"]["body"])
        assert ours_data[0] == theirs_data[0]
        assert form(ours_data[1]) == form(theirs_data[1])
        assert same_headers(answer, exchange["response"])


def bare(widget: Json) -> Json:
    kept = {k: v for k, v in widget.items() if k not in ("token", "helpDialog")}
    if "userCountryCode" in kept.get("request", {}):
        kept["request"] = {**kept["request"], "userCountryCode": ""}
    return kept


def ask(widgets: list[Json], wanted: Json) -> dict[str, str]:
    """Our own request and token for the widget that a recorded request was for."""
    for widget in widgets:
        request = widget.get("request", {})
        if wanted.items() <= request.items() and ("dataMode" in request) == ("dataMode" in wanted):
            return {"req": json.dumps(request), "token": widget["token"]}
    raise AssertionError(f"no widget for {wanted}")


def same_headers(ours: requests.Response, recorded: Json) -> bool:
    return {h: ours.headers.get(h) for h in HEADERS} == {h: recorded["headers"].get(h) for h in HEADERS}


# Replay


@pytest.mark.parametrize("name", FILES)
def test_a_recording_is_served_byte_for_byte(google: StartTrends, trends_recordings: Path, name: str) -> None:
    client = google(replay=[trends_recordings / name])
    for exchange in json.loads((trends_recordings / name).read_text(encoding="utf-8")):
        answer = send(client, exchange["request"])
        assert answer.content == exchange["response"]["body"].encode()
        assert answer.status_code == exchange["response"]["status"]
        assert answer.headers["content-type"] == exchange["response"]["headers"]["content-type"]
    assert client.session.cookies["NID"] == "511=EMULATED"


def test_all_recordings_together_answer_each_with_its_own_tokens(google: StartTrends, trends_recordings: Path) -> None:
    paths = sorted(trends_recordings.glob("*.json"))
    client = google(replay=paths)
    for path in paths:
        for exchange in json.loads(path.read_text(encoding="utf-8"))[2:]:
            assert send(client, exchange["request"]).content == exchange["response"]["body"].encode()
    asked = client.server.requests[-1].asked
    assert (asked.endpoint, client.server.requests[-1].outcome) == ("relatedsearches", "ok")


def test_what_is_recorded_twice_is_served_in_turn_and_what_is_not_is_a_404(google: StartTrends, tmp_path: Path) -> None:
    recording = tmp_path / "one.json"
    request = {"method": "GET", "path": "/trends/api/widgetdata/multiline", "query": {"req": '{"a": 1}', "token": "t"}}
    answers = [{"status": 200, "headers": {"content-type": "text/plain"}, "body": text} for text in ("é1", "2")]
    recording.write_text(json.dumps([{"request": request, "response": a} for a in answers]), encoding="utf-8")
    client = google(replay=[recording])
    texts = [client.get("/api/widgetdata/multiline", req='{"a":1}', token=t).content.decode() for t in "ttx"]
    assert texts == ["é1", "2", "é1"]
    assert client.get("/api/widgetdata/multiline", req='{"a":2}', token="t").status_code == 404
    assert [r.outcome for r in client.server.requests] == ["ok"] * 3 + ["refused"]


@pytest.mark.parametrize(
    "text", ["{", "{}", "[]", "[1]", '[{"request": {"path": "/"}}]', '[{"request": 1, "response": 2}]']
)
def test_a_file_that_is_no_recording_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReplayError, match=r"odd\.json"):
        TrendsReplay([path])


def test_the_endpoints_of_widgets_are_told_by_their_ids() -> None:
    ids = ["TIMESERIES", "GEO_MAP_1", "RELATED_TOPICS"]
    assert [endpoint_of(i) for i in ids] == ["multiline", "comparedgeo", "relatedsearches"]
