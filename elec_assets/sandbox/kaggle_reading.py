"""What the sandbox of Kaggle tells of a dataset: status, versions, files, settings, and the bytes."""

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from elec_assets.sandbox.kaggle_checks import Refused
from elec_assets.sandbox.kaggle_faults import READY, KaggleFault, is_hidden
from elec_assets.sandbox.kaggle_state import Dataset, StoredFile, Version

PAGE = 20  # files in a page, unless the caller asks for another number
# Zip knows no earlier time, and the same files must give the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def status_of(dataset: Dataset) -> str:
    """The status of the last version; each call brings it nearer to READY."""
    version = dataset.versions[-1]
    status = version.status
    version.pending = max(0, version.pending - 1)
    return status


def summary(dataset: Dataset, *, stale: bool) -> dict[str, Any]:
    """What `GetDataset` says; `stale` leaves out the last version."""
    versions = dataset.versions[:-1] if stale else dataset.versions
    ready = [v.number for v in versions if v.status == READY]
    return {
        "id": dataset.number,
        "ref": dataset.ref,
        "ownerRef": dataset.owner,
        "title": dataset.settings["title"],
        "subtitle": dataset.settings["subtitle"],
        "isPrivate": dataset.settings["isPrivate"],
        "currentVersionNumber": max(ready, default=0),
        "usabilityRating": usability(dataset),
        "totalBytes": sum(len(f.data) for f in versions[-1].files.values()) if versions else 0,
        "versions": [
            {
                "versionNumber": v.number,
                "creationDate": _date(v.created),
                "creatorName": dataset.owner,
                "versionNotes": v.notes,
                "status": v.status,
            }
            for v in reversed(versions)
        ],
    }


def usability(dataset: Dataset) -> float:
    """A rating of 0 to 1 by the parts of the settings that are filled; not Kaggle's formula."""
    wanted = ("subtitle", "description", "keywords", "licenses", "data", "expectedUpdateFrequency")
    filled = [name for name in (*wanted, "userSpecifiedSources") if dataset.settings.get(name)]
    return round(len(filled) / (len(wanted) + 1), 2)


def files_page(dataset: Dataset, body: Mapping[str, Any], fault: KaggleFault, *, decompress: bool) -> dict[str, Any]:
    """One page of the files of a version.

    Raises:
        Refused: no such version, or not ready.
    """
    version = version_of(dataset, body.get("datasetVersionNumber"))
    shown = sorted(
        (f.shown(decompress=decompress) for f in version.files.values() if not is_hidden(f.path, fault)),
        key=lambda f: f.path,
    )
    size = int(body.get("pageSize") or PAGE)
    start = _start(str(body.get("pageToken") or "0"))
    page = shown[start : start + size]
    more = start + size < len(shown)
    return {
        "datasetFiles": [
            {
                "ref": f.path,
                "datasetRef": dataset.ref,
                "name": f.path,
                "totalBytes": len(f.data),
                "creationDate": _date(version.created),
                "description": f.description,
                "columns": list(f.columns),
            }
            for f in page
        ],
        "nextPageToken": str(start + size) if more else "",
    }


def _start(token: str) -> int:
    if not token.isdecimal():
        raise Refused(400, f"The page token {token!r} is not known")
    return int(token)


def version_of(dataset: Dataset, number: object) -> Version:
    """A version that is READY, the last if no number is given.

    Raises:
        Refused: there is none.
    """
    for version in reversed(dataset.versions):
        if version.status == READY and number in (None, version.number):
            return version
    raise Refused(404, f"Version {number or 'current'} of {dataset.ref} was not found")


def dataset_info(dataset: Dataset) -> dict[str, Any]:
    """What `GetDatasetMetadata` says."""
    return {
        "datasetId": dataset.number,
        "datasetSlug": dataset.slug,
        "ownerUser": dataset.owner,
        "usabilityRating": usability(dataset),
        **dataset.settings,
    }


def download(version: Version, name: str, *, decompress: bool) -> tuple[str, bytes]:
    """A file, or the zip of all if no name is given: how it is called, and its bytes.

    Raises:
        Refused: the version has no such file.
    """
    shown = [f.shown(decompress=decompress) for f in version.files.values()]
    if not name:
        return "archive.zip", _zip(shown)
    for file in shown:
        if file.path == name:
            return name.rpartition("/")[2], file.data
    raise Refused(404, f"{name} was not found")


def _zip(files: list[StoredFile]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file.path, _ZIP_TIME), file.data)
    return out.getvalue()


def _date(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
