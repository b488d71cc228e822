"""A campaign in fast-forward: months of partitions of several elections on Postgres, and what the services take."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from sqlalchemy.engine import Connection

from bench import campaign_box as boxes
from bench.campaign_checked import checked
from bench.campaign_fill import fill, tell_assets
from bench.campaign_measure import Shown, freshness, pages, wait_for_ticks
from bench.campaign_plan import Span, instances
from bench.campaign_real import Runs, batches, jobs, mended
from bench.campaign_report import Found, report
from bench.campaign_rows import engine, read
from bench.campaign_sizes import Sizes, growth, purge, sizes
from bench.campaign_store import fill_store
from bench.campaign_ticks import fill_ticks, newest_tick, ticks_since
from bench.campaign_world import collected_from, elections, registry, settings, sns
from bench.report import Report, WrongOption, main, options, progress
from elec_assets.clients.registry_source import load_registry
from elec_assets.operations.sandboxes import scene_of, trends_scene_of
from elec_assets.sandbox.serve import start_trends, start_x
from elec_assets_tests.deploy.box import Box, Image, box
from elec_assets_tests.deploy.postgres import PASSWORD, USER, Postgres

_POSTS_PER_HOUR = 60
_TICKS_S, _MOST_TICKS_S = 150.0, 420.0
_LEAST_KEEP_DAYS = 7
_ABOUT = """\
A deployment as deploy/compose.yaml starts it (code server, webserver, daemon), on a Postgres of its own, collects
so many elections. One run of each job is made for real, against sandboxes; its rows are multiplied in SQL for every
hour, day and week of every asset since collection began. Of runs older than --whole-days only what `elec purge` keeps
is there, as with a purge each day that was last made some weeks ago. Then it is measured:

  pages     in a headless Chromium: the webserver was just started, and no status of partitions is kept. Shown means
            that the partition bar and its counts are there
  ticks     of the daemon: every schedule has one due tick, sensors look as often as they do
  memory    the peak of each process, runs among them
  database  its tables with indexes, before and after `elec purge --older-than {keep days}`, and what that makes a year

Exit code 1 where a limit is missed. Needs PostgreSQL and Chromium on this machine."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is measured: the services, the database, the time it is filled up to."""

    services: Box
    image: Image
    env: Mapping[str, str]
    connection: Connection
    keys: tuple[str, ...]
    now: datetime
    args: argparse.Namespace

    @property
    def store(self) -> Path:
        """The store's folder."""
        return self.image.path("/var/lib/elec/store")

    @property
    def spans(self) -> list[Span]:
        """Of each election, from when to when it is collected."""
        start = collected_from(self.now, self.args.months)
        whole_from = self.now - timedelta(days=self.args.whole_days)
        return [Span(key, start, self.now, whole_from) for key in self.keys]


def bench(args: argparse.Namespace) -> Report:
    """Deploy, run, multiply, measure.

    Raises:
        WrongOption: an option is out of its range.
        PathFailed: a service, a run or a page failed.
    """
    args.months = args.size if args.months is None else args.months
    if args.keep_days < _LEAST_KEEP_DAYS or args.whole_days < args.keep_days or args.months <= 0:
        raise WrongOption(
            f"--months {args.months:g} --whole-days {args.whole_days} --keep-days {args.keep_days} found; allowed: "
            f"months above 0, keep {_LEAST_KEEP_DAYS} days or more, whole days at least as many"
        )
    with deployed(args) as deployment:
        filled = _filled(deployment)
        return report(_measured(deployment, filled))


@contextmanager
def deployed(args: argparse.Namespace) -> Iterator[Deployment]:
    """Sandboxes, Postgres, and the services, not started yet."""
    now = datetime.now(UTC)
    text = registry(now, args.months, args.elections)
    with ExitStack() as stack:
        image = stack.enter_context(boxes.place(text))
        people = load_registry(image.path("/opt/elec/config") / "candidates.yaml").elections.values()
        x = stack.enter_context(start_x(scene=scene_of(people, seed=args.seed, posts_per_hour=_POSTS_PER_HOUR)))
        trends = stack.enter_context(start_trends(world=trends_scene_of(people, seed=args.seed)))
        given = settings(x.url, trends.url, stack.enter_context(sns()))
        server = stack.enter_context(boxes.postgres())
        services = stack.enter_context(box(image, database=server.dagster(boxes.DATABASE), env_file=given))
        opened = engine(_url(server))
        stack.callback(opened.dispose)
        env = boxes.environment(image, server, given)
        connection = stack.enter_context(opened.connect())
        yield Deployment(services, image, env, connection, elections(args.elections), now, args)


def _url(server: Postgres) -> str:
    return f"postgresql+psycopg2://{USER}:{PASSWORD}@127.0.0.1:{server.port}/{boxes.DATABASE}"


