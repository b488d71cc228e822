"""The release: `kaggle/staged` makes the snapshot and carries the gate, `kaggle/dataset` publishes exactly it.

A release that the gate refuses is not stored and not materialized: it can never be published, nor become the one that
the next is compared with. One that changes nothing of what Kaggle shows makes no new version, and `kaggle/dataset` is
not materialized then: its freshness is that of Kaggle's own version.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from pydantic import Field

from elec_assets.assets import dataset_records as records
from elec_assets.assets import parts
from elec_assets.assets.candidates import admitted
from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.kaggle_metadata import MetadataInvalid
from elec_assets.clients.kaggle_staged import ReleaseError, ReleaseStopped
from elec_assets.clients.kaggle_states import LedgerUnreadable
from elec_assets.clients.release_builder import Built, NothingToRelease, build, store_release
from elec_assets.clients.release_history import ReleaseMissing
from elec_assets.clients.release_publishing import GateRefused, Sent, refusal_text
from elec_assets.clients.store import StoreError
from elec_assets.clients.weekly_archive import WeeklyDamaged
from elec_assets.domain.registry import Registry
from elec_assets.domain.tables import SCHEMA_VERSION
from elec_assets.domain.trends import SOURCE
from elec_assets.freshness import policy
from elec_assets.resources import KAGGLE_POOL, KaggleResource, StoreResource, utc_now
from elec_assets.transforms.gate import Allowed
from elec_assets.transforms.manifest import ManifestInvalid
from elec_assets.transforms.refusals import RULES, Refusal

STAGED, DATASET = dg.AssetKey(["kaggle", "staged"]), dg.AssetKey(["kaggle", "dataset"])
_PRODUCTS = (("candidates",), ("twitter", "weekly"), ("twitter", "volume"), (SOURCE, "weekly"), ("coverage", "weekly"))
_WRONG = (ArchiveDamaged, WeeklyDamaged, ReleaseMissing, ManifestInvalid, MetadataInvalid, LedgerUnreadable, StoreError)
_RETRIES, _RETRY_S = 2, 120


class StagedConfig(dg.Config):
    """What a person allows a release, though the gate refuses it; the refusal names each path."""

    hotfix: list[str] = Field(
        default_factory=list, description="Paths of files of closed weeks that may change, shrink or be left out."
    )
    rows: list[str] = Field(default_factory=list, description="Paths of files whose number of rows is known to be odd.")
    redacted: list[str] = Field(
        default_factory=list,
        description="ELECTION/GGGG_WW of weeks of which posts were taken out, as X or their authors asked.",
    )
    reason: str = Field(default="", description="Why, for the changelog and Kaggle's version notes.")

    def allowed(self) -> Allowed:
        """As the gate takes it."""
        return Allowed(frozenset(self.hotfix), frozenset(self.rows), frozenset(self.redacted))


class DatasetConfig(dg.Config):
    """How a staged release is published."""

    again: bool = Field(
        default=False,
        description="Make a new version even if this release was published before, whole or not, or rolled back.",
    )


def staged_asset(registry: Registry, *, active: bool) -> dg.AssetsDefinition:
    """`kaggle/staged`; `active`: whether releases are still to come, which its freshness is judged by."""
    elections = tuple(registry.elections.values())

    @dg.multi_asset(
        name="kaggle__staged",
        specs=[
            _spec(
                STAGED,
                "The newest release in the store: `releases/{release_id}/` with every file of the dataset and its "
                "`manifest.json`. Its checks are the gate: what they refuse is not stored, and nothing is published.",
                deps=[parts.key(e, *product) for e in elections for product in _PRODUCTS],
                uri="releases/",
                kinds={"polars", "csv", "parquet"},
                active=active,
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(rule, asset=STAGED, description=text, blocking=True) for rule, text in RULES.items()
        ],
        pool=KAGGLE_POOL,
    )
    def staged(
        context: dg.AssetExecutionContext, config: StagedConfig, store: StoreResource, kaggle: KaggleResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        opened = store.open()
        admitted(opened, registry)
        plan = kaggle.plan(elections, config.allowed(), config.reason)
        with tempfile.TemporaryDirectory(prefix="elec-release-") as folder:
            try:
                built = build(opened, plan, Path(folder), utc_now())
                if not built.refusals:
                    manifest = store_release(opened, built, Path(folder))
            except (NothingToRelease, ValueError, *_WRONG) as error:
                raise dg.Failure(f"{error}. Nothing was staged.", allow_retries=False) from error
        for rule in RULES:
            yield _checked(rule, [r for r in built.refusals if r.rule == rule])
        if built.refusals:
            raise dg.Failure(
                refusal_text(built.refusals), metadata=records.refused(built.refusals), allow_retries=False
            )
        context.log.info(f"release {manifest.release_id}: {_first_line(built)}")
        yield dg.MaterializeResult(
            asset_key=STAGED,
            data_version=dg.DataVersion(manifest.content_sha256[:16]),
            metadata=records.staged(built, manifest, config.allowed(), config.reason),
        )

    return staged


def dataset_asset(registry: Registry, *, active: bool, paced: bool) -> dg.AssetsDefinition:
    """`kaggle/dataset`; `paced`: whether a pause is made before a stopped publication is tried again."""
    elections = tuple(registry.elections.values())

    @dg.multi_asset(
        name="kaggle__dataset",
        specs=[
            _spec(
                DATASET,
                "The dataset on Kaggle: the staged release, held to the gate once more, published once, listed and "
                "compared with its manifest. Materialized when Kaggle has a new version; observed when nothing "
                "changed.",
                deps=[STAGED],
                uri="https://www.kaggle.com/datasets",
                kinds={"kaggle"},
                active=active,
            )
        ],
        pool=KAGGLE_POOL,
        retry_policy=dg.RetryPolicy(max_retries=_RETRIES, delay=_RETRY_S if paced else 0),
    )
    def dataset(
        context: dg.AssetExecutionContext, config: DatasetConfig, store: StoreResource, kaggle: KaggleResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetObservation]:
        if kaggle.problem is not None:
            raise dg.Failure(f"{kaggle.problem}. Nothing was sent.", allow_retries=False)
        known = records.newest_staged(context.instance, STAGED, context.run.run_id)
        if known is None:
            raise dg.Failure("no release is staged: materialize kaggle/staged first", allow_retries=False)
        opened = store.open()
        desk = kaggle.desk(opened, elections, f"run {context.run.run_id}")
        try:
            sent = desk.publish(known.release_id, allowed=known.allowed, reason=known.reason, again=config.again)
        except GateRefused as error:
            raise dg.Failure(str(error), metadata=records.refused(error.refusals), allow_retries=False) from error
        except ReleaseStopped as error:
            raise dg.Failure(f"{error}. The ledger knows how far it is: the next run goes on.") from error
        except (ReleaseError, *_WRONG) as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        told = records.sent(sent, records.date_on_kaggle(desk.target))
        if sent.outcome.state == "published":
            yield dg.MaterializeResult(asset_key=DATASET, data_version=_version(sent), metadata=told)
        else:
            context.log.info(f"release {known.release_id}: {records.STATES[sent.outcome.state]}")
            yield dg.AssetObservation(DATASET, metadata=told)

    return dataset


def _spec(
    key: dg.AssetKey, description: str, *, deps: list[dg.AssetKey], uri: str, kinds: set[str], active: bool
) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name="kaggle",
        kinds=kinds,
        owners=parts.OWNERS,
        tags={"layer": "release"},
        metadata={"dagster/uri": uri},
        freshness_policy=policy("/".join(key.path), active=active),
        code_version=str(SCHEMA_VERSION),
        skippable=True,
    )


def _checked(rule: str, refusals: list[Refusal]) -> dg.AssetCheckResult:
    text = "; ".join(map(str, refusals[:5])) + (f"; and {len(refusals) - 5} more" if len(refusals) > 5 else "")
    return dg.AssetCheckResult(
        asset_key=STAGED,
        check_name=rule,
        passed=not refusals,
        description=text or RULES[rule],
        metadata={"refusals": len(refusals)},
    )


def _first_line(built: Built) -> str:
    return "Kaggle shows the same already" if built.unchanged else f"{built.diff.rows_added:+,} rows"


def _version(sent: Sent) -> dg.DataVersion:
    return dg.DataVersion(sent.manifest.content_sha256[:16])
