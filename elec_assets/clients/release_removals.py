"""What compliance took out of the weeks of a release, counted post by post against the release that Kaggle shows.

A post of that release that is gone counts as taken out only where its fingerprint stands in the store's tombstones, so
a fault beside a removal is told from it. Counts alone leave this module, and go to the gate.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import polars as pl

from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import TombstoneArchive
from elec_assets.domain.registry import Election
from elec_assets.transforms.gate_allowed import Allowed, Removal, posts_removal, volume_change
from elec_assets.transforms.manifest import Manifest
from elec_assets.transforms.publication import TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.tombstones import fingerprint

_ID = ["tweet_id"]


@dataclass(frozen=True, slots=True)
class Shown:
    """The release that Kaggle shows: its manifest, and what reads its files by their path."""

    manifest: Manifest
    read: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class _Pair:
    shown: Shown
    staged: Manifest
    directory: Path

    def changed(self) -> frozenset[str]:
        """The paths of both whose content is not the same."""
        now = {entry.path: entry.plain_sha256 for entry in self.staged.files}
        return frozenset(
            entry.path
            for entry in self.shown.manifest.files
            if entry.path in now and now[entry.path] != entry.plain_sha256
        )

    def frames(self, path: str, columns: list[str] | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows of a file before and now, all text."""
        before = pl.read_csv(BytesIO(self.shown.read(path)), columns=columns, infer_schema=False)
        return before, pl.read_csv(self.directory / path, columns=columns, infer_schema=False)


def with_removals(
    allowed: Allowed,
    store: Store,
    elections: Sequence[Election],
    shown: Shown | None,
    staged: Manifest,
    directory: Path,
) -> Allowed:
    """The same, with what compliance took out of each week since the release that is shown.

    Args:
        allowed: what a person allows.
        store: with the tombstones.
        elections: all of the registry.
        shown: the release to compare with; None for the first: there is nothing to count.
        staged: manifest of the release, or of its tables so far.
        directory: with its files.

    Raises:
        ArchiveDamaged: tombstones cannot be read.
        ReleaseMissing: a file of the release that is shown is not in the store.
    """
    if shown is None:
        return allowed
    pair = _Pair(shown, staged, directory)
    changed = pair.changed()
    found: dict[str, Removal] = {}
    for election in elections:
        taken = TombstoneArchive(store, election.key).taken_out()
        for week in sorted(taken.weeks):
            found[f"{election.key}/{week}"] = _removal(pair, changed, election.key, week, taken.rows)
    return replace(allowed, removals=found)


def _removal(pair: _Pair, changed: frozenset[str], election: str, week: str, taken: frozenset[str]) -> Removal:
    removal = Removal()
    posts, volume = TWEETS_PRODUCT.weekly(election, week), VOLUME_PRODUCT.weekly(election, week)
    # Of a file that cannot be read nothing is counted, and so nothing allowed: the gate's scan names it.
    with suppress(pl.exceptions.PolarsError, OSError):
        if posts in changed:
            before, now = pair.frames(posts, _ID)
            removal = posts_removal(before["tweet_id"], now["tweet_id"], lambda x: fingerprint(x) in taken)
        if volume in changed:
            rows, candidates = volume_change(*pair.frames(volume))
            removal = replace(removal, volume_changed=rows, candidates=candidates)
    return removal
