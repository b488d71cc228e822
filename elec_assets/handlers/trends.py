"""Google Trends on AWS Lambda: asks for one partition as far as an invocation comes; the run makes the tables.

The handler is `elec_assets.handlers.trends.handler`. A run of Dagster invokes it through Pipes, with a `TrendsTask` as
its event, and again while it answers `partial` (docs/decisions/0013). It stores each answer of Google Trends as it
comes. Governor and cookie it reads, and leaves what became of them in objects of its own (`clients/trends_loan.py`).

Rights: `s3:GetObject` (with `s3:ListBucket`) on `state/google_trends/`, `state/registry/` and, of each election,
`data/raw/google_trends/` and `data/coverage/google_trends/`; `s3:PutObject` on `state/google_trends/lent/` and
`data/raw/google_trends/`. The environment names the store (`ELEC_STORE`); all else is in the event.
"""

import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any, Protocol

import msgspec
from dagster_pipes import (
    PipesContext,
    PipesDefaultContextLoader,
    PipesDefaultMessageWriter,
    PipesMappingParamsLoader,
)

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.clients.trends_archive import ArchiveDamaged, TrendsArchive
from elec_assets.clients.trends_asking import Pausing
from elec_assets.clients.trends_block import TrendsBlocks
from elec_assets.clients.trends_loan import Lent
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.clients.trends_task import TaskUnreadable, TrendsAnswer, TrendsTask, task_of
from elec_assets.domain import layout
from elec_assets.domain.registry import Election
from elec_assets.domain.registry_content import ContentUnreadable, read_content
from elec_assets.transforms.coverage import CoverageUnreadable

# A whole answer of Google may take so long, and what follows it: writing it, the state, and what was told.
MOST_S, MARGIN_S = 100.0, 30.0
# A question that has begun by the end may send its next requests so much later.
_GRACE = timedelta(minutes=1)
_PROGRAM = PurePath(__file__).parents[1].name


class CollectionBroke(Exception):
    """An error that this program does not know. Its text is not told: it may hold the cookie, or what was asked."""


class Host(Protocol):
    """What Lambda passes with an event."""

    def get_remaining_time_in_millis(self) -> int:
        """Until it ends the invocation, ms."""


def handler(event: dict[str, Any], context: Host) -> dict[str, Any]:
    """The Lambda.

    Raises:
        CollectionBroke: it cannot do its work, for a reason that it does not know; Lambda counts it as an error.
    """
    end = datetime.now(UTC) + timedelta(milliseconds=context.get_remaining_time_in_millis())
    with _piped(event) as pipes:
        broken, answer = "", TrendsAnswer(outcome="failed")
        try:
            answer = answered(event, end, lambda: datetime.now(UTC), time.sleep)
        except Exception as error:  # noqa: BLE001 - told without its text, and outside: Pipes tells contexts too
            broken = _where(error)
        if broken:
            raise CollectionBroke(broken)
        told = plain(answer)
        if pipes is not None:
            pipes.log.info(f"{answer.outcome}: {answer.requests} requests for this partition so far")
            pipes.report_custom_message(told)
    return told


def answered(
    event: dict[str, Any], end: datetime, clock: Callable[[], datetime], sleep: Callable[[float], None]
) -> TrendsAnswer:
    """Work on an event until that is done or the time is over; what can go wrong is an answer too.

    `end` (UTC) is when Lambda ends the invocation.
    """
    try:
        task = task_of(event)
        store = _store(task)
        return _asked(task, store, _election(task, store), end, clock, sleep)
    except TaskUnreadable as error:
        return TrendsAnswer(outcome="failed", kind="event", problem=str(error))
    except (ArchiveDamaged, CoverageUnreadable) as error:
        return TrendsAnswer(outcome="failed", kind="damaged", problem=str(error))
    except StoreError as error:
        return TrendsAnswer(outcome="failed", kind="store", problem=str(error))


def plain(answer: TrendsAnswer) -> dict[str, Any]:
    """An answer as JSON has it."""
    told: dict[str, Any] = msgspec.to_builtins(answer)
    return told


def _asked(
    task: TrendsTask,
    store: Store,
    election: Election,
    end: datetime,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> TrendsAnswer:
    lent = Lent(store, task.invocation)
    source = task.source
    most_s = min(4 * source.timeout_s, MOST_S)
    last = end - timedelta(seconds=most_s + MARGIN_S)
    stop_at = min(clock() + timedelta(seconds=task.stop_after_s), last)
    last = min(last, stop_at + _GRACE)
    session = TrendsSession(source.base_url, lent, min(source.timeout_s, most_s), clock, total_s=most_s)
    governor = RateGovernor(
        store=lent,
        limits=source.limits,
        lock=lock_path(store.url),
        clock=clock,
        sleep=sleep,
        uniform=random.uniform,
        ends_at=last,
    )
    with closing(session):
        backend = GoogleTrends(session=session, governor=governor, clock=clock, sleep=sleep, uniform=random.uniform)
        archive = TrendsArchive(store, election.key)
        blocks = TrendsBlocks(election, task.registry, archive, backend, clock)
        told = blocks.ask_part(
            task.place,
            task.tables,
            task.refresh,
            should_yield=lambda: task.yield_at is not None and clock() >= task.yield_at,
            pausing=Pausing(task.told, lambda: clock() >= stop_at, lent.tell),
        )
    told.ended = True
    lent.tell(told)
    if told.paused:
        return TrendsAnswer(outcome="partial", requests=told.requests, resume=lent.resume_key)
    return TrendsAnswer(outcome="done", requests=told.requests)


def _store(task: TrendsTask) -> Store:
    """The store of this function.

    Raises:
        TaskUnreadable: the run has another.
        StoreError: it cannot be opened.
    """
    mine = os.environ.get("ELEC_STORE", "")
    if task.store != mine:
        text = f"ELEC_STORE is {task.store} for the run and {mine or 'not set'} for this Lambda: set both alike"
        raise TaskUnreadable(text)
    return open_store(mine, allow_http=os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"))


def _election(task: TrendsTask, store: Store) -> Election:
    """The election of a task, as the store keeps the version of the registry that the run has.

    Raises:
        TaskUnreadable: it does not keep this version, or that lacks the election.
        StoreError: the store refused.
    """
    key = layout.registry_version(task.registry)
    data = store.find(key)
    try:
        elections = {} if data is None else read_content(data, task.registry)
    except ContentUnreadable as error:
        raise TaskUnreadable(f"{key}: {error}") from error
    if task.election not in elections:
        raise TaskUnreadable(f"{key} does not hold {task.election}: materialize candidates, and run again")
    return elections[task.election]


@contextmanager
def _piped(event: dict[str, Any]) -> Iterator[PipesContext | None]:
    """The connection to the run; None where nobody but a person invoked.

    Made anew for each invocation: `open_dagster_pipes` keeps one for the process, closed after the first (22094).
    """
    params = PipesMappingParamsLoader(event)
    if not params.is_dagster_pipes_process():
        yield None
        return
    with PipesContext(params, PipesDefaultContextLoader(), PipesDefaultMessageWriter()) as pipes:
        yield pipes


def _where(error: Exception) -> str:
    """The kind of an error, and the line of this program that it came through last."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if _PROGRAM in PurePath(f.filename).parts]
    at = f" at {PurePath(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{at}; report this message"
