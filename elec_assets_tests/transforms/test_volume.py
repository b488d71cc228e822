"""Volume of an hour: against a count post by post, and against what coverage says."""

from datetime import UTC, date, datetime, timedelta
from random import Random

import polars as pl
import pytest

from elec_assets.domain import calendar
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Calendar, Candidate, CapturePlan, DatedStatus, Election
from elec_assets.domain.tables import VOLUME
from elec_assets.domain.windows import HOUR, Window, epoch_ms, from_epoch_ms
from elec_assets.transforms.coverage import Counts, HourCoverage, hour_coverage
from elec_assets.transforms.frames import polars_schema
from elec_assets.transforms.volume import KINDS, RETWEET, covered, hour_volume

START = datetime(2027, 2, 1, tzinfo=UTC)
FIRST = Window(START, START + HOUR)
DATES = Calendar(START, START + timedelta(days=60), (date(2028, 1, 1),), date(2028, 6, 1))
WHOLE, SLOTS = CapturePlan(), CapturePlan("slots", slots=10, slot_s=60)
Post = tuple[int, str, list[str]]
"""A post: ms since the hour's start, kind, matched_by."""


def election(plan: CapturePlan = WHOLE) -> Election:
    always = (DatedStatus(1),)
    late = START + 2 * HOUR
    people = {
        "ada": Candidate("ada", "Ada", always),
        "bob": Candidate("bob", "Bob", always),
        "eve": Candidate("eve", "Eve", always, since=late),
    }
    return Election("xx", "Test", "XX", DATES, people, capture=plan)


def sealed(posts: list[Post], edits: tuple[int, ...] = ()) -> pl.DataFrame:
    """Posts as a sealed hour has them; those at the places in `edits` are later versions of another post."""
    ids = [str(1000 + i) for i in range(len(posts))]
    return pl.DataFrame(
        {
            "tweet_id": ids,
            "edit_root_id": ["7" if i in edits else ids[i] for i in range(len(posts))],
            "created_at": [from_epoch_ms(epoch_ms(START) + at) for at, _, _ in posts],
            "kind": [kind for _, kind, _ in posts],
            "matched_by": [matched for _, _, matched in posts],
        },
        schema={
            "tweet_id": pl.String,
            "edit_root_id": pl.String,
            "created_at": pl.Datetime("ms", "UTC"),
            "kind": pl.String,
            "matched_by": pl.List(pl.String),
        },
    )


def row_of(plan: Intervals, captured: Intervals, filled: Intervals) -> HourCoverage:
    none = Counts(rows=1, received=1, duplicates=0, strays=0, rejects=0, raw_objects=1, queries=1)
    causes = {Outcome.PARTIAL: "cut"}
    return hour_coverage("xx", FIRST, planned=plan, captured=captured, filled=filled, causes=causes, counts=none)


def whole(plan: Intervals) -> HourCoverage:
    return row_of(plan, plan, NOWHERE)


def cell(frame: pl.DataFrame, candidate: str, kind: str) -> dict[str, object]:
    (row,) = frame.filter((pl.col("candidate") == candidate) & (pl.col("kind") == kind)).to_dicts()
    return row


def test_counts_equal_a_count_post_by_post() -> None:
    draw = Random(5)  # noqa: S311 - test data
    reasons = ["ada:name", "ada:shared_account", "bob:own_account", "bob:shared_account", "bob:term"]
    posts: list[Post] = [
        (draw.randrange(3_600_000), draw.choice(KINDS), sorted(draw.sample(reasons, draw.randint(0, 3))))
        for _ in range(500)
    ]
    edits = tuple(draw.sample(range(500), 40))
    race = election(SLOTS)
    plan = calendar.planned(race, FIRST)
    heard = plan & Intervals.of([(epoch_ms(START), epoch_ms(START) + 2_000_000)])
    searched = plan & Intervals.of([(epoch_ms(START) + 2_000_000, epoch_ms(START) + 3_000_000)])
    made = hour_volume(race, FIRST, sealed(posts, edits), row_of(plan, heard, searched))
    assert made.height == 2 * 4
    for candidate in ("ada", "bob"):
        for kind in KINDS:
            time = heard if kind == RETWEET else heard | searched
            counted = [
                why
                for i, (at, what, why) in enumerate(posts)
                if what == kind
                and i not in edits
                and any(a <= epoch_ms(START) + at < b for a, b in time.spans)
                and any(reason.startswith(f"{candidate}:") for reason in why)
            ]
            shared = {f"{candidate}:shared_account"}
            own = [why for why in counted if {w for w in why if w.startswith(f"{candidate}:")} - shared]
            found = cell(made, candidate, kind)
            assert (found["posts"], found["posts_own"]) == (len(counted), len(own))
            assert found["weight"] == 3600 / time.seconds
            assert found["estimate"] == pytest.approx(len(counted) * 3600 / time.seconds)
            assert found["coverage"] == pytest.approx(time.seconds / 600)


def test_silence_is_zero_and_a_gap_is_null() -> None:
    plan = calendar.planned(election(), FIRST)
    silent = hour_volume(election(), FIRST, sealed([]), whole(plan))
    assert silent["posts"].to_list() == [0] * 8
    assert set(silent["outcome"]) == {"ok"}
    gap = hour_volume(election(), FIRST, None, None)
    assert gap.select("posts", "posts_own", "weight", "estimate", "estimate_own").null_count().row(0) == (8,) * 5
    assert (set(gap["coverage"]), set(gap["outcome"])) == ({0.0}, {"not_run"})


def test_retweets_that_search_alone_covered_are_unknown() -> None:
    """Search has returned none since May 2026: zero would be a claim."""
    plan = calendar.planned(election(), FIRST)
    made = hour_volume(election(), FIRST, sealed([(5, "original", ["ada:name"])]), row_of(plan, NOWHERE, plan))
    assert cell(made, "ada", RETWEET)["posts"] is None
    assert cell(made, "ada", "original")["posts"] == 1
    assert cell(made, "ada", "original")["weight"] == 1.0


def test_what_came_beside_the_plan_has_no_weight() -> None:
    """The connection listens for several elections: each post of it would stand for six of this one."""
    race = election(SLOTS)
    plan = calendar.planned(race, FIRST)
    beside = Intervals.between(FIRST) - plan
    posts: list[Post] = [(a - epoch_ms(START), "original", ["ada:name"]) for a, _ in (*plan.spans, *beside.spans)]
    made = hour_volume(race, FIRST, sealed(sorted(posts)), whole(plan))
    assert cell(made, "ada", "original")["posts"] == len(plan.spans)


def test_only_candidates_followed_have_rows_and_hours_without_plan_none() -> None:
    later = Window(START + 2 * HOUR, START + 3 * HOUR)
    assert set(hour_volume(election(), FIRST, None, None)["candidate"]) == {"ada", "bob"}
    assert set(hour_volume(election(), later, None, None)["candidate"]) == {"ada", "bob", "eve"}
    before = Window(START - HOUR, START)
    none = hour_volume(election(), before, sealed([(1, "original", ["ada:name"])]), None)
    assert none.is_empty()
    assert dict(none.schema) == polars_schema(VOLUME)


def test_a_row_of_another_plan_proves_its_captured_time_alone() -> None:
    """The plan was raised from slots to all of the hour: what the row does not miss was not therefore covered."""
    old = calendar.planned(election(SLOTS), FIRST)
    half = Intervals.of(old.spans[:3])
    assert covered(election(), FIRST, row_of(old, half, old)) == (half, half)
    assert covered(election(SLOTS), FIRST, row_of(old, half, old)) == (old, half)
