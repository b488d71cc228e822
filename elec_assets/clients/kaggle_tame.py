"""Kaggle's own client (2.2.4), made to end, to say what happened, and to ask only where it is told to.

Only the publishing child imports kaggle: the import writes files, prints, and may go out on the network.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from elec_assets.clients.kaggle_job import Job, Patience, is_sandbox

_PUT_TRIES = 3  # of one upload inside the client, which itself would try 11 times
_FILE_TRIES = 3


class NotFound(Exception):
    """Kaggle has no such dataset or version."""


class Denied(Exception):
    """Kaggle refused, and would again: nothing was done. The text is Kaggle's."""


class Unclear(Exception):
    """No answer, or none that tells: the call may have been carried out. `status` is HTTP's, 0 where there is none."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def be_patient(patience: Patience) -> None:
    """Give every request of this process a time limit: the client sets none at all.

    Also: it tries an upload eleven times, and may ask to send bytes from beyond the end of a file, with a body that
    neither side then ends (measured 2026-11-21).
    """
    send = HTTPAdapter.send
    limits = (patience.connect_s, patience.answer_s)

    def limited(
        self: HTTPAdapter,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        *rest: Any,  # noqa: ANN401 - the signature is that of requests
        **named: Any,  # noqa: ANN401
    ) -> requests.Response:
        first, _, last = (
            request.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")[0].partition("-")
        )
        if last and int(first) > int(last):
            raise requests.ConnectionError("all bytes were sent, and the upload is not complete")
        if self.max_retries.total and self.max_retries.total >= _PUT_TRIES:
            self.max_retries = Retry(total=_PUT_TRIES - 1, backoff_factor=0.5)
        return send(self, request, stream, timeout or limits, *rest, **named)

    HTTPAdapter.send = limited  # type: ignore[method-assign]  # the only way to reach the client's own sessions


class TameKaggle:
    """The calls that publishing needs, each answered, refused or unclear, within `Patience`."""

    def __init__(self, job: Job) -> None:
        """Import the client and authenticate.

        Raises:
            Denied: no credentials, or not those that Kaggle knows.
        """
        self._job = job
        self._api = _authenticated(job)

    @property
    def owner_is_us(self) -> bool:
        """Whether the dataset's owner is the account that asks."""
        owner = self._job.dataset.partition("/")[0]
        return str(self._api.config_values.get("username", "")).lower() == owner.lower()

    def call(self, method: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an object of kagglesdk, untyped
        """One call of the dataset service, sent once.

        Raises:
            NotFound: 404.
            Denied: another 4xx, but 408 and 429.
            Unclear: everything else.
        """
        from kagglesdk.datasets.services.dataset_api_service import (  # type: ignore[import-untyped]  # publishes no types
            DatasetApiClient,
        )

        request = _request_type(method).from_dict(dict(body))
        try:
            with self._api.build_kaggle_client() as client:
                asked: Any = DatasetApiClient(client.http_client())
                return getattr(asked, _snake(method))(request)
        except requests.HTTPError as error:
            raise told(error) from error
        except (requests.RequestException, ValueError, TypeError, KeyError, AttributeError) as error:
            # Not HTTP, or an answer that kagglesdk cannot read.
            raise Unclear(f"{method}: {type(error).__name__}") from error

    def upload(self, path: Path, kind: str = "DATASET") -> str:
        """Send a file; returns its token.

        Raises:
            Denied: Kaggle takes no upload from us.
            Unclear: it was not taken, several times.
        """
        for _ in range(_FILE_TRIES):
            token = self._upload_once(path, kind)
            if token is not None:
                return token
        raise Unclear(f"{path.name} was not taken, {_FILE_TRIES} times")

    def _upload_once(self, path: Path, kind: str) -> str | None:
        from kaggle.api.kaggle_api_extended import (
            ApiBlobType,
            ResumableUploadContext,
        )

        context = ResumableUploadContext()
        try:
            with context:
                sent = self._api._upload_file(path.name, str(path), ApiBlobType[kind], context, True, None)  # noqa: FBT003 - no public method sends one file
            return None if sent is None else str(sent.token)
        except requests.HTTPError as error:
            if isinstance(told(error), Unclear):
                return None
            raise told(error) from error
        except requests.RequestException:
            return None
        finally:
            # What an upload leaves behind to go on from: when it has expired, the client skips the file (2.2.4).
            for upload in context._file_uploads:
                upload.cleanup()


def told(error: requests.HTTPError) -> NotFound | Denied | Unclear:
    """What an HTTP error means for us."""
    status = 0 if error.response is None else error.response.status_code
    if status == 404:
        return NotFound(str(error))
    if 400 <= status < 500 and status not in (408, 429):
        return Denied(f"{status}: {error}")
    return Unclear(f"{status or 'no answer'}: {error}", status)


def _authenticated(job: Job) -> Any:  # noqa: ANN401 - a KaggleApi, untyped
    held = [name for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN") if os.environ.get(name)]
    if len(held) != 1:
        # A stale token would be sent in place of a good key (measured 2026-11-21).
        raise Denied(f"exactly one of KAGGLE_KEY and KAGGLE_API_TOKEN must be set, found {len(held)}")
    from kagglesdk import kaggle_env  # type: ignore[import-untyped]  # publishes no types

    if is_sandbox(job.endpoint):
        os.environ["KAGGLE_API_ENVIRONMENT"] = "LOCALHOST"  # the only value that the client heeds
        kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = job.endpoint
    from kaggle.api.kaggle_api_extended import KaggleApi

    api = KaggleApi()
    build, retry_after = api.build_kaggle_client, api._get_retry_after_delay

    def built() -> Any:  # noqa: ANN401 - a KaggleClient
        client = build()
        endpoint = client.http_client()._endpoint
        if endpoint != job.endpoint:
            raise Denied(f"the client would ask {endpoint}, not {job.endpoint}")
        return client

    def capped(response: requests.Response) -> float | None:
        delay: float | None = retry_after(response)
        return None if delay is None else min(delay, job.patience.poll_max_s)

    api.build_kaggle_client, api._get_retry_after_delay = built, capped
    api.already_printed_version_warning = True
    try:
        api.authenticate()
    except SystemExit as error:
        raise Denied("the Kaggle credentials were not accepted") from error
    except requests.RequestException as error:
        raise Unclear(f"Kaggle was not reached: {type(error).__name__}") from error
    return api


def _request_type(method: str) -> Any:  # noqa: ANN401 - a class of kagglesdk, untyped
    from kagglesdk.datasets.types import dataset_api_service  # type: ignore[import-untyped]  # publishes no types

    return getattr(dataset_api_service, f"Api{method}Request")


def _snake(method: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in method).lstrip("_")
