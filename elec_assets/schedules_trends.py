"""When Google Trends is asked: every quarter of an hour each cadence of an election looks for what is still to ask.

First the newest block of hours, day or week, from some time after its end; then second samples, from the eighth day
on; then what is missing of the past, a few at a time and not always the same. While a run of the cadence is at work,
or Google must not be asked yet, a tick skips and says so: a refused or interrupted partition goes on as soon as it
may, and no run fails for it. Between runs the pool serves the most urgent: see `domain/trends_due.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from elec_assets import partitions
from elec_assets.assets.trends_run import trends_key
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import SOURCE, Cadence, TrendsTable
from elec_assets.domain.trends_due import Due, due_blocks, sample_due
from elec_assets.domain.windows import Window, from_epoch_ms, iso, key_of, split
from elec_assets.resources import StoreResource, TrendsResource, utc_now
from elec_assets.transforms.coverage import CoverageUnreadable

if TYPE_CHECKING:
    from elec_assets.clients.trends_archive import TrendsArchive

_PRIORITY = "dagster/priority"
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_OFF = "Google Trends may not be asked: set ELEC_TRENDS=on; the partitions stay not_run"
_AT_WORK = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def trends_schedules(election: Election, *, trends_on: bool) -> list[dg.ScheduleDefinition]:
    """One schedule for each cadence that the plan has tables for."""
    return [_schedule(election, c, trends_on=trends_on) for c in Cadence if election.trends.tables(c)]


def _schedule(election: Election, cadence: Cadence, *, trends_on: bool) -> dg.ScheduleDefinition:
    tables = election.trends.tables(cadence)
    keys = {area: [trends_key(election, area, cadence, table) for table in tables] for area in election.areas}
    selection = dg.AssetSelection.assets(*(key for named in keys.values() for key in named))
    name = f"{election.key}__{SOURCE}_{cadence}"
    job = dg.define_asset_job(f"{name}_partitions", selection=selection)
    known = TrendsRows(election, cadence)

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule="*/15 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks Google Trends for what is missing of {election.name}, {cadence}: new blocks, second "
        "samples, the past. Skips while a run of it is at work, and while Google must not be asked.",
    )
    def google_trends(
        context: dg.ScheduleEvaluationContext, store: StoreResource, trends: TrendsResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        why = None if trends_on else _OFF
        why = why or _at_work(context.instance, f"{name}_partitions")
        opened = store.open()
        why = why or _not_before(opened, trends)
        if why is not None:
            yield dg.SkipReason(why)
            return
        trends.claim(opened)  # a tick that fails says it once; else runs without end would
        recorded = Recorded(context.instance, keys)
        due = due_blocks(
            election,
            cadence,
            partitions.bounds(election),
            now,
            lambda area, block: known.open(opened, recorded, area, block, now),
        )
        if not due:
            yield dg.SkipReason(f"nothing of {election.key}, {cadence}, is left to ask now")
        for each in due:
            yield _request(each, cadence, keys[each.area], now)

    return google_trends


class Recorded:
    """Which partitions of an area's tables Dagster has recorded; each table is looked up once, and only if asked."""

    def __init__(self, instance: dg.DagsterInstance, keys: Mapping[str, list[dg.AssetKey]]) -> None:
        self._instance = instance
        self._keys = keys
        self._found: dict[dg.AssetKey, set[str]] = {}

    def all(self, area: str, wanted: set[str]) -> bool:
        """Whether every table has these partitions."""
        for key in self._keys[area]:
            if key not in self._found:
                self._found[key] = self._instance.get_materialized_partitions(key)
        return all(wanted <= self._found[key] for key in self._keys[area])

    def since(self, area: str, wanted: set[str], at: datetime) -> bool:
        """Whether every table has each of these partitions recorded at that time or later."""
        return all(self._since(key, wanted, at) for key in self._keys[area])

    def _since(self, key: dg.AssetKey, wanted: set[str], at: datetime) -> bool:
        made = dg.DagsterEventType.ASSET_MATERIALIZATION
        found = self._instance.get_latest_storage_id_by_partition(key, made, wanted)
        if wanted - found.keys():
            return False
        oldest = dg.AssetRecordsFilter(asset_key=key, storage_ids=[min(found.values())])
        records = self._instance.fetch_materializations(oldest, limit=1).records
        return bool(records) and records[0].timestamp >= at.timestamp()


