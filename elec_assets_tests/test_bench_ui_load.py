"""The benchmark of the UI's load: what a browser asks is recorded and repeated, and the report says what was broken."""

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import psutil
import pytest

from bench import chromium, ui_load
from bench.report import DONE, WRONG_INPUT, Report, main
from bench.ui_load_box import Stored, read_stored
from bench.ui_load_clients import Answers, Asked
from bench.ui_load_costs import Cost, Costs, Span
from bench.ui_load_hour import Sealed, hours_before
from bench.ui_load_pages import Frame, Noted, Page, Request
from bench.ui_load_report import BROWSERS, Found, Phase, report
from bench.ui_load_seed import ELECTION, write_hours, write_registry
from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms
from elec_assets_tests.deploy import postgres
from elec_assets_tests.deployment import REPOSITORY
from elec_assets_tests.local_http import QuietHandler, serving

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
OPENED = epoch_ms(NOW)
RATE = 10.0
QUESTION = Asked("Runs", 0.2, 1000, None)


def phase(name: str, **more: Any) -> Phase:  # noqa: ANN401 - fields of Sealed and Answers
    """Ten seconds; `quiet` is the first of them."""
    began = OPENED / 1000 + (10 if name == BROWSERS else 0)
    sealed = Sealed("r", "2026-11-22-08:00", started_s=5.0, end_s=12.0, asked=2)
    asked = more.pop("answered", [QUESTION] if name == BROWSERS else [])
    span = Span({"capture": Cost(0.5, 60.0), "webserver": Cost(4.0, 300.0)})
    return Phase(name, began, began + 10, replace(sealed, **more), span, Answers(asked))


def found(**more: Any) -> Found:  # noqa: ANN401 - fields of Found
    """200 lines, each received 40 ms after it was due."""
    received = {number: OPENED + (number + 1) * 100 + 40 for number in range(200)}
    made = Found([phase("quiet"), phase(BROWSERS)], [], Stored(received, 0, OPENED), 200, 2, RATE, 0.5)
    return replace(made, **more)


def test_promises_that_are_kept_are_reported_as_figures() -> None:
    told = report(found())
    assert told.broken == []
    assert told.headline["lost"] == told.headline["errors"] == 0
    assert told.headline["late_s"] == 7 * 60 + 12
    assert told.headline["late_s_allowed"] == 30 * 60
    quiet, loaded = told.rows
    assert quiet["lines"] == 99  # the last of its time is due as the next begins
    assert loaded["lag_s"] == loaded["lag_max_s"] == 0.04
    assert loaded["graphql_s"] == 0.2
    processes = {row["process"]: row for row in told.more["processes"]}
    assert processes["webserver"]["browsers core_%"] == 40.0
    assert processes["capture"]["quiet MiB"] == 60


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sent": 201}, "'lost': 1"),
        ({"stored": Stored(dict.fromkeys(range(200), OPENED), 3, OPENED)}, "'twice': 3"),
        ({"connects": 3}, "over one connection"),
        ({"phases": [phase("quiet"), phase(BROWSERS, end_s=1400.0)]}, "1820 s after its end, it is late after 1800 s"),
        (
            {"phases": [phase("quiet"), phase(BROWSERS, answered=[QUESTION, Asked("Logs", 1.0, 9, "status 500")])]},
            "Logs: status 500",
        ),
    ],
)
def test_a_promise_that_is_broken_is_named(changed: dict[str, Any], said: str) -> None:
    [sentence] = report(found(**changed)).broken
    assert said in sentence


def test_a_run_that_failed_and_was_tried_again_is_noted_but_breaks_nothing() -> None:
    told = report(found(phases=[phase("quiet"), phase(BROWSERS, failed=("the run did not start",))]))
    assert told.broken == []
    assert [row["failed_runs"] for row in told.rows] == [0, 1]
    assert told.notes == ["browsers: a run failed, and was tried again: the run did not start"]


def test_what_only_a_page_of_the_ui_sends_is_recorded() -> None:
    noted = Noted("http://127.0.0.1:3000/runs")

    def sent(at_s: float, url: str, method: str = "POST", kind: str = "Fetch", body: str = "") -> dict[str, Any]:
        request = {"url": f"http://127.0.0.1:3000{url}", "method": method, "postData": body}
        return {"timestamp": at_s, "type": kind, "request": request}

    question = json.dumps({"operationName": "Runs", "query": "{ runs }"})
    opened = {"url": "ws://127.0.0.1:3000/graphql", "requestId": "7"}
    events = [
        ("Network.requestWillBeSent", sent(99.0, "/graphql?op=Runs", body=question)),  # of the page before
        ("Network.requestWillBeSent", sent(100.0, "/runs", "GET", "Document")),
        ("Network.requestWillBeSent", sent(100.5, "/main.js", "GET", "Script")),
        ("Network.webSocketCreated", opened),
        ("Network.webSocketFrameSent", {"requestId": "7", "timestamp": 101.0, "response": {"payloadData": "{}"}}),
        ("Network.requestWillBeSent", sent(102.0, "/graphql?op=Runs", body=question)),
        ("Network.requestWillBeSent", sent(103.0, "/report", body="{}")),
    ]
    for method, params in events:
        noted.take(method, params)
    assert noted.requests == [Request(2.0, "/graphql?op=Runs", "Runs", question)]
    [socket] = noted.sockets.values()
    assert (socket.path, socket.frames) == ("/graphql", [Frame(1.0, "{}")])


