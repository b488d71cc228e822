"""`elec demo --once --json` to its end. Its parts are in test_demo.py, stopped early in test_demo_stops.py."""

import json
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from elec_assets_tests.e2e.demo_process import DemoProcess, new_demo
from elec_assets_tests.loopback.guard import attempts

pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(900)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProcess]:
    made = new_demo(tmp_path, watched=True)
    yield made
    made.kill()


def spans(told: list[str]) -> tuple[datetime, datetime]:
    """A span of two ISO times."""
    return datetime.fromisoformat(told[0]), datetime.fromisoformat(told[1])


def test_it_makes_two_weeks_prints_one_object_and_leaves_nothing_running(demo: DemoProcess) -> None:
    assert demo.start("--once", "--json").process.wait(800) == 0, demo.said
    assert demo.left() == []
    with socket.socket() as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(("127.0.0.1", demo.port))
    (line,) = demo.printed.splitlines()
    summary = json.loads(line)
    assert summary["complete"] is True
    assert [(a["asset"].partition("/")[2], a["partitions"]) for a in summary["assets"]] == [
        ("candidates", 1),
        ("twitter/tweets", 336),
        ("twitter/weekly", 2),
        ("coverage/weekly", 2),
        ("google_trends/{fr,world}/weekly/*", 4),
        ("google_trends/fr/daily/*", 3),
        ("google_trends/fr/hourly/*", 24),
        ("google_trends/weekly", 2),
    ]
    assert [version["release_id"][:7] for version in summary["releases"]["versions"]] == [
        summary["assets"][2]["coverage"].split(", ")[1].partition(".")[0]
    ]
    assert summary["releases"]["again"] == 0
    captured = summary["captured"]
    assert captured["healed"] is True
    assert captured["planned_s"] == 7200.0
    assert captured["captured_s"] + captured["filled_s"] == pytest.approx(7200.0, abs=0.002)
    assert captured["missed_s"] == 0.0
    assert captured["filled_s"] == captured["first_missed_s"] == captured["retweets_missed_s"] > 900.0
    assert captured["first_outcomes"] == ["ok", "throttled"]
    # What the journals do not claim holds every moment in which the sandbox sent nothing.
    hole = [spans(span) for span in captured["hole"]]
    assert captured["outages"]
    for since, until in map(spans, captured["outages"]):
        assert any(start <= since < until <= end for start, end in hole), captured
    assert not (demo.home / "spool").exists()  # live capture is for who looks on
    assert [a for a in attempts(demo.attempts_log) if a.refused] == []
    assert demo.watch.addresses() <= {"127.0.0.1", "::1"}
    assert "Traceback" not in demo.said + demo.dagster_log
    assert "Stop with Ctrl-C" not in demo.said  # it did not serve
