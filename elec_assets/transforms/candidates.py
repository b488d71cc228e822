"""The candidates of elections as tables: one election's own, and that of a release."""

import json
from collections.abc import Iterable

import polars as pl

from elec_assets.domain.registry import Candidate, Election
from elec_assets.domain.tables import ALL_CANDIDATES, CANDIDATES
from elec_assets.domain.windows import iso
from elec_assets.transforms.frames import conform, polars_schema


def candidates_table(election: Election) -> pl.DataFrame:
    """One row a candidate, by key."""
    rows = [_row(candidate) for _, candidate in sorted(election.candidates.items())]
    return conform(pl.DataFrame(rows, schema=polars_schema(CANDIDATES), orient="row"), CANDIDATES)


def all_candidates(elections: Iterable[Election]) -> pl.DataFrame:
    """The candidates of all elections, by election and key: the table `all_candidates`."""
    frames = [
        candidates_table(election).with_columns(election=pl.lit(election.key))
        for election in sorted(elections, key=lambda e: e.key)
    ]
    empty = pl.DataFrame(schema=polars_schema(ALL_CANDIDATES))
    return conform(pl.concat([empty, *(frame.select(ALL_CANDIDATES.names) for frame in frames)]), ALL_CANDIDATES)


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
