"""Asking Google Trends for what is left of one block: each answer is stored before the next question.

What stops a run: an error that every other question would meet too, several questions in a row without an answer, or
others that wait for their turn. Whatever is stored by then stays, and is not asked again. An invocation of a Lambda
also pauses when its time is over: the next one goes on from what this one told.
"""

import logging
from collections.abc import Callable

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_errors import TrendsError, TrendsPaused, TrendsUnavailable
from elec_assets.clients.trends_told import Missed, Told
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_documents import failure_of
from elec_assets.transforms.trends_explore import Explored
from elec_assets.transforms.trends_gaps import Cause
from elec_assets.transforms.trends_questions import GivenUp, Wanted
from elec_assets.transforms.trends_read import Documents

# Each has been tried 3 times by then: Google is in trouble, and the day's requests are better kept.
_UNANSWERED_IN_A_ROW = 4
_YIELDED: Cause = (Outcome.PARTIAL, "the run made way for others; run again to ask for the rest")
_LOG = logging.getLogger(__name__)


def _no() -> bool:
    return False


class Pausing:
    """How an invocation ends before the asking does.

    `earlier` is what the invocations before came to, `is_over` says whether the time is up, `keep` is told of whatever
    must not be lost.
    """

    def __init__(
        self,
        earlier: Told | None = None,
        is_over: Callable[[], bool] = _no,
        keep: Callable[[Told], None] = lambda _told: None,
    ) -> None:
        self.told = Told() if earlier is None else earlier
        self.told.paused = self.told.ended = False
        self.is_over = is_over
        self.keep = keep


class Asking:
    """One run over one block: what it asked, stored and missed."""

    def __init__(
        self,
        archive: TrendsArchive,
        place: TrendsPlace,
        backend: TrendsBackend,
        should_yield: Callable[[], bool],
        documents: Documents,
        pausing: Pausing | None = None,
    ) -> None:
        self._archive = archive
        self._place = place
        self._backend = backend
        self._should_yield = should_yield
        self._pausing = pausing or Pausing()
        self._begun = False
        self.documents = documents
        self.told = self._pausing.told

    @property
    def stopped(self) -> bool:
        """Whether nothing more is asked, this time or by this invocation."""
        return self.told.halt is not None or self.told.paused

    @property
    def given_up(self) -> GivenUp:
        """The questions that are not asked again this time."""
        return self.told.given_up

    def ask(self, wanted: Wanted) -> None:
        """Ask one question, unless the run has stopped; afterwards `stopped` says whether it has.

        Raises:
            StoreError: an answer could not be stored.
            ArchiveDamaged: another run stored it meanwhile, and it cannot be read.
        """
        if self.stopped:
            return
        if self.told.requests and self._should_yield():
            self.told.halt, self.told.yielded = _YIELDED, True
            return
        # One question at least: else invocations could follow each other for ever.
        if self._begun and self._pausing.is_over():
            self.told.paused = True
            return
        self._begun = True
        explored = self._explored(wanted.request)
        if explored is None:
            return
        for endpoint in wanted.endpoints:
            if not self.stopped:
                self._fetch(explored, endpoint)

    def _explored(self, request: TrendsRequest) -> Explored | None:
        try:
            return self._backend.explore(request)
        except TrendsError as error:
            self._failed(request, Endpoint.EXPLORE, error)
            return None

    def _fetch(self, explored: Explored, endpoint: Endpoint) -> None:
        try:
            document = self._backend.fetch(explored, endpoint)
        except TrendsError as error:
            self._failed(explored.request, endpoint, error)
            return
        self.told.unanswered = 0
        self.told.requests += len(document.exchanges)
        self.documents.add(self._archive.save_document(self._place, document))
        self.told.documents += 1

    def _failed(self, request: TrendsRequest, endpoint: Endpoint, error: TrendsError) -> None:
        """Take note of an error: of this question, and whether the run goes on."""
        told = self.told
        told.requests += len(error.exchanges)
        told.failures += [failure_of(request, exchange) for exchange in error.exchanges]
        if isinstance(error, TrendsPaused):
            told.paused = True
        else:
            self._missed(request, endpoint, error)
        self._pausing.keep(told)

    def _missed(self, request: TrendsRequest, endpoint: Endpoint, error: TrendsError) -> None:
        told, cause = self.told, (error.outcome, str(error))
        _LOG.warning("request %s, %s: %s", request.request_id, endpoint, error)
        told.missed.append(
            Missed(
                request_id=request.request_id,
                endpoint=endpoint,
                candidates=request.candidates,
                outcome=error.outcome,
                reason=str(error),
                fatal=error.fatal,
            )
        )
        if error.fatal:
            told.halt, told.resume_at = cause, error.resume_at
            return
        told.unanswered = told.unanswered + 1 if isinstance(error, TrendsUnavailable) else 0
        if told.unanswered >= _UNANSWERED_IN_A_ROW:
            told.halt = (error.outcome, f"{told.unanswered} questions in a row had no answer, the last: {error}")
