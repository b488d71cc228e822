"""Releases through Dagster: staged, held to the gate, published to the sandbox of Kaggle, and never twice."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from elec_assets.clients.release_publishing import Desk
from elec_assets.clients.store import Store, open_store
from elec_assets.definitions import build_definitions
from elec_assets.domain.registry import Election, Registry
from elec_assets.resources import KaggleResource
from elec_assets.sandbox.kaggle_api import KEY, USERNAME
from elec_assets.sandbox.kaggle_faults import KaggleFault
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets.schedules_releases import JOB, LOOK_JOB
from elec_assets.settings import Settings
from elec_assets.transforms.refusals import RULES
from elec_assets_tests.clients.kaggle_forks import shared_forks
from elec_assets_tests.clients.kaggle_staging import SLUG
from elec_assets_tests.clients.release_store import add_week
from elec_assets_tests.deployment import ELECTION, MID_CAMPAIGN, failure, write_registry

DATASET = f"{USERNAME}/{SLUG}"
WEEKS = ("2026_06", "2026_07")
NEXT = "2026_08"


class Forked(KaggleResource):
    """The resource of production, whose publishing process is forked from one that has imported kaggle."""

    def desk(self, store: Store, elections: tuple[Election, ...], run: str) -> Desk:
        return replace(super().desk(store, elections, run), start=shared_forks().start)


class Releases:
    """A deployment that publishes to a sandbox."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance, server: KaggleServer) -> None:
        self.registry: Registry = write_registry(folder)
        self.instance = instance
        self.server = server
        self.folder = folder
        self.store = open_store((folder / "store").as_uri())

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401 - fields of Settings
        values = {
            "store": str(self.folder / "store"),
            "kaggle_dataset": DATASET,
            "kaggle_base_url": self.server.url,
            "kaggle_username": USERNAME,
            "kaggle_key": KEY,
        }
        return Settings.model_validate(values | changes)

    def definitions(self, **changes: Any) -> dg.Definitions:  # noqa: ANN401 - fields of Settings
        """As in production, but for how the publishing process is started."""
        loaded = build_definitions(self.settings(**changes), self.registry, MID_CAMPAIGN)
        made = dict(loaded.resources or {})
        kaggle = made["kaggle"]
        assert isinstance(kaggle, KaggleResource)
        made["kaggle"] = Forked(**{name: getattr(kaggle, name) for name in type(kaggle).model_fields})
        return dg.Definitions(
            assets=loaded.assets,
            asset_checks=loaded.asset_checks,
            schedules=loaded.schedules,
            resources=made,
            executor=loaded.executor,
        )

    def run(
        self,
        config: dict[str, Any] | None = None,
        *,
        job: str = JOB,
        product: str | None = None,
        **changes: Any,  # noqa: ANN401 - fields of Settings
    ) -> dg.ExecuteInProcessResult:
        """Run the job, or one product of it alone."""
        return (
            self.definitions(**changes)
            .resolve_job_def(job)
            .execute_in_process(
                instance=self.instance,
                run_config={"ops": config} if config else None,
                asset_selection=None if product is None else [dg.AssetKey(["kaggle", product])],
                raise_on_error=False,
            )
        )

    def objects(self) -> dict[str, bytes]:
        root = self.folder / "store" / "releases"
        return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}

    def versions(self) -> list[dict[str, str]]:
        return [{name: f.sha256 for name, f in v.files.items()} for v in self.server.dataset(SLUG).versions]


@pytest.fixture
def server() -> Iterator[KaggleServer]:
    with start_kaggle() as started:
        yield started


@pytest.fixture
def releases(tmp_path: Path, instance: dg.DagsterInstance, server: KaggleServer, bare: pytest.MonkeyPatch) -> Releases:
    bare.setenv("KAGGLE_USERNAME", USERNAME)
    bare.setenv("KAGGLE_KEY", KEY)
    made = Releases(tmp_path, instance, server)
    for week in WEEKS:
        add_week(made.store, ELECTION, week)
    return made


def metadata(result: dg.ExecuteInProcessResult, product: str) -> dict[str, Any]:
    """Metadata of the materialization or observation of `kaggle/{product}` in a run."""
    key = dg.AssetKey(["kaggle", product])
    for event in result.all_events:
        data = event.event_specific_data
        found = getattr(data, "materialization", None) or getattr(data, "asset_observation", None)
        if found is not None and found.asset_key == key:
            return {name: value.value for name, value in found.metadata.items()}
    raise AssertionError(f"{key} was neither materialized nor observed")


def materialized(result: dg.ExecuteInProcessResult) -> list[str]:
    return [str(e.asset_key.path[-1]) for e in result.get_asset_materialization_events() if e.asset_key]


