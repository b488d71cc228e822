"""Iterations of Dagster's freshness daemon over a workspace: it keeps no ticks that tell how long they take."""

import time

from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.freshness import FreshnessDaemon

from bench.measure import Figures, Job


def run(job: Job) -> Figures:
    """Seconds of each of `times` iterations over the file `workspace`, with the instance in DAGSTER_HOME."""
    seconds = []
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([job["workspace"]])) as context,
    ):
        for _ in range(job["times"]):
            began = time.monotonic()
            list(FreshnessDaemon().run_iteration(context))
            seconds.append(time.monotonic() - began)
    return {"seconds": seconds}
