"""docs/deployment.md names only what is there."""

import re

import pytest

from elec_assets.cli import main
from elec_assets.settings import Settings
from elec_assets_tests.deploy.recipe import DEPLOY, services
from elec_assets_tests.deploy.template import resources, template
from elec_assets_tests.deployment import REPOSITORY

PAGE = (REPOSITORY / "docs" / "deployment.md").read_text(encoding="utf-8")
# What stands in code: blocks line by line, and spans.
CODE = [line.split("#")[0] for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
CODE += re.findall(r"`([^`\n]+)`", PAGE)


def test_services_that_commands_name_are_there() -> None:
    named = set()
    for line in CODE:
        if match := re.search(r"docker compose (up|stop|run|exec)((?: -{1,2}[a-z-]+(?: \w+=\w+)?)*)(.*)", line):
            words = match[3].split()
            named |= set(words if match[1] in ("up", "stop") else words[:1])
    assert {"backup", "restore", "code", "postgres", "capture", "daemon", "deadman"} <= named
    assert named <= {*services(), "worker"}  # of compose.celery.yaml


def test_the_table_of_services_is_whole() -> None:
    rows = set(re.findall(r"^ +\| `([a-z]+)` \|", PAGE, re.MULTILINE))
    assert rows == {name for name, service in services().items() if "profiles" not in service}


def test_settings_commands_and_files_are_there() -> None:
    assert set(re.findall(r"\b(?:ELEC|X|KAGGLE)_[A-Z_]+\b", PAGE)) <= {
        str(f.alias) for f in Settings.model_fields.values()
    }
    assert set(re.findall(r"`(?:docker [^`]*)?elec ([a-z]+)", PAGE)) <= set(main.commands)
    for path in re.findall(r"\bdeploy/[\w./-]+\b", PAGE):
        if not path.endswith(".zip"):
            assert (REPOSITORY / path).exists(), path
    for step in re.findall(r"install\.sh (\w+)", PAGE):
        assert f"\n{step})" in (DEPLOY / "install.sh").read_text(encoding="utf-8")


def test_parameters_and_policies_of_the_template_are_there() -> None:
    given = set(re.findall(r"\b([A-Z][A-Za-z]+)=", PAGE))
    assert given
    assert given <= template()["Parameters"].keys()
    [table] = re.findall(r"^\| policy \| who \| may \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    told = {name for row in table.splitlines() for name in row.split("|")[1].strip().split(", ")}
    assert told == {name for name in resources("ManagedPolicy") if name not in ("LaunchPolicy", "ReadXToken")}


@pytest.mark.parametrize("limit", ["max_concurrent_runs: 4", "{key: dagster/backfill, limit: 2}", "max_retries: 2"])
def test_figures_of_the_instance_are_those_that_are_told(limit: str) -> None:
    assert limit in (DEPLOY / "dagster.yaml").read_text(encoding="utf-8")
    assert "At most 4 runs at a time, 2 of a backfill" in PAGE
