"""When a release is made: asked each day at 05:30 UTC, three hours after the weeks are built; the tick says why not.

`domain/release_cadence.py` decides: by the phase of the elections, never in a blackout. What failed on a day is tried
again on the next. Another tick a day asks Kaggle which version it shows, and of when.
"""

from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from elec_assets.assets.dataset import DATASET, STAGED
from elec_assets.clients.release_history import published
from elec_assets.clients.release_snapshot import SnapshotReader
from elec_assets.clients.store import Store
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.release_cadence import release_due
from elec_assets.resources import KaggleResource, StoreResource
from elec_assets.transforms.publication import PRODUCTS

JOB, SCHEDULE = "kaggle__release", "kaggle__releases"
LOOK_JOB, LOOK_SCHEDULE = "kaggle__look", "kaggle__looks"


def releases_schedule(registry: Registry) -> dg.ScheduleDefinition:
    """Stages and publishes when a release is due, of all elections."""
    elections = tuple(registry.elections.values())
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(STAGED, DATASET),
        description="A release: staged, held to the gate, published, and compared with what Kaggle lists.",
    )

    @dg.schedule(
        name=SCHEDULE,
        job=job,
        cron_schedule="30 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "Asks each day whether a release is due: monthly until 6 months before the first round, weekly until 14 "
            "days before it, daily until 7 days after the last, weekly to the inauguration, then one final. Never in a "
            "blackout."
        ),
    )
    def releases(
        context: dg.ScheduleEvaluationContext, store: StoreResource, kaggle: KaggleResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        if kaggle.problem is not None or kaggle.dataset is None:
            yield dg.SkipReason(kaggle.problem)
            return
        opened = store.open()
        shown = published(opened, kaggle.dataset)
        due = release_due(elections, None if shown is None else shown.began_at, now)
        if not due.due:
            yield dg.SkipReason(due.reason)
        elif not _any_week(opened, elections):
            yield dg.SkipReason(f"{due.reason}; but no week is built yet: that is done on Tuesday 02:00 UTC")
        else:
            context.log.info(due.reason)
            yield dg.RunRequest(run_key=f"release {now:%Y-%m-%d}", tags={"elec/release": due.reason})

    return releases


def looks_schedule() -> dg.ScheduleDefinition:
    """Asks Kaggle each day which version it shows: the check `shown_by_kaggle`, which costs one request."""
    job = dg.define_asset_job(
        LOOK_JOB,
        selection=dg.AssetSelection.checks_for_assets(DATASET),
        description="Asks Kaggle which version of the dataset it shows, and of when. Publishes nothing.",
    )

    @dg.schedule(
        name=LOOK_SCHEDULE,
        job=job,
        cron_schedule="0 8 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks Kaggle each day which version of the dataset it shows, and judges its age by Kaggle's date.",
    )
    def looks(
        context: dg.ScheduleEvaluationContext, store: StoreResource, kaggle: KaggleResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if kaggle.problem is not None or kaggle.dataset is None:
            yield dg.SkipReason(kaggle.problem)
        elif published(store.open(), kaggle.dataset) is None:
            yield dg.SkipReason(f"nothing was published to {kaggle.dataset} yet")
        else:
            yield dg.RunRequest(run_key=f"look {context.scheduled_execution_time.astimezone(UTC):%Y-%m-%d}")

    return looks


def _any_week(store: Store, elections: tuple[Election, ...]) -> bool:
    """Whether there is a weekly file to release."""
    readers = [SnapshotReader(store, election) for election in elections]
    return any(reader.weeks(product) for reader in readers for product in PRODUCTS)
