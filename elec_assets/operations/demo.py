"""`elec demo`: the main job on a sandbox, in a Dagster instance of its own; no account, no network."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from elec_assets.clients.registry_source import load_registry
from elec_assets.domain.windows import HOUR, WEEK, Grain, Window, floor
from elec_assets.operations.dagster_api import DagsterUnreachable
from elec_assets.operations.demo_alerts import Alerts, alerting
from elec_assets.operations.demo_dagster import Dagster, DemoFailed, Say, refuse_taken, started
from elec_assets.operations.demo_evening import Evening
from elec_assets.operations.demo_live import capturing, interrupt_soon, log_of
from elec_assets.operations.demo_release import Releases, ReleasesShown
from elec_assets.operations.demo_seeding import Seeding
from elec_assets.operations.demo_setup import ELECTION, TOKEN, WHOLE_WEEK, environment, no_proxies, prepared
from elec_assets.operations.demo_summary import DemoSummary, summary
from elec_assets.operations.sandboxes import scene_of, trends_scene_of
from elec_assets.sandbox.serve import start_trends, start_x
from elec_assets.sandbox.serve_kaggle import start_kaggle
from elec_assets.sandbox.x_http import XServer

__all__ = ["DemoFailed", "DemoSummary", "demo"]

_POSTS_PER_HOUR = 60.0
_SEED = 2027
_FEW_HOURS = HOUR * 6


def demo(folder: Path, *, port: int, once: bool, weeks: int, say: Say, days: int = WHOLE_WEEK) -> DemoSummary:
    """Run the demo over some past weeks; with `once` stop when they are there, else capture live until interrupted.

    `days`: of the first week the last so many, 2 to 7. Fewer are for tests: of the running week only hours then.
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
        with prepared(folder, now, weeks, days):
            return _demo(folder, port, now, began, once=once, days=days, say=say)


def _demo(folder: Path, port: int, now: datetime, began: float, *, once: bool, days: int, say: Say) -> DemoSummary:
    election = load_registry(folder / "candidates.yaml").elections[ELECTION]
    scene = scene_of([election], seed=_SEED, posts_per_hour=_POSTS_PER_HOUR)
    world = trends_scene_of([election], seed=_SEED)
    with ExitStack() as stack:
        x = stack.enter_context(start_x(scene=scene, token=TOKEN))
        google = stack.enter_context(start_trends(world=world))
        kaggle = stack.enter_context(start_kaggle())
        say(f"Sandbox of X: {x.url}, of Google Trends: {google.url}, of Kaggle: {kaggle.url}")
        say(f"(seed {_SEED}, fictitious people, synthetic data)")
        env = environment(folder, x.url, google.url, os.environ, kaggle.url)
        alerts = None if once else stack.enter_context(alerting(folder, say))
        env |= alerts.environment if alerts is not None else {}
        dagster = stack.enter_context(started(folder, port, env))
        dagster.wait_until_loaded(say)
        live = None if once else stack.enter_context(capturing(folder, env))
        evening = Evening(election, scene, folder)
        heard = stack.enter_context(evening.capturing())
        seeding = Seeding(dagster, election, now, x, say)
        releases = Releases(dagster, kaggle, say)
        try:
            since = now - (WEEK if days == WHOLE_WEEK else _FEW_HOURS)
            running = [] if once else seeding.running_hours(floor(since, Grain.HOUR))
            shown = seeding.seed(evening, heard, running)
            released = _released(seeding, releases, running)
        except DagsterUnreachable:
            raise DemoFailed(dagster.stopped) from None
        made = summary(folder, election, seeding.weeks, time.monotonic() - began, shown, released)
        if live is not None and alerts is not None:
            _serve(made, dagster, live, x, say, port, releases.download_command(), alerts)
    return made


def _released(seeding: Seeding, releases: Releases, running: list[Window]) -> ReleasesShown:
    """The past weeks are a release; the running week makes another, if an hour of it is over."""
    releases.make("the past weeks")
    if running:
        seeding.build_running()
        releases.make("the running week too")
    return releases.shown()


def _serve(
    made: DemoSummary,
    dagster: Dagster,
    live: subprocess.Popen[bytes],
    x: XServer,
    say: Say,
    port: int,
    download: str,
    alerts: Alerts,
) -> None:
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
        f"  {root}/assets/kaggle/staged?view=overview     the release: its card, cover, and what the gate said",
        f"  {root}/assets/kaggle/dataset?view=overview    what Kaggle has, and what the version changed",
        f"  {root}/overview/activity/timeline                        the next hour is sealed at 7 minutes past",
        f"X's stream is captured live. From {down.start:%H:%M:%S} to {down.end:%H:%M:%S} UTC it is down: look with",
        f"  ELEC_SPOOL={folder / 'spool'} elec status",
        f"and see the hour filled by search once it is sealed. What the service says is in {log_of(folder)}.",
        *alerts.begin(datetime.now(UTC)),
        "The dataset, with the plain kaggle command:",
        f"  {download}",
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
