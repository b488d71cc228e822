"""The candidates table through Dagster, and the registry that must not rewrite the past."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import open_store
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import ELECTION, REGISTRY, Deployment, checks, failure, write_registry

TABLE = f"{ELECTION}/data/tables/candidates.csv"
HOUR = "2026-02-05-18:00"
# The collection of the test election is over: whatever changes who was followed changes the past.
REWRITTEN = REGISTRY.replace("Béatrice Leroux, status: 1", "Béatrice Leroux, status: -1")
LEFT = "bleroux was followed from 2026-02-04T00:00:00Z to 2026-03-12T00:00:00Z, and would not be"


def edited(deployment: Deployment, text: str) -> Deployment:
    return replace(deployment, registry=write_registry(deployment.folder, text))


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    [event] = result.get_asset_materialization_events()
    return {n: v.value for n, v in event.step_materialization_data.materialization.metadata.items()}


def test_the_table_lists_everyone_and_the_version_is_kept(deployment: Deployment) -> None:
    result = deployment.run("candidates")
    assert result.success
    stored = deployment.objects()
    rows = list(csv.DictReader(io.StringIO(stored[TABLE].decode())))
    assert [(row["candidate"], row["name"], row["accounts"]) for row in rows] == [
        ("amartin", "Agathe Martin", '["AgatheMartin_T"]'),
        ("bleroux", "Béatrice Leroux", '["BLeroux_Test"]'),
    ]
    assert stored[f"state/registry/{deployment.registry.version}.json"] == deployment.registry.content.encode()
    told = metadata(result)
    assert told["dagster/row_count"] == 2
    assert (told["object"], told["bytes"]) == (TABLE, len(stored[TABLE]))
    assert checks(result)["all_listed"].passed


def test_running_again_changes_no_byte(deployment: Deployment) -> None:
    assert deployment.run("candidates").success
    before = deployment.objects()
    assert deployment.run("candidates").success
    assert deployment.objects() == before


def test_another_version_is_kept_beside_the_first(deployment: Deployment) -> None:
    assert deployment.run("candidates").success
    later = edited(deployment, REGISTRY.replace("Béatrice Leroux", "Béatrice Leroux-Petit"))
    assert later.registry.version != deployment.registry.version
    result = later.run("candidates")
    assert result.success
    assert set(later.objects("state/registry/")) == {
        *(f"state/registry/{d.registry.version}.json" for d in (deployment, later)),
        *(f"state/registry/history/{number:06}.json" for number in (1, 2)),
    }
    assert "Leroux-Petit" in later.objects()[TABLE].decode()
    # Who was followed is as before; the hours were sealed with another name.
    told = metadata(result)["searched_otherwise"]
    assert told.startswith("bleroux. Hours sealed before keep the posts")
    assert any("searched for by other words" in log.user_message for log in later.instance.all_logs(result.run_id))
    assert metadata(later.run("candidates"))["searched_otherwise"] == told


def test_a_registry_that_rewrites_the_past_fails_every_run_and_changes_nothing(
    deployment: Deployment, x: XServer
) -> None:
    assert deployment.run("candidates").success
    before = deployment.objects()
    refused = edited(deployment, REWRITTEN)
    for result in (refused.run("candidates"), refused.run("twitter/tweets", partition=HOUR)):
        assert not result.success
        assert not result.get_asset_materialization_events()
        for told in (f"{ELECTION}: {LEFT}", "candidates.yaml", "elec candidates accept --reason"):
            assert told in failure(result)
        assert "Traceback" not in failure(result)
    assert refused.objects() == before
    assert not x.requests


def test_the_tweets_alone_notice_an_edit_of_the_past(deployment: Deployment) -> None:
    """Whoever materializes hours only, and never the candidates, is held to the same past."""
    assert deployment.run("twitter/tweets", partition=HOUR).success
    before = deployment.objects()
    refused = edited(deployment, REWRITTEN).run("twitter/tweets", partition=HOUR)
    assert LEFT in failure(refused)
    assert deployment.objects() == before
    assert edited(deployment, REGISTRY).run("twitter/tweets", partition=HOUR).success


def test_an_accepted_edit_runs_and_says_what_it_changed(deployment: Deployment) -> None:
    assert deployment.run("candidates").success
    later = edited(deployment, REWRITTEN)
    assert not later.run("candidates").success
    history = RegistryHistory(open_store(deployment.store.as_uri()))
    history.accept(later.registry, datetime.now(UTC), "never a candidate")
    result = later.run("candidates")
    assert result.success
    assert metadata(result)["past_changed"] == f"{ELECTION}: {LEFT}. Reason: never a candidate"
    assert later.run("twitter/tweets", partition=HOUR).success
    # Who still has the file of before is now the one that rewrites the past.
    assert "would be" in failure(deployment.run("candidates"))


def test_a_history_of_a_newer_version_fails_the_run_and_is_named(deployment: Deployment) -> None:
    assert deployment.run("candidates").success
    entry = "state/registry/history/000002.json"
    (deployment.store / entry).write_bytes(b'{"format": 2}')
    before = deployment.objects()
    for result in (deployment.run("candidates"), deployment.run("twitter/tweets", partition=HOUR)):
        assert f"{entry}: format 2, this program reads up to 1; upgrade" in failure(result)
    assert deployment.objects() == before
