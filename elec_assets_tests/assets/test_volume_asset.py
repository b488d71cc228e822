"""The weekly volume table through Dagster: against the sealed hours, and its checks against bytes tampered with."""

import io
from collections.abc import Callable
from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from elec_assets.domain.tables import VOLUME
from elec_assets.transforms.frames import polars_schema
from elec_assets_tests.deployment import BUILT_WEEK as WEEK
from elec_assets_tests.deployment import ELECTION, Deployment, checks

CSV = f"{ELECTION}/weekly/twitter_volume/2026_06.csv.gz"
PARQUET = f"{ELECTION}/weekly/twitter_volume/2026_06.parquet"


def table(deployment: Deployment) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(deployment.objects()[PARQUET]))


def test_a_week_counts_the_posts_of_its_sealed_hours(built: Deployment) -> None:
    result = built.run("twitter/volume", partition=WEEK)
    assert result.success
    frame = table(built)
    assert dict(frame.schema) == polars_schema(VOLUME)
    assert pl.read_csv(built.objects()[CSV])["posts"].equals(frame["posts"])
    # Two candidates, four kinds, and the five days from Wednesday on that are planned.
    assert frame.height == 2 * 4 * 5 * 24
    sealed = pl.concat(
        pl.read_parquet(io.BytesIO(data))
        for name, data in built.objects(f"{ELECTION}/data/tables/twitter/").items()
        if name.endswith(".parquet")
    ).filter(pl.col("tweet_id") == pl.col("edit_root_id"), pl.col("kind") != "retweet")
    for candidate in ("amartin", "bleroux"):
        counted = frame.filter(pl.col("candidate") == candidate)["posts"].sum()
        assert counted == sealed.filter(pl.col("candidates").list.contains(candidate)).height
    assert frame["posts"].sum() > 200
    # Search alone covered the day: retweets are unknown, not none.
    assert frame.filter(pl.col("kind") == "retweet")["posts"].null_count() == 2 * 5 * 24
    [event] = result.get_asset_materialization_events()
    told = {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}
    assert (told["hours_planned"], told["hours_covered"], told["object"]) == (120, 24, CSV)
    found = checks(result)
    assert {name for name, check in found.items() if not check.passed} == {"complete"}
    assert found["complete"].severity == dg.AssetCheckSeverity.WARN
    assert "96 of 120 planned hours are not counted, the first 2026-02-05-00:00" in str(found["complete"].description)


def test_building_again_changes_no_byte(built: Deployment) -> None:
    assert built.run("twitter/volume", partition=WEEK).success
    before = built.objects()
    assert built.run("twitter/volume", partition=WEEK).success
    assert built.objects() == before


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def late(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("hour") + timedelta(days=7))


def renamed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.rename({"posts": "tweets"})


@pytest.mark.parametrize(
    ("change", "wrong"),
    [(twice, {"keys_unique", "not_shrunk"}), (late, {"times_inside_window"}), (renamed, {"columns"})],
)
def test_checks_find_bytes_tampered_with(
    built: Deployment, change: Callable[[pl.DataFrame], pl.DataFrame], wrong: set[str]
) -> None:
    assert built.run("twitter/volume", partition=WEEK).success
    change(table(built)).write_parquet(built.store / PARQUET)
    job = dg.define_asset_job(
        "by_hand", selection=dg.AssetSelection.checks_for_assets(dg.AssetKey([ELECTION, "twitter", "volume"]))
    )
    definitions = dg.Definitions.merge(built.definitions(), dg.Definitions(jobs=[job]))
    found = checks(definitions.resolve_job_def("by_hand").execute_in_process(instance=built.instance))
    assert {name for name, check in found.items() if not check.passed} - {"complete"} == wrong
