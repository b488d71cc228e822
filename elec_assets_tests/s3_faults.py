"""An S3 server that fails as told: a proxy on 127.0.0.1 before a good one."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Literal
from urllib.parse import urlsplit

from elec_assets_tests.local_http import serving

# What may never be seen: some answers of S3 repeat the token, and the key.
SECRET, SESSION = "CANARY-SECRET-KEY", "CANARY-SESSION-TOKEN"
_LEFT_OUT = ("connection", "transfer-encoding", "content-length", "date", "server")


@dataclass
class S3Fault:
    """Requests that match `where` (`PUT /bucket/key`) are not served, after the first `skip` of them.

    `how`: an answer of `status`; no answer; no answer though the request was carried out; none in time; half of one.
    """

    where: str
    how: Literal["answer", "cut", "lost", "slow", "half"] = "answer"
    status: int = 503
    code: str = "SlowDown"
    skip: int = 0
    times: int = 1_000_000

    @property
    def body(self) -> bytes:
        echo = f"<Token-0>{SESSION}</Token-0><StringToSign>{SECRET}</StringToSign>"
        return f'<?xml version="1.0"?><Error><Code>{self.code}</Code><Message>m</Message>{echo}</Error>'.encode()

    def takes(self, request: str) -> bool:
        """Whether this request is one of them; counts."""
        if re.search(self.where, request) is None:
            return False
        self.skip -= 1
        if self.skip >= 0:
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class FaultyS3:
    """Its address, its faults (to be changed at any time) and the requests it got, `PUT /bucket/key`."""

    endpoint: str = ""
    faults: list[S3Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    def fault(self, request: str) -> S3Fault | None:
        with self.lock:
            self.requests.append(request)
            return next((fault for fault in self.faults if fault.takes(request)), None)


@contextmanager
def faulty_s3(behind: str) -> Iterator[FaultyS3]:
    """Run one before the server at this URL."""
    found = FaultyS3()

    class Handler(_Handler):
        state = found
        target = urlsplit(behind).netloc

    with serving(Handler) as found.endpoint:
        try:
            yield found
        finally:
            found.stopped.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 5.0
    state: FaultyS3
    target: str

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = self.state.fault(f"{self.command} {self.path}")
        if fault is None:
            self._answer(*self._forwarded(body))
        elif fault.how == "answer":
            self._answer(fault.status, {}, fault.body)
        elif fault.how == "half":
            self._answer(*self._forwarded(body), half=True)
        else:
            if fault.how == "lost":
                self._forwarded(body)
            if fault.how == "slow":
                self.state.stopped.wait(10)
            self.close_connection = True

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _forwarded(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(self.target, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, *, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _LEFT_OUT:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        self.wfile.flush()
        self.close_connection = self.close_connection or half
