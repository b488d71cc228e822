"""Ticks of the schedules of Google Trends against an instance and a store."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from elec_assets.assets.trends_run import never, trends_key
from elec_assets.clients.store import StoreError, open_store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_block import TrendsBlocks
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.domain import layout_trends
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import TrendsPlan
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.trends_due import sample_due
from elec_assets.domain.windows import Grain, iso, window_of_key
from elec_assets.resources import TrendsResource, utc_now
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.schedules_trends import Recorded, TrendsRows
from elec_assets_tests.deployment import ELECTION, RANGE_END, RANGE_START
from elec_assets_tests.test_schedules import at, evaluate
from elec_assets_tests.trends_place import DAY, Searched, product, searched

HOURLY, DAILY = f"{ELECTION}__google_trends_hourly", f"{ELECTION}__google_trends_daily"
TABLES = ("calibrated_interest", "interest_over_time")
NOON = at("2026-02-05T12:30")


@pytest.fixture
def place(tmp_path: Path, sqlite: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> Iterator[Searched]:  # noqa: ARG001
    with searched(tmp_path, sqlite) as opened:
        yield opened


def requests(place: Searched, schedule: str, text: str) -> list[dg.RunRequest]:
    return list(evaluate(place.place, schedule, at(text), at(text)).run_requests or [])


def skipped(place: Searched, schedule: str, text: str) -> str:
    return str(evaluate(place.place, schedule, at(text), at(text)).skip_message)


def asked(requested: list[dg.RunRequest]) -> list[tuple[str, str, str]]:
    """Area, first partition and priority."""
    return [
        (
            str((request.asset_selection or [])[0].path[2]),
            str(request.partition_key or request.tags[RANGE_START]),
            request.tags["dagster/priority"],
        )
        for request in requested
    ]


def resource(place: Searched, *, loopback: bool) -> TrendsResource:
    """Google Trends with a daily cap of 2, which does not hold for a server on this machine."""
    return TrendsResource(
        on=True,
        base_url=place.place.settings().trends_base_url,
        loopback=loopback,
        timeout_s=10.0,
        pace_per_h=200.0,
        burst=5,
        floor_per_h=20.0,
        ceiling_per_h=200,
        daily_cap=2,
    )


def test_the_hours_of_a_block_are_asked_for_in_one_run_an_area(place: Searched) -> None:
    found = requests(place, HOURLY, "2026-02-05T12:30")
    assert asked(found)[:2] == [("fr", "2026-02-05-08:00", "5"), ("world", "2026-02-05-08:00", "5")]
    assert found[0].tags[RANGE_END] == "2026-02-05-11:00"
    assert {key.path[-1] for key in found[0].asset_selection or []} == set(TABLES)
    assert len(found) == 4
    assert {priority for _, _, priority in asked(found)[2:]} == {"1"}


def test_a_block_is_left_alone_until_it_has_settled(place: Searched) -> None:
    assert asked(requests(place, HOURLY, "2026-02-05T12:15"))[0][1] == "2026-02-05-04:00"


def test_what_was_refused_is_asked_for_again_once_google_may_be_asked(place: Searched) -> None:
    """No run fails for a refusal, and no tick asks for one that would be refused."""
    place.google.faults.add(TrendsFault(path="/trends/api/*", skip=1, preset="too_many_requests"))
    assert place.run(*product("fr", "daily", "interest_over_time"), partition="2026-02-04").success
    assert "is not asked before" in skipped(place, DAILY, "2026-02-05T02:00")
    assert "it refused to answer" in skipped(place, HOURLY, "2026-02-05T02:00")
    (place.place.store / layout_trends.governor()).unlink()
    assert asked(requests(place, DAILY, "2026-02-05T02:00"))[0] == ("fr", "2026-02-04", "4")


def test_a_tick_waits_for_the_daily_cap(place: Searched) -> None:
    """On this machine there is none; Google's own has one."""
    trends = resource(place, loopback=False)
    governor = trends.governor(open_store(place.place.store.as_uri()))
    for _ in range(2):
        governor.admit()
    schedule = place.place.definitions(NOON).get_repository_def().get_schedule_def(HOURLY)
    known = place.place.definitions(NOON).get_repository_def().get_top_level_resources()
    with dg.build_schedule_context(
        instance=place.place.instance,
        scheduled_execution_time=NOON,
        resources={"store": known["store"], "trends": trends},
    ) as context:
        why = str(schedule.evaluate_tick(context).skip_message)
    assert "the limit of 2 requests in 24 hours is reached" in why
    assert f"before {iso(utc_now())[:4]}" in why


