"""Tables of Google Trends through Dagster, in process, against the sandbox of Google Trends."""

import base64
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import polars as pl
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # publishes no types
import pytest

from elec_assets.clients.store import open_store
from elec_assets.domain import layout_trends
from elec_assets.domain.tables import TABLES as SCHEMAS
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.transforms import verification
from elec_assets_tests.deployment import ELECTION, checks, failure, key
from elec_assets_tests.trends_place import BLOCK, DAY, PEOPLE, TABLES, WEEK, Searched, product, searched

TABLE_KEY = f"{ELECTION}/data/tables/google_trends/fr/daily/{{}}/20260205/2026-02-05.parquet"


@dataclass(frozen=True)
class Made:
    """A day of all five tables, made once: not to be changed."""

    place: Searched
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    with pytest.MonkeyPatch.context() as m, dg.DagsterInstance.ephemeral() as kept:
        for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))]:
            m.delenv(name)
        with searched(tmp_path_factory.mktemp("day"), kept) as place:
            yield Made(place, place.run(*product("fr", "daily"), partition=DAY))


@pytest.fixture
def place(tmp_path: Path, instance: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> Iterator[Searched]:  # noqa: ARG001
    with searched(tmp_path, instance) as opened:
        yield opened


@pytest.fixture
def again(made: Made, tmp_path: Path, instance: dg.DagsterInstance, bare: pytest.MonkeyPatch) -> Searched:  # noqa: ARG001
    """A copy of the store of `made`, which may be changed."""
    shutil.copytree(made.place.place.store, tmp_path / "store")
    return replace(made.place, place=replace(made.place.place, folder=tmp_path, instance=instance))


def told(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], dict[str, object]]:
    """Metadata of the materializations of a run, by table and partition."""
    found = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return {
        (str(m.asset_key.path[-1]), str(m.partition)): {name: value.value for name, value in m.metadata.items()}
        for m in found
    }


def picture(metadata: dict[str, object]) -> str:
    text = str(metadata["picture"])
    return base64.b64decode(text.partition("base64,")[2].rstrip(")")).decode()


def test_a_day_makes_all_five_tables_and_tells_of_them(made: Made) -> None:
    assert made.result.success, failure(made.result)
    described = told(made.result)
    assert {name for name, _ in described} == set(TABLES)
    for name in TABLES:
        metadata = described[name, DAY]
        data = made.place.place.objects()[TABLE_KEY.format(name)]
        stored = pq.read_table(io.BytesIO(data))
        assert stored.column_names == list(SCHEMAS[name].names)
        assert metadata["dagster/partition_row_count"] == stored.num_rows > 0
        assert (metadata["object"], metadata["bytes"]) == (TABLE_KEY.format(name), len(data))
        assert sum(dict(metadata["candidates"]).values()) == len(PEOPLE)  # type: ignore[call-overload]
        assert metadata["samples"] == [1]
        assert str(metadata["first"]).endswith("Z")
        assert "missing" not in metadata


def test_the_requests_of_a_run_are_told(made: Made) -> None:
    asked = {metadata["requests"] for metadata in told(made.result).values()}
    endpoints = Counter(request.asked.endpoint for request in made.place.google.requests)
    # The page that gives the cookie is none of them. One comparison, and each candidate alone.
    assert asked == {2 + 4 * len(PEOPLE)}
    assert endpoints["explore"] == 1 + len(PEOPLE)


def test_every_check_of_every_table_holds(made: Made) -> None:
    found = made.result.get_asset_check_evaluations()
    assert len(found) == 5 * len(TABLES) + 1
    assert [check.check_name for check in found if not check.passed] == []


def test_every_table_shows_a_small_picture(made: Made) -> None:
    drawn = {name: picture(metadata) for (name, _), metadata in told(made.result).items() if "picture" in metadata}
    assert set(drawn) == set(TABLES)
    for name, svg in drawn.items():
        assert svg.startswith("<svg")
        assert len(svg) < 8_000, name
        assert all(candidate in svg for candidate in PEOPLE), (name, svg)


def test_queries_and_titles_are_never_in_the_event_log(made: Made) -> None:
    """What people type may name anyone: it is in the tables, and the event log is shown and copied elsewhere."""
    logged = " ".join(str(log) for log in made.place.place.instance.all_logs(made.result.run_id))
    queries = pl.read_parquet(made.place.place.objects()[TABLE_KEY.format("related_queries")])["query"].to_list()
    assert queries
    assert not [query for query in queries if query in logged]
    previews = [metadata["preview"] for metadata in told(made.result).values()]
    assert all(isinstance(preview, dg.TableMetadataValue) and 0 < len(preview.records) <= 5 for preview in previews)
    shown = [
        str(v) for p in previews if isinstance(p, dg.TableMetadataValue) for r in p.records for v in r.data.values()
    ]
    assert max(map(len, shown)) <= len("2026-02-05T00:00:00Z")


def test_a_second_run_asks_nothing_and_changes_no_byte(again: Searched) -> None:
    before, asked = again.place.objects(), len(again.google.requests)
    assert again.run(*product("fr", "daily"), partition=DAY).success
    assert len(again.google.requests) == asked
    assert again.place.objects() == before


def test_the_refresh_tag_asks_again_as_the_next_sample(again: Searched) -> None:
    wanted = product("fr", "daily", "calibrated_interest", "interest_over_time")
    result = again.run(*wanted, partition=DAY, tags={"elec/refresh": "true"})
    assert result.success, failure(result)
    assert [m["samples"] for m in told(result).values()] == [[1, 2]] * 2
    assert [m["requests"] for m in told(result).values()] == [2] * 2


