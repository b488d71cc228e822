"""What publishing takes and gives: a staged release, where it goes, what came of it, and why not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elec_assets.clients.kaggle_job import SentFile, checked_dataset, checked_endpoint
from elec_assets.clients.kaggle_metadata import Metadata, read_metadata
from elec_assets.clients.kaggle_process import Credential
from elec_assets.domain.layout_releases import MANIFEST
from elec_assets.transforms.manifest import COVER, Manifest, read_manifest

NOTES_LIMIT = 500  # Kaggle's own is not known; its client has none (2.2.4)


class ReleaseError(Exception):
    """A release is not published; the text says why and what to do."""


class ReleaseRefused(ReleaseError):
    """Nothing was made: the staged directory is not what its manifest says, or Kaggle said no."""


class ReleaseStopped(ReleaseError):
    """Stopped on the way; the ledger knows how far. The next run goes on, or begins anew, by itself."""


class ReleaseFailed(ReleaseError):
    """Kaggle holds something else than was staged. A person looks at it, then publishes with `again`, or rolls back."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to publish, and as whom.

    Attributes:
        dataset: `owner/slug`; made if it is not there.
        endpoint: `http://127.0.0.1:PORT`, or `kaggle_job.PRODUCTION`; there is no default.
        credential: the account.

    Raises:
        TargetInvalid: a name that cannot be, or another endpoint.
    """

    dataset: str
    endpoint: str
    credential: Credential

    def __post_init__(self) -> None:
        checked_dataset(self.dataset)
        checked_endpoint(self.endpoint)


@dataclass(frozen=True, slots=True)
class Staged:
    """A release in a directory, with what it says of itself. Make one with `read_staged`."""

    directory: Path
    manifest: Manifest
    metadata: Metadata

    @property
    def marker(self) -> str:
        """By which a version's notes name the content."""
        return f"content {self.manifest.content_sha256[:8]}"

    @property
    def files(self) -> tuple[SentFile, ...]:
        """All that is sent: the manifest's files, and the manifest."""
        size = (self.directory / MANIFEST).stat().st_size
        listed = [SentFile(f.path, f.bytes, f.plain_bytes) for f in self.manifest.files]
        return tuple(sorted([*listed, SentFile(MANIFEST, size, size)], key=lambda f: f.path))

    @property
    def cover(self) -> str | None:
        """File name of the cover image, if there is one."""
        return COVER if (self.directory / COVER).is_file() else None


def read_staged(directory: Path) -> Staged:
    """A staged release, its manifest and metadata read; its files are held against the manifest when it is published.

    Raises:
        ManifestInvalid: see `read_manifest`.
        MetadataInvalid: see `read_metadata`.
    """
    manifest = read_manifest(directory)
    return Staged(directory, manifest, read_metadata(directory, manifest))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing came to.

    Attributes:
        state: `published`; `described`: the files were there, what is said of them is new; `unchanged`: all was there.
        release_id: of the release.
        version: Kaggle's number.
        url: of the dataset.
        invalid_tags: keywords that are no tags of Kaggle's, as far as it told.
        usability: Kaggle's rating, 0 to 1, if it gave one.
    """

    state: Literal["published", "described", "unchanged"]
    release_id: str
    version: int | None
    url: str
    invalid_tags: tuple[str, ...] = ()
    usability: float | None = None


def marked(notes: str, marker: str) -> str:
    """Notes with the marker in their first line, no longer than `NOTES_LIMIT`."""
    first, _, rest = notes.strip().partition("\n")
    if marker not in first:
        first = f"{first[: NOTES_LIMIT - len(marker) - 3]} | {marker}".removeprefix(" | ")
    return f"{first}\n{rest}".strip()[:NOTES_LIMIT]
