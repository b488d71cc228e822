"""What a release may hold: the files of the dataset, and what each privacy profile leaves of the stored tables.

`public`: ids of posts, coverage and aggregates, for X lets others publish no more (X's developer policy: ids only, at
most 1,500,000); small counts are suppressed. `private`: all columns, for a dataset that Kaggle reports as private.
Which file holds which table under which profile is decided here alone; `release_scan.py` holds staged bytes to it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl

from elec_assets.domain.tables import (
    ALL_CANDIDATES,
    COVERAGE,
    DAILY_SUMMARY,
    REQUESTS,
    TABLES,
    TWEET_IDS,
    TWEETS,
    VOLUME,
    Table,
)
from elec_assets.domain.trends import SOURCE, TrendsTable
from elec_assets.transforms.frames import conform
from elec_assets.transforms.manifest import Profile
from elec_assets.transforms.suppression import suppress_volume

MOST_IDS = 1_500_000
"""Ids of posts in one public release, all elections together (X's developer policy, per 30 days)."""
CANDIDATES_CSV, DAILY_CSV = "candidates.csv", "daily_summary.csv"
_WEEK = r"\d{4}_\d{2}"
_ELECTION = r"(?P<election>[a-z0-9][a-z0-9_]*)"
_HASHES = 2**64
# What people type into Google may name anybody: such a row keeps its place and its value, and loses its words.
_PERSONAL = r"[@\uFF20]|(?i:%40)"
_WORDS = ("query", "topic_title", "link")


@dataclass(frozen=True, slots=True)
class Product:
    """A folder of weekly files of an election, and the Parquet file of their whole history.

    Attributes:
        folder: in the dataset, under the election; also the product's name in `layout.weekly`.
        stored: the table as stored.
        public: what the public profile publishes of it.
        description: what a file holds.
    """

    folder: str
    stored: Table
    public: Table
    description: str

    def table(self, profile: Profile) -> Table:
        """The table as published."""
        return self.stored if profile == "private" else self.public

    def weekly(self, election: str, week: str) -> str:
        """Path of a week's file, e.g. week `2027_05`."""
        return f"{election}/{self.folder}/{week}.csv.gz"

    def history(self, election: str) -> str:
        """Path of the Parquet file of all weeks."""
        return f"{election}/parquet/{self.folder.replace('/', '_')}.parquet"


def _trends(table: Table, folder: str, what: str) -> Product:
    return Product(f"{SOURCE}/{folder}", table, table, what)


TWEETS_PRODUCT = Product("twitter", TWEETS, TWEET_IDS, "Posts of the week")
VOLUME_PRODUCT = Product("twitter_volume", VOLUME, VOLUME, "Posts about each candidate, hour by hour and kind by kind")
COVERAGE_PRODUCT = Product("coverage", COVERAGE, COVERAGE, "What was planned, captured, filled and missed, and why")
PRODUCTS = (
    TWEETS_PRODUCT,
    VOLUME_PRODUCT,
    *(_trends(TABLES[t], f"{t}", f"Google Trends: {t.replace('_', ' ')}, latest samples") for t in TrendsTable),
    *(_trends(TABLES[t], f"{t}_samples", f"Google Trends: {t.replace('_', ' ')}, all samples") for t in TrendsTable),
    _trends(REQUESTS, "requests", "Every exchange with Google Trends"),
    COVERAGE_PRODUCT,
)
"""All weekly products of an election, in the order of the dataset."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of tables belongs: its table under a profile, its election and week (null: not of one)."""

    table: Table
    election: str | None = None
    week: str | None = None
    product: Product | None = None


def place_of(path: str, profile: Profile) -> Place | None:
    """What a path of a release holds; None where it is no table that a release has."""
    if path == CANDIDATES_CSV:
        return Place(ALL_CANDIDATES)
    if match := re.fullmatch(rf"{_ELECTION}/{DAILY_CSV}", path, re.ASCII):
        return Place(DAILY_SUMMARY, match["election"])
    for product in PRODUCTS:
        weekly = re.fullmatch(rf"{_ELECTION}/{product.folder}/(?P<week>{_WEEK})\.csv\.gz", path, re.ASCII)
        if weekly:
            return Place(product.table(profile), weekly["election"], weekly["week"], product)
        history = re.fullmatch(rf"{_ELECTION}/(?P<rest>.+)", path, re.ASCII)
        if history and path == product.history(history["election"]):
            return Place(product.table(profile), history["election"], None, product)
    return None


def id_hash(tweet_id: str) -> int:
    """The hash that a release is thinned by: first 8 bytes of the sha256 of the digits."""
    return int.from_bytes(hashlib.sha256(tweet_id.encode()).digest()[:8])


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which ids a public release holds: those whose hash is below `fraction` of all hashes."""

    fraction: float = 1.0

    def keeps(self, ids: pl.Series) -> pl.Series:
        """Whether each id is held."""
        if self.fraction >= 1:
            return pl.Series([True], dtype=pl.Boolean).new_from_index(0, len(ids))
        bound = _bound(self.fraction)
        return pl.Series([id_hash(tweet_id) < bound for tweet_id in ids.to_list()], dtype=pl.Boolean)


def _bound(fraction: float) -> int:
    return min(int(fraction * _HASHES), _HASHES - 1)


def thinning(ids: Iterable[pl.Series], most: int = MOST_IDS) -> Thinning:
    """The thinning that leaves at most so many different ids.

    The fraction falls in steps (1, 3/4, 1/2, 3/8, 1/4, ...), so that a release seldom changes the ids of past weeks.
    """
    known = [part for part in ids if len(part)]
    different = pl.concat(known).unique() if known else pl.Series([], dtype=pl.String)
    if len(different) <= most:
        return Thinning()
    hashes = pl.Series([id_hash(tweet_id) for tweet_id in different.to_list()], dtype=pl.UInt64)
    fraction, step = 1.0, 0
    while int((hashes < pl.Series([_bound(fraction)], dtype=pl.UInt64)).sum()) > most:
        step += 1
        fraction = (0.75 if step % 2 else 0.5) * 0.5 ** ((step - 1) // 2)
    return Thinning(fraction)


def published(
    frame: pl.DataFrame, product: Product, profile: Profile, week: str, thin: Thinning | None = None
) -> pl.DataFrame:
    """The rows of a stored week as a release holds them, in the order of the published table.

    Args:
        frame: the stored rows of the week (all of it: suppression looks at whole days).
        product: what they are.
        profile: the privacy profile.
        week: e.g. `2027_05`.
        thin: which ids are held; None: all.

    Raises:
        ValueError: the rows do not conform to the table.
    """
    if profile == "private":
        return conform(frame, product.stored)
    made = _PUBLIC.get(product.folder, _unworded)(frame)
    if product is TWEETS_PRODUCT:
        made = made.with_columns(week=pl.lit(week)).filter((thin or Thinning()).keeps(made["tweet_id"]))
    return conform(made, product.public)


def about_candidates(frame: pl.DataFrame) -> pl.DataFrame:
    """The ids of posts about a candidate."""
    return frame.filter(pl.col("candidates").list.len() > 0).select("tweet_id")


def _unworded(frame: pl.DataFrame) -> pl.DataFrame:
    """Trends rows whose words hold a handle or an e-mail address lose them."""
    words = [name for name in _WORDS if name in frame.columns]
    if not words:
        return frame
    personal = pl.any_horizontal(pl.col(name).str.contains(_PERSONAL).fill_null(value=False) for name in words)
    return frame.with_columns(pl.when(~personal).then(pl.col(name)).alias(name) for name in words)


_PUBLIC: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    TWEETS_PRODUCT.folder: about_candidates,
    VOLUME_PRODUCT.folder: suppress_volume,
}
