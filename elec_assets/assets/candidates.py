"""The candidates of an election as a table, and the registry version that it came from, kept for good."""

import hashlib
import json
from contextlib import suppress

import dagster as dg
import polars as pl

from elec_assets.assets import parts
from elec_assets.clients.store import ObjectExists
from elec_assets.domain import layout
from elec_assets.domain.registry import Candidate, Election, Registry
from elec_assets.domain.tables import CANDIDATES
from elec_assets.domain.windows import iso
from elec_assets.resources import StoreResource
from elec_assets.transforms.frames import conform, csv_chunk, polars_schema

# Not `on_missing()`: it ignores what was missing when the sensor was first switched on (Dagster 1.13.27, 2026-11),
# which is the state of every new deployment.
_WHEN = (dg.AutomationCondition.missing() | dg.AutomationCondition.code_version_changed()) & ~(
    dg.AutomationCondition.in_progress() | dg.AutomationCondition.execution_failed()
)


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
    def candidates(store: StoreResource) -> dg.MaterializeResult[None]:
        opened = store.open()
        frame = candidates_table(election)
        data = csv_chunk(frame, CANDIDATES, header=True)
        with suppress(ObjectExists):  # this version was loaded before
            opened.create(layout.registry_version(registry.version), registry.content.encode())
        opened.put(layout.candidates_table(election.key), data)
        columns = {"candidate": "string", "name": "string", "party": "string", "accounts": "string"}
        shown = frame.with_columns(pl.col("accounts").list.join(", ")).select(list(columns)).to_dicts()
        return dg.MaterializeResult(
            data_version=dg.DataVersion(hashlib.sha256(data).hexdigest()[:16]),
            metadata={
                "dagster/row_count": frame.height,
                "registry_version": registry.version,
                "object": layout.candidates_table(election.key),
                "bytes": len(data),
                "candidates": parts.preview(shown, columns),
            },
        )

    return candidates


def candidates_table(election: Election) -> pl.DataFrame:
    """One row a candidate, by key."""
    rows = [_row(candidate) for _, candidate in sorted(election.candidates.items())]
    return conform(pl.DataFrame(rows, schema=polars_schema(CANDIDATES), orient="row"), CANDIDATES)


def _row(candidate: Candidate) -> tuple[object, ...]:
    status = [[iso(s.since) if s.since else None, s.value] for s in candidate.status]
    return (
        candidate.key,
        candidate.name,
        candidate.group,
        candidate.party,
        json.dumps(status),
        list(candidate.accounts),
        list(candidate.terms),
        list(candidate.exclude),
        candidate.since,
        candidate.until,
        candidate.trends.topic_mid,
        candidate.trends.term,
        candidate.image,
    )
