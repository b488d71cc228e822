"""The candidates table through Dagster."""

import csv
import io

from elec_assets_tests.deployment import ELECTION, REGISTRY, Deployment, checks, write_registry

TABLE = f"{ELECTION}/data/tables/candidates.csv"


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
    [event] = result.get_asset_materialization_events()
    told = {n: v.value for n, v in event.step_materialization_data.materialization.metadata.items()}
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
    edited = write_registry(deployment.folder, REGISTRY.replace("Béatrice Leroux", "Béatrice Leroux-Petit"))
    assert edited.version != deployment.registry.version
    later = Deployment(deployment.folder, edited, deployment.instance, deployment.x_url)
    assert later.run("candidates").success
    assert set(later.objects("state/registry/")) == {
        f"state/registry/{version}.json" for version in (deployment.registry.version, edited.version)
    }
    assert "Leroux-Petit" in later.objects()[TABLE].decode()
