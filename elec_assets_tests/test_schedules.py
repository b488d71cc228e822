"""When it runs: ticks of both schedules against an instance, and the pure rules behind them."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import msgspec
import pytest

# The type of a tick's result has no public name.
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets import partitions
from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain import layout
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Calendar, Election
from elec_assets.domain.windows import HOUR, WEEK, Grain, Window, key_of, split, window_of_key
from elec_assets.schedules import (
    LOOK_BACK,
    HourRows,
    due_hours,
    election_schedules,
    open_weeks,
)
from elec_assets.settings import Settings
from elec_assets.transforms.coverage import HourCoverage, encode, hour_row
from elec_assets_tests.deployment import ELECTION, MID_CAMPAIGN, TOKEN, Deployment, key, write_registry

HOURLY, WEEKLY = f"{ELECTION}__twitter_hourly", f"{ELECTION}__weekly"
# Collection of the test election: Wednesday 2026-02-04 to Thursday 2026-03-12, 00:00 UTC.
TUESDAY = datetime(2026, 2, 17, 2, tzinfo=UTC)
LAST_WEEK = "2026-02-09"
WEEKLY_PRODUCTS = ("twitter/weekly", "twitter/volume", "coverage/weekly")
CATCH_UP = 6


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def scheduled(sqlite: dg.DagsterInstance, tmp_path: Path, bare: pytest.MonkeyPatch) -> Deployment:
    bare.setenv("X_BEARER_TOKEN", TOKEN)
    return Deployment(tmp_path, write_registry(tmp_path), sqlite, "http://127.0.0.1:9")


def evaluate(deployment: Deployment, schedule: str, now: datetime, loaded: datetime) -> ScheduleExecutionData:
    repository = deployment.definitions(loaded).get_repository_def()
    found = repository.get_schedule_def(schedule)
    known = repository.get_top_level_resources()
    with dg.build_schedule_context(
        instance=deployment.instance,
        scheduled_execution_time=now,
        repository_def=repository,
        resources={name: known[name] for name in found.required_resource_keys},
    ) as context:
        return found.evaluate_tick(context)


def tick(
    deployment: Deployment, schedule: str, now: datetime, *, loaded: datetime | None = None
) -> tuple[list[str], str | None]:
    """The partitions that a tick asks for, in order, and why it skips. Definitions are loaded just before."""
    result = evaluate(deployment, schedule, now, loaded or now)
    return [str(request.partition_key) for request in result.run_requests or []], result.skip_message


def run_keys(deployment: Deployment, schedule: str, now: datetime) -> list[str | None]:
    return [request.run_key for request in evaluate(deployment, schedule, now, now).run_requests or []]


def record(
    deployment: Deployment, product: str, partitions: Iterable[str], outcome: Outcome | None = Outcome.OK
) -> None:
    """As runs do: an event, and for an hour of tweets its coverage row. None for a row that is not there."""
    for partition in partitions:
        if product == "twitter/tweets" and outcome is not None:
            write_row(deployment, partition, outcome)
        deployment.instance.report_runless_asset_event(dg.AssetMaterialization(key(product), partition=partition))


def write_row(deployment: Deployment, partition: str, outcome: Outcome) -> Path:
    hour = window_of_key(partition, Grain.HOUR)
    row = msgspec.structs.replace(hour_row(deployment.election, hour, None), outcome=outcome)
    path = deployment.store / layout.coverage_row(ELECTION, "twitter", hour, Grain.HOUR)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(row))
    return path


def among(sealed: set[str]) -> Callable[[Window], bool]:
    return lambda hour: key_of(hour, Grain.HOUR) in sealed


def hours(first: str, last: str) -> list[str]:
    """Partition keys from the hour of `first` to that of `last`, included."""
    return [key_of(h, Grain.HOUR) for h in split(Window(at(first), at(last) + HOUR), Grain.HOUR)]


def test_an_hour_is_sealed_when_it_is_over_and_a_day_later(scheduled: Deployment) -> None:
    record(scheduled, "twitter/tweets", hours("2026-02-04T00", "2026-02-05T10"))
    asked, why = tick(scheduled, HOURLY, at("2026-02-05T12:07"))
    assert (asked, why) == (["2026-02-05-11:00", "2026-02-04-11:00"], None)


def test_a_late_tick_asks_for_its_own_hours(scheduled: Deployment) -> None:
    """The tick of 12:07 may run at 15:00: what it asks for is counted from 12:07."""
    record(scheduled, "twitter/tweets", hours("2026-02-04T00", "2026-02-05T14"))
    asked, _ = tick(scheduled, HOURLY, at("2026-02-05T12:07"), loaded=at("2026-02-05T15:00"))
    assert asked == ["2026-02-05-11:00", "2026-02-04-11:00"]


def test_missed_hours_are_caught_up(scheduled: Deployment) -> None:
    """After an outage at most 6 more runs a tick: the newest hours must not wait behind a week of old ones."""
    missed = hours("2026-02-04T13", "2026-02-04T21")
    record(scheduled, "twitter/tweets", set(hours("2026-02-04T00", "2026-02-05T10")) - set(missed))
    asked, _ = tick(scheduled, HOURLY, at("2026-02-05T12:07"))
    assert asked[:2] == ["2026-02-05-11:00", "2026-02-04-11:00"]
    assert len(set(asked[2:])) == CATCH_UP
    assert set(asked[2:]) < set(missed)


def test_hours_that_always_fail_keep_no_other_waiting(scheduled: Deployment) -> None:
    """Oldest first starved newer missed hours behind 6 that always failed (2026-11)."""
    missed = set(hours("2026-02-04T13", "2026-02-05T04"))
    sealed = set(hours("2026-02-04T00", "2026-02-05T23")) - missed
    asked = {
        key_of(hour, Grain.HOUR)
        for tick_at in range(12, 18)
        for hour in due_hours(scheduled.election, at(f"2026-02-05T{tick_at}:07"), among(sealed))
    }
    assert missed <= asked


def test_hours_with_missing_time_are_asked_for_again_at_the_next_ticks(scheduled: Deployment) -> None:
    """An hour that was stored in part counted as done: what X could not answer at 13:07 was asked for a day later.

    After the campaign only what is caught up is asked for.
    """
    outcomes = dict(zip(hours("2026-03-11T14", "2026-03-11T22"), Outcome, strict=True))
    for partition, outcome in outcomes.items():
        record(scheduled, "twitter/tweets", [partition], outcome)
    record(scheduled, "twitter/tweets", ["2026-03-11-23:00"])
    now = at("2026-03-18T14:07")
    missing = [partition for partition, outcome in outcomes.items() if not outcome.settled]
    assert len(missing) == CATCH_UP
    assert tick(scheduled, HOURLY, now) == (missing, None)
    for partition in missing[1:]:
        write_row(scheduled, partition, Outcome.EMPTY)
    assert tick(scheduled, HOURLY, now)[0] == missing[:1]


def test_an_hour_recorded_without_a_row_that_can_be_read_is_sealed_again(scheduled: Deployment) -> None:
    """Sealing mends a damaged row, and tells of one that a newer version wrote."""
    record(scheduled, "twitter/tweets", hours("2026-03-11T21", "2026-03-11T23"))
    write_row(scheduled, "2026-03-11-21:00", Outcome.OK).unlink()
    write_row(scheduled, "2026-03-11-22:00", Outcome.OK).write_bytes(b"{")
    assert tick(scheduled, HOURLY, at("2026-03-18T21:07"))[0] == ["2026-03-11-21:00", "2026-03-11-22:00"]


def test_rows_of_settled_hours_are_read_once(scheduled: Deployment) -> None:
    """A tick reads the rows of hours that may still be missing something, not those of a whole week."""
    reads: list[Window] = []

    class Counting(TweetArchive):
        def coverage(self, hour: Window) -> HourCoverage | None:
            reads.append(hour)
            return super().coverage(hour)

    known, archive = HourRows(), Counting(open_store(scheduled.store.as_uri()), ELECTION)
    sealed = hours("2026-02-04T00", "2026-02-10T23")
    for partition in sealed:
        write_row(scheduled, partition, Outcome.PARTIAL if partition == sealed[5] else Outcome.OK)
    seen = []
    for i in range(3):
        reads.clear()
        now = at("2026-02-10T12:07") + HOUR * i
        due = due_hours(scheduled.election, now, lambda hour: known.settled(hour, set(sealed), archive))
        assert sealed[5] in [key_of(hour, Grain.HOUR) for hour in due]
        seen.append(len(reads))
    assert seen[0] <= LOOK_BACK // HOUR
    assert seen[1:] == [3, 2]  # the hour with missing time, and those that come into view


@dataclass(frozen=True)
class Paid(Deployment):
    """A deployment that asks X itself, which costs money; a tick asks nothing of it."""

    archive: str = "all"

    def settings(self) -> Settings:
        values = {
            "registry": "unused",
            "store": str(self.store),
            "x_bearer_token": self.token,
            "x_budget_usd": 100.0,
            "x_fill_share": 0.2,
            "x_archive": self.archive,
        }
        return Settings.model_validate(values)


@pytest.fixture
def paid(scheduled: Deployment) -> Paid:
    return Paid(scheduled.folder, scheduled.registry, scheduled.instance, "unused")


def spend(deployment: Deployment, settled_usd: float, month: str = "202602") -> None:
    path = deployment.store / f"state/spend/x_search/{month}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger = {"version": 1, "settled_usd": settled_usd, "open_usd": {}, "calls": 1, "posts": 1, "users": 1}
    path.write_text(json.dumps(ledger), encoding="utf-8")


def test_without_budget_for_a_page_a_tick_skips_until_there_is_one(paid: Paid) -> None:
    """Eight runs were launched at each tick for the rest of the month, only to fail."""
    now = at("2026-02-16T12:07")
    spend(paid, 15.50)
    assert tick(paid, HOURLY, now)[0][:2] == ["2026-02-16-11:00", "2026-02-15-11:00"]
    spend(paid, 15.51)
    asked, why = tick(paid, HOURLY, now)
    assert asked == []
    assert why is not None
    assert why.startswith("over budget: 15.51 USD of 20.00 USD are spent or reserved this month")
    assert "raise ELEC_X_BUDGET_USD or ELEC_X_FILL_SHARE, or wait for the next month; the hours stay not_run" in why
    assert tick(paid, HOURLY, at("2026-03-01T00:07"))[0]
    spend(paid, 3.0)
    assert tick(paid, HOURLY, now)[0]


def test_a_free_address_needs_no_budget(scheduled: Deployment) -> None:
    spend(scheduled, 1e6)
    assert tick(scheduled, HOURLY, at("2026-02-16T12:07"))[0]


def test_a_tick_with_an_unreadable_ledger_asks_for_nothing_and_says_why(paid: Paid) -> None:
    spend(paid, 0)
    (paid.store / "state/spend/x_search/202602.json").write_bytes(b'{"version":2}')
    with pytest.raises(dg.DagsterError) as told:
        tick(paid, HOURLY, at("2026-02-16T12:07"))
    assert "version 2, this program reads up to 1; upgrade" in str(told.value.__cause__)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.OVER_BUDGET])
def test_while_x_refuses_only_the_newest_hour_is_tried(scheduled: Deployment, outcome: Outcome) -> None:
    """Each of eight runs an hour asked with the wrong token, and failed. One tells as soon as it is mended."""
    write_row(scheduled, "2026-02-16-10:00", outcome)
    assert tick(scheduled, HOURLY, at("2026-02-16T12:07"))[0] == ["2026-02-16-11:00"]
    write_row(scheduled, "2026-02-16-11:00", Outcome.EMPTY)
    assert len(tick(scheduled, HOURLY, at("2026-02-16T13:07"))[0]) == CATCH_UP + 2


def hear(deployment: Deployment, *slots: str, late_for: str | None = None) -> None:
    """A batch of each slot, as names: a tick reads nothing of them. `late_for`: an hour that all of them point to."""
    for text in slots:
        batch = BatchKey(ELECTION, at(text), "0123abcd")
        names = [batch.body, batch.journal]
        if late_for is not None:
            names.append(LateKey(ELECTION, at(late_for), batch.slot, batch.spool).key)
        for name in names:
            path = deployment.store / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def reseal(deployment: Deployment, partition: str, outcome: Outcome = Outcome.OK) -> None:
    """As a run does: the row says what the hour was made of."""
    hour = window_of_key(partition, Grain.HOUR)
    made_of = TweetArchive(open_store(deployment.store.as_uri()), ELECTION).captured([hour])[hour]
    row = msgspec.structs.replace(hour_row(deployment.election, hour, None), outcome=outcome)
    row = msgspec.structs.replace(row, capture_first=made_of.first_digest, capture_all=made_of.digest)
    path = write_row(deployment, partition, outcome)
    path.write_bytes(encode(row))


def test_an_hour_is_sealed_again_when_batches_or_late_posts_come(scheduled: Deployment) -> None:
    """The store was down for a day; X sent posts of a past hour: both were taken in a day later, or never."""
    done = hours("2026-02-04T00", "2026-02-06T10")
    record(scheduled, "twitter/tweets", done)
    usual = ["2026-02-06-11:00", "2026-02-05-11:00"]
    now = at("2026-02-06T12:07")
    assert tick(scheduled, HOURLY, now)[0] == usual
    hear(scheduled, "2026-02-05T03:10")
    # Posts of the hour before may be in it too.
    assert tick(scheduled, HOURLY, now)[0] == [*usual, "2026-02-05-02:00", "2026-02-05-03:00"]
    reseal(scheduled, "2026-02-05-02:00")
    reseal(scheduled, "2026-02-05-03:00")
    assert tick(scheduled, HOURLY, now)[0] == usual
    hear(scheduled, "2026-02-06T09:10", late_for="2026-02-04T20")
    reseal(scheduled, "2026-02-06-09:00")
    assert tick(scheduled, HOURLY, now)[0] == [*usual, "2026-02-04-20:00"]
    reseal(scheduled, "2026-02-04-20:00")
    assert tick(scheduled, HOURLY, now)[0] == usual


def test_batches_of_the_hour_after_wait_for_the_second_sealing(scheduled: Deployment) -> None:
    """Every hour was sealed three times: the other eleven batches of the hour after are new at the next tick."""
    record(scheduled, "twitter/tweets", hours("2026-02-04T00", "2026-02-06T10"))
    hear(scheduled, "2026-02-06T08:55", "2026-02-06T09:00")
    reseal(scheduled, "2026-02-06-07:00")
    reseal(scheduled, "2026-02-06-08:00")
    hear(scheduled, "2026-02-06T09:05")
    reseal(scheduled, "2026-02-06-09:00")
    assert "2026-02-06-08:00" not in tick(scheduled, HOURLY, at("2026-02-06T12:07"))[0]
    record(scheduled, "twitter/tweets", hours("2026-02-06T11", "2026-02-07T10"))
    reseal(scheduled, "2026-02-06-09:00")
    assert tick(scheduled, HOURLY, at("2026-02-07T12:07"))[0][2:] == ["2026-02-06-08:00"]


def test_without_credentials_captured_hours_are_sealed(scheduled: Deployment) -> None:
    """What was captured needs nobody to be asked; it stayed raw until there was a budget for searches."""
    hear(scheduled, "2026-02-16T11:10", "2026-02-16T12:00", "2026-02-14T05:00")
    now, unable = at("2026-02-16T12:07"), scheduled.without_token()
    assert tick(unable, HOURLY, now)[0] == ["2026-02-16-11:00", "2026-02-14-05:00"]
    reseal(scheduled, "2026-02-16-11:00", Outcome.OVER_BUDGET)
    reseal(scheduled, "2026-02-14-05:00")
    asked, why = tick(unable, HOURLY, now)
    assert asked == []
    assert "X_BEARER_TOKEN" in str(why)


def test_without_budget_captured_hours_are_sealed(paid: Paid) -> None:
    spend(paid, 20.0)
    hear(paid, "2026-02-16T11:10", "2026-02-15T11:10")
    assert tick(paid, HOURLY, at("2026-02-16T12:07"))[0] == ["2026-02-16-11:00", "2026-02-15-11:00"]


def test_while_x_refuses_captured_hours_are_sealed_all_the_same(scheduled: Deployment) -> None:
    write_row(scheduled, "2026-02-16-10:00", Outcome.REFUSED)
    hear(scheduled, "2026-02-15T11:30")
    assert tick(scheduled, HOURLY, at("2026-02-16T12:07"))[0] == ["2026-02-16-11:00", "2026-02-15-11:00"]


def test_recent_search_is_not_asked_for_hours_that_it_does_not_reach(paid: Paid) -> None:
    """X's recent search refuses ids older than 7 days; 6 days 22 h are asked for, a run may start an hour late."""
    now = at("2026-03-18T20:07")
    assert tick(paid, HOURLY, now)[0] == hours("2026-03-11T20", "2026-03-11T23")
    assert tick(replace(paid, archive="recent"), HOURLY, now)[0] == ["2026-03-11-23:00"]


