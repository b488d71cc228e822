"""The publishing child: its environment, its end in time, what may be read of it, and whom it can ask."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.kaggle_job import PRODUCTION
from elec_assets.clients.kaggle_process import Child, Credential, Start, child_environment, start_child
from elec_assets.clients.kaggle_release import Publisher
from elec_assets.clients.kaggle_staged import ReleaseStopped, Target
from elec_assets.clients.kaggle_states import Ledger
from elec_assets.clients.store import Store
from elec_assets.sandbox.kaggle_api import TOKEN
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_staging import DATASET, QUICK, Steady, expected, held, stage, target
from elec_assets_tests.loopback.guard import attempts, guarded

SANDBOX = "http://127.0.0.1:8080"


def test_a_child_of_its_own_publishes_and_its_import_asks_nobody_else(on_disk: Store, tmp_path: Path) -> None:
    log = tmp_path / "attempts.jsonl"
    with start_kaggle() as server:
        staged = stage(tmp_path / "staged")
        publisher = Publisher(on_disk, target(server), Steady(), patience=QUICK, start=under_guard(log))
        assert publisher.publish(staged, notes="x").version == 1
        assert held(server) == [expected(staged)]
    seen = attempts(log)
    assert [a.event for a in seen].count("loaded") == 1
    assert not [a for a in seen if a.refused]


def test_a_test_that_asks_for_kaggle_itself_does_not_reach_it(on_disk: Store, tmp_path: Path) -> None:
    """Even with the production endpoint spelt out: the guard refuses its name before any packet is sent."""
    log = tmp_path / "attempts.jsonl"
    where = Target(DATASET, PRODUCTION, Credential(username="nobody", key="none"))
    hasty = msgspec.structs.replace(QUICK, listed_s=0.1)
    publisher = Publisher(on_disk, where, Steady(), patience=hasty, start=under_guard(log))
    staged = stage(tmp_path / "staged")
    with pytest.raises(ReleaseStopped, match="no usable answer from Kaggle: GetDataset: ConnectionError"):
        publisher.publish(staged, notes="x")
    (made,) = Ledger(on_disk).read(staged.manifest.release_id).publications
    assert made.url == f"https://www.kaggle.com/datasets/{DATASET}"
    named = {(a.event, a.host) for a in attempts(log) if a.refused}
    assert named == {("socket.getaddrinfo", "api.kaggle.com")}


def under_guard(log: Path) -> Start:
    def start(job: Path, environment: dict[str, str], errors: Path) -> Child:
        return start_child(job, guarded(environment, log), errors)

    return start


def test_no_fork_of_a_test_asks_another_machine(on_disk: Store, tmp_path: Path) -> None:
    log = shared_forks().attempts
    with start_kaggle() as server:
        publisher = Publisher(on_disk, target(server), Steady(), patience=QUICK, start=shared_forks().start)
        publisher.publish(stage(tmp_path / "staged"), notes="x")
    seen = attempts(log)
    assert {a.host for a in seen if a.event == "socket.connect"} >= {"127.0.0.1"}
    assert [a for a in seen if a.refused] == []


def test_a_child_gets_one_credential_and_nothing_that_leads_it_elsewhere(tmp_path: Path) -> None:
    ours = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy:1",
        "KAGGLE_API_TOKEN": "stale",
        "KAGGLE_API_ENVIRONMENT": "STAGING",
        "AWS_SECRET_ACCESS_KEY": "s",
        "X_BEARER_TOKEN": "t",
    }
    made = child_environment(tmp_path, SANDBOX, Credential(username="u", key="k"), ours)
    assert made.keys() == {
        "PATH", "NO_PROXY", "PYTHONPATH", "HOME", "TMPDIR", "KAGGLE_CONFIG_DIR", "KAGGLE_USERNAME", "KAGGLE_KEY"
    }  # fmt: skip
    real = child_environment(tmp_path, PRODUCTION, Credential(token="good"), ours)
    assert real["HTTPS_PROXY"] == "http://proxy:1"
    assert {name: v for name, v in real.items() if "KAGGLE_" in name and "CONFIG" not in name} == {
        "KAGGLE_API_TOKEN": "good"
    }


def test_keys_and_upload_addresses_are_not_in_what_is_told() -> None:
    credential = Credential(username="u", key="very-secret")
    said = "key very-secret at https://storage.example/up?upload_id=bearer refused: url: /upload/session-1 (reason)"
    assert credential.scrubbed(said) == "key *** at <address> refused: <address> (reason)"
    assert "very-secret" not in repr(credential)


def test_a_child_that_takes_too_long_is_ended_and_says_so(on_disk: Store, tmp_path: Path) -> None:
    with start_kaggle(faults=[KaggleFault(path="*/GetDataset", delay_s=0.6)]) as server:
        hasty = msgspec.structs.replace(QUICK, hard_s=0.3)
        publisher = Publisher(on_disk, target(server), Steady(), patience=hasty, start=shared_forks().start)
        with pytest.raises(ReleaseStopped, match=r"was ended after 0\.3 s before it was done"):
            publisher.publish(stage(tmp_path / "staged"), notes="x")


def test_wrong_credentials_stop_with_what_kaggle_says_and_without_the_key(on_disk: Store, tmp_path: Path) -> None:
    with start_kaggle() as server:
        where = Target(DATASET, server.url, Credential(username="sandbox-user", key="wrong-key"))
        publisher = Publisher(on_disk, where, Steady(), patience=QUICK, start=shared_forks().start)
        with pytest.raises(ReleaseStopped, match="Kaggle refused: 401") as caught:
            publisher.publish(stage(tmp_path / "staged"), notes="x")
    assert "wrong-key" not in str(caught.value)


def test_a_token_publishes_and_a_stale_one_stops(on_disk: Store, tmp_path: Path) -> None:
    """The client gives up by `exit()`, which closed the standard input that a thread of ours was reading: it hung."""
    staged = stage(tmp_path / "staged")
    with start_kaggle() as server:
        for token, end in (("KGAT_stale", "the Kaggle credentials were not accepted"), (TOKEN, "")):
            where = Target(DATASET, server.url, Credential(token=token))
            publisher = Publisher(on_disk, where, Steady(), patience=QUICK, start=shared_forks().start)
            if end:
                with pytest.raises(ReleaseStopped, match=end):
                    publisher.publish(staged, notes="x")
            else:
                assert publisher.publish(staged, notes="x").version == 1
        sent = {r.headers["authorization"] for r in server.calls("CreateDataset")}
    assert sent == {f"Bearer {TOKEN}"}


@pytest.mark.prove
def test_a_child_of_its_own_publishes_with_a_token_that_its_import_asks_about(on_disk: Store, tmp_path: Path) -> None:
    with start_kaggle() as server:
        where = Target(DATASET, server.url, Credential(token=TOKEN))
        publisher = Publisher(on_disk, where, Steady(), patience=QUICK, start=under_guard(tmp_path / "log"))
        assert publisher.publish(stage(tmp_path / "staged"), notes="x").version == 1
    assert not [a for a in attempts(tmp_path / "log") if a.refused]


def test_nothing_is_left_of_a_child_in_the_temporary_folder(
    on_disk: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor of one that was killed days ago: the addresses of uploads open those to whoever reads them."""
    (tmp_path / "tmp" / "elec-kaggle-killed").mkdir(parents=True)
    os.utime(tmp_path / "tmp" / "elec-kaggle-killed", (0, 0))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with start_kaggle() as server:
        publisher = Publisher(
            on_disk, target(server), lambda: datetime.now(UTC), patience=QUICK, start=shared_forks().start
        )
        publisher.publish(stage(tmp_path / "staged"), notes="x")
    assert os.listdir(tmp_path / "tmp") == []  # noqa: PTH208 - names are enough
