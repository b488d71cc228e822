"""Pages in a headless Chromium, over its DevTools protocol: how long until they show what is looked for."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection

from bench import chromium
from bench.measure import PathFailed

_EVERY_S = 0.05


@contextmanager
def browser() -> Iterator["Page"]:
    """A browser with nothing in its cache, and a page in it.

    Raises:
        PathFailed: there is no Chromium on this machine, or it does not start.
    """
    program = chromium.found()
    if program is None:
        raise PathFailed("no Chromium on this machine: install it (chromium) to measure pages")
    with chromium.tab(program) as tab:
        yield Page(tab)


class Page:
    """A page; expressions are JavaScript."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._call("Page.enable")

    def opened(self, url: str, shows: str, within_s: float) -> float:
        """Open an address anew; the seconds until an expression is true.

        Raises:
            PathFailed: it was not within that time.
        """
        self._call("Page.navigate", url="about:blank")
        began = time.monotonic()
        self._call("Page.navigate", url=url)
        return self._shown(began, url, f"location.href !== 'about:blank' && Boolean({shows})", within_s)

    def clicked(self, link: str, shows: str, within_s: float) -> float:
        """Click on the first that a CSS selector finds; the seconds until an expression is true.

        Raises:
            PathFailed: there is none, or it was not within that time.
        """
        began = time.monotonic()
        if self.tells(f"(e => e ? (e.click(), true) : false)(document.querySelector({json.dumps(link)}))") is not True:
            raise PathFailed(f"there is nothing to click on: {link}; the page's text: {self.text()[:500]!r}")
        return self._shown(began, link, f"Boolean({shows})", within_s)

    def _shown(self, began: float, what: str, expression: str, within_s: float) -> float:
        while not self.tells(expression):
            if time.monotonic() > began + within_s:
                found = f"{expression}; its text: {self.text()[:500]!r}"
                raise PathFailed(f"{what} did not show within {within_s:g} s: {found}")
            time.sleep(_EVERY_S)
        return time.monotonic() - began

    def text(self) -> str:
        """What a person reads on it."""
        return str(self.tells("document.body ? document.body.innerText : ''"))

    def tells(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """The value of an expression; None where it cannot be told, as between two pages."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return told.get("result", {}).get("value")

    def picture(self, path: Path) -> None:
        """Save a picture of it as PNG."""
        told = self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))

    def _call(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") == self._number:
                result: dict[str, Any] = told.get("result", {})
                return result
