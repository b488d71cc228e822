"""Rows of real runs as templates: what differs from run to run stands as a mark, in tables of a schema of their own.

Marks: `@R@` the run's id, `@E@` the election, `@T@` a time in seconds, `@P0@`, `@P1@`, ... its partitions in order,
`@S@` the storage id of the materialization that a check looked at. The schema holds nothing of Dagster's; it is left
out where sizes are told.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Connection, Engine

MOST_PARTITIONS = 4
"""Of one run: the hours of a block of Google Trends."""
# Seconds since 1970 with a fraction, from 2017 on, as Dagster writes them into its JSON.
_TIME = re.compile(r"(?<![\d.\w])1[5-9]\d{8}\.\d+")
_STORAGE_ID = re.compile(r'("storage_id": )(\d+)')
_TABLES = """
drop schema if exists campaign cascade;
create schema campaign;
create table campaign.runs (template int, snapshot_id text, pipeline_name text, mode text, status text, run_body text,
  partition text, partition_set text, created float8, updated float8, started float8, ended float8);
create table campaign.tags (template int, key text, value text);
create table campaign.events (template int, seq int, event text, type text, at float8, step_key text, asset_key text,
  partition text, target int);
create table campaign.event_tags (template int, seq int, asset_key text, key text, value text);
create table campaign.checks (template int, asset_key text, check_name text, partition text, status text, event text,
  at float8, seq int, target int, created float8);
create table campaign.instances (base bigint primary key, template int, run_id text, election text, start float8,
  p0 text, p1 text, p2 text, p3 text, whole bool)
