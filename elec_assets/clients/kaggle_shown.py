"""What Kaggle itself says of a dataset: the number and the date of its version. One question, read only.

Asked by plain HTTP: publishing has its own process (`kaggle_process.py`), for the library that it needs takes 1.5 s to
import and reads the environment.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import requests
import urllib3.exceptions

from elec_assets.clients.bounded_http import AnswerLate, AnswerTooLong, BoundedAdapter
from elec_assets.clients.kaggle_job import is_sandbox
from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_staged import Target

_TIMEOUT_S, _TOTAL_S, _MOST_BYTES = 20.0, 60.0, 20_000_000
_HIDDEN = (403, 404)


class KaggleUnclear(Exception):
    """Kaggle gave no clear answer; the text says what it was, without secrets."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The version that Kaggle shows: its number, and when Kaggle made it (None: not told)."""

    version: int
    made_at: datetime | None


class _Version(msgspec.Struct, rename="camel"):
    version_number: int = 0
    creation_date: str | None = None


class _Dataset(msgspec.Struct, rename="camel"):
    current_version_number: int = 0
    versions: list[_Version] = []


def shown_by_kaggle(target: Target) -> Shown | None:
    """The version that people get now; None where Kaggle shows no such dataset to this account, or no version.

    Raises:
        KaggleUnclear: no answer, or none that can be read.
    """
    root = f"{target.endpoint}/api" if is_sandbox(target.endpoint) else target.endpoint
    owner, _, slug = target.dataset.partition("/")
    url = f"{root}/v1/datasets.DatasetApiService/GetDataset"
    try:
        with requests.Session() as session:
            session.trust_env = False  # no .netrc; proxies are the adapter's matter
            session.mount(target.endpoint, BoundedAdapter(_TIMEOUT_S, _TOTAL_S, _MOST_BYTES))
            answer = session.post(
                url,
                json={"ownerSlug": owner, "datasetSlug": slug},
                headers={"Authorization": _authorization(target.credential)},
                allow_redirects=False,
            )
    except (requests.RequestException, urllib3.exceptions.HTTPError, AnswerLate, AnswerTooLong) as error:
        raise KaggleUnclear(f"Kaggle ({target.endpoint}) gave no whole answer: {type(error).__name__}") from None
    if answer.status_code in _HIDDEN:
        return None
    if answer.status_code != requests.codes.ok:
        raise KaggleUnclear(f"Kaggle answered {answer.status_code} when it was asked for {target.dataset}")
    try:
        found = msgspec.json.decode(answer.content, type=_Dataset)
        dates = {version.version_number: version.creation_date for version in found.versions}
        made = dates.get(found.current_version_number)
        if not found.current_version_number:
            return None
        return Shown(found.current_version_number, None if not made else _utc(made))
    except ValueError as error:
        raise KaggleUnclear(f"Kaggle's answer about {target.dataset} cannot be read: {error}") from None


def _authorization(credential: Credential) -> str:
    if credential.token:
        return f"Bearer {credential.token}"
    return "Basic " + b64encode(f"{credential.username}:{credential.key}".encode()).decode()


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
