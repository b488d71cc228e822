"""Fixtures of the tests at Dagster's level, and where the stores of all tests are."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import dagster as dg
import hypothesis
import pytest

from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients import sns_place
from elec_assets_tests.deployment import (
    BUILT_DAY,
    BUILT_WEEK,
    ELECTION,
    NO_TELEMETRY,
    TOKEN,
    Deployment,
    write_registry,
)
from elec_assets_tests.s3 import KINDS, Bucket, Mirror, Servers, serve
from elec_assets_tests.s3_slice import SLICE
from elec_assets_tests.worlds import world_of

# For `make test`, which has ten minutes; `make prove` runs the full number.
hypothesis.settings.register_profile("quick", max_examples=30, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--store",
        choices=KINDS,
        default=KINDS[0],
        help="where the stores of tests are; with an S3 server, only tests that use a store are run",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With an S3 server, leave out what does not use it."""
    if config.getoption("--store") == KINDS[0]:
        return
    kept = [item for item in items if "store_kind" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking through all imports again and again: 4 % of the CPU (2026-11-22)."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """What is still frozen at the end, nanobind (in DuckDB) reports as leaked."""
    gc.unfreeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A small part of the tests is run on S3 each time."""
    if (
        "store_kind" in metafunc.fixturenames
        and metafunc.config.getoption("--store") == KINDS[0]
        and metafunc.function.__name__ in SLICE.get(metafunc.module.__name__, ())
    ):
        metafunc.parametrize("store_kind", ["local", "moto"], indirect=True)


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("s3"), stack)


@pytest.fixture(scope="session")
def sns_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A moto of its own: what it was sent is read with all that it holds, and some of S3 it cannot show."""
    with serve("moto", tmp_path_factory.mktemp("sns")) as url:
        yield url


@pytest.fixture
def moto(sns_server: str, bare: pytest.MonkeyPatch) -> str:
    """`sns_server`, to which the variables lead. Others have sent there before."""
    for name, value in sns_place.environment(sns_server).items():
        bare.setenv(name, value)
    return sns_server


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> str:
    """Where the store of this test is: a test on S3 has one in a bucket of its own."""
    return str(getattr(request, "param", None) or request.config.getoption("--store"))


@pytest.fixture
def new_bucket(s3_servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bucket]:
    """Make a bucket on a server, and set the variables that lead to it."""

    def make(kind: str) -> Bucket:
        made = s3_servers.bucket(kind)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        return made

    return make


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
    for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def x(tmp_path: Path) -> Iterator[XServer]:
    """X, over a small world about the candidates of the test election."""
    election = write_registry(tmp_path).elections[ELECTION]
    with start_x(scene=world_of(scene_of([election], seed=3, posts_per_hour=60)), token=TOKEN) as server:
        yield server


@pytest.fixture
def mirror(
    tmp_path: Path, bare: pytest.MonkeyPatch, store_kind: str, new_bucket: Callable[[str], Bucket]
) -> Iterator[Mirror | None]:
    """The bucket that is the store of a deployment in `tmp_path`; None where it is a directory there."""
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    if store_kind == KINDS[0]:
        yield None
        return
    with Mirror.at(tmp_path, new_bucket(store_kind), "store") as made:
        yield made


@pytest.fixture
def deployment(tmp_path: Path, x: XServer, instance: dg.DagsterInstance, mirror: Mirror | None) -> Deployment:
    assert Mirror.of(tmp_path) is mirror
    return Deployment(tmp_path, write_registry(tmp_path), instance, x.url)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A day of the first week sealed, that week and the candidates built. Not to be changed: use `built`."""
    folder = tmp_path_factory.mktemp("built")
    registry = write_registry(folder)
    scene = scene_of(registry.elections.values(), seed=3, posts_per_hour=60)
    with (
        start_x(scene=world_of(scene), token=TOKEN) as x,
        dg.DagsterInstance.ephemeral() as kept,
        pytest.MonkeyPatch.context() as m,
    ):
        for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "KAGGLE_", "AWS_", "DAGSTER_"))]:
            m.delenv(name)
        m.setenv("X_BEARER_TOKEN", TOKEN)
        made = Deployment(folder, registry, kept, x.url)
        assert made.run("twitter/tweets", span=BUILT_DAY).success
        assert made.run("twitter/weekly", "coverage/weekly", partition=BUILT_WEEK).success
        assert made.run("candidates").success
        yield made


@pytest.fixture
def built(built_once: Deployment, tmp_path: Path, mirror: Mirror | None) -> Deployment:
    """A copy of the store of `built_once`, with the same instance and X."""
    if mirror is None:
        shutil.copytree(built_once.store, tmp_path / "store")
    else:
        mirror.bucket.change({}, built_once.objects())
    return replace(built_once, folder=tmp_path)
