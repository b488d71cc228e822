"""`python -m elec_assets.operations.celery_worker [OPTION...]`: a Celery worker for Dagster's runs.

It is made of the run launcher in `dagster.yaml` of DAGSTER_HOME, so that both go by the same settings. Options are
those of `celery worker`, such as `--concurrency 2`. A run is a process of its own, forked from this one, which has
imported all that runs import: what costs 2 to 3 s of CPU for each run elsewhere (2026-11) is paid once.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from celery.signals import heartbeat_sent
from dagster import DagsterInstance
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

_WORKER = ["worker", "--pool", "prefork", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]


def _beat(**_: object) -> None:
    # For a health check that starts no Python; while Redis is away there is no heartbeat.
    Path(os.environ.get("RAN", "/tmp/ran")).touch()  # noqa: S108 - the container's own; as of deploy/every.sh


def main(arguments: Sequence[str]) -> None:
    """Work until told to stop."""
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        if not isinstance(launcher, CeleryRunLauncher):
            home = os.environ.get("DAGSTER_HOME")
            sys.exit(
                f"{home}/dagster.yaml launches runs by {type(launcher).__name__}, not on Celery: set DAGSTER_HOME to a "
                "folder whose dagster.yaml has the lines of deploy/launchers/celery.yaml"
            )
        app = launcher.celery
    create_execute_job_task(app)
    create_resume_job_task(app)
    heartbeat_sent.connect(_beat, weak=False)
    app.worker_main([*_WORKER, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
