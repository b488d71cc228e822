"""The instance of a first try: telemetry off, one search at a time."""

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]


def test_the_instance_beside_the_workspace_sends_nothing_and_searches_alone() -> None:
    settings = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["telemetry"] == {"enabled": False}
    assert settings["concurrency"]["pools"]["default_limit"] == 1
