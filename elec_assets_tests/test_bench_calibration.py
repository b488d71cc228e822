"""The benchmark of calibration, small: it runs, and the calibration keeps its accuracy."""

import json

import pytest

from bench import calibration
from bench.report import main, options
from bench.trends_world import HOURS, MINUTES, Regime, World, ranks_agree


@pytest.mark.parametrize("points", [HOURS, MINUTES])
@pytest.mark.parametrize("decades", [2, 4])
def test_sixteen_candidates_are_recovered_within_three_percent(decades: float, points: int) -> None:
    worlds = [World(Regime(decades, points, 3000), 16, seed) for seed in range(3)]
    row = calibration.row(worlds[0].regime, "ladder", worlds)
    figures = {name: float(str(row[name])) for name in ("median_error", "cover95", "spearman", "requests")}
    assert figures["median_error"] < 0.03
    assert figures["cover95"] >= 0.9
    assert figures["spearman"] >= 0.98
    assert figures["requests"] <= (6 if decades == 2 else 5 + 4), "5 windows; few candidates over 4 decades have gaps"
    assert row["flagged"] in (None, 1.0)


def test_a_world_answers_the_same_request_alike_and_another_seed_otherwise() -> None:
    regime = Regime(2, HOURS, 300)
    one, same, other = World(regime, 8, 1), World(regime, 8, 1), World(regime, 8, 2)
    request = tuple(one.names[:5])
    assert one.ask(request) == same.ask(request)
    assert one.ask(request) != other.ask(request)
    values = [value for series in one.ask(request).values() for value in series.values]
    assert max(values) == 100
    assert all(value == int(value) for value in values)
    assert max(one.truth) - min(one.truth) == pytest.approx(2 * 2.302585)


def test_ranks_agree_from_minus_one_to_one() -> None:
    assert ranks_agree([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]) == pytest.approx(1)
    assert ranks_agree([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == pytest.approx(-1)
    assert ranks_agree([1.0], [3.0]) == 1


def test_the_benchmark_prints_every_path_and_names_what_it_missed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "MAIN", calibration.MAIN[1:2])
    monkeypatch.setattr(calibration, "HARDER", calibration.HARDER[:1])
    parser = options("calibration", "", size=8, unit="candidates", peers=())
    parser.add_argument("--worlds", type=int, default=1)
    assert main(parser, calibration.bench, ["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in told["rows"]] == ["ladder", "plain", "pivot", "single"] * 2
    assert told["headline"]["flagged_least"] == 1
    assert told["headline"]["pivot_requests"] == 2
    assert main(parser, calibration.bench, ["--size", "2"]) == 2
    rows = [{"path": "ladder", "decades": 2, "points": 3, "searches": 4, "case": "", "median_error": 0.04}]
    rows = [{"cover95": 0.95, "spearman": 0.99, "flagged": None, **row} for row in rows]
    assert calibration.missed(rows) == ["missed: median_error 0.04 at 2 decades, 3 points, 4 searches"]
