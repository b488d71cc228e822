"""The least that keeps a stream: read from the socket, write to a file, fsync once a second. Nothing is understood."""

import os
import socket
import time
from pathlib import Path

from bench.measure import Figures, Job
from elec_assets.sandbox.x_api import TOKEN

_REQUEST = (
    "GET /2/tweets/search/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + TOKEN + "\r\n\r\n"
).encode()
_SYNC_S = 1.0
_BLOCK = 1 << 16


def run(job: Job) -> Figures:
    """Read from `url` for `seconds`, on the cores `cores`, into the folder `out`."""
    if job["cores"]:
        os.sched_setaffinity(0, job["cores"])
    host, _, port = str(job["url"]).removeprefix("http://").partition(":")
    handle = os.open(Path(job["out"], "lines"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(_REQUEST)
        head = connection.recv(_BLOCK)
        cpu_s, began = time.process_time(), time.monotonic()
        os.write(handle, head)
        ends, due = began + float(job["seconds"]), began + _SYNC_S
        while block := connection.recv(_BLOCK):
            os.write(handle, block)
            now = time.monotonic()
            if now >= due:
                os.fsync(handle)
                due = now + _SYNC_S
            if now >= ends:
                break
    os.fsync(handle)
    cpu_s = time.process_time() - cpu_s
    os.close(handle)
    return {"cpu_s": cpu_s, "bytes": Path(job["out"], "lines").stat().st_size}
