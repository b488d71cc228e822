"""`elec demo`: the main job on a sandbox, in a Dagster instance of its own; no account, no network."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import HOUR, Grain, Window, floor, key_of, split, window_at
from elec_assets.operations.dagster_api import DagsterUnreachable
from elec_assets.operations.demo_dagster import Dagster, DemoFailed, Say, refuse_taken, started
from elec_assets.operations.demo_evening import Evening, Heard, search_down
from elec_assets.operations.demo_live import capturing, interrupt_soon, log_of
from elec_assets.operations.demo_setup import ELECTION, TOKEN, environment, no_proxies, prepared
from elec_assets.operations.demo_summary import CaptureShown, DemoSummary, archive, captured, summary
from elec_assets.operations.demo_trends import seeds
from elec_assets.operations.sandboxes import scene_of, trends_scene_of
from elec_assets.sandbox.serve import start_trends, start_x
from elec_assets.sandbox.x_http import XServer

__all__ = ["DemoFailed", "DemoSummary", "demo"]

_POSTS_PER_HOUR = 60.0
_SEED = 2027


def demo(folder: Path, *, port: int, once: bool, weeks: int, say: Say) -> DemoSummary:
    """Run the demo over some past weeks; with `once` stop when they are there, else capture live until interrupted.

    Interrupted while it serves, it returns; earlier, it raises. Either way nothing of it is left running.

    Raises:
        DemoFolderTaken: the folder holds something else.
        DemoFailed: a part did not start or did not do its work.
        KeyboardInterrupt: it was interrupted, or told to end, before it served.
    """
    began = time.monotonic()
    now = datetime.now(UTC)
    with _ended_in_order(), no_proxies():
        refuse_taken(port)
        with prepared(folder, now, weeks):
            return _demo(folder, port, now, began, once=once, say=say)


def _demo(folder: Path, port: int, now: datetime, began: float, *, once: bool, say: Say) -> DemoSummary:
    election = load_registry(folder / "candidates.yaml").elections[ELECTION]
    scene = scene_of([election], seed=_SEED, posts_per_hour=_POSTS_PER_HOUR)
    world = trends_scene_of([election], seed=_SEED)
    with ExitStack() as stack:
        x = stack.enter_context(start_x(scene=scene, token=TOKEN))
        google = stack.enter_context(start_trends(world=world))
        say(f"Sandbox of X: {x.url}, of Google Trends: {google.url} (seed {_SEED}, fictitious people, synthetic data)")
        env = environment(folder, x.url, google.url, os.environ)
        dagster = stack.enter_context(started(folder, port, env))
        dagster.wait_until_loaded(say)
        live = None if once else stack.enter_context(capturing(folder, env))
        evening = Evening(election, scene, folder)
        heard = stack.enter_context(evening.capturing())
        seeding = _Seeding(dagster, election, now, x, say)
        try:
            shown = seeding.seed(evening, heard, until_now=not once)
        except DagsterUnreachable:
            raise DemoFailed(dagster.stopped) from None
        made = summary(folder, election, seeding.weeks, time.monotonic() - began, shown)
        if live is not None:
            _serve(made, dagster, live, x, say, port)
    return made


class _Seeding:
    """The past of the demo, made by backfills and runs of its Dagster instance."""

    def __init__(self, dagster: Dagster, election: Election, now: datetime, x: XServer, say: Say) -> None:
        self.weeks = split(Window(election.calendar.collect_from, floor(now, Grain.WEEK)), Grain.WEEK)
        self._dagster = dagster
        self._election = election
        self._now = now
        self._x = x
        self._say = say

    def seed(self, evening: Evening, heard: Callable[[], Heard | None], *, until_now: bool) -> CaptureShown:
        """All weeks: the hours of the evening with a hole at first, which then heals."""
        weeks = [*self.weeks, *(self._running_week() if until_now else [])]
        self._fill(weeks, evening.hours)
        through = heard()
        if through is None:
            raise DemoFailed("the capture of the evening was ended before it was through")
        self._say(f"The evening is captured: {through.summary.lines} posts, {through.summary.uploaded} batches")
        with search_down(self._x):
            self._seal(evening.hours)
        first = archive(self._dagster.folder).coverages(list(evening.hours))
        self._build(weeks)
        self._heal(evening.hours)
        return captured(self._dagster.folder, self._election, evening.hours, first, through)

    def _fill(self, weeks: list[Window], evening: tuple[Window, ...]) -> None:
        """By search, and Google Trends, all but the evening."""
        hours = [key_of(h, Grain.HOUR) for week in weeks for h in split(week, Grain.HOUR) if h not in evening]
        made = [(seed.assets(self._election), seed.partitions()) for seed in seeds(self._election, self.weeks)]
        # All at once: while one run starts its process, another asks.
        wanted = [*made, ([self._asset("twitter/tweets")], hours)]
        backfills = [self._dagster.launched(assets, keys, self._say) for assets, keys in wanted]
        for backfill in reversed(backfills):
            self._dagster.followed(backfill, self._say)

    def _seal(self, hours: tuple[Window, ...]) -> None:
        first, last = (key_of(hour, Grain.HOUR) for hour in (hours[0], hours[-1]))
        self._say(f"Sealing {first} to {last} of what was captured, while X answers no search: it leaves a hole")
        self._dagster.run([self._asset("twitter/tweets")], first, last)

    def _build(self, weeks: list[Window]) -> None:
        products = ("twitter/weekly", "twitter/volume", "coverage/weekly", "google_trends/weekly")
        built = [self._asset(product) for product in products]
        keys = [key_of(week, Grain.WEEK) for week in weeks]
        self._dagster.followed(self._dagster.launched(built, keys, self._say), self._say)

    def _heal(self, hours: tuple[Window, ...]) -> None:
        """As the schedule does at 7 past: hours that are not settled, and those around that got batches since."""
        week = key_of(self.weeks[-1], Grain.WEEK)
        first, last = window_at(hours[0].start - 2 * HOUR, Grain.HOUR), window_at(hours[-1].end, Grain.HOUR)
        self._say("X answers again: the hours are sealed once more, and their week is built anew")
        self._dagster.run([self._asset("twitter/tweets")], key_of(first, Grain.HOUR), key_of(last, Grain.HOUR))
        built = [self._asset(product) for product in ("twitter/weekly", "twitter/volume", "coverage/weekly")]
        self._dagster.run(built, week, week)

    def _asset(self, name: str) -> str:
        return f"{self._election.key}/{name}"

    def _running_week(self) -> list[Window]:
        """The hours of the running week that are over: a graph without a gap."""
        monday, hour = floor(self._now, Grain.WEEK), floor(self._now, Grain.HOUR)
        return [Window(monday, hour)] if hour > monday else []


def _serve(made: DemoSummary, dagster: Dagster, live: subprocess.Popen[bytes], x: XServer, say: Say, port: int) -> None:
    down = interrupt_soon(x)
    folder = dagster.folder
    root = f"http://127.0.0.1:{port}"
    assets = f"{root}/assets/{ELECTION}"
    for line in [
        "",
        *made.lines(),
        "",
        f"Open {root}/asset-groups and click (pictures are where it says [Show Markdown]):",
        f"  {assets}/coverage/weekly?view=overview   a week's coverage, hour by hour: captured, filled, missed",
        f"  {assets}/coverage/weekly?view=events     the same before and after: the debate with a hole, and filled",
        f"  {assets}/twitter/weekly?view=overview    posts an hour, and where the file is",
        f"  {assets}/twitter/volume?view=overview    posts of each candidate, hour by hour",
        f"  {assets}/twitter/tweets?view=partitions  every hour, its rows and its gaps",
        f"  {assets}/google_trends/fr/weekly/calibrated_interest?view=overview  who is searched for",
        f"  {root}/overview/activity/timeline                        the next hour is sealed at 7 minutes past",
        f"X's stream is captured live. From {down.start:%H:%M:%S} to {down.end:%H:%M:%S} UTC it is down: look with",
        f"  ELEC_SPOOL={folder / 'spool'} elec status",
        f"and see the hour filled by search once it is sealed. What the service says is in {log_of(folder)}.",
        f"Files are in {folder / 'data'}. Stop with Ctrl-C; `rm -r {folder}` removes all of it.",
    ]:
        say(line)
    with suppress(KeyboardInterrupt):
        while dagster.process.poll() is None and live.poll() is None:
            time.sleep(1)
        told = f"the capture service stopped by itself; {log_of(folder)} says why"
        raise DemoFailed(dagster.stopped if live.poll() is None else told)
    say("Stopping capture and Dagster ...")


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """What ends a process ends the demo as Ctrl-C does: Dagster has a session of its own, and would stay."""

    def interrupted(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell ignores it for what a script starts in the background. `nohup` asks to ignore the hangup.
    names = [signal.SIGINT, signal.SIGTERM]
    names += [signal.SIGHUP] if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN else []
    before = {name: signal.signal(name, interrupted) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
