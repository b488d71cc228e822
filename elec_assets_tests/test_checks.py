"""Each check of stored bytes holds on what was built, and fails on bytes that were tampered with, naming the week."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from elec_assets.assets import tweets
from elec_assets.clients.hour_sealer import SealedHour
from elec_assets.transforms import verification
from elec_assets.transforms.verification import Finding
from elec_assets_tests.deployment import BUILT_WEEK as WEEK
from elec_assets_tests.deployment import ELECTION, Deployment, key

TWEETS, COVERAGE = "twitter", "coverage"
Change = Callable[[pl.DataFrame], pl.DataFrame]
Found = dict[str, dg.AssetCheckEvaluation]


def evaluate(deployment: Deployment, product: str) -> Found:
    """The checks of a product alone, as a person runs them from the UI: of weeks, the newest that was built."""
    job = dg.define_asset_job("by_hand", selection=dg.AssetSelection.checks_for_assets(key(product)))
    definitions = dg.Definitions.merge(deployment.definitions(), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("by_hand").execute_in_process(instance=deployment.instance)
    assert result.success
    return {c.check_name: c for c in result.get_asset_check_evaluations()}


def path(deployment: Deployment, product: str) -> Path:
    return deployment.store / f"{ELECTION}/weekly/{product}/2026_06.parquet"


def failing(found: Found) -> dict[str, str]:
    """What was found wrong by check; `complete` warns anyway, of the hours that nobody sealed."""
    wrong = {name: check for name, check in found.items() if not check.passed and name != verification.COMPLETE}
    for check in wrong.values():
        assert check.severity == dg.AssetCheckSeverity.ERROR
        assert str(check.description).startswith(f"{WEEK}: ")
    return {name: str(check.description).removeprefix(f"{WEEK}: ") for name, check in wrong.items()}


def test_checks_by_hand_hold_on_what_was_built(built: Deployment) -> None:
    for product in (TWEETS, COVERAGE):
        found = evaluate(built, f"{product}/weekly")
        assert failing(found) == {}
        assert found[verification.COMPLETE].metadata["weeks"].value == 1
        assert str(found[verification.COMPLETE].description).startswith(f"{WEEK}: 96 ")


def test_checks_by_hand_before_anything_was_built(deployment: Deployment) -> None:
    assert failing(evaluate(deployment, "twitter/weekly")) == {}
    assert evaluate(deployment, "twitter/weekly")[verification.COLUMNS].metadata["weeks"].value == 0


def first_again(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


def as_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("tweet_id").cast(pl.Int64))


def a_week_later(frame: pl.DataFrame) -> pl.DataFrame:
    last = pl.int_range(pl.len()) == pl.len() - 1
    moved = pl.col("created_at") + pl.duration(days=7)
    return frame.with_columns(pl.when(last).then(moved).otherwise("created_at").alias("created_at"))


@pytest.mark.parametrize(
    ("product", "how", "wanted"),
    [
        pytest.param(
            TWEETS,
            first_again,
            {"ids_unique": "1 ids stand more than once", "not_shrunk": "the CSV holds other rows"},
            id="duplicate id",
        ),
        pytest.param(TWEETS, as_numbers, {"columns": "tweet_id is Int64, not String"}, id="wrong type"),
        pytest.param(
            TWEETS,
            lambda f: f.with_columns(note=pl.lit("x")),
            {"columns": "note is not a column of tweets"},
            id="further column",
        ),
        pytest.param(
            TWEETS, lambda f: f.select(reversed(f.columns)), {"columns": "the order of columns differs"}, id="order"
        ),
        pytest.param(TWEETS, lambda f: f.drop("lang"), {"columns": "lang is None, not String"}, id="missing column"),
        pytest.param(
            TWEETS, lambda f: f.drop("tweet_id"), {"columns": "tweet_id is None, not String"}, id="missing id"
        ),
        pytest.param(TWEETS, a_week_later, {"times_inside_window": "1 rows lie outside"}, id="post of another week"),
        pytest.param(TWEETS, lambda f: f.head(-1), {"not_shrunk": "rows, "}, id="shrunk"),
        pytest.param(COVERAGE, lambda f: f.head(-1), {"ids_unique": "167 rows for 168 hours"}, id="missing hour"),
        pytest.param(
            COVERAGE,
            lambda f: pl.concat([f.head(-1), f.head(1)]),
            {"ids_unique": "1 ids stand more than once, the first 2026-02-02-00:00"},
            id="hour twice",
        ),
        pytest.param(
            COVERAGE, lambda f: f.drop("partition"), {"columns": "partition is None, not String"}, id="no partitions"
        ),
        pytest.param(
            COVERAGE, lambda f: f.drop("outcome"), {"columns": "outcome is None, not String"}, id="no outcomes"
        ),
    ],
)
def test_tampering_is_found(built: Deployment, product: str, how: Change, wanted: dict[str, str]) -> None:
    """A column that the check itself reads and that was missing ended the check with an error, not a finding."""
    stored = path(built, product)
    how(pl.read_parquet(stored)).write_parquet(stored)
    found = failing(evaluate(built, f"{product}/weekly"))
    assert found.keys() == wanted.keys()
    for name, text in wanted.items():
        assert text in found[name]


@pytest.mark.parametrize("product", [TWEETS, COVERAGE])
@pytest.mark.parametrize(
    ("content", "text"), [(None, "there is no weekly file"), (b"PAR1", "the weekly file is damaged")]
)
def test_a_missing_or_damaged_file_is_found(built: Deployment, product: str, content: bytes | None, text: str) -> None:
    stored = path(built, product)
    stored.unlink() if content is None else stored.write_bytes(content)
    assert failing(evaluate(built, f"{product}/weekly")) == {"columns": text}


@pytest.mark.parametrize("keep", [0.0, 0.5])
def test_a_csv_that_is_not_what_the_parquet_says_is_found(built: Deployment, keep: float) -> None:
    """A crash between the two writes left the CSV of before, and every check read the Parquet file only."""
    stored = path(built, TWEETS).with_suffix(".csv.gz")
    whole = stored.read_bytes()
    stored.write_bytes(whole[: int(len(whole) * keep)])
    assert "the CSV holds other rows" in failing(evaluate(built, "twitter/weekly"))["not_shrunk"]


def test_a_candidate_missing_from_the_table_is_found(built: Deployment) -> None:
    assert evaluate(built, "candidates")["all_listed"].passed
    table = built.store / f"{ELECTION}/data/tables/candidates.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("bleroux,", "bleraux,"), encoding="utf-8")
    found = evaluate(built, "candidates")["all_listed"]
    assert (found.passed, found.description) == (False, "missing: bleroux")
    table.unlink()
    assert evaluate(built, "candidates")["all_listed"].description == "missing: amartin, bleroux"


@pytest.mark.parametrize("check", verification.HOUR_CHECKS)
def test_checks_of_hours_name_the_bad_hour(check: str) -> None:
    """Those of the rules that stored bytes cannot break (a sealed hour is made afresh) are told all the same."""
    good = SealedHour("2026-02-04-00:00", stored=True, summary="ok")
    bad = SealedHour("2026-02-04-01:00", stored=False, summary="ok", findings=[Finding(check, "what was found")])
    results = {r.check_name: r for r in tweets._check_results(key("twitter/tweets"), [good, bad])}
    assert {name for name, result in results.items() if not result.passed} == {check}
    assert results[check].description == "1 of 2 hours: 2026-02-04-01:00: what was found"
    assert results[check].metadata["bad"] == dg.MetadataValue.json({"2026-02-04-01:00": "what was found"})
    warned = results[check].severity == dg.AssetCheckSeverity.WARN
    assert warned == (check in verification.SUSPICIONS)
