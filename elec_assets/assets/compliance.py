"""Keeping to X's terms, daily: posts that are gone on X go here too. Metadata holds counts alone."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from elec_assets.assets import parts
from elec_assets.assets.candidates import admitted
from elec_assets.clients.compliance import Complied, Complier, ComplyBusy, comply_alone
from elec_assets.clients.redaction import Redacted
from elec_assets.clients.store import Store, StoreError
from elec_assets.clients.tombstones import TombstoneArchive, comply_lock
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.clients.x_compliance import asking
from elec_assets.domain import layout_compliance as layout
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.tables import COMPLIANCE
from elec_assets.domain.windows import epoch_ms
from elec_assets.resources import StoreResource, XSearchResource, utc_now
from elec_assets.transforms.frames import csv_chunk, from_rows

POOL = "x_compliance"
PRODUCT = ("twitter", "compliance")
EVERYTHING_TAG = "elec/everything"
_GOES_ON = "What was done stays done; the next run goes on from there."
_COLUMNS = {"what": "string", "number": "integer"}


def compliance_asset(election: Election, registry: Registry) -> dg.AssetsDefinition:
    """`{election}/twitter/compliance`."""

    @dg.asset(
        key=parts.key(election, *PRODUCT),
        deps=[parts.key(election, "twitter", "tweets")],
        description=(
            "What X or a person wants gone, taken out: X is asked about the posts held (of the last 30 days each day, "
            "older ones once in 7), raw objects are rewritten without those that are deleted, suspended or protected, "
            "and their hours and weeks made again. Only counts are recorded; fingerprints are kept so that nothing "
            "comes back. Run tag `elec/everything=true` asks about all posts at once. See docs/data-protection.md."
        ),
        group_name=parts.group(election, "twitter"),
        kinds={"x", "csv"},
        owners=parts.OWNERS,
        tags=parts.tags(election, "table", "day"),
        metadata=parts.table_metadata(COMPLIANCE, layout.compliance_table(election.key)),
        code_version="1",
        pool=POOL,
    )
    def compliance(
        context: dg.AssetExecutionContext, store: StoreResource, x_search: XSearchResource
    ) -> dg.MaterializeResult[None]:
        opened = store.open()
        admitted(opened, registry)
        everything = context.run.tags.get(EVERYTHING_TAG) == "true"
        try:
            done = _run(context, opened, x_search, everything=everything)
            table = _table(opened, election.key)
        except (ComplyBusy, StoreError, ArchiveDamaged) as error:
            raise dg.Failure(f"{error}. {_GOES_ON}", allow_retries=False) from error
        # So that whatever is made of them is made again by the usual rules.
        for name, partition in [("tweets", hour) for hour in done.redacted.hours] + _weeks(done.redacted):
            context.log_event(_redacted(parts.key(election, "twitter", name), partition))
        wrong = [*([] if done.error is None else [str(done.error)]), *done.redacted.failed]
        if wrong:
            raise dg.Failure(f"{'; '.join(wrong[:3])} ({len(wrong)} in all). {_GOES_ON}", allow_retries=False)
        data = csv_chunk(table, COMPLIANCE, header=True)
        opened.put(layout.compliance_table(election.key), data)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(hashlib.sha256(data).hexdigest()[:16]),
            metadata=_metadata(done, table, len(data)),
        )

    def _run(
        context: dg.AssetExecutionContext, store: Store, x_search: XSearchResource, *, everything: bool
    ) -> Complied:
        asked = asking(
            store,
            token=x_search.token,
            base_url=x_search.base_url,
            timeout_s=x_search.timeout_s,
            sandbox=x_search.free,
        )
        with comply_alone(comply_lock(store.url)), asked as x:
            complier = Complier(
                store=store,
                election=election,
                registry_version=registry.version,
                query_limit=x_search.query_limit,
                x=x,
                say=context.log.info,
            )
            return complier.run(utc_now(), everything=everything)

    return compliance


def _weeks(redacted: Redacted) -> list[tuple[str, str]]:
    """The weekly assets whose files were built again, each with its partition."""
    return [("weekly" if product == "twitter" else "volume", week) for product, week in redacted.files]


def _redacted(key: dg.AssetKey, partition: str) -> dg.AssetMaterialization:
    why = "made again without posts that may not be kept"
    return dg.AssetMaterialization(key, partition=partition, description=why, metadata={"redacted": True})


def _table(store: Store, election: str) -> pl.DataFrame:
    """How much was ever taken out, by day of raw objects."""
    days = TombstoneArchive(store, election).days()
    rows = [
        (epoch_ms(day.start), len(found.posts), len(found.places), len(found.hours))
        for day, found in sorted(days.items())
    ]
    return from_rows(rows, COMPLIANCE)


def _metadata(done: Complied, table: pl.DataFrame, size: int) -> dict[str, Any]:
    shown = [{"what": what, "number": number} for what, number in _shown(done.told, done.redacted)]
    return {
        "dagster/row_count": table.height,
        "posts_held": done.posts,
        "posts_asked": done.asked,
        "posts_new": done.posts_new,
        "places_new": done.places_new,
        "objects_rewritten": done.redacted.objects,
        "hours_sealed_again": len(done.redacted.hours),
        "weeks_built_again": len(done.redacted.weeks),
        "waiting_for_x": done.waiting,
        "posts_removed_so_far": int(table["posts_removed"].sum()),
        "bytes": size,
        "counts": parts.preview(shown, _COLUMNS),
    }


def _shown(told: Counter[str], redacted: Redacted) -> Iterator[tuple[str, int]]:
    yield from ((f"X says: {reason}", number) for reason, number in sorted(told.items()))
    for what in ("posts", "copies", "profiles", "places"):
        yield f"{what} taken out of raw objects", getattr(redacted, what)