def test_the_first_tick_of_a_campaign(scheduled: Deployment) -> None:
    """A day ago nothing was planned: only the first hour is asked for."""
    assert tick(scheduled, HOURLY, at("2026-02-04T01:07")) == (["2026-02-04-00:00"], None)


@pytest.mark.parametrize("now", ["2026-01-20T12:07", "2026-02-04T00:07", "2026-03-31T12:07"])
def test_outside_the_campaign_an_hourly_tick_skips(scheduled: Deployment, now: str) -> None:
    """Before it, and after it where definitions have been loaded since."""
    asked, why = tick(scheduled, HOURLY, at(now), loaded=MID_CAMPAIGN)
    assert asked == []
    assert why == "no hour of test_2026 is due: collection runs 2026-02-04 to 2026-03-12"


def test_without_credentials_a_tick_skips_and_says_what_to_set(scheduled: Deployment) -> None:
    asked, why = tick(scheduled.without_token(), HOURLY, at("2026-02-16T12:07"))
    assert asked == []
    assert why is not None
    assert "X_BEARER_TOKEN" in why
    assert "ELEC_X_BUDGET_USD" in why


def test_run_keys_are_unique_per_tick(scheduled: Deployment) -> None:
    """A run key used before starts no run: an hour must be askable again a day later, a week a day later."""
    hourly = [run_keys(scheduled, HOURLY, at("2026-02-16T12:07") + HOUR * i) for i in (0, 1, 24)]
    weekly = [run_keys(scheduled, WEEKLY, TUESDAY + timedelta(days=i)) for i in range(3)]
    for ticks in (hourly, weekly):
        assert all(ticks)
        every = [run_key for asked in ticks for run_key in asked]
        assert None not in every
        assert len(set(every)) == len(every)


