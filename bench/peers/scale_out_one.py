"""A backfill in one process: the runs that Dagster would launch, one after another, on the instance of DAGSTER_HOME."""

from collections.abc import Sequence

import dagster as dg

from bench.measure import Figures, Job, PathFailed
from bench.posts import ELECTION
from elec_assets.assets.tweets import HOURS_A_RUN
from elec_assets.definitions import defs

OF_WEEKS = ("twitter/weekly", "twitter/volume", "coverage/weekly")


def run(job: Job) -> Figures:
    """Make the `hours` and `weeks` (partition keys) of the job; `runs` tells how many runs that were."""
    with dg.DagsterInstance.get() as instance:
        return {"runs": backfilled(instance, job["hours"], job["weeks"])}


def backfilled(
    instance: dg.DagsterInstance, hours: Sequence[str], weeks: Sequence[str], of_weeks: Sequence[str] = OF_WEEKS
) -> int:
    """Make hours, as many in a run as a backfill makes, then what there is of weeks; returns how many runs that were.

    Raises:
        PathFailed: a run failed.
    """
    spans = [hours[i : i + HOURS_A_RUN] for i in range(0, len(hours), HOURS_A_RUN)]
    for span in spans:
        ends = {"dagster/asset_partition_range_start": span[0], "dagster/asset_partition_range_end": span[-1]}
        _run(instance, ["twitter/tweets"], tags=ends)
    for week in weeks:
        _run(instance, of_weeks, partition=week)
    return len(spans) + len(weeks)


def _run(
    instance: dg.DagsterInstance,
    products: Sequence[str],
    *,
    partition: str | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    done = (
        defs()
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey([ELECTION, *product.split("/")]) for product in products],
            partition_key=partition,
            tags=tags,
            raise_on_error=False,
        )
    )
    if not done.success:
        raise PathFailed(f"{', '.join(products)} of {partition or tags} failed")
