"""What a case is."""

from collections.abc import Callable
from dataclasses import dataclass

from elec_assets.domain.outcomes import Outcome
from elec_assets_tests.bad_input.place import LEDGER, ROW, Place


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of bad input.

    Attributes:
        name: of the test.
        comes: what comes in, as the docs say it.
        work: lets it come in and returns the sentence that the user sees.
        says: parts of that sentence that tell what happened, where, and what to do.
        outcome: of the hour's coverage row afterwards; None where the row is one that must not be read.
        requests: how many X received.
        kept: what is kept, as the docs say it.
        rows: rows of the hour's table afterwards, 100 of them there before; None for a table not to be read.
        rejects: how many parts of the answer were put aside.
        reason: part of the reason that stands in the file of rejects.
        waited_s: most seconds that were waited between requests.
        replaced: keys that hold other bytes afterwards; every other object is as it was.
        raw: raw objects that came: the sidecar of each request, and each answer worth keeping.
        prepare: what is done to the store before anything is compared.
    """

    name: str
    comes: str
    work: Callable[[Place], str]
    says: tuple[str, ...]
    outcome: Outcome | None
    requests: int
    kept: str
    rows: int | None = 100
    rejects: int = 0
    reason: str = ""
    waited_s: float = 0.0
    replaced: tuple[str, ...] = (ROW, LEDGER)
    raw: int = 2
    prepare: Callable[[Place], None] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a case: the sentence, the whole store before and after, requests to X, seconds waited."""

    sentence: str
    before: dict[str, bytes]
    after: dict[str, bytes]
    requests: int
    waited_s: float
