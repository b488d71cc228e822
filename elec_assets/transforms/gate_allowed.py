"""What a release may change though the gate would refuse it: a person's word, and posts taken out, in counts. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

import polars as pl

from elec_assets.domain.tables import VOLUME

_ROWS_PER_POST = 3
"""Rows of volume that a removed post can change, of each candidate it is about: its own; and of the hours that are
hidden to protect a small one (`suppression.py`), one that is shown again and one that is hidden instead."""
_UNSEEN = 5
"""Removed posts that a thinned release may not have held by chance: that it shows none of 5 / fraction is below 1 %."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A week's posts and volume against the release before, where compliance took something out of the week.

    Attributes:
        removed: posts of the release before that are gone, and that X or their authors wanted gone.
        lost: posts of it that are gone, and that nobody wanted gone.
        added: posts that it did not hold.
        volume_changed: rows of volume that are new, gone or other.
        candidates: how many the volume is about.
    """

    removed: int = 0
    lost: int = 0
    added: int = 0
    volume_changed: int = 0
    candidates: int = 0

    def volume_most(self, fraction: float) -> int:
        """Rows of volume that the removed posts can have changed, where a release holds this part of the ids."""
        posts = self.removed if fraction >= 1 else ceil((self.removed + _UNSEEN) / fraction)
        return posts * _ROWS_PER_POST * self.candidates


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person, or X's compliance, allows a release.

    Attributes:
        hotfix: paths of files that may change or shrink though closed, or be left out.
        rows: paths of files whose number of rows is known to be odd.
        redacted: `{election}/{week}` of weeks of which a person says that posts were taken out: their files of posts
            and volume may change, and those of posts lose up to a quarter.
        removals: the same of weeks that compliance took something out of, with what it took: never told by a person.
    """

    hotfix: frozenset[str] = frozenset()
    rows: frozenset[str] = frozenset()
    redacted: frozenset[str] = frozenset()
    removals: Mapping[str, Removal] = field(default_factory=dict, kw_only=True)


def posts_removal(before: pl.Series, now: pl.Series, wanted: Callable[[str], bool]) -> Removal:
    """What became of the posts of a week.

    Args:
        before: ids in the release before.
        now: ids in this one.
        wanted: whether a post that is gone was to go.
    """
    gone = before.filter(~before.is_in(now.implode()))
    removed = sum(map(wanted, gone.to_list()))
    return Removal(removed, len(gone) - removed, len(now) - (len(before) - len(gone)))


def volume_change(before: pl.DataFrame, now: pl.DataFrame) -> tuple[int, int]:
    """Rows of a week's volume that are new, gone or other, and the number of candidates; all columns text."""
    shared = [name for name in before.columns if name in now.columns]
    other = now.join(before, on=shared, how="anti", nulls_equal=True).height
    gone = before.join(now, on=list(VOLUME.key), how="anti").height
    return other + gone, pl.concat([before["candidate"], now["candidate"]]).n_unique()
