"""Fixtures of a deployment: Postgres, and Dagster's instance as deploy/dagster.yaml makes it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from elec_assets_tests.deploy import postgres as servers
from elec_assets_tests.deploy.postgres import Postgres
from elec_assets_tests.deployment import REPOSITORY

OPENED = Callable[[str], dg.DagsterInstance]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with servers.running() as server:
        yield server


def instance_environment(postgres: Postgres, database: str, logs: Path) -> dict[str, str]:
    """What deploy/dagster.yaml reads; what runs print goes to files."""
    files = {"DAGSTER_LOGS_BUCKET": "", "DAGSTER_LOGS_PREFIX": "dagster", "DAGSTER_LOGS_DIR": str(logs)}
    return {**postgres.dagster(database), **files}


def made_home(folder: Path) -> Path:
    """A DAGSTER_HOME as the image has it."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", home)
    return home


@pytest.fixture(scope="session")
def deployed_once(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Its tables take 2 s to make: tests that need no empty one share it."""
    folder = tmp_path_factory.mktemp("deployed")
    with pytest.MonkeyPatch.context() as m:
        for name, value in instance_environment(postgres, postgres.new("shared"), folder / "logs").items():
            m.setenv(name, value)
        with dg.DagsterInstance.from_config(str(made_home(folder))) as made:
            yield made
