"""Live capture while `elec demo` serves: `elec capture` as a process of its own, and a stream that goes down once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elec_assets.domain.windows import Window
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault

# It ends in order within 2 s.
_STOP_S = 5.0
_DOWN_IN, _DOWN_FOR = timedelta(minutes=2), timedelta(minutes=4)


@contextmanager
def capturing(folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`elec capture` in the demo's environment, stopped as systemd would."""
    command = [sys.executable, "-m", "elec_assets.cli", "capture"]
    with log_of(folder).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            finally:
                process.kill()
                process.wait()


def log_of(folder: Path) -> Path:
    """Where the service tells how it goes."""
    return folder / "capture.log"


def interrupt_soon(x: XServer) -> Window:
    """Let the stream go down in two minutes, for four; returns when."""
    start = (datetime.now(UTC) + _DOWN_IN).replace(microsecond=0)
    x.stream.faults.add(StreamFault("reset", at=start))
    x.stream.faults.add(StreamFault("refuse", at=start, for_s=_DOWN_FOR.total_seconds(), preset="service_unavailable"))
    return Window(start, start + _DOWN_FOR)
