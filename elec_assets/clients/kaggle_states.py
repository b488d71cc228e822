"""The ledger of releases: what was done to publish each, written down before it is done.

One object a release (`releases/ledger/{release_id}.json`) with all its publications: a rollback publishes an older
release once more. One writer: whoever publishes.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from elec_assets.clients.store import Store
from elec_assets.domain import layout_releases
from elec_assets.domain.windows import parse_iso

VERSION = 1


class LedgerUnreadable(Exception):
    """A ledger in the store is not one that this version can read: nothing is published until it is."""


class State(StrEnum):
    """How far a publication is.

    `staged`: nothing is at Kaggle. `uploaded`: every file has a token, nothing is created. `creating`: the creation is
    about to be sent, or was: only Kaggle's versions tell. `created`: there is a version of ours. `ready`: Kaggle has
    processed it. `verified`: its list of files is that of the manifest. `done`: it is described too.
    `refused`: Kaggle said no, nothing was made. `failed`: Kaggle holds something else than was staged; a person
    decides. `superseded`: another release was published before this one was done.
    """

    STAGED = "staged"
    UPLOADED = "uploaded"
    CREATING = "creating"
    CREATED = "created"
    READY = "ready"
    VERIFIED = "verified"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    SUPERSEDED = "superseded"


# From these the next run goes on at Kaggle; `creating` may or may not have made a version.
UNFINISHED = frozenset({State.CREATING, State.CREATED, State.READY, State.VERIFIED})


class Publication(msgspec.Struct, kw_only=True):
    """One publication of a release.

    Attributes:
        dataset: `owner/slug`.
        state: see `State`.
        notes: of the version.
        content_sha256: of the release.
        metadata_sha256: what Kaggle was told beside the files, or will be.
        started_at: ISO 8601, UTC.
        changed_at: when `state` was written.
        checked_at: when a later release was last found to be the same, so that nothing was sent; empty: never.
        base_version: the last version before it.
        version: its own.
        url: of the dataset.
        problem: why it is not done; empty otherwise.
        usability: Kaggle's rating, 0 to 1.
        run: who published: a run id or a command, for people.
    """

    dataset: str
    state: State
    notes: str
    content_sha256: str
    metadata_sha256: str
    started_at: str
    changed_at: str
    base_version: int | None = None
    version: int | None = None
    url: str = ""
    problem: str = ""
    usability: float | None = None
    run: str = ""
    checked_at: str = ""

    @property
    def current_at(self) -> datetime:
        """When Kaggle last had the newest of this dataset by it: made then, or found to be the same."""
        return max(parse_iso(at) for at in (self.changed_at, self.checked_at) if at)


class Entry(msgspec.Struct, kw_only=True):
    """The ledger of a release; publications in order."""

    version: int = VERSION
    release_id: str
    publications: list[Publication]


class Ledger:
    """The ledgers of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, release: str) -> Entry:
        """The ledger of a release; without publications where there is none.

        Raises:
            LedgerUnreadable: it is damaged, or of a newer version.
        """
        key = layout_releases.ledger(release)
        data = self._store.find(key)
        if data is None:
            return Entry(release_id=release, publications=[])
        try:
            entry = msgspec.json.decode(data.decode(), type=Entry)
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
            raise LedgerUnreadable(f"{key}: not a ledger of a release ({error}); restore it") from error
        if entry.version > VERSION:
            raise LedgerUnreadable(f"{key}: version {entry.version}, this program reads up to {VERSION}; upgrade")
        return entry

    def write(self, entry: Entry) -> None:
        """Replace the ledger of a release; durable when it returns."""
        self._store.put(layout_releases.ledger(entry.release_id), msgspec.json.encode(entry))

    def entries(self) -> list[Entry]:
        """All of them, by release id.

        Raises:
            LedgerUnreadable: see `read`.
        """
        keys = [info.key for info in self._store.list(layout_releases.ledgers())]
        return [self.read(release) for key in keys if (release := layout_releases.parse_ledger(key)) is not None]

    def of_dataset(self, dataset: str) -> Iterator[tuple[Entry, Publication]]:
        """All publications to a dataset, with their ledgers."""
        for entry in self.entries():
            for publication in entry.publications:
                if publication.dataset == dataset:
                    yield entry, publication


def newest(publications: list[Publication]) -> Publication | None:
    """The publication with the highest version; None where none has one."""
    made = [p for p in publications if p.version is not None]
    return max(made, key=lambda p: p.version or 0, default=None)