def test_a_week_is_built_on_tuesday(scheduled: Deployment) -> None:
    for product in WEEKLY_PRODUCTS:
        record(scheduled, product, ["2026-02-02"])
    monday, why = tick(scheduled, WEEKLY, TUESDAY - timedelta(days=1))
    assert monday == []
    assert why is not None
    assert why.startswith("no week is due")
    assert tick(scheduled, WEEKLY, TUESDAY) == ([LAST_WEEK], None)


def test_a_week_is_rebuilt_only_when_an_hour_of_it_is_newer(scheduled: Deployment) -> None:
    record(scheduled, "twitter/tweets", hours("2026-02-09T00", "2026-02-09T05"))
    for product in WEEKLY_PRODUCTS:
        record(scheduled, product, ["2026-02-02", LAST_WEEK])
    wednesday = TUESDAY + timedelta(days=1)
    assert tick(scheduled, WEEKLY, wednesday)[0] == []
    record(scheduled, "twitter/tweets", ["2026-02-16-00:00"])
    assert tick(scheduled, WEEKLY, wednesday)[0] == [], "an hour of another week"
    record(scheduled, "twitter/tweets", ["2026-02-15-23:00"])
    assert tick(scheduled, WEEKLY, wednesday)[0] == [LAST_WEEK]


