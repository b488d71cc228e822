"""What goes wrong with Kaggle's own client (2.2.4), shown with the plain command, and does not with ours.

Each danger is told as a pair: the plain client does the wrong thing, ours holds.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import msgspec
import pytest

from elec_assets.clients.kaggle_job import PRODUCTION, TargetInvalid
from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_release import Publisher
from elec_assets.clients.kaggle_staged import Outcome, ReleaseRefused, ReleaseStopped, Target
from elec_assets.clients.store import Store
from elec_assets.sandbox.kaggle_api import KaggleOptions
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_plain import Plain
from elec_assets_tests.clients.kaggle_staging import (
    DATASET,
    FILES,
    QUICK,
    SLUG,
    Steady,
    expected,
    give_first_version,
    held,
    stage,
    target,
)

HANGS_S = 1.5
MANY = 1000


class Pair:
    """A sandbox for the plain client and one for ours, with the same faults; each holds a first version."""

    def __init__(self, folder: Path, store: Store, stack: ExitStack, **options: Any) -> None:  # noqa: ANN401 - fields of KaggleOptions
        made = KaggleOptions(**{"ready_after": 0, **options})
        self.plain_server = stack.enter_context(start_kaggle(options=made))
        self.server = stack.enter_context(start_kaggle(options=made))
        self.plain = Plain(self.plain_server, folder / "plain")
        self._publisher = Publisher(store, target(self.server), Steady(), patience=QUICK, start=shared_forks().start)
        self.staged = stage(folder / "next", {**FILES, "next.csv": b"n\n1\n"})
        for server in (self.plain_server, self.server):
            give_first_version(server, made.dataset_type)

    def spoil(self, *faults: KaggleFault) -> None:
        for fault in faults:
            self.plain_server.faults.add(fault)
            self.server.faults.add(fault)

    def publish(self, patience: dict[str, float] | None = None) -> Outcome:
        """Ours, with the second release."""
        self._publisher._patience = msgspec.structs.replace(QUICK, **(patience or {}))
        return self._publisher.publish(self.staged, notes="the second")

    def plain_versions(self) -> list[list[str]]:
        """Paths of the files of each version that the plain client made."""
        return [sorted(files) for files in held(self.plain_server)]

    def holds(self) -> bool:
        """Whether ours made exactly one further version, and whole."""
        made = held(self.server)
        return len(made) == 2 and made[1] == expected(self.staged)


@pytest.fixture
def pair(tmp_path: Path, on_disk: Store) -> Iterator[Callable[..., Pair]]:
    with ExitStack() as stack:
        yield lambda **options: Pair(tmp_path, on_disk, stack, **options)


def test_danger_1_a_refused_upload_makes_a_partial_version_that_reports_success(pair: Callable[..., Pair]) -> None:
    both = pair()
    both.spoil(KaggleFault(path="/upload/*", status=403, times=MANY))
    code, said = both.plain.version()
    assert (code, "Dataset version is being created" in said) == (0, True)
    assert both.plain_versions()[1] == []
    with pytest.raises(ReleaseStopped, match="was not taken"):
        both.publish()
    assert len(held(both.server)) == 1


def test_danger_1_a_single_refused_upload_is_sent_again(pair: Callable[..., Pair]) -> None:
    both = pair()
    both.spoil(KaggleFault(path="/upload/*", status=500, skip=1))
    assert both.plain.version()[0] == 0
    assert len(both.plain_versions()[1]) == 2  # of three
    assert both.publish().version == 2
    assert both.holds()


def test_danger_2_an_expired_upload_that_is_gone_on_with_makes_an_empty_version(pair: Callable[..., Pair]) -> None:
    both = pair()
    both.spoil(KaggleFault(path="*/CreateDatasetVersion", status=500))
    assert both.plain.version()[0] == 1
    with pytest.raises(ReleaseStopped):
        both.publish()
    for server in (both.plain_server, both.server):
        for blob in server.state.blobs.values():
            blob.expired = True
    code, said = both.plain.version()
    assert (code, "Dataset version is being created" in said) == (0, True)
    assert both.plain_versions()[1] == []
    assert both.publish().version == 2
    assert both.holds()


@pytest.mark.prove
def test_danger_3_the_environment_test_asks_kaggle_itself(tmp_path: Path) -> None:
    asked = (
        "from kaggle.api.kaggle_api_extended import KaggleApi; "
        "print(KaggleApi().build_kaggle_client().http_client()._endpoint)"
    )
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "KAGGLE_API_ENVIRONMENT": "TEST",
        "KAGGLE_USERNAME": "nobody", "KAGGLE_KEY": "none",
    }  # fmt: skip
    made = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, timeout=60)
    assert made.stdout.split() == [PRODUCTION]


@pytest.mark.parametrize(
    "endpoint",
    ["http://localhost", "http://localhost:7777", "http://127.0.0.1", "https://staging.kaggle.com", "http://127.0.0.1.x:1",
     "https://api.kaggle.com/", "http://api.kaggle.com", "TEST", ""],
)  # fmt: skip
def test_danger_3_ours_goes_to_a_sandbox_or_to_kaggle_spelt_out(endpoint: str) -> None:
    with pytest.raises(TargetInvalid, match=r"allowed: http://127\.0\.0\.1:PORT"):
        Target(DATASET, endpoint, Credential(token="t"))
    assert Target(DATASET, PRODUCTION, Credential(token="t")).endpoint == PRODUCTION


def test_danger_4_a_lost_answer_makes_a_second_version(pair: Callable[..., Pair]) -> None:
    both = pair(tokens_once=False)
    both.spoil(KaggleFault(path="*/CreateDatasetVersion", drop=True))
    assert both.plain.version()[0] == 0
    assert len(both.plain_versions()) == 3  # the first, and two of the same
    assert both.publish().version == 2
    assert both.holds()
    assert len(both.server.calls("CreateDatasetVersion")) == 1


@pytest.mark.prove
def test_danger_5_an_upload_that_has_all_its_bytes_hangs_for_ever(pair: Callable[..., Pair]) -> None:
    both = pair()
    both.spoil(KaggleFault(path="/upload/*", status=503, apply=True))
    with pytest.raises(TimeoutError):
        both.plain.version(timeout_s=HANGS_S)
    assert [r.status for r in both.plain_server.calls("upload")][:2] == [503, 308]
    assert both.publish().version == 2
    assert both.holds()


@pytest.mark.prove
@pytest.mark.parametrize("call", ["*/StartBlobUpload", "/upload/*", "*/CreateDatasetVersion", "*/GetDatasetStatus"])
def test_danger_5_a_server_that_stalls_is_waited_for_without_end(pair: Callable[..., Pair], call: str) -> None:
    both = pair()
    both.spoil(KaggleFault(path=call, delay_s=HANGS_S + 2))
    if call != "*/GetDatasetStatus":  # which the command does not ask
        with pytest.raises(TimeoutError):
            both.plain.version(timeout_s=HANGS_S)
    assert both.publish({"answer_s": 0.5, "settle_s": 8.0}).version == 2
    assert both.holds()


@pytest.mark.prove
def test_danger_5_a_pause_of_seventy_years_is_kept(pair: Callable[..., Pair]) -> None:
    both = pair()
    far = {"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}
    both.spoil(KaggleFault(path="*/StartBlobUpload", preset="too_many_requests", headers=far))
    with pytest.raises(TimeoutError):
        both.plain.version(timeout_s=HANGS_S)
    assert [r.status for r in both.plain_server.calls("StartBlobUpload")] == [429]
    assert both.publish().version == 2


def test_dangers_6_and_11_a_refusal_with_status_200_ends_well_for_the_plain_command(pair: Callable[..., Pair]) -> None:
    both = pair(dataset_type="REMOTE_URL_FILE_SET")
    code, said = both.plain.version()
    assert code == 0
    assert "Incompatible Dataset Type" in said
    with pytest.raises(ReleaseRefused, match="Incompatible Dataset Type"):
        both.publish()


def test_danger_7_a_metadata_update_blanks_what_is_left_out_and_makes_the_dataset_public(
    pair: Callable[..., Pair],
) -> None:
    both = pair()
    before = {"subtitle": "Twenty characters or more", "description": "A card", "isPrivate": True}
    both.plain_server.dataset(SLUG).settings.update(before)
    assert both.plain.run("datasets", "metadata", "-p", str(both.plain.folder), "--update", DATASET)[0] == 0
    after = both.plain_server.dataset(SLUG).settings
    assert {name: after[name] for name in before} == {"subtitle": "", "description": "", "isPrivate": False}
    both.publish()
    kept = both.server.dataset(SLUG).settings
    assert kept["isPrivate"] is True
    assert kept["subtitle"] == both.staged.metadata.subtitle


def test_danger_9_six_is_declared_by_us_because_kaggle_imports_it_and_does_not_say_so() -> None:
    """A clean `pip install kaggle` had no six, since python-dateutil 4 no longer brings it: `import kaggle` failed."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    said = [re.split(r"[^a-zA-Z0-9_.-]", line)[0] for line in requires("kaggle") or ()]
    assert "six" not in said
    assert "six" in [re.split(r"[^a-zA-Z0-9_.-]", line)[0] for line in pyproject["project"]["dependencies"]]


