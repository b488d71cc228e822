"""What a staged release holds that was taken out since it was built: posts that are gone at X, or forgotten people's.

A snapshot is never rewritten: it is sent whole, or not any more. Only weeks that anything was taken out of are read,
and of them the ids; under the `private` profile also what a row repeats, quotes, and where it was tagged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import Forgotten, TombstoneArchive
from elec_assets.transforms.manifest import Manifest, Profile
from elec_assets.transforms.publication import TWEETS_PRODUCT, place_of
from elec_assets.transforms.tombstones import Tombstones, fingerprint, union

_WEEKS_SHOWN = 3
_PRIVATE = (
    "tweet_id", "author_id", "retweeted_id", "retweeted_author_id", "quoted_id", "quoted_author_id", "place_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Held:
    """How many rows of posts must not be published any more, by `{election}/{GGGG_WW}`; only weeks that have some."""

    weeks: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.weeks)

    def __str__(self) -> str:
        count = sum(self.weeks.values())
        shown = [*sorted(self.weeks)[:_WEEKS_SHOWN], *(["..."] if len(self.weeks) > _WEEKS_SHOWN else [])]
        posts = "1 post that was" if count == 1 else f"{count:,} posts that were"
        return f"{posts} taken out since ({', '.join(shown)})"


def taken_out(store: Store, directory: Path, manifest: Manifest) -> Held:
    """What a snapshot in a directory, whose files can be read, holds of what was taken out.

    Raises:
        ArchiveDamaged: tombstones cannot be read: nothing may be sent without them.
        StoreError: the store refused.
    """
    weeks = {
        (place.election, place.week): entry.path
        for entry in manifest.files
        if (place := place_of(entry.path, manifest.profile)) is not None
        and place.product is TWEETS_PRODUCT
        and place.election is not None
        and place.week is not None
    }
    found: dict[str, int] = {}
    for election in sorted({election for election, _ in weeks}):
        archive = TombstoneArchive(store, election)
        known = archive.taken_out()
        if not known.weeks:
            continue
        gone = union([Tombstones(known.rows, people=Forgotten(store).people()), *_tombstones(archive)])
        for week in sorted(known.weeks):
            path = weeks.get((election, week))
            count = 0 if path is None else _count(directory / path, manifest.profile, gone)
            if count:
                found[f"{election}/{week}"] = count
    return Held(found)


def _tombstones(archive: TombstoneArchive) -> Iterator[Tombstones]:
    return (day.tombstones for day in archive.days().values())


def _count(path: Path, profile: Profile, gone: Tombstones) -> int:
    if profile == "public":
        ids = pl.read_csv(path, columns=["tweet_id"], infer_schema=False)["tweet_id"]
        return sum(fingerprint(tweet_id) in gone.posts for tweet_id in ids)
    rows = pl.read_csv(path, columns=list(_PRIVATE), infer_schema=False).select(_PRIVATE)
    return sum(_is_gone(gone, *row) for row in rows.iter_rows())


def _is_gone(
    gone: Tombstones,
    tweet_id: str,
    author: str | None,
    retweeted: str | None,
    retweeted_author: str | None,
    quoted: str | None,
    quoted_author: str | None,
    place: str | None,
) -> bool:
    """Whether something of a row must not be published: itself, what it repeats or quotes, or its place."""
    if place is not None and gone.takes_place(tweet_id):
        return True
    # A post quoted is in the row only where X sent it along, and then its author is.
    copied = None if quoted_author is None else quoted
    return gone.takes(posts=(tweet_id, retweeted, copied), people=(author, retweeted_author, quoted_author))
