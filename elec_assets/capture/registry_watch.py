"""The registry that capture follows: that of the file, unless it is wrong or would change the past.

Whether it would is known from the history in the store, which a collector with rights to write raw data alone may not
read: then the file counts as it is. What is followed now does not depend on it, and Dagster refuses such an edit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from elec_assets.clients.registry_history import HistoryUnreadable, PastRewritten, RegistryHistory
from elec_assets.clients.registry_source import load_registry
from elec_assets.clients.store import Store, StoreError
from elec_assets.domain import layout
from elec_assets.domain.registry import Registry
from elec_assets.domain.registry_content import ContentUnreadable, read_content
from elec_assets.domain.registry_file import RegistryInvalid, parse_registry

LOOK_S = 30.0
"""How often the file is looked at."""

_Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    registry: Registry
    files: tuple[Path, ...]


class RegistryWatch:
    """The registry in force, and why the file's is not, if so.

    Attributes:
        registry: the one in force.
        problem: why the one in the file is not; None where it is.
        unchecked: why it was not compared with the history; None where it was.

    Raises:
        RegistryInvalid: the file holds no registry, at the start.
    """

    def __init__(self, path: Path) -> None:
        self.problem: str | None = None
        self.unchecked: str | None = None
        self._path = path
        # Before it is read: an edit between would go unnoticed.
        self._stamp = _stamp((path,))
        read = _load(path)
        self.registry = read.registry
        self._files = read.files
        self._stamp = _stamp(self._files)

    def looked(self, store: Callable[[], Store], now: datetime) -> bool:
        """Look whether the files have changed; whether another registry is in force now. Asks the store only then."""
        stamp = _stamp(self._files)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            read = _load(self._path)
        except RegistryInvalid as error:
            self.problem = f"the registry is not valid, and the one before stays in force: {error}"
            return False
        self._files, self._stamp = read.files, _stamp(read.files)
        refusal = self._refused(read.registry, store, now)
        if refusal is not None:
            self.problem = f"the registry is refused, and the one before stays in force: {refusal}"
            return False
        self.problem = None
        changed = read.registry.version != self.registry.version
        self.registry = read.registry
        return changed

    def checked(self, store: Callable[[], Store], now: datetime) -> bool:
        """Compare the registry of the start with the history; whether another is in force now: that of the store."""
        refusal = self._refused(self.registry, store, now)
        if refusal is None:
            return False
        held = _in_force(store)
        if held is None:
            return False
        self.problem = f"the registry is refused, and the one in force before is followed: {refusal}"
        self.registry = held
        return True

    def _refused(self, registry: Registry, store: Callable[[], Store], now: datetime) -> str | None:
        try:
            RegistryHistory(store()).check(registry, now)
        except PastRewritten as error:
            return str(error)
        except (StoreError, HistoryUnreadable) as error:
            self.unchecked = f"whether the registry changes the past is not known here: {error}"
            return None
        self.unchecked = None
        return None


def _in_force(store: Callable[[], Store]) -> Registry | None:
    """The registry that the store has in force; None where it cannot be read."""
    try:
        opened = store()
        held = RegistryHistory(opened).in_force()
        if held is None:
            return None
        key = layout.registry_version(held.version)
        return Registry(read_content(opened.get(key), held.version), held.version, key)
    except (StoreError, HistoryUnreadable, ContentUnreadable):
        return None


def _load(path: Path) -> _Read:
    """The registry, and the files that it is read from.

    Raises:
        RegistryInvalid: see `load_registry`.
    """
    files = [path]

    def read(name: str) -> str:
        files.append(path.parent / name)
        return (path.parent / name).read_bytes().decode("utf-8")

    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return _Read(load_registry(path), (path,))  # which says what is wrong
    return _Read(parse_registry(text, str(path), read), tuple(files))


def _stamp(files: tuple[Path, ...]) -> _Stamp:
    """What changes with the files."""
    found = []
    for path in files:
        try:
            about = path.stat()
        except OSError:
            found.append((str(path), 0, 0, 0))
            continue
        found.append((str(path), about.st_ino, about.st_size, about.st_mtime_ns))
    return tuple(found)
