"""What watches: the automation sensor that makes the candidates table anew when the registry changes."""

from collections.abc import Iterable

import dagster as dg

from elec_assets.assets import parts
from elec_assets.domain.registry import Election


def registry_sensor(elections: Iterable[Election]) -> dg.AutomationConditionSensorDefinition:
    """Materializes `candidates` of each election when it is missing or the registry's version changed."""
    keys = [parts.key(election, "candidates") for election in elections]
    return dg.AutomationConditionSensorDefinition(
        name="registry_changes",
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the candidates table of an election anew when candidates.yaml changes.",
    )
