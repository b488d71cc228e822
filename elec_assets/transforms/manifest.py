"""The manifest of a release: what a staged directory holds, by hash, and whether it still does.

`manifest.json` lists every file that is published but itself. Same files, same bytes: no clock and no run id inside.
The content hash is the sha256 over the sorted lines `{path} {sha256}`; its first 8 digits end the release id.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from elec_assets.domain.layout_releases import MANIFEST, is_release_id
from elec_assets.domain.tables import SCHEMA_VERSION

VERSION = 1
# In a staged directory beside what is published: the form that Kaggle's metadata calls are filled from, and the cover.
METADATA = "dataset-metadata.json"
COVER = "dataset-cover-image.png"
UNLISTED = frozenset({MANIFEST, METADATA, COVER})
_BLOCK = 1 << 20
# What the store takes as part of a key: nothing hidden, nothing above.
_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
State = Literal["new", "changed", "same"]
Profile = Literal["public", "private"]


class ManifestInvalid(ValueError):
    """A manifest cannot be used; the text names the field, what was found and what is allowed."""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of a release.

    Attributes:
        path: in the release, `/` between folders.
        sha256: of the file.
        bytes: its size.
        plain_sha256: of what a `.gz` file holds; of any other file the same as `sha256`.
        plain_bytes: size of the same.
        rows: without the header; null where the file is no table.
        first: first time in it, ISO 8601 with Z; null where it has none.
        last: last time in it.
        table: its table, as in `tables.py`; null where it is no table.
        partition: the window it covers, such as `2027_05`; null where it is a whole history.
        state: against the release before.
        open: its window may still change.
    """

    path: str
    sha256: Sha256
    bytes: Count
    plain_sha256: Sha256
    plain_bytes: Count
    rows: Count | None = None
    first: str | None = None
    last: str | None = None
    table: str | None = None
    partition: str | None = None
    state: State = "new"
    open: bool = False


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a release holds.

    Attributes:
        version: of this form.
        release_id: `{GGGG}_{WW}-{8 hex of the content hash}`.
        content_sha256: see `content_hash`.
        schema_version: of the tables.
        profile: `public` or `private`.
        id_fraction: part of the post ids that a public release holds, 0 to 1.
        previous: release id of the release before; null for the first.
        files: sorted by path.
    """

    version: int = VERSION
    release_id: str
    content_sha256: Sha256
    schema_version: int = SCHEMA_VERSION
    profile: Profile
    id_fraction: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    previous: str | None = None
    files: tuple[FileEntry, ...]

    @property
    def total_bytes(self) -> int:
        """Size of all files, without the manifest."""
        return sum(entry.bytes for entry in self.files)


def content_hash(files: Iterable[FileEntry]) -> str:
    """The hash of what a release holds: names and bytes of all files but the manifest."""
    lines = sorted(f"{entry.path} {entry.sha256}\n" for entry in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def make_manifest(
    week: str,
    files: Iterable[FileEntry],
    *,
    profile: Profile,
    previous: str | None = None,
    id_fraction: float = 1.0,
) -> Manifest:
    """The manifest of these files, for the release of a week (`2027_05`).

    Raises:
        ManifestInvalid: see `check_manifest`.
    """
    listed = tuple(sorted(files, key=lambda entry: entry.path))
    content = content_hash(listed)
    made = Manifest(
        release_id=f"{week}-{content[:8]}",
        content_sha256=content,
        profile=profile,
        id_fraction=id_fraction,
        previous=previous,
        files=listed,
    )
    check_manifest(made)
    return made


def check_manifest(manifest: Manifest) -> None:
    """Hold a manifest against itself.

    Raises:
        ManifestInvalid: it is of a newer version, its hash or id is not that of its files, or a path cannot be one.
    """
    if manifest.version > VERSION:
        raise ManifestInvalid(f"{MANIFEST}: version {manifest.version}, this program reads up to {VERSION}; upgrade")
    content = content_hash(manifest.files)
    if manifest.content_sha256 != content:
        raise ManifestInvalid(
            f"{MANIFEST}: content_sha256 is {manifest.content_sha256}, its files make {content}; stage the release anew"
        )
    if not is_release_id(manifest.release_id) or not manifest.release_id.endswith(f"-{content[:8]}"):
        raise ManifestInvalid(
            f"{MANIFEST}: release_id is {manifest.release_id!r}; allowed: year_week-{content[:8]}, e.g. "
            f"2027_05-{content[:8]}"
        )
    paths = [entry.path for entry in manifest.files]
    if paths != sorted(set(paths)):
        raise ManifestInvalid(f"{MANIFEST}: files must be sorted by path, each path once")
    for path in paths:
        if not _PATH.fullmatch(path) or path in UNLISTED:
            raise ManifestInvalid(
                f"{MANIFEST}: the path {path!r} is not allowed: names of ASCII letters, digits, '_', '-' and '.', not "
                f"first, joined by '/', and not {', '.join(sorted(UNLISTED))}"
            )


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of `manifest.json`: the same for the same manifest."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """The inverse of `encode_manifest`.

    Raises:
        ManifestInvalid: it is no manifest, or see `check_manifest`.
    """
    try:
        made = msgspec.json.decode(content.decode(), type=Manifest)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise ManifestInvalid(f"{MANIFEST}: not a manifest ({error}); stage the release anew") from error
    check_manifest(made)
    return made


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a staged directory.

    Raises:
        ManifestInvalid: there is none, or see `decode_manifest`.
    """
    try:
        content = (directory / MANIFEST).read_bytes()
    except OSError as error:
        raise ManifestInvalid(f"{directory / MANIFEST}: cannot be read ({error.strerror}); stage a release") from error
    return decode_manifest(content)


def differences(directory: Path, manifest: Manifest) -> list[str]:
    """Where a staged directory is not what its manifest says: one sentence each; none if it is.

    Every file is read whole. Hidden, empty, linked and unlisted files are differences too.
    """
    found = dict(_walk(directory))
    listed = {entry.path: entry for entry in manifest.files}
    problems = [
        f"{path}: not in the manifest; remove it, or stage the release anew"
        for path in sorted(found.keys() - listed.keys() - UNLISTED)
    ]
    if MANIFEST not in found:
        problems.append(f"{MANIFEST}: missing; stage the release anew")
    elif found[MANIFEST].read_bytes() != encode_manifest(manifest):
        problems.append(f"{MANIFEST}: is not the manifest of this release; stage it anew")
    for path, entry in listed.items():
        problem = _difference(found.get(path), entry)
        if problem is not None:
            problems.append(f"{path}: {problem}; stage the release anew")
    return problems


def _walk(directory: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(directory).as_posix(), path


def _difference(path: Path | None, entry: FileEntry) -> str | None:
    if path is None:
        return "missing"
    if path.is_symlink() or not path.is_file():
        return "a link or no regular file"
    size = path.stat().st_size
    if not size:
        return "empty, which Kaggle's client does not send rightly"
    if size != entry.bytes:
        return f"{size} bytes, the manifest says {entry.bytes}"
    sha256 = file_sha256(path)
    return None if sha256 == entry.sha256 else f"sha256 is {sha256}, the manifest says {entry.sha256}"


def file_sha256(path: Path) -> str:
    """The hash of a file, read in blocks."""
    made = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            made.update(block)
    return made.hexdigest()