def build(deployment: Deployment, meanwhile: Callable[[], None] = lambda: None) -> None:
    """A run that makes the products of the last week, and what happens while it reads."""
    specs = [dg.AssetSpec(key(product)) for product in WEEKLY_PRODUCTS]

    @dg.multi_asset(specs=specs, partitions_def=partitions.weeks(deployment.election), name="week")
    def weekly() -> Iterator[dg.MaterializeResult[None]]:
        meanwhile()
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)

    dg.materialize([weekly], partition_key=LAST_WEEK, instance=deployment.instance)


def test_a_week_is_rebuilt_when_an_hour_of_it_was_sealed_while_it_was_read(scheduled: Deployment) -> None:
    """The run read an hour that was being sealed again, and was recorded after it.

    To the ticks of all later days the file was newer than each of its hours: the posts that came late were missing
    from it until the week was closed.
    """
    wednesday = TUESDAY + timedelta(days=1)
    record(scheduled, "twitter/tweets", hours("2026-02-09T00", "2026-02-09T05"))
    for product in WEEKLY_PRODUCTS:
        record(scheduled, product, ["2026-02-02"])
    build(scheduled, lambda: record(scheduled, "twitter/tweets", ["2026-02-16-00:00"]))
    assert tick(scheduled, WEEKLY, wednesday)[0] == [], "an hour of another week"
    build(scheduled, lambda: record(scheduled, "twitter/tweets", ["2026-02-15-23:00"]))
    assert tick(scheduled, WEEKLY, wednesday)[0] == [LAST_WEEK]
    build(scheduled)
    assert tick(scheduled, WEEKLY, wednesday)[0] == [], "it was read again"


