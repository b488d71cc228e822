"""What Dagster's instance knows, as alerts need it: freshness, materialized partitions, failed runs, failed checks.

Read in batches: a look is made every 30 s. What Dagster 1.13.27 does not document is used here and nowhere else
(freshness records, latest check records, the tags of retries, ids of events); `test_dagster_state.py` would notice a
change.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import AssetCheckSeverity, DagsterEventType, DagsterRunStatus, RunsFilter
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from elec_assets.domain.windows import Grain, Window, key_of
from elec_assets.transforms.alert_facts import CheckFailed, RunsFailed

RUNS_COUNT = timedelta(days=2)
"""How long a failed run counts that no later run has made good."""
_MOST_RUNS = 500
_PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_WILL_RETRY = "dagster/will_retry"


@dataclass(frozen=True, slots=True)
class AssetState:
    """An asset: its last materialization (storage id and UTC time; None: never), and its freshness state since when."""

    made_id: int | None = None
    made_at: datetime | None = None
    freshness: str | None = None
    freshness_since: datetime | None = None


def fail_window(policy: dg.FreshnessPolicy) -> timedelta:
    """After how long without a materialization a policy fails; zero for one that goes by cron."""
    return policy.fail_window.to_timedelta() if isinstance(policy, TimeWindowFreshnessPolicy) else timedelta(0)


def asset_states(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> dict[dg.AssetKey, AssetState]:
    """The state of each asset, by two queries."""
    if not keys:
        return {}
    fresh = instance.get_freshness_state_records(list(keys))
    entries = {record.asset_entry.asset_key: record.asset_entry for record in instance.get_asset_records(list(keys))}
    states = {}
    for key in keys:
        entry, record = entries.get(key), fresh.get(key)
        made = None if entry is None else entry.last_materialization
        states[key] = AssetState(
            made_id=None if entry is None else entry.last_materialization_storage_id,
            made_at=None if made is None else datetime.fromtimestamp(made.timestamp, UTC),
            freshness=None if record is None else record.freshness_state.value,
            freshness_since=None if record is None else record.updated_at.astimezone(UTC),
        )
    return states


class Materialized:
    """Which partitions of an asset are materialized. What is known is asked again only when the asset was made anew."""

    def __init__(self) -> None:
        self._known: dict[dg.AssetKey, tuple[int | None, set[str]]] = {}
        self._first: dict[dg.AssetKey, datetime] = {}

    def first_at(self, instance: dg.DagsterInstance, key: dg.AssetKey) -> datetime | None:
        """When an asset was made for the first time, any partition of it; None: never."""
        if key not in self._first:
            for record in instance.fetch_materializations(key, limit=1, ascending=True).records:
                self._first[key] = datetime.fromtimestamp(record.timestamp, UTC)
        return self._first.get(key)

    def stored(
        self, instance: dg.DagsterInstance, key: dg.AssetKey, made_id: int | None, grain: Grain, reach: int
    ) -> Callable[[Window], bool]:
        """What says of a partition whether it is there; it is asked for the newest first, `reach` partitions back."""
        if self._known.get(key, (None, set()))[0] != made_id or made_id is None:
            self._known[key] = made_id, set()
        known = self._known[key][1]
        missing: set[str] = set()

        def is_stored(partition: Window) -> bool:
            name = key_of(partition, grain)
            if made_id is None or name in missing:
                return False
            if name not in known:
                # One alone is asked for as long as all is well; once one is missing, all that may be.
                wanted = {name} if not missing else _back(partition, grain, reach)
                found = instance.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION, wanted)
                known.update(found)
                missing.update(wanted - set(found))
            return name in known

        return is_stored


def _back(partition: Window, grain: Grain, reach: int) -> set[str]:
    steps = (grain.length * back for back in range(reach))
    return {key_of(Window(partition.start - step, partition.end - step), grain) for step in steps}


def failed_runs(
    instance: dg.DagsterInstance, now: datetime, assets_of: Callable[[str], Collection[dg.AssetKey]]
) -> list[RunsFailed]:
    """Runs of the last two days that failed for good, by what they were to make.

    A run that is retried is not among them, nor one that a later run has made good. `assets_of` gives the assets of a
    job.
    """
    failed = instance.get_run_records(
        RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=now - RUNS_COUNT), limit=_MOST_RUNS
    )
    newest: dict[tuple[frozenset[dg.AssetKey], tuple[tuple[str, str], ...]], dg.RunRecord] = {}
    for record in failed:  # newest first
        run = record.dagster_run
        if run.tags.get(_WILL_RETRY) != "true":
            newest.setdefault((_assets(run, assets_of), _partitions(run)), record)
    units: dict[str, list[RunsFailed]] = {}
    for (assets, partitions), record in newest.items():
        if not _made_good(instance, record, assets, partitions, assets_of):
            run = record.dagster_run
            at = record.update_timestamp if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)
            name = _name(assets) or run.job_name
            forget_at = record.update_timestamp.astimezone(UTC) + RUNS_COUNT
            units.setdefault(name, []).append(RunsFailed(name, 1, _span(partitions), at.astimezone(UTC), forget_at))
    return [_together(each) for _, each in sorted(units.items())]


def _together(runs: Sequence[RunsFailed]) -> RunsFailed:
    newest = max(runs, key=lambda run: run.since)
    since, forget_at = min(run.since for run in runs), min(run.forget_at for run in runs)
    return RunsFailed(newest.name, len(runs), newest.partition, since, forget_at)


def _made_good(
    instance: dg.DagsterInstance,
    record: dg.RunRecord,
    assets: frozenset[dg.AssetKey],
    partitions: tuple[tuple[str, str], ...],
    assets_of: Callable[[str], Collection[dg.AssetKey]],
) -> bool:
    """Whether all of its assets were made after it, or later runs for them succeeded: of its partitions, if any.

    A run may succeed and make nothing, where it finds that nothing has changed: a release that was published by hand.
    """
    own = record.dagster_run.job_name
    if not assets:
        return bool(_later(instance, record, own, partitions))
    made = set() if partitions else _made_since(instance, record, assets)
    # Its own job first: of all that ran since, the newest alone are read.
    for job in (None,) if partitions else (own, None):
        if assets <= made:
            break
        made |= {key for run in _later(instance, record, job, partitions) for key in _assets(run, assets_of)}
    return assets <= made


def _made_since(instance: dg.DagsterInstance, record: dg.RunRecord, assets: frozenset[dg.AssetKey]) -> set[dg.AssetKey]:
    ended = record.end_time or record.update_timestamp.timestamp()
    made = instance.get_latest_materialization_events(list(assets))  # no entry for what was never made
    return {key for key in assets if (entry := made.get(key)) is not None and entry.timestamp > ended}


def _later(
    instance: dg.DagsterInstance, record: dg.RunRecord, job: str | None, partitions: tuple[tuple[str, str], ...]
) -> Sequence[dg.DagsterRun]:
    """The newest successful runs that were made after it, of one job, or of any."""
    succeeded = RunsFilter(
        tags=dict(partitions),
        job_name=job,
        statuses=[DagsterRunStatus.SUCCESS],
        created_after=record.create_timestamp,
    )
    return instance.get_runs(succeeded, limit=_MOST_RUNS)


def _assets(run: dg.DagsterRun, assets_of: Callable[[str], Collection[dg.AssetKey]]) -> frozenset[dg.AssetKey]:
    return frozenset(run.asset_selection or ()) or frozenset(assets_of(run.job_name))


def _partitions(run: dg.DagsterRun) -> tuple[tuple[str, str], ...]:
    return tuple((tag, run.tags[tag]) for tag in _PARTITION_TAGS if tag in run.tags)


def _span(partitions: tuple[tuple[str, str], ...]) -> str:
    return " to ".join(value for _, value in partitions[-2:])


def _name(assets: Iterable[dg.AssetKey]) -> str:
    """One asset by its key, several by what their keys begin with; empty where they share nothing."""
    paths = [key.path for key in assets]
    if not paths:
        return ""
    shared = 0
    while all(len(path) > shared and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return "/".join(paths[0][:shared])


class Checks:
    """The newest results of asset checks, read again when Dagster has recorded anything. `blocking` tells of each."""

    def __init__(self, blocking: Mapping[dg.AssetCheckKey, bool]) -> None:
        self._blocking = blocking
        self._failed: dict[dg.AssetCheckKey, CheckFailed] = {}
        self._read_to: int | None = None

    def failed(self, instance: dg.DagsterInstance) -> list[CheckFailed]:
        """The checks whose newest result is a failure of severity ERROR."""
        storage = instance.event_log_storage
        # Before the results are read: what comes between is read twice, not never.
        last = storage.get_maximum_record_id() or 0
        if last != self._read_to and self._blocking:
            for key, record in storage.get_latest_asset_check_execution_by_key(list(self._blocking)).items():
                if record.status is AssetCheckExecutionRecordStatus.PLANNED:
                    # Being looked at: the result before holds until there is one.
                    self._take_last(instance, key)
                else:
                    self._take(key, record)
            self._read_to = last
        return [failed for _, failed in sorted(self._failed.items(), key=lambda item: str(item[0]))]

    def _take_last(self, instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> None:
        if self._read_to is None:
            done = instance.event_log_storage.get_asset_check_execution_history(
                key, limit=1, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
            )
            for record in done:
                self._take(key, record)

    def _take(self, key: dg.AssetCheckKey, record: AssetCheckExecutionRecord) -> None:
        event = None if record.event is None else record.event.dagster_event
        result = None if event is None else event.asset_check_evaluation_data
        if result is None or result.passed or result.severity is not AssetCheckSeverity.ERROR:
            self._failed.pop(key, None)
        elif key in self._blocking:
            at = datetime.fromtimestamp(record.create_timestamp, UTC)
            since = self._failed[key].since if key in self._failed else at
            self._failed[key] = CheckFailed(key.asset_key.to_user_string(), key.name, self._blocking[key], since)
