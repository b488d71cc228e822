"""Hours, their week and the candidates through Dagster, with the store on S3."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import ELECTION, TOKEN, Deployment, failure, write_registry
from elec_assets_tests.s3 import Bucket, Mirror
from elec_assets_tests.s3_faults import SECRET, SESSION, FaultyS3, S3Fault, faulty_s3

MORNING = ("2026-02-05-09:00", "2026-02-05-11:00")
WEEK = "2026-02-02"


@pytest.fixture
def faulty(new_bucket: Callable[[str], Bucket], bare: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FaultyS3]:
    """The store of a deployment in `tmp_path` is behind it."""
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    bucket = new_bucket("moto")
    with faulty_s3(bucket.endpoint) as found, Mirror.at(tmp_path, Bucket(found.endpoint, bucket.name), "store"):
        for name, value in {
            "AWS_ENDPOINT_URL": found.endpoint,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": SESSION,
        }.items():
            bare.setenv(name, value)
        yield found


def test_hours_week_and_candidates_are_built_in_a_bucket(
    faulty: FaultyS3, tmp_path: Path, x: XServer, instance: dg.DagsterInstance
) -> None:
    """One refusal on the way: it is told without a secret in the event log, and a rerun ends in the same bytes."""
    on_s3 = Deployment(tmp_path, write_registry(tmp_path), instance, x.url)
    faulty.faults.append(S3Fault("PUT .*/data/tables/twitter/20260205/10", status=400, code="InvalidToken"))
    refused = on_s3.run("twitter/tweets", span=MORNING)
    assert not refused.success
    said = failure(refused)
    assert "cannot write" in said
    assert "the credentials are not valid (any more): InvalidToken; renew them" in said
    logged = said + " ".join(str(log) for log in instance.all_logs(refused.run_id))
    assert not [secret for secret in (SECRET, SESSION, "StringToSign") if secret in logged]
    faulty.faults.clear()
    assert on_s3.run("twitter/tweets", span=MORNING).success
    assert on_s3.run("twitter/weekly", "coverage/weekly", partition=WEEK).success
    assert on_s3.run("candidates").success
    made = on_s3.objects()
    assert not (tmp_path / "store").exists()

    # The same raw objects in a directory, without asking X.
    (tmp_path / "here").mkdir()
    here = Deployment(tmp_path / "here", write_registry(tmp_path / "here"), instance, x.url, token=None)
    for name, data in made.items():
        if "/data/raw/" in name:
            (here.store / name).parent.mkdir(parents=True, exist_ok=True)
            (here.store / name).write_bytes(data)
    assert here.run("twitter/tweets", span=MORNING).success
    assert here.run("twitter/weekly", "coverage/weekly", partition=WEEK).success
    assert here.run("candidates").success
    wanted = {name: data for name, data in made.items() if name.startswith(ELECTION)}
    assert here.objects(ELECTION) == wanted
