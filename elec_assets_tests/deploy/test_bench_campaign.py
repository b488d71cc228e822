"""The benchmark of a campaign: what it multiplies is what Dagster would have recorded, and what it purges."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sql
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from sqlalchemy.engine import Connection

from bench.campaign_fill import Instance, fill, tell_assets
from bench.campaign_rows import Real, engine, marker, read
from elec_assets.operations.purge import purge
from elec_assets_tests.deploy.conftest import instance_environment, made_home
from elec_assets_tests.deploy.postgres import PASSWORD, USER, Postgres

FIRST, SECOND = "campaign_a_2027", "campaign_b_2027"
START = datetime(2026, 11, 2, tzinfo=UTC)
HOURS = dg.HourlyPartitionsDefinition("2026-11-02-00:00")
PARTITIONS = [f"2026-11-{2 + n // 24:02}-{n % 24:02}:00" for n in range(48)]
REAL, PEER, BROKEN = "2026-11-10-05:00", "2026-11-10-06:00", "2026-11-10-07:00"
MISSING, FAILED = PARTITIONS[30], PARTITIONS[40]
NOW = START + timedelta(days=15, hours=12)
VERSION = {"dagster/data_version": "0123456789abcdef"}
TABLES = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions")


@dg.multi_asset(
    name=f"{FIRST}__tweets",
    specs=[dg.AssetSpec([FIRST, "tweets"], skippable=True)],
    check_specs=[dg.AssetCheckSpec("whole", asset=[FIRST, "tweets"])],
    partitions_def=HOURS,
)
def tweets(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult]:
    context.log.info(f"{context.partition_key} is sealed")
    if context.partition_key == BROKEN:
        raise dg.Failure("as asked")
    yield dg.AssetMaterialization(
        [FIRST, "tweets"], partition=context.partition_key, metadata={"rows": 7}, tags=VERSION
    )
    yield dg.AssetCheckResult(passed=True, metadata={"partitions": [context.partition_key]})


@contextmanager
def opened(server: Postgres, database: str, folder: Path) -> Iterator[tuple[dg.DagsterInstance, Connection]]:
    url = f"postgresql+psycopg2://{USER}:{PASSWORD}@127.0.0.1:{server.port}/{database}"
    with pytest.MonkeyPatch.context() as m:
        for name, value in instance_environment(server, database, folder / "logs").items():
            m.setenv(name, value)
        made = engine(url)
        with dg.DagsterInstance.from_config(str(made_home(folder))) as instance, made.connect() as connection:
            yield instance, connection
        made.dispose()


@pytest.fixture(scope="module")
def real(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A database, `campaign_real`, in which three hours were really made: the run of each."""
    with opened(postgres, postgres.new("campaign_real"), tmp_path_factory.mktemp("real")) as (instance, _):
        return {
            hour: dg.materialize([tweets], instance=instance, partition_key=hour, raise_on_error=False).run_id
            for hour in (REAL, PEER, BROKEN)
        }


def instances(whole_from: float) -> list[Instance]:
    found = []
    for election in (FIRST, SECOND):
        for n, hour in enumerate(PARTITIONS):
            template = "hour_failed" if hour == FAILED else "hour"
            at = (START + timedelta(hours=n + 1, minutes=7)).timestamp()
            if hour != MISSING:
                found.append(Instance(template, election, at, (hour,), whole=at >= whole_from))
    return found


def filled(connection: Connection, real: dict[str, str], whole_from: float = 0.0) -> None:
    made = [Real("hour", FIRST, (REAL,), real[REAL]), Real("hour_failed", FIRST, (BROKEN,), real[BROKEN])]
    fill(connection, read(connection, made), instances(whole_from), seed=7)


def rows(connection: Connection, run: str, election: str, partition: str) -> dict[str, list[str]]:
    """All that is recorded of a run, but for its numbers."""
    marked = marker(Real("", election, (partition,), run))
    found = {}
    for table in TABLES:
        of_run: sql.ColumnElement[bool] = sql.column("run_id") == run
        if table == "asset_event_tags":
            events: sql.Select[Any] = sql.select(sql.column("id")).select_from(sql.table("event_logs")).where(of_run)
            of_run = sql.column("event_id").in_(events)
        every = sql.select(sql.text("*")).select_from(sql.table(table)).where(of_run).order_by(sql.column("id"))
        told = [
            {name: marked(value) if isinstance(value, str) else type(value).__name__ for name, value in row.items()}
            for row in connection.execute(every).mappings()
        ]
        # Of what a run printed the file has a name by lot.
        found[table] = sorted(re.sub(r'"log_key": "\w+"|\d+(\.\d+)?(ms|s)?', "0", str(row)) for row in told)
    return found


