"""Fixtures of the tests at Dagster's level."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import (
    BUILT_DAY,
    BUILT_WEEK,
    ELECTION,
    NO_TELEMETRY,
    TOKEN,
    Deployment,
    write_registry,
)


@pytest.fixture(autouse=True)
def environment_restored() -> Iterator[None]:
    """Loading definitions puts `.env` into the environment: no later test may find it there."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="session")
def sqlite_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite instance, made once (1.8 s): copy it."""
    home = tmp_path_factory.mktemp("dagster")
    (home / "dagster.yaml").write_text(NO_TELEMETRY, encoding="utf-8")
    with dg.DagsterInstance.local_temp(str(home)) as made:
        made.get_runs(limit=1)
    return home


@pytest.fixture
def sqlite(sqlite_home: Path, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A persistent instance: a schedule's context takes no other."""
    home = shutil.copytree(sqlite_home, tmp_path / "instance")
    with dg.DagsterInstance.local_temp(str(home)) as opened:
        yield opened


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any setting."""
    for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def x(tmp_path: Path) -> Iterator[XServer]:
    """X, over a small world about the candidates of the test election."""
    election = write_registry(tmp_path).elections[ELECTION]
    with start_x(scene=scene_of([election], seed=3, posts_per_hour=60), token=TOKEN) as server:
        yield server


@pytest.fixture
def deployment(tmp_path: Path, x: XServer, instance: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> Deployment:
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    return Deployment(tmp_path, write_registry(tmp_path), instance, x.url)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A day of the first week sealed, that week and the candidates built. Not to be changed: use `built`."""
    folder = tmp_path_factory.mktemp("built")
    registry = write_registry(folder)
    scene = scene_of(registry.elections.values(), seed=3, posts_per_hour=60)
    with (
        start_x(scene=scene, token=TOKEN) as x,
        dg.DagsterInstance.ephemeral() as kept,
        pytest.MonkeyPatch.context() as m,
    ):
        for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))]:
            m.delenv(name)
        m.setenv("X_BEARER_TOKEN", TOKEN)
        made = Deployment(folder, registry, kept, x.url)
        assert made.run("twitter/tweets", span=BUILT_DAY).success
        assert made.run("twitter/weekly", "coverage/weekly", partition=BUILT_WEEK).success
        assert made.run("candidates").success
        yield made


@pytest.fixture
def built(built_once: Deployment, tmp_path: Path, bare: pytest.MonkeyPatch) -> Deployment:
    """A copy of the store of `built_once`, with the same instance and X."""
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    shutil.copytree(built_once.store, tmp_path / "store")
    return replace(built_once, folder=tmp_path)
