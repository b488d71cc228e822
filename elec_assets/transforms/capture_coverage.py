"""What the batches of live capture prove of an hour, why the rest of it was not captured, and which objects they are.

Pure. A journal proves time only together with the lines it speaks of: those of its own slot, and of every slot of
the same spool back to the time that it proves.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import SLOT_MS, BatchJournal
from elec_assets.domain.layout_capture import BatchKey, LateKey
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import HOUR, Grain, Window, key_of, window_of_key

_END_OF_TIME = 1 << 62
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of the store: its journal, None where there is none, and whether its lines are there (`held`)."""

    key: BatchKey
    journal: BatchJournal | None
    held: bool

    @property
    def name(self) -> str:
        """Its name in column `batch_id`: the last part of its key, without suffix."""
        return self.key.stem.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class CaptureObjects:
    """Keys of the objects of capture that an hour is made of.

    `own` are the batches of its slots, pointers from it and the batches that they name; `soon` those of the first slot
    after it: with these it is first sealed. `rest` are the other batches of the hour after: posts of this hour that X
    sent more than five minutes late are in them, nearly never, so they wait for the second sealing.
    """

    own: frozenset[str]
    soon: frozenset[str]
    rest: frozenset[str]

    @classmethod
    def of(cls, hour: Window, batches: Mapping[str, BatchKey], pointers: Mapping[str, LateKey]) -> "CaptureObjects":
        """Those of an hour, of objects listed with more than it: their keys with what each names."""
        mine = {key: pointer.batch for key, pointer in pointers.items() if pointer.hour == hour.start}
        named = frozenset(mine.values())
        own = {key for key, batch in batches.items() if batch.slot in hour or batch in named}
        after = {key: batch.slot for key, batch in batches.items() if hour.end <= batch.slot < hour.end + HOUR}
        soon = {key for key, slot in after.items() if slot == hour.end}
        return cls(frozenset(own | mine.keys()), frozenset(soon - own), frozenset(after.keys() - soon - own))

    @property
    def all(self) -> frozenset[str]:
        """All of them."""
        return self.own | self.soon | self.rest

    @property
    def first_digest(self) -> str:
        """Tells two sets of `own` and `soon` apart; empty for the empty set."""
        return _digest(self.own | self.soon)

    @property
    def digest(self) -> str:
        """Tells two sets of all apart; empty for the empty set."""
        return _digest(self.all)


def _digest(keys: Iterable[str]) -> str:
    # By the last part of each key: a store that was moved under another prefix is the same.
    text = "\n".join(sorted(key.rpartition("/")[2] for key in keys))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST] if text else ""


def captured(batches: Sequence[Batch]) -> Intervals:
    """The time that the batches prove, of any number of spools.

    What a journal proves before its own slot counts only as far back as the batches of its spool are there without a
    gap: posts of that time were received in them.
    """
    held = {(batch.key.spool, batch.key.slot_ms) for batch in batches if batch.held}
    return Intervals.of(span for batch in batches for span in _proven(batch, held))


def _proven(batch: Batch, held: set[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    if batch.journal is None or not batch.held:
        return
    since = batch.key.slot_ms
    while (batch.key.spool, since - SLOT_MS) in held:
        since -= SLOT_MS
    yield from (batch.journal.covered & Intervals.of([(since, _END_OF_TIME)])).spans


def causes(batches: Sequence[Batch], missed: Intervals) -> dict[Outcome, str]:
    """Why missed time was not captured, as the journals of its slots tell; outcome -> sentence, the first of each."""
    found: dict[Outcome, str] = {}
    for batch in sorted(batches, key=lambda each: each.key):
        journal = batch.journal
        if journal is None:
            continue
        if not batch.held and journal.covered & missed:
            text = f"{batch.key.body} is not in the store, so its journal proves nothing; `elec capture` uploads it"
            found.setdefault(Outcome.PARTIAL, text)
        if missed & Intervals.of([(batch.key.slot_ms, batch.key.slot_ms + SLOT_MS)]):
            for outcome, sentence in journal.causes:
                found.setdefault(outcome, sentence)
    return found


def may_hold(batch: Batch, hour: Window) -> bool:
    """Whether the lines of a batch must be read for an hour: they are of its slots, or may be posts of it."""
    if not batch.held:
        return False
    journal = batch.journal
    return (
        batch.key.slot in hour or journal is None or journal.unreadable > 0 or key_of(hour, Grain.HOUR) in journal.hours
    )


def outside(batches: Iterable[Batch], hour: Window, collected: Window) -> int:
    """Posts received in the slots of an hour whose own hour lies outside all that the election collects.

    They are kept raw, and are in no table.
    """
    mine = [batch.journal for batch in batches if batch.journal is not None and batch.key.slot in hour]
    return sum(
        posts
        for journal in mine
        for key, posts in journal.hours.items()
        if window_of_key(key, Grain.HOUR).end <= collected.start
        or window_of_key(key, Grain.HOUR).start >= collected.end
    )
