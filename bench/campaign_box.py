"""The services of deploy/compose.yaml on a Postgres of their own, run from this checkout; their peak memory."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import requests

from bench.checkout import Checkout
from bench.measure import PathFailed
from elec_assets_tests.deploy import postgres as servers
from elec_assets_tests.deploy.box import Box, Image, family
from elec_assets_tests.deploy.postgres import Postgres

DATABASE = "dagster"
"""The name that the image has."""
SERVICES = ("code", "webserver", "daemon")
NO_PROXIES = {"http": "", "https": ""}
"""For requests to this machine."""
_EVERY_S = 0.5
_START_S = 240.0
_MB = 1e6


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running Postgres with an empty database.

    Raises:
        PathFailed: there is none on this machine.
    """
    if servers.binaries() is None:
        raise PathFailed("no PostgreSQL on this machine: install the server (postgresql) to run this")
    with servers.running() as server:
        server.new(DATABASE)
        yield server


@contextmanager
def place(registry: str) -> Iterator[Checkout]:
    """The folders of the image, with this checkout and this interpreter's packages in it."""
    with tempfile.TemporaryDirectory(prefix="elec-campaign-") as folder:
        image = Checkout(Path(folder))
        image.lay_out()
        image.path("/opt/elec/config/candidates.yaml").write_text(registry, encoding="utf-8")
        yield image


def environment(image: Image, server: Postgres, settings: Mapping[str, str]) -> dict[str, str]:
    """For commands that open the same instance as the services."""
    kept = {n: v for n, v in os.environ.items() if not n.lower().endswith("_proxy")}
    return {**kept, **image.environment, **server.dagster(DATABASE), **settings}


def start(box: Box, name: str) -> float:
    """Start a service; the seconds until it answers.

    Raises:
        PathFailed: it does not.
    """
    began = time.monotonic()
    box.start(name)
    while not _answers(box, name):
        if box.processes[name].poll() is not None or time.monotonic() > began + _START_S:
            raise PathFailed(f"{name} did not start: {box.log(name).read_text(encoding='utf-8')[-2000:]}")
        time.sleep(0.2 if name == "webserver" else 1.0)
    return time.monotonic() - began


def _answers(box: Box, name: str) -> bool:
    if name != "webserver":
        return box.healthy(name)
    try:
        return requests.get(f"{web(box)}/server_info", timeout=5, proxies=NO_PROXIES).ok
    except requests.RequestException:
        return False


def web(box: Box) -> str:
    """The webserver's URL."""
    return f"http://127.0.0.1:{box.web_port}"


class Memory:
    """Peak memory of the services' processes, looked at twice a second while it is open; MB, 10^6 bytes."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._peaks: dict[tuple[str, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def peaks(self) -> dict[str, float]:
        """The highest of each kind of process."""
        found: dict[str, float] = {}
        for (name, _), peak in self._peaks.items():
            found[name] = max(peak, found.get(name, 0.0))
        return found

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            for service, process in list(self._box.processes.items()):
                for one in family(process):
                    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError, ProcessLookupError):
                        key = (_kind(service, one.cmdline()), one.pid)
                        self._peaks[key] = max(_peak_mb(one), self._peaks.get(key, 0.0))


def _kind(service: str, command: list[str]) -> str:
    # The code server starts runs as processes of Python's multiprocessing, a launcher as a command.
    if "execute_run" in command or any("spawn_main" in word for word in command):
        return "run"
    if service == "code" and "grpc" in command:
        return "code: definitions"
    return service


def _peak_mb(process: psutil.Process) -> float:
    # Linux keeps the highest mark itself: a look in between misses nothing.
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        marks = [line.split()[1] for line in status.read_text(encoding="ascii").splitlines() if "VmHWM" in line]
        return int(marks[0]) * 1024 / _MB if marks else 0.0
    return float(process.memory_info().rss) / _MB
