"""One real run of each job, made by the services: what `campaign_rows` makes templates of."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import requests

from bench.campaign_box import NO_PROXIES
from bench.campaign_plan import AREAS
from bench.campaign_rows import Real
from bench.measure import PathFailed
from bench.report import progress
from elec_assets.domain import layout
from elec_assets.domain.registry import TrendsPlan
from elec_assets.domain.trends import BLOCK_HOURS, Cadence
from elec_assets.domain.windows import DAY, HOUR, WEEK, Grain, Window, floor, iso, key_of, split, window_of_key
from elec_assets.operations.dagster_api import DagsterApi

_RUN_S = 300.0
_OVER = ("SUCCESS", "FAILURE", "CANCELED")
_LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } } }"""


@dataclass(frozen=True, slots=True)
class Job:
    """A run to be made: as its schedule asks for it; `ends` is how it is to end."""

    name: str
    job: str
    schedule: str
    assets: tuple[str, ...]
    partitions: tuple[str, ...] = ()
    ends: str = "SUCCESS"


def jobs(now: datetime) -> list[list[Job]]:
    """What to run: each list side by side, one list after the other. Names of jobs and assets lack the election."""
    day = floor(now, Grain.DAY) - DAY * 2
    hour, lost = (Window(day + HOUR * n, day + HOUR * (n + 1)) for n in (13, 26))
    week = Window(floor(day, Grain.WEEK) - WEEK, floor(day, Grain.WEEK))
    asked = [_asked(cadence, area, day, week) for cadence in Cadence for area in AREAS]
    posts = ("twitter/weekly", "twitter/volume")
    files = ("google_trends/weekly", "coverage/weekly")
    monday = (key_of(week, Grain.WEEK),)
    return [
        [
            Job("hour", "twitter_hour", "twitter_hourly", ("twitter/tweets",), (key_of(hour, Grain.HOUR),)),
            *asked,
        ],
        [
            _lost(lost),
            Job("week_posts", "week", "weekly", posts, monday),
            Job("week_files", "google_trends_files_of_week", "google_trends_files", files, monday),
            Job("comply", "compliance", "comply", ()),
        ],
    ]


def _asked(cadence: Cadence, area: str, day: datetime, week: Window) -> Job:
    spans = {
        Cadence.HOURLY: Window(day, day + HOUR * BLOCK_HOURS),
        Cadence.DAILY: Window(day, day + DAY),
        Cadence.WEEKLY: week,
    }
    schedule = f"google_trends_{cadence}"
    assets = tuple(f"google_trends/{area}/{cadence}/{table}" for table in TrendsPlan().tables(cadence))
    keys = tuple(key_of(each, cadence.grain) for each in split(spans[cadence], cadence.grain))
    return Job(f"trends_{cadence}_{area}", f"{schedule}_partitions", schedule, assets, keys)


def _lost(hour: Window) -> Job:
    partition = (key_of(hour, Grain.HOUR),)
    return Job("hour_failed", "twitter_hour", "twitter_hourly", ("twitter/tweets",), partition, ends="FAILURE")


class Runs:
    """Makes runs over a webserver's GraphQL, for one election."""

    def __init__(self, url: str, election: str) -> None:
        self._url = url
        self._election = election
        self._api = DagsterApi(url)

    def made(self, rounds: Sequence[Sequence[Job]], store: Path) -> list[Real]:
        """All of them, ended.

        Raises:
            PathFailed: one did not end as it is to.
        """
        found: list[Real] = []
        for jobs_of_round in rounds:
            for job in jobs_of_round:
                if job.ends == "FAILURE":
                    _break(store, self._election, job.partitions[0])
            launched = [(job, self._launched(job)) for job in jobs_of_round]
            found += [self._ended(job, run) for job, run in launched]
        return found

    def _launched(self, job: Job) -> str:
        tags = {
            "dagster/schedule_name": f"{self._election}__{job.schedule}",
            "dagster/run_key": f"{' '.join(job.partitions[:1])} at 2027-02-01-13",
        }
        if len(job.partitions) == 1:
            tags["dagster/partition"] = job.partitions[0]
        elif job.partitions:
            tags["dagster/asset_partition_range_start"] = job.partitions[0]
            tags["dagster/asset_partition_range_end"] = job.partitions[-1]
        selector: dict[str, object] = {
            "repositoryLocationName": "elec_assets",
            "repositoryName": "__repository__",
            "pipelineName": f"{self._election}__{job.job}",
        }
        if job.assets:
            selector["assetSelection"] = [{"path": [self._election, *asset.split("/")]} for asset in job.assets]
        listed = [{"key": key, "value": value} for key, value in tags.items()]
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": listed}}
        return str(self._asked(_LAUNCH, params, "launchPipelineExecution")["run"]["runId"])

    def _ended(self, job: Job, run: str) -> Real:
        until = time.monotonic() + _RUN_S
        while (status := self._api.run_status(run)) not in _OVER:
            if time.monotonic() > until:
                raise PathFailed(f"the run of {job.name} is {status} after {_RUN_S:g} s")
            time.sleep(0.5)
        if status != job.ends:
            raise PathFailed(f"the run of {job.name} ended {status}, not {job.ends}: {run}")
        progress(f"  {job.name}: {status}")
        return Real(job.name, self._election, job.partitions, run)

    def _asked(self, mutation: str, params: Mapping[str, object], name: str) -> dict[str, Any]:
        asked = {"query": mutation, "variables": {"params": params}}
        told = requests.post(f"{self._url}/graphql", json=asked, timeout=120, proxies=NO_PROXIES).json()
        answer: dict[str, Any] = (told.get("data") or {}).get(name) or {}
        if "message" in answer or not answer or not answer["__typename"].endswith("Success"):
            raise PathFailed(f"Dagster refused {name}: {answer or told}")
        return answer


def _break(store: Path, election: str, partition: str) -> None:
    """A file where the hour's folder is to be: its run fails, with a trace such as a full disk leaves."""
    folder = _folder(store, election, partition)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()


def _folder(store: Path, election: str, partition: str) -> Path:
    return (store / layout.tweets_hour(election, window_of_key(partition, Grain.HOUR))).parent


def mended(store: Path, made: Iterable[Real]) -> None:
    """Take those files away again."""
    for real in made:
        if real.name == "hour_failed":
            _folder(store, real.election, real.partitions[0]).unlink()


def batches(instance: dg.DagsterInstance, election: str, at: datetime) -> Real:
    """An event of the stream's batches, as the sensor `watched_prefixes` records it."""
    key = dg.AssetKey([election, "twitter", "batches"])
    stored = f"{election}/data/raw/twitter/{at:%Y%m%d}/{at:%Y%m%d_%H%M}_0123456789ab.jsonl.gz"
    instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"fresh_at": iso(at), "key": stored}))
    [newest] = instance.fetch_materializations(key, limit=1).records
    return Real("batches", election, event_ids=(newest.storage_id,))
