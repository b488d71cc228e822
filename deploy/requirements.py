"""The part of requirements.lock that a deployment needs: `python deploy/requirements.py [EXTRA...] > run.lock`.

`--of PACKAGE...` starts from some packages instead of the project's own dependencies.

The lock holds all extras, tests and benchmarks included, and says for each package what it is there for (`# via`).
This walks from the dependencies of pyproject.toml, and of the extras named, down to all that they bring; pins and
hashes stay as they are. The standard library is enough: it runs before anything is installed.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(lock: str) -> Iterator[tuple[str, str]]:
    """(name, its lines) of each package of a lock; a name comes twice where Python versions differ."""
    for block in re.split(r"^(?=[^ #\n])", lock, flags=re.MULTILINE):
        if match := _NAME.match(block):
            yield normal(match[0]), block


def parents(block: str) -> set[str]:
    """For which packages a package is there."""
    listed = re.search(r"^ +# via(.*)\Z", block, re.MULTILINE | re.DOTALL)
    names = re.findall(r"(?:^|#) +([A-Za-z0-9][A-Za-z0-9._-]*)", listed[1], re.MULTILINE) if listed else []
    return {normal(name) for name in names}


def named(requirements: Iterable[str]) -> set[str]:
    """The packages that requirements of pyproject.toml name."""
    return {normal(match[0]) for text in requirements if (match := _NAME.match(text))}


def needed(lock: str, roots: set[str]) -> str:
    """The lines of a lock for some packages and all that they bring.

    Raises:
        ValueError: the lock lacks one of them.
    """
    all_blocks = list(blocks(lock))
    missing = roots - {name for name, _ in all_blocks}
    if missing:
        raise ValueError(f"requirements.lock lacks {', '.join(sorted(missing))}; make it anew: make lock")
    wanted = set(roots)
    while more := {name for name, block in all_blocks if parents(block) & wanted} - wanted:
        wanted |= more
    return "".join(block for name, block in all_blocks if name in wanted)


def dependencies(extras: Iterable[str]) -> set[str]:
    """The packages that the project itself names, and some of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return named(project["dependencies"]).union(*(named(project["optional-dependencies"][e]) for e in extras))


def main(arguments: list[str]) -> None:
    """Print the part of the lock for the project and some of its extras, or for the packages after `--of`."""
    roots = named(arguments[1:]) if arguments[:1] == ["--of"] else dependencies(arguments)
    sys.stdout.write(needed((ROOT / "requirements.lock").read_text(encoding="utf-8"), roots))


if __name__ == "__main__":
    main(sys.argv[1:])