def test_a_week_whose_coverage_failed_is_built_again(scheduled: Deployment) -> None:
    """All weekly assets are made by one run.

    Where only the tweets were stored the week counted as built, and its coverage was missing until an hour changed.
    """
    record(scheduled, "twitter/tweets", ["2026-02-09-05:00"])
    for product in ("twitter/weekly", "twitter/volume"):
        record(scheduled, product, ["2026-02-02", LAST_WEEK])
    record(scheduled, "coverage/weekly", ["2026-02-02"])
    assert tick(scheduled, WEEKLY, TUESDAY)[0] == [LAST_WEEK]


def test_two_weeks_are_open_until_9_days_after_their_end(scheduled: Deployment) -> None:
    assert tick(scheduled, WEEKLY, TUESDAY)[0] == ["2026-02-02", LAST_WEEK]
    assert tick(scheduled, WEEKLY, TUESDAY + timedelta(days=1))[0] == [LAST_WEEK]


def test_the_last_hours_and_the_last_week_are_built_after_the_campaign(scheduled: Deployment) -> None:
    """Collection ends on Thursday 2026-03-12, the last week is over on Monday 2026-03-16 and built a day later.

    Definitions loaded in between (a restart, a new version) had no schedule any more: the last hour was not sealed,
    and the last week never built.
    """
    asked, _ = tick(scheduled, HOURLY, at("2026-03-12T00:07"))
    assert asked[:2] == ["2026-03-11-23:00", "2026-03-10-23:00"]
    assert "2026-03-09" in tick(scheduled, WEEKLY, at("2026-03-17T02:00"))[0]


