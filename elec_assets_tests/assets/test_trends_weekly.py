"""Weekly files of Google Trends through Dagster: what is in them, what the checks find, coverage of the week."""

import csv
import gzip
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from elec_assets.domain.tables import TABLES as SCHEMAS
from elec_assets_tests.deployment import ELECTION, failure, key
from elec_assets_tests.test_checks import evaluate
from elec_assets_tests.trends_place import BLOCK, DAY, PEOPLE, TABLES, WEEK, Searched, product, searched

WEEKLY = "google_trends/weekly"
FILES = f"{ELECTION}/weekly/google_trends/{{}}/2026_06.{{}}"
LADDER = ("calibrated_interest", "interest_over_time")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    """A block of hours, a day with a second sample, and in another area the week; then the weekly file."""
    with pytest.MonkeyPatch.context() as m, dg.DagsterInstance.ephemeral() as kept:
        for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))]:
            m.delenv(name)
        with searched(tmp_path_factory.mktemp("week"), kept) as place:
            assert place.run(*product("fr", "hourly", *LADDER), span=BLOCK).success
            assert place.run(*product("fr", "daily"), partition=DAY).success
            again = product("fr", "daily", *LADDER)
            assert place.run(*again, partition=DAY, tags={"elec/refresh": "true"}).success
            assert place.run(*product("world", "weekly", *LADDER), partition=WEEK).success
            built = place.run(WEEKLY, "coverage/weekly", partition=WEEK)
            assert built.success, failure(built)
            yield place


@pytest.fixture
def place(made: Searched, tmp_path: Path, bare: pytest.MonkeyPatch) -> Searched:  # noqa: ARG001
    shutil.copytree(made.place.store, tmp_path / "store")
    return replace(made, place=replace(made.place, folder=tmp_path))


def stored(place: Searched, name: str, suffix: str = "parquet") -> bytes:
    return place.place.objects()[FILES.format(name, suffix)]


def partitions_of(place: Searched, table: str) -> list[pl.DataFrame]:
    """The tables of the week's partitions, in the order of the file."""
    found = place.place.objects(f"{ELECTION}/data/tables/google_trends/")
    return [pl.read_parquet(data) for name, data in found.items() if f"/{table}/" in name]


@pytest.mark.parametrize("table", TABLES)
def test_a_file_holds_all_partitions_of_the_week(made: Searched, table: str) -> None:
    everything = pl.read_parquet(stored(made, f"{table}_samples"))
    expected = pl.concat(partitions_of(made, table))
    assert everything.columns == list(SCHEMAS[table].names)
    assert everything.equals(expected.sort(SCHEMAS[table].order))
    assert set(everything["window"]) == ({"hourly", "daily", "weekly"} if table in LADDER else {"daily"})
    assert set(everything["area"]) == ({"fr", "world"} if table in LADDER else {"fr"})


@pytest.mark.parametrize("table", TABLES)
def test_the_main_file_holds_the_latest_sample_alone(made: Searched, table: str) -> None:
    everything, main = (pl.read_parquet(stored(made, name)) for name in (f"{table}_samples", table))
    newest = everything.filter((pl.col("window") != "daily") | (pl.col("sample_no") == 2)) if table in LADDER else main
    assert main.equals(newest)
    assert (main.height < everything.height) == (table in LADDER)


def test_the_csv_says_the_same(made: Searched) -> None:
    for table in TABLES:
        rows = list(csv.reader(io.StringIO(gzip.decompress(stored(made, table, "csv.gz")).decode())))
        assert rows[0] == list(SCHEMAS[table].names)
        assert len(rows) - 1 == pl.read_parquet(stored(made, table)).height


def test_every_exchange_stands_in_the_requests_of_the_week(made: Searched) -> None:
    frame = pl.read_parquet(stored(made, "requests"))
    sent = Counter(request.asked.endpoint for request in made.google.requests)
    assert frame.height == sum(count for endpoint, count in sent.items() if endpoint != "cookie")


def test_coverage_of_the_week_has_every_planned_unit_once(made: Searched) -> None:
    frame = pl.read_parquet(made.place.objects()[f"{ELECTION}/weekly/coverage/2026_06.parquet"])
    trends = frame.filter(pl.col("source") == "google_trends")
    # Collection begins on Wednesday: 5 days, 120 hours, and the week; two areas.
    assert trends.height == len(PEOPLE) * 2 * (120 * 2 + 5 * 5 + 5)
    assert trends.select("table", "area", "window", "candidate", "partition").is_unique().all()
    counts = Counter(trends["outcome"])
    assert counts["ok"] + counts["empty"] == len(PEOPLE) * (2 * 4 + 5 + 2)
    assert set(counts) <= {"ok", "empty", "not_run"}
    assert frame.filter(pl.col("source") == "twitter").height == 168


