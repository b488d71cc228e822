"""What is read from Dagster's instance, some of it not documented: these tests would notice another Dagster."""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from elec_assets.dagster_state import (
    RUNS_COUNT,
    AssetState,
    Checks,
    Materialized,
    asset_states,
    fail_window,
    failed_runs,
)
from elec_assets.domain.windows import HOUR, Grain, Window, window_of_key
from elec_assets.transforms.alert_facts import CheckFailed, RunsFailed

KEY, OTHER, SENT = (dg.AssetKey(["e", name]) for name in ("hours", "other", "sent"))
HOURS = dg.HourlyPartitionsDefinition(start_date="2026-02-01-00:00")
FIRST, SECOND = "2026-02-01-00:00", "2026-02-01-01:00"


class Wrong:
    """What is to fail: partitions of `hours`, `other`, `sent`, and the check of `other`."""

    def __init__(self) -> None:
        self.partitions: set[str] = set()
        self.other = False
        self.sent = False
        self.check = False
        self.severity = dg.AssetCheckSeverity.ERROR


def definitions(wrong: Wrong) -> dg.Definitions:
    @dg.asset(key=KEY, partitions_def=HOURS)
    def hours(context: dg.AssetExecutionContext) -> None:
        if set(context.partition_keys) & wrong.partitions:
            raise dg.Failure("as asked")

    @dg.asset(key=OTHER)
    def other() -> None:
        if wrong.other:
            raise dg.Failure("as asked")

    @dg.multi_asset(specs=[dg.AssetSpec(SENT, skippable=True)])
    def sent() -> Iterator[dg.AssetObservation]:
        if wrong.sent:
            raise dg.Failure("as asked")
        yield dg.AssetObservation(SENT)

    @dg.asset_check(asset=OTHER, blocking=True)
    def gate() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=not wrong.check, severity=wrong.severity)

    jobs = [
        dg.define_asset_job(name, selection=dg.AssetSelection.assets(key))
        for name, key in (("hour", KEY), ("send", SENT))
    ]
    return dg.Definitions(assets=[hours, other, sent], asset_checks=[gate], jobs=jobs)


@pytest.fixture
def wrong() -> Wrong:
    return Wrong()


Run = Callable[..., dg.ExecuteInProcessResult]


def runner(wrong: Wrong, instance: dg.DagsterInstance) -> Run:
    made = definitions(wrong)

    def run(
        key: dg.AssetKey | None, partition: str | None = None, name: str = "hour", **tags: str
    ) -> dg.ExecuteInProcessResult:
        """Assets of the whole, or a job by its name for None."""
        job = made.resolve_job_def(name) if key is None else made.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=instance,
            asset_selection=None if key is None else [key],
            partition_key=partition,
            tags=tags,
            raise_on_error=False,
        )

    return run


@pytest.fixture
def run(wrong: Wrong, instance: dg.DagsterInstance) -> Run:
    return runner(wrong, instance)


def assets_of(job: str) -> Collection[dg.AssetKey]:
    return {"hour": [KEY], "send": [SENT]}.get(job, [])


def failed(instance: dg.DagsterInstance, now: datetime | None = None) -> list[tuple[str, int, str]]:
    found = failed_runs(instance, now or datetime.now(UTC), assets_of)
    return [(each.name, each.count, each.partition) for each in found]


def test_an_asset_that_was_never_made_has_no_state(instance: dg.DagsterInstance) -> None:
    assert asset_states(instance, [KEY]) == {KEY: AssetState()}
    assert asset_states(instance, []) == {}


