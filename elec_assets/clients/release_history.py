"""The releases in a store: what was staged, which of them Kaggle shows, and how to get one back into a directory."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from elec_assets.clients.kaggle_states import Ledger, Publication, State
from elec_assets.clients.store import ObjectInfo, ObjectMissing, Store
from elec_assets.domain import layout_releases
from elec_assets.domain.layout_releases import MANIFEST
from elec_assets.domain.windows import parse_iso
from elec_assets.transforms.datapackage import columns_of
from elec_assets.transforms.gate import Release
from elec_assets.transforms.manifest import (
    COVER,
    METADATA,
    Manifest,
    content_hash,
    decode_manifest,
    encode_manifest,
)
from elec_assets.transforms.release_diff import CHANGELOG
from elec_assets.transforms.release_scan import DATAPACKAGE

KEPT = 6
"""Newest versions of a dataset whose snapshots are kept: to compare with, and to roll back to."""
UNPUBLISHED_FOR = timedelta(days=14)
"""How long a snapshot is kept that was never published."""
_OVER = frozenset({State.DONE, State.SUPERSEDED, State.REFUSED})


class ReleaseMissing(Exception):
    """A release, or a file of one, is not in the store; the text names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """The release that a dataset shows: its id, Kaggle's version, when its publication began, and its notes.

    `current_at`: when it was last the newest: made then, or found to be the same as one of that time.
    """

    release_id: str
    version: int
    began_at: datetime
    notes: str
    current_at: datetime | None = None


def published(store: Store, dataset: str) -> Published | None:
    """The release that a dataset shows by the ledger: the newest version that is whole and verified; None: none yet.

    A rollback makes an older release the one that is shown.

    Raises:
        LedgerUnreadable: a ledger must be restored first.
    """
    done = [
        (publication.version, entry.release_id, publication)
        for entry, publication in Ledger(store).of_dataset(dataset)
        if publication.state is State.DONE and publication.version is not None
    ]
    if not done:
        return None
    version, release, publication = max(done, key=lambda found: found[0])
    return Published(release, version, parse_iso(publication.started_at), publication.notes, publication.current_at)


def rolled_back(store: Store, dataset: str, release: str) -> Publication | None:
    """The publication of a release, or of the same data, in place of which an older one is shown now; None: none.

    Gone are all versions since the first of the release that a rollback shows. The same data is known again by
    `data_hash`: built after another release it has another changelog, and so another id (2026-11-22).

    Raises:
        LedgerUnreadable: a ledger must be restored first.
        ManifestInvalid: a snapshot cannot be used.
    """
    shown = published(store, dataset)
    if shown is None or shown.release_id == release or not shown.notes.startswith("rollback of v"):
        return None
    made = [(p.version or 0, entry.release_id, p) for entry, p in Ledger(store).of_dataset(dataset) if p.version]
    first = min(version for version, known, _ in made if known == shown.release_id)
    since, hashes = [found for found in made if found[0] > first], _DataHashes(Staged(store))
    same = {known for _, known, _ in since if known == release or hashes.same(known, release)}
    if shown.release_id in same:
        return None
    gone = [found for found in since if found[1] in same]
    return max(gone, key=lambda found: found[0])[2] if gone else None


def data_hash(manifest: Manifest) -> str:
    """The hash of a release's files without the changelog, which alone depends on the release before."""
    return content_hash(entry for entry in manifest.files if entry.path != CHANGELOG)


class _DataHashes:
    """Whether releases hold the same data, each manifest read once; those that are not staged any more never do."""

    def __init__(self, staged: "Staged") -> None:
        self._staged = staged
        self._known: dict[str, str | None] = {}

    def same(self, one: str, other: str) -> bool:
        mine = self._of(one)
        return mine is not None and mine == self._of(other)

    def _of(self, release: str) -> str | None:
        if release not in self._known:
            manifest = self._staged.find(release)
            self._known[release] = None if manifest is None else data_hash(manifest)
        return self._known[release]


def kept(store: Store) -> frozenset[str]:
    """The releases whose snapshots are kept: of each dataset the newest versions, and what is on its way to Kaggle.

    Raises:
        LedgerUnreadable: a ledger must be restored first.
    """
    made: dict[str, list[tuple[int, str]]] = {}
    wanted: set[str] = set()
    for entry in Ledger(store).entries():
        for publication in entry.publications:
            if publication.version is not None:
                made.setdefault(publication.dataset, []).append((publication.version, entry.release_id))
            if publication.state not in _OVER:
                wanted.add(entry.release_id)
    for versions in made.values():
        wanted |= {release for _, release in sorted(versions)[-KEPT:]}
    return frozenset(wanted)