def test_checks_hold_and_name_the_partitions_that_nobody_asked_for(made: Searched) -> None:
    found = evaluate(made.place, WEEKLY)
    assert {name for name, check in found.items() if not check.passed} == {"complete"}
    assert "of 252 partitions with candidates missing" in str(found["complete"].description)
    assert found["complete"].severity == dg.AssetCheckSeverity.WARN


def test_metadata_tells_of_every_file(made: Searched) -> None:
    [event] = made.place.instance.fetch_materializations(key(WEEKLY), limit=1).records
    assert event.asset_materialization is not None
    told = event.asset_materialization.metadata
    files = told["files"]
    assert isinstance(files, dg.TableMetadataValue)
    assert [record.data["table"] for record in files.records] == [
        *(
            name
            for table in (
                "interest_over_time",
                "interest_by_region",
                "related_topics",
                "related_queries",
                "calibrated_interest",
            )
            for name in (table, f"{table}_samples")
        ),
        "requests",
    ]
    sizes = {str(r.data["object"]): r.data["bytes"] for r in files.records}
    assert sizes == {name: len(made.place.objects()[name]) for name in sizes}
    assert "calibrated_fr" in told


def first_again(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def a_week_later(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("period_start") + pl.duration(days=7))


def test_tampering_is_found_and_the_file_named(place: Searched) -> None:
    """One run of the checks finds them all; which file is said in each."""
    changes: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "related_topics": first_again,
        "related_queries": lambda f: f.drop("query"),
        "interest_over_time": a_week_later,
        "calibrated_interest_samples": lambda f: f.head(-1),
        "interest_by_region": lambda f: f.with_columns(geo_code=pl.lit("FR-ZZZ")),
    }
    for name, change in changes.items():
        path = place.place.store / FILES.format(name, "parquet")
        change(pl.read_parquet(path)).write_parquet(path)
    found = {check: str(e.description) for check, e in evaluate(place.place, WEEKLY).items() if not e.passed}
    assert "related_topics: 2 rows share" in found["keys_unique"]
    assert "related_queries: query is None" in found["columns"]
    assert "interest_over_time: " in found["times_inside_window"]
    assert "calibrated_interest_samples: " in found["not_shrunk"]
    assert "interest_by_region: unknown codes of French regions: FR-ZZZ" in found["regions_known"]


def test_building_again_changes_no_byte(place: Searched) -> None:
    before = place.place.objects()
    assert place.run(WEEKLY, "coverage/weekly", partition=WEEK).success
    assert place.place.objects() == before


def test_a_week_before_collection_has_coverage_of_what_was_asked_then(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    bare: pytest.MonkeyPatch,  # noqa: ARG001
) -> None:
    """With `trends_from` such weeks have files; nothing said what is missing in them (2026-11)."""
    with searched(tmp_path, instance) as made:
        election = made.place.election
        early = replace(election, calendar=replace(election.calendar, trends_from=datetime(2026, 1, 12, tzinfo=UTC)))
        registry = replace(made.place.registry, elections={ELECTION: early})
        place = replace(made, place=replace(made.place, registry=registry))
        assert place.run(*product("fr", "daily", "calibrated_interest"), partition="2026-01-13").success
        built = place.run("coverage/weekly", WEEKLY, partition="2026-01-12")
        assert built.success, failure(built)
        assert place.place.definitions().get_repository_def().get_job(f"{ELECTION}__google_trends_files_of_week")
    frame = pl.read_parquet(place.place.objects()[f"{ELECTION}/weekly/coverage/2026_03.parquet"])
    hours = frame.filter(pl.col("source") == "twitter")
    assert (hours.height, set(hours["outcome"])) == (168, {"not_planned"})
    day = frame.filter((pl.col("partition") == "2026-01-13") & (pl.col("area") == "fr"))
    asked = day.filter(pl.col("table") == "calibrated_interest")
    assert (asked.height, set(asked["outcome"])) == (len(PEOPLE), {"ok"})
    assert set(day.filter(pl.col("table") == "related_topics")["outcome"]) == {"not_run"}
    assert "hourly" not in set(frame["window"].drop_nulls())
