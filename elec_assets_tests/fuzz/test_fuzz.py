"""A few seeded inputs for every target, and the machinery that `make prove` runs for an hour."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from elec_assets_tests.fuzz.__main__ import NAMES
from elec_assets_tests.fuzz.engines import available, cases
from elec_assets_tests.fuzz.minimizing import failure, minimized
from elec_assets_tests.fuzz.targets import TARGETS, Target

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_passes(name: str) -> None:
    for data in TARGETS[name].seeds():
        TARGETS[name].run(data)


@pytest.mark.parametrize("name", NAMES)
def test_no_reader_crashes_or_loses_a_value(name: str) -> None:
    @seed(20261121)
    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases(TARGETS[name]))
    def check(data: bytes) -> None:
        TARGETS[name].run(data)

    check()


def test_all_targets_are_run() -> None:
    assert set(NAMES) == set(TARGETS)


def test_an_input_is_made_as_small_as_its_failure_allows() -> None:
    def check(data: bytes) -> None:
        assert not (b"bad" in data and data.startswith(b"{")), "found bad"

    assert minimized(b"{" + b"x" * 500 + b"bad" + b"y" * 500, check, 10.0) == b"{bad"
    assert failure(check, b"{good") is None
    assert minimized(b"{good", check, 10.0) == b"{good"


def test_an_input_that_takes_too_long_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(_: bytes) -> None:
        while True:
            pass

    monkeypatch.setattr("elec_assets_tests.fuzz.targets.MOST_CPU_S", 0.05)
    with pytest.raises(AssertionError, match="one input took over"):
        Target("endless", check, lambda: [b""], lambda data, _: data).run(b"")


@pytest.mark.prove
@pytest.mark.parametrize("engine", available())
def test_an_engine_runs_and_reports(engine: str, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "elec_assets_tests.fuzz",
        "--target",
        "sidecar",
        "--engine",
        engine,
        "--seconds",
        "5",
    ]
    done = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "nothing found"), done.stdout + done.stderr


def test_an_input_given_is_checked(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(TARGETS["key"].seeds()[0])
    words = [sys.executable, "-m", "elec_assets_tests.fuzz", "--target", "key", "--input", "input"]
    done = subprocess.run(words, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "key: input passes\n"), done.stderr
