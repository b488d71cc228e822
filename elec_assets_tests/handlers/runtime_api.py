"""AWS Lambda on this machine: its Runtime API for one function, and the call by which others invoke it.

Real on both sides: `awslambdaric`, the client that runs in every Python Lambda, as a child process; boto3 as the
caller. An execution environment lasts over invocations (warm), and is made anew when it ended. As Lambda does it, one
invocation at a time; the log's last 4 KB come back; after the time limit the environment is killed.
"""

import base64
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from elec_assets_tests.deployment import REPOSITORY

_VERSION = "/2018-06-01/runtime"
_TAIL = 4096
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass
class Invocation:
    """One invocation: the event, and what came of it. `error` is the kind of failure as Lambda names it."""

    event: bytes
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    payload: bytes = b""
    error: str | None = None
    log: bytes = b""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def read(self) -> dict[str, Any]:
        """The event as the handler has it."""
        found: dict[str, Any] = json.loads(self.event)
        return found


class LocalLambda:
    """A function.

    `timeout_s` is Lambda's limit for an invocation. `refusals` (status, code) are answered to the next calls before
    anything starts; `cuts_after_s` end the connections of the next calls so early, while the invocations go on. Those
    wait at their start while `released` is not set.
    """

    def __init__(self, handler: str, environment: Mapping[str, str], timeout_s: float = 900.0) -> None:
        self.timeout_s = timeout_s
        self.invocations: list[Invocation] = []
        self.refusals: list[tuple[int, str]] = []
        self.cuts_after_s: list[float] = []
        self.released = threading.Event()
        self.released.set()
        self.starts = 0
        self._handler = handler
        self._environment = dict(environment)
        self._waiting: queue.Queue[Invocation | None] = queue.Queue()
        self._current: Invocation | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._one = threading.Lock()
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name) / "log"
        self._log.touch()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"function": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.kill()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def kill(self) -> None:
        """End the execution environment: the next invocation begins in another."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
            self._waiting.put(None)

    def invoke(self, event: bytes) -> Invocation:
        """One synchronous invocation."""
        with self._one:
            invocation = Invocation(event)
            self.invocations.append(invocation)
            assert self.released.wait(120)
            if self._child is None or self._child.poll() is not None:
                self._start()
            begun = self._log.stat().st_size
            self._waiting.put(invocation)
            self._wait(invocation)
            invocation.log = self._log.read_bytes()[begun:]
        return invocation

    def _wait(self, invocation: Invocation) -> None:
        until = time.monotonic() + self.timeout_s
        while not invocation.done.wait(0.02):
            assert self._child is not None
            if self._child.poll() is not None and not invocation.done.wait(0.2):
                self._fail(invocation, "Runtime.ExitError", f"Runtime exited with {self._child.returncode}")
            elif time.monotonic() > until:
                self.kill()
                self._fail(invocation, "Sandbox.Timedout", f"Task timed out after {self.timeout_s:.2f} seconds")

    def _fail(self, invocation: Invocation, kind: str, text: str) -> None:
        invocation.payload = json.dumps({"errorType": kind, "errorMessage": text}).encode()
        invocation.error = "Unhandled"
        invocation.done.set()

    def _start(self) -> None:
        self.starts += 1
        self._waiting = queue.Queue()
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        ours = {
            "AWS_LAMBDA_RUNTIME_API": self.url.removeprefix("http://"),
            "AWS_LAMBDA_FUNCTION_NAME": "trends",
            "LAMBDA_TASK_ROOT": str(REPOSITORY),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", self._handler],
                env={**kept, **ours, **self._environment},
                cwd=self._folder.name,
                stdout=log,
                stderr=log,
            )

    def next(self) -> Invocation | None:
        """What the runtime is to work on; it waits for it. None once the environment has ended."""
        self._current = self._waiting.get()
        return self._current

    def ended(self, number: str, payload: bytes, error: str | None) -> None:
        """What the runtime says of the invocation."""
        current = self._current
        assert current is not None
        assert current.id == number
        current.payload, current.error = payload, error
        current.done.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    function: LocalLambda

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        assert self.path == f"{_VERSION}/invocation/next", self.path
        invocation = self.function.next()
        if invocation is None:
            self.close_connection = True
            return
        self._answer(
            200,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int(1000 * (time.time() + self.function.timeout_s))),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:trends",
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(_VERSION):
            *_, number, what = self.path.split("/")
            if number != "init":  # after which it ends
                self.function.ended(number, body, "Unhandled" if what == "error" else None)
            self._answer(202, b"{}", {})
            return
        assert self.path == "/2015-03-31/functions/trends/invocations", self.path
        if self.function.refusals:
            status, code = self.function.refusals.pop(0)
            self._answer(status, b'{"Message": "no"}', {"x-amzn-ErrorType": code})
            return
        if self.function.cuts_after_s:
            work = threading.Thread(target=self.function.invoke, args=(body,), daemon=True)
            work.start()
            work.join(self.function.cuts_after_s.pop(0))
            self.close_connection = True
            return
        done = self.function.invoke(body)
        told = {"X-Amz-Log-Result": base64.b64encode(done.log[-_TAIL:]).decode()}
        if done.error is not None:
            told["X-Amz-Function-Error"] = done.error
        self._answer(200, done.payload, told)

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def local_lambda(handler: str, environment: Mapping[str, str], timeout_s: float = 900.0) -> Iterator[LocalLambda]:
    """A function of this handler, with these variables."""
    made = LocalLambda(handler, environment, timeout_s)
    made.start()
    try:
        yield made
    finally:
        made.stop()
