"""Hours of tweets through Dagster, in process, against the sandbox of X."""

import io
import json
from collections import Counter

import dagster as dg
import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # publishes no types
import pytest

from elec_assets.clients.store import open_store
from elec_assets.domain.windows import Grain, Window, key_of, parse_iso, split, window_of_key
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.captured import upload_quiet
from elec_assets_tests.deployment import ELECTION, Deployment, checks, failure, key

TWEETS = "twitter/tweets"
HOUR = "2026-02-05-18:00"
DAY = ("2026-02-05-00:00", "2026-02-05-23:00")
MORNING = ("2026-02-05-09:00", "2026-02-05-11:00")
FORBIDDEN = {"text", "quoted_text", "author_name", "author_username"}


def table_key(partition: str) -> str:
    day, hour = partition[:10].replace("-", ""), partition[11:13]
    return f"{ELECTION}/data/tables/twitter/{day}/{hour}.parquet"


def coverage_of(deployment: Deployment, partition: str) -> dict[str, object]:
    day, hour = partition[:10].replace("-", ""), partition[11:13]
    found = json.loads(deployment.objects()[f"{ELECTION}/data/coverage/twitter/{day}/{hour}.json"])
    assert isinstance(found, dict)
    return found


def metadata(event: dg.DagsterEvent) -> dict[str, object]:
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


def recorded(deployment: Deployment) -> Counter[str]:
    """How often each hour was recorded."""
    records = deployment.instance.fetch_materializations(key(TWEETS), limit=500).records
    return Counter(str(record.partition_key) for record in records)


def test_an_hour_is_stored_and_described(deployment: Deployment) -> None:
    result = deployment.run(TWEETS, partition=HOUR)
    assert result.success
    [event] = result.get_asset_materialization_events()
    assert event.partition == HOUR
    told = metadata(event)
    table = deployment.objects()[table_key(HOUR)]
    stored = pq.read_table(io.BytesIO(table), columns=["tweet_id", "created_at"])
    assert stored.num_rows > 0
    assert told["dagster/partition_row_count"] == stored.num_rows
    assert told["object"] == table_key(HOUR)
    assert told["bytes"] == len(table)
    assert told["outcome"] == "ok"
    assert (told["planned_s"], told["filled_s"], told["missed_s"]) == (3600.0, 3600.0, 0.0)
    times = [parse_iso(str(told[name])) for name in ("first", "last")]
    assert times == [stored["created_at"][0].as_py(), stored["created_at"][-1].as_py()]
    assert all(str(told[name]).endswith("Z") for name in ("first", "last"))


def test_text_of_posts_is_never_in_the_event_log(deployment: Deployment) -> None:
    """X forbids publishing posts, and the event log is shown, copied and kept elsewhere."""
    result = deployment.run(TWEETS, partition=HOUR)
    [event] = result.get_asset_materialization_events()
    preview = event.step_materialization_data.materialization.metadata["preview"]
    assert isinstance(preview, dg.TableMetadataValue)
    assert 0 < len(preview.records) <= 5
    assert not FORBIDDEN & {name for record in preview.records for name in record.data}
    frame = pl.read_parquet(deployment.objects()[table_key(HOUR)])
    logged = " ".join(str(log) for log in deployment.instance.all_logs(result.run_id))
    texts = [text for text in frame["text"].to_list() if len(text) > 20]
    assert texts
    assert not [text for text in texts if text in logged]


def test_a_run_of_a_day_records_each_hour_once(deployment: Deployment) -> None:
    result = deployment.run(TWEETS, span=DAY)
    assert result.success
    hours = split(Window(parse_iso("2026-02-05T00:00:00Z"), parse_iso("2026-02-06T00:00:00Z")), Grain.HOUR)
    assert recorded(deployment) == dict.fromkeys((key_of(h, Grain.HOUR) for h in hours), 1)
    for event in result.get_asset_materialization_events():
        told = metadata(event)
        table = deployment.objects()[table_key(str(event.partition))]
        assert told["object"] == table_key(str(event.partition))
        assert told["dagster/partition_row_count"] == pq.read_metadata(io.BytesIO(table)).num_rows
    assert {name: check.passed for name, check in checks(result).items()} == dict.fromkeys(
        ("columns", "ids_unique", "times_inside_window", "not_shrunk", "complete", "completeness"), True
    )