def contents(connection: Connection) -> dict[str, set[str]]:
    """The rows of all tables, without ids of their own: tags and checks tell those of events."""
    row = sql.text("(to_jsonb(t) - 'id')::text")
    tables = {name: sql.table(name).alias("t") for name in TABLES}
    return {name: set(connection.execute(sql.select(row).select_from(t)).scalars()) for name, t in tables.items()}


def test_multiplied_runs_are_recorded_as_real_ones(postgres: Postgres, real: dict[str, str], tmp_path: Path) -> None:
    postgres.ask("create database campaign_copied template campaign_real")
    with opened(postgres, "campaign_copied", tmp_path) as (instance, connection):
        peer = rows(connection, real[PEER], FIRST, PEER)
        filled(connection, real)
        assert tell_assets(instance) == 4
        assert instance.get_run_by_id(real[REAL]) is None, "the templates' own runs are gone"
        [copied] = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": PARTITIONS[5]}), limit=1)
        assert copied.status is dg.DagsterRunStatus.SUCCESS
        assert all(peer.values())
        same = rows(connection, copied.run_id, SECOND, PARTITIONS[5])
        for table in TABLES:
            assert same[table] == peer[table], table
        logged = instance.all_logs(copied.run_id)
        assert len(logged) == len(peer["event_logs"])
        made = START + timedelta(hours=6, minutes=7)
        assert all(0 <= entry.timestamp - made.timestamp() < 60 for entry in logged)


@pytest.mark.parametrize("election", [FIRST, SECOND])
def test_dagster_shows_two_days_as_they_were_filled_in(
    postgres: Postgres, real: dict[str, str], tmp_path: Path, election: str
) -> None:
    database = f"shown_{election}"
    postgres.ask(f"create database {database} template campaign_real")
    with opened(postgres, database, tmp_path) as (instance, connection):
        filled(connection, real)
        tell_assets(instance)
        key = dg.AssetKey([election, "tweets"])
        made = set(PARTITIONS) - {MISSING, FAILED}
        extra = {PEER} if election == FIRST else set()
        assert instance.get_materialized_partitions(key) == made | extra
        status = get_and_update_asset_status_cache_value(instance, key, HOURS)
        assert status is not None
        assert set(status.deserialize_materialized_partition_subsets(HOURS).get_partition_keys()) == made | extra
        assert set(status.deserialize_failed_partition_subsets(HOURS).get_partition_keys()) == {FAILED}
        [newest] = instance.fetch_materializations(key, limit=1).records
        assert newest.partition_key == PARTITIONS[-1]
        [record] = instance.get_asset_records([key])
        assert record.asset_entry.last_materialization_storage_id == newest.storage_id
        [check] = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, "whole"), limit=1)
        assert check.status.value == "SUCCEEDED"
        assert check.event is not None
        told = check.event.get_dagster_event().asset_check_evaluation_data
        assert told.target_materialization_data is not None
        assert told.target_materialization_data.storage_id == newest.storage_id


def test_runs_of_before_are_filled_in_as_a_purge_leaves_them(
    postgres: Postgres, real: dict[str, str], tmp_path: Path
) -> None:
    left = {}
    keep = timedelta(days=14)
    for name, whole_from in (("purged", 0.0), ("filled", (NOW - keep).timestamp())):
        postgres.ask(f"create database campaign_{name} template campaign_real")
        with opened(postgres, f"campaign_{name}", tmp_path) as (instance, connection):
            filled(connection, real, whole_from)
            if name == "purged":
                # Hours 0 to 34 of each election but for the missing one.
                assert purge(instance, NOW, older_than=keep).runs == 2 * 34
            left[name] = contents(connection)
    assert all(left["purged"].values())
    assert left["purged"] == left["filled"]