def test_without_leave_stored_documents_are_used(again: Searched) -> None:
    """Whoever has the documents can make the tables."""
    before = again.place.objects()
    (again.place.store / TABLE_KEY.format("related_topics")).unlink()
    assert again.off().run(*product("fr", "daily", "related_topics"), partition=DAY).success
    assert again.place.objects() == before


def test_a_damaged_document_fails_its_partition_and_is_named(again: Searched) -> None:
    document = next(n for n in again.place.objects(f"{ELECTION}/data/raw/") if n.endswith(".json.gz"))
    (again.place.store / document).write_bytes(b"not gzip")
    result = again.run(*product("fr", "daily", "related_topics"), partition=DAY)
    assert not result.success
    assert document in failure(result)


def test_a_table_never_shrinks(again: Searched) -> None:
    path = again.place.store / TABLE_KEY.format("related_topics")
    frame = pl.read_parquet(path)
    pl.concat([frame, frame.head(1).with_columns(request_id=pl.lit("f" * 16))]).write_parquet(path)
    kept = path.read_bytes()
    result = again.run(*product("fr", "daily", "related_topics"), partition=DAY)
    assert not result.success
    assert not checks(result)["not_shrunk"].passed
    assert path.read_bytes() == kept


def test_the_hours_of_a_block_share_one_answer(place: Searched) -> None:
    result = place.run(*product("fr", "hourly", "calibrated_interest"), span=BLOCK)
    assert result.success, failure(result)
    described = told(result)
    assert [described["calibrated_interest", f"2026-02-05-0{hour}:00"]["requests"] for hour in range(4, 8)] == [
        2,
        0,
        0,
        0,
    ]
    assert described["calibrated_interest", "2026-02-05-05:00"]["first"] == "2026-02-05T05:00:00Z"
    endpoints = {request.asked.endpoint for request in place.google.requests}
    assert endpoints == {"cookie", "explore", "multiline"}
    assert {check.asset_key for check in result.get_asset_check_evaluations()} == {
        key("google_trends/fr/hourly/calibrated_interest")
    }


def test_a_refusal_is_no_failed_run_and_says_when_to_go_on(place: Searched) -> None:
    """What was answered is recorded; what is missing is named, with the time to ask again."""
    place.google.faults.add(TrendsFault(path="/trends/api/*", skip=2, preset="too_many_requests"))
    result = place.run(*product("world", "weekly", "interest_by_region", "related_topics"), partition=WEEK)
    assert result.success, failure(result)
    described = told(result)
    assert {name for name, _ in described} == {"interest_by_region"}
    [metadata] = described.values()
    assert (metadata["outcome"], metadata["missing"], metadata["requests"]) == ("refused", 2, 3)
    assert str(metadata["resume_at"]).endswith("Z")
    incomplete = [c for c in result.get_asset_check_evaluations() if not c.passed]
    assert {(c.check_name, c.severity) for c in incomplete} == {("complete", dg.AssetCheckSeverity.WARN)}
    assert len(incomplete) == 2


def test_without_leave_the_run_fails_and_asks_nothing(place: Searched) -> None:
    result = place.off().run(*product("fr", "daily", "related_topics"), partition=DAY)
    assert not result.success
    assert "set ELEC_TRENDS=on" in failure(result)
    assert not place.google.requests
    assert not place.place.objects(f"{ELECTION}/data/tables/")


def test_a_store_of_google_itself_is_never_given_answers_of_a_sandbox(place: Searched) -> None:
    """Raw documents are kept for good: invented searches among real ones could never be told apart again."""
    open_store(place.place.store.as_uri()).put(layout_trends.source(), b'{"google_trends":"google_trends"}')
    before = place.place.objects("state/google_trends/") | place.place.objects(f"{ELECTION}/data/raw/")
    result = place.run(*product("fr", "daily", "related_topics"), partition=DAY)
    assert not result.success
    assert (
        "holds answers of Google Trends, and ELEC_TRENDS_BASE_URL is a sandbox on 127.0.0.1: set another ELEC_STORE. "
        "Nothing was asked"
    ) in failure(result)
    assert not place.google.requests
    assert place.place.objects("state/google_trends/") | place.place.objects(f"{ELECTION}/data/raw/") == before


def test_whose_answers_a_store_holds_is_written_down_before_the_first(made: Made) -> None:
    claimed = made.place.place.objects(layout_trends.source())
    assert [json.loads(data)["google_trends"] for data in claimed.values()] == ["sandbox"]


def test_a_day_outside_the_calendar_is_not_planned(place: Searched) -> None:
    result = place.run(*product("fr", "daily", "related_topics"), partition="2026-02-03")
    assert result.success, failure(result)
    assert [str(m["outcome"]) for m in told(result).values()] == ["not_planned"]
    assert not place.google.requests


def test_unknown_region_codes_are_named(made: Made) -> None:
    frame = pl.read_parquet(made.place.place.objects()[TABLE_KEY.format("interest_by_region")])
    odd = pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("FR-ZZZ")).otherwise("geo_code")
    assert verification.regions_known(frame) == []
    [found] = verification.regions_known(frame.with_columns(geo_code=odd))
    assert "FR-ZZZ" in found.text


def test_rows_that_stand_twice_are_found(made: Made) -> None:
    frame = pl.read_parquet(made.place.place.objects()[TABLE_KEY.format("related_topics")])
    table = SCHEMAS["related_topics"]
    assert verification.keys_unique(frame, table) == []
    [found] = verification.keys_unique(pl.concat([frame, frame.head(1)]), table)
    assert found.text.startswith("2 rows share their request_id")
