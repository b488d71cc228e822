"""A run of many hours that is killed: what was stored stays recorded, and is not asked for again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.domain.windows import Grain, Window, key_of, parse_iso, split
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import (
    ELECTION,
    RANGE_END,
    RANGE_START,
    REPOSITORY,
    TOKEN,
    environment,
    key,
    write_registry,
)

FIRST, PAST = parse_iso("2026-02-09T00:00:00Z"), parse_iso("2026-02-09T12:00:00Z")
HOURS = [key_of(hour, Grain.HOUR) for hour in split(Window(FIRST, PAST), Grain.HOUR)]
KILLED_AT = 7
# `dagster asset materialize --partition-range` takes only assets that make any range in one run.
RUN = f"""
import dagster as dg
from elec_assets.definitions import defs
with dg.DagsterInstance.get() as instance:
    result = defs().resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey({key("twitter/tweets").path!r})],
        tags={{{RANGE_START!r}: {HOURS[0]!r}, {RANGE_END!r}: {HOURS[-1]!r}}},
    )
    assert result.success
"""


def start(env: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "run.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", RUN], cwd=REPOSITORY, env=env, stdout=log, stderr=log)


def table(folder: Path, hour: str) -> Path:
    return folder / "store" / ELECTION / "data/tables/twitter" / hour[:10].replace("-", "") / f"{hour[11:13]}.parquet"


def recorded(folder: Path) -> list[str]:
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        records = instance.fetch_materializations(key("twitter/tweets"), limit=500).records
        return sorted(str(record.partition_key) for record in records)


def wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < until, log.read_text(encoding="utf-8")
        time.sleep(0.002)


@pytest.fixture
def env(tmp_path: Path, x: XServer) -> dict[str, str]:
    write_registry(tmp_path)
    return environment(
        tmp_path,
        ELEC_REGISTRY=str(tmp_path / "candidates.yaml"),
        ELEC_STORE=str(tmp_path / "store"),
        ELEC_X_BASE_URL=x.url,
        X_BEARER_TOKEN=TOKEN,
    )


def test_a_killed_run_keeps_what_it_did(env: dict[str, str], tmp_path: Path, x: XServer) -> None:
    """An event for all hours at the end of a run would lose 6 hours that had been asked and paid for."""
    process = start(env, tmp_path)
    try:
        wait_for(table(tmp_path, HOURS[KILLED_AT - 1]), process, tmp_path / "run.log")
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = recorded(tmp_path)
    assert KILLED_AT - 1 <= len(done) < len(HOURS)
    assert done == HOURS[: len(done)]
    assert all(table(tmp_path, hour).exists() for hour in done)
    kept = {hour: table(tmp_path, hour).read_bytes() for hour in done}

    x.requests.clear()
    assert start(env, tmp_path).wait(120) == 0, (tmp_path / "run.log").read_text(encoding="utf-8")
    assert sorted(set(recorded(tmp_path))) == HOURS
    assert len(recorded(tmp_path)) == len(done) + len(HOURS)
    assert {hour: table(tmp_path, hour).read_bytes() for hour in done} == kept
    # The hour at work when the run was killed may be asked again; those before it are not.
    bounds = {(r.params["since_id"], r.params["until_id"]) for r in x.requests}
    assert len(HOURS) - len(done) - 1 <= len(bounds) <= len(HOURS) - len(done)
