"""The demo's folder, registry and environment."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import getproxies
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elec_assets.domain.registry_file import parse_registry
from elec_assets.domain.trends import Cadence
from elec_assets.domain.windows import HOUR, WEEK, Grain, floor
from elec_assets.operations.demo_release import RELEASE_JOB
from elec_assets.operations.demo_seeding import past_weeks
from elec_assets.operations.demo_setup import (
    DATASET,
    ELECTION,
    TITLE,
    TOKEN,
    DemoFolderTaken,
    demo_registry,
    environment,
    no_proxies,
    prepared,
)
from elec_assets.operations.demo_summary import collected_hours
from elec_assets.operations.demo_trends import seeds
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets.schedules_releases import JOB

NOW = datetime(2026, 11, 21, 21, 14, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # the bounds must be naive


def no_file(name: str) -> str:
    raise AssertionError(f"the demo's registry names {name}")


@settings(deadline=None)  # milliseconds alone, more on a busy machine
@given(MOMENTS)
@example(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
@example(datetime(2028, 2, 29, tzinfo=UTC))
@example(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))  # the night that has no 02:30 in Paris
@example(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # the night that has it twice
@example(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
@example(datetime(2027, 1, 1, tzinfo=UTC))
@example(datetime(2026, 11, 16, tzinfo=UTC))  # Monday 00:00
@example(datetime(2026, 11, 15, 23, 59, 59, 999999, tzinfo=UTC))
def test_the_registry_is_valid_on_any_day(now: datetime) -> None:
    election = parse_registry(demo_registry(now), "candidates.yaml", no_file).elections[ELECTION]
    dates = election.calendar
    # Two Mondays before this one: both seeded weeks are whole, and over.
    assert dates.collect_from == floor(now, Grain.WEEK) - WEEK * 2
    assert dates.collect_from + WEEK * 2 <= now
    assert election.active_at(now)
    assert dates.confirmed
    assert len(election.as_of(now)) == 8
    assert [c.accounts for c in election.as_of(dates.collect_from)]
    assert all(day > now.date() for day in dates.rounds)
    assert dates.rounds[1] - dates.rounds[0] == timedelta(days=14)
    assert all(day.weekday() == 6 for day in dates.rounds)  # France votes on Sundays
    (debate,) = dates.events
    assert dates.collect_from <= debate.window.start < debate.window.end <= floor(now, Grain.WEEK)
    assert debate.window.start.astimezone(PARIS).hour == 21
    assert debate.window.end - debate.window.start == 3 * HOUR


def test_a_new_folder_holds_registry_workspace_and_instance(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there yet"
    with prepared(folder, NOW):
        made = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert {"candidates.yaml", "workspace.yaml", "dagster/dagster.yaml"} < made
        instance = yaml.safe_load((folder / "dagster" / "dagster.yaml").read_text(encoding="utf-8"))
        assert instance["telemetry"] == {"enabled": False}
        assert (folder / "candidates.yaml").read_text(encoding="utf-8") == demo_registry(NOW)
    assert sorted(p.name for p in folder.parent.iterdir()) == ["there yet"]


def test_the_folder_of_an_earlier_demo_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with prepared(folder, NOW - WEEK):
        (folder / "data").mkdir()
        (folder / "data" / "old").write_text("x", encoding="utf-8")
    with prepared(folder, NOW):
        assert not (folder / "data").exists()
        assert (folder / "candidates.yaml").read_text(encoding="utf-8") == demo_registry(NOW)


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    with prepared(folder, NOW):
        assert (folder / "workspace.yaml").is_file()


def test_a_folder_that_no_demo_made_is_refused_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "thesis.odt").write_text("two years of work", encoding="utf-8")
    with pytest.raises(DemoFolderTaken, match="--dir"), prepared(folder, NOW):
        pytest.fail("taken")
    assert (folder / "thesis.odt").read_text(encoding="utf-8") == "two years of work"
    assert [p.name for p in folder.iterdir()] == ["thesis.odt"]
    assert [p.name for p in tmp_path.iterdir()] == ["thesis"]


def test_a_file_is_refused_untouched(tmp_path: Path) -> None:
    """`--dir notes.txt` ended in a traceback: a file has no entries to look through."""
    path = tmp_path / "notes.txt"
    path.write_text("notes", encoding="utf-8")
    with pytest.raises(DemoFolderTaken, match="--dir"), prepared(path, NOW):
        pytest.fail("taken")
    assert path.read_text(encoding="utf-8") == "notes"


def test_a_folder_in_use_is_refused_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with prepared(folder, NOW):
        (folder / "data").mkdir()
        with pytest.raises(DemoFolderTaken, match="running"), prepared(folder, NOW):
            pytest.fail("two demos in one folder")
        assert (folder / "data").is_dir()


def test_a_demo_that_failed_gives_its_folder_free(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with pytest.raises(RuntimeError), prepared(folder, NOW):
        raise RuntimeError
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo"]
    with prepared(folder, NOW):
        assert (folder / "workspace.yaml").is_file()


NAMES = st.sampled_from(["ELEC_STORE", "ELEC_NEW", "X_BEARER_TOKEN", "X_API_KEY", "KAGGLE_KEY", "KAGGLE_USERNAME"]) | (
    st.sampled_from(["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "DAGSTER_HOME"])
    | st.sampled_from(["HTTP_PROXY", "https_proxy", "ALL_PROXY", "Ftp_Proxy", "NO_PROXY"])
)


@given(st.dictionaries(NAMES, st.just("of the caller"), min_size=1))
def test_no_account_proxy_or_setting_of_the_caller_is_passed_on(inherited: dict[str, str]) -> None:
    folder = Path("/somewhere/demo")
    made = environment(
        folder,
        "http://127.0.0.1:8090",
        "http://127.0.0.1:8091/trends",
        {**inherited, "LANG": "C.UTF-8", "PYTHONPATH": "/lib"},
    )
    assert "of the caller" not in made.values()
    assert (made["LANG"], made["PYTHONPATH"]) == ("C.UTF-8", "/lib")
    ours = {name: value for name, value in made.items() if name.startswith(("ELEC_", "X_", "DAGSTER_", "AWS_"))}
    assert ours == {
        "DAGSTER_HOME": str(folder / "dagster"),
        "ELEC_REGISTRY": str(folder / "candidates.yaml"),
        "ELEC_STORE": str(folder / "data"),
        "ELEC_SPOOL": str(folder / "spool"),
        "ELEC_X_BASE_URL": "http://127.0.0.1:8090",
        "ELEC_TRENDS_BASE_URL": "http://127.0.0.1:8091/trends",
        "X_BEARER_TOKEN": TOKEN,
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    assert [name for name in made if name.lower().endswith("_proxy")] == ["NO_PROXY"]


def test_with_a_sandbox_of_kaggle_releases_go_there_and_nowhere_else(tmp_path: Path) -> None:
    inherited = {"KAGGLE_API_TOKEN": "of the caller", "ELEC_KAGGLE_DATASET": "of/the-caller"}
    made = environment(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:1", inherited, "http://127.0.0.1:8092")
    assert {name: value for name, value in made.items() if "KAGGLE" in name} == {
        "ELEC_KAGGLE_DATASET": DATASET,
        "ELEC_KAGGLE_TITLE": TITLE,
        "ELEC_KAGGLE_BASE_URL": "http://127.0.0.1:8092",
        "KAGGLE_USERNAME": USERNAME,
        "KAGGLE_KEY": KEY,
    }
    assert DATASET.startswith(f"{USERNAME}/")
    assert 6 <= len(TITLE) <= 50


@given(MOMENTS)
def test_days_of_the_first_week_may_be_left_out(now: datetime) -> None:
    election = parse_registry(demo_registry(now, 1, 2), "candidates.yaml", no_file).elections[ELECTION]
    dates = election.calendar
    assert dates.collect_from == floor(now, Grain.WEEK) - timedelta(days=2)
    weeks = past_weeks(election, now)
    assert [week.end for week in weeks] == [floor(now, Grain.WEEK)]
    hours = collected_hours(election, weeks)
    assert (hours[0].start, len(hours)) == (dates.collect_from, 48)
    (debate,) = dates.events
    assert dates.collect_from < debate.window.start - timedelta(days=1)
    assert {seed.cadence for seed in seeds(election, weeks)} == {Cadence.WEEKLY, Cadence.DAILY}
    assert all(window.end > dates.collect_from for seed in seeds(election, weeks) for window in seed.windows)


def test_the_release_job_is_that_of_the_schedule() -> None:
    assert RELEASE_JOB == JOB


def test_a_caller_without_a_path_gets_the_systems(tmp_path: Path) -> None:
    assert environment(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:1", {})["PATH"] == os.defpath


def test_a_proxy_of_the_caller_is_not_asked_for_this_machines_own_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evening's capture runs in the demo's own process, and sent its requests to 127.0.0.1 to HTTP_PROXY."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    with no_proxies():
        assert getproxies() == {}
        assert [name for name in os.environ if name.lower().endswith("_proxy")] == []
    assert getproxies()["http"] == "http://192.0.2.1:3128"