class Ui(QuietHandler):
    """Answers as a body says: `slow` waits for the next, others at once."""

    protocol_version = "HTTP/1.1"
    next_came = threading.Event()
    heard: ClassVar[list[str]] = []

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.heard.append(asked)
        if asked == "slow":
            self.next_came.wait(10)
        if asked == "last":
            self.next_came.set()
        data: dict[str, object] = {"errors": [{"message": "no"}]} if asked == "wrong" else {"data": {}}
        body = gzip.compress(json.dumps(data).encode())
        self.send_response(500 if asked == "broken" else 200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def ui() -> Iterator[int]:
    Ui.heard.clear()
    Ui.next_came.clear()
    with serving(Ui) as url:
        yield int(url.rpartition(":")[2])


def test_a_client_asks_what_was_recorded_but_nothing_whose_answer_is_awaited(ui: int, tmp_path: Path) -> None:
    bodies = ["slow", "slow", "well", "wrong", "broken", "last"]
    page = Page("runs", 600.0, [Request(0.05 * n, "/graphql", text, text) for n, text in enumerate(bodies)], [])
    pages = tmp_path / "pages.json"
    pages.write_bytes(msgspec.json.encode([page]))
    job = {"pages": str(pages), "host": "127.0.0.1", "port": ui, "clients": 1}
    command = [sys.executable, "-m", "bench.ui_load_clients", json.dumps(job)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=REPOSITORY) as process:
        assert Ui.next_came.wait(20)
        threading.Event().wait(0.5)
        said, _ = process.communicate(b"", timeout=20)
    answers = msgspec.json.decode(said, type=Answers)
    assert Ui.heard == ["slow", "well", "wrong", "broken", "last"]
    assert answers.held_back == 1
    problems = {each.operation: each.problem for each in answers.asked}
    assert problems == {
        "slow": None,
        "well": None,
        "last": None,
        "wrong": "errors in the answer",
        "broken": "status 500",
    }
    took = {each.operation: each.took_s for each in answers.asked}
    assert took["slow"] > 0.1 > took["well"]


def test_hours_that_are_there_at_the_start_seal_whole(tmp_path: Path) -> None:
    [hour] = hours_before(NOW, 1)
    write_hours(tmp_path, [hour], 120, seed=7)
    write_registry(tmp_path / "candidates.yaml", NOW, 3)
    election = load_registry(tmp_path / "candidates.yaml").elections[ELECTION]
    store = open_store(tmp_path.as_uri())
    sealer = HourSealer(election=election, registry_version="0" * 12, store=store, fill=None, query_limit=1024)
    row = sealer.seal(hour).row
    assert row is not None
    assert (row.rows, row.outcome, row.captured_s) == (120, Outcome.OK, 3600)


def test_lines_that_are_stored_are_counted_by_their_ids(tmp_path: Path) -> None:
    [hour] = hours_before(NOW, 1)
    write_hours(tmp_path, [hour], 120, seed=7)
    last_slot = epoch_ms(hour.end) - 300_000
    told = read_stored(tmp_path, (last_slot + 1000 - X_EPOCH_MS) << 22)
    assert sorted(told.received_ms) == list(range(10))
    assert told.received_ms[0] == last_slot + 2000
    assert (told.twice, told.opened_ms) == (0, last_slot)


def test_cpu_of_a_service_is_counted_and_that_of_its_runs_apart() -> None:
    run = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.3: pass\nprint(flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {run!r}])"
    proxy = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", proxy], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        costs = Costs({"code": process.pid})
        with costs.span() as span:
            process.stdout.readline()
        children = psutil.Process(process.pid).children(recursive=True)
        process.communicate(b"\n")
    assert len(children) == 2
    assert span.costs["runs"].cpu_s >= 0.3 > span.costs["code"].cpu_s
    assert span.costs["runs"].largest_mib > 1


def test_options_outside_their_limits_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ui_load.parser(), ui_load.bench, ["--clients", "0"]) == WRONG_INPUT
    assert "--clients" in capsys.readouterr().err


def test_help_names_both_loads_and_what_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ui_load.parser().parse_args(["--help"])
    said = capsys.readouterr().out
    assert "quiet" in said
    assert "30\nminutes" in said or "30 minutes" in said


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.skipif(chromium.found() is None or postgres.binaries() is None, reason="needs Chromium and PostgreSQL")
def test_capture_loses_nothing_and_an_hour_is_sealed_beside_browsers() -> None:
    reports: list[Report] = []

    def kept(args: Any) -> Report:  # noqa: ANN401 - argparse's
        reports.append(ui_load.bench(args))
        return reports[0]

    options = ["--clients", "5", "--seconds", "20", "--page", "8", "--size", "2000", "--json"]
    assert main(ui_load.parser(), kept, options) == DONE
    [told] = reports
    assert told.headline["lost"] == 0
    assert told.headline["sent"] >= 2 * 20 * ui_load.RATE
    assert told.headline["late_s"] < told.headline["late_s_allowed"]
    quiet, loaded = told.rows
    assert quiet["asked"] == 0
    assert isinstance(loaded["asked"], int)
    assert loaded["asked"] > 50
