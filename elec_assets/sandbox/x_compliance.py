"""X's batch compliance jobs in the sandbox, as its documentation of 2026 has them: signed addresses on its own host.

A job that got its ids is complete `works_s` later. What it says of an id is in `fates`, else whether search would
leave the post out because it was deleted (`StreamOptions.deleted_share`).
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.domain.windows import X_EPOCH_MS, epoch_ms
from elec_assets.sandbox.posts import BASE, Json, snowflake, timestamp
from elec_assets.sandbox.x_errors import ApiError, invalid, preset
from elec_assets.sandbox.x_params import check_known, choice_of

PREFIX = "/2/compliance/jobs"
TYPES = ("tweets", "users")
STATUSES = ("created", "in_progress", "failed", "complete", "expired")
REASONS = ("deleted", "deactivated", "protected", "suspended", "bounced")
MOST_BYTES = 128 * 1024 * 1024
UPLOAD, DOWNLOAD = timedelta(minutes=15), timedelta(days=7)
_NAME = 64
_FIELDS = ("type", "name", "resumable")
_ID = re.compile(r"[0-9]{1,19}", re.ASCII)


@dataclass(slots=True)
class ComplianceJob:
    """A job: what was asked, what came, and when it is done. `ids` is None until they came."""

    id: str
    kind: str
    name: str | None
    created: datetime
    ids: list[str] | None = None
    complete_at: datetime | None = None
    status: str = "created"


class ComplianceJobs:
    """All jobs of an app.

    Attributes:
        fates: what X says of a post, by id: a word of REASONS, `tweet_edited` or `geo_scrubbed`.
        jobs: every job, in order; `status` of one may be set to `failed`.
        works_s: seconds that X works on a job.
        root: address that signed ones begin with.
    """

    def __init__(self, clock: Callable[[], datetime], deleted: Callable[[int], bool]) -> None:
        self.fates: dict[str, str] = {}
        self.jobs: list[ComplianceJob] = []
        self.works_s = 0.0
        self.root = ""
        self._clock = clock
        self._deleted = deleted
        self._lock = threading.Lock()

    def create(self, body: bytes) -> Json:
        """Answer of POST /2/compliance/jobs.

        Raises:
            ApiError: the body is not as documented, or a job of the type is active.
        """
        told = _told(body)
        with self._lock:
            if any(job.kind == told["type"] and self._status(job) in STATUSES[:2] for job in self.jobs):
                raise _problem(409, "Conflict", "A compliance job of this type is already active.")
            now = self._clock()
            number = str(snowflake(epoch_ms(now), BASE, len(self.jobs)))
            self.jobs.append(ComplianceJob(number, told["type"], told.get("name"), now))
            return {"data": self._body(self.jobs[-1])}

    def listing(self, params: Mapping[str, str]) -> Json:
        """Answer of GET /2/compliance/jobs.

        Raises:
            ApiError: a parameter is missing or not known.
        """
        check_known(params, ("type", "status", "compliance_job.fields"))
        if "type" not in params:
            raise invalid("The `type` query parameter can not be empty", {"type": []})
        kind = choice_of(params, "type", TYPES, "")
        status = choice_of(params, "status", STATUSES, "") if "status" in params else None
        with self._lock:
            found = [self._body(job) for job in self.jobs if job.kind == kind]
        found = [body for body in found if status in (None, body["status"])]
        return {"data": found, "meta": {"result_count": len(found)}} if found else {"meta": {"result_count": 0}}

    def one(self, job_id: str) -> Json:
        """Answer of GET /2/compliance/jobs/{id}.

        Raises:
            ApiError: there is none.
        """
        with self._lock:
            return {"data": self._body(self._find(job_id))}

    def cancel(self, job_id: str) -> Json:
        """Answer of DELETE /2/compliance/jobs/{id}.

        Raises:
            ApiError: there is none, or it is over.
        """
        with self._lock:
            job = self._find(job_id)
            if self._status(job) not in STATUSES[:2]:
                raise _problem(409, "Conflict", "The compliance job is over.")
            self.jobs.remove(job)
            return {"data": {"deleted": True}}

    def upload(self, job_id: str, params: Mapping[str, str], content_type: str, body: bytes) -> Json:
        """Answer of a PUT to the upload address.

        Raises:
            ApiError: a wrong or late token, another kind of content, too much of it, or ids came before.
        """
        with self._lock:
            job = self._signed(job_id, params, "upload", UPLOAD)
            if not content_type.startswith("text/plain"):
                raise _problem(400, "Invalid Request", "The content must be text/plain.")
            if len(body) > MOST_BYTES:
                raise _problem(413, "Payload Too Large", "An upload may have 128 MB.")
            if job.ids is not None:
                raise _problem(409, "Conflict", "The job has its ids already.")
            job.ids = [line.strip() for line in body.decode().splitlines() if line.strip()]
            job.complete_at = self._clock() + timedelta(seconds=self.works_s)
            job.status = "in_progress"
            return {"data": self._body(job)}

    def download(self, job_id: str, params: Mapping[str, str]) -> str:
        """Answer of a GET of the download address: a JSON object a line, one for each id with an event.

        Raises:
            ApiError: a wrong or late token, or the job is not complete.
        """
        with self._lock:
            job = self._signed(job_id, params, "download", DOWNLOAD)
            if self._status(job) != "complete":
                raise _problem(404, "Not Found Error", "The job is not complete.")
            lines = [event for x in job.ids or () if (event := self._event(x)) is not None]
        return "".join(json.dumps(line) + "\n" for line in lines)

    def _event(self, x: str) -> Json | None:
        if not _ID.fullmatch(x):
            return {"id": x, "error": "invalid_id"}
        fate = self.fates.get(x) or ("deleted" if self._deleted(int(x)) else None)
        if fate is None:
            return None
        made = (int(x) >> 22) + X_EPOCH_MS
        told = {"id": x, "created_at": timestamp(made), "redacted_at": timestamp(epoch_ms(self._clock()))}
        if fate in REASONS:
            return {**told, "action": "delete", "reason": fate, "deleted_at": told["redacted_at"]}
        return {**told, "action": "rehydrate" if fate == "tweet_edited" else "scrub_geo", "reason": fate}

    def _find(self, job_id: str) -> ComplianceJob:
        found = next((job for job in self.jobs if job.id == job_id), None)
        if found is None:
            raise preset("not_found")
        return found

    def _signed(self, job_id: str, params: Mapping[str, str], purpose: str, lasts: timedelta) -> ComplianceJob:
        job = self._find(job_id)
        if params.get("token") not in (_token(job, "upload"), _token(job, "download")):
            raise preset("unauthorized")
        if params["token"] != _token(job, purpose) or self._clock() > job.created + lasts:
            raise _problem(403, "Forbidden", "The token has expired, or is for another purpose.")
        return job

    def _status(self, job: ComplianceJob) -> str:
        now = self._clock()
        if job.status == "created" and now > job.created + UPLOAD:
            job.status = "expired"
        if job.status == "in_progress" and job.complete_at is not None and now >= job.complete_at:
            job.status = "complete"
        return job.status

    def _body(self, job: ComplianceJob) -> Json:
        body: Json = {
            "id": job.id,
            "type": job.kind,
            "status": self._status(job),
            "created_at": timestamp(epoch_ms(job.created)),
            "upload_url": f"{self.root}{PREFIX}/{job.id}/upload?token={_token(job, 'upload')}",
            "upload_expires_at": timestamp(epoch_ms(job.created + UPLOAD)),
            "download_url": f"{self.root}{PREFIX}/{job.id}/download?token={_token(job, 'download')}",
            "download_expires_at": timestamp(epoch_ms(job.created + DOWNLOAD)),
            "resumable": False,
        }
        return body if job.name is None else {**body, "name": job.name}


def _token(job: ComplianceJob, purpose: str) -> str:
    return f"signed-{purpose}-{job.id}"


def _told(body: bytes) -> Json:
    try:
        told = json.loads(body or b"null")
    except ValueError as error:
        raise invalid(f"Requests must be valid JSON: {error}", {}) from error
    if not isinstance(told, dict) or not told.keys() <= set(_FIELDS):
        raise invalid(f"The body must be an object with some of [{','.join(_FIELDS)}]", {})
    if told.get("type") not in TYPES:
        raise invalid(f"`type` must be one of [{','.join(TYPES)}]", {"type": [str(told.get("type"))]})
    name = told.get("name", "")
    if not isinstance(name, str) or len(name) > _NAME:
        raise invalid(f"`name` must be a text of at most {_NAME} characters", {"name": [str(name)]})
    if told.get("resumable"):
        raise invalid("`resumable` is not supported", {"resumable": ["true"]})
    return told


def _problem(status: int, title: str, detail: str) -> ApiError:
    return ApiError(status, {"title": title, "type": "about:blank", "status": status, "detail": detail})
