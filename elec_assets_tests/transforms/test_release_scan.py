"""The scan of a staged directory beyond what the gate's tests spoil: Parquet, the private profile, the limit of ids."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from elec_assets.domain.tables import TWEETS
from elec_assets.transforms import release_scan
from elec_assets.transforms.manifest import Profile
from elec_assets.transforms.publication import MOST_IDS, TWEETS_PRODUCT
from elec_assets.transforms.release_scan import scan
from elec_assets.transforms.staging import Staging
from elec_assets_tests.transforms.releases import ELECTION, filled, staged

NOW = datetime(2027, 2, 9, tzinfo=UTC)
HISTORY = TWEETS_PRODUCT.history(ELECTION)


@pytest.mark.parametrize("path", [TWEETS_PRODUCT.weekly(ELECTION, "2027_05"), HISTORY])
def test_posts_may_be_in_a_private_release_and_in_no_public_one(path: str, tmp_path: Path) -> None:
    """Columns of lists stopped the scan of Parquet: polars casts no list to text."""
    posts = filled(TWEETS, 2, tweet_id=["1", "2"], text=["hello @ada_l", "write to ada@mail.example"])
    Staging(tmp_path, "private", NOW).table(path, [posts])
    assert scan(tmp_path, "private").refusals == []
    found = scan(tmp_path, "public").refusals
    assert {"text", "author_username", "author_id"} <= {r.column for r in found if "not a column" in r.what}
    assert {"a handle", "an e-mail address"} <= {
        what for r in found for what in ("a handle", "an e-mail address") if r.column == "text" and what in r.what
    }
    assert "ada" not in "".join(map(str, found))


@pytest.mark.parametrize("profile", ["public", "private"])
def test_a_post_that_stands_twice_is_found_in_parquet_too(profile: Profile, tmp_path: Path) -> None:
    staged(tmp_path)
    frame = pl.read_parquet(tmp_path / HISTORY)
    pl.concat([frame, frame.head(3)]).write_parquet(tmp_path / HISTORY)
    assert [r.what for r in scan(tmp_path, profile).refusals if r.path == HISTORY and r.rule == "files"] == [
        "6 rows share their key with another"
    ]


def test_more_ids_than_x_allows_are_refused() -> None:
    within = pl.int_range(0, MOST_IDS, eager=True)
    assert list(release_scan._too_many([within, within])) == []
    (found,) = release_scan._too_many([within, within + 1])
    assert found.what == "1500001 ids of posts in all; X allows 1500000"


def test_a_link_is_refused(tmp_path: Path) -> None:
    staged(tmp_path)
    (tmp_path / "CHANGELOG.md").symlink_to(tmp_path / "README.md")
    assert [(r.path, r.what) for r in scan(tmp_path, "public").refusals] == [
        ("CHANGELOG.md", "a link or no regular file")
    ]
