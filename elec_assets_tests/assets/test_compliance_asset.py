"""`twitter/compliance` at Dagster's level: counts in its metadata, hours and weeks made again, when it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from elec_assets.clients.compliance import comply_alone
from elec_assets.clients.store import open_store
from elec_assets.clients.tombstones import TombstoneArchive, comply_lock
from elec_assets.domain.windows import Grain, window_at
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets.schedules import open_weeks
from elec_assets_tests.deployment import BUILT_WEEK, ELECTION, MID_CAMPAIGN, Deployment, failure, key
from elec_assets_tests.test_schedules import evaluate

HOUR = "2026-02-04-20:00"
TABLE = f"{ELECTION}/data/tables/twitter/20260204/20.parquet"
WEEKLY = f"{ELECTION}/weekly/twitter/2026_06.parquet"
SCHEDULE = f"{ELECTION}__comply"
PRODUCT = "twitter/compliance"
EVERYTHING = {"elec/everything": "true"}


def ids(deployment: Deployment, name: str) -> set[str]:
    return set(pl.read_parquet(deployment.store / name)["tweet_id"])


@contextmanager
def fates(x: XServer, ids: set[str]) -> Iterator[None]:
    x.compliance.fates = dict.fromkeys(ids, "deleted")
    try:
        yield
    finally:
        x.compliance.fates = {}


@pytest.fixture
def asked(built: Deployment, x: XServer, instance: dg.DagsterInstance) -> Deployment:
    """The built store, with a sandbox and an instance of its own."""
    return Deployment(built.folder, built.registry, instance, x.url)


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    (made,) = [m for m in result.asset_materializations_for_node(f"{ELECTION}__twitter__compliance") if m.metadata]
    return {name: value.value for name, value in made.metadata.items()}


def test_a_run_takes_out_what_is_gone_and_records_counts_alone(asked: Deployment, x: XServer) -> None:
    gone = set(sorted(ids(asked, TABLE))[:2])
    assert gone <= ids(asked, WEEKLY)
    with fates(x, gone):
        result = asked.run(PRODUCT, tags=EVERYTHING)
    assert result.success, failure(result)
    assert not gone & ids(asked, TABLE)
    assert not gone & ids(asked, WEEKLY)
    made = {m.asset_key.to_user_string(): m for m in _made(result)}
    recorded = {name.removeprefix(f"{ELECTION}/"): m.partition for name, m in made.items()}
    assert recorded == {
        "twitter/tweets": HOUR,
        "twitter/weekly": BUILT_WEEK,
        PRODUCT: None,
    }
    told = made[f"{ELECTION}/{PRODUCT}"].metadata
    assert told["posts_new"].value == 2
    assert told["posts_removed_so_far"].value == 2
    assert told["hours_sealed_again"].value == told["weeks_built_again"].value == 1
    everything = repr([event.event_specific_data for event in result.all_events])
    assert not [x for x in gone if x in everything], "nobody reads in Dagster which posts are gone"
    rows = pl.read_csv(asked.store / ELECTION / "data" / "tables" / "compliance.csv").to_dicts()
    assert rows == [{"day": "2026-02-04T00:00:00.000Z", "posts_removed": 2, "places_removed": 0, "hours_sealed": 1}]


def _made(result: dg.ExecuteInProcessResult) -> list[dg.AssetMaterialization]:
    return [
        event.step_materialization_data.materialization for event in result.all_events if event.is_step_materialization
    ]


def test_an_open_week_is_built_again_by_the_usual_rule(asked: Deployment, x: XServer) -> None:
    """Its hour is newer than its file: what also is made of hours follows."""
    week = window_at(datetime(2026, 2, 4, tzinfo=UTC), Grain.WEEK)
    now = week.end + timedelta(hours=27)
    assert week in open_weeks(asked.election, now)
    for product, partition in (("twitter/tweets", HOUR), ("coverage/weekly", BUILT_WEEK)):
        asked.instance.report_runless_asset_event(dg.AssetMaterialization(key(product), partition=partition))
    with fates(x, {min(ids(asked, TABLE))}):
        assert asked.run(PRODUCT, tags=EVERYTHING).success
    kinds = dg.DagsterEventType.ASSET_MATERIALIZATION
    by_partition = asked.instance.get_latest_storage_id_by_partition
    hour = by_partition(key("twitter/tweets"), kinds, {HOUR})[HOUR]
    coverage = by_partition(key("coverage/weekly"), kinds, {BUILT_WEEK})[BUILT_WEEK]
    assert hour > coverage


def test_without_a_token_what_is_noted_is_taken_out(asked: Deployment) -> None:
    result = asked.without_token().run(PRODUCT)
    assert result.success, failure(result)
    assert metadata(result)["posts_asked"] == 0


def test_a_refusal_of_x_fails_the_run_with_what_to_do(asked: Deployment, x: XServer) -> None:
    x.faults.add(Fault(path="/2/compliance/jobs", preset="unauthorized"))
    said = failure(asked.run(PRODUCT, tags=EVERYTHING))
    assert "check X_BEARER_TOKEN" in said
    assert "the next run goes on from there" in said


def test_two_at_once_are_refused(asked: Deployment) -> None:
    with comply_alone(comply_lock(asked.settings().store_url)):
        assert "wait until it has ended" in failure(asked.run(PRODUCT))


def scheduled(deployment: Deployment, sqlite: dg.DagsterInstance) -> Deployment:
    return Deployment(deployment.folder, deployment.registry, sqlite, deployment.x_url, deployment.token)


def test_the_schedule_asks_daily_where_posts_are_held(built: Deployment, sqlite: dg.DagsterInstance) -> None:
    now = datetime(2026, 2, 17, 3, 40, tzinfo=UTC)
    tick = evaluate(scheduled(built, sqlite), SCHEDULE, now, now)
    assert [request.run_key for request in tick.run_requests or []] == ["comply 2026-02-17"]
    # X's terms last as long as its posts are kept.
    years_later = datetime(2029, 2, 17, 3, 40, tzinfo=UTC)
    tick = evaluate(scheduled(built, sqlite), SCHEDULE, years_later, years_later)
    assert len(tick.run_requests or []) == 1


def test_the_schedule_skips_with_a_reason(
    built: Deployment, sqlite: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bare = scheduled(built, sqlite).without_token()
    tick = evaluate(bare, SCHEDULE, MID_CAMPAIGN, MID_CAMPAIGN)
    assert tick.skip_message == "X may not be asked which posts are gone: set X_BEARER_TOKEN"
    TombstoneArchive(open_store(built.store.as_uri()), ELECTION).plan(
        window_at(datetime(2026, 2, 4, tzinfo=UTC), Grain.DAY), {HOUR}
    )
    assert len(evaluate(bare, SCHEDULE, MID_CAMPAIGN, MID_CAMPAIGN).run_requests or []) == 1
    empty = Deployment(tmp_path_factory.mktemp("empty"), built.registry, sqlite, built.x_url)
    tick = evaluate(empty, SCHEDULE, MID_CAMPAIGN, MID_CAMPAIGN)
    assert tick.skip_message == f"no posts of {ELECTION} are held"
