"""Single runs that the demo asks the running Dagster instance for, and waits for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elec_assets.operations.dagster_api import DagsterApi, DagsterUnreachable
from elec_assets.operations.demo_dagster import Dagster, DemoFailed
from elec_assets_tests.operations.fake_dagster import ASSET, FakeDagster, serving


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is ended."""
    made = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield made
    made.kill()
    made.communicate()


def tags(fake: FakeDagster) -> dict[str, str]:
    (params,) = fake.launched
    return {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}


def test_a_run_over_several_partitions_names_the_range(process: subprocess.Popen[bytes]) -> None:
    with serving(FakeDagster(run_states=["SUCCESS"])) as fake:
        Dagster(Path(), DagsterApi(fake.url), process).run([ASSET], "2026-11-11-20:00", "2026-11-11-21:00")
    assert fake.launched[0]["selector"]["assetSelection"] == [{"path": ASSET.split("/")}]
    assert tags(fake) == {
        "dagster/asset_partition_range_start": "2026-11-11-20:00",
        "dagster/asset_partition_range_end": "2026-11-11-21:00",
    }


def test_a_run_of_one_partition_names_it(process: subprocess.Popen[bytes]) -> None:
    with serving(FakeDagster(run_states=["STARTED", "SUCCESS"])) as fake:
        Dagster(Path(), DagsterApi(fake.url), process).run([ASSET], "2026-11-09", "2026-11-09")
    assert tags(fake) == {"dagster/partition": "2026-11-09"}


def test_a_run_of_a_job_names_the_job_and_no_partition(process: subprocess.Popen[bytes]) -> None:
    with serving(FakeDagster(run_states=["QUEUED", "SUCCESS"])) as fake:
        Dagster(Path(), DagsterApi(fake.url), process).run_job("kaggle__release")
    assert fake.launched[0]["selector"] == {
        "repositoryLocationName": "elec_assets",
        "repositoryName": "__repository__",
        "pipelineName": "kaggle__release",
    }
    assert tags(fake) == {}


def test_a_job_that_fails_is_told_by_its_name(process: subprocess.Popen[bytes]) -> None:
    with serving(FakeDagster(run_states=["FAILURE"])) as fake, pytest.raises(DemoFailed, match="kaggle__release ended"):
        Dagster(Path(), DagsterApi(fake.url), process).run_job("kaggle__release")


@pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
def test_a_run_that_fails_is_told_with_its_id(process: subprocess.Popen[bytes], status: str) -> None:
    with serving(FakeDagster(run_states=[status])) as fake, pytest.raises(DemoFailed, match=f"1bd5f0c7 .*{status}"):
        Dagster(Path(), DagsterApi(fake.url), process).run([ASSET], "2026-11-09", "2026-11-09")


def test_dagster_that_ends_meanwhile_is_noticed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    with serving(FakeDagster(run_states=["STARTED"])) as fake, pytest.raises(DagsterUnreachable, match="stopped"):
        Dagster(Path(), DagsterApi(fake.url), process).run([ASSET], "2026-11-09", "2026-11-09")


def test_a_refusal_is_told() -> None:
    with serving(FakeDagster(refusal="read only")) as fake:
        with pytest.raises(DagsterUnreachable, match="read only"):
            DagsterApi(fake.url).launch_run([ASSET], "2026-11-09", "2026-11-09")
        with pytest.raises(DagsterUnreachable, match="knows no run"):
            DagsterApi(fake.url).run_status("1bd5f0c7")
