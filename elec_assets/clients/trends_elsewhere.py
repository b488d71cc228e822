"""A run that has Google Trends asked by a Lambda: invocation after invocation, until all of a partition is asked.

The run stays the one writer of the governor's state and the cookie (`trends_loan`). Whatever an invocation stored
stays, however it ended.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from elec_assets.clients.store import StoreError
from elec_assets.clients.trends_archive import ArchiveDamaged
from elec_assets.clients.trends_block import Tables
from elec_assets.clients.trends_errors import TrendsError
from elec_assets.clients.trends_function import FunctionFailed
from elec_assets.clients.trends_loan import Loan, Loans
from elec_assets.clients.trends_task import TrendsAnswer, TrendsTask
from elec_assets.clients.trends_told import Told
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome

_NO_ANSWER = "the Lambda {} answered nothing that this version can read: deploy the same image to both"
_NO_PROGRESS = "the Lambda {} came to no answer in a whole invocation at this pace; raise ELEC_TRENDS_LAMBDA_STOP_S"


class MakeTask(Protocol):
    """Makes the task of one invocation."""

    def __call__(
        self, place: TrendsPlace, tables: Tables, refresh: datetime | None, invocation: str, told: Told
    ) -> TrendsTask:
        """See `TrendsTask`."""


class AskElsewhere:
    """See `trends_block.Elsewhere`.

    Args:
        function: its name, for messages.
        loans: of the store that both share.
        task: makes the task of an invocation.
        invoke: starts one, and waits for its answer; None where that is not one.
        named: gives each invocation a name of its own.
        say: is told of every invocation.
    """

    def __init__(
        self,
        *,
        function: str,
        loans: Loans,
        task: MakeTask,
        invoke: Callable[[TrendsTask], TrendsAnswer | None],
        named: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        self._function = function
        self._loans = loans
        self._task = task
        self._invoke = invoke
        self._named = named
        self._say = say

    def __call__(self, place: TrendsPlace, tables: Tables, refresh: datetime | None) -> Told:
        """What asking came to.

        Raises:
            StoreError: the store refused, the run or the Lambda.
            ArchiveDamaged: the Lambda found an object that it cannot read.
        """
        told, number = Told(), 0
        while True:
            number += 1
            before = _progress(told)
            try:
                told, answer = self._invoked(place, tables, refresh, told)
            except _Stopped as stopped:
                return stopped.told
            self._say(f"invocation {number} of {self._function}: {answer.outcome}, {answer.requests} requests so far")
            if not told.paused:
                return told
            if _progress(told) == before:
                return _halted(told, Outcome.PARTIAL, _NO_PROGRESS.format(self._function))

    def _invoked(
        self, place: TrendsPlace, tables: Tables, refresh: datetime | None, told: Told
    ) -> tuple[Told, TrendsAnswer]:
        """One invocation: what asking came to with it, and its answer."""
        invocation = self._named()
        try:
            loan = self._loans.lend(invocation, self._function)
        except TrendsError as error:
            told.resume_at = error.resume_at
            raise _Stopped(_halted(told, error.outcome, str(error))) from None
        try:
            answer = self._invoke(self._task(place, tables, refresh, invocation, told))
        except FunctionFailed as error:
            if error.ended:
                told = self._settled(loan, told)
            else:  # the loan stays: who comes once it is over takes it over
                told.resume_at = loan.until
            raise _Stopped(_halted(told, error.outcome, str(error))) from None
        told = self._settled(loan, told)
        return told, self._checked(answer, told)

    def _settled(self, loan: Loan, told: Told) -> Told:
        try:
            return self._loans.settle(loan) or told
        except TrendsError as error:
            raise _Stopped(_halted(told, error.outcome, str(error))) from None

    def _checked(self, answer: TrendsAnswer | None, told: Told) -> TrendsAnswer:
        if answer is None:
            raise _Stopped(_halted(told, Outcome.ERROR, _NO_ANSWER.format(self._function)))
        problem = f"the Lambda {self._function}: {answer.problem}"
        if answer.kind == "store":
            raise StoreError(problem)
        if answer.kind == "damaged":
            raise ArchiveDamaged(problem)
        if answer.outcome == "failed":
            raise _Stopped(_halted(told, Outcome.ERROR, problem))
        return answer


class _Stopped(Exception):
    """No further invocation; what asking came to."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self.told = told


def _progress(told: Told) -> tuple[int, int]:
    """What grows where an invocation was of use: requests alone are not, a question cut off is explored anew."""
    return told.documents, len(told.missed)


def _halted(told: Told, outcome: Outcome, why: str) -> Told:
    """What asking came to, stopped for this reason if it was not before."""
    told.halt, told.paused = told.halt or (outcome, why), False
    return told
