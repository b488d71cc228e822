"""`elec doctor` about releases: the account, the dataset, the ledger; nobody is asked, and no key is shown."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from elec_assets.clients.kaggle_states import Entry, Ledger, Publication, State
from elec_assets.clients.source_claim import X, claim
from elec_assets.clients.store import Store, open_store
from elec_assets.domain.layout_releases import ledger
from elec_assets.domain.registry import Registry
from elec_assets.operations.doctor_check import Check
from elec_assets.operations.doctor_kaggle import kaggle_checks
from elec_assets.settings import load_settings
from elec_assets_tests.deployment import write_registry

NOW = datetime(2026, 2, 16, 12, tzinfo=UTC)
DATASET = "owner/elections"
SECRET = "not-to-be-seen"
DONE = Publication(
    dataset=DATASET,
    state=State.DONE,
    notes="2026-W07 | daily",
    content_sha256="0" * 64,
    metadata_sha256="0" * 64,
    started_at="2026-02-16T05:30:00Z",
    changed_at="2026-02-16T05:40:00Z",
    version=4,
)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    (tmp_path / "workspace.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return open_store((tmp_path / "data").as_uri())


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return write_registry(tmp_path)


def looked(store: Store | None, registry: Registry | None) -> dict[str, Check]:
    return {check.name: check for check in kaggle_checks(load_settings(), store, registry, NOW)}


@pytest.mark.parametrize(
    ("variables", "state", "said"),
    [
        ({}, "warn", "no dataset"),
        ({"ELEC_KAGGLE_DATASET": DATASET}, "warn", "set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN"),
        (
            {"ELEC_KAGGLE_DATASET": DATASET, "KAGGLE_KEY": SECRET, "KAGGLE_API_TOKEN": SECRET},
            "fail",
            "KAGGLE_KEY and KAGGLE_API_TOKEN are both set, keep one of them",
        ),
        (
            {"ELEC_KAGGLE_DATASET": DATASET, "KAGGLE_KEY": SECRET},
            "fail",
            "KAGGLE_KEY is set without KAGGLE_USERNAME",
        ),
        (
            {"ELEC_KAGGLE_DATASET": DATASET, "KAGGLE_API_TOKEN": SECRET},
            "ok",
            "public releases go to owner/elections on Kaggle, by token; not asked",
        ),
        (
            {
                "ELEC_KAGGLE_DATASET": DATASET,
                "KAGGLE_USERNAME": SECRET,
                "KAGGLE_KEY": SECRET,
                "ELEC_PRIVACY": "private",
                "ELEC_KAGGLE_BASE_URL": "http://127.0.0.1:9",
            },
            "ok",
            "private releases go to owner/elections on the sandbox, by user name and key",
        ),
    ],
)
def test_the_account_is_judged_by_what_is_set(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], state: str, said: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    checks = looked(store, registry)
    assert checks["kaggle"].state == state
    assert said in checks["kaggle"].found
    assert SECRET not in repr(checks)


def test_the_newest_release_and_the_next_are_told(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEC_KAGGLE_DATASET", DATASET)
    assert looked(store, registry)["releases"].found.startswith(
        "nothing published yet; the daily release of 2026-02-16"
    )
    Ledger(store).write(Entry(release_id="2026_07-00000000", publications=[DONE]))
    assert looked(store, registry)["releases"].found == (
        "version 4 is release 2026_07-00000000; the daily release of 2026-02-16 (test_2026) is published; the next is "
        "due at 2026-02-17T05:00:00Z (daily, test_2026)"
    )


def test_a_broken_ledger_and_a_store_of_made_up_posts_are_failures(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEC_KAGGLE_DATASET", DATASET)
    claim(store, X, sandbox=True)
    found = looked(store, registry)["releases"]
    assert (found.state, "answers of a sandbox (X)" in found.found) == ("fail", True)
    monkeypatch.setenv("ELEC_KAGGLE_BASE_URL", "http://127.0.0.1:9")
    assert looked(store, registry)["releases"].state == "ok"
    store.put(ledger("2026_07-00000000"), msgspec.json.encode({"version": 99}))
    found = looked(store, registry)["releases"]
    assert (found.state, "releases/ledger/2026_07-00000000.json" in found.found) == ("fail", True)


def test_without_a_store_or_a_registry_the_account_alone_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEC_KAGGLE_DATASET", DATASET)
    assert set(looked(None, None)) == {"kaggle"}
