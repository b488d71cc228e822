"""Asking Google Trends for what is left of one block: each answer is stored before the next question.

What stops a run: an error that every other question would meet too, several questions in a row without an answer, or
others that wait for their turn. Whatever is stored by then stays, and is not asked again.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_errors import TrendsError, TrendsUnavailable
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_documents import Failure, failure_of
from elec_assets.transforms.trends_explore import Explored
from elec_assets.transforms.trends_gaps import Cause
from elec_assets.transforms.trends_questions import Group, Wanted
from elec_assets.transforms.trends_read import Documents

# Each has been tried 3 times by then: Google is in trouble, and the day's requests are better kept.
_UNANSWERED_IN_A_ROW = 4
_YIELDED: Cause = (Outcome.PARTIAL, "the run made way for others; run again to ask for the rest")
_LOG = logging.getLogger(__name__)


class Asking:
    """One run over one block: what it asked, stored and missed."""

    def __init__(
        self,
        archive: TrendsArchive,
        place: TrendsPlace,
        backend: TrendsBackend,
        should_yield: Callable[[], bool],
        documents: Documents,
    ) -> None:
        self._archive = archive
        self._place = place
        self._backend = backend
        self._should_yield = should_yield
        self._unanswered = 0
        self.documents = documents
        self.failures: list[Failure] = []
        self.errors: dict[tuple[str, Endpoint], Cause] = {}
        self.given_up: dict[tuple[str, Endpoint], Group] = {}
        self.requests = 0
        self.halt: Cause | None = None
        self.yielded = False
        self.resume_at: datetime | None = None

    def ask(self, wanted: Wanted) -> None:
        """Ask one question, unless the run has stopped; afterwards `halt` says whether it has.

        Raises:
            StoreError: an answer could not be stored.
            ArchiveDamaged: another run stored it meanwhile, and it cannot be read.
        """
        if self.halt is not None:
            return
        if self.requests and self._should_yield():
            self.halt, self.yielded = _YIELDED, True
            return
        explored = self._explored(wanted.request)
        if explored is None:
            return
        for endpoint in wanted.endpoints:
            if self.halt is None:
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
        self._unanswered = 0
        self.requests += len(document.exchanges)
        self.documents.add(self._archive.save_document(self._place, document))

    def _failed(self, request: TrendsRequest, endpoint: Endpoint, error: TrendsError) -> None:
        """Take note of an error: of this question, and whether the run goes on."""
        cause = (error.outcome, str(error))
        self.requests += len(error.exchanges)
        self.failures += [failure_of(request, exchange) for exchange in error.exchanges]
        self.given_up[request.request_id, endpoint] = request.candidates
        _LOG.warning("request %s, %s: %s", request.request_id, endpoint, error)
        if error.fatal:
            self.halt, self.resume_at = cause, error.resume_at
            return
        self.errors[request.request_id, endpoint] = cause
        self._unanswered = self._unanswered + 1 if isinstance(error, TrendsUnavailable) else 0
        if self._unanswered >= _UNANSWERED_IN_A_ROW:
            self.halt = (error.outcome, f"{self._unanswered} questions in a row had no answer, the last: {error}")
