"""The sandbox of Kaggle on a socket: its API, its uploads and its downloads, behind scripted faults."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from elec_assets.sandbox import kaggle_uploads
from elec_assets.sandbox.faults import Fault, FaultScript
from elec_assets.sandbox.http_server import HttpReply, HttpRequest, HttpServer
from elec_assets.sandbox.kaggle_api import KaggleOptions, KaggleService
from elec_assets.sandbox.kaggle_checks import Refused
from elec_assets.sandbox.kaggle_faults import JSON_TYPE, KaggleFault, error_body, kaggle_fault, spoilt
from elec_assets.sandbox.kaggle_page import HTML_TYPE, download_path, page
from elec_assets.sandbox.kaggle_reading import download, version_of
from elec_assets.sandbox.kaggle_state import Dataset, KaggleState

_API = "/api/v1/"
_PAGES = "/datasets/"
_DROPPED = HttpReply(0, b"", {})


@dataclass(frozen=True, slots=True)
class KaggleRequest:
    """One request that was answered.

    Attributes:
        at: the server's time.
        call: the API's method, such as `CreateDataset`; else `upload`, `download` or `page`.
        body: of an API call, read; else None.
        status: HTTP status; 0 where the connection was reset instead.
        headers: of the request, by lower-case name.
        size: bytes of the request's body that were taken.
    """

    at: datetime
    call: str
    body: Any
    status: int
    headers: Mapping[str, str]
    size: int


class KaggleServer(HttpServer):
    """A running sandbox of Kaggle. Use it as a context manager, or call `stop`.

    Attributes:
        url: `http://127.0.0.1:PORT`, in place of `https://api.kaggle.com`; also to be used as an HTTP proxy.
        state: what it holds.
        requests: what was answered so far, in order.
        watch: called with the name of each call, and whether it was carried out: before, and before the answer.
        faults: the script of faults; `faults.add` adds one (`KaggleFault`) while the server runs.
    """

    def __init__(self, options: KaggleOptions, clock: Callable[[], datetime], faults: FaultScript, port: int) -> None:
        self.requests: list[KaggleRequest] = []
        self.state = KaggleState()
        self.watch: Callable[[str, bool], None] = lambda _call, _done: None
        self._options = options
        self._clock = clock
        basic = base64.b64encode(f"{options.username}:{options.key}".encode()).decode()
        self._accepted = (f"Basic {basic}", f"Bearer {options.token}")
        self._service: KaggleService | None = None
        super().__init__(faults, port, "kaggle-sandbox")
        self._service = KaggleService(self.state, options, clock, self.url)

    def dataset(self, slug: str) -> Dataset:
        """A dataset of the sandbox's account, or `KeyError`."""
        with self.state.lock:
            return self.state.datasets[f"{self._options.username}/{slug}"]

    def calls(self, name: str) -> list[KaggleRequest]:
        """The requests of one kind so far."""
        return [request for request in list(self.requests) if request.call == name]

    def body_limit(self, fault: Fault) -> int | None:
        """An upload that is cut is not read to its end."""
        return kaggle_fault(fault).take

    def reply(self, request: HttpRequest, fault: Fault) -> HttpReply:
        """Kaggle's answer, or what the fault says."""
        call, made = _call(request), kaggle_fault(fault)
        self.watch(call, False)  # noqa: FBT003 - the type of the callback has no names
        with self.state.lock:
            reply = self._reply(call, request, fault, made)
            self._log(call, request, reply.status)
        self.watch(call, True)  # noqa: FBT003
        return reply

    def log_reset(self, request: HttpRequest) -> None:
        """Log a reset as status 0."""
        self._log(_call(request), request, 0)

    def _reply(self, call: str, request: HttpRequest, fault: Fault, made: KaggleFault) -> HttpReply:
        if call == "upload":
            return kaggle_uploads.put(self.state, request.path.rpartition("/")[2], request, made)
        answer = spoilt(fault)
        if answer is not None and not made.apply:
            return answer
        try:
            true = self._true_answer(call, request, made)
        except Refused as error:
            true = _json(error.status, error_body(error.status, str(error)))
        return _DROPPED if made.drop else answer or true

    def _true_answer(self, call: str, request: HttpRequest, fault: KaggleFault) -> HttpReply:
        if call == "download":
            return self._download(request)
        if call == "page":
            return self._page(request)
        body = _read(request)
        if call != "IntrospectToken" and request.headers.get("authorization") not in self._accepted:
            raise Refused(401, "Unauthorized: the credentials are not those of the sandbox")
        if call == "DownloadDataset":
            return self._redirect(body)
        assert self._service is not None  # noqa: S101 - set before the first request can come
        return _json(200, self._service.call(call, body, fault))

    def _redirect(self, body: Mapping[str, Any]) -> HttpReply:
        assert self._service is not None  # noqa: S101
        dataset = self._service.dataset(str(body.get("ownerSlug")), str(body.get("datasetSlug")))
        version = version_of(dataset, body.get("datasetVersionNumber"))
        name = str(body.get("fileName") or "")
        called, _ = download(version, name, decompress=self._options.decompress)
        return HttpReply(302, b"", {"Location": f"{self.url}{download_path(dataset, version, called, name)}"})

    def _download(self, request: HttpRequest) -> HttpReply:
        assert self._service is not None  # noqa: S101
        _, _, owner, slug, number, _ = request.path.split("/")
        version = version_of(self._service.dataset(owner, slug), int(number))
        _, data = download(version, request.params.get("file", ""), decompress=self._options.decompress)
        made = {"Content-Type": "application/octet-stream", "Last-Modified": format_datetime(version.created, True)}  # noqa: FBT003 - usegmt
        return HttpReply(200, data, made)

    def _page(self, request: HttpRequest) -> HttpReply:
        assert self._service is not None  # noqa: S101
        owner, _, slug = request.path.removeprefix(_PAGES).partition("/")
        return HttpReply(200, page(self._service.dataset(owner, slug), decompress=self._options.decompress), HTML_TYPE)

    def _log(self, call: str, request: HttpRequest, status: int) -> None:
        try:
            body = _read(request) if request.path.startswith(_API) else None
        except Refused:
            body = None
        entry = KaggleRequest(self._clock(), call, body, status, dict(request.headers), len(request.body))
        self.requests.append(entry)


def _call(request: HttpRequest) -> str:
    if request.path.startswith("/upload/"):
        return "upload"
    if request.path.startswith(_PAGES):
        return "page"
    return "download" if request.path.startswith("/download/") else request.path.rpartition("/")[2]


def _read(request: HttpRequest) -> Mapping[str, Any]:
    try:
        found = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Refused(400, "The body is not JSON") from error
    if not isinstance(found, dict):
        raise Refused(400, "The body is not an object")
    return found


def _json(status: int, body: object) -> HttpReply:
    return HttpReply(status, json.dumps(body).encode(), JSON_TYPE)
