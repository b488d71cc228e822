"""The benchmark of scale-out: what it seeds is whole, what it reports is what was measured."""

from pathlib import Path

import pytest

from bench import scale_out
from bench import scale_out_seed as seeds
from bench.posts import ELECTION
from bench.report import WRONG_INPUT, main
from bench.scale_out import Backfilled
from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import open_store
from elec_assets.domain.outcomes import Outcome


def test_hours_that_it_seeds_are_captured_whole(tmp_path: Path) -> None:
    registry = load_registry(seeds.registry(tmp_path))
    lines = seeds.captured(tmp_path / "store", 3, 20)
    sealer = HourSealer(
        election=registry.elections[ELECTION],
        registry_version=registry.version,
        store=open_store((tmp_path / "store").as_uri()),
        fill=None,
        query_limit=512,
    )
    rows = [sealer.seal(hour).row for hour in seeds.hours(3)]
    assert [row.outcome for row in rows if row] == [Outcome.OK] * 3
    assert sum(row.rows + row.duplicates for row in rows if row) == lines
    assert lines > 55


def test_partitions_are_those_of_the_hours_and_their_weeks() -> None:
    assert seeds.hour_keys(2) == ["2022-01-10-00:00", "2022-01-10-01:00"]
    assert seeds.week_keys(169) == ["2022-01-10", "2022-01-17"]


def test_times_are_reported_as_ratios_beside_who_had_which_runs() -> None:
    alone = Backfilled(100.0, 100.0, 95.0, 2.0, {"": 9}, 0)
    celery = Backfilled(90.0, 50.0, 110.0, 4.0, {"worker1": 5, "worker2": 4}, 7)
    report = scale_out.report(alone, celery, hours=168)
    assert report.headline == {
        "speedup_wall": 1.111,
        "speedup_work": 2.0,
        "cpu_celery_over_one": 1.158,
        "hours_a_minute_celery": 202,
    }
    assert [row["runs"] for row in report.rows] == [9, 9]
    assert report.more["workers"] == [{"worker": "worker1", "runs": 5}, {"worker": "worker2", "runs": 4}]


@pytest.mark.parametrize("wrong", [["--weeks", "0"], ["--workers", "9"]])
def test_options_out_of_range_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(scale_out.parser(), scale_out.bench, wrong) == WRONG_INPUT
    assert "found; allowed:" in capsys.readouterr().err
