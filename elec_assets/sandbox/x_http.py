"""The X sandbox on a socket: HTTP/1.1 with keep-alive on 127.0.0.1, a log of requests, scripted faults."""

import json
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.x_accounts import Bill
from elec_assets.sandbox.x_api import Answer, Request, XApi
from elec_assets.sandbox.x_errors import PRESETS
from elec_assets.sandbox.x_rules import RuleStore

# socketserver's type of a request: a pair only for datagrams.
Connection = socket.socket | tuple[bytes, socket.socket]
HOST = "127.0.0.1"
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request that was answered; status 0 where the connection was reset instead."""

    method: str
    path: str
    params: dict[str, str]
    status: int


class XServer:
    """A running sandbox of X. Use it as a context manager, or call `stop`.

    Attributes:
        url: the API root, `http://127.0.0.1:PORT`.
        requests: what was answered so far, in order.
        bill: what X would have billed.
        rules: the stream rules.
        faults: the script of faults; `faults.add` adds one while the server runs.
    """

    def __init__(self, api: XApi, faults: FaultScript, port: int) -> None:
        self.requests: list[LoggedRequest] = []
        self.bill: Bill = api.bill
        self.rules: RuleStore = api.rules
        self.faults = faults
        self._http = _Server((HOST, port), api, self)
        self.url = f"http://{HOST}:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="x-sandbox", daemon=True
        )
        self._thread.start()

    def connections(self) -> list[socket.socket]:
        """The connections that are open."""
        return self._http.connections()

    def wait(self) -> None:
        """Serve until another thread stops the server."""
        self._thread.join()

    def stop(self) -> None:
        """Stop serving, close all connections and wait for their threads."""
        self._http.shutdown()
        self._http.close_connections()
        self._http.server_close()
        self._thread.join(_STOP_S)

    def __enter__(self) -> "XServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients at once must not see a refused connection.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: XApi, owner: XServer) -> None:
        self.api = api
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own would ask the resolver for this machine's name, which may go out on the network.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def connections(self) -> list[socket.socket]:
        with self._changed:
            return list(self._open)

    def close_connections(self) -> None:
        for connection in self.connections():
            _end(connection)
        with self._changed:
            self._changed.wait_for(lambda: not self._open, timeout=_STOP_S)

    def process_request(self, request: Connection, client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._changed:
                self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open -= {request}
            self._changed.notify_all()

    def handle_error(self, request: Connection, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # TCP_NODELAY: without it 300 pages took 13 s instead of 0.3 (delayed acknowledgements).
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: `XServer.requests` is the log."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=parts.path,
            params=dict(parse_qsl(parts.query, keep_blank_values=True)),
            authorization=self.headers.get("Authorization", ""),
            body=self.rfile.read(length) if length else b"",
        )
        fault = self.server.owner.faults.take(request.path) or Fault()
        if fault.delay_s:
            time.sleep(fault.delay_s)
        if fault.reset:
            self._log(request, 0)
            self._reset()
            return
        answer = _spoilt(fault) or self.server.api.answer(request)
        self._log(request, answer.status)
        self._send(answer, fault)

    def _log(self, request: Request, status: int) -> None:
        entry = LoggedRequest(request.method, request.path, dict(request.params), status)
        self.server.owner.requests.append(entry)

    def _send(self, answer: Answer, fault: Fault) -> None:
        text = fault.body if isinstance(fault.body, str) else json.dumps(answer.body, ensure_ascii=False)
        content = text.encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content))}
        headers.update(answer.headers)
        headers.update(fault.headers)
        phrase = {s.value: s.phrase for s in HTTPStatus}.get(answer.status, "")
        self.send_response(answer.status, phrase)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if fault.cut is not None:
            content = content[: int(len(content) * fault.cut)]
            self.close_connection = True
        self.wfile.write(content)

    def _reset(self) -> None:
        """Close with RST: linger on, for no time."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # Closed under the file objects that still hold the socket: a shutdown first would say goodbye in good order.
        os.close(self.connection.detach())


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
