"""What Kaggle shows, looked at until it is clear: the dataset, its status, its files, its metadata."""

import time
from collections.abc import Iterator
from typing import Any

from elec_assets.clients import kaggle_requests as bodies
from elec_assets.clients.kaggle_job import End, Job
from elec_assets.clients.kaggle_tame import Denied, NotFound, TameKaggle, Unclear


class Stop(Exception):
    """The job ends here."""

    def __init__(self, end: End, problem: str) -> None:
        super().__init__(problem)
        self.end = end


class Looking:
    """Reads only; every call may raise `Denied`, and `Unclear` where it says nothing else."""

    def __init__(self, job: Job, kaggle: TameKaggle) -> None:
        self._job = job
        self._kaggle = kaggle

    def dataset(self) -> Any | None:  # noqa: ANN401 - an ApiDataset of kagglesdk, untyped
        """The dataset with its versions; None where there is none."""
        try:
            return self._kaggle.call("GetDataset", bodies.named(self._job))
        except NotFound:
            return None
        except Denied as error:
            # Of what it does not want to tell, Kaggle says 403: of our own we would be told.
            if str(error).startswith("403") and self._kaggle.owner_is_us:
                return None
            raise

    def dataset_patiently(self) -> Any | None:  # noqa: ANN401 - as `dataset`
        """The same, asked again while the answer is unclear."""
        problem = Unclear("no answer")
        for _ in self.looks(self._job.patience.listed_s):
            try:
                return self.dataset()
            except Unclear as error:
                problem = error
        raise problem

    def wait_for_status(self, final: tuple[str, ...]) -> None:
        """Wait until Kaggle has done with the last version.

        Raises:
            Stop: `failed` by Kaggle's own word, or no end within `ready_s`.
        """
        status = "not told"
        for _ in self.looks(self._job.patience.ready_s):
            try:
                status = str(self._kaggle.call("GetDatasetStatus", bodies.named(self._job)).status.name)
            except (NotFound, Unclear):
                continue
            if status in final:
                return
            if status in ("FAILED", "DELETED"):
                raise Stop("failed", f"Kaggle's status of the version is {status}: it could not be processed")
        raise Stop("error", f"Kaggle's status is {status} after {self._job.patience.ready_s:g} s, not {final[0]}")

    def pages(self, version: int | None) -> Iterator[tuple[str, int]]:
        """Names and sizes of all files of a version, page after page."""
        token, seen = "", set[str]()
        while True:
            page = self._kaggle.call("ListDatasetFiles", bodies.list_files(self._job, version, token))
            if page.error_message:
                raise Unclear(page.error_message)
            for file in page.files:
                yield str(file.name), int(file.total_bytes)
            token = str(page.next_page_token or "")
            if not token or token in seen:
                return
            seen.add(token)

    def info(self) -> dict[str, Any]:
        """What Kaggle says beside the files, defaults included."""
        answer = self._kaggle.call("GetDatasetMetadata", bodies.named(self._job))
        if answer.error_message or answer.info is None:
            raise Unclear(f"GetDatasetMetadata: {answer.error_message or 'empty'}")
        made: dict[str, Any] = answer.info.to_dict(False)  # noqa: FBT003 - ignore_defaults of kagglesdk
        return made

    def looks(self, limit_s: float) -> Iterator[None]:
        """One look at once, others after growing pauses, the last at the limit."""
        patience = self._job.patience
        end, pause = time.monotonic() + limit_s, patience.poll_s
        while True:
            yield
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, patience.poll_max_s)


def versions_of(found: Any) -> dict[int, str]:  # noqa: ANN401 - an ApiDataset of kagglesdk, untyped
    """Notes by number; a current version that is not among them has none."""
    if found is None:
        return {}
    known = {int(v.version_number): str(v.version_notes or "") for v in found.versions or ()}
    current = int(found.current_version_number or 0)
    return {**({current: ""} if current else {}), **known}
