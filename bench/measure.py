"""Measures a path in a fresh process: CPU seconds, wall seconds and peak memory.

`python -m bench.measure MODULE JSON` is that process: it imports the module, calls its `run` with the JSON object and
prints what came back. CPU is user and system time of the process and of the children that it waited for.
"""

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

Figures = dict[str, Any]
"""What a path reports: its output (`csv`), `rows`, and `stages`, stage name -> CPU seconds."""
Job = Mapping[str, Any]
"""What a path is given: `input` and `out` are folders; the rest is the benchmark's."""

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
_MIB = 2**20
_REPOSITORY = Path(__file__).parents[1]  # where a process must start to find `bench`
_BLOCK = 1 << 22


class PathFailed(Exception):
    """A measured process ended with an error; the text holds the end of what it said."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One path, measured. CPU and wall in seconds, `peak_mib` of the process itself; `import_cpu_s` is in `cpu_s`."""

    path: str
    cpu_s: float
    import_cpu_s: float
    wall_s: float
    peak_mib: float
    figures: Figures = field(default_factory=dict)

    @property
    def stages(self) -> dict[str, float]:
        """CPU seconds by stage; empty where the path has none."""
        return dict(self.figures.get("stages", {}))

    def row(self) -> dict[str, object]:
        """As a row of a table: numbers rounded."""
        shown = {"cpu_s": self.cpu_s, "import_cpu_s": self.import_cpu_s, "wall_s": self.wall_s}
        return {"path": self.path, **{k: round(v, 2) for k, v in shown.items()}, "peak_mib": round(self.peak_mib)}


class Stages:
    """CPU seconds of this process by stage; a stage that is entered again adds up."""

    def __init__(self) -> None:
        self.cpu_s: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Count what happens in the context as this stage."""
        began = time.process_time()
        try:
            yield
        finally:
            self.cpu_s[name] = self.cpu_s.get(name, 0.0) + time.process_time() - began

    def rest(self, name: str, of: str, *parts: str) -> None:
        """Rename the stage `of` to `name`, less those parts of it that are stages of their own."""
        self.cpu_s[name] = self.cpu_s.pop(of, 0.0) - sum(self.cpu_s.get(part, 0.0) for part in parts)


def measure(path: str, module: str, job: Job, env: Mapping[str, str] | None = None) -> Measured:
    """Run a module's `run` in a fresh process.

    Raises:
        PathFailed: it raised.
    """
    command = [sys.executable, "-m", "bench.measure", module, json.dumps(dict(job))]
    output, measured = command_cost(path, command, {**os.environ, **(env or {})}, _REPOSITORY)
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    return replace(
        measured, import_cpu_s=told["import_cpu_s"], peak_mib=told["peak_mib"], figures=dict(told["figures"])
    )


def command_cost(
    path: str, command: list[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[str, Measured]:
    """Standard output of a command and what it cost; `import_cpu_s` is not known, 0.

    Raises:
        PathFailed: it ended with another code than 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=out, stderr=err, env=env, cwd=cwd) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        if process.returncode:
            err.seek(0)
            raise PathFailed(f"{path} ended with code {process.returncode}: {err.read().decode()[-2000:]}")
        out.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return out.read().decode(), Measured(path, cpu, 0.0, wall, usage.ru_maxrss * _RSS_UNIT / _MIB)


def medians(runs: Iterable[Callable[[], Measured]], repeat: int) -> list[Measured]:
    """Each path measured so many times, in turn (A B C A B C), and the run of median CPU of each."""
    paths = list(runs)
    rounds = [[run() for run in paths] for _ in range(repeat)]
    return [_median(same) for same in zip(*rounds, strict=True)]


def _median(same: tuple[Measured, ...]) -> Measured:
    middle = statistics.median_low([m.cpu_s for m in same])
    return next(m for m in same if m.cpu_s == middle)


def warm(folder: Path) -> None:
    """Read all files of a folder once, so that no path is the one that waits for the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                while file.read(_BLOCK):
                    pass


def _peak_mib() -> float:
    # ru_maxrss starts at what the parent held when it forked; the high-water mark of Linux starts anew.
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line.split() for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM")]
        return int(marks[0][1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT / _MIB


def _child(module: str, job: str) -> None:
    run = importlib.import_module(module).run
    import_cpu_s = time.process_time()
    figures = run(json.loads(job))
    print(json.dumps({"import_cpu_s": import_cpu_s, "peak_mib": _peak_mib(), "figures": figures}))


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2])
