"""What the sandbox of Kaggle does wrong, by script: the shared faults, and those that only it has."""

import fnmatch
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.http_server import HttpReply

JSON_TYPE = {"Content-Type": "application/json"}
# What kagglesdk 0.1.37 knows (`DatabundleVersionStatus`).
STATUSES = (
    "NOT_YET_PERSISTED", "BLOBS_RECEIVED", "BLOBS_DECOMPRESSED", "BLOBS_COPIED_TO_SDS", "INDIVIDUAL_BLOBS_COMPRESSED",
    "READY", "FAILED", "DELETED", "REPROCESSING",
)  # fmt: skip
READY = "READY"


def error_body(status: int, message: str) -> dict[str, Any]:
    """How Kaggle tells an error; the client raises where `code` is 400 or more."""
    return {"code": status, "message": message}


# Status and body by name. The texts of 4xx and 5xx are not Kaggle's; "Incompatible Dataset Type" is.
PRESETS: dict[str, tuple[int, Any]] = {
    "unauthorized": (401, error_body(401, "Unauthorized")),
    "forbidden": (403, error_body(403, "Permission 'datasets.update' was denied")),
    "not_found": (404, error_body(404, "Not found")),
    "too_many_requests": (429, error_body(429, "Too many requests")),
    "server_error": (500, error_body(500, "Internal error")),
    "unavailable": (503, error_body(503, "Service unavailable")),
    "incompatible_type": (200, {"status": "Error", "error": "Incompatible Dataset Type"}),
    "metadata_refused": (200, {"errors": ["The metadata could not be saved"]}),
}


@dataclass(frozen=True, slots=True)
class KaggleFault(Fault):
    """A fault of Kaggle. Paths: `*/StartBlobUpload`, `/upload/*`, `*/CreateDataset`, `*/GetDatasetStatus`, ...

    A stall is `delay_s`; an answer with `status`, `body` or `preset` changes nothing unless `apply` is set. Further:

    Attributes:
        apply: the request is carried out first. An upload then has all its bytes and still is not complete.
        drop: the request is carried out, and the connection reset instead of the answer.
        take: of the body of an upload so many bytes are taken, then the connection is reset.
        expired: the upload's session is over: 404, for good.
        dataset_status: what `GetDatasetStatus` says, one of `STATUSES`.
        stale: `GetDataset` answers as if the last version were not there.
        hide: pattern of the files that `ListDatasetFiles` leaves out.
    """

    presets: ClassVar[Collection[str]] = PRESETS

    apply: bool = False
    drop: bool = False
    take: int | None = None
    expired: bool = False
    dataset_status: str | None = None
    stale: bool = False
    hide: str | None = None

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is made anew, and the first one's cell stays behind.
        Fault.__post_init__(self)
        if self.dataset_status is not None and self.dataset_status not in STATUSES:
            raise ValueError(f"dataset_status is {self.dataset_status!r}, must be one of {', '.join(STATUSES)}")
        if self.take is not None and self.take < 0:
            raise ValueError("take must be 0 or more")


def kaggle_fault(fault: Fault) -> KaggleFault:
    """The fault as one of Kaggle; one without effect where it is none."""
    return fault if isinstance(fault, KaggleFault) else KaggleFault()


def spoilt(fault: Fault) -> HttpReply | None:
    """The answer that a fault gives; None if the true one is to follow, whole or not."""
    if fault.redirect is not None:
        return HttpReply(302, b"", {"Location": fault.redirect})
    if fault.preset is None and fault.status is None and fault.body is None:
        return None
    known, body = PRESETS.get(fault.preset or "", (200, None))
    status = fault.status or known
    if fault.body is not None:
        body = fault.body
    elif body is None:
        body = error_body(status, "A fault of the sandbox") if status >= 400 else {}
    content = body if isinstance(body, str) else json.dumps(body)
    return HttpReply(status, content.encode(), JSON_TYPE)


def is_hidden(path: str, fault: Fault) -> bool:
    """Whether a listing leaves a file out."""
    pattern = kaggle_fault(fault).hide
    return pattern is not None and fnmatch.fnmatchcase(path, pattern)
