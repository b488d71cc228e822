"""The sensor that makes the candidates table anew when the registry changes."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

# The type of a cursor has no public name.
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor

from elec_assets_tests.deployment import REGISTRY, TOKEN, Deployment, key, write_registry


@pytest.fixture
def idle(tmp_path: Path, instance: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> Deployment:
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    return Deployment(tmp_path, write_registry(tmp_path), instance, "http://127.0.0.1:9")


def requested(deployment: Deployment, cursor: AssetDaemonCursor | None) -> tuple[bool, AssetDaemonCursor]:
    """Whether a tick of the sensor asks for the candidates, and its cursor."""
    result = dg.evaluate_automation_conditions(
        defs=deployment.definitions(), instance=deployment.instance, cursor=cursor
    )
    assert result.total_requested == result.get_num_requested(key("candidates"))
    return result.total_requested == 1, result.cursor


def test_it_asks_once_for_each_version_of_the_registry(idle: Deployment) -> None:
    """On a new deployment the table is missing from the first tick on; `on_missing()` would never ask for it."""
    asked, cursor = requested(idle, None)
    assert asked
    assert idle.run("candidates").success
    asked, cursor = requested(idle, cursor)
    assert not asked
    edited = replace(idle, registry=write_registry(idle.folder, REGISTRY.replace("Béatrice Leroux", "Béatrice Petit")))
    asked, cursor = requested(edited, cursor)
    assert asked
    assert edited.run("candidates").success
    assert not requested(edited, cursor)[0]


def test_it_asks_again_when_a_refused_registry_is_mended(idle: Deployment) -> None:
    """After a failed run it never asked again, whatever the file said then (2026-11)."""
    _, cursor = requested(idle, None)
    assert idle.run("candidates").success
    _, cursor = requested(idle, cursor)
    wrong = replace(
        idle, registry=write_registry(idle.folder, REGISTRY.replace("Leroux, status: 1", "Leroux, status: -1"))
    )
    asked, cursor = requested(wrong, cursor)
    assert asked
    assert not wrong.run("candidates").success
    for _ in range(3):  # a refused version is asked for once
        asked, cursor = requested(wrong, cursor)
        assert not asked
    mended = replace(idle, registry=write_registry(idle.folder, REGISTRY.replace("Béatrice Leroux", "Béatrice Petit")))
    asked, cursor = requested(mended, cursor)
    assert asked
    assert mended.run("candidates").success
    assert not requested(mended, cursor)[0]


def test_a_first_run_that_failed_is_not_asked_for_without_end(idle: Deployment) -> None:
    entry = idle.store / "state" / "registry" / "history" / "000001.json"
    entry.parent.mkdir(parents=True)
    entry.write_bytes(b"{")
    asked, cursor = requested(idle, None)
    assert asked
    assert not idle.run("candidates").success
    for _ in range(3):
        asked, cursor = requested(idle, cursor)
        assert not asked


def test_it_runs_by_itself_and_covers_every_election(idle: Deployment) -> None:
    sensor = next(s for s in idle.definitions().sensors or () if s.name == "registry_changes")
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    graph = idle.definitions().resolve_asset_graph()
    assert sensor.asset_selection.resolve(graph) == {key("candidates")}
