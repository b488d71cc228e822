"""`elec purge`: the command."""

import os
from datetime import timedelta

import click

from elec_assets.operations.lengths import Length
from elec_assets.operations.terminal import AS_JSON, show, stop, utc_now


@click.command()
@click.option("--older-than", default="90d", type=Length(), show_default=True, help="Age of the runs; 7d at least.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@AS_JSON
def purge(*, older_than: timedelta, dry_run: bool, as_json: bool) -> None:
    """Forget old runs of the Dagster instance in DAGSTER_HOME; what they materialized is kept.

    Dagster itself keeps every run for good.
    """
    if not os.environ.get("DAGSTER_HOME"):
        stop("DAGSTER_HOME is not set: it names the folder whose dagster.yaml says where the runs are", 2)
    from dagster import DagsterError, DagsterInstance
    from sqlalchemy.exc import SQLAlchemyError

    from elec_assets.operations.purge import PurgeRefused
    from elec_assets.operations.purge import purge as forget

    unanswered: tuple[type[Exception], ...] = (SQLAlchemyError, *_given_up())
    try:
        with DagsterInstance.get() as instance:
            report = forget(instance, utc_now(), older_than=older_than, dry_run=dry_run)
    except PurgeRefused as error:
        stop(str(error), 2)
    except DagsterError as error:
        stop(f"the instance in DAGSTER_HOME cannot be opened: {str(error).splitlines()[0]}", 2)
    except unanswered as error:
        # Not its text: it may hold the address with the password.
        stop(f"its database failed ({type(error).__name__}); what was purged stays purged, run it again", 1)
    show(report, as_json=as_json)


def _given_up() -> tuple[type[Exception], ...]:
    """What dagster-postgres, which is an extra, raises where the database does not answer."""
    try:
        from dagster_postgres.utils import DagsterPostgresException
    except ImportError:
        return ()
    return (DagsterPostgresException,)
