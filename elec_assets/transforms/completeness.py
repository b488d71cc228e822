"""An hour against what X counts of it: an audit that does not trust our own evidence.

X's counts endpoint tells, for a query, how many posts without retweets it knows of each minute (since 2026-05-04 it
counts no retweets). A post that two queries match is counted for both, so counts of queries cannot be added: one
query's count is the least that there must be. What is compared, minute by minute and query by query, is that count
with the posts held that the query could have matched: all but retweets whose candidates it asks for, and those in
which the matcher found none. Of a minute's queries the one that misses most tells what is missing at least. Posts held
beyond the count (the stream also finds quoted text, X counts none that it withholds) never make up for another minute.

So a ratio below 1 says that X counted posts that are not held. It does not say the opposite: where queries overlap, a
loss among posts that only the smaller one finds may be hidden. Posts deleted after X counted them lower it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.registry import Candidate
from elec_assets.domain.terms import candidate_terms, fold
from elec_assets.domain.windows import epoch_ms, parse_iso

MINUTE_MS = 60_000
# Below this share of what X counted, an hour is suspected of a hole.
LEAST_SHARE = 0.98
# A single post may have been deleted between: one alone is no hole, whatever the share.
_LEAST_POSTS = 2

Minutes = Mapping[int, int]
"""Start of a whole minute, ms since 1970 -> posts."""


@dataclass(frozen=True, slots=True)
class QueryCounts:
    """What X counted for one query, and whom that query asks for (keys of candidates)."""

    candidates: frozenset[str]
    minutes: Minutes


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many posts X counted, at least, in the covered minutes that were compared, and how many of them are held."""

    minutes: int
    counted: int
    held: int


def is_suspicious(counted: int, held: int) -> bool:
    """Whether an hour of which so many posts were counted and held seems to have a hole."""
    return counted - held >= _LEAST_POSTS and held < LEAST_SHARE * counted


class _Bucket(msgspec.Struct):
    start: str
    end: str
    tweet_count: int | None = None
    post_count: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Bucket]


def read_counts(body: bytes) -> dict[int, int]:
    """Posts by minute, of an answer of X's counts endpoint with minutes; a minute that the question cut is left out.

    Raises:
        ValueError: it is no such answer.
        RecursionError: it is nested without end.
    """
    found = {}
    for bucket in msgspec.json.decode(body, type=_Answer).data:
        start, end = epoch_ms(parse_iso(bucket.start)), epoch_ms(parse_iso(bucket.end))
        count = bucket.tweet_count if bucket.tweet_count is not None else bucket.post_count
        if count is None or count < 0:
            raise ValueError(f"the minute {bucket.start} has no count")
        if end - start == MINUTE_MS and start % MINUTE_MS == 0:
            found[start] = count
    return found


def asked_for(query: str, candidates: Iterable[Candidate]) -> frozenset[str]:
    """Keys of the candidates with a term in the query; with one too many the comparison misses, never accuses."""
    text = fold(query)
    return frozenset(c.key for c in candidates if any(fold(term.text) in text for term in candidate_terms(c)))


def completeness(frame: pl.DataFrame, covered: Intervals, counts: Sequence[QueryCounts]) -> Completeness | None:
    """The rows of an hour against counts, in the minutes that are covered whole; None where nothing can be compared."""
    minutes = [
        minute
        for minute in sorted({minute for query in counts for minute in query.minutes})
        if not Intervals.of([(minute, minute + MINUTE_MS)]) - covered
    ]
    if not minutes:
        return None
    posts = frame.lazy().filter(pl.col("kind") != "retweet")
    of_query = [(query.minutes, _held(posts, query.candidates)) for query in counts]
    counted = missing = 0
    for minute in minutes:
        counted += max(told.get(minute, 0) for told, _ in of_query)
        missing += max(max(told.get(minute, 0) - held.get(minute, 0), 0) for told, held in of_query)
    return Completeness(len(minutes), counted, counted - missing)


def _held(posts: pl.LazyFrame, candidates: frozenset[str]) -> dict[int, int]:
    """Posts by minute that a query could have matched."""
    theirs = pl.col("candidates")
    could = (theirs.list.len() == 0) | theirs.list.eval(pl.element().is_in(sorted(candidates))).list.any()
    minute = pl.col("created_at").dt.timestamp("ms") // MINUTE_MS * MINUTE_MS
    return dict(posts.filter(could).group_by(minute.alias("minute")).agg(pl.len()).collect().iter_rows())
