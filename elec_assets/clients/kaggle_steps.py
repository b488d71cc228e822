"""The steps of publishing, in the child: look, upload, create once, find, wait, compare, describe."""

import time
from collections.abc import Callable
from pathlib import Path

from elec_assets.clients import kaggle_requests as bodies
from elec_assets.clients.kaggle_job import End, Event, Job, Result
from elec_assets.clients.kaggle_listing import compared
from elec_assets.clients.kaggle_looking import Looking, Stop, versions_of
from elec_assets.clients.kaggle_metadata import settings
from elec_assets.clients.kaggle_plan import CROPS
from elec_assets.clients.kaggle_tame import Denied, NotFound, TameKaggle, Unclear

_DESCRIBE_TRIES = 3


class Steps:
    """One job, step by step. `tell` returns when the other side has written the event down."""

    def __init__(self, job: Job, kaggle: TameKaggle, tell: Callable[[Event], None]) -> None:
        self._job = job
        self._kaggle = kaggle
        self._looking = Looking(job, kaggle)
        self._tell = tell
        self._base = job.base_version
        self._version = job.version
        self._tokens: dict[str, str] = {}
        self._listed: dict[str, str] = {}
        self._invalid_tags: tuple[str, ...] = ()
        self._usability: float | None = None

    def run(self) -> Result:
        """All steps of the job."""
        done: dict[str, Callable[[], None]] = {
            "look": self._look,
            "upload": self._upload,
            "create": self._create,
            "find": self._find_or_stop,
            "ready": self._ready,
            "verify": self._verify,
            "describe": self._describe,
        }
        try:
            for step in self._job.steps:
                done[step]()
        except Stop as stop:
            return self._result(stop.end, str(stop))
        except Denied as error:
            return self._result("error", f"Kaggle refused: {error}")
        except (NotFound, Unclear) as error:
            return self._result("error", f"no usable answer from Kaggle: {error}")
        return self._result("ok")

    def _result(self, end: End, problem: str = "") -> Result:
        return Result(
            end=end,
            problem=problem,
            base_version=self._base,
            version=self._version,
            url=self._job.page,
            invalid_tags=self._invalid_tags,
            usability=self._usability,
            listed=self._listed,
        )

    def _look(self) -> None:
        """What Kaggle holds before ours; another version on its way is waited for (else 403)."""
        found = self._looking.dataset_patiently()
        if found is None:
            self._base = 0
            return
        private, wanted = bool(found.is_private), self._job.metadata.is_private
        if private != wanted:
            raise Stop(
                "refused",
                f"Kaggle reports {self._job.dataset} as {_word(private)}, this release must be {_word(wanted)}; "
                f"nothing was sent: set ELEC_KAGGLE_DATASET to another dataset, or make this one {_word(wanted)} on "
                "Kaggle's settings page",
            )
        self._looking.wait_for_status(final=("READY", "FAILED", "DELETED"))
        found = self._looking.dataset_patiently()
        versions = versions_of(found)
        self._base = max(versions, default=0)
        if self._job.take_held and self._job.marker in versions.get(self._base, ""):
            self._version, self._base = self._base, self._base - 1

    def _upload(self) -> None:
        if self._version is not None:
            return  # Kaggle holds it already
        for file in self._job.files:
            path = Path(self._job.directory) / file.path
            if path.stat().st_size != file.bytes:
                raise Stop("error", f"{file.path} changed while it was published; stage the release anew")
            self._tokens[file.path] = self._kaggle.upload(path)
        empty = [path for path, token in self._tokens.items() if not token]
        if empty or len(self._tokens) != len(self._job.files):
            raise Stop("error", f"Kaggle gave no token for {empty[0] if empty else 'a file'}; nothing was created")
        self._tell(Event(state="uploaded", base_version=self._base))

    def _create(self) -> None:
        """Sent once: after a lost answer only the versions tell."""
        if self._version is not None:
            self._tell(Event(state="created", base_version=self._base, version=self._version))
            return
        first = not self._base
        body = (bodies.create_dataset if first else bodies.create_version)(self._job, self._tokens)
        self._tell(Event(state="creating", base_version=self._base))
        try:
            answer = self._kaggle.call("CreateDataset" if first else "CreateDatasetVersion", body)
        except (Denied, NotFound) as error:
            raise Stop("refused", f"Kaggle refused the {'dataset' if first else 'version'}: {error}") from error
        except Unclear as error:
            if error.status == 429:
                raise Stop(
                    "refused", "Kaggle is asked too often (429), nothing was created; run again later"
                ) from error
            self._find_or_stop()
            return
        if str(answer.status).lower() != "ok":
            raise Stop("refused", f"Kaggle refused the {'dataset' if first else 'version'}: {answer.error}")
        self._invalid_tags = tuple(answer.invalid_tags or ())
        self._tell(Event(state="created", base_version=self._base))

    def _find_or_stop(self) -> None:
        """Our version among those after the base, or `absent` when none came within the time to settle."""
        base = self._base or 0
        blind: Unclear | None = None
        for _ in self._looking.looks(self._job.settle_left_s):
            try:
                found, blind = self._looking.dataset(), None
            except Unclear as error:
                blind = error
                continue
            if found is None and base:
                blind = Unclear(f"{self._job.dataset} had {base} versions, and is not there")
            self._version = self._ours(versions_of(found), base)
            if self._version is not None:
                self._tell(Event(state="created", base_version=base, version=self._version))
                return
        if blind is not None:  # what was not seen at the end may be there
            raise blind
        raise Stop(
            "absent",
            f"the answer to the creation was lost, and Kaggle shows no version of ours within "
            f"{self._job.patience.settle_s:g} s; run again: the versions are read once more before anything is sent",
        )

    def _ours(self, versions: dict[int, str], base: int) -> int | None:
        """The version that is ours: it says so, or says nothing and can be no other's. Comparing files decides."""
        for number in sorted(versions):
            if number > base and self._job.marker in versions[number]:
                return number
        # The first version has notes of Kaggle's own; whether others are told is not documented.
        unsaid = [n for n in versions if n > base and (base == 0 or not versions[n])]
        return min(unsaid, default=None)

    def _seen(self) -> int | None:
        try:
            return self._version or self._ours(versions_of(self._looking.dataset()), self._base or 0)
        except (Denied, Unclear):
            return None

    def _ready(self) -> None:
        """READY, shows our version, and READY still: the first may be told of the version before."""
        try:
            self._looking.wait_for_status(final=("READY",))
            self._version = self._shown()
            self._looking.wait_for_status(final=("READY",))
        except Stop:
            self._version = self._seen()  # so that a person can look at it
            raise
        self._tell(Event(state="ready", version=self._version))

    def _shown(self) -> int:
        for _ in self._looking.looks(self._job.patience.ready_s):
            try:
                found = self._looking.dataset()
            except Unclear:
                continue
            version = self._version or self._ours(versions_of(found), self._base or 0)
            if found is not None and version is not None and (found.current_version_number or 0) >= version:
                self._usability = found.usability_rating
                return version
        raise Stop("error", f"Kaggle is READY and does not show the version within {self._job.patience.ready_s:g} s")

    def _verify(self) -> None:
        """Every page of what Kaggle lists against the manifest."""
        problems: list[str] = []
        blind: NotFound | Unclear | None = None
        for _ in self._looking.looks(self._job.patience.listed_s):
            try:
                found, blind = dict(self._looking.pages(self._version)), None
            except (NotFound, Unclear) as error:
                blind = error
                continue
            self._listed, problems = compared(self._job.files, found)
            if not problems:
                self._tell(Event(state="verified", version=self._version))
                return
        if blind is not None:
            raise blind
        raise Stop("failed", f"version {self._version} is not what was staged: {_some(problems)}")

    def _describe(self) -> None:
        """All metadata, complete: what is left out Kaggle blanks."""
        problem = ""
        for n in range(_DESCRIBE_TRIES):
            if n:
                time.sleep(self._job.patience.poll_s)
            try:
                problem = self._describe_once()
            except (NotFound, Unclear) as error:
                problem = str(error)
            if not problem:
                self._tell(Event(state="done", version=self._version))
                return
        raise Stop("error", f"the files are published, and their description is not: {problem}; run again")

    def _describe_once(self) -> str:
        job = self._job
        made = settings(job.metadata, self._looking.info(), self._listed)
        if job.cover is not None:
            token = self._kaggle.upload(Path(job.directory) / job.cover, "INBOX")
            made["image"] = {"token": token, "cropRectangles": CROPS}
        answer = self._kaggle.call("UpdateDatasetMetadata", {**bodies.named(job), "settings": made})
        if answer.errors:
            return "; ".join(str(error) for error in answer.errors)
        after = self._looking.info()
        self._usability = after.get("usabilityRating", self._usability)
        wrong = [name for name in ("title", "isPrivate") if after.get(name) != made[name]]
        return f"Kaggle did not take {', '.join(wrong)}" if wrong else ""


def _word(private: bool) -> str:
    return "private" if private else "public"


def _some(problems: list[str], most: int = 5) -> str:
    more = f"; and {len(problems) - most} more" if len(problems) > most else ""
    return "; ".join(problems[:most]) + more
