"""`elec purge` forgets old runs, and nothing that they made."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sql
from click.testing import CliRunner, Result
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable

from elec_assets.operations.purge import LEAST_AGE, PurgeRefused, PurgeReport, purge
from elec_assets.operations.purge_commands import purge as command
from elec_assets_tests.deploy.conftest import instance_environment, made_home
from elec_assets_tests.deploy.postgres import PASSWORD, Postgres

DAYS = dg.DailyPartitionsDefinition("2026-11-02")
OLD, NEW, BROKEN = "2026-11-02", "2026-11-03", "2026-11-04"
KEY = dg.AssetKey("day")
AGE = timedelta(days=90)


@dg.asset(partitions_def=DAYS)
def day(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    context.log.info("a line of the run's own log")
    if context.partition_key == BROKEN:
        raise dg.Failure("as asked")
    return dg.MaterializeResult(metadata={"rows": int(context.partition_key[-2:])})


@dg.asset_check(asset=day)
def some_rows() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"rows": 2})


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.prove)])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    server: Postgres = request.getfixturevalue("postgres")
    database = server.new(f"purge_{os.urandom(4).hex()}")
    for name, value in instance_environment(server, database, tmp_path / "logs").items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(made_home(tmp_path))) as made:
        yield made


def run(instance: dg.DagsterInstance, partition: str, days_ago: int = 0) -> str:
    """Materialize a day and check it, some days ago as the run's record has it."""
    done = dg.materialize([day, some_rows], instance=instance, partition_key=partition, raise_on_error=False)
    storage = instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    ended = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=days_ago)
    with storage.connect() as connection:
        table = sql.update(RunsTable).where(RunsTable.c.run_id == done.run_id)
        connection.execute(table.values(update_timestamp=ended))
    return done.run_id


def rows(instance: dg.DagsterInstance) -> dict[str, object]:
    """What is recorded of each day."""
    found = instance.fetch_materializations(KEY, limit=100).records
    events = [record.asset_materialization for record in found if record.asset_materialization]
    return {str(event.partition): event.metadata["rows"].value for event in events}


def shown(instance: dg.DagsterInstance) -> tuple[set[str], set[str]]:
    """The days that the asset's page shows as materialized, and as failed."""
    status = get_and_update_asset_status_cache_value(instance, KEY, DAYS)
    assert status is not None
    made = status.deserialize_materialized_partition_subsets(DAYS).get_partition_keys()
    return set(made), set(status.deserialize_failed_partition_subsets(DAYS).get_partition_keys())


def purged(instance: dg.DagsterInstance, *, dry_run: bool = False) -> PurgeReport:
    return purge(instance, datetime.now(UTC), older_than=AGE, dry_run=dry_run)


def test_old_runs_go_and_what_they_made_stays(instance: dg.DagsterInstance) -> None:
    old, broken, new = run(instance, OLD, 91), run(instance, BROKEN, 91), run(instance, NEW, 89)
    before = rows(instance), shown(instance)
    assert before == ({OLD: 2, NEW: 3}, ({OLD, NEW}, {BROKEN}))
    told = purged(instance, dry_run=True)
    assert (told.runs, told.kept) == (2, 1)
    assert told.events > 5
    assert (rows(instance), shown(instance)) == before
    assert instance.get_run_by_id(old) is not None
    done = purged(instance)
    assert done == PurgeReport(done.before, told.runs, told.events, told.kept, dry_run=False)
    assert [instance.get_run_by_id(r) for r in (old, broken)] == [None, None]
    assert rows(instance) == before[0]
    assert shown(instance)[0] == {OLD, NEW}
    kept = instance.get_run_by_id(new)
    assert kept is not None
    assert len(instance.all_logs(new)) > 10
    checks = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(KEY, "some_rows"), limit=10)
    assert [c.status.value for c in checks if c.run_id in (old, broken)] == ["SUCCEEDED"]
    again = purged(instance)
    assert (again.runs, again.events, again.kept) == (0, 0, 0)
    run(instance, BROKEN)  # an instance that was purged goes on
    assert shown(instance) == ({OLD, NEW}, {BROKEN})


def results(instance: dg.DagsterInstance) -> list[tuple[str, object]]:
    """What is recorded of the check, newest first: how it ended, and how many rows it saw."""
    key = dg.AssetCheckKey(KEY, "some_rows")
    ended = COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    found = instance.event_log_storage.get_asset_check_execution_history(key, limit=100, status=ended)
    events = [(r.status.value, r.event.dagster_event) for r in found if r.event and r.event.dagster_event]
    return [(status, event.asset_check_evaluation_data.metadata["rows"].value) for status, event in events]


def told_of_others(instance: dg.DagsterInstance, sizes: list[int]) -> None:
    """What a sensor records of something that others make."""
    for size in sizes:
        instance.report_runless_asset_event(dg.AssetMaterialization("others", metadata={"bytes": size}))


