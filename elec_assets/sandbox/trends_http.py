"""The Google Trends sandbox on a socket: its API behind scripted faults, with a log of requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.http_server import HttpReply, HttpRequest, HttpServer
from elec_assets.sandbox.trends_answers import Asked, Outcome, TrendsAnswer
from elec_assets.sandbox.trends_api import cookie_of


class TrendsSource(Protocol):
    """What answers: `TrendsApi` or `TrendsReplay`."""

    def answer(self, request: HttpRequest, fault: Fault) -> TrendsAnswer:
        """Answer a request."""


@dataclass(frozen=True, slots=True)
class TrendsRequest:
    """One request that was answered.

    Attributes:
        at: the server's time.
        method: `GET` or `POST`.
        path: without the query.
        asked: endpoint, keywords, geo, timeframe, widget.
        cookie: the NID that came with it; empty if none did.
        status: HTTP status; 0 where the connection was reset instead.
        outcome: `ok`; `empty`: a document without data; `refused`: by the server's own rules; `fault` or `reset`: by
            the script, whose other faults leave `ok`.
        headers: of the request, by lower-case name.
    """

    at: datetime
    method: str
    path: str
    asked: Asked
    cookie: str
    status: int
    outcome: Outcome
    headers: dict[str, str]


class TrendsServer(HttpServer):
    """A running sandbox of Google Trends. Use it as a context manager, or call `stop`.

    Attributes:
        url: `http://127.0.0.1:PORT/trends`, in place of `https://trends.google.com/trends`.
        requests: what was answered so far, in order.
        faults: the script of faults; `faults.add` adds one (`TrendsFault`) while the server runs.
    """

    def __init__(self, source: TrendsSource, clock: Callable[[], datetime], faults: FaultScript, port: int) -> None:
        self.requests: list[TrendsRequest] = []
        self._source = source
        self._clock = clock
        super().__init__(faults, port, "trends-sandbox")
        self.url += "/trends"

    def reply(self, request: HttpRequest, fault: Fault) -> HttpReply:
        """Google's answer, or what the fault says."""
        answer = self._source.answer(request, fault)
        self._log(request, answer.asked, answer.status, answer.outcome)
        return HttpReply(answer.status, answer.content, answer.headers)

    def log_reset(self, request: HttpRequest) -> None:
        """Log a reset as status 0."""
        self._log(request, self._source.answer(request, _UNANSWERED).asked, 0, "reset")

    def _log(self, request: HttpRequest, asked: Asked, status: int, outcome: Outcome) -> None:
        entry = TrendsRequest(
            self._clock(),
            request.method,
            request.path,
            asked,
            cookie_of(request),
            status,
            outcome,
            dict(request.headers),
        )
        self.requests.append(entry)


# Only to learn what a request is about: no quota is used, no token given out.
_UNANSWERED = Fault(status=500)
