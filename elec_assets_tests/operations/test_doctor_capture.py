"""`elec doctor` about live capture: spool, disk, the stream's part of the budget, and whether the service runs."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from elec_assets.capture.status import (
    Connected,
    Following,
    Money,
    SpoolUse,
    Status,
    Uploading,
    write_status,
)
from elec_assets.domain.windows import iso
from elec_assets.operations.doctor_capture import capture_checks
from elec_assets.operations.doctor_check import Check
from elec_assets.settings import load_settings
from elec_assets_tests.operations.place import NOW

SAID = Status(
    at=iso(NOW - timedelta(seconds=4)),
    pid=4711,
    running=True,
    started="2026-02-16T08:00:00Z",
    connection=Connected("connected", 3, "2026-02-16T11:00:00Z", "2026-02-16T12:29:55Z"),
    lines=1234,
    per_minute=7,
    lag_s=2.0,
    connections=3,
    planned="planned now",
    spool=SpoolUse(1000, 20_000_000_000, 1, "2026-02-16T12:20:00Z", near_full=False, disputed=0),
    upload=Uploading(50, "2026-02-16T12:25:02Z", None, None),
    spend=Money("202602", 0.0, 0.0, 0.0, 0.0, free=True),
    registry=Following("0123456789ab", ("test_2026",), 2, ()),
    alerts=(),
)


def runs(folder: Path, **changes: object) -> None:
    """A service that runs with the spool of a deployment, by its own account."""
    (folder / "spool").mkdir(exist_ok=True)
    write_status(folder / "spool", msgspec.structs.replace(SAID, **changes))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment's folder."""
    (tmp_path / "workspace.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELEC_SPOOL_MAX_BYTES", "10000000")
    return tmp_path


def looked() -> dict[str, Check]:
    return {check.name: check for check in capture_checks(load_settings(), NOW)}


def test_a_spool_that_is_not_there_yet_is_judged_by_where_it_will_be_and_not_made(here: Path) -> None:
    check = looked()["spool"]
    assert check.state == "ok"
    assert str(here / "spool") in check.found
    assert not (here / "spool").exists()


def test_a_spool_that_can_not_be_a_directory_fails(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").touch()
    monkeypatch.setenv("ELEC_SPOOL", "file/spool")
    check = looked()["spool"]
    assert (check.state, "ELEC_SPOOL" in check.todo) == ("fail", True)
    assert str(here / "file" / "spool") in check.found


def test_a_disk_smaller_than_the_spools_cap_is_a_warning(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    """It would be full before the service warns of its cap."""
    monkeypatch.setenv("ELEC_SPOOL_MAX_BYTES", str(10**18))
    check = looked()["spool"]
    assert (check.state, "ELEC_SPOOL_MAX_BYTES" in check.todo) == ("warn", True)
    assert str(here) in check.found


@pytest.mark.parametrize(
    ("budget", "share", "state", "told"),
    [
        ("0", "0.2", "warn", "0 USD"),
        ("100", "0.2", "ok", "80.00 of 100.00 USD a month"),
        ("14", "0.2", "warn", "raise ELEC_X_BUDGET_USD to at least 14.06"),
        ("14.1", "0.2", "ok", "11.28 of 14.10 USD a month"),
        ("100", "1", "warn", "0.00 of 100.00 USD a month"),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_part_of_the_budget_for_the_stream_is_told(
    monkeypatch: pytest.MonkeyPatch, budget: str, share: str, state: str, told: str
) -> None:
    monkeypatch.setenv("ELEC_X_BUDGET_USD", budget)
    monkeypatch.setenv("ELEC_X_FILL_SHARE", share)
    check = looked()["stream budget"]
    assert (check.state, told in check.found) == (state, True)
    assert bool(check.todo) is (state == "warn")


@pytest.mark.usefixtures("here")
def test_a_service_that_never_ran_is_a_warning_that_says_how_to_start_it() -> None:
    check = looked()["capture"]
    assert (check.state, check.found) == ("warn", "never ran with this spool")
    assert "elec capture" in check.todo


def test_a_service_that_runs_is_told_with_what_it_does(here: Path) -> None:
    runs(here)
    check = looked()["capture"]
    assert check.state == "ok"
    assert check.found == (
        "process 4711, connected; 1,234 posts since 2026-02-16T08:00:00Z, 1 slots wait for their upload"
    )


def test_what_troubles_a_running_service_is_told(here: Path) -> None:
    runs(here, alerts=("the store takes nothing since 12:00",))
    check = looked()["capture"]
    assert (check.state, "the store takes nothing since 12:00" in check.found) == ("warn", True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"running": False, "at": "2026-02-16T10:00:00Z"}, "stopped at 2026-02-16T10:00:00Z"),
        ({"at": "2026-02-16T12:29:00Z"}, "process 4711 said nothing since 2026-02-16T12:29:00Z"),
    ],
)
def test_a_service_that_was_stopped_or_is_stuck_is_a_warning(here: Path, changes: dict[str, object], told: str) -> None:
    runs(here, **changes)
    check = looked()["capture"]
    assert (check.state, check.found) == ("warn", told)


def test_a_status_that_can_not_be_read_fails(here: Path) -> None:
    (here / "spool").mkdir()
    (here / "spool" / "status.json").write_text("{", encoding="utf-8")
    check = looked()["capture"]
    assert (check.state, "status.json" in check.found) == ("fail", True)