def test_the_state_of_an_asset_is_its_last_event_and_its_last_freshness(instance: dg.DagsterInstance) -> None:
    at = datetime(2026, 2, 1, 5, tzinfo=UTC)
    for new in (FreshnessState.PASS, FreshnessState.FAIL):
        change = FreshnessStateChange(
            key=KEY, previous_state=FreshnessState.UNKNOWN, new_state=new, state_change_timestamp=at.timestamp()
        )
        instance.report_runless_asset_event(change)
    before = datetime.now(UTC)
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=FIRST))
    states = asset_states(instance, [KEY, OTHER])
    state = states[KEY]
    assert (state.freshness, state.freshness_since) == ("FAIL", at)
    assert state.made_at is not None
    assert before - timedelta(seconds=1) <= state.made_at <= datetime.now(UTC)
    assert state.made_id is not None
    assert states[OTHER] == AssetState()


def test_the_window_after_which_a_policy_fails() -> None:
    policy = dg.FreshnessPolicy.time_window(warn_window=HOUR, fail_window=2 * HOUR)
    assert fail_window(policy) == 2 * HOUR
    assert fail_window(dg.FreshnessPolicy.cron("0 1 * * *", HOUR)) == timedelta(0)


def stored(known: Materialized, instance: dg.DagsterInstance) -> Callable[[str], bool]:
    made_id = asset_states(instance, [KEY])[KEY].made_id
    is_stored = known.stored(instance, KEY, made_id, Grain.HOUR, 200)
    return lambda key: is_stored(window_of_key(key, Grain.HOUR))


def test_a_backfill_of_an_old_partition_says_nothing_of_the_newest(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=FIRST))
    asked = stored(Materialized(), instance)
    assert [asked(SECOND), asked(FIRST)] == [False, True]


def test_what_was_made_since_is_seen_and_what_was_wiped_is_gone(instance: dg.DagsterInstance) -> None:
    known = Materialized()
    assert not stored(known, instance)(FIRST)
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=FIRST))
    assert stored(known, instance)(FIRST)
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=SECOND))
    assert stored(known, instance)(SECOND)
    instance.wipe_assets([KEY])
    assert not stored(known, instance)(FIRST)


def test_a_long_outage_is_asked_for_by_two_queries(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition=FIRST))
    asked: list[int] = []
    real = type(instance).get_latest_storage_id_by_partition

    def counted(self: dg.DagsterInstance, key: dg.AssetKey, kind: dg.DagsterEventType, keys: set[str]) -> object:
        asked.append(len(keys))
        return real(self, key, kind, keys)

    monkeypatch.setattr(type(instance), "get_latest_storage_id_by_partition", counted)
    newest = window_of_key(FIRST, Grain.HOUR).start + 150 * HOUR
    made_id = asset_states(instance, [KEY])[KEY].made_id
    is_stored = Materialized().stored(instance, KEY, made_id, Grain.HOUR, 200)
    found = [is_stored(Window(newest - n * HOUR, newest - (n - 1) * HOUR)) for n in range(151)]
    assert (found.count(True), found[150]) == (1, True)
    assert asked == [1, 200]


def test_a_failed_run_counts_until_its_partition_is_made(run: Run, wrong: Wrong, instance: dg.DagsterInstance) -> None:
    wrong.partitions = {FIRST}
    assert not run(KEY, FIRST).success
    assert run(KEY, SECOND).success
    assert failed(instance) == [("e/hours", 1, FIRST)]
    now = datetime.now(UTC)
    [found] = failed_runs(instance, now, assets_of)
    assert found == RunsFailed("e/hours", 1, FIRST, found.since, found.forget_at)
    assert now - timedelta(minutes=1) < found.since <= now
    assert failed(instance, found.forget_at - timedelta(milliseconds=1)) == [("e/hours", 1, FIRST)]
    assert failed(instance, found.forget_at) == []
    assert failed(instance, now + RUNS_COUNT + timedelta(minutes=1)) == [], "it is forgotten after two days"
    wrong.partitions = set()
    assert run(None, FIRST).success  # by its job, as a schedule does
    assert failed(instance) == []


