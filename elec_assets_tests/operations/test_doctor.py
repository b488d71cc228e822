"""`elec doctor`: each check's ok, warn and fail, and what X is asked."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.spend_ledger import Spend
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.domain import layout, layout_trends
from elec_assets.operations.doctor import DoctorReport, doctor
from elec_assets.operations.doctor_check import Check
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_api import TOKEN
from elec_assets_tests.operations.place import NOW, REGISTRY, Place
from elec_assets_tests.operations.test_doctor_capture import runs


@pytest.fixture
def env(place: Place, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The deployment of `place`, X its sandbox, without a token."""
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("ELEC_X_BASE_URL", place.x.url)
    return monkeypatch


def examined() -> tuple[DoctorReport, dict[str, Check]]:
    report = doctor(NOW)
    return report, {check.name: check for check in report.checks}


def test_a_deployment_that_can_work_is_all_ok(place: Place, env: pytest.MonkeyPatch) -> None:
    env.setenv("X_BEARER_TOKEN", TOKEN)
    env.setenv("ELEC_TRENDS_BASE_URL", place.x.url)  # whoever answers there
    env.setenv("ELEC_KAGGLE_DATASET", "owner/elections")
    env.setenv("KAGGLE_API_TOKEN", "never sent")
    runs(place.folder)
    report, checks = examined()
    # How full this machine's disk is, is not the deployment's; alerts need a Dagster and SNS: `test_doctor_alerts.py`.
    left_out = ("disk", "spool", "alerts", "alert sensor")
    assert {name: check.state for name, check in checks.items() if name not in left_out} == {
        "settings": "ok",
        "secrets": "ok",
        "registry": "ok",
        "store": "ok",
        "registry history": "ok",
        "x": "ok",
        "budget": "ok",
        "stream budget": "ok",
        "capture": "ok",
        "google trends": "ok",
        "watches": "ok",
        "silences": "ok",
        "kaggle": "ok",
        "releases": "ok",
    }
    assert report.exit_code == 0
    assert report.as_dict()["ok"] is True
    assert str(place.folder) in checks["settings"].found
    assert checks["registry"].found == "active: test_2026"
    assert [r.path for r in place.x.requests] == ["/2/usage/tweets"]  # one question, and not a billed one
    assert [name for name in place.objects() if "probe" in name] == []


@pytest.mark.usefixtures("env")
def test_no_token_asks_no_one_and_is_a_warning(place: Place) -> None:
    report, checks = examined()
    assert (checks["x"].state, report.exit_code) == ("warn", 0)
    assert "X_BEARER_TOKEN" in checks["x"].todo
    assert place.x.requests == []


def test_a_token_that_x_refuses_is_a_failure(env: pytest.MonkeyPatch) -> None:
    env.setenv("X_BEARER_TOKEN", "wrong")
    report, checks = examined()
    assert (checks["x"].state, report.exit_code) == ("fail", 1)
    assert "401" in checks["x"].found
    assert "X_BEARER_TOKEN" in checks["x"].found
    assert "wrong" not in json.dumps(report.as_dict())
    assert "FAIL  x: " in "\n".join(report.lines())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(preset="unauthorized"), "401"),
        (Fault(preset="client_not_enrolled"), "in a project"),
        (Fault(preset="rate_limit"), "429"),
        (Fault(preset="service_unavailable"), "in trouble"),
        (Fault(reset=True), "no whole answer"),
        (Fault(redirect="https://elsewhere.invalid/"), "elsewhere.invalid"),
    ],
)
def test_what_x_answers_is_told(place: Place, env: pytest.MonkeyPatch, fault: Fault, told: str) -> None:
    env.setenv("X_BEARER_TOKEN", TOKEN)
    place.x.faults.add(fault)
    report, checks = examined()
    assert (checks["x"].state, report.exit_code) == ("fail", 1)
    assert told in checks["x"].found
    assert len(place.x.requests) == 1  # someone waits: asked once


def test_an_answer_of_another_form_still_proves_the_token(place: Place, env: pytest.MonkeyPatch) -> None:
    env.setenv("X_BEARER_TOKEN", TOKEN)
    place.x.faults.add(Fault(body="something new", status=200))
    _, checks = examined()
    assert (checks["x"].state, checks["x"].found.rpartition(" ")[2]) == ("ok", "unknown")


