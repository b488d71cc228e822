"""`python -m elec_assets.operations.orphans`: end the runs that died with the code server before this one.

On one box runs are processes beside the code server, in its container. When that is stopped, or the box loses power,
they are gone, and Dagster does not notice: its default launcher tells nothing of the health of a run (1.13.27). The
run would be `STARTED` for hours, and hold its pool.

Run this right before the code server, and only where it is the one place of runs. It notes what is at work, returns,
and leaves a process behind that marks those runs as failed when the daemon can try them again: it tries once, and
gives a run up for good if it does not know of the code server yet, of which it looks once a minute.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

_AT_WORK = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
# The code server answers before it has loaded everything; then the daemon looks within 60 s.
_KNOWN_AFTER_S = 150.0
_LOOK_S = 2.0


def at_work(instance: DagsterInstance) -> list[str]:
    """The ids of all runs that are at work, as the records have it."""
    return [run.run_id for run in instance.get_runs(RunsFilter(statuses=_AT_WORK))]


def end_orphans(instance: DagsterInstance, run_ids: Sequence[str]) -> list[str]:
    """Mark those of the runs as failed that are still recorded as at work, or as canceled if that was asked for.

    Returns their ids. Dagster's run retries take up what failed.
    """
    runs = instance.get_runs(RunsFilter(run_ids=list(run_ids), statuses=_AT_WORK)) if run_ids else []
    for run in runs:
        if run.status is DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message="Its process ended with the code server.")
        else:
            instance.report_run_failed(run, message="Its process ended with the code server; it is tried again.")
    return [run.run_id for run in runs]


def _wait_for_code_server() -> None:
    address = ("127.0.0.1", int(os.environ.get("DAGSTER_CODE_PORT", "4000")))
    while True:
        try:
            socket.create_connection(address, timeout=_LOOK_S).close()
        except OSError:
            time.sleep(_LOOK_S)
        else:
            return


def main(arguments: Sequence[str]) -> None:
    """Without arguments: note and leave the rest to another process, which is given the ids."""
    if arguments:
        _wait_for_code_server()
        time.sleep(_KNOWN_AFTER_S)
    with DagsterInstance.get() as instance:
        if arguments:
            ended = end_orphans(instance, arguments)
            sys.stderr.write(f"{len(ended)} runs of the code server before were ended: {' '.join(ended)}\n")
            return
        found = at_work(instance)
    if found:
        command = [sys.executable, "-m", "elec_assets.operations.orphans", *found]
        subprocess.Popen(command, start_new_session=True)  # noqa: S603 - this module, and ids of runs


if __name__ == "__main__":
    main(sys.argv[1:])