def test_schedules_end_once_the_last_week_is_closed(scheduled: Deployment) -> None:
    def schedules(now: datetime) -> list[str]:
        # Others go on: releases, and X's terms as long as its posts are kept.
        return [s.name for s in scheduled.definitions(now).schedules or () if s.name in (HOURLY, WEEKLY)]

    assert schedules(at("2026-01-01")) == schedules(MID_CAMPAIGN) == schedules(at("2026-03-24T23")) == [HOURLY, WEEKLY]
    assert schedules(at("2026-03-25")) == []


def test_schedules_run_by_themselves_in_utc() -> None:
    found = election_schedules(campaign(0, 10), asks_x=True)
    assert [s.default_status for s in found] == [dg.DefaultScheduleStatus.RUNNING] * 3
    assert [s.cron_schedule for s in found] == ["7 * * * *", "0 2 * * *", "0 2 * * *"]
    assert {s.execution_timezone for s in found} == {"UTC"}


DAY_NUMBERS = st.integers(0, 400)


def campaign(first: int, days: int) -> Election:
    start = at("2026-02-04") + timedelta(days=first)
    end = start + timedelta(days=days)
    return Election("e", "Election", "FR", Calendar(start, end, (end.date(),), end.date()), {})


@given(first=DAY_NUMBERS, days=st.integers(1, 30), after=st.integers(-50, 45 * 24), data=st.data())
@settings(max_examples=60, deadline=None)
def test_due_hours_are_over_planned_and_few(first: int, days: int, after: int, data: st.DataObject) -> None:
    found = campaign(first, days)
    now = found.calendar.collect_from + HOUR * after + timedelta(minutes=7)
    known = [key_of(h, Grain.HOUR) for h in split(partitions.bounds(found), Grain.HOUR)]
    sealed = set(data.draw(st.lists(st.sampled_from(known), max_size=40)))
    due = due_hours(found, now, among(sealed))
    assert len(set(due)) == len(due) <= CATCH_UP + 2
    assert all(h.end <= now and found.calendar.collect_from <= h.start < found.calendar.collect_until for h in due)
    regular = {now.replace(minute=0) - HOUR, now.replace(minute=0) - HOUR * 25}
    caught_up = [h for h in due if h.start not in regular]
    assert caught_up == sorted(caught_up)
    assert not {key_of(h, Grain.HOUR) for h in caught_up} & sealed