def test_a_store_that_cannot_be_written_is_a_failure(place: Place, env: pytest.MonkeyPatch) -> None:
    (place.folder / "file").write_text("no directory", encoding="utf-8")
    env.setenv("ELEC_STORE", str(place.folder / "file" / "data"))
    report, checks = examined()
    assert (checks["store"].state, report.exit_code) == ("fail", 1)
    assert "ELEC_STORE" in checks["store"].todo
    assert "budget" not in checks  # it lies in the store
    assert checks["registry"].state == "ok"  # and the rest is looked at all the same


def test_a_store_of_an_unknown_kind_is_a_wrong_setting(env: pytest.MonkeyPatch) -> None:
    """Other commands end with 2 for the same value of ELEC_STORE."""
    env.setenv("ELEC_STORE", "gs://bucket")
    report, checks = examined()
    assert (checks["settings"].state, report.exit_code) == ("fail", 2)
    assert "gs://bucket" in checks["settings"].found


@pytest.mark.usefixtures("env")
def test_a_full_disk_is_a_warning(place: Place) -> None:
    _, checks = examined()
    few = shutil.disk_usage(place.folder).free <= 5_000_000_000
    assert checks["disk"].state == ("warn" if few else "ok")
    assert bool(checks["disk"].todo) is few


@pytest.mark.parametrize(
    ("change", "state", "told", "code"),
    [
        (None, "fail", "no such file", 2),
        (("country: FR", "country: fr"), "fail", "elections.test_2026.country", 2),
        (("confirmed: true", "confirmed: false"), "warn", "not confirmed", 0),
        (("2026", "2030"), "warn", "none active", 0),
    ],
)
@pytest.mark.usefixtures("env")
def test_the_registry_is_judged(place: Place, change: tuple[str, str] | None, state: str, told: str, code: int) -> None:
    path = place.folder / "candidates.yaml"
    if change is None:
        path.unlink()
    else:
        path.write_text(REGISTRY.replace(*change), encoding="utf-8")
    report, checks = examined()
    assert (checks["registry"].state, report.exit_code) == (state, code)
    assert told in checks["registry"].found
    assert checks["registry"].todo


@pytest.mark.usefixtures("env")
def test_whether_the_registry_is_in_force_is_told(place: Place) -> None:
    first = place.registry.version
    _, checks = examined()
    assert checks["registry history"].found.startswith(f"version {first} comes into force with the next run")
    RegistryHistory(place.store).admit(place.registry, NOW)
    _, checks = examined()
    assert checks["registry history"].found == f"version {first} is in force since 2026-02-16T12:30:00Z"
    edited = REGISTRY.replace("Béatrice Leroux, status: 1", "Béatrice Leroux, status: 1, until: 2026-02-20")
    (place.folder / "candidates.yaml").write_text(edited, encoding="utf-8")
    before = place.objects()
    report, checks = examined()
    assert (checks["registry history"].state, report.exit_code) == ("ok", 0)
    assert checks["registry history"].found.startswith(f"version {place.registry.version} comes into force with the")
    assert place.objects() == before  # looking is not admitting


@pytest.mark.usefixtures("env")
def test_a_registry_that_rewrites_the_past_is_a_failure_and_named(place: Place) -> None:
    RegistryHistory(place.store).admit(place.registry, NOW)
    edited = REGISTRY.replace("Béatrice Leroux, status: 1", "Béatrice Leroux, status: -1")
    (place.folder / "candidates.yaml").write_text(edited, encoding="utf-8")
    report, checks = examined()
    assert (checks["registry history"].state, report.exit_code) == ("fail", 2)
    assert f"version {place.registry.version} is refused: test_2026: bleroux was" in checks["registry history"].found
    assert "elec candidates accept --reason TEXT" in checks["registry history"].todo
    assert checks["registry"].state == "ok"


@pytest.mark.usefixtures("env")
def test_a_history_that_cannot_be_read_is_a_failure(place: Place) -> None:
    entry = layout.registry_admission(1)
    place.store.put(entry, b"{")
    report, checks = examined()
    assert (checks["registry history"].state, report.exit_code) == ("fail", 1)
    assert entry in checks["registry history"].found


def test_a_wrong_setting_is_named_and_nothing_else_is_tried(place: Place, env: pytest.MonkeyPatch) -> None:
    env.setenv("ELEC_X_BUDGET_USD", "fifty")
    report, checks = examined()
    assert list(checks) == ["settings"]
    assert (checks["settings"].state, report.exit_code) == ("fail", 2)
    assert "ELEC_X_BUDGET_USD" in checks["settings"].found
    assert not (place.folder / "data").exists()