def sizes_told(instance: dg.DagsterInstance) -> list[object]:
    found = instance.fetch_materializations(dg.AssetKey("others"), limit=100).records
    return [r.asset_materialization.metadata["bytes"].value for r in found if r.asset_materialization]


def test_what_newer_results_and_events_have_replaced_goes_and_the_newest_stays(instance: dg.DagsterInstance) -> None:
    """Both were kept for good: 18 months of three elections left 0.9 million results and 0.5 million events (2026-11).

    The database would have grown by 2 GB a year that nobody reads.
    """
    for partition in (OLD, NEW, OLD):
        run(instance, partition)
    told_of_others(instance, [1, 2, 3])
    instance.report_runless_asset_event(dg.AssetMaterialization("others", partition="a day", metadata={"bytes": 4}))
    soon = datetime.now(UTC) + LEAST_AGE
    assert purge(instance, soon, older_than=AGE).replaced == 0, "nothing is old"
    old = datetime.now(UTC) + AGE + timedelta(days=1)
    assert purge(instance, old, older_than=AGE, dry_run=True).replaced == 4
    assert (len(results(instance)), len(sizes_told(instance))) == (3, 4)
    assert purge(instance, old, older_than=AGE).replaced == 4
    assert results(instance) == [("SUCCEEDED", 2)]
    assert sizes_told(instance) == [4, 3], "one of a partition stays, and the newest of the others"
    assert shown(instance)[0] == {OLD, NEW}
    told_of_others(instance, [5])
    assert sizes_told(instance) == [5, 4, 3]
    assert purge(instance, old, older_than=AGE).replaced == 1


def test_results_that_failed_stay(instance: dg.DagsterInstance) -> None:
    for rows_seen in (0, 1, 2):
        event = dg.AssetCheckEvaluation(
            asset_key=KEY, check_name="some_rows", passed=rows_seen > 0, metadata={"rows": rows_seen}
        )
        instance.report_runless_asset_event(event)
    purge(instance, datetime.now(UTC) + AGE + timedelta(days=1), older_than=AGE)
    assert results(instance) == [("SUCCEEDED", 2), ("FAILED", 0)]


@pytest.mark.prove
def test_what_a_run_printed_goes_with_it(sqlite: dg.DagsterInstance) -> None:
    old, new = run(sqlite, OLD, 91), run(sqlite, NEW)
    folder = Path(sqlite.storage_directory())
    assert {old, new} <= {path.name for path in folder.iterdir()}
    purged(sqlite)
    left = {path.name for path in folder.iterdir()}
    assert new in left
    assert old not in left
    shards = {path.stem for path in Path(sqlite.root_directory).rglob("history/runs/*.db")}
    assert new in shards
    assert old not in shards


@pytest.mark.prove
def test_runs_at_work_stay_however_old_they_are(sqlite: dg.DagsterInstance) -> None:
    job = dg.define_asset_job("job", [day]).resolve(asset_graph=dg.Definitions([day]).resolve_asset_graph())
    waiting = sqlite.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
    report = purge(sqlite, datetime.now(UTC) + timedelta(days=900), older_than=AGE)
    assert report.runs == 0
    assert sqlite.get_run_by_id(waiting.run_id) is not None


def test_an_age_that_a_backfill_may_need_is_refused(sqlite: dg.DagsterInstance) -> None:
    with pytest.raises(PurgeRefused, match="kept for 7 days at least; 6 were asked for"):
        purge(sqlite, datetime.now(UTC), older_than=LEAST_AGE - timedelta(days=1))


def called(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.prove
def test_the_command_reports_and_refuses(tmp_path: Path, sqlite: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> None:
    run(sqlite, OLD, 91)
    told = called("--json")
    assert (told.exit_code, told.stdout) == (2, "")
    assert "DAGSTER_HOME is not set" in told.stderr
    bare.setenv("DAGSTER_HOME", sqlite.root_directory)
    told = called("--older-than", "3d")
    assert told.exit_code == 2
    assert "runs are kept for 7 days at least; 3 were asked for" in told.stderr
    dry = json.loads(called("--dry-run", "--json").stdout)
    done = json.loads(called("--json").stdout)
    assert (dry["dry_run"], done["dry_run"], done["runs"], done["kept"]) == (True, False, 1, 1)
    assert dry["events"] == done["events"] > 0
    assert "0 runs that ended before" in called().stdout
    bare.setenv("DAGSTER_HOME", str(made_home(tmp_path)))
    told = called()
    assert told.exit_code == 2
    assert "cannot be opened" in told.stderr


@pytest.mark.prove
def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path, bare: pytest.MonkeyPatch) -> None:
    """12 s: Dagster tries six times."""
    for name, value in instance_environment(Postgres(tmp_path, 9), "none", tmp_path).items():
        bare.setenv(name, value)
    bare.setenv("DAGSTER_HOME", str(made_home(tmp_path)))
    told = called()
    assert told.exit_code in (1, 2)
    assert PASSWORD not in told.output
    assert len(told.stderr.splitlines()) == 1
