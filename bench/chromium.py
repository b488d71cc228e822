"""A headless Chromium with nothing in its cache, and a tab in it that is spoken to over its DevTools protocol."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from websockets.sync.client import ClientConnection, connect

from bench.measure import PathFailed

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_START_S, _EVERY_S = 60.0, 0.05
_OPTIONS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1500,1100",
    # It may ask this machine and nobody else, whatever a page wants.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def found() -> str | None:
    """The Chromium of this machine; None where there is none."""
    return next((program for name in _NAMES if (program := shutil.which(name))), None)


@contextmanager
def tab(program: str) -> Iterator[ClientConnection]:
    """Start it; gives the connection to its only tab.

    Raises:
        PathFailed: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="elec-browser-", ignore_cleanup_errors=True) as folder:
        # Chromium refuses to be root with its sandbox.
        options = [*_OPTIONS, f"--user-data-dir={folder}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        command, nowhere = [program, *options, "about:blank"], subprocess.DEVNULL
        with subprocess.Popen(command, stdout=nowhere, stderr=nowhere) as process:
            try:
                with connect(_debugger(process, Path(folder)), max_size=None, proxy=None) as connection:
                    yield connection
            finally:
                process.terminate()
                process.wait()


def _debugger(process: subprocess.Popen[bytes], folder: Path) -> str:
    """The address of its only page's debugger."""
    until = time.monotonic() + _START_S
    told = folder / "DevToolsActivePort"
    while not told.exists() or not told.read_text(encoding="ascii").strip():
        if process.poll() is not None or time.monotonic() > until:
            raise PathFailed(f"Chromium did not start within {_START_S:g} s")
        time.sleep(_EVERY_S)
    port = told.read_text(encoding="ascii").splitlines()[0]
    session = requests.Session()
    session.trust_env = False
    listed = session.get(f"http://127.0.0.1:{port}/json/list", timeout=_START_S).json()
    return str(next(each["webSocketDebuggerUrl"] for each in listed if each["type"] == "page"))
