"""Dagster's launcher of runs on Celery workers, which also sees that a worker has died. `deploy/dagster.yaml` names it.

dagster-celery 0.29.27 goes by the result that a task leaves in Redis: one whose worker was killed is STARTED for good,
and its run would be so for the four hours that a run may take. Nor does it help that Celery delivers the task again:
Dagster takes a second delivery for a mistake and ignores it, and then the result says SUCCESS. So the workers
themselves are asked who has the task. A run that nobody has is ended by run monitoring, and tried again by run retries.
"""

import time
from collections.abc import Mapping
from typing import Any, cast

from dagster import DagsterRun, Field, IntSource
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_ANSWER_S = 1.0
_LOST_AFTER_S = 180


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Made by Dagster of the fields of `CeleryRunLauncher` and `lost_after_seconds`.

    That is for how long no worker may say anything of a run, before the run counts as lost. One that answers, and does
    not have it, is believed at once.
    """

    def __init__(self, *, lost_after_seconds: int = _LOST_AFTER_S, **fields: Any) -> None:  # noqa: ANN401 - of Dagster
        super().__init__(**fields)
        self._lost_after_s = float(lost_after_seconds)
        self._silent_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The fields in `dagster.yaml`."""
        fields = cast("Mapping[str, Any]", super().config_type())
        return {**fields, "lost_after_seconds": Field(IntSource, is_required=False, default_value=_LOST_AFTER_S)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "WatchfulCeleryRunLauncher":
        """The launcher that the configuration asks for."""
        return cls(inst_data=inst_data, **config_value)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker is at work on a run that is recorded as started; a failed task, or none, is a failure."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # it was launched this moment: the tag comes after the task
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        told = super().check_run_worker_health(run)
        if told.status is WorkerStatus.FAILED:
            return told
        worker = self.worker_of(task_id)
        had = self._had(task_id, worker)
        if had is True:
            self._silent_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        now = time.monotonic()
        since = self._silent_since.setdefault(run.run_id, now)
        if had is None and now - since < self._lost_after_s:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._silent_since[run.run_id]
        why = "has it no more" if had is False else f"has said nothing for {now - since:.0f} s"
        return CheckRunHealthResult(WorkerStatus.FAILED, f"Its worker {worker or '(unknown)'} {why}.")

    def worker_of(self, task_id: str) -> str | None:
        """The name of the worker that began the task; None where Redis does not know."""
        result = self.celery.AsyncResult(task_id)
        begun = result.info
        if isinstance(begun, dict) and "hostname" in begun:
            return str(begun["hostname"])
        return result.worker or None

    def _had(self, task_id: str, worker: str | None) -> bool | None:
        """Whether a worker has the task, be it the one that began it or another; None: that one says nothing."""
        # It answers in milliseconds; where all are asked, a question takes its whole time.
        own = {} if worker is None else self._asked([worker], task_id)
        if task_id in own.get(worker or "", {}):
            return True
        others = self._asked(None, task_id)
        if any(task_id in known for known in others.values()):
            return True
        return False if worker in {*own, *others} else None

    def _asked(self, workers: list[str] | None, task_id: str) -> dict[str, Mapping[str, object]]:
        """What each of the workers, or all, knows of a task, by worker; who does not answer is not in it."""
        asked = self.celery.control.inspect(destination=workers, timeout=_ANSWER_S)
        return asked.query_task(task_id) or {}
