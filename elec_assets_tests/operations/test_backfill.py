"""`elec backfill` against a webserver that answers like Dagster's; the live one is in e2e/test_demo.py."""

import socket
from collections.abc import Iterator

import pytest

from elec_assets.operations.backfill import BackfillReport, backfill
from elec_assets.operations.dagster_api import BackfillProgress, DagsterApi, DagsterUnreachable
from elec_assets_tests.operations.fake_dagster import ASSET, FakeDagster, serving

DAYS = ("2026-11-02", "2026-11-03", "2026-11-04")
KEYS = [f"{day}-{h:02}:00" for day in DAYS for h in range(24)]


@pytest.fixture
def dagster() -> Iterator[FakeDagster]:
    with serving(FakeDagster(keys=KEYS, states=[("COMPLETED_SUCCESS", 24, 0)])) as fake:
        yield fake


def ask(dagster: FakeDagster, first: str, last: str, asset: str = ASSET) -> BackfillReport:
    return backfill(DagsterApi(dagster.url), asset, first, last, lambda _: None)


@pytest.mark.parametrize(
    ("first", "last", "chosen"),
    [
        ("2026-11-03", "2026-11-03", KEYS[24:48]),
        ("2026-11-02", "2026-11-04", KEYS),
        ("2026-11-03-05:00", "2026-11-03-06:00", KEYS[29:31]),
        ("2026-11-03-22:00", "2026-11-04-01:00", KEYS[46:50]),
        ("2026-11-04", "2027-01-01", KEYS[48:]),
        ("2020-01-01", "2026-11-02-00:00", KEYS[:1]),
    ],
)
def test_both_ends_are_included_and_a_date_is_all_its_hours(
    dagster: FakeDagster, first: str, last: str, chosen: list[str]
) -> None:
    dagster.states = [("COMPLETED_SUCCESS", len(chosen), 0)]
    report = ask(dagster, first, last)
    assert dagster.launched == [{"assetSelection": [{"path": ASSET.split("/")}], "partitionNames": chosen}]
    assert (report.first, report.last, report.exit_code) == (chosen[0], chosen[-1], 0)
    assert report.as_dict()["partitions"] == report.as_dict()["materialized"] == len(chosen)


@pytest.mark.parametrize(("first", "last"), [("2026-11-05", "2026-11-06"), ("2026-11-04", "2026-11-02")])
def test_a_span_without_partitions_names_those_there_are(dagster: FakeDagster, first: str, last: str) -> None:
    with pytest.raises(ValueError, match=f"no partition from {first} to {last}; it has {KEYS[0]} to {KEYS[-1]}"):
        ask(dagster, first, last)
    assert dagster.launched == []


def test_an_asset_without_partitions_says_so(dagster: FakeDagster) -> None:
    dagster.keys = []
    with pytest.raises(ValueError, match="it has none"):
        ask(dagster, "2026-11-02", "2026-11-02")


def test_an_unknown_asset_names_those_there_are(dagster: FakeDagster) -> None:
    with pytest.raises(ValueError, match=f"'fr_2027/twitter/tweet' is no asset.*there are: {ASSET}"):
        ask(dagster, "2026-11-02", "2026-11-02", "fr_2027/twitter/tweet")
    assert dagster.launched == []


def test_progress_is_followed_to_the_end(dagster: FakeDagster) -> None:
    dagster.states = [("REQUESTED", 0, 0), ("REQUESTED", 10, 0), ("COMPLETED_SUCCESS", 24, 0)]
    seen: list[BackfillProgress] = []
    report = backfill(DagsterApi(dagster.url), ASSET, DAYS[0], DAYS[0], seen.append)
    assert [p.done for p in seen] == [10, 24]
    assert (seen[-1].over, report.exit_code) == (True, 0)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (("COMPLETED_FAILED", 20, 4), "ended COMPLETED_FAILED"),
        (("CANCELED", 3, 0), "ended CANCELED"),
        (("FAILED", 0, 0), "the daemon lost its head"),
        # Completed, but not everything: Dagster says COMPLETED where runs were cancelled one by one.
        (("COMPLETED", 23, 0), "23 of 24 materialized"),
    ],
)
def test_anything_but_all_of_it_is_a_failure(dagster: FakeDagster, state: tuple[str, int, int], told: str) -> None:
    dagster.states = [state]
    report = ask(dagster, DAYS[0], DAYS[0])
    assert report.exit_code == 1
    assert told in "\n".join(report.lines())


def test_a_refusal_is_told_as_dagster_words_it(dagster: FakeDagster) -> None:
    dagster.refusal = "read only"
    with pytest.raises(DagsterUnreachable, match="refused the backfill: read only"):
        ask(dagster, DAYS[0], DAYS[0])


def test_no_webserver_is_one_sentence_with_advice() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(DagsterUnreachable, match=f"{url}.*start it with.*--url") as raised:
        backfill(DagsterApi(url), ASSET, DAYS[0], DAYS[0], lambda _: None)
    assert "\n" not in str(raised.value)
    assert not DagsterApi(url).alive()


def test_a_proxy_is_not_asked_for_this_machine(dagster: FakeDagster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a company's proxy `elec demo` waited two minutes for its own Dagster, in vain."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert DagsterApi(dagster.url).alive()


@pytest.mark.parametrize("bound", ["2026-11-2", "2026-11-31", "2026-11-02-13", "today", "2026-11-02-13:30", ""])
def test_a_bound_that_is_no_key_asks_for_nothing(bound: str) -> None:
    """`--from 2026-11-2` once stood for the 20th, and would have been paid for (2026-11)."""
    with pytest.raises(ValueError, match="is no date and no partition key"):
        backfill(DagsterApi("http://127.0.0.1:1"), "a/b", bound, "2026-11-08", lambda _: None)
