"""A sandbox of X in a process of its own, which sends prepared lines at a rate: its CPU is nobody's that is measured.

`python -m bench.peers.load_server JSON` prints its URL, serves until its standard input ends, and prints what it sent.
The JSON object has `phases`, pairs of seconds and lines a second, `first_id`, `cores` to run on, and `seed`.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import posts
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import Scene
from elec_assets.sandbox.x_stream_options import StreamOptions

TAG = "elec:xx_load:anyone"
KEEP_ALIVE_S = 1.0
_PATTERNS = 500
_MARK = "0" * 19
_REPOSITORY = Path(__file__).parents[2]


def lines(first_id: int, seed: int) -> Iterator[bytes]:
    """Lines without end, 3 kB in the mean; ids count up from the first."""
    patterns = [_pattern(line) for batch in posts.batches(seed, _PATTERNS) for line in batch]
    for number, (head, tail) in enumerate(itertools.cycle(patterns)):
        yield b"%b%d%b" % (head, first_id + number, tail)


def _pattern(line: str) -> tuple[bytes, bytes]:
    said = json.loads(line)
    said["data"]["id"] = _MARK
    said["matching_rules"] = [{"id": "1", "tag": TAG}]
    head, _, tail = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode().partition(_MARK.encode())
    return head, tail + b"\r\n"


class Serving:
    """A running server: its URL, and once its context is left `told`: lines `sent`, `dropped`, and `connects`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: dict[str, int] = {}


@contextmanager
def serving(phases: Sequence[tuple[float, float]], first_id: int, cores: Sequence[int], seed: int) -> Iterator[Serving]:
    """Start the process, and end it with the context."""
    job: Mapping[str, Any] = {"phases": list(phases), "first_id": first_id, "cores": list(cores), "seed": seed}
    command = [sys.executable, "-m", "bench.peers.load_server", json.dumps(job)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=_REPOSITORY) as process:
        assert process.stdout is not None
        server = Serving(process.stdout.readline().strip())
        try:
            yield server
        finally:
            said, _ = process.communicate("")
        server.told = json.loads(said)


def _main(job: Mapping[str, Any]) -> None:
    if job["cores"]:
        os.sched_setaffinity(0, job["cores"])
    rate = [(float(seconds), float(rate)) for seconds, rate in job["phases"]]
    options = StreamOptions(
        keep_alive_s=KEEP_ALIVE_S, connect_limit=0, lines=lines(job["first_id"], job["seed"]), rate=rate
    )
    with start_x(scene=Scene(1, ()), stream=options) as x:
        print(x.url, flush=True)
        sys.stdin.read()
        prepared = x.stream.prepared
        assert prepared is not None
        told = {"sent": prepared.sent, "dropped": prepared.dropped, "connects": len(x.stream.connects)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