def test_runs_of_one_asset_are_one_thing_and_jobs_are_known_by_their_assets(
    run: Run, wrong: Wrong, instance: dg.DagsterInstance
) -> None:
    wrong.partitions = {FIRST, SECOND}
    for key, partition in ((KEY, FIRST), (None, SECOND), (KEY, FIRST)):
        assert not run(key, partition).success
    assert failed(instance) == [("e/hours", 2, FIRST)], "the partition of the run that failed last"


def test_a_failed_run_without_partitions_counts_until_its_assets_are_made(
    run: Run, wrong: Wrong, instance: dg.DagsterInstance
) -> None:
    """One that was never made before was taken to be made good at once (2026-11): Dagster leaves it out."""
    wrong.other = True
    assert not run(OTHER).success
    assert failed(instance) == [("e/other", 1, "")]
    wrong.other = False
    assert run(OTHER).success
    assert failed(instance) == []


@pytest.mark.parametrize(("first", "then"), [(None, None), (None, SENT), (SENT, None), (SENT, SENT)])
def test_a_later_run_that_finds_nothing_to_make_has_made_a_failed_one_good(
    run: Run, wrong: Wrong, instance: dg.DagsterInstance, first: dg.AssetKey | None, then: dg.AssetKey | None
) -> None:
    """A release that failed and was published by hand: the next run only observes it, and it stayed failed."""
    assert run(then, name="send").success, "one before it says nothing"
    wrong.sent = True
    assert not run(first, name="send").success
    assert failed(instance) == [("e/sent", 1, "")]
    assert run(OTHER).success
    assert failed(instance) == [("e/sent", 1, "")], "a run of something else says nothing"
    wrong.sent = False
    assert run(then, name="send").success
    assert failed(instance) == []


def test_a_run_that_will_be_retried_has_not_failed_yet(wrong: Wrong, tmp_path: Path) -> None:
    """Dagster tags a failed run by itself; one that may not be retried is the one that counts."""
    retries = {"run_retries": {"enabled": True, "max_retries": 1}, "telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=retries) as instance:
        run = runner(wrong, instance)
        wrong.partitions = {FIRST}
        first = run(KEY, FIRST)
        assert first.dagster_run.tags["dagster/will_retry"] == "true"
        assert failed(instance) == []
        last = run(KEY, FIRST, **{"dagster/max_retries": "0"})
        assert last.dagster_run.tags["dagster/will_retry"] == "false"
        assert failed(instance) == [("e/hours", 1, FIRST)]


def test_the_newest_result_of_a_check_counts(wrong: Wrong, sqlite: dg.DagsterInstance) -> None:
    """On an instance with a file a run, whose events no cursor reads (Dagster 1.13.27): a second look failed there."""
    run, instance = runner(wrong, sqlite), sqlite
    gate = dg.AssetCheckKey(OTHER, "gate")
    checks = Checks({gate: True})
    assert checks.failed(instance) == []
    wrong.check = True
    run(OTHER)
    [found] = checks.failed(instance)
    assert found == CheckFailed("e/other", "gate", blocking=True, since=found.since)
    assert checks.failed(instance) == [found]
    assert Checks({gate: True}).failed(instance) == [found]  # as after a restart
    wrong.severity = dg.AssetCheckSeverity.WARN
    run(OTHER)
    assert checks.failed(instance) == [], "a warning is no failure"


def test_a_check_that_is_being_looked_at_keeps_its_result(run: Run, wrong: Wrong, instance: dg.DagsterInstance) -> None:
    """A planned result stands in the place of the newest; what was wrong was told to be over, and then new again."""
    gate = dg.AssetCheckKey(OTHER, "gate")
    wrong.check = True
    run(OTHER)
    checks = Checks({gate: True})
    [found] = checks.failed(instance)
    job = definitions(wrong).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(job, asset_selection=frozenset([OTHER]))
    assert checks.failed(instance) == [found]
    assert Checks({gate: True}).failed(instance) == [found]