class TrendsRows:
    """What is known of a cadence's blocks: which of them need no further run. Settled ones are read once a process."""

    def __init__(self, election: Election, cadence: Cadence) -> None:
        self._election = election
        self._cadence = cadence
        self._closed: set[tuple[str, Window, bool]] = set()

    def open(self, store: Store, recorded: Recorded, area: str, block: Window, now: datetime) -> bool:
        """Whether a run has something to do: to ask, or to make and record what was asked.

        What cannot be told from the store (a damaged row, a question that Google does not take) is tried once.
        """
        stage = (area, block, sample_due(block, self._cadence, now))
        if stage in self._closed:
            return False
        state = self._state(store, recorded, area, block, sample_due=stage[2])
        if state is not True:
            self._closed.add(stage)
        return state is not False

    def _state(self, store: Store, recorded: Recorded, area: str, block: Window, *, sample_due: bool) -> bool | None:
        """True: a run is needed; False: none; None: one more, whatever it finds."""
        from elec_assets.clients.trends_archive import TrendsArchive

        hours = split(block, self._cadence.grain)
        tables = self._election.trends.tables(self._cadence)
        try:
            places = [TrendsPlace(self._election.key, area, self._cadence, window) for window in hours]
            archive = TrendsArchive(store, self._election.key)
            rows = archive.coverages(places)
            if len(rows) < len(hours):
                return True
            settled = all(unit.outcome.settled for row in rows for unit in row.units if unit.table in tables)
            wanted = {key_of(window, self._cadence.grain) for window in hours}
            if settled and not sample_due:
                made = recorded.all(area, wanted)
            elif self._asks(store, area, hours[0], tables):
                return True
            else:
                made = settled and _made_of_all(archive, places[0], lambda at: recorded.since(area, wanted, at))
        except (ArchiveDamaged, CoverageUnreadable):
            return None
        return False if made else None

    def _asks(self, store: Store, area: str, window: Window, tables: tuple[TrendsTable, ...]) -> bool:
        from elec_assets.clients.trends_collector import TrendsCollector

        collector = TrendsCollector(
            election=self._election, registry_version="", store=store, backend=None, clock=utc_now
        )
        return bool(collector.wanted_requests(area, self._cadence, window, tables))


def _made_of_all(archive: "TrendsArchive", place: TrendsPlace, recorded_since: Callable[[datetime], bool]) -> bool:
    """Whether the tables of a block were recorded after its last answer.

    A run may end in between (killed, or refused by the store): its sample is stored, settled, and in no table.

    Raises:
        ArchiveDamaged: a document cannot be read.
    """
    answered = [document.fetched_at for document in archive.documents(place)]
    return not answered or recorded_since(max(answered))


def _at_work(instance: dg.DagsterInstance, job: str) -> str | None:
    """Why a tick waits: a run of before has not ended."""
    running = instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=_AT_WORK))
    return f"{running} runs of before are at work or wait for the pool" if running else None


def _not_before(store: Store, trends: TrendsResource) -> str | None:
    """Why Google must not be asked yet, and until when.

    Raises:
        GovernorUnreadable: its state cannot be read: every run would fail.
    """
    from elec_assets.clients.rate_governor import LONGEST_WAIT

    pace = trends.governor(store).look()
    slot = pace.slot(trends.limits)
    refused_until = pace.circuit_open_until_ms
    until = max(slot.at_ms, refused_until or 0)
    if until - pace.at_ms <= LONGEST_WAIT // timedelta(milliseconds=1) and refused_until is None:
        return None
    because = "it refused to answer" if refused_until is not None else f"{slot.limit} is reached"
    return f"Google Trends is not asked before {iso(from_epoch_ms(until))}: {because}"


def _request(due: Due, cadence: Cadence, keys: list[dg.AssetKey], now: datetime) -> dg.RunRequest:
    """A run of one block: its hours together, for they share what is asked."""
    windows = [key_of(window, cadence.grain) for window in split(due.block, cadence.grain)]
    span = {_RANGE_START: windows[0], _RANGE_END: windows[-1]}
    return dg.RunRequest(
        run_key=f"{due.area} {windows[0]} at {now:%Y-%m-%d-%H:%M}",
        partition_key=windows[0] if len(windows) == 1 else None,
        asset_selection=keys,
        tags={_PRIORITY: str(due.priority), **(span if len(windows) > 1 else {})},
    )
