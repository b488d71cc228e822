"""The smallest definitions of Dagster with an hourly partition: what a run costs that does nothing."""

import dagster as dg


@dg.asset(partitions_def=dg.HourlyPartitionsDefinition("2022-01-01-00:00"))
def nothing() -> None:
    """An hour of nothing, kept nowhere."""


@dg.definitions
def defs() -> dg.Definitions:
    """The one asset, in the process of its run."""
    return dg.Definitions(assets=[nothing], executor=dg.in_process_executor)
