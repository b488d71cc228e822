"""The instance of a first try: telemetry off, one search at a time, and no run that holds its place for good."""

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]


def test_the_instance_beside_the_workspace_sends_nothing_and_searches_alone() -> None:
    settings = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["telemetry"] == {"enabled": False}
    assert settings["concurrency"]["pools"]["default_limit"] == 1


def test_a_run_whose_process_was_killed_is_ended_there_as_in_a_deployment() -> None:
    """After a power cut it stayed started, with the one place of its pool, and no hour was sealed ever after."""
    root, deployed = (
        yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))
        for name in ("dagster.yaml", "deploy/dagster.yaml")
    )
    for block in ("run_monitoring", "run_retries"):
        assert root[block] == deployed[block]
    assert root["run_monitoring"]["max_runtime_seconds"] > 0
    assert root["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