def test_dangers_8_and_10_the_plain_command_drops_a_descriptor_and_sends_hidden_files(
    pair: Callable[..., Pair], tmp_path: Path
) -> None:
    both = pair()
    both.plain.write({"datapackage.json": b"{}", ".hidden": b"x"})
    assert both.plain.version()[0] == 0
    assert both.plain_versions()[1] == [".hidden", "README.md", "a.csv", "b.csv"]
    both.staged = stage(tmp_path / "other", {**FILES, "datapackage.json": b"{}"})
    assert both.publish().version == 2
    assert both.holds()
    (both.staged.directory / ".hidden").write_bytes(b"x")
    with pytest.raises(ReleaseRefused, match=r"\.hidden: not in the manifest"):
        both.publish()


def test_danger_12_a_stale_token_in_the_environment_goes_before_a_good_key(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = pair()
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_stale")
    assert both.plain.version(KAGGLE_API_TOKEN="KGAT_stale")[0] == 1
    assert len(both.plain_versions()) == 1
    assert both.publish().version == 2
    assert both.holds()


def test_danger_12_two_credentials_are_refused() -> None:
    with pytest.raises(ValueError, match="exactly one of KAGGLE_KEY"):
        Credential(username="a", key="b", token="c")


@pytest.mark.prove
def test_danger_13_a_version_while_the_first_is_processed_is_waited_with(tmp_path: Path, on_disk: Store) -> None:
    with start_kaggle(options=KaggleOptions(ready_after=3)) as server:
        plain = Plain(server, tmp_path / "plain")
        assert plain.create()[0] == 0
        code, said = plain.version()
        assert code == 1
        assert "a version cannot be made yet" in said
        staged = stage(tmp_path / "next")
        publisher = Publisher(on_disk, target(server), Steady(), patience=QUICK, start=shared_forks().start)
        assert publisher.publish(staged, notes="x").version == 2
        assert held(server)[1] == expected(staged)
