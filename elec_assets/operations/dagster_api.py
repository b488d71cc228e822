"""The running Dagster instance over its webserver's GraphQL: what the UI does, from the command line."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from elec_assets.settings import is_loopback

_TIMEOUT_S = 60.0
_LAUNCH = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
  ... on PartitionKeysNotFoundError { message } ... on InvalidSubsetError { message }
  ... on UnauthorizedError { message } } }"""
_STATUS = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename ... on PartitionBackfill {
  status error { message } assetBackfillData { assetBackfillStatuses { ... on AssetPartitionsStatusCounts {
    numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed } } } } } }"""
_RUN = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } ... on UnauthorizedError { message } } }"""
_RUN_STATUS = """query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"""
# The job of whatever assets are selected, and where `dagster dev -w workspace.yaml` finds it.
_ASSET_JOB = {
    "repositoryLocationName": "elec_assets",
    "repositoryName": "__repository__",
    "pipelineName": "__ASSET_JOB",
}
_PARTITIONS = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename
  ... on AssetNode { partitionKeys } } }"""
_RANGES = """query($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { __typename
  ... on AssetNode { assetPartitionStatuses { ... on TimePartitionStatuses {
    ranges { status startKey endKey } } } } } }"""
_ASSETS = "query { assetNodes { assetKey { path } } }"
_OVER = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}


class DagsterUnreachable(Exception):
    """The webserver does not answer, or refuses; the text says what to do."""


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How far a backfill is, in partitions of all its assets."""

    status: str
    wanted: int
    done: int
    failed: int
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in _OVER

    @property
    def succeeded(self) -> bool:
        """Whether it is over and every partition was materialized."""
        return self.over and self.failed == 0 and self.done == self.wanted


class DagsterApi:
    """Asks the webserver at a URL, e.g. `http://127.0.0.1:3000`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # A proxy of the environment would be asked for this machine's own address.
        self._session.trust_env = not is_loopback(url)

    def alive(self) -> bool:
        """Whether the webserver answers and the code location is loaded."""
        try:
            return bool(self.assets())
        except DagsterUnreachable:
            return False

    def assets(self) -> list[str]:
        """Keys of all assets, `a/b/c`."""
        return sorted("/".join(node["assetKey"]["path"]) for node in self._ask(_ASSETS, {})["assetNodes"])

    def partition_keys(self, asset: str) -> list[str]:
        """All partition keys of an asset.

        Raises:
            ValueError: there is no such asset; the text names those there are.
        """
        answer = self._ask(_PARTITIONS, {"key": {"path": asset.split("/")}})["assetNodeOrError"]
        if answer["__typename"] != "AssetNode":
            raise ValueError(f"{asset!r} is no asset of the running instance; there are: {', '.join(self.assets())}")
        return [str(key) for key in answer["partitionKeys"]]

    def materialized(self, asset: str, partitions: list[str]) -> int:
        """How many of some partitions are materialized now; a backfill's own counts lag by up to 30 s."""
        answer = self._ask(_RANGES, {"key": {"path": asset.split("/")}})["assetNodeOrError"]
        ranges = answer["assetPartitionStatuses"].get("ranges", [])
        # Keys sort as their times do.
        done = [(r["startKey"], r["endKey"]) for r in ranges if r["status"] == "MATERIALIZED"]
        return sum(any(first <= key <= last for first, last in done) for key in partitions)

    def launch_backfill(self, assets: list[str], partitions: list[str]) -> str:
        """Ask for a backfill, as the UI does; returns its id."""
        params = {"assetSelection": [{"path": a.split("/")} for a in assets], "partitionNames": partitions}
        answer = self._ask(_LAUNCH, {"params": params})["launchPartitionBackfill"]
        if "backfillId" not in answer:
            raise DagsterUnreachable(f"Dagster refused the backfill: {answer.get('message', answer['__typename'])}")
        return str(answer["backfillId"])

    def launch_run(self, assets: list[str], first: str, last: str) -> str:
        """Ask for one run over some partitions, as the UI does for a single one; returns its id."""
        tags = {"dagster/partition": first}
        if first != last:
            tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        selection = {"assetSelection": [{"path": a.split("/")} for a in assets]}
        return self._launched({**_ASSET_JOB, **selection}, tags)

    def launch_job(self, job: str) -> str:
        """Ask for one run of a job without partitions; returns its id."""
        return self._launched({**_ASSET_JOB, "pipelineName": job}, {})

    def _launched(self, selector: dict[str, Any], tags: dict[str, str]) -> str:
        params = {
            "selector": selector,
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_RUN, {"params": params})["launchPipelineExecution"]
        if "run" not in answer:
            raise DagsterUnreachable(f"Dagster refused the run: {answer.get('message', answer['__typename'])}")
        return str(answer["run"]["runId"])

    def run_status(self, run_id: str) -> str:
        """How a run stands: QUEUED, STARTED, SUCCESS, FAILURE, CANCELED, ..."""
        answer = self._ask(_RUN_STATUS, {"id": run_id})["runOrError"]
        if answer["__typename"] != "Run":
            raise DagsterUnreachable(f"Dagster knows no run {run_id}")
        return str(answer["status"])

    def backfill(self, backfill_id: str) -> BackfillProgress:
        """How far a backfill is."""
        answer = self._ask(_STATUS, {"id": backfill_id})["partitionBackfillOrError"]
        if answer["__typename"] != "PartitionBackfill":
            raise DagsterUnreachable(f"Dagster knows no backfill {backfill_id}")
        counts = (answer.get("assetBackfillData") or {}).get("assetBackfillStatuses") or []
        return BackfillProgress(
            status=answer["status"],
            wanted=sum(c.get("numPartitionsTargeted", 0) for c in counts),
            done=sum(c.get("numPartitionsMaterialized", 0) for c in counts),
            failed=sum(c.get("numPartitionsFailed", 0) for c in counts),
            error=(answer.get("error") or {}).get("message"),
        )

    def follow(self, backfill_id: str, every_s: float = 2.0) -> Iterator[BackfillProgress]:
        """Its progress every few seconds, the last one when it is over."""
        while True:
            progress = self.backfill(backfill_id)
            yield progress
            if progress.over:
                return
            time.sleep(every_s)

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._url}/graphql"
        try:
            response = self._session.post(url, json={"query": query, "variables": variables}, timeout=_TIMEOUT_S)
            response.raise_for_status()
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            raise DagsterUnreachable(
                f"no answer from Dagster's webserver at {self._url} ({type(error).__name__}); start it with "
                "`dagster dev -w workspace.yaml`, or name another with --url"
            ) from error
        if answer.get("errors"):
            raise DagsterUnreachable(f"Dagster refused: {answer['errors'][0].get('message')}")
        data: dict[str, Any] = answer["data"]
        return data
