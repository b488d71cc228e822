"""The recipe of the image in a bare folder, and the processes of the compose file from it, on a real Postgres."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elec_assets.clients.store import open_store
from elec_assets.domain import layout_alerts
from elec_assets.operations.dagster_api import DagsterApi
from elec_assets.operations.sandboxes import scene_of
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.transforms.heartbeat import Heartbeat
from elec_assets_tests.deploy.box import Box, Image, box
from elec_assets_tests.deploy.postgres import PASSWORD, Postgres
from elec_assets_tests.deploy.recipe import DEPLOY, ours
from elec_assets_tests.deployment import write_registry
from elec_assets_tests.s3 import make_bucket, serve

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]
INDEX = (
    "No solution found",
    "error sending request",
    "Failed to fetch",
    "Could not connect",
    "No matching distribution",
)
ELECTION = """\
elections:
  box_2027:
    name: Election of a box
    country: FR
    timezone: Europe/Paris
    languages: [fr]
    capture: continuous
    calendar:
      collect_from: FROM
      collect_until: UNTIL
      rounds: [ROUND]
      inauguration: INAUGURATED
    trends: {hourly: [], daily: [], weekly: []}
    candidates:
      amartin: {name: Agathe Martin, status: 1, twitter_account: ["@AgatheMartin_T"]}
"""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Installed from the lock: 40 s of CPU, and a package index."""
    root = Path(tempfile.mkdtemp(prefix="elec-image-"))
    made = Image(root)
    try:
        try:
            made.build()
        except AssertionError as error:
            if any(words in str(error) for words in INDEX):
                pytest.skip("no package index can be reached, so nothing can be installed")
            raise
        yield made
    finally:
        shutil.rmtree(root)


def test_what_is_installed_starts_knows_itself_and_is_compiled(image: Image) -> None:
    program = image.path("/opt/elec/program")
    told = subprocess.run(
        ["elec", "--version"], env=image.environment, capture_output=True, text=True, check=True, cwd=image.root
    )
    assert "elec, version" in told.stdout
    assert not list(program.rglob("elec_assets_tests"))
    [dagster] = image.path("/opt/elec/venv").glob("lib/python*/site-packages/dagster")
    for package in (program / "elec_assets", dagster):
        sources = {p.with_suffix("") for p in package.rglob("*.py")}
        compiled = {p.parent.parent / p.name.split(".")[0] for p in package.rglob("__pycache__/*.pyc")}
        assert sources
        assert sources - compiled == set()
    for name in ("dagster", "dagster-ecs", "dagster-celery"):
        assert (image.path("/opt/elec") / name / "dagster.yaml").is_file()
    assert not list(image.root.joinpath("opt").rglob(".env"))


def the_registry(folder: Path) -> None:
    today = datetime.now(UTC)
    year = today.year
    text = ELECTION.replace("FROM", f"{today:%Y-%m-%d}").replace("UNTIL", f"{year + 1}-12-31")
    text = text.replace("ROUND", f"{year + 1}-11-30").replace("INAUGURATED", f"{year + 1}-12-15")
    write_registry(folder, text)


@pytest.fixture
def running(image: Image, postgres: Postgres, sns_server: str) -> Iterator[Box]:
    """All services of the compose file, with a sandbox of X, and of SNS: a switch that cannot speak is not healthy."""
    folder = image.path("/opt/elec/config")
    the_registry(folder)
    from elec_assets.clients.registry_source import load_registry

    elections = load_registry(folder / "candidates.yaml").elections.values()
    scene = scene_of(elections, seed=5, posts_per_hour=3600)
    settings = {
        "X_BEARER_TOKEN": TOKEN,
        "ELEC_ALERT_PHONE": "+33600000000",
        "AWS_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": sns_server,
    }
    database = postgres.dagster(postgres.new("dagster"))  # the name that the image has
    with (
        start_x(scene=scene, token=TOKEN) as x,
        box(image, database=database, env_file={**settings, "ELEC_X_BASE_URL": x.url}) as made,
    ):
        yield made


def until_status(api: DagsterApi, run: str, *wanted: str) -> None:
    """Wait for a status of a run; the code server may be away meanwhile."""
    until = time.monotonic() + 400
    while (status := api.run_status(run)) not in wanted:
        assert status not in {"FAILURE", "CANCELED", "SUCCESS"}.difference(wanted), status
        assert time.monotonic() < until, status
        time.sleep(0.2)


