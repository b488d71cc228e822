"""Start the publishing child, write down what it tells, end it in time, and keep secrets out of what it printed."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, Protocol

import msgspec

import elec_assets
from elec_assets.clients.kaggle_job import Event, Job, Result, is_sandbox

CHILD = "elec_assets.clients.kaggle_child"
# Of our environment the child gets these, and on the way to Kaggle itself a proxy.
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY")
_SECRET_URL = re.compile(r"(?:url: |https?://)\S+")
_TAIL = 2000
_PREFIX = "elec-kaggle-"
_OLD_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Credential:
    """The account that publishes: a user name and its key, or a token. Never shown.

    Raises:
        ValueError: not exactly one of key and token, or a key without a user name.
    """

    username: str | None = None
    key: str | None = None
    token: str | None = None

    def __post_init__(self) -> None:
        if bool(self.key) == bool(self.token):
            raise ValueError("set exactly one of KAGGLE_KEY (with KAGGLE_USERNAME) and KAGGLE_API_TOKEN")
        if self.key and not self.username:
            raise ValueError("KAGGLE_KEY is set without KAGGLE_USERNAME, whose key it is")

    def __repr__(self) -> str:
        return "Credential(...)"

    def environment(self) -> dict[str, str]:
        """The variables of the child that hold it."""
        if self.token:
            return {"KAGGLE_API_TOKEN": self.token}
        return {"KAGGLE_USERNAME": str(self.username), "KAGGLE_KEY": str(self.key)}

    def scrubbed(self, text: str) -> str:
        """A text without secrets: keys and tokens, and the addresses of uploads, which open them to anyone."""
        for secret in (self.key, self.token):
            text = text.replace(secret, "***") if secret else text
        return _SECRET_URL.sub("<address>", text)


def child_environment(home: Path, endpoint: str, credential: Credential, ours: Mapping[str, str]) -> dict[str, str]:
    """All variables of the child: nothing of ours that could lead it elsewhere."""
    kept = [*_KEPT, *(() if is_sandbox(endpoint) else (*_PROXIES, *(name.lower() for name in _PROXIES)))]
    package = str(Path(elec_assets.__file__).parents[1])
    return {
        **{name: ours[name] for name in kept if name in ours},
        **({"NO_PROXY": "127.0.0.1"} if is_sandbox(endpoint) else {}),
        "PYTHONPATH": os.pathsep.join(filter(None, (package, ours.get("PYTHONPATH", "")))),
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "KAGGLE_CONFIG_DIR": str(home / "config"),
        **credential.environment(),
    }


class Child(Protocol):
    """What is asked of a child: a part of `subprocess.Popen`."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """Where it is told that an event is written down."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """Where it tells events."""

    def kill(self) -> None:
        """End it at once."""

    def wait(self) -> int:
        """Wait for its end; the exit code."""


# Starts a child on a job: path of the job, environment, file of standard error. A test may fork one that has imported.
Start = Callable[[Path, dict[str, str], Path], Child]


def start_child(job: Path, environment: dict[str, str], log: Path) -> Child:
    """A child of its own, `python -m`."""
    with log.open("wb") as errors:
        return subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", CHILD, str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            cwd=job.parent,
        )


def run_child(
    make_job: Callable[[str], Job],
    credential: Credential,
    tell: Callable[[Event], None],
    *,
    start: Start = start_child,
) -> Result:
    """Do a job in a child; `tell` must write down each event before it returns.

    Args:
        make_job: the job, for the path at which its result is to be left.
        credential: whose account.
        tell: what it raises ends the child and is raised.
        start: see `Start`.
    """
    _sweep()
    with TemporaryDirectory(prefix=_PREFIX) as made:
        home = Path(made)
        (home / "tmp").mkdir()
        (home / "config").mkdir()
        job = make_job(str(home / "result.json"))
        path = home / "job.json"
        path.write_bytes(msgspec.json.encode(job))
        environment = child_environment(home, job.endpoint, credential, os.environ)
        child = start(path, environment, home / "log.txt")
        code, late = _attend(child, tell, job.patience.hard_s)
        result = _result(Path(job.result))
        if result is not None:
            return msgspec.structs.replace(result, problem=credential.scrubbed(result.problem))
        why = f"was ended after {job.patience.hard_s:g} s" if late else f"ended with code {code}"
        log = (home / "log.txt").read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip()
        said = f"; it said: {credential.scrubbed(log)}" if log else ""
        return Result(end="error", problem=f"the publishing process {why} before it was done{said}")


def _sweep() -> None:
    """Remove what runs of days ago left when they were killed: addresses of uploads open those to anyone."""
    for left in Path(gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if time.time() - left.stat().st_mtime > _OLD_S:
                shutil.rmtree(left)
        except OSError:
            continue  # another's, or gone


def _attend(child: Child, tell: Callable[[Event], None], limit_s: float) -> tuple[int, bool]:
    """Write down its events until it ends, by itself or by us: its exit code, and whether the time was over."""
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.start()
    try:
        assert child.stdin is not None  # noqa: S101 - both are pipes
        assert child.stdout is not None  # noqa: S101
        for line in child.stdout:
            tell(msgspec.json.decode(line, type=Event))
            try:
                child.stdin.write(b"written\n")
                child.stdin.flush()
            except BrokenPipeError:
                break  # it was killed
        return child.wait(), late.is_set()
    finally:
        timer.cancel()
        child.kill()
        child.wait()
        _close(child)


def _close(child: Child) -> None:
    for pipe in (child.stdin, child.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except BrokenPipeError:
            continue  # what was not read


def _result(path: Path) -> Result | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except FileNotFoundError:
        return None
