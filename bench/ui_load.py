"""Whether the UI may be looked at: capture and the hourly run beside 20 browsers on Dagster's pages, and without."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench import chromium
from bench.measure import PathFailed
from bench.report import Report, WrongOption, main, options, progress
from bench.ui_load_box import Place, Seed, running
from bench.ui_load_clients import Answers
from bench.ui_load_costs import Costs
from bench.ui_load_hour import LATENESS, Sealed, Ui, hours_before
from bench.ui_load_pages import Page, record
from bench.ui_load_report import BROWSERS, Found, Phase, report
from bench.ui_load_seed import ELECTION
from elec_assets.domain.windows import X_EPOCH_MS, Window

RATE = 50
"""Posts a second: of a busy evening, as in `bench.load`."""
_DAYS = 30
# A load ends when its hour is sealed; the lines go on a little longer than planned.
_BETWEEN_S = 5.0
_IDLE_S = 300.0
_ENDED = 143
_LATE_MIN = LATENESS.warn.total_seconds() / 60
_REPOSITORY = Path(__file__).parents[1]
_ABOUT = f"""\
All on this machine: the processes of deploy/compose.yaml, started from this checkout without Docker (Postgres, code
server, webserver, daemon, `elec capture`), and a sandbox of X that sends {RATE} prepared lines of 3 kB a second with
known ids. An election with {_DAYS} days of hourly partitions and all assets; the batches of some hours are uploaded
already, as capture leaves them.

First the pages of the UI are opened in headless Chromium, --page seconds each, and what they ask of GraphQL is
recorded with its times, polls included: overview, asset graph, the asset of tweets and its partitions, runs, a run,
automation. Then, one after the other, --seconds each:

  quiet     capture, and the hourly run of an hour of --size posts
  browsers  the same, of the next hour, beside --clients clients, which open the recorded pages in turn, each another
            page every --page seconds, and ask what the browser asked, when it did (see bench/ui_load_clients.py)

The hourly run is what the schedule asks for at 7 minutes past (the time is given to it, not waited for): two runs, put
into the queue, taken by the daemon, run by the code server. `late_s` is how long after the end of its hour the hour was
sealed, those 7 minutes included; `lag` how long after a line was due at the sandbox capture had noted it.

Promised: every line that was sent is stored, once, over one connection; the hour is sealed before it is late, which
is {_LATE_MIN:g} minutes after its end (elec_assets/domain/due.py); no answer of GraphQL is an error. Exit code 1 where
that is broken. With --repeat both loads are run so often, in turn, a row each, and the worst sealing counts.
Not in it: a disk that is slow to sync (this Postgres does not wait for it), scripts and styles of the UI, and a long
list of runs."""


def bench(args: argparse.Namespace) -> Report:
    """Start all, record the pages, run both loads.

    Raises:
        WrongOption: something that it needs is not on this machine, or an option is out of its limits.
        PathFailed: a process failed.
    """
    if args.clients < 1 or args.seconds < 1 or args.page < 1 or args.rate <= 0:
        raise WrongOption("--clients, --seconds, --page and --rate must be at least 1")
    program = args.browser or chromium.found()
    if program is None:
        raise WrongOption("no Chromium on this machine: install it, or name one with --browser")
    return report(run(args, program))


def run(args: argparse.Namespace, program: str) -> Found:
    """Measure.

    Raises:
        PathFailed: a process failed.
    """
    now, busy = datetime.now(UTC), round(os.getloadavg()[0], 1)
    first_id = (int(now.timestamp() * 1000) - X_EPOCH_MS) << 22
    names = ("quiet", BROWSERS) * args.repeat
    hours = hours_before(now, len(names) + 1)
    sends_s = len(names) * (args.seconds + _BETWEEN_S)
    sends = [(sends_s, args.rate)]
    progress("starting Postgres, code server, webserver and daemon")
    with running(now, first_id, sends, Seed(hours, args.size, _DAYS, args.seed)) as place:
        ui = Ui(place.url)
        ui.stop_schedule()
        progress("sealing a first hour")
        pages = _pages(program, place, ui.seal(hours[0]), args.page)
        ui.wait_until_idle(_IDLE_S)
        place.listen()
        began = time.monotonic()
        costs = Costs({name: process.pid for name, process in place.box.processes.items()})
        with costs.looking():
            load = _Load(args, place, ui, pages, costs)
            phases = [load.run(name, hour) for name, hour in zip(names, hours[1:], strict=True)]
        time.sleep(max(0.0, began + sends_s - time.monotonic()))
        stored = place.stored()
    return Found(phases, pages, stored, place.x.told["sent"], place.x.told["connects"], args.rate, busy)


def _pages(program: str, place: Place, sealed: Sealed, seconds: float) -> list[Page]:
    tweets = f"/assets/{ELECTION}/twitter/tweets"
    paths = {
        "overview": "/overview/activity/timeline",
        "asset graph": "/asset-groups",
        "asset": f"{tweets}?view=overview",
        "partitions": f"{tweets}?view=partitions",
        "runs": "/runs",
        "run": f"/runs/{sealed.run}",
        "automation": "/automation",
    }
    progress(f"recording {len(paths)} pages, {seconds:g} s each")
    return record(program, place.url, list(paths.items()), seconds)


@dataclass(frozen=True, slots=True)
class _Load:
    args: argparse.Namespace
    place: Place
    ui: Ui
    pages: list[Page]
    costs: Costs

    def run(self, name: str, hour: Window) -> Phase:
        """One of the two, of an hour."""
        progress(f"running {name}")
        clients = self._clients() if name == BROWSERS else nullcontext(Answers([]))
        with clients as answers, self.costs.span() as span:
            began = time.time()
            # All clients have begun by then.
            time.sleep(min(self.args.page, self.args.seconds / 4))
            sealed = self.ui.seal(hour)
            time.sleep(max(0.0, began + self.args.seconds - time.time()))
            ended = time.time()
        return Phase(name, began, ended, sealed, span, answers)

    @contextmanager
    def _clients(self) -> Iterator[Answers]:
        """The clients in a process of their own; its answers are filled in at the end."""
        told = Answers([])
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(msgspec.json.encode(self.pages))
            file.flush()
            job = {"pages": file.name, "host": "127.0.0.1", "port": int(self.place.box.web_port)}
            command = [sys.executable, "-m", "bench.ui_load_clients", json.dumps(job | {"clients": self.args.clients})]
            pipe = subprocess.PIPE
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=_REPOSITORY) as process:
                try:
                    yield told
                finally:
                    said, _ = process.communicate(b"")
            if process.returncode:
                raise PathFailed("the clients ended badly: what they said is above")
            heard = msgspec.json.decode(said, type=Answers)
            told.asked, told.held_back, told.sockets, told.pages = (
                heard.asked,
                heard.held_back,
                heard.sockets,
                heard.pages,
            )


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("ui_load", _ABOUT, size=20_000, unit="posts in each hour that is sealed", week=False)
    made.add_argument("--clients", type=int, default=20, help="how many browsers (default 20)")
    made.add_argument("--seconds", type=float, default=120.0, help="of each load (default 120)")
    made.add_argument("--page", type=float, default=30.0, help="seconds that a page stays open (default 30)")
    made.add_argument("--rate", type=float, default=RATE, help=f"lines a second that X sends (default {RATE})")
    made.add_argument("--browser", help="path of Chromium (default: the one of PATH)")
    return made


def _ended(_signal: int, _frame: object) -> None:
    # All that was started is stopped on the way out.
    sys.exit(_ENDED)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _ended)
    sys.exit(main(parser(), bench))