def killed_at_work(running: Box, api: DagsterApi, asset: str) -> str:
    """Kill the code server while a run of it is at work, which takes 2 s; returns the run."""
    for _ in range(5):
        run = api.launch_run([asset], "", "")
        until_status(api, run, "STARTED", "SUCCESS")
        running.kill("code")
        if api.run_status(run) == "STARTED":
            return run
        running.start("code")
        running.wait_until_healthy("code")
    raise AssertionError("no run was caught at work")


def tried_again(postgres: Postgres, run: str) -> list[str]:
    """How the runs stand that Dagster started in place of one."""
    listed = postgres.ask("select t.value || ' ' || r.status from runs r join run_tags t using (run_id)", "dagster")
    return [line.split()[1] for line in listed.splitlines() if line.split()[0] == run]


def test_all_processes_start_become_healthy_and_work_together(running: Box, postgres: Postgres) -> None:
    order = ["capture", "code", "webserver", "daemon", "deadman", "purge"]
    assert sorted(order) == sorted(ours())
    for name in order:
        running.start(name)
        if name == "code":
            running.wait_until_healthy(name)
    for name in order:
        running.wait_until_healthy(name)
    api = DagsterApi(f"http://127.0.0.1:{running.web_port}")
    asset = "box_2027/candidates"
    assert asset in api.assets()
    run = api.launch_run([asset], "", "")
    until_status(api, run, "SUCCESS")
    store = running.image.path("/var/lib/elec/store")
    assert (store / "box_2027/data/tables/candidates.csv").is_file()
    assert list((running.image.path("/var/lib/elec/logs") / run).rglob("*.err"))
    # The code server dies in the middle of a run, and is started again.
    lost = killed_at_work(running, api, asset)
    running.start("code")
    running.wait_until_healthy("code")
    until_status(api, lost, "FAILURE")
    until = time.monotonic() + 180
    while "SUCCESS" not in tried_again(postgres, lost):
        assert time.monotonic() < until, running.log("daemon").read_text(encoding="utf-8")
        time.sleep(1)
    began = time.monotonic()
    assert running.stop("capture") == 0
    assert time.monotonic() - began < 10
    assert list((running.image.path("/var/lib/elec/spool") / "segments").iterdir())
    said = "".join(running.log(name).read_text(encoding="utf-8") for name in order)
    assert PASSWORD not in said
    assert TOKEN not in said


def test_docker_builds_it() -> None:
    """Where there is a Docker; else the recipe above stands for it."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("no Docker runs on this machine")
    command = [
        docker,
        "build",
        "--quiet",
        "-f",
        str(DEPLOY / "Dockerfile"),
        "-t",
        "elec-assets-test",
        str(DEPLOY.parent),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(
        [docker, "run", "--rm", "elec-assets-test", "sh", "-c", "id -u && elec --version"],
        capture_output=True,
        text=True,
    )
    assert told.stdout.splitlines()[0] == "10001"
    assert "elec, version" in told.stdout


def test_the_dead_man_switch_runs_from_its_zip_with_nothing_else(tmp_path: Path) -> None:
    """As in Lambda, but that boto3, which is there, is not needed while the alerts live."""
    made = tmp_path / "deadman.zip"
    env = {**os.environ, "PYTHON": sys.executable, "TOOLS": str(tmp_path / "tools")}
    env["LAMBDA_PYTHON"] = f"{sys.version_info.major}.{sys.version_info.minor}"
    done = subprocess.run(["sh", DEPLOY / "install.sh", "lambda", made], env=env, capture_output=True, text=True)
    if done.returncode and any(words in done.stderr for words in INDEX):
        pytest.skip("no package index can be reached, so nothing can be installed")
    assert done.returncode == 0, done.stderr
    assert made.stat().st_size < 50_000_000  # what Lambda takes
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "task")
    with serve("moto", tmp_path) as url:
        bucket = make_bucket(url)
        with pytest.MonkeyPatch.context() as m:
            for name, value in bucket.environment.items():
                m.setenv(name, value)
            open_store(bucket.url, allow_http=True).put(
                layout_alerts.heartbeat(), Heartbeat(at=datetime.now(UTC)).encoded()
            )
        code = (
            f"import sys, json; sys.path.insert(0, {str(tmp_path / 'task')!r})\n"
            "from elec_assets.handlers.deadman import handler\n"
            "print(json.dumps(handler({'max_age_s': 900, 'label': 'elec'}, None)))"
        )
        topic = "arn:aws:sns:eu-west-3:123456789012:elec"
        variables = {**bucket.environment, "ELEC_STORE": bucket.url, "ELEC_ALERT_TOPIC_ARN": topic}
        called = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], env=variables, capture_output=True, text=True, timeout=60
        )
    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout) == {"alive": True, "wrong": "", "told": False}