def test_running_again_asks_x_nothing_and_changes_no_byte(deployment: Deployment, x: XServer) -> None:
    assert deployment.run(TWEETS, span=MORNING).success
    asked, before = len(x.requests), deployment.objects()
    assert asked >= 3
    assert deployment.run(TWEETS, span=MORNING).success
    assert deployment.run(TWEETS, partition=MORNING[0]).success
    assert len(x.requests) == asked
    assert deployment.objects() == before


def test_the_refresh_tag_asks_again_under_new_names(deployment: Deployment, x: XServer) -> None:
    assert deployment.run(TWEETS, partition=HOUR).success
    before, asked = deployment.objects(), len(x.requests)
    assert deployment.run(TWEETS, partition=HOUR, tags={"elec/refresh": "true"}).success
    after = deployment.objects()
    raw = f"{ELECTION}/data/raw/"
    assert len(x.requests) == 2 * asked
    assert {n: b for n, b in after.items() if n in before and n.startswith(raw)} == deployment_raw(before)
    assert len(deployment_raw(after)) == 2 * len(deployment_raw(before))
    rows = [pl.read_parquet(found[table_key(HOUR)])["tweet_id"].to_list() for found in (before, after)]
    assert rows[0] == rows[1]


def deployment_raw(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in objects.items() if name.startswith(f"{ELECTION}/data/raw/")}


def test_without_credentials_the_run_fails_and_writes_nothing(deployment: Deployment) -> None:
    result = deployment.without_token().run(TWEETS, span=MORNING)
    assert not result.success
    assert "3 of 3 hours were not sealed" in failure(result)
    assert "set X_BEARER_TOKEN and ELEC_X_BUDGET_USD" in failure(result)
    assert deployment.objects(f"{ELECTION}/") == {}
    assert not recorded(deployment)


def test_without_credentials_stored_objects_are_used(deployment: Deployment) -> None:
    """Whoever has the raw objects can make the tables."""
    assert deployment.run(TWEETS, partition=HOUR).success
    before = deployment.objects()
    (deployment.store / table_key(HOUR)).unlink()
    assert deployment.without_token().run(TWEETS, partition=HOUR).success
    assert deployment.objects() == before


def test_an_hour_outside_the_calendar_is_not_planned(deployment: Deployment, x: XServer) -> None:
    """Partitions begin on the Monday of the week; collection begins on Wednesday."""
    result = deployment.run(TWEETS, partition="2026-02-03-23:00")
    assert result.success
    [event] = result.get_asset_materialization_events()
    assert metadata(event)["outcome"] == "not_planned"
    assert not x.requests
    assert not deployment.objects(f"{ELECTION}/data/tables/")


def test_a_refused_hour_does_not_hold_back_the_others(deployment: Deployment, x: XServer) -> None:
    x.faults.add(Fault(path="/2/tweets/search/*", skip=1, status=400))
    result = deployment.run(TWEETS, span=MORNING)
    assert not result.success
    assert "1 of 3 hours were not sealed" in failure(result)
    assert "2026-02-05-10:00: error" in failure(result)
    assert recorded(deployment) == {"2026-02-05-09:00": 1, "2026-02-05-11:00": 1}
    assert coverage_of(deployment, "2026-02-05-10:00")["outcome"] == "error"
    complete = checks(result)["complete"]
    assert not complete.passed
    assert complete.severity == dg.AssetCheckSeverity.WARN
    assert str(complete.metadata["bad"].value).startswith("{'2026-02-05-10:00': '3600 s missing: error")
    # What is missing, and only that, is asked for by the next run.
    asked = len(x.requests)
    assert deployment.run(TWEETS, span=MORNING).success
    assert len(x.requests) == asked + 1
    assert coverage_of(deployment, "2026-02-05-10:00")["outcome"] == "ok"


