"""`elec purge`: forget old runs of Dagster, and keep what they materialized.

Dagster keeps every run and every event for good, and its own `dagster run delete` takes materializations along: the
partitions of the run would be missing. Of a run that ended long ago this deletes the run, its tags, its printed lines
and its events, except those that say what was made: materializations and observations.

Of what is as old and was replaced by something newer it deletes the results of checks that passed, which Dagster keeps
in a table of their own, and the events that no run made: those of sensors about what others make (live capture alone
makes 105,000 a year and election), and changes of freshness. The newest of each asset and check stays, however old.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks
from dagster._core.storage.event_log.schema import AssetEventTagsTable as EventTags
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as EventLogs
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster_aws.s3 import S3ComputeLogManager

from elec_assets.domain.windows import iso
from elec_assets.operations.report import DONE

KEPT_EVENTS = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION")
LEAST_AGE = timedelta(days=7)
"""A backfill looks its own runs up while it goes on, and so does whoever asks what happened last night."""
_REPLACED_EVENTS = (*KEPT_EVENTS, "FRESHNESS_STATE_CHANGE")
_PLANNED = AssetCheckExecutionRecordStatus.PLANNED.value
_PASSED = AssetCheckExecutionRecordStatus.SUCCEEDED.value
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
# Runs whose events are deleted in one transaction: some 20 events each.
_AT_ONCE = 200


class PurgeRefused(ValueError):
    """The instance or the age cannot be purged by; the text says why."""


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What was deleted, or would be: runs that ended before a time, and their events but for `kept` ones.

    `replaced` are results of checks and events without a run of which there are newer ones. SQLite's files of events,
    one a run, are deleted whole: of it `events` counts only those of the index.
    """

    before: datetime
    runs: int
    events: int
    kept: int
    dry_run: bool
    replaced: int = 0

    @property
    def exit_code(self) -> int:
        """Always 0: what cannot be done raises."""
        return DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "before": iso(self.before),
            "runs": self.runs,
            "events": self.events,
            "kept": self.kept,
            "replaced": self.replaced,
            "dry_run": self.dry_run,
        }

    def lines(self) -> list[str]:
        """For a person."""
        verb = "would be deleted" if self.dry_run else "deleted"
        return [
            f"{self.runs:,} runs that ended before {iso(self.before)}: {self.events:,} events {verb}, "
            f"{self.kept:,} materializations and observations kept.",
            f"{self.replaced:,} results of checks and events without a run that newer ones replaced {verb}.",
        ]


def purge(instance: DagsterInstance, now: datetime, *, older_than: timedelta, dry_run: bool = False) -> PurgeReport:
    """Forget the runs that ended longer ago than `older_than`. Stopped at any point, the next call goes on.

    Raises:
        PurgeRefused: `older_than` is below a week, or the instance keeps its records elsewhere than in SQL.
    """
    if older_than < LEAST_AGE:
        raise PurgeRefused(f"runs are kept for {LEAST_AGE.days} days at least; {older_than.days} were asked for")
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise PurgeRefused(f"this instance keeps its events in {type(storage).__name__}; Postgres or SQLite is needed")
    before = now - older_than
    ended = _ended_before(instance, before)
    events = kept = 0
    for some in _batches(ended):
        deleted, left = _events(storage, some, dry_run=dry_run)
        events, kept = events + deleted, kept + left
        if not dry_run:
            _forget(instance, storage, some)
    replaced = _replaced(storage, before, dry_run=dry_run)
    return PurgeReport(before, len(ended), events, kept, dry_run, replaced)


def _ended_before(instance: DagsterInstance, before: datetime) -> list[str]:
    found: list[str] = []
    wanted = RunsFilter(statuses=_ENDED, updated_before=before)
    while records := instance.get_run_records(wanted, limit=1000, cursor=found[-1] if found else None):
        found += [record.dagster_run.run_id for record in records]
    return found


def _batches(runs: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(runs), _AT_ONCE):
        yield runs[start : start + _AT_ONCE]


def _events(storage: SqlEventLogStorage, runs: Sequence[str], *, dry_run: bool) -> tuple[int, int]:
    """How many events of the runs go and stay; those that go are deleted, unless it is a dry run."""
    of_runs = EventLogs.c.run_id.in_(runs)
    kept = EventLogs.c.dagster_event_type.in_(KEPT_EVENTS)
    # Lines of a run's own logger have no type.
    goes = sql.and_(of_runs, sql.or_(EventLogs.c.dagster_event_type.is_(None), ~kept))
    count = sql.select(sql.func.count()).select_from(EventLogs)
    with storage.index_connection() as connection:
        going = connection.execute(count.where(goes)).scalar_one()
        staying = connection.execute(count.where(of_runs, kept)).scalar_one()
        if not dry_run:
            connection.execute(EventLogs.delete().where(goes))
            # Checks that were planned and not made, and beside each of a partitioned asset a second row (1.13.27).
            connection.execute(Checks.delete().where(Checks.c.run_id.in_(runs), Checks.c.execution_status == _PLANNED))
    return going, staying


def _forget(instance: DagsterInstance, storage: SqlEventLogStorage, runs: Sequence[str]) -> None:
    """The rest of a run, its own row last: until then the next purge finds it again."""
    logs = instance.compute_log_manager
    # What is in a bucket expires there by its lifecycle rule: see deploy/cloudformation.yaml.
    files = logs.local_manager if isinstance(logs, S3ComputeLogManager) else logs
    for run in runs:
        if isinstance(files, LocalComputeLogManager):
            files.delete_logs(prefix=[run])
        if isinstance(storage, SqliteEventLogStorage):
            # SQLite has a file of events for each run, and those of assets a second time in its index.
            Path(storage.path_for_shard(run)).unlink(missing_ok=True)
        instance.run_storage.delete_run(run)


def _replaced(storage: SqlEventLogStorage, before: datetime, *, dry_run: bool) -> int:
    """How many results of checks, and events without a run, are older and have newer ones; they are deleted."""
    # The storage writes UTC without offset.
    old = before.astimezone(UTC).replace(tzinfo=None)
    newest_results = (
        sql.select(sql.func.max(Checks.c.id))
        .where(Checks.c.execution_status != _PLANNED)
        .group_by(Checks.c.asset_key, Checks.c.check_name)
    )
    passed = sql.and_(
        Checks.c.execution_status == _PASSED,
        Checks.c.evaluation_event_timestamp < old,
        Checks.c.id.not_in(newest_results),
    )
    of_assets = sql.and_(
        EventLogs.c.run_id == RUNLESS_RUN_ID,
        EventLogs.c.dagster_event_type.in_(_REPLACED_EVENTS),
        # One of a partition says that the partition is there.
        EventLogs.c.partition.is_(None),
    )
    newest_events = (
        sql.select(sql.func.max(EventLogs.c.id))
        .where(of_assets)
        .group_by(EventLogs.c.asset_key, EventLogs.c.dagster_event_type)
    )
    told = sql.and_(of_assets, EventLogs.c.timestamp < old, EventLogs.c.id.not_in(newest_events))
    with storage.index_connection() as connection:
        count = sql.select(sql.func.count())
        replaced = connection.execute(count.select_from(Checks).where(passed)).scalar_one()
        replaced += connection.execute(count.select_from(EventLogs).where(told)).scalar_one()
        if not dry_run:
            connection.execute(Checks.delete().where(passed))
            connection.execute(
                EventTags.delete().where(EventTags.c.event_id.in_(sql.select(EventLogs.c.id).where(told)))
            )
            connection.execute(EventLogs.delete().where(told))
    return replaced
