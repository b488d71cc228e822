"""Ticks of schedules and sensors: those that retention leaves are filled in, those that come are timed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
import sqlalchemy as sql
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.schedules import reverse_cron_string_iterator
from sqlalchemy.engine import Connection

_SKIP = "no hour is due: what was to be made is made, and nothing of it has changed since it was looked at last " * 2
_SUCCESSES_A_DAY = 24
_MULTIPLY = """insert into job_ticks (job_origin_id, selector_id, status, type, timestamp, tick_body,
    create_timestamp, update_timestamp)
  select job_origin_id, selector_id, status, type, at, replace(tick_body, :was, extract(epoch from at)::text), at, at
  from job_ticks t, (select to_timestamp(:last - n * :every) at time zone 'UTC' as at
    from generate_series(1, :count) as n) as times where t.id = :id order by at"""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of the daemon: whose, how it ended, its seconds."""

    name: str
    status: str
    seconds: float
    error: str | None = None


def fill_ticks(instance: dg.DagsterInstance, connection: Connection, now: datetime) -> int:
    """Fill in what retention leaves of every schedule's and sensor's ticks; how many there are.

    Every schedule has one tick that is due: the daemon makes it at its next start.
    """
    connection.execute(sql.text("delete from job_ticks"))
    for state in instance.all_instigator_state():
        data = state.instigator_data
        if isinstance(data, ScheduleInstigatorData):
            due, before = _last_two(str(data.cron_schedule), now)
            began = due - timedelta(seconds=30)
            instance.update_instigator_state(
                state.with_data(ScheduleInstigatorData(data.cron_schedule, began.timestamp()))
            )
            _multiply(instance, connection, state, before, due - before)
        elif isinstance(data, SensorInstigatorData) or data is None:
            every = timedelta(seconds=(data.min_interval if data else None) or 30)
            _multiply(instance, connection, state, now - every, every)
    return int(connection.execute(sql.text("select count(*) from job_ticks")).scalar_one())


def _last_two(cron: str, now: datetime) -> tuple[datetime, datetime]:
    times = reverse_cron_string_iterator(now.timestamp(), cron, "UTC")
    found = [at for at, _ in zip(times, range(3), strict=False) if at < now]
    return found[0], found[1]


def _multiply(
    instance: dg.DagsterInstance, connection: Connection, state: InstigatorState, last: datetime, every: timedelta
) -> None:
    retention = instance.get_tick_retention_settings(state.instigator_type)
    counts = {TickStatus.SKIPPED: timedelta(days=retention[TickStatus.SKIPPED]) // every}
    if state.instigator_type is InstigatorType.SCHEDULE:
        often = max(every, timedelta(days=1) / _SUCCESSES_A_DAY)
        counts[TickStatus.SUCCESS] = timedelta(days=retention[TickStatus.SUCCESS]) // often
    for status, count in counts.items():
        made = _tick(state, status, last)
        tick = instance.create_tick(made)
        step = every if status is TickStatus.SKIPPED else timedelta(days=retention[status]) / max(1, count)
        given = {"was": repr(made.timestamp), "last": made.timestamp, "every": step.total_seconds()}
        connection.execute(sql.text(_MULTIPLY), {**given, "count": count - 1, "id": tick.tick_id})


def _tick(state: InstigatorState, status: TickStatus, at: datetime) -> TickData:
    made = status is TickStatus.SUCCESS
    return TickData(
        instigator_origin_id=state.instigator_origin_id,
        instigator_name=state.instigator_name,
        instigator_type=state.instigator_type,
        status=status,
        timestamp=at.timestamp(),
        end_timestamp=at.timestamp(),
        selector_id=state.selector_id,
        run_ids=["0" * 36, "1" * 36] if made else [],
        run_keys=["2027-02-01-13:00 at 2027-02-01-14", "2027-01-31-13:00 at 2027-02-01-14"] if made else [],
        skip_reason=None if made else _SKIP,
    )


def newest_tick(connection: Connection) -> int:
    """Id of the newest tick there is."""
    return int(connection.execute(sql.text("select coalesce(max(id), 0) from job_ticks")).scalar_one())


def ticks_since(connection: Connection, tick_id: int) -> list[Tick]:
    """The ticks that ended after another."""
    # The time in a schedule's tick is when it was due, not when it began: its row is made then.
    statement = """select status, tick_body, extract(epoch from create_timestamp::timestamptz)::float8 from job_ticks
      where id > :id and status <> 'STARTED' order by id"""
    found = connection.execute(sql.text(statement), {"id": tick_id}).all()
    return [tick for status, body, began in found for tick in _read(str(status), float(began), json.loads(body))]


def _read(status: str, began: float, body: dict[str, object]) -> Iterator[Tick]:
    ended, error = body.get("end_timestamp"), body.get("error")
    if isinstance(ended, float | int):
        said = str(error.get("message")) if isinstance(error, dict) else None
        yield Tick(str(body["job_name"]), status, ended - began, said)


def longest(ticks: Sequence[Tick]) -> dict[str, Tick]:
    """The longest tick of each schedule and sensor."""
    found: dict[str, Tick] = {}
    for tick in ticks:
        if tick.name not in found or tick.seconds > found[tick.name].seconds:
            found[tick.name] = tick
    return found