def test_hours_are_looked_for_a_week_back() -> None:
    found, now = campaign(0, 30), at("2026-02-16T12:07")
    sealed = set(hours("2026-02-09T13", "2026-02-16T10"))
    assert [key_of(h, Grain.HOUR) for h in due_hours(found, now, among(sealed))][2:] == ["2026-02-09-12:00"]


@given(first=DAY_NUMBERS, days=st.integers(1, 8))
@settings(max_examples=5, deadline=None)
def test_ticks_of_a_campaign_ask_for_every_hour_twice(first: int, days: int) -> None:
    """With nothing going wrong: once when it is over and once a day later, and nothing else."""
    found = campaign(first, days)
    start, end = found.calendar.collect_from, found.calendar.collect_until
    sealed: set[str] = set()
    asked: list[Window] = []
    for i in range(int((end - start) / HOUR) + 30):
        due = due_hours(found, start + HOUR * i + timedelta(minutes=7), among(sealed))
        asked += due
        sealed |= {key_of(h, Grain.HOUR) for h in due}
    assert sorted(asked) == sorted(split(Window(start, end), Grain.HOUR) * 2)


@given(first=DAY_NUMBERS, days=st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_every_week_opens_26_hours_after_its_end_for_8_ticks(first: int, days: int) -> None:
    """Of the daily ticks at 02:00 the first is Tuesday's, and the last the Tuesday a week later."""
    found = campaign(first, days)
    span = partitions.bounds(found)
    ticks = [span.start + timedelta(days=i, hours=2) for i in range(int((span.end - span.start).days) + 20)]
    for week in split(span, Grain.WEEK):
        seen = [now for now in ticks if week in open_weeks(found, now)]
        assert seen == [week.end + timedelta(days=1 + i, hours=2) for i in range(8)]
    assert not [w for now in ticks for w in open_weeks(found, now) if w not in split(span, Grain.WEEK)]
    assert not open_weeks(found, span.start - WEEK)
