"""What a browser with Dagster's UI asks: pages are opened once in headless Chromium, and what they send is recorded.

The UI has no list of its queries that stays true, so they are recorded anew each time: bodies, and when they are sent
after a page is opened, polls included. Nothing of them is kept.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from websockets.sync.client import ClientConnection, connect

from bench.measure import PathFailed

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_START_S = 60.0
_MOST_BYTES = 10_000_000
_OPTIONS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1500,1100",
    # It may ask this machine and nobody else.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


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


def browser() -> str | None:
    """The Chromium of this machine; None where there is none."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


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
    with tempfile.TemporaryDirectory(prefix="elec-browser-", ignore_cleanup_errors=True) as folder:
        # Chromium refuses to be root with its sandbox.
        options = [*_OPTIONS, f"--user-data-dir={folder}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        with subprocess.Popen([program, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=-1) as process:
            try:
                with connect(_debugger(process, Path(folder)), max_size=None, proxy=None) as tab:
                    _send(tab, "Network.enable", maxPostDataSize=_MOST_BYTES)
                    _send(tab, "Page.enable")
                    yield tab
            finally:
                process.terminate()
                process.communicate()


def _debugger(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address of its only page's debugger."""
    until = time.monotonic() + _START_S
    told = folder / "DevToolsActivePort"
    while not told.exists() or not told.read_text(encoding="ascii").strip():
        if process.poll() is not None or time.monotonic() > until:
            raise PathFailed(f"Chromium did not start within {_START_S:g} s")
        time.sleep(0.1)
    port = told.read_text(encoding="ascii").splitlines()[0]
    session = requests.Session()
    session.trust_env = False
    listed = session.get(f"http://127.0.0.1:{port}/json/list", timeout=_START_S).json()
    return str(next(each["webSocketDebuggerUrl"] for each in listed if each["type"] == "page"))


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
