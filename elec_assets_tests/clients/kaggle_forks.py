"""A process that has imported kaggle once (1 to 2 s of CPU) and forks a child for every job that a test starts.

What runs in the fork is what would run in a process of its own: `kaggle_child.main`, the unmodified `kaggle` command,
or a publisher, in an environment, a working directory and files of its own.
"""

import atexit
import importlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

from elec_assets_tests.loopback.guard import guarded

_STATUS = struct.Struct("!i")
_MOST = 1 << 16


class _Request(msgspec.Struct):
    argv: list[str]
    environment: dict[str, str]
    folder: str


@cache
def shared_forks() -> "Forks":
    """The one process of all tests here; it ends with theirs."""
    # Not pytest's folder: the address of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="kaggle-forks-"))
    made = Forks(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(made.stop)
    return made


class Fork:
    """A forked child, as much of a `Popen` as is asked for."""

    def __init__(self, connection: socket.socket, stdin: IO[bytes] | None, stdout: IO[bytes] | None) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self._connection = connection
        self.pid: int = _STATUS.unpack(connection.recv(_STATUS.size))[0]
        self._code: int | None = None

    def kill(self) -> None:
        """As `Popen.kill`."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """As `Popen.wait`."""
        if self._code is None:
            self._code = _STATUS.unpack(self._connection.recv(_STATUS.size))[0]
            self._connection.close()
        return self._code


class Forks:
    """The process that forks, and how to ask it. Leave the context to end it."""

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        home.mkdir(parents=True)
        self.address = str(folder / "s")
        self.attempts = folder / "attempts.jsonl"
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOME": str(home),
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "KAGGLE_USERNAME": "sandbox-user",
            "KAGGLE_KEY": "sandbox-key",
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "elec_assets_tests.clients.kaggle_forks", self.address],
            # Its forks are guarded as it is: none can ask any other machine.
            env=guarded(environment, self.attempts),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def start(self, job: Path, environment: dict[str, str], log: Path) -> Fork:
        """A publishing child, as `kaggle_process.start_child`."""
        return fork(self.address, ["child", str(job)], environment, job.parent, log)

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_s: float = 60.0
    ) -> tuple[int, str]:
        """Run to the end: exit code, and what it wrote to standard output and standard error."""
        log = folder / f"log-{os.urandom(4).hex()}.txt"
        made = fork(self.address, argv, environment, folder, log, pipes=False)
        made._connection.settimeout(timeout_s)
        try:
            code = made.wait()
        except TimeoutError:
            made.kill()
            made.wait()
            raise
        return code, log.read_text(encoding="utf-8")

    def stop(self) -> None:
        """End the process."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()


def fork(
    address: str, argv: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, *, pipes: bool = True
) -> Fork:
    """A forked child with pipes for standard input and output, or with both at the log."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    with log.open("ab") as errors:
        theirs = [errors.fileno()] * 3
        ours: tuple[IO[bytes] | None, IO[bytes] | None] = (None, None)
        if pipes:
            (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
            theirs = [read_in, write_out, errors.fileno()]
            ours = (os.fdopen(write_in, "wb"), os.fdopen(read_out, "rb"))
        request = _Request(list(argv), dict(environment), str(folder))
        socket.send_fds(connection, [msgspec.json.encode(request)], theirs)
        if pipes:
            os.close(theirs[0])
            os.close(theirs[1])
    return Fork(connection, *ours)


def _serve(address: str) -> None:
    # Imported before any fork.
    importlib.import_module("elec_assets.clients.kaggle_child")
    importlib.import_module("kaggle.api.kaggle_api_extended")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201 - the other side waits for it
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _attend(connection)
            os._exit(0)
        connection.close()


def _attend(connection: socket.socket) -> None:
    data, fds, _, _ = socket.recv_fds(connection, _MOST, 3)
    request = msgspec.json.decode(data, type=_Request)
    pid = os.fork()
    if pid == 0:
        connection.close()
        _become(request, fds)
    for fd in fds:
        os.close(fd)
    with suppress(BrokenPipeError):
        connection.sendall(_STATUS.pack(pid))
        _, status = os.waitpid(pid, 0)
        connection.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))


def _become(request: _Request, fds: list[int]) -> None:
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    log = os.environ["LOOPBACK_LOG"]
    os.environ.clear()
    os.environ.update({**request.environment, "LOOPBACK_LOG": log})
    os.chdir(request.folder)
    tempfile.tempdir = None
    sys.argv = request.argv
    code = 1
    try:
        _MAINS[request.argv[0]]()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - what a process of its own would print
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError, OSError):
                stream.flush()
        os._exit(code)


def _child() -> None:
    from elec_assets.clients import kaggle_child

    kaggle_child.main()


def _command() -> None:
    from kaggle.cli import main

    main()


def _publisher() -> None:
    from elec_assets_tests.clients.kaggle_publishing import main

    main()


_MAINS: dict[str, Callable[[], None]] = {"child": _child, "kaggle": _command, "publisher": _publisher}

if __name__ == "__main__":
    _serve(sys.argv[1])
