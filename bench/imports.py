"""Imports of a Python program: how long each took (`-X importtime`), and which line of code made it.

importtime alone does not tell who makes an import inside a function; an audit hook in the same process does.
`python -m bench.imports MODULE ARGUMENTS...` runs a module under that hook.
"""

import re
import runpy
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import PathFailed
from bench.report import Row

_TIME = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| *(\S+)")
_CALLER = re.compile(r"import from: (\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Import:
    """One module: milliseconds of wall time without and with what it imports; `module:line` that imported it first."""

    module: str
    own_ms: float
    total_ms: float
    pulled_by: str

    @property
    def crosses(self) -> bool:
        """Whether another package imported it: imports inside a package are part of the package's row."""
        return _package(self.module) != _package(self.pulled_by)


def _package(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


def timed(arguments: Sequence[str], env: Mapping[str, str], cwd: Path) -> list[Import]:
    """The imports of `python -m ARGUMENTS`.

    Raises:
        PathFailed: it ended with another code than 0.
    """
    command = [sys.executable, "-X", "importtime", "-m", "bench.imports", *arguments]
    done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PathFailed(f"{' '.join(arguments[:3])} ended with code {done.returncode}: {done.stderr[-2000:]}")
    return parse(done.stderr)


def parse(text: str) -> list[Import]:
    """The imports told by the standard error of such a process; a module told twice once, with its longer time."""
    callers: dict[str, str] = {}
    found: dict[str, Import] = {}
    for line in text.splitlines():
        if match := _CALLER.match(line):
            callers.setdefault(match[1], match[2])
        elif match := _TIME.match(line):
            own_ms, total_ms, module = int(match[1]) / 1000, int(match[2]) / 1000, match[3]
            if module not in found or found[module].total_ms < total_ms:
                found[module] = Import(module, own_ms, total_ms, callers.get(module, ""))
    return list(found.values())


def slow(imports: Sequence[Import], but: Collection[str], least_ms: float) -> list[Row]:
    """Those that took longer and came from another package, slowest first, without the modules `but`."""
    chosen = [i for i in imports if i.total_ms > least_ms and i.crosses and i.module not in but]
    return [
        {"module": i.module, "total_ms": round(i.total_ms), "own_ms": round(i.own_ms), "pulled_by": i.pulled_by}
        for i in sorted(chosen, key=lambda i: -i.total_ms)
    ]


def _tell_callers() -> None:
    """Say on standard error, at each first import of a module, who makes it."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "import":
            frame = sys._getframe(1)
            while frame.f_back is not None and "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            caller = f"{frame.f_globals.get('__name__')}:{frame.f_lineno}"
            print(f"import from: {arguments[0]} {caller}", file=sys.stderr)

    sys.addaudithook(hook)


if __name__ == "__main__":
    _tell_callers()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
