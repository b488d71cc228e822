"""Servers of a stream that do on the socket what no ordinary server does, and a listener that remembers."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from elec_assets.clients.x_stream import StreamEnd, XStream

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PLAIN = HEAD + b"Connection: close\r\n\r\n"
LAST = b"0\r\n\r\n"
TOKEN = "a-token-that-nobody-may-see"

Play = Callable[[socket.socket], None]


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def until_gone(connection: socket.socket) -> None:
    """Say nothing until the client has gone."""
    with suppress(OSError):
        while connection.recv(4096):
            pass


class Server:
    """Answers each connect with `play`. `requests` are the heads as received."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._play = play
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._ended = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._ended = True
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            if self._ended:
                connection.close()
                return
            self._open.append(connection)
            with suppress(OSError):  # the client has gone
                self._answer(connection)
            connection.close()

    def _answer(self, connection: socket.socket) -> None:
        if self._tls:
            with self._tls.wrap_socket(connection, server_side=True) as opened:
                self._talk(opened)
        else:
            self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        self.requests.append(connection.recv(65_536))
        self._play(connection)


@contextmanager
def serving(play: Play, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(play, tls)
    try:
        yield server
    finally:
        server.close()


class Ear:
    """Remembers what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[bytes | str] = []
        self.at_ms: list[int] = []
        self.threads: set[int] = set()
        self.something = threading.Event()

    def opened(self, at_ms: int) -> None:
        self._note("opened", at_ms)

    def line(self, raw: bytes, at_ms: int) -> None:
        self._note(raw, at_ms)

    def keep_alive(self, at_ms: int) -> None:
        self._note("keep-alive", at_ms)

    @property
    def lines(self) -> list[bytes]:
        return [told for told in self.told if isinstance(told, bytes)]

    def _note(self, told: bytes | str, at_ms: int) -> None:
        self.told.append(told)
        self.at_ms.append(at_ms)
        self.threads.add(threading.get_ident())
        self.something.set()


def stream(url: str, *, stall_s: float = 5.0, connect_s: float = 5.0, token: str = TOKEN) -> XStream:
    return XStream(token=token, base_url=url, clock=now_ms, stall_s=stall_s, connect_s=connect_s)


def listened(play: Play, *, stall_s: float = 5.0, connect_s: float = 5.0) -> tuple[StreamEnd, Ear]:
    """How one connection to a server ends, and what was told of it."""
    ear = Ear()
    with serving(play) as server:
        return stream(server.url, stall_s=stall_s, connect_s=connect_s).listen(ear), ear


def stopped_after(made: XStream, ear: Ear, ready: Callable[[], object]) -> tuple[StreamEnd, float]:
    """Stop a stream once it is ready for it: how it ends, and how many seconds after."""
    at: list[float] = []

    def stop() -> None:
        ready()
        at.append(time.monotonic())
        made.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    end = made.listen(ear)
    took = time.monotonic() - at[0]
    thread.join(5)
    return end, took
