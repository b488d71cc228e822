"""Durable writes of a store in a directory."""

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from obstore.exceptions import AlreadyExistsError

# Temporary files of writes; on the same file system, so that the final rename is atomic. Never listed.
TEMPORARY = ".tmp"
_TEMPORARY_KEPT_S = 86_400.0
_BLOCK_BYTES = 1 << 20


class Directory:
    """Writes under a root, which is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Folders whose entries, up to the root, this process has synced: another may have made them, and been killed.
        self._synced: set[Path] = set()
        _make_root(root)
        (root / TEMPORARY).mkdir(exist_ok=True)
        _sweep(root / TEMPORARY)

    def write(self, key: str, source: BinaryIO, *, create: bool) -> None:
        """Write one object; durable when it returns.

        Raises:
            AlreadyExistsError: `create`, and the object exists.
            OSError: the file system refused; what was there before is there.
        """
        # obstore's local put does not fsync (0.12.1, 2026-11): a power cut could leave an empty object behind.
        target = self._root / key
        temporary = self._root / TEMPORARY / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with temporary.open("xb") as file:
                shutil.copyfileobj(source, file, _BLOCK_BYTES)
                file.flush()
                os.fsync(file.fileno())
            new = self._make(target.parent)
            if create:
                _link(temporary, target)
            else:
                temporary.replace(target)
            _sync(target.parent)
            for folder in new:
                _sync(folder)
            self._synced.add(target.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def _make(self, folder: Path) -> list[Path]:
        """Make a folder; returns those above it, up to the root, whose entries must be synced."""
        known = folder in self._synced and folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        if known or folder == self._root:
            return []
        return [above for above in folder.parents if above == self._root or self._root in above.parents]


def _link(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)
    except FileExistsError as error:
        raise AlreadyExistsError(str(target)) from error


def _make_root(root: Path) -> None:
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what writers killed long ago left behind; a writer at work is younger."""
    old = time.time() - _TEMPORARY_KEPT_S
    for left in folder.iterdir():
        # A writer has just finished with it, or whoever only reads may not remove it.
        with suppress(FileNotFoundError, PermissionError):
            if left.stat().st_mtime < old:
                left.unlink()
