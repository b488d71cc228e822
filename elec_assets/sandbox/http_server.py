"""What the sandboxes share: HTTP/1.1 with keep-alive on 127.0.0.1, scripted faults in the way of every answer."""

import gzip
import itertools
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from elec_assets.sandbox.faults import Fault, FaultScript

# socketserver's type of a request: a pair only for datagrams.
Connection = socket.socket | tuple[bytes, socket.socket]
HOST = "127.0.0.1"
_STOP_S = 5.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came.

    Attributes:
        method: `GET`, `POST`, `PUT` or `DELETE`.
        path: without the query.
        params: the query's names and values; of a name that comes twice the last value.
        headers: by lower-case name.
        body: raw content.
    """

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What is sent back; `Content-Length` is added when it is. Status 0: the connection is reset instead."""

    status: int
    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpStream:
    """An answer without an end that is known.

    Attributes:
        status: HTTP status.
        headers: all of them.
        run: sends the body. It is given the socket and what flushes the head of the answer, and returns whether the
            connection is to be closed by a reset.
    """

    status: int
    headers: Mapping[str, str]
    run: Callable[[socket.socket, Callable[[], None]], bool]


class HttpServer(ABC):
    """A running sandbox. Use it as a context manager, or call `stop`. Subclasses say what is answered and logged.

    Attributes:
        url: `http://127.0.0.1:PORT`.
        faults: the script of faults; `faults.add` adds one while the server runs.
    """

    def __init__(self, faults: FaultScript, port: int, name: str) -> None:
        """Bind the port (0 for any free one) and serve in a thread. What `reply` needs must be set before."""
        self.faults = faults
        self._http = _Server((HOST, port), self)
        self.url = f"http://{HOST}:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )
        self._thread.start()

    @abstractmethod
    def reply(self, request: HttpRequest, fault: Fault) -> HttpReply | HttpStream:
        """Answer a request and log it; a fault without effect where none is due. Called from many threads."""

    @abstractmethod
    def log_reset(self, request: HttpRequest) -> None:
        """Log that a request had its connection reset instead of an answer."""

    def body_limit(self, fault: Fault) -> int | None:
        """How many bytes of a request's body are read, for a fault that takes not all; None for all."""
        del fault
        return None

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many clients at once must not see a refused connection.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: HttpServer) -> None:
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

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a server keeps a log of its own."""

    def _serve(self) -> None:
        owner = self.server.owner
        # A proxy's request line holds the whole URL.
        fault = owner.faults.take(urlsplit(self.path).path) or Fault()
        request = self._read(owner.body_limit(fault))
        if fault.delay_s:
            time.sleep(fault.delay_s)
        if fault.reset:
            owner.log_reset(request)
            self._reset()
            return
        reply = owner.reply(request, fault)
        if isinstance(reply, HttpStream):
            self._stream(reply)
        elif reply.status:
            self._send(reply, fault)
        else:
            self._reset()

    def _read(self, limit: int | None) -> HttpRequest:
        parts = urlsplit(self.path)
        return HttpRequest(
            method=self.command,
            path=parts.path,
            params=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=b"".join(self._body()) if limit is None else self.rfile.read(limit),
        )

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            yield self.rfile.read(length) if length else b""
            return
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers, to the empty line
            pass

    def _send(self, reply: HttpReply, fault: Fault) -> None:
        content = _content(reply, fault)
        headers: dict[str, str] = {}
        if fault.no_length:
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(fault.filler_bytes or len(content))
        if fault.gzip:
            headers["Content-Encoding"] = "gzip"
        headers = {**headers, **reply.headers, **fault.headers}
        if fault.no_content_type:
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        self._head(reply.status, headers)
        if fault.cut is not None:
            content = content[: int(len(content) * fault.cut)]
            self.close_connection = True
        for piece in _pieces(content, fault):
            self.wfile.write(piece)
            if fault.drip_s:
                # The buffer keeps up to 8 kB back: small bodies came at once, when they were whole.
                self.wfile.flush()

    def _stream(self, reply: HttpStream) -> None:
        self.close_connection = True
        self._head(reply.status, reply.headers)
        if reply.run(self.connection, self.wfile.flush):
            self._reset()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status, {s.value: s.phrase for s in HTTPStatus}.get(status, ""))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        """Close with RST: linger on, for no time."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        # Closed under the file objects that still hold the socket: a shutdown first would say goodbye in good order.
        os.close(self.connection.detach())


def _content(reply: HttpReply, fault: Fault) -> bytes:
    """The whole content, as `Content-Length` counts it."""
    content = reply.content
    if fault.truncate is not None:
        content = content[: int(len(content) * fault.truncate)]
    return gzip.compress(content) if fault.gzip else content


def _pieces(content: bytes, fault: Fault) -> Iterator[bytes]:
    """What is written at a time."""
    if fault.filler_bytes:
        whole, rest = divmod(fault.filler_bytes, _BLOCK)
        yield from itertools.repeat(b" " * _BLOCK, whole)
        yield b" " * rest
    elif fault.drip_s:
        for byte in content:
            yield bytes([byte])
            time.sleep(fault.drip_s)
    else:
        yield content