class Staged:
    """The staged snapshots of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def ids(self) -> list[str]:
        """The releases that are whole in the store, sorted."""
        keys = [info.key for info in self._store.list(layout_releases.releases())]
        return [release for key in keys if (release := layout_releases.parse_staged_manifest(key)) is not None]

    def find(self, release: str) -> Manifest | None:
        """The manifest of a snapshot; None where there is none, or it is not whole.

        Raises:
            ManifestInvalid: it cannot be used.
        """
        content = self._store.find(layout_releases.staged_manifest(release))
        return None if content is None else decode_manifest(content)

    def manifest(self, release: str) -> Manifest:
        """The manifest of a snapshot.

        Raises:
            ReleaseMissing: there is none.
            ManifestInvalid: it cannot be used.
        """
        found = self.find(release)
        if found is None:
            folder = layout_releases.staged(release)
            raise ReleaseMissing(
                f"{folder}: no staged release is there (those of the newest {KEPT} versions are kept; "
                "`elec release list` names them); if it is needed, restore the folder from a backup of the store"
            )
        return found

    def reader(self, release: str) -> Callable[[str], bytes]:
        """What reads files of a snapshot by their path.

        It raises `ReleaseMissing` where one is not there.
        """

        def read(path: str) -> bytes:
            key = layout_releases.staged_file(release, path)
            try:
                return self._store.get(key)
            except ObjectMissing:
                raise ReleaseMissing(f"{key}: missing; restore it from a backup of the store") from None

        return read

    def gate_view(self, release: str) -> Release:
        """A snapshot as the gate compares with it.

        Raises:
            ReleaseMissing, ManifestInvalid: see `manifest`.
            ValueError: its data package cannot be used.
        """
        return Release(self.manifest(release), columns_of(self.reader(release)(DATAPACKAGE)))

    def changelog(self, manifest: Manifest) -> bytes | None:
        """The changelog of a release; None where it has none.

        Raises:
            ReleaseMissing: it has one, and it is not there.
        """
        listed = any(entry.path == CHANGELOG for entry in manifest.files)
        return self.reader(manifest.release_id)(CHANGELOG) if listed else None

    def put(self, directory: Path, manifest: Manifest) -> Manifest:
        """Store a staged directory, the manifest last: without it the snapshot is not there.

        Of a snapshot that is there already, made after the same release, the manifest stays: it may be on its way to
        Kaggle. Returns the manifest that is stored.

        Raises:
            StoreError: the store refused; what was there before is whole.
        """
        release = manifest.release_id
        for entry in manifest.files:
            self._store.put_file(layout_releases.staged_file(release, entry.path), directory / entry.path)
        self.describe(directory, release)
        there = self.find(release)
        if there is not None and there.previous == manifest.previous:
            return there
        self._store.put(layout_releases.staged_manifest(release), encode_manifest(manifest))
        return manifest

    def describe(self, directory: Path, release: str) -> None:
        """Store what is said of a release beside its files: metadata and cover, which are not part of its content."""
        for name in (METADATA, COVER):
            if (directory / name).is_file():
                self._store.put_file(layout_releases.staged_file(release, name), directory / name)

    def prune(self, now: datetime) -> list[str]:
        """Remove snapshots that nobody needs any more: they hold posts that were deleted since, and take room.

        Those that are kept: see `kept`. The manifest goes first: what is left of a release is never taken for whole.
        Returns the releases removed.

        Raises:
            StoreError: the store refused; some may be removed.
            LedgerUnreadable: a ledger must be restored first.
        """
        wanted, known = kept(self._store), {entry.release_id for entry in Ledger(self._store).entries()}
        objects: dict[str, list[ObjectInfo]] = {}
        for info in self._store.list(layout_releases.releases()):
            release = info.key.removeprefix(layout_releases.releases()).partition("/")[0]
            if layout_releases.is_release_id(release) and release not in wanted:
                objects.setdefault(release, []).append(info)
        gone = []
        for release, infos in sorted(objects.items()):
            if release in known or max(info.modified for info in infos) < now - UNPUBLISHED_FOR:
                manifest = layout_releases.staged_manifest(release)
                for info in sorted(infos, key=lambda found: found.key != manifest):
                    self._store.delete(info.key)
                gone.append(release)
        return gone

    def fetch(self, release: str, directory: Path) -> Manifest:
        """Put a snapshot into a directory.

        Raises:
            ReleaseMissing: it, or a file of it, is not there.
            ManifestInvalid: its manifest cannot be used.
        """
        manifest, read = self.manifest(release), self.reader(release)
        for path in (*(entry.path for entry in manifest.files), METADATA):
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(read(path))
        cover = self._store.find(layout_releases.staged_file(release, COVER))
        if cover is not None:
            (directory / COVER).write_bytes(cover)
        (directory / MANIFEST).write_bytes(read(MANIFEST))
        return manifest
