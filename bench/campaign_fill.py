"""Templates multiplied in SQL: the rows that Dagster would hold of so many runs, with their ids, times and partitions.

`Filled` runs hold everything; of those that `elec purge` has forgotten only what it keeps is made.
"""

import io
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import dagster as dg
import sqlalchemy as sql
from dagster._core.storage.event_log import SqlEventLogStorage
from sqlalchemy.engine import Connection

from bench.campaign_rows import MOST_PARTITIONS, Template
from elec_assets.operations.purge import KEPT_EVENTS

_TABLES = ("runs", "run_tags", "event_logs", "asset_event_tags", "asset_check_executions")
# So many instances at a time: their rows lie in the tables in the order of time, as they would have come.
_AT_ONCE = 4000


@dataclass(frozen=True, slots=True)
class Instance:
    """A run to be filled in: of which template, for which election and partitions, made when (seconds since 1970).

    `whole`: with all its rows; else as `elec purge` leaves it.
    """

    template: str
    election: str
    at: float
    partitions: tuple[str, ...] = ()
    whole: bool = True


def _filled(column: str) -> str:
    """A column of a template, with the marks of `campaign_rows` replaced by what is of an instance."""
    text = f"replace(replace({column}, '@R@', i.run_id), '@E@', i.election)"
    for n in range(MOST_PARTITIONS):
        text = f"replace({text}, '@P{n}@', i.p{n})"
    return text


def _at(offset: str) -> str:
    return f"(to_timestamp(i.start + {offset}) at time zone 'UTC')"


def _timed(column: str, offset: str) -> str:
    return f"replace({_filled(column)}, '@T@', round((i.start + {offset})::numeric, 6)::text)"


def _checked(column: str, offset: str) -> str:
    return f"replace({_timed(column, offset)}, '@S@', coalesce(i.base + t.target, 0)::text)"


_KEPT = ", ".join(f"'{name}'" for name in KEPT_EVENTS)
# As `elec_assets.operations.purge` leaves it; what is newest of anything is among the runs that are whole.
_LEFT = f"(i.whole or (i.run_id <> '' and {{}}.type in ({_KEPT})))"
_FROM_TAGS = """from campaign.instances i join campaign.event_tags t using (template)
  join campaign.events e on e.template = t.template and e.seq = t.seq where i.base between :first and :last"""
_FROM = "from campaign.instances i join campaign.{} t using (template) where i.base between :first and :last"
_INSERTS = (
    f"""insert into runs (run_id, snapshot_id, pipeline_name, mode, status, run_body, partition, partition_set,
      create_timestamp, update_timestamp, start_time, end_time)
    select i.run_id, t.snapshot_id, {_filled("t.pipeline_name")}, t.mode, t.status, {_timed("t.run_body", "0")},
      {_filled("t.partition")}, {_filled("t.partition_set")}, {_at("t.created")}, {_at("t.updated")},
      i.start + t.started, i.start + t.ended {_FROM.format("runs")} and i.whole order by i.base""",
    f"""insert into run_tags (run_id, key, value) select i.run_id, t.key, {_filled("t.value")}
    {_FROM.format("tags")} and i.whole order by i.base""",
    f"""insert into event_logs (id, run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    select i.base + t.seq, i.run_id, {_checked("t.event", "t.at")}, t.type, {_at("t.at")}, {_filled("t.step_key")},
      {_filled("t.asset_key")}, {_filled("t.partition")}
    {_FROM.format("events")} and {_LEFT.format("t")} order by i.base, t.seq""",
    f"""insert into asset_event_tags (event_id, asset_key, key, value, event_timestamp)
    select i.base + t.seq, {_filled("t.asset_key")}, {_filled("t.key")}, {_filled("t.value")}, {_at("e.at")}
    {_FROM_TAGS} and {_LEFT.format("e")} order by i.base, t.seq""",
    f"""insert into asset_check_executions (asset_key, check_name, partition, run_id, execution_status,
      evaluation_event, evaluation_event_timestamp, evaluation_event_storage_id, materialization_event_storage_id,
      create_timestamp)
    select {_filled("t.asset_key")}, t.check_name, {_filled("t.partition")}, i.run_id, t.status,
      {_checked("t.event", "t.at")}, {_at("t.at")}, i.base + t.seq, i.base + t.target, {_at("t.created")}
    {_FROM.format("checks")} and (i.whole or t.status not in ('PLANNED', 'SUCCEEDED')) order by i.base, t.seq""",
)


