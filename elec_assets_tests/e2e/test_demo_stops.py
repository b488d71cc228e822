"""`elec demo` is stopped, or fails, before it serves: nothing of it is left, and one sentence says what happened."""

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from elec_assets_tests.e2e.demo_process import DemoProcess, new_demo

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[DemoProcess]:
    made = new_demo(tmp_path)
    yield made
    made.kill()


def test_a_signal_before_dagster_is_up_leaves_no_process(demo: DemoProcess) -> None:
    """Dagster runs in a session of its own: a demo that just died at SIGTERM left it running, and the port taken."""
    demo.start("--once", "--json")
    demo.wait_for("Starting Dagster", 30)
    assert demo.end(signal.SIGTERM, 40) == 130
    assert demo.left() == []
    assert "elec: interrupted" in demo.said
    assert "Traceback" not in demo.said
    assert demo.printed == ""


def test_ctrl_c_while_seeding_leaves_no_process(demo: DemoProcess) -> None:
    demo.start("--once", "--json")
    demo.wait_for("Backfill of demo_presidential/twitter/tweets", 90)
    assert demo.end(signal.SIGINT, 40) == 130
    assert demo.left() == []
    assert "elec: interrupted" in demo.said
    assert "Traceback" not in demo.said
    assert demo.printed == ""
    assert "Dagster services shut down." in demo.dagster_log


@pytest.mark.prove
def test_dagster_that_dies_while_seeding_is_told_in_one_sentence(demo: DemoProcess) -> None:
    """`DagsterUnreachable` was caught by no one: a traceback, and advice to start `dagster dev` by hand."""
    demo.start("--once", "--json")
    demo.wait_for("Backfill of demo_presidential/twitter/tweets", 90)
    for child in psutil.Process(demo.process.pid).children():
        child.kill()
    assert demo.process.wait(60) == 1
    assert demo.left() == []
    assert "Traceback" not in demo.said
    last = demo.said.splitlines()[-1]
    assert last.startswith("elec: Dagster stopped")
    assert str(demo.home / "dagster.log") in last


def test_a_taken_port_is_refused_before_anything_is_touched(demo: DemoProcess) -> None:
    """The demo took whoever answered on its port for its own Dagster, and seeded there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demo.port))
        taken.listen()
        assert demo.start("--once").process.wait(30) != 0
    assert f"port {demo.port}" in demo.said
    assert "--port" in demo.said
    assert not demo.home.exists()


def test_a_folder_that_no_demo_made_is_refused_untouched(demo: DemoProcess) -> None:
    demo.home.mkdir()
    (demo.home / "thesis.odt").write_text("two years of work", encoding="utf-8")
    assert demo.start("--once", "--json").process.wait(30) == 2
    assert [p.name for p in demo.home.iterdir()] == ["thesis.odt"]
    assert "--dir" in demo.said
    assert (demo.printed, "Traceback" in demo.said) == ("", False)


@pytest.mark.prove
def test_the_hangup_of_its_terminal_ends_it_too(demo: DemoProcess) -> None:
    """Closing the window killed `elec` and left Dagster on its port."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may run under nohup
    try:
        demo.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    demo.wait_for("Starting Dagster", 30)
    assert demo.end(signal.SIGHUP, 40) == 130
    assert demo.left() == []


@pytest.mark.prove
def test_started_in_the_background_of_a_script_it_still_heeds_an_interrupt(demo: DemoProcess) -> None:
    """Shells start `command &` in a script with SIGINT ignored; `kill -INT` then did nothing."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        demo.start()
    finally:
        signal.signal(signal.SIGINT, before)
    demo.wait_for("Starting Dagster", 30)
    try:
        assert demo.end(signal.SIGINT, 40) == 130
    except subprocess.TimeoutExpired:
        pytest.fail(f"it goes on: {demo.said}")
    assert demo.left() == []
