"""What Kaggle is told of a dataset beside its files: title, licence, sources, frequency, cover, columns.

Read from `dataset-metadata.json`, the form that Kaggle's own client reads, with every field that matters required:
the update call writes blanks over what is left out, and takes a missing `isPrivate` for public (kaggle 2.2.4).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from elec_assets.transforms.manifest import METADATA, Manifest

# docs/datasets_metadata.md of kaggle-cli 2.2.4.
LICENSES = (
    "CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "ODbL-1.0", "DbCL-1.0", "ODC-BY-1.0", "PDDL", "CDLA-Permissive-1.0",
    "CDLA-Sharing-1.0", "GPL-2.0", "GPL-3.0", "LGPL-3.0", "AGPL-3.0", "FDL-1.3", "apache-2.0", "US-Government-Works",
    "EU-ODP-Legal-Notice", "CC-BY-3.0-IGO", "CC-BY-NC-SA-3.0-IGO", "copyright-authors", "other", "unknown",
)  # fmt: skip
Frequency = Literal["not specified", "never", "annually", "quarterly", "monthly", "weekly", "daily", "hourly"]


class MetadataInvalid(ValueError):
    """`dataset-metadata.json` cannot be used; the text names the field, what was found and what is allowed."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column: name, Kaggle's type (`string`, `integer`, `datetime`, ...) and what it means."""

    name: Annotated[str, Meta(min_length=1)]
    description: str = ""
    type: str = "string"


class Schema(msgspec.Struct, frozen=True):
    """The columns of a file, all and in order."""

    fields: tuple[Column, ...] = ()


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of the release holds, by its path in the manifest."""

    path: str
    description: str = ""
    schema: Schema = Schema()


class License(msgspec.Struct, frozen=True):
    """One of `LICENSES`."""

    name: str


class Metadata(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All that Kaggle is told of a dataset beside its files.

    Attributes:
        title: 6 to 50 characters.
        subtitle: 20 to 80 characters.
        description: the data card, Markdown.
        licenses: exactly one.
        is_private: whether Kaggle must show the dataset to its owner only; never left to a default.
        keywords: Kaggle's own tags; others are refused one by one and told.
        expected_update_frequency: as Kaggle words it.
        user_specified_sources: where the data comes from, Markdown.
        resources: what the files hold.
    """

    title: Annotated[str, Meta(min_length=6, max_length=50)]
    subtitle: Annotated[str, Meta(min_length=20, max_length=80)]
    description: Annotated[str, Meta(min_length=1)]
    licenses: Annotated[tuple[License, ...], Meta(min_length=1, max_length=1)]
    is_private: bool
    keywords: tuple[str, ...]
    expected_update_frequency: Frequency
    user_specified_sources: Annotated[str, Meta(min_length=1)]
    resources: tuple[FileInfo, ...] = ()

    @property
    def sha256(self) -> str:
        """Of all of it: whether it changed since it was told."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    def of_file(self, path: str) -> dict[str, Any]:
        """Description and columns of a file, as a creation's body has them; empty where nothing is known."""
        for info in self.resources:
            if info.path == path:
                known = {"description": info.description, "columns": _columns(info)}
                return {name: value for name, value in known.items() if value}
        return {}


def _columns(info: FileInfo) -> list[dict[str, Any]]:
    return [
        {"order": n, "name": c.name, "type": c.type, "originalType": c.type, "description": c.description}
        for n, c in enumerate(info.schema.fields)
    ]


def settings(wanted: Metadata, fresh: Mapping[str, Any], listed: Mapping[str, str]) -> dict[str, Any]:
    """The body of a metadata update: complete, whatever Kaggle held before.

    Args:
        wanted: what Kaggle is to say.
        fresh: what it says now (`GetDatasetMetadata`): collaborators are kept.
        listed: name by which Kaggle lists each path.
    """
    return {
        "title": wanted.title,
        "subtitle": wanted.subtitle,
        "description": wanted.description,
        "isPrivate": wanted.is_private,
        "licenses": [{"name": wanted.licenses[0].name}],
        "keywords": list(wanted.keywords),
        "collaborators": list(fresh.get("collaborators", ())),
        "data": [_data(info, listed[info.path]) for info in wanted.resources if info.path in listed],
        "expectedUpdateFrequency": wanted.expected_update_frequency,
        "userSpecifiedSources": wanted.user_specified_sources,
    }


def _data(info: FileInfo, name: str) -> dict[str, Any]:
    columns = [{"name": c.name, "description": c.description, "type": c.type} for c in info.schema.fields]
    return {"name": name, "description": info.description, "columns": columns}


def decode_metadata(content: bytes, manifest: Manifest) -> Metadata:
    """Read `dataset-metadata.json`.

    Raises:
        MetadataInvalid: a field is missing or not allowed, a resource is no file of the manifest, or the release is
            private and the dataset is not.
    """
    try:
        made = msgspec.json.decode(content.decode(), type=Metadata)
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
        raise MetadataInvalid(f"{METADATA}: {error}") from error
    if made.licenses[0].name not in LICENSES:
        raise MetadataInvalid(
            f"{METADATA}: the licence is {made.licenses[0].name!r}; allowed: one of {', '.join(LICENSES)}"
        )
    files = {entry.path for entry in manifest.files}
    paths = [info.path for info in made.resources]
    odd = sorted({p for p in paths if p not in files or paths.count(p) > 1})
    if odd:
        raise MetadataInvalid(f"{METADATA}: resources: {odd[0]!r} is no file of the manifest, or stands twice")
    if manifest.profile == "private" and not made.is_private:
        raise MetadataInvalid(
            f"{METADATA}: isPrivate is false, and the release has the profile private, whose posts may not be "
            "published; set isPrivate to true, or stage with ELEC_PRIVACY=public"
        )
    return made


def read_metadata(directory: Path, manifest: Manifest) -> Metadata:
    """The metadata of a staged directory.

    Raises:
        MetadataInvalid: see `decode_metadata`; or the file is missing.
    """
    try:
        content = (directory / METADATA).read_bytes()
    except OSError as error:
        raise MetadataInvalid(f"{directory / METADATA}: cannot be read ({error.strerror}); stage a release") from error
    return decode_metadata(content, manifest)
