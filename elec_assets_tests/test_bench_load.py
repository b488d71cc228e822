"""The benchmark of load: a short load is kept whole by the real service, and the report says what was not."""

import json
from typing import Any

import pytest

from bench import load
from bench.load import Load
from bench.report import FAILED, WRONG_INPUT, Report, main


@pytest.mark.prove
def test_every_line_of_a_burst_is_stored_once() -> None:
    found = load.run("capture", Load(((0.2, 1500), (0.5, 60)), looks_s=(0.5,)))
    assert found["sent"] == 330
    assert load.broken({"burst": found}, {"cpu_capture_over_bare": 1.0}) == []
    assert found["lines"] == found["stored"] == found["journaled"] == 330
    assert found["cpu_s"] > 0
    assert found["looks"][0]["files"] > 3
    assert found["looks"][0]["rss_mib"] <= found["peak_mib"]


@pytest.mark.prove
def test_the_bare_loop_writes_the_same_lines() -> None:
    found = load.run("bare", Load(((0.5, 100),)))
    assert found["sent"] == 50
    assert 50 * 2500 < found["bytes"] < 50 * 3500
    assert 0 < found["cpu_s"] < 1


def figures(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - figures of a path
    return {
        **{"sent": 1000, "stored": 1000, "journaled": 1000, "twice": 0, "missing": 0, "connects": 1},
        **{"cpu_s": 0.3, "seconds": 20.0, "peak_mib": 60.0, "looks": []},
        **more,
    }


BARE = {"sent": 1000, "cpu_s": 0.2, "seconds": 20.0, "peak_mib": 20.0}
LOST = {"stored": 999, "journaled": 999, "missing": 1}
LOOK = {"at_s": 100, "rss_mib": 50.0, "files": 12}


def told(**paths: dict[str, Any]) -> Report:
    return load.report({"capture": figures(), "bare": BARE, "burst": figures(), **paths})


def test_promises_that_are_kept_are_reported_as_figures() -> None:
    report = told()
    assert report.broken == []
    assert report.headline == {"cpu_capture_over_bare": 1.5, "lost": 0, "peak_mib": 60}
    assert [row["us_a_line"] for row in report.rows] == [300, 200, 300]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"capture": figures(cpu_s=0.5)}, "2.5 times the CPU"),
        ({"burst": figures(**LOST)}, "burst: not every line is stored once"),
        ({"burst": figures(connects=2)}, "over one connection"),
        ({"burst": figures(stored=1001, journaled=1001, twice=1)}, "'twice': 1"),
        ({"soak": figures(looks=[LOOK, {**LOOK, "rss_mib": 59.0}])}, "memory or open files grow"),
        ({"soak": figures(looks=[LOOK, {**LOOK, "files": 15}])}, "memory or open files grow"),
    ],
)
def test_a_promise_that_is_broken_is_named(paths: dict[str, dict[str, Any]], said: str) -> None:
    [sentence] = told(**paths).broken
    assert said in sentence


def test_a_soak_that_stays_flat_is_reported() -> None:
    report = told(soak=figures(looks=[LOOK, {**LOOK, "rss_mib": 53.0}]))
    assert report.broken == []
    assert report.headline["soak_grown_mib"] == 3.0
    assert report.more["soak"] == [LOOK, {**LOOK, "rss_mib": 53.0}]


def test_a_broken_promise_ends_the_benchmark_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(load.parser(), lambda _: told(burst=figures(**LOST)), ["--json"]) == FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["headline"]["lost"] == 1
    assert said.err.startswith("broken: burst")


def test_a_soak_too_short_to_be_judged_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(load.parser(), load.bench, ["--soak", "60"]) == WRONG_INPUT
    assert "at least 1320 seconds" in capsys.readouterr().err
