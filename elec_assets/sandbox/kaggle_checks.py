"""What Kaggle asks of titles, licences, keywords, files and directories, and how it says no."""

from collections.abc import Iterator, Mapping
from typing import Any

from elec_assets.sandbox.kaggle_state import Blob, KaggleState, StoredFile

MAX_TOP_LEVEL = 50
TITLE_LENGTHS = range(6, 51)
SUBTITLE_LENGTHS = range(20, 81)
# docs/datasets_metadata.md of kaggle-cli 2.2.4.
LICENSES = frozenset({
    "CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "ODbL-1.0", "DbCL-1.0", "ODC-BY-1.0", "PDDL", "CDLA-Permissive-1.0",
    "CDLA-Sharing-1.0", "GPL-2.0", "GPL-3.0", "LGPL-3.0", "AGPL-3.0", "FDL-1.3", "apache-2.0", "US-Government-Works",
    "EU-ODP-Legal-Notice", "CC-BY-3.0-IGO", "CC-BY-NC-SA-3.0-IGO", "copyright-authors", "other", "unknown",
})  # fmt: skip
FREQUENCIES = ("not specified", "never", "annually", "quarterly", "monthly", "weekly", "daily", "hourly")
# A few of Kaggle's tags; a keyword that is none is told in `invalidTags`, and left out.
TAGS = frozenset({
    "business", "elections", "europe", "france", "government", "internet", "nlp", "online communities", "people",
    "politics", "social networks", "tabular", "text", "time series analysis",
})  # fmt: skip


class Refused(Exception):
    """An HTTP error with a message in Kaggle's form."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BusinessError(Exception):
    """A refusal that comes as HTTP 200 with `status: Error`."""


def check_settings(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with a title, subtitle, licences and frequency."""
    problems = []
    if len(settings.get("title", "")) not in TITLE_LENGTHS:
        problems.append("The dataset title must be between 6 and 50 characters")
    if settings.get("subtitle") and len(settings["subtitle"]) not in SUBTITLE_LENGTHS:
        problems.append("Subtitle length must be between 20 and 80 characters")
    licenses = [entry.get("name") for entry in settings.get("licenses", ())]
    if len(licenses) != 1 or not set(licenses) <= LICENSES:
        problems.append(f"Exactly one known license is needed, found {licenses}")
    frequency = settings.get("expectedUpdateFrequency")
    if frequency and frequency not in FREQUENCIES:
        problems.append(f"Unknown update frequency {frequency}")
    return problems


def parted_tags(keywords: list[str]) -> tuple[list[str], list[str]]:
    """Keywords that are Kaggle's tags, and those that are not."""
    return [k for k in keywords if k in TAGS], [k for k in keywords if k not in TAGS]


def taken_files(state: KaggleState, body: Mapping[str, Any], *, once: bool) -> dict[str, StoredFile]:
    """The files of a creation's body, with their bytes; their uploads are used up, if tokens hold `once`.

    Raises:
        BusinessError: too many entries, a token that is unknown, unfinished or used, or a name that comes twice.
    """
    top = len(body.get("files", ())) + len(body.get("directories", ()))
    if top > MAX_TOP_LEVEL:
        raise BusinessError(f"A dataset may have up to {MAX_TOP_LEVEL} top-level files and folders, this has {top}")
    named: dict[str, tuple[Blob, Mapping[str, Any]]] = {}
    for folder, entry in _entries(body, ""):
        blob = _usable(state, str(entry.get("token", "")))
        path = folder + blob.name
        if path in named or any(blob is other for other, _ in named.values()):
            raise BusinessError(f"{path} is there twice")
        named[path] = (blob, entry)
    for blob, _ in named.values():
        blob.used = once
    return {
        path: StoredFile(path, blob.data, str(entry.get("description", "")), tuple(entry.get("columns", ())))
        for path, (blob, entry) in sorted(named.items())
    }


def _entries(body: Mapping[str, Any], folder: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in body.get("files", ()):
        yield folder, entry
    for directory in body.get("directories", ()):
        name = str(directory.get("name", ""))
        if not name or "/" in name or name.startswith("."):
            raise BusinessError(f"{name!r} is no name of a folder")
        yield from _entries(directory, f"{folder}{name}/")


def _usable(state: KaggleState, token: str, kind: str = "DATASET") -> Blob:
    blob = state.blobs.get(token)
    if blob is None or blob.kind != kind:
        raise BusinessError("An upload token is not known")
    if not blob.done:
        raise BusinessError(f"The upload of {blob.name} is not complete")
    if blob.used:
        raise BusinessError(f"The upload of {blob.name} was already used")
    return blob


def take_image(state: KaggleState, token: str) -> Blob:
    """The cover image of a metadata update; its upload is used up.

    Raises:
        BusinessError: as `taken_files`.
    """
    blob = _usable(state, token, "INBOX")
    blob.used = True
    return blob
