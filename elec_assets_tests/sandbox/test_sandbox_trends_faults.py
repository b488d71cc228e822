"""What goes wrong by script and by quota; starting, stopping, and the command."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import click.testing
import pytest
import requests

from elec_assets import cli
from elec_assets.operations import sandbox_commands
from elec_assets.operations.sandboxes import trends_scene_of
from elec_assets.sandbox import serve
from elec_assets.sandbox.faults import load_faults
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_api import TrendsOptions
from elec_assets.sandbox.trends_faults import PRESETS, TrendsFault
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets.sandbox.trends_world import TrendsWorld
from elec_assets_tests.deployment import ELECTION, write_registry
from elec_assets_tests.sandbox.trends import NOW, SCENE, Client, Clock, Json, StartTrends


@pytest.fixture
def client(google: StartTrends) -> Client:
    return google()


@pytest.mark.parametrize(
    ("preset", "status", "kind", "told"),
    [
        ("too_many_requests", 429, "text/html; charset=utf-8", None),
        ("too_many_requests_retry_after", 429, "text/html; charset=utf-8", "60"),
        ("captcha", 200, "text/html; charset=utf-8", None),
        ("server_error_javascript", 500, "text/javascript; charset=UTF-8", None),
        ("server_error", 500, "text/html; charset=utf-8", None),
        ("unauthorized", 401, "text/html; charset=utf-8", None),
        ("forbidden", 403, "text/html; charset=utf-8", None),
    ],
)
def test_a_preset_once_and_then_the_truth(
    client: Client, preset: str, status: int, kind: str, told: str | None
) -> None:
    client.server.faults.add(TrendsFault(preset=preset))
    answer = client.explore("Nom1")
    assert (answer.status_code, answer.headers["content-type"]) == (status, kind)
    assert answer.headers.get("retry-after") == told
    assert client.explore("Nom1").status_code == 200
    assert [(r.outcome, r.asked.keywords) for r in client.server.requests] == [("fault", ("Nom1",)), ("ok", ("Nom1",))]


def test_every_preset_is_tried_above() -> None:
    mark = test_a_preset_once_and_then_the_truth.pytestmark[0]  # type: ignore[attr-defined]  # set by pytest
    assert {row[0] for row in mark.args[1]} == set(PRESETS)


def test_a_refusal_of_the_cookie_alone(client: Client) -> None:
    client.server.faults.add(TrendsFault(path="/trends/explore*", preset="too_many_requests"))
    assert client.explore("Nom1").status_code == 200
    answer = client.get("/explore/", geo="US")
    assert (answer.status_code, "set-cookie" in answer.headers) == (429, False)


def test_json_cut_short_is_a_whole_answer_of_half_a_document(client: Client) -> None:
    widget = client.widgets("Nom1")["TIMESERIES"]
    whole = client.fetch(widget)
    client.server.faults.add(TrendsFault(truncate=0.5))
    half = client.fetch(widget)
    assert half.content == whole.content[: len(whole.content) // 2]
    assert half.headers["content-length"] == str(len(half.content))


def test_widgets_are_left_out_by_pattern(client: Client) -> None:
    client.server.faults.add(TrendsFault(drop_widget="GEO_MAP*"))
    assert list(client.widgets("Nom1")) == ["TIMESERIES", "RELATED_TOPICS", "RELATED_QUERIES"]
    assert "GEO_MAP" in client.widgets("Nom1")


def test_lists_are_emptied(client: Client) -> None:
    widgets = client.widgets("Nom1")
    documents: dict[str, Json] = {
        "TIMESERIES": {"timelineData": [], "averages": []},
        "GEO_MAP": {"geoMapData": []},
        "RELATED_QUERIES": {"rankedList": []},
    }
    for name, empty in documents.items():
        client.server.faults.add(TrendsFault(empty=True))
        assert client.data(widgets[name]) == empty
        assert client.server.requests[-1].outcome == "empty"


def test_the_user_type_of_one_exploration(client: Client) -> None:
    client.server.faults.add(TrendsFault(user_type="USER_TYPE_EMBED_OVER_QUOTA"))
    widgets = client.widgets("Nom1")
    assert client.data(widgets["RELATED_QUERIES"]) == {"rankedList": []}
    assert client.data(client.widgets("Nom1")["RELATED_QUERIES"])["rankedList"]


def test_a_stall_a_reset_and_an_answer_without_a_type(client: Client) -> None:
    for fault in (TrendsFault(delay_s=0.2), TrendsFault(reset=True), TrendsFault(no_content_type=True)):
        client.server.faults.add(fault)
    begun = time.monotonic()
    assert client.explore("Nom1").status_code == 200
    assert time.monotonic() - begun >= 0.2
    with pytest.raises(requests.exceptions.ConnectionError):
        client.explore("Nom2")
    assert "content-type" not in client.explore("Nom3").headers
    log = [(r.status, r.outcome, r.asked.keywords) for r in client.server.requests]
    assert log == [(200, "ok", ("Nom1",)), (0, "reset", ("Nom2",)), (200, "ok", ("Nom3",))]


def test_a_status_a_body_and_a_redirect(client: Client) -> None:
    client.server.faults.add(TrendsFault(status=503))
    client.server.faults.add(TrendsFault(body=")]}',\n{}", headers={"Content-Type": "application/json"}))
    client.server.faults.add(TrendsFault(redirect=f"{client.server.url}/explore/"))
    assert (client.explore("Nom1").status_code, client.explore("Nom1").text) == (503, ")]}',\n{}")
    assert client.get("/api/explore").url.endswith("/trends/explore/")


def test_a_fault_of_a_replay(google: StartTrends, tmp_path: Path) -> None:
    request = {"method": "GET", "path": "/trends/explore/", "query": {"geo": "US"}}
    response = {"status": 404, "headers": {"set-cookie": ["NID=1; domain=.google.com"]}, "body": ""}
    path = tmp_path / "r.json"
    path.write_text(json.dumps([{"request": request, "response": response}]), encoding="utf-8")
    client = google(replay=[path], faults=[TrendsFault(preset="captcha")])
    assert [client.get("/explore/", geo="US").status_code for _ in range(2)] == [200, 404]
    assert client.session.cookies["NID"] == "1"


def test_faults_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"preset": "captcha", "times": 2}, {"drop_widget": "GEO_MAP"}]), encoding="utf-8")
    assert load_faults(path, TrendsFault) == [
        TrendsFault(preset="captcha", times=2),
        TrendsFault(drop_widget="GEO_MAP"),
    ]
    path.write_text('[{"drop_widget": "GEO_MAP"}]', encoding="utf-8")
    with pytest.raises(ValueError, match="drop_widget is not known"):
        load_faults(path)
    path.write_text('[{"preset": "credits_depleted"}]', encoding="utf-8")
    with pytest.raises(ValueError, match="fault 1: preset is 'credits_depleted', must be one of too_many_requests"):
        load_faults(path, TrendsFault)


# Quotas


def test_a_quota_of_half_an_hour_slides_and_belongs_to_a_cookie(google: StartTrends, clock: Clock) -> None:
    client = google(options=TrendsOptions(half_hour_quota=3, retry_after_s=90))
    client.get("/explore/")  # counts for those without a cookie
    answers = []
    for _ in range(4):
        answers.append(client.explore("Nom1"))
        clock.move(minutes=5)
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["retry-after"] == "90"
    assert client.server.requests[-1].outcome == "refused"
    other = Client(client.server)
    with other.session:
        assert other.explore("Nom1").status_code == 200
    clock.move(minutes=10)
    assert [client.explore("Nom1").status_code for _ in range(2)] == [200, 429]


def test_a_quota_of_a_day(google: StartTrends, clock: Clock) -> None:
    client = google(options=TrendsOptions(day_quota=2))
    statuses = []
    for hours in (0, 12, 11, 1, 12):
        clock.move(hours=hours)
        statuses.append(client.explore("Nom1").status_code)
    assert statuses == [200, 200, 429, 200, 200]
    assert "retry-after" not in client.explore("Nom1").headers


# Starting


def test_a_world_is_needed_or_files_and_not_both() -> None:
    with pytest.raises(ValueError, match="either a world or files"):
        start_trends()
    with pytest.raises(ValueError, match="either a world or files"):
        start_trends(world=SCENE, replay=[Path("x")])


def test_the_scene_of_a_registry_holds_each_person_once(tmp_path: Path) -> None:
    election = write_registry(tmp_path).elections[ELECTION]
    scene = trends_scene_of([election, election], seed=3)
    assert len(scene.subjects) == len(election.candidates)
    world = TrendsWorld(scene)
    for candidate in election.candidates.values():
        keyword = candidate.trends.topic_mid or candidate.trends.term or candidate.name
        assert world.share(keyword, "FR", NOW - timedelta(days=1), NOW) > 0
        assert world.subject(keyword) in scene.subjects


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "70000"],
        ["--faults", "nowhere.json"],
        ["--faults", "odd.json"],
        ["--replay", "nowhere.json"],
        ["--replay", "odd.json"],
    ],
)
def test_wrong_arguments_end_with_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.json").write_text("{}", encoding="utf-8")
    result = click.testing.CliRunner().invoke(cli.main, ["sandbox", "trends", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "json" in result.stderr or "70000" in result.stderr


def test_the_command_prints_an_address_that_answers_and_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In process: `elec sandbox x` shows what starting and ending a child costs."""
    recording = tmp_path / "recording.json"
    exchange = {"request": {"path": "/trends/explore/"}, "response": {"status": 404, "headers": {}, "body": "recorded"}}
    recording.write_text(json.dumps([exchange]), encoding="utf-8")
    seen = []

    def asked() -> None:
        server = started[-1]
        seen.append((server.url, requests.get(f"{server.url}/explore/", timeout=10).text))

    started: list[TrendsServer] = []
    usual = serve.start_trends

    def start(**options: Any) -> TrendsServer:  # noqa: ANN401 - what start_trends takes
        started.append(usual(**options))
        return started[-1]

    monkeypatch.setattr(serve, "start_trends", start)
    monkeypatch.setattr(sandbox_commands, "until_interrupted", asked)
    arguments = ["sandbox", "trends", "--replay", str(recording)]
    result = click.testing.CliRunner().invoke(cli.main, arguments)
    ((url, text),) = seen
    assert (result.exit_code, result.stdout, text) == (0, f"{url}\n", "recorded")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=10)
