"""The ladder of one block as stored: what is compared, decided once; and the order that the next ladder starts from.

A ladder is pinned before its first comparison, so that a run which resumes asks the rest of the same ladder, whatever
other runs, or edits of the registry, have changed meanwhile.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from elec_assets.domain.ladder import first_requests
from elec_assets.domain.registry import Candidate
from elec_assets.domain.trends_requests import LONGEST_KEYWORD, Keyword, KeywordKind, keyword_of
from elec_assets.domain.windows import Window, iso, parse_iso
from elec_assets.transforms.calibration import Calibration

VERSION = 1
# With estimates for fewer of the candidates the windows would be as good as random, and disjoint batches cost less.
_KNOWN_SHARE = 0.5
Stored = TypeVar("Stored", "Pinned", "LadderState")


class LadderUnreadable(Exception):
    """A pinned ladder or a ladder's state is not one that this version can read; the text names the object."""


class LadderTooNew(LadderUnreadable):
    """A newer program wrote it."""


class PinnedKeyword(msgspec.Struct, frozen=True):
    """A candidate of the ladder, and what is asked for it."""

    candidate: str
    text: str
    kind: KeywordKind


class Pinned(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided before the first comparison: candidates, most popular first if `known`, and their keywords."""

    version: int = VERSION
    registry_version: str
    known: bool
    keywords: tuple[PinnedKeyword, ...]

    @property
    def named(self) -> dict[str, Keyword]:
        """The keywords by candidate, in the pinned order."""
        return {k.candidate: Keyword(k.candidate, k.text, k.kind) for k in self.keywords}


class _Version(msgspec.Struct):
    version: int


class LadderState(msgspec.Struct, frozen=True, kw_only=True):
    """The order that the latest ladder of an area and cadence found, and the start of its block (UTC text).

    The first `estimated` of `order` have an estimate.
    """

    version: int = VERSION
    block_start: str
    estimated: int
    order: tuple[str, ...]


def pin(candidates: Iterable[Candidate], state: LadderState | None, partition: str, registry_version: str) -> Pinned:
    """The ladder of a block: in the order of the last estimates; whoever is new comes last, in the partition's order.

    Where little is known the whole order is the partition's own. Candidates that cannot be asked are left out.
    """
    keywords = askable(candidates)
    ranks = {c: n for n, c in enumerate(() if state is None else state.order)}
    estimated = set(() if state is None else state.order[: state.estimated])
    known = bool(keywords) and len(estimated & keywords.keys()) >= _KNOWN_SHARE * len(keywords)
    shuffled = sorted(keywords, key=lambda c: _shuffle(partition, c))
    order = sorted(shuffled, key=lambda c: ranks.get(c, len(ranks))) if known else shuffled
    pinned = tuple(PinnedKeyword(c, keywords[c].text, keywords[c].kind) for c in order)
    return Pinned(registry_version=registry_version, known=known, keywords=pinned)


def askable(candidates: Iterable[Candidate]) -> dict[str, Keyword]:
    """The keywords of those who can be compared: not empty, not too long, and no other candidate's keyword as well."""
    found: dict[str, Keyword] = {}
    taken: set[str] = set()
    for candidate in sorted(candidates, key=lambda c: c.key):
        keyword = keyword_of(candidate)
        text = keyword.text.casefold()
        if text.strip() and len(keyword.text) <= LONGEST_KEYWORD and text not in taken:
            found[candidate.key] = keyword
            taken.add(text)
    return found


def comparisons(order: Sequence[str], *, known: bool) -> list[tuple[str, ...]]:
    """The comparisons to begin with, as `first_requests`; but none of a candidate alone where there are others."""
    first = first_requests(order, known=known)
    if len(first) > 1 and len(first[-1]) == 1:
        *before, last = first[-2]
        first[-2:] = [tuple(before), (last, *first[-1])]
    return first


def shuffled(partition: str, asked: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Comparisons in an order of the partition's own, so that an early stop never silences the least popular."""
    return sorted(asked, key=lambda request: _shuffle(partition, " ".join(request)))


def next_state(block: Window, pinned: Collection[str], calibration: Calibration) -> LadderState | None:
    """What the next ladder starts from: by estimate, then those without one as they were pinned; None without any."""
    estimates = {level.candidate: level.estimate for level in calibration.levels if level.estimate is not None}
    if not estimates:
        return None
    first = sorted(estimates, key=lambda c: (-_finite(estimates, c), c))
    rest = [c for c in pinned if c not in estimates]
    return LadderState(block_start=iso(block.start), estimated=len(first), order=(*first, *rest))


def is_newer(state: LadderState, stored: LadderState | None) -> bool:
    """Whether a state may replace the stored one: it is of a later block, or of the same."""
    return stored is None or parse_iso(state.block_start) >= parse_iso(stored.block_start)


def encode(stored: Pinned | LadderState) -> bytes:
    """As stored: JSON with fields in their fixed order."""
    return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"


def decode(data: bytes, kind: type[Stored], key: str) -> Stored:
    """The inverse of `encode`.

    Raises:
        LadderUnreadable: it is damaged; the text names the object.
        LadderTooNew: a newer program wrote it.
    """
    try:
        written = msgspec.json.decode(data, type=_Version).version
        if written > VERSION:
            raise LadderTooNew(f"{key}: version {written}, this program reads up to {VERSION}; upgrade")
        found = msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise LadderUnreadable(f"{key}: not a {kind.__name__} of Google Trends ({error}); restore it") from error
    if isinstance(found, LadderState):
        _checked_time(found.block_start, key)
    return found


def _checked_time(text: str, key: str) -> None:
    try:
        parse_iso(text)
    except ValueError as error:
        raise LadderUnreadable(f"{key}: block_start: {error}; restore it") from error


def _finite(estimates: Mapping[str, float | None], candidate: str) -> float:
    estimate = estimates[candidate]
    return -math.inf if estimate is None else estimate


def _shuffle(partition: str, name: str) -> bytes:
    return hashlib.sha256(f"{partition} {name}".encode()).digest()