def test_a_tick_over_a_store_of_google_itself_fails_instead_of_its_runs(place: Searched) -> None:
    """Six runs would have failed every quarter of an hour."""
    open_store(place.place.store.as_uri()).put(layout_trends.source(), b'{"google_trends":"google_trends"}')
    with pytest.raises(dg.DagsterError) as told:
        requests(place, DAILY, "2026-02-07T03:00")
    assert isinstance(told.value.__cause__, StoreError)
    assert "ELEC_TRENDS_BASE_URL is a sandbox on 127.0.0.1: set another ELEC_STORE" in str(told.value.__cause__)


def test_days_are_asked_for_one_by_one(place: Searched) -> None:
    found = requests(place, DAILY, "2026-02-07T03:00")
    assert asked(found)[:2] == [("fr", "2026-02-06", "4"), ("world", "2026-02-06", "4")]
    assert {key.path[-1] for key in found[0].asset_selection or []} == {
        "calibrated_interest",
        "interest_by_region",
        "interest_over_time",
        "related_queries",
        "related_topics",
    }


def test_while_a_run_is_at_work_a_tick_skips(place: Searched) -> None:
    job = f"{HOURLY}_partitions"
    place.place.instance.add_run(dg.DagsterRun(job_name=job, status=dg.DagsterRunStatus.STARTED))
    assert skipped(place, HOURLY, "2026-02-05T12:30") == "1 runs of before are at work or wait for the pool"
    assert requests(place, DAILY, "2026-02-05T12:30")


def test_without_leave_every_tick_skips_and_says_how_to_give_it(place: Searched) -> None:
    for schedule in (HOURLY, DAILY):
        assert "set ELEC_TRENDS=on" in skipped(place.off(), schedule, "2026-02-05T12:30")


def test_before_collection_nothing_is_due(place: Searched) -> None:
    assert skipped(place, HOURLY, "2026-02-04T00:30").startswith("nothing of")


def test_a_requested_run_makes_the_hours_of_its_block_which_are_not_asked_for_again(place: Searched) -> None:
    """Run as the daemon runs it: the job, the selection and the tags of the request."""
    [first, *_] = requests(place, HOURLY, "2026-02-05T12:30")
    job = place.place.definitions(NOON).resolve_job_def(f"{HOURLY}_partitions")
    result = job.execute_in_process(
        instance=place.place.instance, asset_selection=list(first.asset_selection or []), tags=dict(first.tags)
    )
    made = {(e.asset_key, e.partition) for e in result.get_asset_materialization_events()}
    assert len(made) == 4 * len(TABLES)
    left = asked(requests(place, HOURLY, "2026-02-05T12:30"))
    assert ("fr", "2026-02-05-08:00", "5") not in left
    assert ("world", "2026-02-05-08:00", "5") in left


def test_a_second_sample_that_no_table_was_made_of_is_made_without_asking(place: Searched) -> None:
    """The run was killed once all was asked (a Lambda goes on without it), or the store refused a table.

    The rows of the first sample were settled and nothing was left to ask: what Google had answered was never a table.
    Here the first sample was asked for late itself, so no second is due, and the second asking is a refresh.
    """
    table, day, now = TrendsTable.CALIBRATED_INTEREST, window_of_key(DAY, Grain.DAY), at("2026-02-13T03:00")
    election = replace(place.place.election, trends=TrendsPlan((), (table,), ()))
    keys = {"fr": [trends_key(election, "fr", Cadence.DAILY, table)]}
    store, instance = open_store(place.place.store.as_uri()), place.place.instance

    def collect() -> tuple[int, ...]:
        collector = TrendsCollector(election=election, registry_version="", store=store, backend=backend, clock=utc_now)
        samples = collector.collect("fr", Cadence.DAILY, day, (table,)).tables[table].samples
        instance.report_runless_asset_event(dg.AssetMaterialization(keys["fr"][0], partition=DAY))
        return samples

    def is_open() -> bool:
        assert sample_due(day, Cadence.DAILY, now)
        return TrendsRows(election, Cadence.DAILY).open(store, Recorded(instance, keys), "fr", day, now)

    with resource(place, loopback=True).backend(store) as backend:
        assert is_open()
        assert collect() == (1,)
        assert not is_open()
        blocks = TrendsBlocks(election, "", TrendsArchive(store, ELECTION), backend, utc_now)
        found = TrendsPlace(ELECTION, "fr", Cadence.DAILY, day)
        assert blocks.ask(found, (table,), blocks.look(found, None), utc_now(), never).requests
        assert is_open()
        exchanges = len(place.google.requests)
        assert (collect(), len(place.google.requests)) == ((1, 2), exchanges)
        assert not is_open()
