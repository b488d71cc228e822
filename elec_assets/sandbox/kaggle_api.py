"""The API of Kaggle's datasets as the sandbox answers it: every call is POST and JSON, names in camelCase."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.sandbox.kaggle_checks import (
    BusinessError,
    Refused,
    check_settings,
    parted_tags,
    take_image,
    taken_files,
)
from elec_assets.sandbox.kaggle_faults import READY, KaggleFault
from elec_assets.sandbox.kaggle_reading import PAGE, dataset_info, files_page, status_of, summary
from elec_assets.sandbox.kaggle_state import Dataset, KaggleState, Version

USERNAME = "sandbox-user"
KEY = "sandbox-key"
TOKEN = "KGAT_sandbox"  # noqa: S105 - opens nothing but the sandbox
_SLUG_LENGTHS = range(6, 51)
# Before it is told: what a proto's default would be.
_NO_SETTINGS: dict[str, Any] = {
    "title": "", "subtitle": "", "description": "", "isPrivate": False, "licenses": [], "keywords": [],
    "collaborators": [], "data": [], "userSpecifiedSources": "",
}  # fmt: skip

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KaggleOptions:
    """How the sandbox behaves.

    Attributes:
        username: the only account; it owns what it creates.
        key: its legacy key (HTTP Basic).
        token: its access token (Bearer).
        ready_after: calls of a new version's status that find it unfinished.
        decompress: list and serve `x.csv.gz` as `x.csv`.
        tokens_once: refuse the token of an upload that is part of a version; whether Kaggle does is not known.
        max_page: files in a page of a listing, at most.
        dataset_type: of what is created; another than `FILESET` takes no version.
    """

    username: str = USERNAME
    key: str = KEY
    token: str = TOKEN
    ready_after: int = 2
    decompress: bool = False
    tokens_once: bool = True
    max_page: int = 200
    dataset_type: str = "FILESET"


class KaggleService:
    """Answers API calls by name. Whoever calls holds `state.lock`."""

    def __init__(self, state: KaggleState, options: KaggleOptions, clock: Callable[[], datetime], root: str) -> None:
        """`root` is the address of the server, for those it gives out."""
        self._state = state
        self._options = options
        self._clock = clock
        self._root = root
        self._calls: dict[str, Callable[[Body, KaggleFault], dict[str, Any]]] = {
            "IntrospectToken": self._introspect,
            "StartBlobUpload": self._start_upload,
            "CreateDataset": self._create,
            "CreateDatasetVersion": self._create_version,
            "CreateDatasetVersionById": self._create_version_by_id,
            "GetDatasetStatus": self._status,
            "GetDataset": self._dataset,
            "ListDatasetFiles": self._files,
            "GetDatasetMetadata": self._metadata,
            "UpdateDatasetMetadata": self._update_metadata,
        }

    def call(self, name: str, body: Body, fault: KaggleFault) -> dict[str, Any]:
        """Answer a call.

        Raises:
            Refused: with the HTTP status to answer.
        """
        found = self._calls.get(name)
        if found is None:
            raise Refused(404, f"The sandbox has no call {name}")
        try:
            return found(body, fault)
        except BusinessError as error:
            return {"status": "Error", "error": str(error)}

    def dataset(self, owner: str, slug: str) -> Dataset:
        """A dataset.

        Raises:
            Refused: there is none.
        """
        found = self._state.datasets.get(f"{owner}/{slug}")
        if found is None:
            raise Refused(404, f"Dataset {owner}/{slug} was not found")
        return found

    def _named(self, body: Body) -> Dataset:
        return self.dataset(str(body.get("ownerSlug")), str(body.get("datasetSlug")))

    def _owned(self, owner: object) -> None:
        if owner != self._options.username:
            raise Refused(403, "Permission 'datasets.update' was denied")

    def _introspect(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        if body.get("token") != self._options.token:
            raise Refused(400, "The token is not valid")
        return {"active": True, "username": self._options.username}

    def _start_upload(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        kind, name = str(body.get("type", "")), str(body.get("name", ""))
        if kind not in ("DATASET", "INBOX") or not name or "/" in name:
            raise Refused(400, f"An upload needs a type and a name, found {kind!r} and {name!r}")
        upload, blob = self._state.announce(kind, name, int(body.get("contentLength", 0)))
        return {"token": blob.token, "createUrl": f"{self._root}/upload/{upload}"}

    def _create(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        owner, slug = body.get("ownerSlug"), str(body.get("slug", ""))
        self._owned(owner)
        if len(slug) not in _SLUG_LENGTHS:
            raise BusinessError("The dataset slug must be between 6 and 50 characters")
        taken = [d for d in self._state.datasets.values() if d.slug == slug or d.settings["title"] == body.get("title")]
        if taken:
            raise BusinessError(f'The requested title "{body.get("title")}" is already in use by a dataset')
        tags, invalid = parted_tags(list(body.get("categoryIds", ())))
        settings = {
            **_NO_SETTINGS,
            **{name: body[name] for name in ("title", "subtitle", "description") if name in body},
            "isPrivate": bool(body.get("isPrivate", False)),
            "licenses": [{"name": body.get("licenseName")}],
            "keywords": tags,
        }
        _fail_on(check_settings(settings))
        made = Dataset(len(self._state.datasets) + 1, str(owner), slug, self._options.dataset_type, settings)
        self._add_version(made, body, "Initial release")
        self._state.datasets[made.ref] = made
        return self._created(made, invalid)

    def _create_version(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        return self._version_of(self._named(body), body.get("body", {}))

    def _create_version_by_id(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        found = [d for d in self._state.datasets.values() if d.number == body.get("id")]
        if not found:
            raise Refused(404, f"Dataset {body.get('id')} was not found")
        return self._version_of(found[0], body.get("body", {}))

    def _version_of(self, dataset: Dataset, body: Body) -> dict[str, Any]:
        self._owned(dataset.owner)
        if dataset.kind != "FILESET":
            raise BusinessError("Incompatible Dataset Type")
        if dataset.versions[0].status != READY:
            raise Refused(403, "The dataset is still being created: a version cannot be made yet")
        tags, invalid = parted_tags(list(body.get("categoryIds", ())))
        given = {name: body[name] for name in ("subtitle", "description") if name in body}
        settings = {**dataset.settings, **given, **({"keywords": tags} if tags else {})}
        _fail_on(check_settings(settings))
        self._add_version(dataset, body, str(body.get("versionNotes", "")))
        dataset.settings = settings
        if body.get("deleteOldVersions"):
            del dataset.versions[:-1]
        return self._created(dataset, invalid)

    def _add_version(self, dataset: Dataset, body: Body, notes: str) -> None:
        files = taken_files(self._state, body, once=self._options.tokens_once)
        number = dataset.versions[-1].number + 1 if dataset.versions else 1
        dataset.versions.append(Version(number, notes, self._clock(), files, self._options.ready_after))

    def _created(self, dataset: Dataset, invalid: list[str]) -> dict[str, Any]:
        url = f"https://www.kaggle.com/datasets/{dataset.ref}"
        return {"ref": dataset.ref, "url": url, "status": "Ok", "error": "", "invalidTags": invalid}

    def _status(self, body: Body, fault: KaggleFault) -> dict[str, Any]:
        return {"status": fault.dataset_status or status_of(self._named(body))}

    def _dataset(self, body: Body, fault: KaggleFault) -> dict[str, Any]:
        return summary(self._named(body), stale=fault.stale)

    def _files(self, body: Body, fault: KaggleFault) -> dict[str, Any]:
        options = self._options
        asked = {**body, "pageSize": min(int(body.get("pageSize") or PAGE), options.max_page)}
        return files_page(self._named(body), asked, fault, decompress=options.decompress)

    def _metadata(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        return {"info": dataset_info(self._named(body)), "errorMessage": ""}

    def _update_metadata(self, body: Body, _fault: KaggleFault) -> dict[str, Any]:
        """All settings are replaced: what is left out becomes blank, `isPrivate` false."""
        dataset = self._named(body)
        self._owned(dataset.owner)
        given = dict(body.get("settings", {}))
        image = given.pop("image", None)
        given["keywords"] = parted_tags(list(given.get("keywords", ())))[0]
        settings = {**_NO_SETTINGS, **given}
        errors = check_settings(settings)
        if image is not None and not errors:
            try:
                take_image(self._state, str(image.get("token", "")))
            except BusinessError as error:
                errors.append(str(error))
        if not errors:
            dataset.settings = settings
        return {"errors": errors}


def _fail_on(problems: list[str]) -> None:
    if problems:
        raise BusinessError("; ".join(problems))
