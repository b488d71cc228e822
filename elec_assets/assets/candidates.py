"""The candidates of an election as a table, once their registry is in force (it does not rewrite the past)."""

import hashlib

import dagster as dg
import polars as pl

from elec_assets.assets import parts
from elec_assets.clients.registry_history import Admission, HistoryUnreadable, PastRewritten, RegistryHistory
from elec_assets.clients.store import Store
from elec_assets.domain import layout
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.registry_history import sentences
from elec_assets.domain.tables import CANDIDATES
from elec_assets.domain.windows import iso
from elec_assets.resources import StoreResource, utc_now
from elec_assets.transforms.candidates import candidates_table
from elec_assets.transforms.frames import csv_chunk

# Not `on_missing()`: it ignores what was missing when the sensor was first switched on (Dagster 1.13.27, 2026-11),
# which is the state of every new deployment.
_MISSING = dg.AutomationCondition.missing() & ~dg.AutomationCondition.execution_failed()
# Also after a failure: the version before may have been refused, and this one be the mended file.
_CHANGED = dg.AutomationCondition.code_version_changed().since(dg.AutomationCondition.newly_requested())
_WHEN = (_MISSING | _CHANGED) & ~dg.AutomationCondition.in_progress()
_STAYS = "Hours sealed before keep the posts that they have, until they are materialized again."


def candidates_asset(election: Election, registry: Registry) -> dg.AssetsDefinition:
    """`{election}/candidates`, made anew when the registry changes."""

    @dg.asset(
        key=parts.key(election, "candidates"),
        description=f"Who is followed in {election.name}, as `candidates.yaml` says.",
        group_name=parts.group(election),
        kinds={"yaml", "csv"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "registry"),
        metadata=parts.table_metadata(CANDIDATES, layout.candidates_table(election.key)),
        code_version=registry.version,
        automation_condition=_WHEN,
    )
    def candidates(context: dg.AssetExecutionContext, store: StoreResource) -> dg.MaterializeResult[None]:
        opened = store.open()
        admission = admitted(opened, registry)
        others = [s.candidate for s in admission.searched_otherwise if s.election == election.key]
        if others:
            context.log.info(f"searched for by other words than before: {', '.join(others)}. {_STAYS}")
        frame = candidates_table(election)
        data = csv_chunk(frame, CANDIDATES, header=True)
        opened.put(layout.candidates_table(election.key), data)
        columns = {"candidate": "string", "name": "string", "party": "string", "accounts": "string"}
        shown = frame.with_columns(pl.col("accounts").list.join(", ")).select(list(columns)).to_dicts()
        return dg.MaterializeResult(
            data_version=dg.DataVersion(hashlib.sha256(data).hexdigest()[:16]),
            metadata={
                "dagster/row_count": frame.height,
                "registry_version": registry.version,
                "in_force_since": iso(admission.admitted_at),
                **_edited(admission, election.key, others),
                "object": layout.candidates_table(election.key),
                "bytes": len(data),
                "candidates": parts.preview(shown, columns),
            },
        )

    return candidates


def admitted(store: Store, registry: Registry) -> Admission:
    """The registry's admission; a run whose registry rewrites the past fails here, before it does anything.

    Raises:
        Failure: the registry is refused, or its history cannot be read; nothing was changed.
    """
    try:
        return RegistryHistory(store).admit(registry, utc_now())
    except (PastRewritten, HistoryUnreadable) as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _edited(admission: Admission, election: str, searched_otherwise: list[str]) -> dict[str, str]:
    """What the version in force changed of an election's past or of its searches."""
    told = {}
    if searched_otherwise:
        told["searched_otherwise"] = f"{', '.join(searched_otherwise)}. {_STAYS}"
    changes = sentences(change for change in admission.changes if change.election == election)
    if changes:
        told["past_changed"] = f"{'; '.join(changes)}. Reason: {admission.reason}"
    return told
