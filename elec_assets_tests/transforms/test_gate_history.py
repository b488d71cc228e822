"""Closed weeks of which posts were taken out: they lose those, and what a fault takes beside them is refused."""

from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.transforms.gate_allowed import Allowed, Removal, posts_removal, volume_change
from elec_assets.transforms.gate_history import history
from elec_assets.transforms.manifest import FileEntry, Manifest, Profile, make_manifest

WEEK = "x/2026_50"
IDS, VOLUME, HISTORY = "x/twitter/2026_50.csv.gz", "x/twitter_volume/2026_50.csv.gz", "x/parquet/twitter.parquet"
ROWS = 100_000


def entry(path: str, rows: int, content: str) -> FileEntry:
    week = None if path.endswith("parquet") else "2026_50"
    return FileEntry(
        path=path, sha256=content * 64, bytes=1, plain_sha256=content * 64, plain_bytes=1, rows=rows, partition=week
    )


def release(rows: Mapping[str, int], content: str, profile: Profile = "public", fraction: float = 1.0) -> Manifest:
    files = [entry(path, number, content) for path, number in rows.items()]
    return make_manifest("2027_05", files, profile=profile, id_fraction=fraction)


def refused(now: Mapping[str, int], removal: Removal | None, profile: Profile = "public") -> list[str]:
    before = release(dict.fromkeys(now, ROWS), "0", profile)
    allowed = Allowed(removals={} if removal is None else {WEEK: removal})
    return sorted(refusal.path for refusal in history(release(now, "1", profile), before, allowed))


def test_a_week_that_lost_a_quarter_beside_one_removed_post_is_refused() -> None:
    """It went out by itself, told as posts taken out, as soon as one post of the week had ever been taken out."""
    now = {IDS: 76_000, HISTORY: 76_000}
    assert refused(now, Removal(removed=1, lost=23_999)) == [HISTORY, IDS]
    assert refused(now, Removal()) == [HISTORY, IDS]
    assert refused(now, None) == [HISTORY, IDS]
    assert refused(now, Removal(removed=24_000)) == [], "all of them were wanted gone"


@given(removed=st.integers(0, 50_000), lost=st.integers(0, 2_000), added=st.integers(0, 2_000), ids_alone=st.booleans())
def test_no_more_than_half_a_percent_beside_what_was_taken_out(
    removed: int, lost: int, added: int, ids_alone: bool
) -> None:
    removal = Removal(removed=removed, lost=lost, added=added)
    found = refused({IDS: ROWS - removed - lost + added}, removal, "public" if ids_alone else "private")
    fine = lost <= 500 and added <= 500 and (removed > 0 or not ids_alone)
    assert found == ([] if fine else [IDS])


def test_counts_that_do_not_fit_the_rows_allow_nothing() -> None:
    assert refused({IDS: 76_000}, Removal(removed=1, lost=0)) == [IDS]


def test_a_history_may_lose_what_its_weeks_may_and_not_more() -> None:
    assert refused({HISTORY: ROWS - 3_500}, Removal(removed=3_000)) == []
    assert refused({HISTORY: ROWS - 3_501}, Removal(removed=3_000)) == [HISTORY]
    before = release({HISTORY: ROWS}, "0")
    elsewhere = Allowed(removals={"y/2026_50": Removal(removed=3_000)})
    assert [r.path for r in history(release({HISTORY: ROWS - 3_000}, "1"), before, elsewhere)] == [HISTORY]


@pytest.mark.parametrize(
    ("removal", "fine"),
    [
        (Removal(removed=10, volume_changed=560, candidates=2), True),
        (Removal(removed=10, volume_changed=561, candidates=2), False),
        (Removal(removed=0, volume_changed=1, candidates=2), False),
        (None, False),
    ],
)
def test_removed_posts_change_as_many_rows_of_volume_as_they_can(removal: Removal | None, fine: bool) -> None:
    """Its plan may be another since: then all rows of a week that is built again are other."""
    assert refused({VOLUME: ROWS}, removal) == ([] if fine else [VOLUME])
    assert refused({VOLUME: ROWS - 501}, removal) == [VOLUME]


def test_a_thinned_release_may_hold_none_of_the_posts_that_changed_its_volume() -> None:
    before = release({VOLUME: ROWS}, "0", fraction=0.5)
    now = release({VOLUME: ROWS}, "1", fraction=0.5)
    small = Allowed(removals={WEEK: Removal(volume_changed=530, candidates=1)})
    assert list(history(now, before, small)) == []
    large = Allowed(removals={WEEK: Removal(volume_changed=531, candidates=1)})
    assert [r.path for r in history(now, before, large)] == [VOLUME]


def test_posts_are_counted_by_their_ids_not_by_their_number() -> None:
    before, now = pl.Series(["1", "2", "3", "4"]), pl.Series(["1", "4", "5"])
    assert posts_removal(before, now, {"2", "9"}.__contains__) == Removal(removed=1, lost=1, added=1)
    assert posts_removal(before, before, {"2"}.__contains__) == Removal()


def test_rows_of_volume_that_are_other_gone_or_new_are_counted() -> None:
    columns = ["hour", "candidate", "kind", "posts"]
    rows = [("h1", "ada", "reply", "7"), ("h2", "ada", "reply", None), ("h3", "bob", "reply", "9")]
    before = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    assert volume_change(before, before) == (0, 2)
    other = before.with_columns(posts=pl.Series(["6", None, "9"], dtype=pl.String))
    assert volume_change(before, other) == (1, 2)
    assert volume_change(before, before.head(2)) == (1, 2)
    assert volume_change(before.head(2), before.with_columns(new=pl.lit("x"))) == (1, 2)
