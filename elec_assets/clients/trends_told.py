"""What asking came to so far, as a value: it travels from one invocation of a Lambda to the run, and to the next one.

A run that asks in its own process keeps the same value, so that both ways end in the same coverage row.
"""

from datetime import datetime

import msgspec

from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Endpoint
from elec_assets.transforms.trends_documents import Failure

# As in `trends_gaps` and `trends_questions`, which load polars: who only looks at the governor needs no tables.
Cause = tuple[Outcome, str]
Group = tuple[str, ...]


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A question that got no document. `fatal`: every other would have met the same."""

    request_id: str
    endpoint: Endpoint
    candidates: Group
    outcome: Outcome
    reason: str
    fatal: bool


class Told(msgspec.Struct, kw_only=True):
    """What asking for one block came to.

    Attributes:
        requests: HTTP exchanges, without that for the cookie.
        documents: those stored.
        failures: the exchanges in vain.
        missed: the questions that got no document.
        unanswered: questions in a row without an answer.
        halt: why asking stopped before all was asked; None where it did not.
        yielded: whether that was to make way for others.
        resume_at: when to ask again (UTC), None where no time is known.
        paused: whether the invocation ended before the asking did: another goes on here.
        ended: whether the invocation asks nothing more.
    """

    requests: int = 0
    documents: int = 0
    failures: list[Failure] = []
    missed: list[Missed] = []
    unanswered: int = 0
    halt: Cause | None = None
    yielded: bool = False
    resume_at: datetime | None = None
    paused: bool = False
    ended: bool = False

    @property
    def errors(self) -> dict[tuple[str, Endpoint], Cause]:
        """Why questions failed while asking went on, by request and endpoint."""
        return {(m.request_id, m.endpoint): (m.outcome, m.reason) for m in self.missed if not m.fatal}

    @property
    def given_up(self) -> dict[tuple[str, Endpoint], Group]:
        """The candidates of the questions that are not asked again this time, by request and endpoint."""
        return {(m.request_id, m.endpoint): m.candidates for m in self.missed}


def encode(told: Told) -> bytes:
    """As kept between two invocations."""
    return msgspec.json.encode(told)


def decode(data: bytes) -> Told:
    """The inverse of `encode`.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return msgspec.json.decode(data, type=Told)
    except RecursionError as error:  # nested without end
        raise ValueError("nested without end") from error
