"""A client of the stream that shows its bytes, and what tests of the stream share."""

import json
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from elec_assets.domain.windows import X_EPOCH_MS
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.world import Person, Scene, World
from elec_assets.sandbox.x_http import XServer

STREAM = "/2/tweets/search/stream"
RULES = f"{STREAM}/rules"
CONNECTIONS = "/2/connections"
TOKEN = "sandbox-token"
Live = Callable[..., XServer]
"""What the fixture `live` is."""
WAIT_S = 10.0
# How many times as fast as the wall the clock of a `live` server runs.
FAST = 300
# Every post of the seeded worlds in French says it, if nothing else.
EVERYTHING = "synthetique OR synthèse OR essai"

# Made once for all tests of the stream: the posts of a time are the slow part.
WORLD = World(Scene(seed=11, people=tuple(Person(f"p{i}", f"Élodie Numéro{i}") for i in range(8)), posts_per_hour=600))


def call(server: XServer, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests
    """One request with the right token."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        return session.request(method, server.url + path, timeout=WAIT_S, **options)


def add_rules(server: XServer, *rules: tuple[str, str | None]) -> list[Json]:
    """Add rules (value, tag); the answer's data."""
    entries = [{"value": value} if tag is None else {"value": value, "tag": tag} for value, tag in rules]
    return list(call(server, "POST", RULES, json={"add": entries}).json()["data"])


class RawStream:
    """One request for the stream, with what came back byte for byte.

    Attributes:
        status: of the answer.
        headers: by lower-case name.
        raw: what came after the head.
        ended: `eof` or `reset` once the server has closed the connection.
    """

    def __init__(self, server: XServer, **params: str) -> None:
        parts = urlsplit(server.url)
        self.ended: str | None = None
        self.socket = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=WAIT_S)
        query = f"?{urlencode({k.replace('__', '.'): v for k, v in params.items()})}" if params else ""
        self.socket.sendall(
            f"GET {STREAM}{query} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        self.raw = b""
        while b"\r\n\r\n" not in self.raw and self.ended is None:
            self.read()
        head, _, self.raw = self.raw.partition(b"\r\n\r\n")
        status, *headers = head.decode().split("\r\n")
        self.status = int(status.split()[1]) if status else 0
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in headers)}

    def __enter__(self) -> "RawStream":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def read(self) -> None:
        """Wait for some bytes, or for the end."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            self.ended = "reset"
            return
        self.raw += data
        if not data:
            self.ended = "eof"

    def to_end(self) -> "RawStream":
        """Wait for the end."""
        while self.ended is None:
            self.read()
        return self

    def take(self, count: int) -> list[Json]:
        """Wait for so many lines that hold JSON, or for the end; all that came."""
        while self.ended is None and len(self.lines) < count:
            self.read()
        return self.messages

    @property
    def content(self) -> bytes:
        """What came, out of its chunks."""
        return unchunked(self.raw)[0]

    @property
    def finished(self) -> bool:
        """Whether the last chunk came, the one without content."""
        return unchunked(self.raw)[1]

    @property
    def lines(self) -> list[bytes]:
        """Whole lines but keep-alives."""
        return [line for line in self.content.split(b"\r\n")[:-1] if line]

    @property
    def messages(self) -> list[Json]:
        """What the lines hold."""
        return [json.loads(line) for line in self.lines]

    @property
    def keep_alives(self) -> int:
        """How many came."""
        return sum(not line for line in self.content.split(b"\r\n")[:-1])


def unchunked(raw: bytes) -> tuple[bytes, bool]:
    """The content of chunks, and whether it is whole; of a chunk that is not, what came."""
    content = b""
    while b"\r\n" in raw:
        size, _, rest = raw.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return content, rest == b"\r\n"
        content, raw = content + rest[:length], rest[length + 2 :]
    return content, False


def ids_of(messages: Iterable[Json]) -> list[str]:
    """Ids of the posts."""
    return [m["data"]["id"] for m in messages if "data" in m]


def made_ms(tweet_id: str) -> int:
    """When a post was made, ms since 1970."""
    return (int(tweet_id) >> 22) + X_EPOCH_MS


def ended(server: XServer) -> None:
    """Wait until no connection is running."""
    wait_for(lambda: not server.stream.connections.running())


def wait_for(true: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)
