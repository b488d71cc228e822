"""X's batch compliance jobs: which of the posts held may be kept. Create a job, send the ids, wait, read the results.

As X documents it (2026): one job of a type at a time, else 409; up to 128 MB of ids, one a line; the upload within 15
minutes, the results within 7 days; only ids with an event are listed. Both addresses carry a token and are never told.
On X's own host they want the bearer token too; elsewhere (Google's storage, until 2026) it must not go.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3.exceptions

from elec_assets.clients.bounded_http import AnswerLate, AnswerTooLong, BoundedAdapter
from elec_assets.clients.source_claim import X, claim
from elec_assets.clients.store import Store
from elec_assets.clients.x_control import Json, XControl, rows, text
from elec_assets.clients.x_errors import XError, XServerError, XUnreachable, XUnreadable, classify
from elec_assets.settings import is_loopback
from elec_assets.transforms.compliance_events import Event, read_events

# Documented: 128 MB, some 6.5 million ids. A sixth of it keeps upload and results within minutes and memory.
JOB_IDS = 1_000_000
_TYPE = "tweets"
_JOBS = "/2/compliance/jobs"
_MOST_RESULTS = 256 << 20
_ATTEMPTS = 4
_FIRST_POLL_S, _LONGEST_POLL_S = 10.0, 60.0
_X_HOSTS = ("api.x.com", "api.twitter.com")
_LOST = (requests.RequestException, urllib3.exceptions.HTTPError)
_TOTAL = 20
T = TypeVar("T")


class XJobRunning(XError):
    """409: another compliance job of this app is under way, and it is not one of this program."""


class XJobFailed(XError):
    """X ended the job without results: it failed or expired."""

    retriable = True


class Status(StrEnum):
    """Of a job, as X names it."""

    CREATED = "created"
    IN_PROGRESS = "in_progress"
    COMPLETE = "complete"
    FAILED = "failed"
    EXPIRED = "expired"

    @property
    def lasts(self) -> bool:
        """Whether it has results, or will have without more being sent."""
        return self in (Status.IN_PROGRESS, Status.COMPLETE)


@dataclass(frozen=True, slots=True)
class Job:
    """A job at X. The addresses are secrets: they are not stored, and not shown."""

    id: str
    name: str
    status: Status
    upload_url: str
    download_url: str

    def __repr__(self) -> str:
        return f"Job({self.id!r}, {self.name!r}, {self.status!s})"


class XCompliance:
    """The compliance jobs of one app. `sleep` and `now` (seconds, never backwards) are passed in for tests."""

    def __init__(
        self,
        *,
        token: str,
        base_url: str,
        timeout_s: float,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._control = XControl(token=token, base_url=base_url, timeout_s=timeout_s)
        self._token = token
        self._base_url = base_url
        self._sleep = sleep
        self._now = now
        self._session = requests.Session()
        # Its netrc would give a password to whoever the address names.
        self._session.trust_env = False
        adapter = BoundedAdapter(timeout_s, _TOTAL * timeout_s, _MOST_RESULTS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        self._control.client.session.close()

    def create(self, name: str) -> Job:
        """A new job. One of this name that was begun and never sent to, or forgotten, is ended first.

        Raises:
            XJobRunning: another job of the app is under way.
            XError: X refused, or could not be reached.
        """
        try:
            return self._create(name)
        except XJobRunning:
            mine = [job for job in self.active() if job.name == name]
            if not mine:
                raise
            for job in mine:
                self.cancel(job.id)
            return self._create(name)

    def _create(self, name: str) -> Job:
        # Not retried: an answer that was lost leaves a job, which the next 409 finds by its name.
        try:
            answer = self._control.ask("POST", _JOBS, json={"type": _TYPE, "name": name})
        except XError as error:
            if error.status != 409:
                raise
            raise XJobRunning(
                "X already works on a compliance job of this app, and allows one at a time; run again later",
                status=409,
                body=error.body,
            ) from error
        return _job(answer.get("data"))

    def active(self) -> list[Job]:
        """The jobs that are not over.

        Raises:
            XError: X refused, or could not be reached.
        """
        answer = self._again(lambda: self._control.ask("GET", _JOBS, {"type": _TYPE}))
        jobs = [_job(row) for row in rows(answer, "data")]
        return [job for job in jobs if job.status in (Status.CREATED, Status.IN_PROGRESS)]

    def job(self, job_id: str) -> Job | None:
        """A job as it stands; None where X knows it no more.

        Raises:
            XError: X refused, or could not be reached.
        """
        try:
            return _job(self._again(lambda: self._control.ask("GET", f"{_JOBS}/{job_id}")).get("data"))
        except XError as error:
            if error.status == 404:
                return None
            raise

    def cancel(self, job_id: str) -> None:
        """End a job that is not over.

        Raises:
            XError: X refused, or could not be reached.
        """
        self._again(lambda: self._control.ask("DELETE", f"{_JOBS}/{job_id}"))

    def upload(self, job: Job, ids: Iterable[int]) -> None:
        """Send the ids of a job, at most JOB_IDS of them.

        Raises:
            XError: X did not take them.
        """
        body = "".join(f"{x}\n" for x in ids).encode()
        self._again(lambda: self._bytes("PUT", job.upload_url, body))

    def wait(self, job: Job, longest_s: float) -> Job | None:
        """The job once it is over; None where X still works on it after so many seconds.

        Raises:
            XJobFailed: X ended it without results.
            XError: X refused, or could not be reached.
        """
        end, pause = self._now() + longest_s, _FIRST_POLL_S
        while True:
            found = self.job(job.id)
            if found is None or found.status in (Status.FAILED, Status.EXPIRED):
                why = "is not known to X any more" if found is None else f"is {found.status}"
                raise XJobFailed(f"compliance job {job.id} {why}; run again later")
            if found.status is Status.COMPLETE:
                return found
            if self._now() + pause > end:
                return None
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_POLL_S)

    def results(self, job: Job) -> list[Event]:
        """What X says of the ids of a job that is complete.

        Raises:
            XError: they could not be read.
        """
        body = self._again(lambda: self._bytes("GET", job.download_url))
        try:
            return read_events(body)
        except (ValueError, RecursionError) as error:
            raise XUnreadable("a line of the results is not as X documents it; nothing was taken out") from error

    def _bytes(self, method: str, url: str, body: bytes | None = None) -> bytes:
        headers = {"Content-Type": "text/plain"} if body is not None else {}
        if self._is_x(url):
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
        except AnswerTooLong as error:
            raise XUnreadable(
                f"the results are longer than {_MOST_RESULTS >> 20} MiB and were given up", status=error.status
            ) from None
        except (AnswerLate, *_LOST) as error:
            # Its text holds the address, and that a token.
            raise XUnreachable(
                f"no whole answer to a transfer of ids ({type(error).__name__}); run again later"
            ) from None
        if answer.status_code == 404:
            # Told of X by others in 2026-09: jobs could be created, and their upload address answered 404.
            why = "X does not know the address that it named for ids itself (404); run again later, or ask X"
            raise XServerError(why, status=404, body=answer.content)
        if answer.status_code not in (200, 201, 204):
            raise classify(answer.status_code, {}, answer.content)
        return answer.content

    def _is_x(self, url: str) -> bool:
        """Whether an address is X's, so that the token may go there.

        Raises:
            XUnreadable: it is none that anything may be sent to.
        """
        parts, base = urlsplit(url), urlsplit(self._base_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
            raise XUnreadable("X named an address for ids that is not https://; nothing was sent")
        return (parts.scheme, parts.netloc) == (base.scheme, base.netloc) or (
            parts.scheme == "https" and parts.netloc in _X_HOSTS
        )

    def _again(self, call: Callable[[], T]) -> T:
        """Retry what may succeed, 4 attempts in all, 2 to 8 s apart."""
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=2, max=8),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, XError) and error.retriable),
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(call)


def _job(data: object) -> Job:
    """A job as X tells it.

    Raises:
        XUnreadable: it is none.
    """
    row: Json = data if isinstance(data, dict) else {}
    job_id, status = text(row, "id"), text(row, "status")
    if not job_id.isdecimal() or status not in list(Status):
        raise XUnreadable("X answered with something else than a compliance job; run again later")
    return Job(job_id, text(row, "name"), Status(status), text(row, "upload_url"), text(row, "download_url"))


@contextmanager
def asking(
    store: Store, *, token: str | None, base_url: str, timeout_s: float, sandbox: bool
) -> Iterator[XCompliance | None]:
    """What asks X about the posts of a store; None without a token.

    Raises:
        StoreError: the store holds posts of a sandbox and X is meant, or the other way round.
    """
    if not token:
        yield None
        return
    claim(store, X, sandbox=sandbox)
    with closing(XCompliance(token=token, base_url=base_url, timeout_s=timeout_s)) as x:
        yield x