"""
_RUN = """select *, extract(epoch from create_timestamp)::float8 as created,
  extract(epoch from update_timestamp)::float8 as updated from runs where run_id = :run_id"""
_EVENTS = """select id, event, dagster_event_type as type, extract(epoch from timestamp)::float8 as at, step_key,
  asset_key, partition from event_logs where {} order by id"""
_EVENT_TAGS = "select event_id, asset_key, key, value from asset_event_tags where event_id = any(:ids) order by id"
_CHECKS = """select asset_key, check_name, partition, execution_status as status, evaluation_event as event,
  extract(epoch from evaluation_event_timestamp)::float8 as at, evaluation_event_storage_id as seq,
  materialization_event_storage_id as target, extract(epoch from create_timestamp)::float8 as created
  from asset_check_executions where run_id = :run_id order by id"""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Real:
    """A run that was made, or events without one, by their ids: what a template is made of."""

    name: str
    election: str
    partitions: tuple[str, ...] = ()
    run_id: str = ""
    event_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """Where one is found in the schema, and how many events it has; without a run where `has_run` is false."""

    name: str
    number: int
    events: int
    partitions: int
    has_run: bool
    run_id: str = field(default="", repr=False)


def engine(url: str) -> Engine:
    """Connections to a database; each statement is its own transaction."""
    return sql.create_engine(url, isolation_level="AUTOCOMMIT")


def read(connection: Connection, made: Iterable[Real]) -> dict[str, Template]:
    """Make the schema, and templates of real runs in it.

    Raises:
        ValueError: a run is not there, has more partitions than a template may have, or two have one name.
    """
    for statement in _TABLES.split(";"):
        connection.execute(sql.text(statement))
    found: dict[str, Template] = {}
    for number, each in enumerate(made):
        if each.name in found or len(each.partitions) > MOST_PARTITIONS:
            raise ValueError(f"{each.name}: of {len(each.partitions)} partitions, or there already")
        found[each.name] = _read(connection, number, each)
    return found


def _read(connection: Connection, number: int, real: Real) -> Template:
    where, given = ("run_id = :run_id", {"run_id": real.run_id})
    if not real.run_id:
        where, given = ("id = any(:ids)", {"ids": [*real.event_ids]})  # type: ignore[dict-item]  # either parameter
    events = _rows(connection, _EVENTS.format(where), given)
    if not events:
        raise ValueError(f"{real.name}: no events of {real.run_id or real.event_ids}")
    marked = marker(real)
    seqs = {row["id"]: seq for seq, row in enumerate(events)}
    began = float(events[0]["at"])
    runs = _rows(connection, _RUN, given) if real.run_id else []
    for run in runs:
        began = float(run["created"])
        _add(connection, "runs", [_run(run, number, began, marked)])
        tags = _rows(connection, "select key, value from run_tags where run_id = :run_id order by id", given)
        _add(connection, "tags", [{"template": number, "key": t["key"], "value": marked(t["value"])} for t in tags])
        checks = _rows(connection, _CHECKS, given)
        _add(connection, "checks", [_check(row, number, began, marked, seqs) for row in checks])
    _add(connection, "events", [_event(row, number, began, marked, seqs) for row in events])
    tags = _rows(connection, _EVENT_TAGS, {"ids": [*seqs]})
    _add(connection, "event_tags", [_event_tag(row, number, marked, seqs) for row in tags])
    return Template(real.name, number, len(events), len(real.partitions), bool(real.run_id), real.run_id)


def marker(real: Real) -> Callable[[str | None], str | None]:
    """What puts marks into a text of a run."""

    def marked(text: str | None) -> str | None:
        if text is None:
            return None
        text = text.replace(real.run_id, "@R@") if real.run_id else text
        text = text.replace(real.election, "@E@")
        for n, partition in enumerate(real.partitions):
            text = text.replace(partition, f"@P{n}@")
        return _TIME.sub("@T@", text)

    return marked


_Marked = Callable[[str | None], str | None]


def _run(row: Row, number: int, began: float, marked: _Marked) -> Row:
    same = {name: row[name] for name in ("snapshot_id", "mode", "status")}
    texts = {name: marked(row[name]) for name in ("pipeline_name", "run_body", "partition", "partition_set")}
    times = {"created": row["created"], "updated": row["updated"]}
    times |= {"started": row["start_time"], "ended": row["end_time"]}
    return {**same, **texts, **{n: t and float(t) - began for n, t in times.items()}, "template": number}


def _event(row: Row, number: int, began: float, marked: _Marked, seqs: Mapping[int, int]) -> Row:
    text, target = _target(str(row["event"]), seqs)
    texts = {name: marked(row[name]) for name in ("step_key", "asset_key", "partition")}
    at = float(row["at"]) - began
    seq = seqs[row["id"]]
    whole = {"template": number, "seq": seq, "event": marked(text), "type": row["type"], "at": at, "target": target}
    return {**texts, **whole}


def _check(row: Row, number: int, began: float, marked: _Marked, seqs: Mapping[int, int]) -> Row:
    text, target = (None, None) if row["event"] is None else _target(str(row["event"]), seqs)
    texts = {name: marked(row[name]) for name in ("asset_key", "partition")}
    ids = {"seq": seqs.get(row["seq"]), "target": seqs.get(row["target"], target)}
    times = {name: row[name] and float(row[name]) - began for name in ("at", "created")}
    same = {"check_name": row["check_name"], "status": row["status"], "template": number}
    return {**texts, **ids, **times, **same, "event": marked(text)}


def _event_tag(row: Row, number: int, marked: _Marked, seqs: Mapping[int, int]) -> Row:
    texts = {name: marked(row[name]) for name in ("asset_key", "key", "value")}
    return {**texts, "template": number, "seq": seqs[row["event_id"]]}


def _target(text: str, seqs: Mapping[int, int]) -> tuple[str, int | None]:
    """An event with a mark in place of the storage id of an event of its own run, and which of them that is."""
    named = [int(match[2]) for match in _STORAGE_ID.finditer(text)]
    own = [storage_id for storage_id in named if storage_id in seqs]
    if len(set(own)) != 1:
        return text, None
    return _STORAGE_ID.sub(lambda m: f"{m[1]}@S@" if int(m[2]) == own[0] else m[0], text), seqs[own[0]]


def _rows(connection: Connection, statement: str, given: Mapping[str, object]) -> list[Row]:
    return [dict(row) for row in connection.execute(sql.text(statement), dict(given)).mappings()]


def _add(connection: Connection, table: str, rows: Sequence[Row]) -> None:
    if rows:
        names = [*rows[0]]
        values = ", ".join(f":{name}" for name in names)
        statement = f"insert into campaign.{table} ({', '.join(names)}) values ({values})"  # noqa: S608 - our own names
        connection.execute(sql.text(statement), rows)