def paid(env: pytest.MonkeyPatch, budget: str) -> None:
    """X's own address; no token, so that no one is asked."""
    env.delenv("ELEC_X_BASE_URL")
    env.setenv("ELEC_X_BUDGET_USD", budget)


def test_no_budget_at_a_paid_address_is_a_warning_and_no_question(place: Place, env: pytest.MonkeyPatch) -> None:
    paid(env, "0")
    report, checks = examined()  # any question would raise: only 127.0.0.1 can be reached here
    assert (checks["budget"].state, report.exit_code) == ("warn", 0)
    assert "ELEC_X_BUDGET_USD" in checks["budget"].todo
    assert place.x.requests == []


@pytest.mark.parametrize(
    ("spent", "state", "told"),
    [
        (0.0, "ok", "0.00 of 20.00 USD"),
        (15.4, "ok", "15.40 of 20.00"),
        (15.6, "warn", "15.60"),
        (25.0, "warn", "25.00"),
    ],
)
def test_the_budget_of_searches_is_compared_with_what_they_spent(
    place: Place, env: pytest.MonkeyPatch, spent: float, state: str, told: str
) -> None:
    """Open reservations count: 5 USD are reserved here, the rest is settled."""
    paid(env, "100")
    if spent:
        ledger = Spend.none()
        ledger.settled_usd, ledger.open_usd = spent - 5.0, {"a page": 5.0}
        place.store.put(layout.spend_ledger("x_search", datetime.now(UTC)), msgspec.json.encode(ledger))
    _, checks = examined()
    assert checks["budget"].state == state
    assert told in checks["budget"].found


def test_a_ledger_that_cannot_be_read_is_a_failure(place: Place, env: pytest.MonkeyPatch) -> None:
    paid(env, "100")
    key = layout.spend_ledger("x_search", datetime.now(UTC))
    place.store.put(key, b"{")
    report, checks = examined()
    assert (checks["budget"].state, report.exit_code) == ("fail", 1)
    assert key in checks["budget"].found


def test_paths_are_relative_to_the_workspace(place: Place, env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    below = tmp_path / "some" / "folder"
    below.mkdir(parents=True)
    env.chdir(below)
    env.setenv("ELEC_STORE", "kept/here")
    _, checks = examined()
    assert checks["store"].state == checks["registry"].state == "ok"
    assert (place.folder / "kept" / "here").is_dir()


@pytest.mark.usefixtures("place")
def test_a_budget_below_the_bound_of_one_page_fails(env: pytest.MonkeyPatch) -> None:
    """Nothing was ever asked with such a budget, and nothing said so before the first hour (2026-11)."""
    paid(env, "20")
    _, checks = examined()
    assert checks["budget"].state == "fail"
    assert "A page may cost 4.50 USD" in checks["budget"].todo


@pytest.mark.usefixtures("env")
def test_google_trends_is_off_until_it_is_switched_on(place: Place) -> None:
    _, checks = examined()
    assert (checks["google trends"].state, checks["google trends"].todo) == ("warn", "Set ELEC_TRENDS=on")
    assert [name for name in place.objects() if "google_trends" in name] == []


def test_how_google_trends_stands_is_told_and_it_is_not_asked(place: Place, env: pytest.MonkeyPatch) -> None:
    env.setenv("ELEC_TRENDS", "on")
    assert examined()[1]["google trends"].found == "0 requests in 24 hours of 1200, 90 an hour at most"
    governor = RateGovernor(
        store=place.store,
        limits=TrendsLimits(),
        lock=lock_path(place.store.url),
        clock=lambda: datetime.now(UTC),
        sleep=lambda _: None,
        uniform=lambda low, _: low,
    )
    governor.refused(governor.admit(), None)
    check = examined()[1]["google trends"]
    assert check.state == "warn"
    assert check.found.startswith("1 requests in 24 hours; Google refused, and is not asked before 20")


def test_a_sandbox_of_google_trends_that_is_gone_is_a_failure(env: pytest.MonkeyPatch) -> None:
    env.setenv("ELEC_TRENDS_BASE_URL", "http://127.0.0.1:9")
    check = examined()[1]["google trends"]
    assert (check.state, "does not answer" in check.found) == ("fail", True)


def test_a_governor_that_cannot_be_read_is_a_failure(place: Place, env: pytest.MonkeyPatch) -> None:
    env.setenv("ELEC_TRENDS", "on")
    place.store.put(layout_trends.governor(), b"{")
    assert examined()[1]["google trends"].state == "fail"
