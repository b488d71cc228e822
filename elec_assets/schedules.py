"""When it runs: hours are sealed at 7 minutes past, once more the next day; weeks are built on Tuesday 02:00 UTC.

Both look back: an hour that no run sealed, whose coverage row says that time of it is still missing, or for which
batches or late posts came since, is sealed again for a week; a week is rebuilt, at most once a day, while its hours
change. Without credentials or budget only hours with new batches are sealed, which costs nothing; the others stay
`not_run`, and no run fails.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.assets.trends_run import trends_key
from elec_assets.clients.search_fill import page_usd
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.x_api import RECENT_REACH
from elec_assets.domain import calendar
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import SOURCE, Cadence
from elec_assets.domain.windows import (
    DAY,
    HOUR,
    HOUR_MS,
    WEEK,
    Grain,
    Window,
    epoch_ms,
    floor,
    key_of,
    split,
    window_at,
)
from elec_assets.resources import SEARCH_POOL, StoreResource, XSearchResource
from elec_assets.transforms.capture_coverage import CaptureObjects
from elec_assets.transforms.coverage import CoverageUnreadable, HourCoverage

# An hour is sealed again a day later: it asks for what X could not answer at first, and takes in late raw objects.
SECOND_SEAL = DAY
# How far back hours with missing time are looked for, and how many are asked for at a tick (one run each).
LOOK_BACK = timedelta(days=7)
# Recent search must still reach the oldest of them when its run comes, up to an hour after the tick.
RECENT_LOOK_BACK = RECENT_REACH - HOUR
_CATCH_UP = 6
# After these the next hour would most likely end the same way: it alone is tried, not a week of hours.
_REFUSING = (Outcome.REFUSED, Outcome.OVER_BUDGET)
# A week may change until 9 days after its end; it is built first 26 hours after it.
_FIRST_BUILD = timedelta(hours=26)
_CLOSES = timedelta(days=9)
_NO_CREDENTIALS = "X may not be asked: set X_BEARER_TOKEN, and ELEC_X_BUDGET_USD above 0; the hours stay not_run"


def scheduled_until(election: Election) -> datetime:
    """When its last week closes: until then hours may be sealed again and weeks be built, also after collect_until."""
    return partitions.bounds(election).end + _CLOSES


def election_schedules(election: Election, *, asks_x: bool) -> list[dg.ScheduleDefinition]:
    """The schedules of an election until `scheduled_until`; `asks_x` says whether X may be asked at all."""
    tweets, searched = {parts.key(election, "twitter", "tweets"): Grain.HOUR}, _searched(election)
    posts = {parts.key(election, "twitter", product): tweets for product in ("weekly", "volume")}
    covered = {parts.key(election, "coverage", "weekly"): {**tweets, **searched}}
    files = {parts.key(election, SOURCE, "weekly"): searched}
    week = posts if searched else posts | covered
    made = [
        _hourly(election, asks_x=asks_x),
        _weekly(election, f"{election.key}__weekly", f"{election.key}__week", week),
    ]
    if searched:
        # A job of its own: with `trends_from` its weeks begin earlier than those of posts.
        name = f"{election.key}__{SOURCE}_files"
        made.append(_weekly(election, name, f"{name}_of_week", files | covered))
    return made


def _hourly(election: Election, *, asks_x: bool) -> dg.ScheduleDefinition:
    key = parts.key(election, "twitter", "tweets")
    job = dg.define_asset_job(f"{election.key}__twitter_hour", selection=dg.AssetSelection.assets(key))
    known = HourRows()

    @dg.schedule(
        name=f"{election.key}__twitter_hourly",
        job=job,
        cron_schedule="7 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Seals each hour of {election.name} at 7 minutes past the next one, and once more a day later.",
    )
    def twitter_hourly(
        context: dg.ScheduleEvaluationContext, store: StoreResource, x_search: XSearchResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        opened = store.open()
        refusal = _refusal(opened, x_search, now) if asks_x else _NO_CREDENTIALS
        archive = TweetArchive(opened, election.key)
        known.look(archive, now)
        if refusal is None:
            sealed = context.instance.get_materialized_partitions(key)
            look_back = RECENT_LOOK_BACK if x_search.archive == "recent" else LOOK_BACK
            due = due_hours(election, now, lambda hour: known.settled(hour, sealed, archive), look_back)
            before = _row(archive, window_at(now - 2 * HOUR, Grain.HOUR))
            asked = due[:1] if before is not None and before.outcome in _REFUSING else due
        else:
            due = due_hours(election, now, lambda hour: not known.renewed(hour, archive))
            asked = []
        due = [hour for hour in due if hour in asked or known.renewed(hour, archive)]
        if not due:
            yield dg.SkipReason(refusal or f"no hour of {election.key} is due: collection runs {_span(election)}")
        for hour in due:
            partition = key_of(hour, Grain.HOUR)
            yield dg.RunRequest(run_key=f"{partition} at {now:%Y-%m-%d-%H}", partition_key=partition)

    return twitter_hourly


def _weekly(
    election: Election, name: str, job: str, builds: Mapping[dg.AssetKey, Mapping[dg.AssetKey, Grain]]
) -> dg.ScheduleDefinition:
    """Builds weekly assets; `builds` says which assets, and the length of their partitions, each is made of."""
    week_job = dg.define_asset_job(job, selection=dg.AssetSelection.assets(*builds))

    @dg.schedule(
        name=name,
        job=week_job,
        cron_schedule="0 2 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Builds each week of {election.name} on Tuesday 02:00 UTC; again, daily, while its parts change.",
    )
    def weekly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        weeks = open_weeks(election, now)
        due = {w: [k for k, made_from in builds.items() if _changed(context.instance, k, made_from, w)] for w in weeks}
        if not any(due.values()):
            yield dg.SkipReason("no week is due: each is built 26 h after its end, and again while its parts change")
        for week, keys in due.items():
            partition = key_of(week, Grain.WEEK)
            if keys:
                run_key = f"{partition} at {now:%Y-%m-%d}"
                yield dg.RunRequest(run_key=run_key, partition_key=partition, asset_selection=keys)

    return weekly


class HourRows:
    """What is known of an election's hours: which of them need no further run.

    The coverage row of a settled hour is read once a process; others again at each tick, if Dagster has recorded them.
    What live capture holds of them is listed once a tick, two lists for each day; raw objects are never replaced, so
    their names, of which a row keeps a digest, tell whether anything came since.
    """

    def __init__(self) -> None:
        self._settled: dict[Window, HourCoverage] = {}
        self._captured: dict[Window, CaptureObjects] = {}
        self._now: datetime | None = None

    def look(self, archive: TweetArchive, now: datetime) -> None:
        """List what live capture holds of the hours that may be due at a tick."""
        end = floor(now, Grain.HOUR)
        self._captured, self._now = archive.captured(split(Window(end - LOOK_BACK, end), Grain.HOUR)), now

    def settled(self, hour: Window, sealed: set[str], archive: TweetArchive) -> bool:
        """Whether nothing of an hour remains to be done.

        It is recorded (`sealed`: partition keys), its coverage row says that nothing is missing, and no batch or late
        post came since.
        """
        row = self._row(hour, archive) if key_of(hour, Grain.HOUR) in sealed else None
        return row is not None and row.outcome.settled and not self._came_since(hour, row)

    def renewed(self, hour: Window, archive: TweetArchive) -> bool:
        """Whether live capture holds something of an hour that it was not sealed with."""
        held = self._captured.get(hour)
        if held is None or not held.own:
            return False
        row = self._row(hour, archive)
        return row is None or self._came_since(hour, row)

    def _row(self, hour: Window, archive: TweetArchive) -> HourCoverage | None:
        row = self._settled.get(hour)
        if row is None or self._came_since(hour, row):
            row = _row(archive, hour)
            if row is not None and row.outcome.settled:
                self._settled[hour] = row
        return row

    def _came_since(self, hour: Window, row: HourCoverage) -> bool:
        held = self._captured.get(hour)
        if held is None or self._now is None:
            return False
        again = self._now >= hour.end + SECOND_SEAL and held.digest != row.capture_all
        return again or held.first_digest != row.capture_first


def due_hours(
    election: Election, now: datetime, settled: Callable[[Window], bool], look_back: timedelta = LOOK_BACK
) -> list[Window]:
    """The hours to seal at a tick: the one just over, the one of a day ago, and some of the last week not settled.

    Which of those changes from tick to tick, so that hours that always fail never keep others waiting. After
    `look_back` they are given up.
    """
    newest = window_at(now - HOUR, Grain.HOUR)
    again = Window(newest.start - SECOND_SEAL, newest.end - SECOND_SEAL)
    past = split(Window(floor(now, Grain.HOUR) - look_back, newest.start), Grain.HOUR)
    missed = [h for h in past if h != again and _planned(election, h) and not settled(h)]
    turn = epoch_ms(now) // HOUR_MS * _CATCH_UP % len(missed) if len(missed) > _CATCH_UP else 0
    span = partitions.bounds(election)
    chosen = sorted([*missed[turn:], *missed[:turn]][:_CATCH_UP])
    wanted = dict.fromkeys([newest, again, *chosen])
    return [hour for hour in wanted if hour.start in span and _planned(election, hour)]


def open_weeks(election: Election, now: datetime) -> list[Window]:
    """The weeks whose files may still be built or change: over for 26 hours, and not yet for 9 days."""
    newest = floor(now - _FIRST_BUILD, Grain.WEEK)
    span = partitions.bounds(election)
    weeks = [Window(newest - WEEK * (i + 1), newest - WEEK * i) for i in range(2)]
    return [w for w in reversed(weeks) if w.start in span and now < w.end + _CLOSES]


def _changed(
    instance: dg.DagsterInstance, key: dg.AssetKey, made_from: Mapping[dg.AssetKey, Grain], week: Window
) -> bool:
    """Whether a part of the week was recorded after the run that built its file began, or that was never built.

    That run may have read an hour that was being sealed again, and be recorded after it. A part that was recorded
    between begin and read costs one rebuild, which changes no byte.
    """
    built = _latest(instance, key, {key_of(week, Grain.WEEK)})
    if not built:
        return True
    parts_of_week = {grain: {key_of(each, grain) for each in split(week, grain)} for grain in set(made_from.values())}
    made = {_latest(instance, part, parts_of_week[grain]): part for part, grain in made_from.items()}
    newest = max(made, default=0)
    if newest == 0 or newest > built:
        return newest > built
    return _recorded_at(instance, made[newest], newest) >= _began_at(instance, key, built)


def _recorded_at(instance: dg.DagsterInstance, key: dg.AssetKey, storage_id: int) -> float:
    """When a materialization was recorded, in seconds since 1970; 0 where it was deleted since it was looked up."""
    event = _event(instance, key, storage_id)
    return 0.0 if event is None else event.timestamp


def _began_at(instance: dg.DagsterInstance, key: dg.AssetKey, storage_id: int) -> float:
    """When the run that recorded a materialization began, in seconds since 1970; without a run when it was recorded."""
    event = _event(instance, key, storage_id)
    if event is None:
        return 0.0
    run = instance.get_run_record_by_id(event.run_id)
    return event.timestamp if run is None else run.start_time or run.create_timestamp.timestamp()


def _event(instance: dg.DagsterInstance, key: dg.AssetKey, storage_id: int) -> dg.EventLogRecord | None:
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=[storage_id])
    return next(iter(instance.fetch_materializations(wanted, limit=1).records), None)


def _searched(election: Election) -> dict[dg.AssetKey, Grain]:
    """The planned tables of Google Trends."""
    return {
        trends_key(election, area, cadence, table): cadence.grain
        for area in election.areas
        for cadence in Cadence
        for table in election.trends.tables(cadence)
    }


def _refusal(store: Store, x_search: XSearchResource, now: datetime) -> str | None:
    """Why the next page may not be paid for; None where it may.

    Raises:
        LedgerUnreadable: the spend ledger cannot be read: every run would fail.
    """
    if x_search.free:
        return None
    ledger = SpendLedger(store, SEARCH_POOL, x_search.budget_usd, lambda: now)
    refusal = ledger.refusal(page_usd(x_search.prices))
    return None if refusal is None else f"{refusal}; the hours stay not_run until then"


def _row(archive: TweetArchive, hour: Window) -> HourCoverage | None:
    """The coverage row of an hour; None where there is none that can be read: sealing again mends or tells it."""
    try:
        return archive.coverage(hour)
    except CoverageUnreadable:
        return None


def _latest(instance: dg.DagsterInstance, key: dg.AssetKey, wanted: set[str]) -> int:
    """Storage id of the newest materialization of these partitions, 0 if there is none."""
    found = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION, wanted)
    return max(found.values(), default=0)


def _planned(election: Election, hour: Window) -> bool:
    return bool(calendar.planned(election, hour))


def _span(election: Election) -> str:
    return f"{election.calendar.collect_from:%Y-%m-%d} to {election.calendar.collect_until:%Y-%m-%d}"
