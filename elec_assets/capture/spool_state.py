"""Who a spool is: its id, what it remembers when all its segments are uploaded, and the lock on its directory."""

import fcntl
import os
import secrets
from pathlib import Path

import msgspec

from elec_assets.capture.evidence import Carry
from elec_assets.capture.files import replace_file
from elec_assets.capture.records import SpoolDamaged

_VERSION = 1
_STATE, _LOCK = "spool.json", "spool.lock"


class SpoolLocked(Exception):
    """Another process has the spool; the text names it."""


class SpoolState(msgspec.Struct, kw_only=True):
    """`spool.json`. No slot up to `newest_ms` is used again under this id: batches are create-only."""

    version: int = _VERSION
    id: str
    newest_ms: int | None = None
    carry: Carry

    def save(self, folder: Path) -> None:
        """Write it, durably.

        Raises:
            OSError: the file system refused.
        """
        replace_file(folder / _STATE, msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


class _Header(msgspec.Struct):
    version: int


def new_id() -> str:
    """An id that no other spool has: 8 hex digits."""
    return secrets.token_hex(4)


def read_state(folder: Path) -> SpoolState | None:
    """The state of a spool; None where there is none yet.

    Raises:
        SpoolDamaged: it cannot be read.
        OSError: the file system refused.
    """
    path = folder / _STATE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    mend = "move it away: the spool takes a new id, and keeps its segments"
    try:
        version = msgspec.json.decode(data, type=_Header).version
        if version == _VERSION:
            return msgspec.json.decode(data, type=SpoolState)
    except (ValueError, RecursionError) as error:
        raise SpoolDamaged(f"{path} is not the state of a spool ({error}); {mend}") from error
    raise SpoolDamaged(f"{path} is of version {version}, this program reads {_VERSION}; upgrade, or {mend}")


class SpoolLock:
    """The lock on a spool's directory, held until `release` or the end of the process.

    Raises:
        SpoolLocked: another process holds it.
        OSError: the file system refused, or knows no locks.
    """

    def __init__(self, folder: Path) -> None:
        self._file = (folder / _LOCK).open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read(20).decode(errors="replace").strip() or "unknown"
            self._file.close()
            told = f"{folder} is in use by another capture (process {holder})"
            raise SpoolLocked(f"{told}; stop that one, or give this one a directory of its own: ELEC_SPOOL") from error
        self._file.truncate(0)
        self._file.write(b"%d\n" % os.getpid())
        self._file.flush()

    def release(self) -> None:
        """Let another process have it."""
        self._file.close()
