"""The X sandbox on a socket: its API behind scripted faults, with a log of requests."""

import json
from dataclasses import dataclass

from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.http_server import HttpReply, HttpRequest, HttpServer, HttpStream
from elec_assets.sandbox.x_accounts import STREAM, Bill
from elec_assets.sandbox.x_api import Answer, Request, XApi
from elec_assets.sandbox.x_compliance import ComplianceJobs
from elec_assets.sandbox.x_errors import PRESETS
from elec_assets.sandbox.x_rules import RuleStore
from elec_assets.sandbox.x_stream import FilteredStream
from elec_assets.sandbox.x_stream_serving import Serving


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that was answered; status 0 where the connection was reset instead."""

    method: str
    path: str
    params: dict[str, str]
    status: int


class XServer(HttpServer):
    """A running sandbox of X. Use it as a context manager, or call `stop`.

    Attributes:
        url: the API root, `http://127.0.0.1:PORT`.
        requests: what was answered so far, in order.
        bill: what X would have billed.
        rules: the stream rules.
        stream: the stream, its faults, and what was true of it.
        compliance: the compliance jobs, and what they say of posts.
        faults: the script of faults; `faults.add` adds one while the server runs.
    """

    def __init__(self, api: XApi, faults: FaultScript, port: int) -> None:
        self.requests: list[LoggedRequest] = []
        self.bill: Bill = api.bill
        self.rules: RuleStore = api.rules
        self.stream: FilteredStream = api.stream
        self.compliance: ComplianceJobs = api.compliance
        self._api = api
        super().__init__(faults, port, "x-sandbox")
        self.compliance.root = self.url

    def reply(self, request: HttpRequest, fault: Fault) -> HttpReply | HttpStream:
        """X's answer, or what the fault says."""
        asked = Request(
            request.method,
            request.path,
            request.params,
            request.headers.get("authorization", ""),
            request.body,
            request.headers.get("content-type", ""),
        )
        answer = _spoilt(fault) or self._answer(asked, gzip=fault.gzip)
        if isinstance(answer, Serving):
            self._log(request, 200)
            return HttpStream(200, {**answer.headers, **fault.headers}, answer.run)
        self._log(request, answer.status)
        body = fault.body if isinstance(fault.body, str) else answer.body
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
        return HttpReply(answer.status, text.encode(), headers)

    def _answer(self, asked: Request, *, gzip: bool) -> Answer | Serving:
        if (asked.method, asked.path) == ("GET", STREAM):
            return self._api.connect(asked, gzip=gzip)
        return self._api.answer(asked)

    def log_reset(self, request: HttpRequest) -> None:
        """Log a reset as status 0."""
        self._log(request, 0)

    def _log(self, request: HttpRequest, status: int) -> None:
        self.requests.append(LoggedRequest(request.method, request.path, dict(request.params), status))


def _spoilt(fault: Fault) -> Answer | None:
    """The answer that a fault gives; None if the true one is to follow."""
    if fault.redirect is not None:
        return Answer(302, {}, {"location": fault.redirect})
    if fault.preset is not None:
        status, body = PRESETS[fault.preset]
        return Answer(fault.status or status, body if fault.body is None else fault.body)
    if fault.status is not None or fault.body is not None:
        return Answer(fault.status or 200, {} if fault.body is None else fault.body)
    return None
