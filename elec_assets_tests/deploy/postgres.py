"""A Postgres server of a test's own, on 127.0.0.1, in a temporary folder; not as root, which it refuses to be."""

import os
import pwd
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

USER, PASSWORD = "dagster", "CANARY-DATABASE-PASSWORD"
_START_S = 60.0
_BINARIES = ("initdb", "postgres", "pg_dump", "pg_restore", "psql")


def binaries() -> Path | None:
    """The folder of Postgres's programs; None where there are none."""
    known = shutil.which("initdb")
    folders = [Path(known).resolve().parent] if known else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if all((f / name).is_file() for name in _BINARIES)), None)


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    programs: Path
    port: int

    def variables(self, database: str) -> dict[str, str]:
        """For libpq's programs."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        server = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port)}
        return {**server, "PGUSER": USER, "PGPASSWORD": PASSWORD, "PGDATABASE": database, "PATH": path}

    def dagster(self, database: str) -> dict[str, str]:
        """For deploy/dagster.yaml."""
        names = {"HOST": "127.0.0.1", "PORT": str(self.port), "DB": database, "USER": USER, "PASSWORD": PASSWORD}
        return {f"DAGSTER_POSTGRES_{name}": value for name, value in names.items()}

    def ask(self, statement: str, database: str = "postgres") -> str:
        """What psql answers."""
        command = [str(self.programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        env = {**os.environ, **self.variables(database)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def new(self, name: str) -> str:
        """Make an empty database."""
        self.ask(f"create database {name}")
        return name


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a server, and stop it. Skips the test where there is none to start."""
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: install the server (postgresql) to run this")
    folder = Path(tempfile.mkdtemp(prefix="elec-pg-"))
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, user, -1)
    try:
        with _started(programs, folder, user) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _started(programs: Path, folder: Path, user: int | None) -> Iterator[Postgres]:
    data = folder / "data"
    make = ["initdb", "-D", str(data), "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run([programs / make[0], *make[1:]], user=user, cwd=folder, check=True, capture_output=True, timeout=120)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "shared_buffers": "64MB",
    }
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
    command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, user=user, cwd=folder, stdout=log, stderr=log)
    try:
        server = Postgres(programs, port)
        _wait(server, process, folder / "log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            server.ask("select 1")
        except subprocess.CalledProcessError:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < until, log.read_text(encoding="utf-8")
            time.sleep(0.05)
        else:
            return
