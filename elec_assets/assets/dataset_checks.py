"""Whether Kaggle shows what was published, and how old that is by Kaggle's own date: a check of `kaggle/dataset`."""

from datetime import datetime

import dagster as dg

from elec_assets.assets.dataset import DATASET
from elec_assets.clients.kaggle_shown import KaggleUnclear, Shown, shown_by_kaggle
from elec_assets.clients.release_history import Published, published
from elec_assets.domain.registry import Registry
from elec_assets.domain.release_due import LateRelease, late_release
from elec_assets.domain.windows import iso
from elec_assets.resources import KaggleResource, StoreResource, utc_now

NAME = "shown_by_kaggle"


def shown_check(registry: Registry) -> dg.AssetChecksDefinition:
    """The check: one question to Kaggle, each day and after each release."""

    @dg.asset_check(
        asset=DATASET,
        name=NAME,
        description=(
            "Kaggle shows the version that was published last, and by Kaggle's own date, or that of the last release "
            "that changed nothing of it, it is no older than the phase of the elections allows."
        ),
    )
    def shown_by_kaggle_check(store: StoreResource, kaggle: KaggleResource) -> dg.AssetCheckResult:
        if kaggle.problem is not None:
            return _warned(f"Kaggle cannot be asked: {kaggle.problem}")
        target = kaggle.target()
        try:
            found = shown_by_kaggle(target)
        except KaggleUnclear as error:
            return _warned(str(error))
        ours = published(store.open(), target.dataset)
        late = late_release(registry.elections.values(), newest_at(found, ours), utc_now())
        problem = judged(found, ours, late)
        known = {} if found is None or found.made_at is None else {"made_at": iso(found.made_at)}
        return dg.AssetCheckResult(
            passed=problem is None,
            severity=dg.AssetCheckSeverity.WARN if _is_mild(found, ours, late) else dg.AssetCheckSeverity.ERROR,
            description=problem or f"Kaggle shows version {found.version if found else 0}",
            metadata={"kaggle_version": found.version if found is not None else 0, **known},
        )

    return shown_by_kaggle_check


def newest_at(found: Shown | None, ours: Published | None) -> datetime | None:
    """When the version that Kaggle shows was made, or last found to need no newer one; None: never, or not told.

    A release that changes nothing makes no version: Kaggle's date alone would call it late (2026-11-22).
    """
    if found is None or found.made_at is None:
        return None
    if ours is None or ours.current_at is None or ours.version != found.version:
        return found.made_at
    return max(found.made_at, ours.current_at)


def judged(found: Shown | None, ours: Published | None, late: LateRelease | None) -> str | None:
    """What is wrong with what Kaggle shows, in words; None if nothing is."""
    if ours is not None and found is None:
        return f"version {ours.version} was published, and Kaggle shows no such dataset to this account; look at it"
    if ours is not None and found is not None and found.version != ours.version:
        return f"Kaggle shows version {found.version}, and {ours.version} was published last; look at both"
    if late is not None:
        made = "never made" if found is None or found.made_at is None else f"made at {iso(found.made_at)}"
        return f"the version that Kaggle shows was {made}: a newer one is late since {iso(late.since)}"
    return None


def _is_mild(found: Shown | None, ours: Published | None, late: LateRelease | None) -> bool:
    """Late, but not past the longer limit, and otherwise as it should be."""
    return late is not None and not late.fail and judged(found, ours, None) is None


def _warned(text: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description=text)
