"""Which internet addresses a program and its children give to the kernel, whatever language opened the socket.

With strace every connect, bind and addressed send is seen. Without it (not installed, or ptrace forbidden) their open
sockets are looked at 10 times a second, which misses one that lives shorter than that.
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil

_ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
_CALLS = "trace=connect,bind,sendto,sendmsg,sendmmsg"
_EVERY_S = 0.1
_TRACER_S = 10.0


class KernelWatch:
    """Put `prefix` before a command, start it, give its pid to `started`; `addresses` after it ended."""

    def __init__(self, folder: Path) -> None:
        self._trace = folder / "strace.txt"
        # -DDD: the tracer is no child and not in the group of the traced; seccomp: only these calls stop.
        command = ["strace", "-DDD", "-f", "--seccomp-bpf", "-s", "0", "-e", _CALLS, "-e", "signal=none", "-qq", "-o"]
        self.prefix: Sequence[str] = [*command, str(self._trace)] if _strace_works() else []
        self._seen: set[str] = set()
        self._ended = threading.Event()
        self._sampler: threading.Thread | None = None

    @property
    def by_strace(self) -> bool:
        """Whether every call is seen, not only samples."""
        return bool(self.prefix)

    def started(self, pid: int) -> None:
        """Begin to look, where strace does not."""
        if not self.by_strace:
            self._sampler = threading.Thread(target=self._sample, args=(pid,), daemon=True)
            self._sampler.start()

    def addresses(self) -> set[str]:
        """Every internet address that was connected to, bound or sent to, or (sampled) had a socket."""
        self._ended.set()
        if self._sampler is not None:
            self._sampler.join()
        if self.by_strace:
            self._wait_for_tracer()
            return {v4 or v6 for v4, v6 in _ADDRESS.findall(self._trace.read_text(encoding="utf-8", errors="replace"))}
        return self._seen

    def _wait_for_tracer(self) -> None:
        """It ends after the last of the traced, and only then has written everything."""
        tracers = [p for p in psutil.process_iter(["name", "cmdline"]) if str(self._trace) in (p.info["cmdline"] or [])]
        psutil.wait_procs([p for p in tracers if p.info["name"] == "strace"], timeout=_TRACER_S)

    def _sample(self, pid: int) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                root = psutil.Process(pid)
                family = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in family:
                self._seen |= _ends(process)


def _ends(process: psutil.Process) -> set[str]:
    try:
        sockets = process.net_connections("inet")
    except psutil.Error:  # it ended meanwhile
        return set()
    return {end.ip for socket in sockets for end in (socket.laddr, socket.raddr) if end}


def _strace_works() -> bool:
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-qq", "-e", _CALLS, "-o", "/dev/null", "true"],
        capture_output=True,
        timeout=20,
    )
    return tried.returncode == 0
