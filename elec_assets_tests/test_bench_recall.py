"""The benchmark of recall: its judgement of holes and losses, one script played very fast, and what it reports."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench import recall
from bench.fault_script import HOUR
from bench.peers import recall_ours
from bench.recall_truth import Truth, false_posts, holes, loss
from bench.report import FAILED, WRONG_INPUT, main
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.windows import epoch_ms, from_epoch_ms
from elec_assets.sandbox.posts import BASE, Json, snowflake

START = epoch_ms(HOUR.start)
PROMISED_S = 50.0


def seconds(*spans: tuple[float, float]) -> Intervals:
    """Times of the hour, in seconds after its start."""
    return Intervals.of((START + round(a * 1000), START + round(b * 1000)) for a, b in spans)


def test_a_hole_may_exceed_its_outage_by_what_is_promised() -> None:
    found = holes(seconds((60, 130)), seconds((100, 125)), HOUR, PROMISED_S)
    assert (found.missing_s, found.outage_s, found.outages, found.untold_s, found.worst_s) == (70, 25, 1, 0, 45)
    assert found.broken == []


def test_a_hole_of_two_outages_may_exceed_each() -> None:
    assert holes(seconds((60, 200)), seconds((100, 110), (150, 160)), HOUR, PROMISED_S).worst_s == 60
    assert holes(seconds((60, 200)), NOWHERE, HOUR, PROMISED_S).worst_s == 140


def test_an_outage_that_is_told_as_covered_is_a_broken_promise() -> None:
    found = holes(seconds((60, 120)), seconds((100, 125)), HOUR, PROMISED_S)
    assert found.untold_s == 5
    assert found.broken == ["5.000 s of true outages are told as covered: 2027-02-03T12:02:00Z to 2027-02-03T12:02:05Z"]


def test_a_hole_at_the_edge_of_the_hour_counts_whole() -> None:
    found = holes(seconds((-40, 5)), seconds((-3, 5)), HOUR, PROMISED_S)
    assert (found.missing_s, found.outage_s, found.worst_s) == (5, 5, 37)
    elsewhere = holes(seconds((-400, -5)), NOWHERE, HOUR, PROMISED_S)
    assert (elsewhere.missing_s, elsewhere.worst_s) == (0, 0)


def post(second: float, number: int, **more: Any) -> Json:  # noqa: ANN401 - JSON
    tweet_id = str(snowflake(START + round(second * 1000), BASE, number))
    return {"id": tweet_id, "author_id": "1", "conversation_id": tweet_id, "lang": "fr", **more}


def row(made: Json) -> dict[str, object]:
    at = HOUR.start + timedelta(milliseconds=((int(made["id"]) >> 22) + 1288834974657) - START)
    references = {r["type"]: r["id"] for r in made.get("referenced_tweets", [])}
    kept = {name: made[name] for name in ("author_id", "conversation_id", "lang")}
    return {"tweet_id": made["id"], "created_at": at, "retweeted_id": references.get("retweeted"), **kept}


FOUND = post(10, 1)
RETWEET = post(20, 2, referenced_tweets=[{"type": "retweeted", "id": "5"}])
QUOTE = post(30, 3)
GONE = post(40, 4)
POSTS = (FOUND, RETWEET, QUOTE, GONE)
TRUE = Truth(
    streamed=frozenset(each["id"] for each in POSTS),
    searched=frozenset({FOUND["id"]}),
    posts={each["id"]: each for each in POSTS},
    deleted=frozenset({GONE["id"]}),
)


def test_what_search_cannot_return_may_be_lost_from_missing_time_and_is_counted_by_kind() -> None:
    lost = loss(TRUE, frozenset({FOUND["id"]}), seconds((15, 45)))
    assert lost.broken == []
    assert lost.unrecoverable == {"retweets": 1, "quoted_text": 1, "deleted": 1}


def test_a_post_lost_from_covered_time_is_a_broken_promise() -> None:
    kept = TRUE.all - {RETWEET["id"]}
    assert loss(TRUE, kept, seconds((15, 45))).broken == []
    [sentence] = loss(TRUE, kept, seconds((25, 45))).broken
    assert sentence == f"1 posts are lost from time that counts as covered: {RETWEET['id']} (retweets)"


def test_a_post_that_search_returns_may_not_be_lost_at_all() -> None:
    [sentence] = loss(TRUE, TRUE.all - {FOUND["id"]}, seconds((0, 60))).broken
    assert sentence == f"1 posts are lost that search returns: {FOUND['id']}"


def test_rows_that_are_twice_there_invented_or_changed_are_told() -> None:
    rows = [row(each) for each in POSTS]
    assert false_posts(TRUE, rows) == []
    other = row(post(50, 9))
    told = false_posts(TRUE, [*rows, rows[0], other, {**rows[2], "author_id": "2"}])
    assert [sentence.partition(":")[0] for sentence in told] == [
        "2 posts there twice",
        "1 posts that nobody posted about these candidates",
        "2 posts changed",
    ]
    assert from_epoch_ms(START) == HOUR.start


def figures(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - figures of a path
    return {
        **{"posts": 200, "had": 190, "searchable": 100, "searchable_had": 100, "retweets": 80, "retweets_had": 72},
        **{"connects": 9, "held_up_s": 0.4, "lost": {"retweets": 8}, "broken": []},
        "holes": {"outages": 3, "outage_s": 60.0, "missing_s": 150.0, "untold_s": 0.0, "worst_s": 41.26},
        **more,
    }


def test_the_report_has_a_row_a_script_and_names_what_was_broken() -> None:
    worse = figures(broken=["a promise"], searchable_had=97)
    told = recall.report({("ours", 1): figures(), ("2021", 1): figures(had=150), ("ours", 2): worse})
    assert [each["script"] for each in told.rows] == [1, 2]
    assert told.rows[0]["ours_searchable_%"] == 100.0
    assert told.rows[0]["2021_all_%"] == 75.0
    assert told.rows[0]["worst_excess_s"] == 41.3
    assert told.broken == ["script 2: a promise"]
    assert told.headline["recall_searchable_%_ours_worst"] == 97.0
    assert told.headline["lost_retweets"] == 16


def test_a_broken_promise_ends_the_benchmark_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    told = recall.report({("ours", 1): figures(broken=["a promise"])})
    assert main(recall.parser(), lambda _: told, ["--json"]) == FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["headline"]["broken"] == 1
    assert "broken: script 1: a promise" in said.err


def test_a_wrong_option_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(recall.parser(), recall.bench, ["--speed", "0"]) == WRONG_INPUT
    assert "--speed 0" in capsys.readouterr().err


def test_a_script_can_be_played_and_judged(tmp_path: Path) -> None:
    """At 1,500 times the wall's speed delays of the machine are minutes: only what holds at any speed is asserted."""
    found = recall_ours.run({"seed": 1, "posts": 60, "speed": 1500, "out": str(tmp_path)})
    assert found["rows"] > 10
    assert found["connections"] >= 1
    assert found["waiting"] == 0
    assert 0 < found["holes"]["missing_s"] < 3600
    assert not [sentence for sentence in found["broken"] if "there twice" in sentence or "nobody posted" in sentence]


@pytest.mark.prove
def test_every_promise_holds_on_two_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(recall.parser(), recall.bench, ["--json", "--size", "2", "--seed", "5"]) == 0
    told = json.loads(capsys.readouterr().out)["headline"]
    assert told["recall_searchable_%_ours"] == 100.0
    assert told["recall_%_2021"] < told["recall_%_ours"]
