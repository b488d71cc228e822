"""What was true of a played hour, and how what a path kept of it compares."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bench.fault_script import HOUR, Stage
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.rules import search_queries
from elec_assets.domain.windows import Window, created_ms, iso
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.x_documents import reference
from elec_assets.sandbox.x_params import IdRange, first_id
from elec_assets.sandbox.x_search import Searcher

_EVERYTHING = 1 << 40
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Truth:
    """The posts of the hour: all that matched the stream's rules, what search returns, and each post by its id."""

    streamed: frozenset[str]
    searched: frozenset[str]
    posts: Mapping[str, Json]
    deleted: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """What somebody could have had."""
        return self.streamed | self.searched

    def kind(self, tweet_id: str) -> str:
        """Why a post that search does not return cannot be had after its time."""
        if reference(self.posts[tweet_id], "retweeted") is not None:
            return "retweets"
        return "deleted" if tweet_id in self.deleted else "quoted_text"


def truth(stage: Stage) -> Truth:
    """What was true; to be asked once the hour is over and can be searched."""
    streamed = frozenset(stage.x.stream.matching(HOUR.start, HOUR.end))
    posts = {post["id"]: post for post in stage.world.posts(HOUR.start, HOUR.end)}
    deleted = frozenset(key for key in posts if stage.x.stream.deleted(int(key)))
    return Truth(streamed, _searched(stage), posts, deleted)


def _searched(stage: Stage) -> frozenset[str]:
    searcher = Searcher(stage.world, timedelta(0), deleted=stage.x.stream.deleted)
    asked = IdRange(first_id(HOUR.start) - 1, first_id(HOUR.end))
    queries = search_queries(stage.election, HOUR.start, 1024)
    pages = [searcher.page(query, asked, _EVERYTHING, None, "", stage.script.ends) for query in queries]
    return frozenset(post["id"] for page in pages for post in page.posts)


@dataclass(frozen=True, slots=True)
class Holes:
    """Missing time beside the true outages, in seconds; `beyond` is what a hole may exceed its outages by, each."""

    missing_s: float
    outage_s: float
    outages: int
    untold_s: float
    worst_s: float
    beyond_s: float
    untold: tuple[str, ...] = ()

    @property
    def broken(self) -> list[str]:
        """What was not kept of: missing time contains every outage, and exceeds it by so much at most."""
        found = []
        if self.untold_s > 0:
            found.append(f"{self.untold_s:.3f} s of true outages are told as covered: {', '.join(self.untold)}")
        if self.worst_s > self.beyond_s:
            found.append(f"a hole exceeds its outages by {self.worst_s:.1f} s each, {self.beyond_s:g} s promised")
        return found


def holes(missing: Intervals, outages: Intervals, hour: Window, beyond_s: float) -> Holes:
    """Compare the two. Both reach beyond the hour; a hole that begins or ends outside of it counts whole."""
    inside = Intervals.between(hour)
    worst = 0.0
    for span in missing.spans:
        hole = Intervals.of([span])
        if hole & inside:
            held = hole & outages
            worst = max(worst, (hole - held).seconds / max(1, len(held.spans)))
    of_hour = outages & inside
    untold = of_hour - missing
    return Holes(
        missing_s=(missing & inside).seconds,
        outage_s=of_hour.seconds,
        outages=len(of_hour.spans),
        untold_s=untold.seconds,
        worst_s=worst,
        beyond_s=beyond_s,
        untold=tuple(f"{iso(each.start)} to {iso(each.end)}" for each in untold.windows()[:_MOST_TOLD]),
    )


@dataclass(frozen=True, slots=True)
class Loss:
    """What is not in the sealed hour: `unrecoverable` by kind, the rest as sentences in `broken`."""

    unrecoverable: Mapping[str, int]
    broken: list[str]


def loss(true: Truth, kept: frozenset[str], missing: Intervals) -> Loss:
    """Judge every post that could have been had and is not kept.

    What search returns must be there; of the rest only what was made in missing time may be lost.
    """
    lost = true.all - kept
    recoverable = lost & true.searched
    gone: Counter[str] = Counter()
    covered = []
    for tweet_id in lost - recoverable:
        if _within(tweet_id, missing):
            gone[true.kind(tweet_id)] += 1
        else:
            covered.append(tweet_id)
    broken = [f"{len(recoverable)} posts are lost that search returns: {_some(recoverable)}"] if recoverable else []
    if covered:
        told = ", ".join(f"{tweet_id} ({true.kind(tweet_id)})" for tweet_id in sorted(covered)[:_MOST_TOLD])
        broken.append(f"{len(covered)} posts are lost from time that counts as covered: {told}")
    return Loss(dict(sorted(gone.items())), broken)


def false_posts(true: Truth, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """What is wrong with the rows of a sealed hour: posts that are there twice, or not as they were made."""
    told = Counter(str(row["tweet_id"]) for row in rows)
    twice = [key for key, times in told.items() if times > 1]
    invented = [key for key in told if key not in true.all]
    spoilt = [str(row["tweet_id"]) for row in rows if not _as_made(row, true.posts.get(str(row["tweet_id"])))]
    named = {"there twice": twice, "that nobody posted about these candidates": invented, "changed": spoilt}
    return [f"{len(keys)} posts {what}: {_some(keys)}" for what, keys in named.items() if keys]


def _as_made(row: Mapping[str, object], post: Json | None) -> bool:
    if post is None:
        return False
    made = created_ms(int(post["id"]))
    at = row["created_at"]
    return (
        made is not None
        and getattr(at, "timestamp", float)() * 1000 == made
        and all(row[name] == post.get(name) for name in ("author_id", "conversation_id", "lang"))
        and row["retweeted_id"] == reference(post, "retweeted")
    )


def _within(tweet_id: str, missing: Intervals) -> bool:
    made = created_ms(int(tweet_id)) or 0
    return any(start <= made < end for start, end in missing.spans)


def _some(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)[:_MOST_TOLD])


def outages_of(stage: Stage, window: Window) -> Intervals:
    """When nothing was delivered, of a window."""
    return Intervals.of(stage.x.stream.outages(window.start, window.end)) & Intervals.between(window)
