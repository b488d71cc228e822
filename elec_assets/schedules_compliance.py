"""When posts that are gone on X are taken out here: each day at 03:40 UTC, after the weeks and before a release.

For every election of which posts are held, also long after it: X's terms last as long as the posts are kept.
"""

from collections.abc import Iterator
from datetime import UTC

import dagster as dg

from elec_assets.assets import parts
from elec_assets.assets.compliance import PRODUCT
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import TombstoneArchive
from elec_assets.domain.layout_compliance import raw_posts
from elec_assets.domain.registry import Election
from elec_assets.resources import StoreResource, XSearchResource

_NO_TOKEN = "X may not be asked which posts are gone: set X_BEARER_TOKEN"  # noqa: S105 - a sentence, no secret


def compliance_schedule(election: Election) -> dg.ScheduleDefinition:
    """`{election}__comply`."""
    name = f"{election.key}__comply"
    job = dg.define_asset_job(
        f"{election.key}__compliance",
        selection=dg.AssetSelection.assets(parts.key(election, *PRODUCT)),
        description=f"Takes posts of {election.name} out that are gone on X. Only counts are recorded.",
    )

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Each day: which posts about {election.name} are gone on X? They are taken out here too.",
    )
    def comply(
        context: dg.ScheduleEvaluationContext, store: StoreResource, x_search: XSearchResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        now = context.scheduled_execution_time.astimezone(UTC)
        opened = store.open()
        if not holds_posts(opened, election.key):
            yield dg.SkipReason(f"no posts of {election.key} are held")
        elif not x_search.token and not TombstoneArchive(opened, election.key).unfinished():
            yield dg.SkipReason(_NO_TOKEN)
        else:
            yield dg.RunRequest(run_key=f"comply {now:%Y-%m-%d}")

    return comply


def holds_posts(store: Store, election: str) -> bool:
    """Whether a store has raw objects of an election that may hold posts."""
    return any(store.any_under(prefix) for prefix in raw_posts(election))
