"""The sensor that looks at prefixes and batches: events when data moved, by data time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import obstore
import pytest
from obstore.store import S3Store

from elec_assets.clients.watch_seen import read_seen
from elec_assets.domain import layout_alerts
from elec_assets.domain.watches import Watch
from elec_assets.transforms.watch_state import Seen
from elec_assets_tests.alerting import LOOK, START, Alerting, settings_of
from elec_assets_tests.deployment import ELECTION, write_registry
from elec_assets_tests.s3 import Bucket, Servers

MINUTE = timedelta(minutes=1)


def alerting(folder: Path, instance: dg.DagsterInstance, *watches: Watch) -> Alerting:
    settings = settings_of(folder, alert_phone=None)
    return Alerting(folder, write_registry(folder), instance, settings, {watch.name: watch for watch in watches})


def seen(place: Alerting) -> Seen:
    found = read_seen(place.store)
    assert found is not None
    return found


def test_batches_are_new_when_a_journal_proves_newer_time(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    place = alerting(tmp_path, instance)
    place.look()
    assert seen(place).batches == {}
    place.captured(START)
    place.look()
    assert seen(place).batches[ELECTION].covered_to == START
    [event] = place.events(ELECTION, "twitter", "batches")
    assert event.metadata["fresh_at"].value == "2026-02-16T12:00:00Z"
    assert str(event.metadata["key"].value).endswith("20260216_1155_0123abcd.journal.json")
    place.look()
    place.captured(START)  # sent again
    place.restarted().look()
    assert len(place.events(ELECTION, "twitter", "batches")) == 1
    place.captured(START + 5 * MINUTE)
    place.look(step=5 * MINUTE)
    assert len(place.events(ELECTION, "twitter", "batches")) == 2
    assert place.store.find(layout_alerts.watches()) is not None


def test_just_after_midnight_yesterdays_journals_count(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    place = alerting(tmp_path, instance)
    midnight = datetime(2026, 2, 17, tzinfo=UTC)
    place.captured(midnight)
    place.now = midnight
    place.look()
    assert seen(place).batches[ELECTION].covered_to == midnight


def test_a_journal_that_cannot_be_read_proves_nothing_and_stops_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    place = alerting(tmp_path, instance)
    place.captured(START - 5 * MINUTE)
    key = f"{ELECTION}/data/raw/twitter/20260216/20260216_1155_0123abcd.journal.json"
    place.store.put(key, b"{")
    place.look()
    assert seen(place).batches[ELECTION].covered_to == START - 5 * MINUTE


def test_where_nothing_is_watched_the_tick_says_so(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    place = alerting(tmp_path, instance)
    place.now = datetime(2027, 1, 1, tzinfo=UTC)
    place.look()
    assert place.store.find(layout_alerts.watches()) is None


@pytest.fixture
def bucket(s3_servers: Servers, bare: pytest.MonkeyPatch) -> Bucket:
    made = s3_servers.bucket("moto")
    for name, value in made.environment.items():
        bare.setenv(name, value)
    return made


def put(bucket: Bucket, key: str) -> None:
    obstore.put(S3Store(bucket.name, client_options={"allow_http": True}), key, b"x")


def test_every_prefix_has_a_state_an_asset_and_events_of_its_own(
    tmp_path: Path, instance: dg.DagsterInstance, bucket: Bucket
) -> None:
    """Uploads have the time of this machine: so has the clock of this test."""
    watches = [
        Watch("fresh", bucket.name, "fresh/", 600, owner="the other team"),
        Watch("empty", bucket.name, "empty/", 600),
        Watch("gone", "no-such-bucket", "", 600),
    ]
    place = alerting(tmp_path, instance, *watches)
    place.now = now = datetime.now(UTC)
    at = now - 7 * MINUTE
    put(bucket, f"fresh/{at - 5 * MINUTE:%Y%m%d}/{at - 5 * MINUTE:%H%M}.gz")
    put(bucket, f"fresh/{at:%Y%m%d}/{at:%H%M}.gz")
    place.look()
    assert {name: each.state for name, each in seen(place).watches.items()} == {
        "fresh": "found",
        "empty": "empty",
        "gone": "no bucket",
    }
    [event] = place.events("watch", "fresh")
    assert event.metadata["key"].value == f"fresh/{at:%Y%m%d}/{at:%H%M}.gz"
    assert [place.events("watch", name) for name in ("empty", "gone")] == [[], []]
    since = seen(place).watches["gone"].since
    put(bucket, f"fresh/{at:%Y%m%d}/{at:%H%M}.gz")  # a stuck writer sends its last file again
    place.look()
    assert len(place.events("watch", "fresh")) == 1
    assert seen(place).watches["gone"].since == since
    put(bucket, f"fresh/{now:%Y%m%d}/{now:%H%M}.gz")
    place.look()
    assert len(place.events("watch", "fresh")) == 2
    specs = {spec.key.to_user_string(): spec for spec in place.definitions.resolve_all_asset_specs()}
    spec = specs["watch/fresh"]
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(fail_window=10 * MINUTE)
    assert (spec.group_name, spec.owners) == ("watch", ["team:elec_assets"])
    assert "Asked about it: the other team." in str(spec.description)


def test_data_seen_before_a_prefix_could_not_be_listed_is_remembered(
    tmp_path: Path, instance: dg.DagsterInstance, bucket: Bucket, bare: pytest.MonkeyPatch
) -> None:
    place = alerting(tmp_path, instance, Watch("w", bucket.name, "w/", 600))
    place.now = datetime.now(UTC)
    put(bucket, f"w/{place.now:%Y%m%d}/{place.now:%H%M}.gz")
    place.look()
    fresh_at = seen(place).watches["w"].fresh_at
    assert fresh_at is not None
    bare.delenv("AWS_ACCESS_KEY_ID")
    bare.delenv("AWS_SECRET_ACCESS_KEY")
    bare.setenv("AWS_EC2_METADATA_DISABLED", "true")
    place.look(step=LOOK)
    lost = seen(place).watches["w"]
    assert lost.state != "found"
    assert (lost.fresh_at, bool(lost.said)) == (fresh_at, True)
