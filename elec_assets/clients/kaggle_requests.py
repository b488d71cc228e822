"""The bodies of Kaggle's calls, as they go over the wire (camelCase; what is a default is left out). Pure."""

from collections.abc import Mapping
from typing import Any

from elec_assets.clients.kaggle_job import Job, SentFile


def named(job: Job) -> dict[str, Any]:
    """The body of every call that only names the dataset."""
    owner, slug = job.dataset.split("/")
    return {"ownerSlug": owner, "datasetSlug": slug}


def file_tree(job: Job, tokens: Mapping[str, str]) -> dict[str, Any]:
    """`files` and `directories`, nested as the paths are; `tokens` by path.

    Raises:
        KeyError: a file has no token.
    """
    root: dict[str, Any] = {}
    for file in job.files:
        *folders, _ = file.path.split("/")
        place = root
        for folder in folders:
            place = _inside(place, folder)
        place.setdefault("files", []).append({"token": tokens[file.path], **job.metadata.of_file(file.path)})
    return root


def _inside(place: dict[str, Any], folder: str) -> dict[str, Any]:
    directories: list[dict[str, Any]] = place.setdefault("directories", [])
    for directory in directories:
        if directory["name"] == folder:
            return directory
    directories.append({"name": folder})
    return directories[-1]


def create_dataset(job: Job, tokens: Mapping[str, str]) -> dict[str, Any]:
    """The body of `CreateDataset`."""
    owner, slug = job.dataset.split("/")
    known = job.metadata
    return {
        "ownerSlug": owner,
        "slug": slug,
        "title": known.title,
        "subtitle": known.subtitle,
        "description": known.description,
        "licenseName": known.licenses[0].name,
        **({"isPrivate": True} if known.is_private else {}),
        **({"categoryIds": list(known.keywords)} if known.keywords else {}),
        **file_tree(job, tokens),
    }


def create_version(job: Job, tokens: Mapping[str, str]) -> dict[str, Any]:
    """The body of `CreateDatasetVersion`. Old versions are never deleted."""
    known = job.metadata
    body = {
        "versionNotes": job.notes,
        "subtitle": known.subtitle,
        "description": known.description,
        **({"categoryIds": list(known.keywords)} if known.keywords else {}),
        **file_tree(job, tokens),
    }
    return {**named(job), "body": body}


def list_files(job: Job, version: int | None, page_token: str) -> dict[str, Any]:
    """The body of `ListDatasetFiles`."""
    return {
        **named(job),
        **({"datasetVersionNumber": version} if version is not None else {}),
        **({"pageToken": page_token} if page_token else {}),
        "pageSize": 200,
    }


def start_upload(file: SentFile, modified_s: int) -> dict[str, Any]:
    """The body of `StartBlobUpload`, as kaggle 2.2.4 makes it; for a dry run."""
    return {
        "type": "DATASET",
        "name": file.path.rpartition("/")[2],
        "contentLength": file.bytes,
        "lastModifiedEpochSeconds": modified_s,
    }
