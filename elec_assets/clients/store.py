"""The one port to bytes: a local directory or S3, over obstore.

Two kinds of writes: `put` replaces an object whole, `create` refuses to touch one that exists. Neither ever shows a
partial object. There is no compare-and-swap: each piece of state has one writer. Keys come from `domain/layout.py`.

Durability. When a write returns, the object is there after a crash of the process and after a power cut; when it
raises or is killed, what was there before is there, or the whole new object is, never a part of one. In a directory
the bytes go to a temporary file that is fsynced and then renamed (`put`) or linked (`create`), and the folder, with
the parents of folders made for it, is fsynced before the write returns. On S3 the bucket's own promise holds. A
`delete` may be undone by a power cut.
"""

import errno
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig

# Temporary files of local writes; on the same file system, so that the final rename is atomic. Never listed.
_TEMPORARY = ".tmp"
_TEMPORARY_KEPT_S = 86_400.0
# What every store takes: obstore cannot read back from a directory what it has put under `A:` or `x#1` (0.12.1).
_KEY = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
_KEY_RULE = "names of ASCII letters, digits, '_', '-' and '.', not first, joined by '/'"
_NO_RIGHTS = "no permission; check the rights of this identity"


class StoreError(Exception):
    """The store did not do what was asked; the text names the object and what to do."""


class ObjectMissing(StoreError):
    """There is no object of this key."""


class ObjectExists(StoreError):
    """There is an object of this key, and `create` does not replace."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectInfo:
    """One listed object: its key, size in bytes and time of last change (UTC)."""

    key: str
    size: int
    modified: datetime


class Store:
    """Objects under a root, by key. Make one with `open_store`."""

    def __init__(self, url: str, backend: "LocalStore | S3Store", root: Path | None) -> None:
        self.url = url
        self._backend = backend
        self._root = root

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            ObjectMissing: there is none.
            StoreError: the store refused.
        """
        with _told("read", key, self.url):
            return bytes(obstore.get(self._backend, _checked(key)).bytes())

    def find(self, key: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""
        try:
            return self.get(key)
        except ObjectMissing:
            return None

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing it whole. Returns once it is durable.

        Raises:
            StoreError: the store refused (rights, disk full); what was there before is unchanged.
        """
        self._write(key, data, create=False)

    def create(self, key: str, data: bytes) -> None:
        """Write an object that must not exist yet. Of several writers at once exactly one wins.

        Raises:
            ObjectExists: it exists, and is unchanged.
            StoreError: the store refused.
        """
        self._write(key, data, create=True)

    def put_file(self, key: str, path: Path) -> None:
        """Write an object from a file, replacing it whole: memory of a block, not of the object.

        Raises:
            StoreError: as `put`.
        """
        with _told("write", key, self.url):
            if self._root is None:
                obstore.put(self._backend, _checked(key), path)
            else:
                with path.open("rb") as source:
                    _write_local(self._root, key, source, create=False)

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""
        try:
            with _told("delete", key, self.url):
                obstore.delete(self._backend, _checked(key))
        except ObjectMissing:
            return

    def list(self, prefix: str) -> list[ObjectInfo]:
        """All objects whose key starts with the prefix, by key. The prefix must hold at least one `/`.

        Raises:
            StoreError: the prefix is not one, or the store refused.
        """
        # obstore matches whole path segments only, so the folder is listed and filtered here.
        folder = prefix.rpartition("/")[0]
        if not _KEY.fullmatch(folder):
            raise StoreError(f"{prefix!r} is not a prefix: at least one folder, and {_KEY_RULE}")
        found = []
        with _told("list", prefix, self.url):
            for batch in obstore.list(self._backend, prefix=folder):
                found += [
                    ObjectInfo(m["path"], m["size"], m["last_modified"]) for m in batch if m["path"].startswith(prefix)
                ]
        return sorted(found)

    def _write(self, key: str, data: bytes, *, create: bool) -> None:
        with _told("write", key, self.url):
            if self._root is None:
                obstore.put(self._backend, _checked(key), data, mode="create" if create else "overwrite")
            else:
                _write_local(self._root, key, io.BytesIO(data), create=create)


def open_store(url: str, *, allow_http: bool = False) -> Store:
    """Open the store of a `file:///...` or `s3://bucket/prefix` URL; a missing directory is made.

    S3 credentials, region and endpoint come from the usual AWS variables; `allow_http` is for an endpoint
    without TLS, an emulator on this machine.

    Raises:
        StoreError: another scheme, or the directory cannot be made.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        options: ClientConfig = {"allow_http": True} if allow_http else {}
        return Store(url, S3Store(parts.netloc, prefix=parts.path.strip("/") or None, client_options=options), None)
    if parts.scheme != "file":
        raise StoreError(f"the store is {url!r}; allowed: a directory or s3://bucket/prefix")
    root = Path(unquote(parts.path))
    with _told("make", ".", url):
        (root / _TEMPORARY).mkdir(parents=True, exist_ok=True)
        _sweep(root / _TEMPORARY)
    return Store(url, LocalStore(root), root)


def _write_local(root: Path, key: str, source: BinaryIO, *, create: bool) -> None:
    # obstore's local put does not fsync (0.12.1, 2026-11): a power cut could leave an empty object behind.
    target = root / _checked(key)
    temporary = root / _TEMPORARY / f"{os.getpid()}-{secrets.token_hex(8)}"
    try:
        with temporary.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
        made = _make_folders(root, target.parent)
        if create:
            target.hardlink_to(temporary)
        else:
            temporary.replace(target)
        for folder in (target.parent, *made):
            _sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise StoreError(f"{key!r} is not a key: {_KEY_RULE}")
    return key


def _make_folders(root: Path, folder: Path) -> list[Path]:
    """Make missing folders; return the parents of those made, whose entries must be synced too."""
    made = []
    step = folder
    while not step.exists() and step != root:
        made.append(step.parent)
        step = step.parent
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what writers killed long ago left behind; a writer at work is younger."""
    old = time.time() - _TEMPORARY_KEPT_S
    for left in folder.iterdir():
        with suppress(FileNotFoundError):  # a writer has just finished with it
            if left.stat().st_mtime < old:
                left.unlink()


@contextmanager
def _told(verb: str, key: str, url: str) -> Iterator[None]:
    where = f"{key!r} in {_shown(url)}"
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise ObjectMissing(f"cannot {verb} {where}: there is no such object") from error
    except (AlreadyExistsError, FileExistsError) as error:
        raise ObjectExists(f"cannot {verb} {where}: it exists, and is never replaced") from error
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise StoreError(f"cannot {verb} {where}: {_NO_RIGHTS}") from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "the disk is full or a size limit is reached; free space and run again" if full else str(error)
        raise StoreError(f"cannot {verb} {where}: {what}") from error
    except BaseError as error:
        # obstore types a local refusal to read, not one to delete (0.12.1, 2026-11).
        what = _NO_RIGHTS if "Permission denied" in str(error) else str(error).splitlines()[0]
        raise StoreError(f"cannot {verb} {where}: {what}") from error


def _shown(url: str) -> str:
    return unquote(url.removeprefix("file://"))
