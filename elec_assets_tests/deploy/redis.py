"""A Redis server of a test's own, on 127.0.0.1, kept on disk in a temporary folder, as that of compose."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_START_S = 30.0
_OPTIONS = ("--bind", "127.0.0.1", "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "")


@dataclass(frozen=True)
class Redis:
    """A running server; its databases are numbered."""

    port: int
    folder: Path

    def url(self, database: int) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def celery(self) -> dict[str, str]:
        """For deploy/launchers/celery.yaml."""
        return {"DAGSTER_CELERY_BROKER": self.url(0), "DAGSTER_CELERY_BACKEND": self.url(1)}


@contextmanager
def running() -> Iterator[Redis]:
    """Start a server, and stop it. Skips the test where there is none to start."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis on this machine: install the server (redis-server) to run this")
    folder = Path(tempfile.mkdtemp(prefix="elec-redis-"))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [program, *_OPTIONS, "--port", str(port), "--dir", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "log")
        yield Redis(port, folder)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as asked:
                asked.sendall(b"PING\r\n")
                if asked.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < until, log.read_text(encoding="utf-8")
        time.sleep(0.05)