def _filled(deployment: Deployment) -> dict[str, float]:
    """Make the real runs and multiply them; how many of what there is."""
    services, connection, first = deployment.services, deployment.connection, deployment.keys[0]
    for name in boxes.SERVICES:
        progress(f"starting {name}: {boxes.start(services, name):.0f} s")
    progress("one run of each job")
    made = Runs(boxes.web(services), first).made(jobs(deployment.now), deployment.store)
    for name in reversed(boxes.SERVICES):
        services.stop(name)
    mended(deployment.store, made)
    with instance_of(deployment.env) as instance:
        made.append(batches(instance, first, deployment.now))
        templates = read(connection, made)
        wanted = [each for span in deployment.spans for each in instances(span)]
        progress(f"filling in {len(wanted):,} runs and events")
        began = datetime.now(UTC)
        count = fill(connection, templates, wanted, deployment.args.seed)
        assets = tell_assets(instance)
        filled = {
            "instances": float(count),
            "assets": float(assets),
            "ticks": float(fill_ticks(instance, connection, datetime.now(UTC))),
            "coverage_rows": float(fill_store(deployment.store, deployment.keys, deployment.now, made)),
        }
        progress(f"filled in {(datetime.now(UTC) - began).total_seconds():.0f} s: {filled}")
    return filled


@contextmanager
def instance_of(env: Mapping[str, str]) -> Iterator[dg.DagsterInstance]:
    """The services' instance, opened in this process."""
    before = dict(os.environ)
    os.environ.update({name: value for name, value in env.items() if name.startswith("DAGSTER_")})
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)


def _measured(deployment: Deployment, filled: Mapping[str, float]) -> Found:
    services, connection, args = deployment.services, deployment.connection, deployment.args
    before = sizes(connection)
    with instance_of(deployment.env) as instance:
        wrong = checked(instance, deployment.spans)
    with boxes.Memory(services) as memory:
        boxes.start(services, "code")
        mark = newest_tick(connection)
        boxes.start(services, "daemon")
        progress("watching the daemon")
        with instance_of(deployment.env) as instance:
            wanted = [state.instigator_name for state in instance.all_instigator_state()]
        wait_for_ticks(connection, mark, wanted, _TICKS_S, _MOST_TICKS_S)
        boxes.start(services, "webserver")
        opened = pages(boxes.web(services), _pages(deployment.keys[0]), args.pictures)
        daemon_ticks = ticks_since(connection, mark)
        services.stop("daemon")
        fresh = freshness(deployment.image.path("/opt/elec/workspace.yaml"), {**deployment.env, **_code(services)})
        purged, after = _purged(deployment)
    days = (deployment.now - deployment.spans[0].start) / timedelta(days=1)
    grown = growth(before, after, days, args.whole_days, args.keep_days)
    return Found(args, filled, opened, daemon_ticks, fresh, memory.peaks, before, after, grown, purged, wrong)


def _code(services: Box) -> dict[str, str]:
    return {"DAGSTER_CODE_HOST": "127.0.0.1", "DAGSTER_CODE_PORT": services.code_port}


def _purged(deployment: Deployment) -> tuple[dict[str, float], Sizes]:
    progress("purging")
    began = datetime.now(UTC)
    command = [sys.executable, "-m", "elec_assets.cli"]
    told = purge(command, deployment.env, deployment.args.keep_days)
    seconds = (datetime.now(UTC) - began).total_seconds()
    return {**{k: float(told[k]) for k in ("runs", "events", "kept")}, "s": seconds}, sizes(
        deployment.connection, packed=True
    )


def _pages(election: str) -> Sequence[Shown]:
    """The asset's page comes first: nothing is warm then. Its partition bar comes with the counts below it."""
    # Not `innerText`, for which the browser lays the page out: asked 20 times a second that was a tenth of the time.
    shown = r"(t => /Materialized \(\d+\)/.test(t) && t.includes('Missing'))(document.body.textContent)"
    partitions = f"/assets/{election}/twitter/tweets?view=partitions"
    return (
        Shown("asset page", partitions, shown),
        Shown("asset overview", f"/assets/{election}/twitter/tweets?view=overview", _has("Latest materialization")),
        # Again, from there: by its tab.
        Shown("asset page by a click", partitions, shown, "a[href*='view=partitions']"),
        Shown("catalog", "/assets", _has(f"{election} / candidates")),
        Shown("asset graph", "/asset-groups", _has(f"{election}_twitter")),
        Shown("runs", "/runs", _has(f"{election}__twitter_hour")),
    )


def _has(text: str) -> str:
    return f"document.body.innerText.includes({json.dumps(text)})"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = options("campaign", _ABOUT, size=18, unit="months that collection has run", week=False)
    made.add_argument("--months", type=float, help="the same as --size, and takes parts of a month")
    made.add_argument("--elections", type=int, default=3, help="how many are collected (default 3)")
    made.add_argument("--whole-days", type=int, default=120, help="days whose runs are there whole (default 120)")
    made.add_argument("--keep-days", type=int, default=90, help="what is purged then is older (default 90)")
    made.add_argument("--pictures", type=Path, help="folder for a picture of each page")
    return made


if __name__ == "__main__":
    sys.exit(main(parser(), bench))
