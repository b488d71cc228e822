"""The hours of tweets: ask X for what was neither captured nor answered yet, seal the hour, store it, record it.

An hour is recorded by an event of its own as soon as it is stored, so that a killed run keeps what it did; the
asset's output is skippable for that reason (docs/decisions/0001), and its checks ride in the same step.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from elec_assets import partitions
from elec_assets.assets import parts
from elec_assets.assets.candidates import admitted
from elec_assets.clients.hour_sealer import HourSealer, SealedHour
from elec_assets.clients.spend_ledger import LedgerUnreadable
from elec_assets.clients.store import Store, StoreError
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import Grain, Window, iso, key_of
from elec_assets.freshness import policy
from elec_assets.resources import SEARCH_POOL, StoreResource, XSearchResource
from elec_assets.transforms import verification
from elec_assets.transforms.coverage import HourCoverage

REFRESH_TAG = "elec/refresh"
HOURS_A_RUN = 24
_CHECKS = {
    verification.COLUMNS: "Columns, their order and types are those of the table.",
    verification.IDS_UNIQUE: "No post stands twice in its hour.",
    verification.TIMES_INSIDE: "Every post belongs to its hour.",
    verification.NOT_SHRUNK: "An hour is replaced only by one made of more.",
    verification.COMPLETE: "All planned time of the hour is captured or filled.",
    verification.COMPLETENESS: (
        "Of the posts without retweets that X counts in covered time, at least 98 % are held (judged once the hour has "
        "been over for a day, where the budget allows; posts deleted since lower it)."
    ),
}


def tweets_asset(election: Election, registry: Registry, *, active: bool) -> dg.AssetsDefinition:
    """`{election}/twitter/tweets`, hourly."""
    key = parts.key(election, "twitter", "tweets")
    spec = dg.AssetSpec(
        key,
        deps=[parts.key(election, "candidates"), parts.key(election, "twitter", "batches")],
        description=(
            "Posts about the candidates, one row a post, sorted by id. An hour is a pure function of all its raw "
            "objects, batches of live capture and search pages; a rerun asks X only for time that was neither captured "
            "nor answered (run tag `elec/refresh=true` asks for all of it). Retweets come from live capture alone."
        ),
        group_name=parts.group(election, "twitter"),
        kinds={"x", "polars", "parquet"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "table", "hour"),
        metadata=parts.table_metadata(TWEETS, f"{election.key}/data/tables/twitter/YYYYMMDD/HH.parquet"),
        freshness_policy=policy("twitter/tweets", active=active),
        code_version=str(TWEETS.columns[-1].since),
        skippable=True,
    )

    @dg.multi_asset(
        name=f"{election.key}__twitter__tweets",
        specs=[spec],
        check_specs=[dg.AssetCheckSpec(name, asset=key, description=text) for name, text in _CHECKS.items()],
        partitions_def=partitions.hours(election),
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=HOURS_A_RUN),
        pool=SEARCH_POOL,
    )
    def tweets(
        context: dg.AssetExecutionContext, store: StoreResource, x_search: XSearchResource
    ) -> Iterator[dg.AssetMaterialization | dg.AssetCheckResult]:
        opened = store.open()
        admitted(opened, registry)
        sealer = _sealer(election, registry.version, opened, x_search)
        refresh = context.run.tags.get(REFRESH_TAG) == "true"
        hours = [partitions.window(k, Grain.HOUR) for k in context.partition_keys]
        done = []
        for hour in hours:
            sealed = _seal(sealer, hour, refresh=refresh)
            done.append(sealed)
            context.log.info(f"{sealed.partition}: {sealed.summary} ({len(done)} of {len(hours)})")
            if sealed.stored:
                yield _recorded(key, sealed)
        yield from _check_results(key, done)
        unsealed = [f"{s.partition}: {s.summary}" for s in done if not s.stored]
        if unsealed:
            raise dg.Failure(
                f"{len(unsealed)} of {len(done)} hours were not sealed; what was stored is unchanged. "
                + "; ".join(unsealed[:3]),
                allow_retries=False,
            )

    return tweets


def _seal(sealer: HourSealer, hour: Window, *, refresh: bool) -> SealedHour:
    """One hour; a damaged object fails its own hour, the others of the run go on.

    Raises:
        dg.Failure: the store or the spend ledger cannot be used: further hours would be asked and paid for in vain.
    """
    partition = key_of(hour, Grain.HOUR)
    try:
        return sealer.seal(hour, refresh=refresh)
    except ArchiveDamaged as error:
        return SealedHour(partition, stored=False, summary=str(error))
    except (StoreError, LedgerUnreadable) as error:
        raise dg.Failure(
            f"{partition}: {error}. The run ends here; what was stored is unchanged.", allow_retries=False
        ) from error


def _sealer(election: Election, registry_version: str, store: Store, x_search: XSearchResource) -> HourSealer:
    """What seals the hours of a run.

    Raises:
        dg.Failure: the store cannot be used, or holds posts of another source.
    """
    try:
        fill = x_search.fill(store)
    except StoreError as error:
        raise dg.Failure(f"{error}. Nothing was asked, and nothing is changed.", allow_retries=False) from error
    return HourSealer(
        election=election,
        registry_version=registry_version,
        store=store,
        fill=fill,
        query_limit=x_search.query_limit,
        counts=None if fill is None else fill.counts,
    )


def _check_results(key: dg.AssetKey, done: list[SealedHour]) -> Iterator[dg.AssetCheckResult]:
    for name in _CHECKS:
        bad = {s.partition: f.text for s in done for f in s.findings if f.check == name}
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=not bad,
            severity=dg.AssetCheckSeverity.WARN if name in verification.SUSPICIONS else dg.AssetCheckSeverity.ERROR,
            description=f"{len(bad)} of {len(done)} hours: {'; '.join(f'{k}: {t}' for k, t in list(bad.items())[:3])}"
            if bad
            else f"{len(done)} hours hold",
            metadata={"hours": len(done), "bad": dg.MetadataValue.json(bad)},
        )


def _recorded(key: dg.AssetKey, hour: SealedHour) -> dg.AssetMaterialization:
    version = {"dagster/data_version": hour.sha256[:16]} if hour.sha256 else {}
    return dg.AssetMaterialization(key, partition=hour.partition, metadata=_describe(hour), tags=version)


def _describe(hour: SealedHour) -> dict[str, Any]:
    """Metadata of an hour's materialization: counts, times, coverage; ids in the preview, never text."""
    row, frame = hour.row, hour.frame
    if row is None:
        return {}
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": row.rows,
        "outcome": row.outcome.value,
        "planned_s": row.planned_s,
        "captured_s": row.captured_s,
        "filled_s": row.filled_s,
        "missed_s": row.missed_s,
        "retweets_missed_s": row.retweets_missed_s,
        "batches": row.batches,
        "rejects": row.rejects,
        "duplicates": row.duplicates,
        "raw_objects": row.raw_objects,
        "bytes": hour.size,
        "object": hour.key,
    }
    metadata |= _audited(row, hour.unaudited)
    if row.outside:
        metadata["posts_outside_collection"] = row.outside
    if row.reason:
        metadata["reason"] = row.reason
    if frame is not None and frame.height:
        metadata["first"] = iso(frame["created_at"][0])
        metadata["last"] = iso(frame["created_at"][-1])
        columns = {"tweet_id": "string", "created_at": "string", "kind": "string", "candidates": "string"}
        head = frame.head(5).select(
            "tweet_id",
            pl.col("created_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "kind",
            pl.col("candidates").list.join(", "),
        )
        metadata["preview"] = parts.preview(head.to_dicts(), columns)
    return metadata


def _audited(row: HourCoverage, unaudited: str | None) -> dict[str, Any]:
    """What the comparison with X's counts says, or why there is none."""
    found: dict[str, Any] = {} if unaudited is None else {"not_counted": unaudited}
    if row.counted is not None and row.held is not None:
        found |= {"counted": row.counted, "held": row.held}
        if row.counted:
            found["completeness"] = round(row.held / row.counted, 4)
    return found
