"""`elec comply`, as it is typed. Its work is imported when it runs."""

from typing import TYPE_CHECKING

import click

from elec_assets.operations.terminal import AS_JSON, progress, settings_and_registry, show, stop, utc_now

if TYPE_CHECKING:
    from elec_assets.operations.report import Report


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be done: asks nobody, changes nothing.")
@click.option("--all", "everything", is_flag=True, help="Ask about all posts, not only those that are due today.")
@click.option("--election", help="One election of the registry; default: all.")
@click.option(
    "--forget",
    "who",
    metavar="USER_ID|@HANDLE",
    help="A person's request: take out all that this user posted, and never keep anything of it again. Asks nobody.",
)
@AS_JSON
def comply(*, dry_run: bool, everything: bool, election: str | None, who: str | None, as_json: bool) -> None:
    """Take out of the store what X or a person wants gone: deleted, suspended and protected posts, scrubbed places.

    Asks X about the posts held (of the last 30 days each time, older ones once in 7 days), keeps fingerprints of what
    is gone, rewrites the raw objects, and makes the hours and weeks concerned again. A daily schedule does the same.
    Only counts are shown and recorded. Killed or failed, it goes on where it was: just run it again.

    Without X_BEARER_TOKEN only what was noted before is applied. X documents no price for these questions.
    """
    from elec_assets.clients.compliance import ComplyBusy
    from elec_assets.clients.registry_history import HistoryUnreadable, PastRewritten
    from elec_assets.clients.store import StoreError
    from elec_assets.clients.tweet_archive import ArchiveDamaged

    if who is not None and (dry_run or everything or election is not None):
        stop("--forget is for every election, at once and for real: give it alone", 2)
    try:
        report = _run(dry_run=dry_run, everything=everything, election=election, who=who)
    except (ComplyBusy, HistoryUnreadable, StoreError, ArchiveDamaged) as error:
        stop(f"{error}. What was done stays done; run it again", 1)
    except (ValueError, PastRewritten) as error:
        stop(str(error), 2)
    show(report, as_json=as_json)


def _run(*, dry_run: bool, everything: bool, election: str | None, who: str | None) -> "Report":
    from elec_assets.operations import comply as work

    settings, registry = settings_and_registry(secrets=True)
    if who is not None:
        return work.forget(settings, registry, utc_now(), who=who, say=progress)
    make = work.plan if dry_run else work.comply
    return make(settings, registry, utc_now(), election=election, everything=everything, say=progress)
