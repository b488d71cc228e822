"""What is wrong with a registry: one problem, all of them, and the error that carries them."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: in which file, on which line (from 1; 0: the whole file), at which field, and what."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class RegistryInvalid(Exception):
    """The registry cannot be used. `problems` holds all that is wrong, by line; `str()` has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(slots=True)
class Problems:
    """Collects what is wrong in one file."""

    file: str
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, path: str, message: str) -> None:
        """Note one problem."""
        self.found.append(Problem(self.file, line, path, message))

    def ordered(self) -> list[Problem]:
        """The problems, each once, by line."""
        return sorted(dict.fromkeys(self.found), key=lambda problem: problem.line)


def child_path(path: str, key: str) -> str:
    """The path of a mapping's key. Keys that would break the line of a message are shown quoted and short."""
    shown = key if key.isprintable() and len(key) <= 60 else ascii(key[:60])
    return f"{path}.{shown}" if path else shown
