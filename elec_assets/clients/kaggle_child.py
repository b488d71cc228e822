"""The child that publishes: `python -m elec_assets.clients.kaggle_child JOB.json`.

It alone imports kaggle. Its environment holds exactly one credential, and HOME, TMPDIR and KAGGLE_CONFIG_DIR of its
own. On standard output it tells one event a line, and waits for a line on standard input before it goes on; when
standard input ends, so does it: without the one that writes down, nothing is created. What the client prints goes to
standard error. The result is left as JSON in the file that the job names.
"""

import os
import queue
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import msgspec

from elec_assets.clients.kaggle_job import Event, Job, Result
from elec_assets.clients.kaggle_steps import Steps
from elec_assets.clients.kaggle_tame import Denied, TameKaggle, Unclear, be_patient

ORPHANED = 3


class Channel:
    """Tells events, and waits until each is written down."""

    def __init__(self, out: BinaryIO, acknowledged: BinaryIO) -> None:
        self._out = out
        self._in = acknowledged
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="acknowledged", daemon=True).start()

    def tell(self, event: Event) -> None:
        """Returns when the other side has written it down."""
        self._out.write(msgspec.json.encode(event) + b"\n")
        self._out.flush()
        self._heard.get()

    def _listen(self) -> None:
        while line := self._in.readline():
            self._heard.put(line)
        os._exit(ORPHANED)


def run(job: Job, channel: Channel) -> Result:
    """Do a job."""
    be_patient(job.patience)
    try:
        kaggle = TameKaggle(job)
    except (Denied, Unclear) as error:
        return Result(end="error", problem=str(error), base_version=job.base_version, version=job.version)
    return Steps(job, kaggle, channel.tell).run()


def leave(result: Result, path: Path) -> None:
    """Write the result so that it is there whole or not at all."""
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(result))
    part.replace(path)


def main() -> None:
    """Do the job of the file named on the command line."""
    # The client prints to standard output, and where it gives up `exit()` closes standard input, which hangs while
    # a thread reads it (2026-11-22): both are ours alone.
    out, acknowledged = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Job)
    leave(run(job, Channel(out, acknowledged)), Path(job.result))
    sys.stderr.flush()
    os._exit(0)  # an orderly end would wait for the thread that listens


if __name__ == "__main__":
    main()
