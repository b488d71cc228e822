"""A dry run: the requests that publishing makes when all goes well, in order, without asking anything. Pure but sizes.

Tokens and addresses of uploads are Kaggle's to give: they stand as `<token of PATH>`. Looks that are repeated until
Kaggle is ready stand once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from elec_assets.clients import kaggle_requests as bodies
from elec_assets.clients.kaggle_job import Job, SentFile, is_sandbox
from elec_assets.clients.kaggle_listing import compared
from elec_assets.clients.kaggle_metadata import settings

# kaggle 2.2.4's own: the whole cover, and its middle as the thumbnail.
CROPS: list[dict[str, Any]] = [
    {"title": "cover image", "width": 560, "height": 280},
    {"title": "thumbnail", "left": 140, "width": 280, "height": 280},
]
_DATASETS = "datasets.DatasetApiService"
_BLOBS = "blobs.BlobApiService"


class Planned(msgspec.Struct, frozen=True):
    """A request: its method and address, its body as JSON, or the file that is its body."""

    method: str
    address: str
    body: Mapping[str, Any] | None = None
    file: str | None = None
    bytes: int | None = None

    def __str__(self) -> str:
        if self.file is not None:
            return f"{self.method} {self.address}\n  {self.bytes} bytes: {self.file}"
        shown = msgspec.json.format(msgspec.json.encode(self.body), indent=2).decode().replace("\n", "\n  ")
        return f"{self.method} {self.address}\n  {shown}"


def token_of(path: str) -> str:
    """What stands for the token of a file."""
    return f"<token of {path}>"


def planned(job: Job, *, exists: bool) -> list[Planned]:
    """What would be sent for a job that publishes; `exists`: whether Kaggle has the dataset."""
    tokens = {file.path: token_of(file.path) for file in job.files}
    named = bodies.named(job)
    before = ["GetDataset", "GetDatasetStatus", "GetDataset"] if exists else ["GetDataset"]
    made = [_call(job, method, named) for method in before]
    for file in job.files:
        made += _upload(job, file, "DATASET")
    if exists:
        made.append(_call(job, "CreateDatasetVersion", bodies.create_version(job, tokens)))
    else:
        made.append(_call(job, "CreateDataset", bodies.create_dataset(job, tokens)))
    made += [_call(job, method, named) for method in ("GetDatasetStatus", "GetDataset", "GetDatasetStatus")]
    made.append(_call(job, "ListDatasetFiles", bodies.list_files(job, None, "")))
    return made + list(_describing(job, named))


def _describing(job: Job, named: Mapping[str, Any]) -> Iterator[Planned]:
    yield _call(job, "GetDatasetMetadata", named)
    listed, _ = compared(job.files, {file.path: file.bytes for file in job.files})
    told = settings(job.metadata, {}, listed)
    if job.cover is not None:
        size = (Path(job.directory) / job.cover).stat().st_size
        yield from _upload(job, SentFile(job.cover, size, size), "INBOX")
        told["image"] = {"token": token_of(job.cover), "cropRectangles": CROPS}
    yield _call(job, "UpdateDatasetMetadata", {**named, "settings": told})
    yield _call(job, "GetDatasetMetadata", named)


def _upload(job: Job, file: SentFile, kind: str) -> list[Planned]:
    modified_s = int((Path(job.directory) / file.path).stat().st_mtime)
    body = {**bodies.start_upload(file, modified_s), "type": kind}
    return [
        _call(job, "StartBlobUpload", body, _BLOBS),
        Planned("PUT", f"<address for {file.path}>", file=file.path, bytes=file.bytes),
    ]


def _call(job: Job, method: str, body: Mapping[str, Any], service: str = _DATASETS) -> Planned:
    root = f"{job.endpoint}/api" if is_sandbox(job.endpoint) else job.endpoint
    return Planned("POST", f"{root}/v1/{service}/{method}", body)
