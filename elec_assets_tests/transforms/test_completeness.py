"""An hour against what X counts of it: a hole is noticed, and nothing else is taken for one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.registry import Candidate, DatedStatus
from elec_assets.domain.windows import Grain, Window, epoch_ms, iso, window_at
from elec_assets.transforms.completeness import (
    MINUTE_MS,
    Completeness,
    QueryCounts,
    asked_for,
    completeness,
    is_suspicious,
    read_counts,
)
from elec_assets.transforms.frames import TIME

HOUR = window_at(datetime(2027, 2, 1, 18, tzinfo=UTC), Grain.HOUR)
START = epoch_ms(HOUR.start)
WHOLE = Intervals.between(HOUR)


def table(*posts: tuple[float, Sequence[str], str]) -> pl.DataFrame:
    """Posts by minute of the hour, candidates and kind."""
    return pl.DataFrame(
        {
            "created_at": [START + int(minute * MINUTE_MS) for minute, _, _ in posts],
            "candidates": [list(candidates) for _, candidates, _ in posts],
            "kind": [kind for _, _, kind in posts],
        },
        schema={"created_at": pl.Int64(), "candidates": pl.List(pl.String()), "kind": pl.String()},
    ).with_columns(pl.col("created_at").cast(TIME))


def counted(minutes: dict[int, int], *candidates: str) -> QueryCounts:
    whole = dict.fromkeys(range(60), 0) | minutes
    return QueryCounts(frozenset(candidates), {START + m * MINUTE_MS: n for m, n in whole.items()})


def test_what_x_counts_and_what_is_held_agree() -> None:
    frame = table((0, ["a"], "original"), (0.5, ["a", "b"], "quote"), (59.9, [], "reply"))
    assert completeness(frame, WHOLE, [counted({0: 2, 59: 1}, "a")]) == Completeness(60, 3, 3)


def test_retweets_do_not_stand_in_for_posts() -> None:
    """X counts none."""
    frame = table((0, ["a"], "retweet"), (0, ["a"], "original"))
    assert completeness(frame, WHOLE, [counted({0: 2}, "a")]) == Completeness(60, 2, 1)


def test_posts_beyond_the_count_do_not_make_up_for_another_minute() -> None:
    frame = table(*[(0, ["a"], "original")] * 9)
    assert completeness(frame, WHOLE, [counted({0: 1, 1: 1}, "a")]) == Completeness(60, 2, 1)


def test_a_post_of_two_queries_is_not_expected_twice() -> None:
    frame = table((0, ["a", "b"], "original"))
    assert completeness(frame, WHOLE, [counted({0: 1}, "a"), counted({0: 1}, "b")]) == Completeness(60, 1, 1)


def test_a_candidate_whose_posts_are_all_missing_is_noticed_beside_a_greater_one() -> None:
    """As when its rule was not in force: the posts of others must not stand in for its own."""
    frame = table(*[(0, ["a"], "original")] * 50)
    found = completeness(frame, WHOLE, [counted({0: 50}, "a"), counted({0: 10}, "b")])
    assert found == Completeness(60, 50, 40)


def test_only_minutes_that_are_covered_whole_are_compared() -> None:
    covered = Intervals.of([(START, START + 90_000)])
    assert completeness(table(), covered, [counted(dict.fromkeys(range(60), 1), "a")]) == Completeness(1, 1, 0)
    assert completeness(table(), NOWHERE, [counted({}, "a")]) is None
    assert completeness(table(), WHOLE, []) is None


def test_one_deleted_post_is_no_hole() -> None:
    assert not is_suspicious(10, 9)
    assert is_suspicious(10, 8)
    assert not is_suspicious(1000, 980)
    assert is_suspicious(1000, 979)
    assert not is_suspicious(0, 0)


POSTS = st.lists(st.tuples(st.integers(0, 5), st.sets(st.sampled_from("abc")), st.booleans()), max_size=40)


@given(POSTS, st.sets(st.integers(0, 39)))
def test_a_complete_hour_is_never_accused_and_no_more_is_called_missing_than_is(
    posts: list[tuple[int, set[str], bool]], lost: set[int]
) -> None:
    """Queries that ask for a and b, and for b and c: X counts what matches them, we hold all of it or lose some."""
    queries = [frozenset("ab"), frozenset("bc")]
    found = [(m, tuple(sorted(c)), "retweet" if rt else "original") for m, c, rt in posts]
    counts = [
        counted({m: sum(1 for at, c, k in found if at == m and k == "original" and q & set(c)) for m in range(6)}, *q)
        for q in queries
    ]
    whole = completeness(table(*found), WHOLE, counts)
    assert whole is not None
    assert whole.held == whole.counted
    kept = [post for number, post in enumerate(found) if number not in lost]
    told = completeness(table(*kept), WHOLE, counts)
    assert told is not None
    gone = sum(1 for number, (_, c, k) in enumerate(found) if number in lost and k == "original" and c)
    assert 0 <= told.counted - told.held <= gone


def answer(*buckets: tuple[datetime, timedelta, object], name: str = "tweet_count") -> bytes:
    data = [{"start": iso(start), "end": iso(start + length), name: count} for start, length, count in buckets]
    return json.dumps({"data": data, "meta": {"total_tweet_count": 1}}).encode()


MINUTE = timedelta(minutes=1)


def test_counts_are_read_in_both_spellings_and_cut_minutes_left_out() -> None:
    for name in ("tweet_count", "post_count"):
        body = answer((HOUR.start, MINUTE, 5), (HOUR.start + MINUTE, MINUTE / 2, 7), (HOUR.end, MINUTE, 0), name=name)
        assert read_counts(body) == {START: 5, START + 60 * MINUTE_MS: 0}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"data":7}',
        b'{"data":[{"start":"x","end":"y","tweet_count":1}]}',
        answer((HOUR.start, MINUTE, None)),
        answer((HOUR.start, MINUTE, -1)),
        answer((HOUR.start, MINUTE, 1), name="other"),
    ],
)
def test_what_is_no_count_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_counts(body)


def test_a_query_asks_for_the_candidates_whose_terms_it_holds() -> None:
    people = [
        Candidate("a", "Élodie Un", (DatedStatus(1),), ("Compte_1",)),
        Candidate("b", "Jean Deux", (DatedStatus(1),), ("Compte_2",)),
        Candidate("c", "Rémi Trois", (DatedStatus(1),), (), terms=("#sigle",)),
    ]
    assert asked_for('("ELODIE UN" OR @compte_2 OR from:compte_2) lang:fr', people) == {"a", "b"}
    assert asked_for("(#sigle)", people) == {"c"}


def test_an_hour_out_of_the_window_holds_none_of_its_minutes() -> None:
    later = Window(HOUR.end, HOUR.end + timedelta(hours=1))
    assert completeness(table(), Intervals.between(later), [counted({0: 1}, "a")]) is None
