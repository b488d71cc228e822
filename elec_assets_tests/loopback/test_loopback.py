"""The guard that holds the demo to this machine can fail: without these, an empty log would prove nothing."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from elec_assets_tests.loopback.guard import Attempt, attempts, guarded
from elec_assets_tests.loopback.kernel_watch import KernelWatch

# 192.0.2.0/24 is for documentation (RFC 5737) and `.invalid` never resolves (RFC 2606): no one is asked, guard or not.
_CONNECT = "import socket; s = socket.socket(); s.settimeout(2); {}"


def run(code: str, log: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = guarded({**os.environ, **environment}, log)
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("event", "host", "code"),
    [
        ("socket.connect", "192.0.2.1", "s.connect(('192.0.2.1', 443))"),
        ("socket.connect", "192.0.2.1", "s.connect_ex(('192.0.2.1', 443))"),
        ("socket.connect", "2001:db8::1", "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 443))"),
        (
            "socket.connect",
            "::ffff:192.0.2.1",
            "socket.socket(socket.AF_INET6).connect(('::ffff:192.0.2.1', 443))",
        ),
        ("socket.sendto", "192.0.2.1", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))"),
        (
            "socket.sendmsg",
            "192.0.2.1",
            "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('192.0.2.1', 53))",
        ),
        ("socket.bind", "0.0.0.0", "s.bind(('', 0))"),  # noqa: S104  # refused is what this shows
        ("socket.bind", "0.0.0.0", "s.bind(('0.0.0.0', 0))"),  # noqa: S104
        ("socket.getaddrinfo", "public.invalid", "socket.getaddrinfo('public.invalid', 443)"),
        ("socket.gethostbyname", "public.invalid", "socket.gethostbyname('public.invalid')"),
        ("socket.gethostbyaddr", "192.0.2.1", "socket.gethostbyaddr('192.0.2.1')"),
        (
            "socket.getaddrinfo",
            "public.invalid",
            "import urllib.request; urllib.request.urlopen('http://public.invalid')",
        ),
    ],
)
def test_what_is_not_this_machine_is_refused_and_logged(event: str, host: str, code: str, tmp_path: Path) -> None:
    ended = run(_CONNECT.format(code), tmp_path / "log")
    assert ended.returncode == 1, ended
    assert "refused by the loopback guard" in ended.stderr
    refused = [(a.event, a.host) for a in attempts(tmp_path / "log") if a.refused]
    assert refused == [(event, host)]


def test_this_machine_is_let_through_and_logged(tmp_path: Path) -> None:
    path = tmp_path / "unix"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        port = server.getsockname()[1]
        ended = run(
            f"import socket\nfor host in ('127.0.0.1', 'localhost'):\n socket.create_connection((host, {port}))\n"
            "u = socket.socket(socket.AF_UNIX)\n"
            f"u.connect({str(path)!r})\nassert socket.socket().connect_ex(('127.8.9.10', 1)) != 0",
            tmp_path / "log",
        )
    assert (ended.returncode, ended.stderr) == (0, "")
    seen = attempts(tmp_path / "log")
    connected = {a.host for a in seen if a.event == "socket.connect"}
    assert {"127.0.0.1", "127.8.9.10", str(path)} <= connected
    assert not [a for a in seen if a.refused]


def test_children_and_their_children_are_guarded_and_counted(tmp_path: Path) -> None:
    code = (
        "import multiprocessing as m, subprocess, sys\n"
        "def work():\n import socket; socket.gethostbyname('spawned.invalid')\n"
        "if __name__ == '__main__':\n"
        " p = m.get_context('fork').Process(target=work); p.start(); p.join()\n"
        " subprocess.run([sys.executable, '-c', 'import socket; socket.gethostbyname(\"child.invalid\")'])\n"
    )
    run(code, tmp_path / "log")
    seen = attempts(tmp_path / "log")
    assert {a.host for a in seen if a.refused} == {"spawned.invalid", "child.invalid"}
    assert len({a.pid for a in seen}) == 3
    assert [a.event for a in seen].count("loaded") == 2  # the forked one has its parent's


def test_a_sitecustomize_that_was_there_still_runs_under_the_guard(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import builtins, socket\nbuiltins.theirs = 41\n"
        "try:\n socket.gethostbyname('theirs.invalid')\nexcept OSError:\n builtins.theirs += 1\n",
        encoding="utf-8",
    )
    ended = run("print(theirs)", tmp_path / "log", PYTHONPATH=str(tmp_path))
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, "42", "")
    assert [a.host for a in attempts(tmp_path / "log") if a.refused] == ["theirs.invalid"]


def test_without_a_log_it_refuses_all_the_same(tmp_path: Path) -> None:
    env = guarded(os.environ, tmp_path / "log")
    del env["LOOPBACK_LOG"]
    ended = subprocess.run(
        [sys.executable, "-c", "import socket; socket.gethostbyname('public.invalid')"],
        env=env,
        capture_output=True,
        text=True,
    )
    assert "refused by the loopback guard" in ended.stderr
    assert attempts(tmp_path / "log") == []


def test_the_kernel_watch_sees_what_the_audit_hook_cannot(tmp_path: Path) -> None:
    """A library's own socket: `connect` of the C library, which no audit event tells of."""
    code = (
        "import ctypes, os, socket, struct, time\n"
        "lib = ctypes.CDLL(None)\n"
        "handle = lib.socket(2, 2, 0)\n"  # a datagram socket: its connect sends nothing
        "where = struct.pack('=H2s4s8x', 2, (53).to_bytes(2, 'big'), socket.inet_aton('192.0.2.7'))\n"
        "lib.connect(handle, where, 16)\n"
        "time.sleep(0.5)\n"  # for the sampler
    )
    watch = KernelWatch(tmp_path)
    process = subprocess.Popen(
        [*watch.prefix, sys.executable, "-c", code], env=guarded(os.environ, tmp_path / "log"), stderr=subprocess.PIPE
    )
    watch.started(process.pid)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert [a for a in attempts(tmp_path / "log") if a.event != "loaded"] == []
    if not watch.by_strace and not watch.addresses():
        pytest.skip("strace does not work here, and without any route the kernel refuses before a sample sees it")
    assert "192.0.2.7" in watch.addresses()


def test_a_log_line_is_read_back_whole(tmp_path: Path) -> None:
    ended = run("import socket; socket.gethostbyname('localhost')", tmp_path / "log")
    assert ended.returncode == 0
    loaded, asked = attempts(tmp_path / "log")
    assert loaded.event == "loaded"
    assert "gethostbyname" in loaded.host
    assert asked == Attempt(loaded.pid, "socket.gethostbyname", "localhost", refused=False)
