"""CPU and memory of the processes under load, by what they are; looked at every two seconds, and at both ends."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

EVERY_S = 2.0
RUNS = "runs"
_OTHERS = {"bench.peers.load_server": "sandbox of X", "bench.ui_load_clients": "browsers", "postgres": "postgres"}
_MIB = 2**20
_BELOW_CODE = 2


@dataclass
class Cost:
    """CPU seconds of all processes of a name in a span, and MiB that the largest of them held."""

    cpu_s: float = 0.0
    largest_mib: float = 0.0


@dataclass
class Span:
    """Costs by name from when it was begun."""

    costs: dict[str, Cost] = field(default_factory=dict)

    def add(self, name: str, cpu_s: float, largest_mib: float) -> None:
        """Take in what was seen."""
        cost = self.costs.setdefault(name, Cost())
        cost.cpu_s += cpu_s
        cost.largest_mib = max(cost.largest_mib, largest_mib)


class Costs:
    """Looks at the children of this process; `named` says which of them are services of the box, by process id.

    What a run uses after it was last seen is not counted: less than `EVERY_S` of it.
    """

    def __init__(self, named: Mapping[str, int]) -> None:
        self._named = {pid: name for name, pid in named.items()}
        self._names: dict[psutil.Process, str] = {}
        self._spent: dict[psutil.Process, float] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._span = Span()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the context is left."""
        thread = threading.Thread(target=self._run, name="costs", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    @contextmanager
    def span(self) -> Iterator[Span]:
        """What is used while the context lasts."""
        self._look()
        with self._lock:
            span = self._span = Span()
        try:
            yield span
        finally:
            self._look()
            with self._lock:
                self._span = Span()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        with self._lock:
            for process in psutil.Process().children(recursive=True):
                try:
                    name = self._name(process)
                    with process.oneshot():
                        times, held = process.cpu_times(), process.memory_info().rss / _MIB
                except psutil.Error:  # it has ended
                    continue
                spent = times.user + times.system
                self._span.add(name, spent - self._spent.get(process, 0.0), held)
                self._spent[process] = spent

    def _name(self, process: psutil.Process) -> str:
        if process not in self._names:
            self._names[process] = self._found(process)
        return self._names[process]

    def _found(self, process: psutil.Process) -> str:
        """The service that a process belongs to: of its ancestors, the one that is known."""
        line = [process, *process.parents()]
        for depth, each in enumerate(line):
            if each.pid in self._named:
                name = self._named[each.pid]
                return RUNS if name == "code" and depth >= _BELOW_CODE else name
        command = " ".join(process.cmdline())
        return next((name for part, name in _OTHERS.items() if part in command), "other")
