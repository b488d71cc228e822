"""The hourly run: what the schedule asks for at a tick is put into the queue, and followed to its end.

A tick is evaluated by the code server as the daemon has it evaluated, but for a time that is given: nobody waits for
7 minutes past. Its runs are launched into the queue, from which the daemon takes them.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

from bench.measure import PathFailed
from bench.ui_load_seed import ELECTION
from elec_assets.domain.due import WINDOWS
from elec_assets.domain.windows import HOUR, Grain, Window, floor, key_of

PAST_HOUR = timedelta(minutes=7)
"""When the schedule ticks, after the end of the hour."""
LATENESS = WINDOWS["twitter/tweets"]
_REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "elec_assets"}
_SCHEDULE = f"{ELECTION}__twitter_hourly"
_JOB = f"{ELECTION}__twitter_hour"
_TAG = "dagster/partition"
_TIMEOUT_S = 120.0
_EVERY_S = 1.0
_FAILED = ("FAILURE", "CANCELED")
_STATE = """query($at: ScheduleSelector!) { scheduleOrError(scheduleSelector: $at) { __typename
  ... on Schedule { scheduleState { id } } } }"""
_STOP = "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
_TICK = """mutation($at: ScheduleSelector!, $time: Float!) { scheduleDryRun(selectorData: $at, timestamp: $time) {
  __typename ... on PythonError { message }
  ... on DryRunInstigationTick { evaluationResult { skipReason error { message }
    runRequests { tags { key value } } } } } }"""
_LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_RUNS = """query($of: RunsFilter!) { runsOrError(filter: $of) { __typename ... on Runs { results {
  runId status creationTime startTime endTime tags { key value } } } } }"""
_SAID = """query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { eventConnection { events {
  ... on MessageEvent { level message } } } } } }"""
_QUEUE = """{ runsOrError(filter: {statuses: [QUEUED, NOT_STARTED, STARTING, STARTED]}) {
  __typename ... on Runs { count } } }"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The run that sealed an hour; seconds after the tick: when it was started, and ended. `asked`: runs of the tick.

    `failed`: what runs before it ended with, which Dagster tried again.
    """

    run: str
    partition: str
    started_s: float
    end_s: float
    asked: int
    failed: tuple[str, ...] = ()


class Ui:
    """What a person does in the UI, by its GraphQL."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/graphql"
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The only field of the answer.

        Raises:
            PathFailed: Dagster refuses.
        """
        response = self._session.post(
            self._url, json={"query": query, "variables": dict(variables or {})}, timeout=_TIMEOUT_S
        )
        answer = response.json()
        if "errors" in answer:
            raise PathFailed(f"Dagster refused: {answer['errors'][0].get('message')}")
        [field] = answer["data"].values()
        return dict(field)

    def stop_schedule(self) -> None:
        """The schedule of the hours ticks no more by itself, whatever the time is."""
        at = {**_REPOSITORY, "scheduleName": _SCHEDULE}
        state = self.ask(_STATE, {"at": at})["scheduleState"]["id"]
        self.ask(_STOP, {"id": state})

    def wait_until_idle(self, seconds: float) -> None:
        """Until no run is queued or running.

        Raises:
            PathFailed: one still is.
        """
        until = time.monotonic() + seconds
        while count := self.ask(_QUEUE)["count"]:
            if time.monotonic() > until:
                raise PathFailed(f"{count} runs are still not over after {seconds:g} s")
            time.sleep(_EVERY_S)

    def seal(self, hour: Window) -> Sealed:
        """Ask for an hour as the tick after it does, in a steady state: for it, and for the hour a day before.

        Raises:
            PathFailed: the schedule does not ask for the hour, or a run is not over long after it was late.
        """
        began = time.time()
        wanted = [key_of(hour, Grain.HOUR), key_of(Window(hour.start - 24 * HOUR, hour.end - 24 * HOUR), Grain.HOUR)]
        requested = [tags for tags in self._tick(hour.end + PAST_HOUR) if tags.get(_TAG) in wanted]
        if not requested or requested[0][_TAG] != wanted[0]:
            raise PathFailed(f"the schedule does not ask for {wanted[0]} at {hour.end + PAST_HOUR}")
        for tags in requested:
            self._launch(tags)
        until = began + LATENESS.fail.total_seconds()
        while (done := _done(runs := self._runs(wanted[0], began))) is None:
            if time.time() > until:
                raise PathFailed(f"{wanted[0]} is not sealed {LATENESS.fail} after its tick: {runs}")
            time.sleep(_EVERY_S)
        return Sealed(
            run=done["runId"],
            partition=wanted[0],
            started_s=done["startTime"] - began,
            end_s=done["endTime"] - began,
            asked=len(requested),
            failed=tuple(self._last_words(each["runId"]) for each in runs if each["status"] in _FAILED),
        )

    def _runs(self, partition: str, since: float) -> list[dict[str, Any]]:
        """The runs of an hour that were made since a time: more than one where Dagster tried again."""
        asked_for = {"tags": [{"key": _TAG, "value": partition}]}
        found = self.ask(_RUNS, {"of": asked_for})["results"]
        # Times of the database are those of this machine, rounded.
        return [each for each in found if each["creationTime"] >= since - 1]

    def _last_words(self, run: str) -> str:
        events = self.ask(_SAID, {"id": run})["eventConnection"]["events"]
        errors = [each["message"] for each in events if each.get("level") in ("ERROR", "CRITICAL")]
        return " ".join(errors)[:500]

    def _tick(self, at: datetime) -> list[dict[str, str]]:
        """Tags of the runs that the schedule asks for at a time."""
        variables = {"at": {**_REPOSITORY, "scheduleName": _SCHEDULE}, "time": at.timestamp()}
        answer = self.ask(_TICK, variables)
        if answer["__typename"] != "DryRunInstigationTick" or answer["evaluationResult"]["error"]:
            raise PathFailed(f"the tick of {at} failed: {answer}")
        return [
            {tag["key"]: tag["value"] for tag in each["tags"]}
            for each in answer["evaluationResult"]["runRequests"] or []
        ]

    def _launch(self, tags: Mapping[str, str]) -> None:
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        selector = {**_REPOSITORY, "pipelineName": _JOB}
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": listed}}
        answer = self.ask(_LAUNCH, {"params": params})
        if "run" not in answer:
            raise PathFailed(f"Dagster refused the run: {answer}")


def _done(runs: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    return next((each for each in runs if each["status"] == "SUCCESS"), None)


def hours_before(now: datetime, count: int) -> list[Window]:
    """The last hours that are over, oldest first."""
    end = floor(now, Grain.HOUR)
    return [Window(end - HOUR * (back + 1), end - HOUR * back) for back in reversed(range(count))]
