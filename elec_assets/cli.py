"""`elec`: thin commands. Each does its work in `operations/`, imported when it runs: `--help` needs nothing heavy.

Exit codes: 0 done, 1 failed while working, 2 wrong input or settings.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from elec_assets.operations import (
    capture_commands,
    comply_commands,
    deadman_commands,
    purge_commands,
    release_commands,
    sandbox_commands,
    watch_commands,
)
from elec_assets.operations.terminal import (
    AS_JSON,
    as_utc,
    progress,
    settings_and_registry,
    settings_or_stop,
    show,
    stop,
    utc_now,
)

if TYPE_CHECKING:
    from elec_assets.operations.report import Report

_PORT = click.IntRange(1, 65535)
# As in `operations/rebuild.py`, which `--help` has no time to load; a test compares.
_TABLES = (
    "tweets",
    "interest_over_time",
    "interest_by_region",
    "related_topics",
    "related_queries",
    "calibrated_interest",
)
_DAY = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d-%H:%M"])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="elec-assets")
def main() -> None:
    """Collect what people say on X about the candidates of an election, and publish it week by week.

    Start with `elec demo`: it needs no account and no network. Then: `elec candidates check`, `elec plan`,
    `elec doctor`. Settings come from the environment or .env; `.env.example` lists them all.
    """


@main.command()
@click.option("--once", is_flag=True, help="Without the UI kept open: seed, print what was made, exit.")
@click.option("--port", default=3000, type=_PORT, show_default=True, help="Port of Dagster's UI on 127.0.0.1.")
@click.option(
    "--dir", "folder", default=".elec-demo", show_default=True, type=click.Path(path_type=Path), help="Its folder."
)
@click.option(
    "--weeks", default=2, type=click.IntRange(1, 8), show_default=True, help="Past weeks that a backfill seeds."
)
@click.option(
    "--days",
    default=7,
    type=click.IntRange(2, 7),
    show_default=True,
    help="Days of the first week that are collected: fewer are sooner done.",
)
@AS_JSON
def demo(*, once: bool, port: int, folder: Path, weeks: int, days: int, as_json: bool) -> None:
    """Run the main job on a sandbox of X, in a Dagster instance of its own. No account, no network."""
    from elec_assets.operations.demo import DemoFailed
    from elec_assets.operations.demo import demo as run
    from elec_assets.operations.demo_setup import DemoFolderTaken

    try:
        summary = run(folder.resolve(), port=port, once=once, weeks=weeks, days=days, say=progress)
    except DemoFolderTaken as error:
        stop(str(error), 2)
    except (DemoFailed, OSError) as error:
        stop(str(error), 1)
    except KeyboardInterrupt:
        stop("interrupted; all that the demo started is stopped", 130)
    if once or as_json:
        show(summary, as_json=as_json)


@main.group()
def candidates() -> None:
    """The registry: who is followed."""


@candidates.command("check")
@click.argument("file", type=click.Path(path_type=Path), default=None, required=False)
@AS_JSON
def candidates_check(*, file: Path | None, as_json: bool) -> None:
    """Check a registry (candidates.yaml), or a candidates file in the JSON form of 2021. All problems at once.

    FILE defaults to the registry of this deployment.
    """
    from elec_assets.operations.candidates import check

    show(check(file or settings_or_stop().registry_path, utc_now()), as_json=as_json)


@candidates.command("accept")
@click.option("--reason", required=True, help="Why the past changes; kept with the version.")
@AS_JSON
def candidates_accept(*, reason: str, as_json: bool) -> None:
    """Record that an edit of the registry changes who was followed in the past: it is refused otherwise.

    Shows what changes, for whom, from when until when. `elec doctor` shows it before.
    """
    from elec_assets.operations.accept import accept

    settings, registry = settings_and_registry()
    show(_working(lambda: accept(settings, registry, utc_now(), reason)), as_json=as_json)


@main.command()
@click.option("--posts-per-hour", type=click.FloatRange(min=0), help="Assume this volume instead of what was measured.")
@AS_JSON
def plan(*, posts_per_hour: float | None, as_json: bool) -> None:
    """What will be asked of X and of Google Trends for each active election: rules, queries, requests, USD a month."""
    from elec_assets.operations.plan import plan as make

    settings, registry = settings_and_registry()
    show(_working(lambda: make(settings, registry, utc_now(), posts_per_hour)), as_json=as_json)


@main.command()
@AS_JSON
def doctor(*, as_json: bool) -> None:
    """Whether this deployment can work, check by check, and what to do where it cannot."""
    from elec_assets.operations.doctor import doctor as examine

    show(examine(utc_now()), as_json=as_json)


@main.command()
@click.option("--since", type=_DAY, help="UTC day or hour; default: 7 days ago.")
@click.option("--election", help="One election of the registry; default: all.")
@AS_JSON
def coverage(*, since: datetime | None, election: str | None, as_json: bool) -> None:
    """What was planned, covered and missed, day by day, with every gap named."""
    from elec_assets.operations.coverage import coverage as report

    settings, registry = settings_and_registry()
    show(
        _working(lambda: report(settings, registry, utc_now(), since=as_utc(since), election=election)), as_json=as_json
    )


@main.command()
@click.option("--table", type=click.Choice(_TABLES), required=True, help="Which table.")
@click.option("--since", type=_DAY, required=True, help="UTC day or hour to begin with.")
@AS_JSON
def rebuild(*, table: str, since: datetime, as_json: bool) -> None:
    """Make tables again from the raw objects in the store. Asks no one; the same objects give the same bytes."""
    from elec_assets.domain.trends import TrendsTable
    from elec_assets.operations.rebuild import TWEETS
    from elec_assets.operations.rebuild import rebuild as again
    from elec_assets.operations.rebuild_trends import rebuild_trends

    settings, registry = settings_and_registry()
    start = since.replace(tzinfo=UTC)

    def told(name: str, number: int, of: int) -> None:
        if sys.stderr.isatty() or number % 24 == 0 or number == of:
            over = "\r" if sys.stderr.isatty() else ""
            click.echo(f"{over}{table} {name}: {number} of {of}", err=True, nl=not over or number == of)

    def work() -> "Report":
        if table == TWEETS:
            return again(settings, registry, utc_now(), since=start, progress=told)
        named = TrendsTable(table)
        return rebuild_trends(settings, registry, utc_now(), table=named, since=start, progress=told)

    show(_working(work), as_json=as_json)


@main.command()
@click.argument("asset")
@click.option("--from", "first", required=True, help="First partition key, or a date: 2026-11-02.")
@click.option("--to", "last", required=True, help="Last partition key, or a date, included.")
@click.option("--url", default="http://127.0.0.1:3000", show_default=True, help="Dagster's webserver.")
@AS_JSON
def backfill(*, asset: str, first: str, last: str, url: str, as_json: bool) -> None:
    """Ask the running Dagster instance for a backfill of ASSET, as the UI does, and follow it.

    Example: elec backfill fr_presidential_2027/twitter/tweets --from 2026-11-02 --to 2026-11-08
    """
    from elec_assets.operations.backfill import backfill as ask
    from elec_assets.operations.dagster_api import BackfillProgress, DagsterApi

    shown: list[int] = []

    def told(progress: BackfillProgress) -> None:
        if not shown or shown[-1] != progress.done:
            shown.append(progress.done)
            click.echo(f"{progress.done} of {progress.wanted} materialized, {progress.failed} failed", err=True)

    show(_working(lambda: ask(DagsterApi(url), asset, first, last, told)), as_json=as_json)


def _working(work: "Callable[[], Report]") -> "Report":
    """Run a command's work; what it cannot do becomes one sentence and an exit code."""
    from elec_assets.clients.registry_history import HistoryUnreadable, PastRewritten
    from elec_assets.clients.store import StoreError
    from elec_assets.clients.tweet_archive import ArchiveDamaged
    from elec_assets.operations.dagster_api import DagsterUnreachable
    from elec_assets.transforms.coverage import CoverageUnreadable

    try:
        return work()
    except (StoreError, ArchiveDamaged, CoverageUnreadable, DagsterUnreachable, HistoryUnreadable) as error:
        stop(str(error), 1)
    except (ValueError, PastRewritten) as error:
        stop(str(error), 2)


main.add_command(sandbox_commands.sandbox)
main.add_command(capture_commands.capture)
main.add_command(capture_commands.status)
main.add_command(comply_commands.comply)
main.add_command(release_commands.releases)
main.add_command(deadman_commands.deadman)
main.add_command(purge_commands.purge)
main.add_command(watch_commands.watch)

if __name__ == "__main__":
    main()
