"""What a run hands to an invocation of the Lambda of Google Trends, and what that answers.

Counts and names only: data goes through the store, since an event or an answer holds at most 6 MB.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_told import Told
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import key_of, window_of_key

FORMAT = 1
STOP_AFTER_S = 720.0
"""An invocation begins no question later than that: Lambda ends it after 15 minutes."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class TaskUnreadable(ValueError):
    """An event is not one that this version of the Lambda can work on."""


@dataclass(frozen=True, slots=True)
class TrendsSource:
    """Where and how fast Google Trends is asked: root address, seconds without bytes, limits."""

    base_url: str
    timeout_s: float
    limits: TrendsLimits


class TrendsTask(msgspec.Struct, frozen=True, kw_only=True):
    """One partition to ask for, as far as an invocation comes.

    Attributes:
        format: of this event.
        store: URL of the store; the function's own must be the same.
        election, registry: whose candidates, and the version of the registry, which the store keeps.
        area, cadence, partition, tables: what is collected.
        source: where it is asked.
        invocation: under which name the state is lent.
        stop_after_s: seconds after which no question is begun.
        refresh: what was asked before is asked again.
        yield_at: when to make way for more urgent partitions; None: never.
        told: the resume point: what the invocations before came to; None for the first.
    """

    format: int = FORMAT
    store: str
    election: str
    registry: str
    area: str
    cadence: Cadence
    partition: str
    tables: tuple[TrendsTable, ...]
    source: TrendsSource
    invocation: str
    stop_after_s: float = STOP_AFTER_S
    refresh: Moment | None = None
    yield_at: Moment | None = None
    told: Told | None = None

    @property
    def place(self) -> TrendsPlace:
        """The partition.

        Raises:
            ValueError: there is none of this key.
        """
        window = window_of_key(self.partition, self.cadence.grain)
        return TrendsPlace(self.election, self.area, self.cadence, window)


class TrendsAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an invocation came to.

    Attributes:
        outcome: done (all asked, or stopped for a reason that the store tells), partial (another goes on), or failed.
        requests: HTTP exchanges for this partition so far.
        resume: of `partial`: the object that tells where to go on.
        kind: of `failed`: what failed: the store, an object in it, or the event.
        problem: a sentence about that.
    """

    outcome: Literal["done", "partial", "failed"]
    requests: int = 0
    resume: str | None = None
    kind: Literal["store", "damaged", "event"] | None = None
    problem: str | None = None


def task_for(place: TrendsPlace, **values: Any) -> TrendsTask:  # noqa: ANN401 - the other fields of TrendsTask
    """The task of a partition."""
    partition = key_of(place.window, place.cadence.grain)
    return TrendsTask(election=place.election, area=place.area, cadence=place.cadence, partition=partition, **values)


def event_of(task: TrendsTask) -> dict[str, Any]:
    """The event of a task, as JSON has it."""
    event: dict[str, Any] = msgspec.to_builtins(task)
    return event


def task_of(event: Mapping[str, Any]) -> TrendsTask:
    """The task of an event; what else the event holds is left alone.

    Raises:
        TaskUnreadable: it holds none that this version knows.
    """
    written = event.get("format")
    if isinstance(written, int) and written > FORMAT:
        raise TaskUnreadable(f"the event has format {written}, this Lambda reads up to {FORMAT}: deploy the same image")
    try:
        task = msgspec.convert(dict(event), TrendsTask)
        _ = task.place
    except ValueError as error:
        raise TaskUnreadable(f"the event is not a task of Google Trends ({error}): deploy the same image") from error
    return task


def answer_of(payload: bytes) -> TrendsAnswer | None:
    """What an invocation answered; None where that is no answer."""
    try:
        return msgspec.json.decode(payload, type=TrendsAnswer)
    except (ValueError, RecursionError):
        return None