def test_a_wrong_token_is_asked_once(deployment: Deployment, x: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 ends every question of the run: X counts attempts."""
    monkeypatch.setenv("X_BEARER_TOKEN", "wrong")
    result = deployment.run(TWEETS, span=MORNING)
    assert not result.success
    assert "check X_BEARER_TOKEN" in failure(result)
    assert len(x.requests) == 1
    assert not recorded(deployment)


def test_a_table_never_shrinks(deployment: Deployment) -> None:
    """Raw objects that went missing must not take rows away; the check names the hour and the table stays."""
    assert deployment.run(TWEETS, span=MORNING).success
    path = deployment.store / table_key("2026-02-05-10:00")
    frame = pl.read_parquet(path)
    more = pl.concat([frame, frame.head(1).with_columns(tweet_id=pl.lit("1"))])
    more.write_parquet(path)
    kept = path.read_bytes()
    result = deployment.run(TWEETS, span=MORNING)
    assert not result.success
    found = checks(result)["not_shrunk"]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert found.metadata["bad"].value == {"2026-02-05-10:00": f"{frame.height} rows, {more.height} before"}
    assert path.read_bytes() == kept
    assert recorded(deployment) == {"2026-02-05-09:00": 2, "2026-02-05-10:00": 1, "2026-02-05-11:00": 2}


def test_a_damaged_table_is_made_again(deployment: Deployment) -> None:
    """Tables are derived: one that cannot be read failed every later run of its hour instead of being replaced."""
    assert deployment.run(TWEETS, partition=HOUR).success
    before = deployment.objects()
    (deployment.store / table_key(HOUR)).write_bytes(before[table_key(HOUR)][:1000])
    result = deployment.run(TWEETS, partition=HOUR)
    assert result.success, failure(result)
    assert deployment.objects() == before


def test_a_damaged_raw_object_stops_its_hour_and_is_named(deployment: Deployment) -> None:
    """Nothing is made of half of what was received; the other hours of the run are sealed."""
    assert deployment.run(TWEETS, span=MORNING).success
    name = next(n for n in deployment.objects(f"{ELECTION}/data/raw/") if "_10_" in n and n.endswith(".json.gz"))
    (deployment.store / name).write_bytes(b"not gzip")
    before = deployment.objects()
    result = deployment.run(TWEETS, span=MORNING)
    assert not result.success
    assert name in failure(result)
    assert deployment.objects() == before


def test_a_captured_hour_says_so_and_x_counts_behind_it(deployment: Deployment, x: XServer) -> None:
    """The service was connected all the time, and X sent none of the posts that it counts: the check tells."""
    store = open_store(deployment.store.as_uri())
    upload_quiet(store, ELECTION, window_of_key(HOUR, Grain.HOUR), b'{"data":{"id":"1"}}\r\n')
    result = deployment.run(TWEETS, partition=HOUR)
    assert result.success
    told = metadata(result.get_asset_materialization_events()[0])
    assert (told["captured_s"], told["filled_s"], told["retweets_missed_s"]) == (3600.0, 0.0, 0.0)
    assert (told["outcome"], told["batches"], told["rejects"]) == ("empty", 12, 1)
    assert {r.path for r in x.requests} == {"/2/tweets/counts/all"}
    counted = told["counted"]
    assert isinstance(counted, int)
    assert counted > 10
    assert (told["held"], told["completeness"]) == (0, 0.0)
    audit = checks(result)["completeness"]
    assert (audit.passed, audit.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert f"X counted at least {counted} posts in covered time" in str(audit.metadata["bad"].value)
    assert checks(result)["complete"].passed
    again = deployment.run(TWEETS, partition=HOUR, tags={"elec/refresh": "true"})
    assert checks(again)["completeness"].passed
    told = metadata(again.get_asset_materialization_events()[0])
    assert (told["outcome"], told["completeness"]) == ("ok", 1.0)