def test_two_weeks_become_a_release_a_third_another_and_the_same_again_nothing(
    releases: Releases, caplog: pytest.LogCaptureFixture
) -> None:
    first = releases.run()
    assert first.success, failure(first)
    assert materialized(first) == ["staged", "dataset"]
    told = metadata(first, "dataset")
    assert (told["kaggle_version"], told["kaggle_shows_version"]) == (1, 1)
    assert told["url"] == f"{releases.server.url}/datasets/{DATASET}"
    assert metadata(first, "staged")["release"] == told["release"]
    held = releases.objects()
    manifest = json.loads(held[f"{told['release']}/manifest.json"])
    assert {f["path"]: f["sha256"] for f in manifest["files"]} == {
        name: sha for name, sha in releases.versions()[0].items() if name != "manifest.json"
    }

    again = releases.run()
    assert again.success, failure(again)
    assert materialized(again) == ["staged"]
    assert metadata(again, "dataset")["state"] == "Kaggle shows the same already; nothing was sent"
    assert len(releases.versions()) == 1
    assert {name: data for name, data in releases.objects().items() if "ledger" not in name} == {
        name: data for name, data in held.items() if "ledger" not in name
    }

    add_week(releases.store, ELECTION, NEXT)
    second = releases.run()
    assert second.success, failure(second)
    # Of 40 posts 30 are about a candidate; 24 rows of volume, 24 of coverage, 2 of Google Trends.
    assert (metadata(second, "dataset")["kaggle_version"], metadata(second, "dataset")["rows_added"]) == (2, 80)
    notes = releases.server.dataset(SLUG).versions[1].notes
    assert notes.startswith("2026-W08 | manual | +80 rows | content ")
    assert {e.check_name for e in second.get_asset_check_evaluations() if e.passed} == {*RULES, "shown_by_kaggle"}

    looked = releases.run(job=LOOK_JOB)
    (found,) = looked.get_asset_check_evaluations()
    assert (found.passed, found.description) == (True, "Kaggle shows version 2")
    assert len(releases.versions()) == 2
    told_anywhere = [repr(event) for run in (first, again, second, looked) for event in run.all_events]
    told_anywhere += [caplog.text, repr(releases.definitions().resources), repr(releases.settings())]
    assert not any(KEY in text for text in told_anywhere)
    assert not any(KEY.encode() in data for data in releases.objects().values())


def test_what_the_gate_refuses_is_neither_stored_nor_published_until_a_person_allows_it(releases: Releases) -> None:
    assert releases.run().success
    before = releases.objects()
    add_week(releases.store, ELECTION, WEEKS[0], posts=20)

    refused = releases.run()
    assert not refused.success
    assert materialized(refused) == []
    failed = [e for e in refused.get_asset_check_evaluations() if not e.passed]
    assert [(e.check_name, e.blocking) for e in failed] == [("history", True)]
    said = failure(refused)
    path = f"{ELECTION}/twitter/{WEEKS[0]}.csv.gz"
    assert f"history: {path}: 15 rows, 30 before: more than 0.5% are lost; release it as a hotfix" in said
    assert releases.objects() == before
    assert len(releases.versions()) == 1

    hotfix = [path, f"{ELECTION}/parquet/twitter.parquet"]
    allowed = releases.run({"kaggle__staged": {"config": {"hotfix": hotfix, "reason": "posts counted twice"}}})
    assert allowed.success, failure(allowed)
    notes = releases.server.dataset(SLUG).versions[1].notes
    assert notes.startswith("2026-W07 | hotfix | -15 rows")
    assert "posts counted twice" in notes
    assert b"posts counted twice" in releases.objects()[f"{metadata(allowed, 'dataset')['release']}/CHANGELOG.md"]
    ledger = json.loads(releases.objects()[f"ledger/{metadata(allowed, 'dataset')['release']}.json"])
    assert "allowed, hotfix: " in ledger["publications"][0]["run"]


def test_without_an_account_a_release_is_staged_and_not_sent(releases: Releases) -> None:
    result = releases.run(kaggle_key=None)
    assert not result.success
    assert materialized(result) == ["staged"]
    assert "set KAGGLE_USERNAME and KAGGLE_KEY, or KAGGLE_API_TOKEN. Nothing was sent." in failure(result)
    assert releases.server.calls("GetDataset") == []


@pytest.mark.prove  # without Dagster it is in operations/test_release.py
def test_staged_bytes_that_changed_since_are_held_back(releases: Releases) -> None:
    staged = releases.run(product="staged")
    release = metadata(staged, "staged")["release"]
    card = releases.folder / "store" / "releases" / release / "README.md"
    card.write_bytes(card.read_bytes() + b"\nWrite to someone@example.org\n")
    result = releases.run(product="dataset")
    assert not result.success
    said = failure(result)
    assert "the gate refuses this release for 2 reasons" in said
    assert "manifest: README.md: " in said
    assert "privacy: README.md: 1 lines hold an e-mail address" in said
    assert "someone@" not in said
    assert releases.server.calls("StartBlobUpload") == []


@pytest.mark.prove
def test_a_publication_stopped_on_the_way_goes_on_in_the_same_run(releases: Releases) -> None:
    releases.server.faults.add(KaggleFault("*/UpdateDatasetMetadata", preset="metadata_refused", times=3))
    result = releases.run()
    assert result.success, failure(result)
    assert [e.step_key for e in result.all_events if e.is_step_up_for_retry] == ["kaggle__dataset"]
    assert metadata(result, "dataset")["kaggle_version"] == 1
    assert len(releases.versions()) == 1