def fill(connection: Connection, templates: Mapping[str, Template], instances: Iterable[Instance], seed: int) -> int:
    """Add the rows of all instances, oldest first, in place of the templates' own runs; how many instances there were.

    Indexes are taken down meanwhile. The templates' runs go, so that what is listed newest first is.
    """
    _forget(connection, [t.run_id for t in templates.values() if t.has_run])
    first = connection.execute(sql.text("select coalesce(max(id), 0) + 1 from event_logs")).scalar_one()
    ordered = sorted(instances, key=lambda instance: instance.at)
    bases = _instances(connection, templates, ordered, int(first), Random(seed))  # noqa: S311 - nothing secret
    # The foreign key of a run's tags holds by construction; compiling the expressions takes longer than they do.
    connection.execute(sql.text("set session_replication_role = replica"))
    connection.execute(sql.text("set jit = off"))
    for table in _TABLES:
        connection.execute(sql.text(f"alter table {table} set (autovacuum_enabled = false)"))
    indexes = _indexes_down(connection)
    for start in range(0, len(ordered), _AT_ONCE):
        span = {"first": bases[start], "last": bases[min(start + _AT_ONCE, len(ordered)) - 1]}
        for statement in _INSERTS:
            connection.execute(sql.text(statement), span)
    for index in indexes:
        connection.execute(sql.text(index))
    connection.execute(sql.text("set session_replication_role = origin"))
    connection.execute(sql.text("select setval('event_logs_id_seq', (select max(id) from event_logs))"))
    for table in _TABLES:
        connection.execute(sql.text(f"alter table {table} reset (autovacuum_enabled)"))
        connection.execute(sql.text(f"vacuum analyze {table}"))
    return len(ordered)


def _forget(connection: Connection, runs: Sequence[str]) -> None:
    given = {"runs": [*runs]}
    events = "select id from event_logs where run_id = any(:runs)"
    connection.execute(sql.text(f"delete from asset_event_tags where event_id in ({events})"), given)  # noqa: S608
    for table in ("event_logs", "asset_check_executions", "run_tags", "runs"):
        connection.execute(sql.text(f"delete from {table} where run_id = any(:runs)"), given)  # noqa: S608


def _instances(
    connection: Connection, templates: Mapping[str, Template], ordered: Sequence[Instance], base: int, draws: Random
) -> list[int]:
    """List the instances in the schema; the storage id that each one's events begin with."""
    lines, bases = io.StringIO(), []
    for instance in ordered:
        template = templates[instance.template]
        if len(instance.partitions) != template.partitions:
            raise ValueError(f"{instance}: {template.name} has {template.partitions} partitions")
        run = str(uuid.UUID(int=draws.getrandbits(128), version=4)) if template.has_run else ""
        partitions = [*instance.partitions, *[""] * (MOST_PARTITIONS - len(instance.partitions))]
        values = [base, template.number, run, instance.election, repr(instance.at), *partitions, instance.whole]
        lines.write("\t".join(str(value) for value in values) + "\n")
        bases.append(base)
        base += template.events
    lines.seek(0)
    raw: Any = connection.connection
    with raw.cursor() as cursor:
        cursor.copy_expert("copy campaign.instances from stdin", lines)
    connection.execute(sql.text("analyze campaign.instances"))
    return bases


def _indexes_down(connection: Connection) -> list[str]:
    """Drop what is an index and no constraint; the statements that make them again."""
    statement = """select indexname, indexdef from pg_indexes where schemaname = 'public' and tablename = any(:tables)
      and indexname not in (select conname from pg_constraint)"""
    found = connection.execute(sql.text(statement), {"tables": [*_TABLES]}).all()
    for name, _ in found:
        connection.execute(sql.text(f'drop index "{name}"'))
    return [str(definition) for _, definition in found]


def tell_assets(instance: dg.DagsterInstance) -> int:
    """Let Dagster note the newest event of every asset as it does when one comes; how many assets have any."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} keeps no table of assets")
    newest = """select max(id) from event_logs where asset_key is not null and dagster_event_type = '{}'
      group by asset_key order by 1"""
    with storage.index_connection() as connection:
        kinds = ("ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION")
        ids = [row[0] for kind in kinds for row in connection.execute(sql.text(newest.format(kind)))]
        found = connection.execute(sql.text("select id, event from event_logs where id = any(:ids)"), {"ids": ids})
        texts = {int(storage_id): str(event) for storage_id, event in found}
    for storage_id in ids:
        storage.store_asset_event(dg.deserialize_value(texts[storage_id], dg.EventLogEntry), storage_id)
    return len(ids)
