"""Weekly files of tweets and coverage through Dagster, against an obvious reference."""

import csv
import gzip
import io
import json
from collections import Counter
from datetime import datetime, timedelta

import dagster as dg
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # publishes no types

from elec_assets.domain.tables import COVERAGE, TWEETS
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.deployment import BUILT_DAY, ELECTION, Deployment, failure, key
from elec_assets_tests.deployment import BUILT_WEEK as WEEK

WEEK_START = datetime(2026, 2, 2)  # noqa: DTZ001  # only to name hours
PRODUCTS = ("twitter/weekly", "coverage/weekly")
TWEETS_CSV = f"{ELECTION}/weekly/twitter/2026_06.csv.gz"
COVERAGE_CSV = f"{ELECTION}/weekly/coverage/2026_06.csv.gz"


def cell(value: object) -> str | None:
    """One value as the CSV of this project has it; an empty string is told from null by its quotes."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def reference(tables: list[bytes]) -> bytes:
    """The weekly CSV, row by row, with nothing but the standard library."""
    out = io.StringIO()
    # The null and the empty string are the one thing that the csv module of Python 3.11 cannot tell apart.
    mark = "\ue000"
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(TWEETS.names)
    for data in tables:
        for row in pq.read_table(io.BytesIO(data)).to_pylist():
            writer.writerow([mark if (text := cell(row[name])) == "" else text for name in TWEETS.names])
    return out.getvalue().replace(mark, '""').encode()


def results(result: dg.ExecuteInProcessResult, product: str) -> dict[str, dg.AssetCheckEvaluation]:
    return {c.check_name: c for c in result.get_asset_check_evaluations() if c.asset_key == key(product)}


def failed(result: dg.ExecuteInProcessResult, product: str) -> dict[str, str]:
    """What the checks of a product found, each with the bad partition."""
    return {name: str(c.metadata["bad"].value[WEEK]) for name, c in results(result, product).items() if not c.passed}  # type: ignore[index,call-overload]


def metadata(result: dg.ExecuteInProcessResult, product: str) -> dict[str, object]:
    [event] = [e for e in result.get_asset_materialization_events() if e.asset_key == key(product)]
    return {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}


def test_the_csv_is_what_a_plain_reading_of_the_hours_gives(built: Deployment) -> None:
    tables = built.objects(f"{ELECTION}/data/tables/twitter/")
    assert len(tables) == 24
    plain = gzip.decompress(built.objects()[TWEETS_CSV])
    assert plain == reference([tables[name] for name in sorted(tables)])
    assert plain.count(b"\n") > 200


def test_metadata_tells_what_was_written(built: Deployment) -> None:
    result = built.run(*PRODUCTS, partition=WEEK)
    tables = built.objects(f"{ELECTION}/data/tables/twitter/").values()
    rows = sum(pq.read_metadata(io.BytesIO(table)).num_rows for table in tables)
    plain = gzip.decompress(built.objects()[TWEETS_CSV])
    told = metadata(result, "twitter/weekly")
    assert (told["dagster/partition_row_count"], told["hours_sealed"], told["hours_of_week"]) == (rows, 24, 168)
    assert (told["object"], told["bytes"]) == (TWEETS_CSV, len(built.objects()[TWEETS_CSV]))
    assert told["plain_bytes"] == len(plain)
    told = metadata(result, "coverage/weekly")
    assert told["object"] == COVERAGE_CSV
    # 48 hours before collection began, 96 after the sealed day that nobody asked for.
    outcomes = told["outcomes"]
    assert isinstance(outcomes, dict)
    assert (outcomes["not_planned"], outcomes["not_run"]) == (48, 96)
    assert outcomes.get("ok", 0) + outcomes.get("empty", 0) == 24
    assert (told["planned_h"], told["missed_h"], told["covered_share"]) == (120.0, 96.0, 0.2)


def test_a_week_with_missing_hours_is_built_and_warns(built: Deployment) -> None:
    result = built.run(*PRODUCTS, partition=WEEK)
    assert result.success
    assert failed(result, "twitter/weekly") == {
        "complete": "96 of 120 planned hours are not sealed, the first 2026-02-05-00:00"
    }
    assert failed(result, "coverage/weekly") == {"complete": "96 hours with a gap, the first 2026-02-05-00:00: not_run"}
    warned = [results(result, product)["complete"].severity for product in PRODUCTS]
    assert warned == [dg.AssetCheckSeverity.WARN] * 2


def test_a_week_without_any_hour_is_a_file_with_a_header(deployment: Deployment) -> None:
    assert deployment.run(*PRODUCTS, partition=WEEK).success
    assert gzip.decompress(deployment.objects()[TWEETS_CSV]).decode() == ",".join(TWEETS.names) + "\n"
    coverage = gzip.decompress(deployment.objects()[COVERAGE_CSV]).decode().splitlines()
    assert len(coverage) == 1 + 168


def test_building_again_changes_no_byte(built: Deployment) -> None:
    before = built.objects()
    assert {TWEETS_CSV, COVERAGE_CSV} < set(before)
    assert built.run(*PRODUCTS, partition=WEEK).success
    assert built.objects() == before


def test_coverage_has_every_hour_once_with_its_outcome(deployment: Deployment, x: XServer) -> None:
    """Silence (`empty`), a gap (`error`) and what nobody asked for (`not_run`, `not_planned`) are never the same."""
    x.faults.add(Fault(path="/2/tweets/search/*", skip=2, status=400))
    assert not deployment.run("twitter/tweets", span=BUILT_DAY).success
    built = deployment.run(*PRODUCTS, partition=WEEK)
    assert built.success
    # An hour that was refused has a coverage row and no table: `complete` of the tweets took it for sealed.
    assert failed(built, "twitter/weekly")["complete"].startswith("97 of 120 planned hours are not sealed")
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(deployment.objects()[COVERAGE_CSV]).decode())))
    assert list(rows[0]) == list(COVERAGE.names)
    assert [row["partition"] for row in rows] == [
        (WEEK_START + timedelta(hours=i)).strftime("%Y-%m-%d-%H:%M") for i in range(168)
    ]
    outcomes = [row["outcome"] for row in rows]
    assert outcomes[:48] == ["not_planned"] * 48
    assert outcomes[50] == "error"
    assert rows[50]["missed_s"] == "3600.0"
    assert "X answered 400" in rows[50]["reason"]
    assert Counter(outcomes[72:]) == {"not_run": 96}
    sealed = [row for row in rows[48:72] if row["partition"] != "2026-02-04-02:00"]
    assert {row["outcome"] for row in sealed} <= {"ok", "empty"}
    counts = {row["partition"]: row["rows"] for row in sealed}
    for partition, count in counts.items():
        table = deployment.objects()[f"{ELECTION}/data/tables/twitter/20260204/{partition[11:13]}.parquet"]
        assert pq.read_metadata(io.BytesIO(table)).num_rows == int(count)


def test_a_damaged_hour_stops_its_week_and_is_named(built: Deployment) -> None:
    """The error was polars' own, `File out of specification`, without a word of which of 168 objects it meant."""
    before = built.objects()
    name = f"{ELECTION}/data/tables/twitter/20260204/07.parquet"
    (built.store / name).write_bytes(before[name][:500])
    result = built.run("twitter/weekly", partition=WEEK)
    assert not result.success
    assert name in failure(result)
    assert "seal the hour again" in failure(result)
    assert built.objects()[TWEETS_CSV] == before[TWEETS_CSV]
    assert built.run("twitter/tweets", partition="2026-02-04-07:00").success
    assert built.run("twitter/weekly", partition=WEEK).success
    assert built.objects() == before
