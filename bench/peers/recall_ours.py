"""The project on a script of faults: the service listens, its uploader stores, the hour is sealed and judged."""

import threading
import time
from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import or_
from pathlib import Path

from bench.fault_script import HOUR, Script, Stage, around, played
from bench.measure import Figures, Job, PathFailed
from bench.recall_truth import Holes, false_posts, holes, loss, outages_of, truth
from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.options import CaptureOptions, CaptureSummary, XParts
from elec_assets.capture.service import Service
from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.x_api import XApi
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import CONNECT_S, GATHER_S, STALL_S, XStream
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import KEEP_ALIVE_MS, MARGIN_MS
from elec_assets.domain.prices import FREE
from elec_assets.domain.rules import query_limit
from elec_assets.domain.windows import HOUR as HOUR_LENGTH
from elec_assets.domain.windows import Window, epoch_ms, from_epoch_ms
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.transforms.capture_coverage import captured
from elec_assets.transforms.sealing import read_table

# Seconds of the wall that a busy machine may keep a thread from running: none of X's doing.
_JITTER_S = 0.2
_LOOK_S = 0.005
_SAME_S = 0.01
_TOLD = 5
_HOURS = [Window(HOUR.start + shift * HOUR_LENGTH, HOUR.end + shift * HOUR_LENGTH) for shift in (-1, 0, 1)]


class Held:
    """How long this process was kept from running: the longest, in seconds of the wall."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End it; returns the longest."""
        self._stop.set()
        self._thread.join()
        return self.longest_s

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(_LOOK_S):
            now = time.monotonic()
            self.longest_s = max(self.longest_s, now - began - _LOOK_S)
            began = now


def run(job: Job) -> Figures:
    """Play the script of `seed`, `posts` and `speed`; work in the folder `out`."""
    script = Script(int(job["seed"]), int(job["posts"]), float(job["speed"]))
    folder = Path(job["out"])
    with played(script, folder) as stage:
        held = Held()
        summary, said = _captured(stage, folder)
        longest_s = held.stop()
        store = _store(folder)
        fill = _fill(stage, store)
        sealed = HourSealer(
            election=stage.election,
            registry_version=stage.registry.version,
            store=store,
            fill=fill,
            query_limit=query_limit("all"),
        ).seal(HOUR)
        if not sealed.stored or sealed.row is None:
            raise PathFailed(f"the hour was not sealed: {sealed.summary}")
        rows = read_table(store.get(sealed.key)).to_dicts()
        return {
            **_judged(stage, store, rows, sealed.row.captured_s),
            "rejects": sealed.row.rejects,
            "captured_s": sealed.row.captured_s,
            "filled_s": sealed.row.filled_s,
            "outcome": str(sealed.row.outcome),
            "connects": len(stage.x.stream.connects),
            "connections": summary.connections,
            "waiting": summary.waiting,
            "held_up_s": longest_s * script.speed,
            "said": said,
        }


def _judged(stage: Stage, store: Store, rows: list[dict[str, object]], captured_s: float) -> Figures:
    true = truth(stage)
    kept = frozenset(str(row["tweet_id"]) for row in rows)
    window = around(HOUR)
    proven = _proven(stage, store)
    missing = (_planned(stage) & Intervals.between(window)) - proven
    found = holes(missing, outages_of(stage, window), HOUR, (KEEP_ALIVE_MS + MARGIN_MS) / 1000)
    lost = loss(true, kept, missing)
    retweets = {key for key in true.streamed if true.kind(key) == "retweets"}
    return {
        "broken": [*lost.broken, *false_posts(true, rows), *found.broken, *_row_broken(captured_s, found)],
        "posts": len(true.all),
        "had": len(true.all & kept),
        "searchable": len(true.searched),
        "searchable_had": len(true.searched & kept),
        "retweets": len(retweets),
        "retweets_had": len(retweets & kept),
        "lost": dict(lost.unrecoverable),
        "rows": len(rows),
        "holes": {name: value for name, value in asdict(found).items() if name != "beyond_s"},
    }


def _row_broken(captured_s: float, found: Holes) -> list[str]:
    proven_s = HOUR_LENGTH.total_seconds() - found.missing_s
    if abs(captured_s - proven_s) < _SAME_S:
        return []
    return [f"the hour's coverage tells of {captured_s:g} s captured, the journals prove {proven_s:g} s"]


def _planned(stage: Stage) -> Intervals:
    return reduce(or_, (calendar.planned(stage.election, hour) for hour in _HOURS))


def _proven(stage: Stage, store: Store) -> Intervals:
    """The union of all journals that speak of the hour, of the one before and of the one after."""
    archive = TweetArchive(store, stage.election.key)
    return reduce(or_, (captured(archive.raw(hour).batches) for hour in _HOURS))


def _captured(stage: Stage, folder: Path) -> tuple[CaptureSummary, list[str]]:
    """Have the service capture until the script is over; what it did, and what it told a person."""
    said: list[str] = []
    options = CaptureOptions(
        registry=folder / "candidates.yaml",
        spool=folder / "spool",
        cap_bytes=10**9,
        budget_usd=0.0,
        prices=FREE,
        sandbox=True,
        store=lambda: _store(folder),
    )
    service = Service(options, x_parts(stage.x.url, stage.clock), stage.clock, said.append)
    ended: list[CaptureSummary] = []
    thread = threading.Thread(target=lambda: ended.append(service.run()))
    thread.start()
    over_ms = epoch_ms(stage.script.ends)
    while thread.is_alive() and stage.clock.now_ms() < over_ms:
        thread.join(_JITTER_S)
    service.stop()
    thread.join()
    if not ended:
        raise PathFailed(f"the capture service failed; it said: {said[-_TOLD:]}")
    return ended[0], said


def x_parts(url: str, clock: CaptureClock) -> XParts:
    """The real clients of X; time limits in seconds of the wall, as fast as the clock, and what a machine may waste."""
    control = XControl(token=TOKEN, base_url=url)
    stream = XStream(
        token=TOKEN,
        base_url=url,
        clock=clock.now_ms,
        stall_s=clock.real(STALL_S) + _JITTER_S,
        connect_s=clock.real(CONNECT_S) + 1.0,
        gather_s=clock.real(GATHER_S),
    )
    return XParts(stream=stream, connections=XConnections(control), rules=XRules(control))


def _store(folder: Path) -> Store:
    return open_store((folder / "store").as_uri())


def _fill(stage: Stage, store: Store) -> SearchFill:
    def now() -> datetime:
        return from_epoch_ms(stage.clock.now_ms())

    def sleep(seconds: float) -> None:
        stage.clock.wait(threading.Event(), seconds)

    api = XApi(token=TOKEN, base_url=stage.x.url, archive="all", timeout_s=30.0, pace_s=0.0, clock=now, sleep=sleep)
    ledger = SpendLedger(store, "x_search", 0.0, now)
    return SearchFill(store=store, api=api, ledger=ledger, prices=FREE, clock=now)
