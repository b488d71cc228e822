"""`elec demo` as a child process: under the loopback guard, in an environment full of what it must not use."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from elec_assets_tests.loopback.guard import guarded
from elec_assets_tests.loopback.kernel_watch import KernelWatch

# 192.0.2.1 is for documentation (RFC 5737): a proxy there answers no one. None of this may reach a child of the demo.
SECRET = "not-for-the-demo"
POISON = {
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
    "ALL_PROXY": "http://192.0.2.1:3128",
    "http_proxy": "http://192.0.2.1:3128",
    "X_BEARER_TOKEN": SECRET,
    "ELEC_X_BASE_URL": "http://192.0.2.1",
    "ELEC_X_BUDGET_USD": "1000",
    "ELEC_STORE": "s3://not-for-the-demo",
    "ELEC_REGISTRY": "/nowhere/candidates.yaml",
    "KAGGLE_KEY": SECRET,
    "AWS_ACCESS_KEY_ID": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": "http://192.0.2.1",
    "DAGSTER_HOME": "/nowhere",
}
_NOT_KEPT = ("NO_PROXY", "no_proxy", "PYTEST_CURRENT_TEST")


@dataclass
class DemoProcess:
    """A running demo. `folder` is that of the test, `data` that of the demo's store."""

    folder: Path
    port: int
    watch: KernelWatch
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def home(self) -> Path:
        return self.folder / "demo"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def attempts_log(self) -> Path:
        return self.folder / "attempts.jsonl"

    @property
    def said(self) -> str:
        return (self.folder / "stderr.txt").read_text(encoding="utf-8")

    @property
    def printed(self) -> str:
        return (self.folder / "stdout.txt").read_text(encoding="utf-8")

    @property
    def dagster_log(self) -> str:
        path = self.home / "dagster.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self, *options: str) -> "DemoProcess":
        command = [sys.executable, "-m", "elec_assets.cli", "demo", "--port", str(self.port), "--dir", str(self.home)]
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_KEPT}
        with (self.folder / "stdout.txt").open("wb") as out, (self.folder / "stderr.txt").open("wb") as err:
            self.process = subprocess.Popen(
                [*self.watch.prefix, *command, *options],
                env=guarded({**kept, **POISON}, self.attempts_log),
                cwd=self.folder,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.watch.started(self.process.pid)
        return self

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until standard error holds a text.

        Raises:
            AssertionError: it did not come in time, or the demo ended first.
        """
        until = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}{self.dagster_log}"
            assert time.monotonic() < until, f"no {text!r} within {seconds} s: {self.said}{self.dagster_log}"
            time.sleep(0.1)

    def end(self, how: signal.Signals, seconds: float) -> int:
        """Send it a signal; its exit code."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def left(self) -> list[str]:
        """Its processes that still live, wherever they hide: all inherit the name of the log."""
        return [" ".join(p.cmdline())[:120] for p in self._alive()]

    def kill(self) -> None:
        """For teardown: nothing may outlive the test, whatever went wrong."""
        for process in self._alive():
            process.kill()
        self.process.wait(10)

    def _alive(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LOOPBACK_LOG") == str(self.attempts_log) and process.name() != "strace":
                    found.append(process)
            except psutil.Error:  # it ended meanwhile, or is another user's
                continue
        return found


def new_demo(folder: Path, *, watched: bool = False) -> DemoProcess:
    """A demo that is not started yet, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    watch = KernelWatch(folder)
    if not watched:
        watch.prefix = []
    return DemoProcess(folder, port, watch)
