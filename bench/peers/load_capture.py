"""`elec capture` under load: the real service with the real clock, for a time, and what it stored afterwards."""

import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import tweepy  # so that importing it is not part of what is measured

from bench.measure import Figures, Job
from elec_assets.capture.clock import WallClock
from elec_assets.capture.options import CaptureOptions, XParts
from elec_assets.capture.parts import Stream
from elec_assets.capture.service import Service
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import GATHER_S, Listener, StreamEnd, XStream
from elec_assets.domain.layout_capture import parse_batch
from elec_assets.domain.prices import FREE
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.journals import decode_journal

assert tweepy.__version__
_ELECTION = "xx_load"
_REGISTRY = """\
elections:
  xx_load:
    name: Made-up election
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    capture: continuous
    calendar:
      collect_from: {start}
      collect_until: {end}
      rounds: [{round}]
      inauguration: {inauguration}
    trends: {{hourly: [], daily: [], weekly: []}}
    candidates:
      anyone: {{name: Agathe Martin, status: 1}}
"""


class _Noted:
    """A listener that notes what the process had cost when the stream was opened; no line passes through it."""

    def __init__(self, listener: Listener, costs: list[float]) -> None:
        self.line = listener.line
        self.keep_alive = listener.keep_alive
        self._opened = listener.opened
        self._costs = costs

    def opened(self, at_ms: int) -> None:
        self._costs.append(time.process_time())
        self._opened(at_ms)


class _Stream:
    """A stream whose first opening is noted."""

    def __init__(self, stream: Stream, costs: list[float]) -> None:
        self._stream = stream
        self._costs = costs
        self.stop = stream.stop

    def listen(self, listener: Listener) -> StreamEnd:
        return self._stream.listen(_Noted(listener, self._costs))


def run(job: Job) -> Figures:
    """Capture from `url` for `seconds`, on the cores `cores`, in the folder `out`; look at itself `looks_s` after."""
    if job["cores"]:
        os.sched_setaffinity(0, job["cores"])
    folder = Path(job["out"])
    costs: list[float] = []
    said: list[str] = []
    service = Service(_options(folder, float(job["seconds"])), _parts(str(job["url"]), costs), WallClock(), said.append)
    looks: list[dict[str, float]] = []
    looking = threading.Thread(target=_look, args=(job.get("looks_s", ()), looks), daemon=True)
    looking.start()
    summary = service.run()
    # Before what was stored is read again.
    cpu_s, peak_mib = time.process_time() - costs[0], _memory_mib("VmHWM")
    return {
        "cpu_s": cpu_s,
        "peak_mib": peak_mib,
        "lines": summary.lines,
        "connections": summary.connections,
        "waiting": summary.waiting,
        "problems": list(summary.problems),
        "looks": looks,
        **_stored(open_store((folder / "store").as_uri()), int(job["first_id"])),
    }


def _options(folder: Path, seconds: float) -> CaptureOptions:
    today = datetime.now(UTC).date()
    dates = {"start": -30, "round": 30, "inauguration": 40, "end": 60}
    text = _REGISTRY.format(**{name: today + timedelta(days=days) for name, days in dates.items()})
    path = folder / "candidates.yaml"
    path.write_text(text, encoding="utf-8")
    return CaptureOptions(
        registry=path,
        spool=folder / "spool",
        cap_bytes=10**11,
        budget_usd=0.0,
        prices=FREE,
        sandbox=True,
        store=lambda: open_store((folder / "store").as_uri()),
        for_s=seconds,
    )


def _parts(url: str, costs: list[float]) -> XParts:
    control = XControl(token=TOKEN, base_url=url)
    stream = XStream(token=TOKEN, base_url=url, clock=WallClock().now_ms, gather_s=GATHER_S)
    return XParts(stream=_Stream(stream, costs), connections=XConnections(control), rules=XRules(control))


def _look(moments_s: Sequence[float], looks: list[dict[str, float]]) -> None:
    """Memory and open files at moments after now, in seconds."""
    began = time.monotonic()
    for moment in moments_s:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        looks.append({"at_s": round(time.monotonic() - began), "rss_mib": _memory_mib("VmRSS"), "files": _files()})


def _memory_mib(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def _files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _stored(store: Store, first_id: int) -> dict[str, Any]:
    """How many lines the batches hold, how many of them twice, and the ids from the first on that are missing."""
    numbers: list[int] = []
    journaled = 0
    for info in store.list(f"{_ELECTION}/data/raw/twitter/"):
        batch = parse_batch(info.key)
        if batch is not None and info.key == batch.body:
            numbers += [_id(line) - first_id for line in unpacked(store.get(info.key)).splitlines() if line]
            journaled += decode_journal(store.get(batch.journal), batch.journal).posts
    missing = set(range(max(numbers, default=-1) + 1)) - set(numbers)
    return {
        "stored": len(numbers),
        "journaled": journaled,
        "twice": len(numbers) - len(set(numbers)),
        "missing": len(missing),
    }


def _id(line: bytes) -> int:
    """The id of the post: of `data`."""
    return int(msgspec.json.decode(line)["data"]["id"])
