"""What a browser with Dagster's UI asks: pages are opened once in headless Chromium, and what they send is recorded.

The UI has no list of its queries that stays true, so they are recorded anew each time: bodies, and when they are sent
after a page is opened, polls included. Nothing of them is kept.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.sync.client import ClientConnection

from bench import chromium
from bench.measure import PathFailed

_MOST_BYTES = 10_000_000


class Request(msgspec.Struct, frozen=True):
    """A POST: so many seconds after its page was opened."""

    at_s: float
    path: str
    operation: str
    body: str


class Frame(msgspec.Struct, frozen=True):
    """A text sent over a web socket: so many seconds after its page was opened."""

    at_s: float
    text: str


class Socket(msgspec.Struct, frozen=True):
    """A web socket: how the UI hears of news of code locations and runs."""

    path: str
    frames: list[Frame]


class Page(msgspec.Struct, frozen=True):
    """All that a page sent in the seconds it was open."""

    name: str
    seconds: float
    requests: list[Request]
    sockets: list[Socket]


def record(program: str, root: str, paths: Sequence[tuple[str, str]], seconds: float) -> list[Page]:
    """Open pages, (name, path), one after another, each for so many seconds.

    Raises:
        PathFailed: Chromium does not start, or a page asks nothing.
    """
    with _tab(program) as tab:
        pages = [_record(tab, name, root + path, seconds) for name, path in paths]
    silent = [page.name for page in pages if not page.requests]
    if silent:
        raise PathFailed(f"{', '.join(silent)}: the page of the UI asked nothing of GraphQL within {seconds:g} s")
    return pages


@contextmanager
def _tab(program: str) -> Iterator[ClientConnection]:
    with chromium.tab(program) as tab:
        _send(tab, "Network.enable", maxPostDataSize=_MOST_BYTES)
        _send(tab, "Page.enable")
        yield tab


def _send(tab: ClientConnection, method: str, **params: object) -> None:
    tab.send(json.dumps({"id": 1, "method": method, "params": params}))


def _record(tab: ClientConnection, name: str, url: str, seconds: float) -> Page:
    _send(tab, "Page.navigate", url=url)
    noted = Noted(url)
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            message = json.loads(tab.recv(timeout=left))
        except TimeoutError:
            break
        noted.take(message.get("method", ""), message.get("params", {}))
    return Page(name, seconds, noted.requests, list(noted.sockets.values()))


class Noted:
    """What was sent since the page of a URL was opened; what the page before it still sends is not among it."""

    def __init__(self, url: str) -> None:
        self.requests: list[Request] = []
        self.sockets: dict[str, Socket] = {}
        self._url = url
        self._opened: float | None = None

    def take(self, method: str, params: dict[str, Any]) -> None:
        """Take in an event of Chromium's DevTools protocol."""
        if method == "Network.requestWillBeSent":
            self._request(params["request"], params)
        elif self._opened is not None and method == "Network.webSocketCreated":
            self.sockets[params["requestId"]] = Socket(_path(params["url"]), [])
        elif self._opened is not None and method == "Network.webSocketFrameSent":
            at_s = params["timestamp"] - self._opened
            if params["requestId"] in self.sockets:
                self.sockets[params["requestId"]].frames.append(Frame(at_s, params["response"]["payloadData"]))

    def _request(self, request: dict[str, Any], params: dict[str, Any]) -> None:
        if self._opened is None:
            if params.get("type") == "Document" and request["url"] == self._url:
                self._opened = params["timestamp"]
        elif request["method"] == "POST" and urlsplit(request["url"]).path == "/graphql":
            body = request.get("postData", "")
            operation = str(json.loads(body).get("operationName"))
            self.requests.append(Request(params["timestamp"] - self._opened, _path(request["url"]), operation, body))


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
