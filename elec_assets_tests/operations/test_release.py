"""`elec release`: what is looked at, staged, sent to the sandbox, listed and rolled back; and what errors say."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from elec_assets import cli
from elec_assets.clients.kaggle_staged import ReleaseRefused, ReleaseStopped
from elec_assets.clients.kaggle_states import Ledger, State
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.release_publishing import GateRefused
from elec_assets.clients.source_claim import X, claim
from elec_assets.clients.store import Store, open_store
from elec_assets.operations.release import Asked, Releases
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets.settings import load_settings
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_staging import SLUG
from elec_assets_tests.clients.release_store import add_week
from elec_assets_tests.deployment import ELECTION, write_registry

DATASET = f"{USERNAME}/{SLUG}"


@pytest.fixture
def server() -> Iterator[KaggleServer]:
    with start_kaggle() as started:
        yield started


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of a deployment in the working directory: one week, and no account."""
    (tmp_path / "workspace.yaml").touch()
    write_registry(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = open_store((tmp_path / "data").as_uri())
    add_week(made, ELECTION, "2026_06")
    return made


@pytest.fixture
def account(store: Store, server: KaggleServer, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The same with an account of the sandbox."""
    monkeypatch.setenv("ELEC_KAGGLE_DATASET", DATASET)
    monkeypatch.setenv("ELEC_KAGGLE_BASE_URL", server.url)
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    return store


def releases() -> Releases:
    """What the commands work with, the publishing process forked from one that has imported kaggle."""
    settings = load_settings()
    return Releases(settings, load_registry(settings.registry_path), datetime.now(UTC), shared_forks().start)


def elec(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ("release", *arguments), catch_exceptions=False)


def objects(folder: Path) -> list[str]:
    root = folder / "data"
    return sorted(p.relative_to(root).as_posix() for p in (root / "releases").rglob("*") if p.is_file())


@pytest.mark.usefixtures("store")
def test_check_says_whether_a_release_would_pass_and_stores_nothing(tmp_path: Path) -> None:
    told = elec("check")
    assert told.exit_code == 0, told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].startswith("Release 2026_06-")
    assert lines[0].endswith("The gate lets it through.")
    assert lines[1].startswith("Schedule: ")
    assert objects(tmp_path) == []


def test_a_refused_release_is_told_with_what_to_do_and_can_be_looked_at(account: Store, tmp_path: Path) -> None:
    assert releases().publish(None, Asked(), again=False).exit_code == 0
    before = objects(tmp_path)
    add_week(account, ELECTION, "2026_06", posts=20)
    refused = elec("build", "--dir", str(tmp_path / "looked"))
    assert refused.exit_code == 1
    assert "history: test_2026/twitter/2026_06.csv.gz: 15 rows, 30 before" in refused.stdout
    assert "--hotfix PATH --reason TEXT" in refused.stdout
    assert (tmp_path / "looked" / "test_2026" / "twitter" / "2026_06.csv.gz").is_file()
    answer = json.loads(elec("build", "--json").stdout)
    assert (answer["publishable"], {r["rule"] for r in answer["refusals"]}) == (False, {"history"})
    assert objects(tmp_path) == before
    again = elec("build", "--dir", str(tmp_path / "looked"))
    assert (again.exit_code, "is not empty" in again.stderr) == (2, True)
    unsaid = elec("check", "--hotfix", "test_2026/twitter/2026_06.csv.gz")
    assert (unsaid.exit_code, "say why with --reason" in unsaid.stderr) == (2, True)
    paths = ("test_2026/twitter/2026_06.csv.gz", "test_2026/parquet/twitter.parquet")
    allowed = elec("check", "--hotfix", paths[0], "--hotfix", paths[1], "--reason", "counted twice")
    assert allowed.exit_code == 0, allowed.stdout


def test_a_dry_run_names_every_file_asks_no_one_and_needs_no_key(
    account: Store, server: KaggleServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    told = elec("publish", "--dry-run")
    assert told.exit_code == 0, told.stderr
    for part in ("CreateDataset", "README.md", "manifest.json", "test_2026/twitter/2026_06.csv.gz", "Nothing was sent"):
        assert part in told.stdout
    requests = json.loads(elec("publish", "--dry-run", "--json").stdout)["requests"]
    sent = [each["file"] for each in requests if each.get("file")]
    assert {"dataset-cover-image.png", "CHANGELOG.md", "test_2026/daily_summary.csv"} <= set(sent)
    assert list(server.requests) == []
    assert objects(tmp_path) == []
    assert account is not None


def test_publish_list_rollback_and_what_was_rolled_back_stays_back(account: Store, server: KaggleServer) -> None:
    first = releases().publish(None, Asked(), again=False).as_dict()
    assert (first["state"], first["version"]) == ("published", 1)
    add_week(account, ELECTION, "2026_07")
    changed = elec("diff")
    assert changed.stdout.startswith("## 2026-W07, after " + first["release"])
    second = releases().publish(None, Asked(), again=False).as_dict()
    assert second["version"] == 2
    assert json.loads(elec("diff", second["release"], "--json").stdout)["rows_added"] == 80

    back = releases().rollback(first["release"])
    assert (back.as_dict()["version"], server.dataset(SLUG).versions[2].notes.partition(" |")[0]) == (
        3,
        "rollback of v2",
    )
    listed = elec("list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == [first["release"], second["release"], first["release"]]
    assert [("done, shown" in line) for line in listed[1:]] == [False, False, True]
    with pytest.raises(ReleaseRefused, match=r"was rolled back \(version 2\).*mend the data.*--again"):
        releases().publish(None, Asked(), again=False)
    assert len(server.dataset(SLUG).versions) == 3
    add_week(account, ELECTION, "2026_07", posts=48)
    mended = releases().publish(None, Asked(), again=False).as_dict()
    assert (mended["state"], mended["version"]) == ("published", 4)
    assert server.dataset(SLUG).versions[3].notes.startswith("2026-W07 | manual | +86 rows")


def test_a_staged_release_that_was_tampered_with_is_refused_by_the_gate(account: Store, tmp_path: Path) -> None:
    assert elec("build").exit_code == 0
    (release,) = {path.split("/")[1] for path in objects(tmp_path)}
    (tmp_path / "data" / "releases" / release / "candidates.csv").write_bytes(b"election,handle\nx,@someone\n")
    with pytest.raises(GateRefused) as told:
        releases().publish(release, Asked(), again=False)
    assert {refusal.rule for refusal in told.value.refusals} >= {"manifest", "privacy", "schema"}
    assert Ledger(account).entries() == []


def test_made_up_posts_never_go_to_kaggle_itself(account: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sandbox of X and the real address of Kaggle, invented posts would be published under a real name."""
    claim(account, X, sandbox=True)
    monkeypatch.delenv("ELEC_KAGGLE_BASE_URL")
    told = elec("publish")
    assert told.exit_code == 1
    assert "holds answers of a sandbox (X), and Kaggle is Kaggle's own" in told.stderr
    assert Ledger(account).entries() == []


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("publish",), "set ELEC_KAGGLE_DATASET to owner/slug"),
        (("rollback", "2026_06-00000000"), "set ELEC_KAGGLE_DATASET to owner/slug"),
        (("diff", "newest"), "'newest' is no release, as 2027_05-9f3ac2d1 is; `elec release list` names them"),
        (("diff", "2026_06-00000000"), "releases/2026_06-00000000/: no staged release is there"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(arguments: tuple[str, ...], said: str) -> None:
    told = elec(*arguments)
    assert told.exit_code == 2
    assert said in told.stderr
    assert told.stdout == ""


def test_without_a_week_there_is_nothing_to_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workspace.yaml").touch()
    write_registry(tmp_path)
    monkeypatch.chdir(tmp_path)
    told = elec("check")
    assert (told.exit_code, "no week is built yet" in told.stderr) == (1, True)
    assert elec("list").stdout == "No release is staged: `elec release build` makes one.\n"


@pytest.mark.prove  # the same of the publisher alone is in test_kaggle_release.py
def test_a_release_stopped_on_the_way_is_listed_with_its_problem_and_goes_on(
    account: Store, server: KaggleServer
) -> None:
    server.faults.add(KaggleFault("*/UpdateDatasetMetadata", preset="metadata_refused", times=3))
    with pytest.raises(ReleaseStopped):
        releases().publish(None, Asked(), again=False)
    assert Ledger(account).entries()[0].publications[0].state is State.VERIFIED
    assert "the files are published, and their description is not" in elec("list").stdout
    assert releases().publish(None, Asked(), again=False).as_dict()["version"] == 1
