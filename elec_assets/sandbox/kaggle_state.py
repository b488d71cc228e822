"""What the sandbox of Kaggle holds: uploads, datasets, versions with all their bytes. In memory only."""

import gzip
import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from elec_assets.sandbox.kaggle_faults import READY, STATUSES

# On its way to READY a version is so far, by the calls that are left.
_UNDER_WAY = STATUSES[STATUSES.index("BLOBS_RECEIVED") : STATUSES.index(READY)]


@dataclass(slots=True)
class Blob:
    """An upload: announced, then sent, then used once.

    Attributes:
        token: what a dataset's body names it by.
        kind: `DATASET` or `INBOX`.
        name: of the file.
        length: announced, bytes.
        data: received so far.
        done: all was received, and said so.
        used: it is part of a dataset.
        expired: its session is over.
    """

    token: str
    kind: str
    name: str
    length: int
    data: bytes = b""
    done: bool = False
    used: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version, as uploaded.

    Attributes:
        path: with its directories.
        data: the bytes.
        description: empty if none was given.
        columns: as given.
    """

    path: str
    data: bytes
    description: str = ""
    columns: tuple[dict[str, Any], ...] = ()

    @property
    def sha256(self) -> str:
        """Of the bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()

    def shown(self, *, decompress: bool) -> "StoredFile":
        """As users see it: gzip-coded CSV as CSV, if Kaggle decompresses it."""
        if not (decompress and self.path.endswith(".csv.gz")):
            return self
        return StoredFile(
            self.path.removesuffix(".gz"), gzip.decompress(self.data), self.description, tuple(self.columns)
        )


@dataclass(slots=True)
class Version:
    """A version of a dataset. `pending`: how many calls of its status still find it unfinished."""

    number: int
    notes: str
    created: datetime
    files: dict[str, StoredFile]
    pending: int

    @property
    def status(self) -> str:
        """One of `STATUSES`."""
        if not self.pending:
            return READY
        return _UNDER_WAY[max(0, len(_UNDER_WAY) - self.pending)]


@dataclass(slots=True)
class Dataset:
    """A dataset with its versions, oldest first, and its settings as the metadata calls have them.

    Attributes:
        number: its id.
        owner: slug of its owner.
        slug: its own.
        kind: `FILESET`, or another type, which takes no version.
        settings: `title, subtitle, description, isPrivate, licenses, keywords, ...`.
        versions: all there are.
    """

    number: int
    owner: str
    slug: str
    kind: str
    settings: dict[str, Any]
    versions: list[Version] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """`owner/slug`."""
        return f"{self.owner}/{self.slug}"


class KaggleState:
    """All uploads and datasets. Whoever reads or changes them holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.uploads: dict[str, Blob] = {}
        self.blobs: dict[str, Blob] = {}
        self.datasets: dict[str, Dataset] = {}

    def announce(self, kind: str, name: str, length: int) -> tuple[str, Blob]:
        """A new upload: the last part of its address, and the blob."""
        number = len(self.blobs) + 1
        blob = Blob(f"blob-{number:06d}-{_digest(name, number)}", kind, name, length)
        upload = f"session-{number:06d}-{_digest(number, name)}"
        self.blobs[blob.token] = self.uploads[upload] = blob
        return upload, blob


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
