"""Google Trends: raw documents as received, or a typed error. The default source of `TrendsBackend`.

pytrends builds the requests (`trends_calls`), nothing else: each answer is checked against the question it was asked
for, and read by our own code. The governor admits every request. What is asked again, at most 3 times in all: no
answer, 5xx, an answer that cannot be read; a token that is refused leads to one new explore call.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

import tenacity

from elec_assets.clients.rate_governor import RateGovernor
from elec_assets.clients.trends_calls import COOKIE, VERSION, Call, changed, explore_call, widget_call
from elec_assets.clients.trends_errors import (
    TrendsError,
    TrendsGarbled,
    TrendsMismatched,
    TrendsRefused,
    TrendsTokenRefused,
    TrendsWithheld,
    page_problem,
    problem,
)
from elec_assets.clients.trends_exchanges import Telling, telling
from elec_assets.clients.trends_session import Reply, TrendsSession
from elec_assets.domain.trends import Endpoint
from elec_assets.domain.trends_requests import TrendsRequest
from elec_assets.transforms.trends_answers import Verdict, judge
from elec_assets.transforms.trends_documents import Exchange, RawTrendsDocument, document_of
from elec_assets.transforms.trends_explore import Explored, TrendsMismatch, TrendsUnreadable, read_explore

_T = TypeVar("_T")
_ATTEMPTS = 3
# Full jitter: anything up to 4 s, then up to 8 s; the governor's pace comes on top.
_BASE_WAIT_S = 2.0
_OVER_QUOTA = "OVER_QUOTA"
_LOG = logging.getLogger(__name__)


class TrendsBackend(Protocol):
    """Where documents of Google Trends come from."""

    @property
    def name(self) -> str:
        """Its name, as stored in documents."""

    @property
    def version(self) -> str:
        """Version of what builds the requests, as stored in documents."""

    def explore(self, request: TrendsRequest) -> Explored:
        """The widgets offered for a request.

        Raises:
            TrendsError: there are none; see its class, and `exchanges` for what was tried.
        """

    def fetch(self, explored: Explored, endpoint: Endpoint) -> RawTrendsDocument:
        """The document of an endpoint; one without a body where no widget is offered (nothing is asked then).

        Raises:
            TrendsError: there is no document.
            ValueError: the endpoint is explore.
        """


class GoogleTrends:
    """Google's own web interface. One instance a process, one request at a time.

    `clock` (UTC), `sleep` (seconds) and `uniform` (a number between two) are passed in, so that waiting can be tested.
    """

    name = "pytrends"
    version = VERSION

    def __init__(
        self,
        *,
        session: TrendsSession,
        governor: RateGovernor,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        uniform: Callable[[float, float], float],
    ) -> None:
        self._session = session
        self._governor = governor
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._cookie_asked = False
        # Exchanges of the explore calls whose first document is still to come.
        self._untold: dict[str, list[Exchange]] = {}
        # What was explored again after a refused token: its other tokens are of no use either.
        self._renewed: Explored | None = None

    def explore(self, request: TrendsRequest) -> Explored:
        """See `TrendsBackend`.

        Raises:
            TrendsError: see its class.
            StoreError: the governor's state or the cookie could not be stored.
        """
        told: list[Exchange] = []
        self._renewed = None
        with telling(told):
            explored = self._explore(request, told)
        self._untold = {request.request_id: told}
        return explored

    def fetch(self, explored: Explored, endpoint: Endpoint) -> RawTrendsDocument:
        """See `TrendsBackend`. A widget's request is sent on as offered, but for what pytrends adds to maps.

        Raises:
            TrendsError, StoreError: as `explore`.
            ValueError: the endpoint is explore.
        """
        told = self._untold.pop(explored.request.request_id, [])
        if self._renewed is not None and self._renewed.request == explored.request:
            explored = self._renewed
        with telling(told):
            try:
                return self._fetch(explored, endpoint, told)
            except TrendsTokenRefused:
                self._renewed = self._explore(explored.request, told)
                return self._fetch(self._renewed, endpoint, told)

    def _explore(self, request: TrendsRequest, told: list[Exchange]) -> Explored:
        self._have_cookie()

        def read(reply: Reply) -> Explored:
            if reply.status == 401:  # no token was sent
                raise TrendsRefused("Google Trends answered 401 to explore: it does not serve us", status=401)
            explored = read_explore(self._data(reply), request)
            if any(_OVER_QUOTA in (offer.user_type or "") for offer in explored.offers.values()):
                raise _over_quota()
            return explored

        return self._ask(explore_call(request), Endpoint.EXPLORE, read, told)

    def _fetch(self, explored: Explored, endpoint: Endpoint, told: list[Exchange]) -> RawTrendsDocument:
        offer = explored.offers.get(endpoint)
        if offer is None:
            if endpoint is Endpoint.EXPLORE:
                raise ValueError("explore has no document; allowed: timeline, regions, topics, queries")
            return self._document(explored, endpoint, Reply(200, {}, b"", self._clock()), None, told)
        call = widget_call(explored.request, endpoint, offer)

        def read(reply: Reply) -> Reply:
            self._data(reply)
            _check(self._document(explored, endpoint, reply, changed(call, offer), []))
            return reply

        reply = self._ask(call, endpoint, read, told)
        return self._document(explored, endpoint, reply, changed(call, offer), told)

    def _document(
        self, explored: Explored, endpoint: Endpoint, reply: Reply, sent: str | None, told: list[Exchange]
    ) -> RawTrendsDocument:
        return document_of(
            explored,
            endpoint,
            status=reply.status,
            body=reply.body,
            fetched_at=reply.received_at,
            backend=self.name,
            backend_version=self.version,
            sent=sent,
            exchanges=told,
        )

    def _have_cookie(self) -> None:
        """Ask for a cookie where there is none, once a process: pytrends goes on without, and so do we."""
        if self._session.has_cookie or self._cookie_asked:
            return

        def read(reply: Reply) -> None:
            found = page_problem(reply.status, reply.headers, reply.body, self._clock())
            if found is not None:
                raise found

        self._ask(COOKIE, Endpoint.EXPLORE, read, [])
        self._cookie_asked = True
        if not self._session.has_cookie:
            _LOG.warning("Google Trends gave no cookie; it is asked without one")

    def _data(self, reply: Reply) -> bytes:
        """The body of an answer that is one.

        Raises:
            TrendsError: it is not.
        """
        found = problem(reply.status, reply.headers, reply.body, self._clock())
        if found is not None:
            raise found
        return reply.body

    def _ask(self, call: Call, endpoint: Endpoint, read: Callable[[Reply], _T], told: list[Exchange]) -> _T:
        """What `read` makes of the answer; asked again where that can help."""
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=lambda state: self._uniform(0, _BASE_WAIT_S * 2**state.attempt_number),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, TrendsError) and error.retriable),
            sleep=self._sleep,
            reraise=True,
        )
        found: _T = attempts(self._once, call, endpoint, read, told)
        return found

    def _once(self, call: Call, endpoint: Endpoint, read: Callable[[Reply], _T], told: list[Exchange]) -> _T:
        admitted = self._governor.admit()
        exchange = Telling(endpoint, self._clock(), told)
        reply: Reply | None = None
        try:
            reply = self._session.send(call)
            found = _read(reply, read)
        except TrendsError as error:
            exchange.failed(error, reply, self._clock())
            if isinstance(error, TrendsRefused):
                error.resume_at = self._governor.refused(admitted, error.retry_after)
            raise
        exchange.answered(reply)
        self._governor.answered()
        return found


def _read(reply: Reply, read: Callable[[Reply], _T]) -> _T:
    """What `read` makes of an answer; what it cannot read is no answer."""
    try:
        return read(reply)
    except TrendsMismatch as error:
        raise TrendsMismatched(f"Google Trends answered another question: {error}", status=reply.status) from error
    except TrendsUnreadable as error:
        text = f"Google Trends' answer cannot be read: {error}; run again later"
        raise TrendsGarbled(text, status=reply.status) from error


def _check(found: RawTrendsDocument) -> None:
    """Whether a document holds what was asked for; an empty one does, if Google says that it is."""
    verdict = judge(found)
    if verdict is Verdict.OVER_QUOTA:
        raise _over_quota()
    if verdict is Verdict.NO_LISTS:
        raise TrendsWithheld(
            f"request {found.request.request_id}, {found.endpoint}: Google Trends answered without any list, as it "
            "does to those who asked too much; run again later",
            status=found.status,
        )


def _over_quota() -> TrendsRefused:
    return TrendsRefused("Google Trends says that we are over quota: its lists would be empty or altered", status=200)
