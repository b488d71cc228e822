"""What the dead-man switch remembers, in the store and in a note on this machine: the newer counts.

The note is for when the store refuses: where its disk is full or its rights are short, the switch would else speak at
every run. A note that is lost costs one message more.
"""

import os
import stat
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from elec_assets.clients.store import Store, StoreError
from elec_assets.domain import layout_alerts
from elec_assets.transforms.heartbeat import Over, Speaking, newest, recalled

# A record is 120 bytes; one sector, so that a power cut leaves the old one or the new one.
_NOTE_BYTES = 512


class DeadmanMemory:
    """Keeps one record; `note` is the file on this machine (None: in the store alone). Nothing here raises."""

    def __init__(self, store: Store, note: Path | None) -> None:
        self._store = store
        self._note = note

    def speaking(self, now: datetime) -> Speaking | None:
        """Of which incident it speaks; None where that is over, or nothing is remembered."""
        noted = self._noted()
        if noted is None:
            # While there is room: on a full disk (ext4, 2026-11-22) what a file holds can be replaced, nothing added.
            self._write_note(b"")
        found = newest((self._stored(), noted), now)
        return found if isinstance(found, Speaking) else None

    def keep(self, record: Speaking | Over) -> None:
        """Remember this instead, wherever that can be written."""
        data = record.encoded()
        self._write_note(data)
        try:
            self._store.put(layout_alerts.deadman(), data)
        except StoreError:
            # It has spoken, which is what counts.
            return

    def _stored(self) -> Speaking | Over | None:
        try:
            return recalled(self._store.find(layout_alerts.deadman()))
        except StoreError:
            return None

    def _noted(self) -> Speaking | Over | None:
        if self._note is None:
            return None
        try:
            with os.fdopen(_opened(self._note, os.O_RDONLY), "rb") as file:
                return recalled(file.read(_NOTE_BYTES))
        except OSError:
            return None

    def _write_note(self, data: bytes) -> None:
        if self._note is None:
            return
        try:
            with os.fdopen(_opened(self._note, os.O_WRONLY | os.O_CREAT), "wb", buffering=0) as file:
                file.write(data.ljust(_NOTE_BYTES))
        except OSError:
            return


def note_path(*address: str) -> Path:
    """The note of a deployment on this machine, by what tells it from others: URL and endpoint of its store."""
    # Not tempfile.gettempdir(), which writes a file to find out, and raises on a full disk.
    folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - whose file it is is looked at
    name = sha256("\n".join(address).encode()).hexdigest()[:16]
    return Path(folder) / f"elec_assets-deadman-{os.getuid()}-{name}.json"


def _opened(path: Path, flags: int) -> int:
    """A file that is this user's own; everyone may put a file, a link or a pipe of this name into the folder.

    Raises:
        OSError: there is none, or it is none of ours.
    """
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid() and found.st_nlink == 1:
        return file
    os.close(file)
    raise PermissionError(f"{path} is not a file of this user alone")
