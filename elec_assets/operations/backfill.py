"""`elec backfill`: ask the running instance for an asset backfill, as the UI does, and follow it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elec_assets.domain.windows import Grain, key_of, window_of_key
from elec_assets.operations.dagster_api import BackfillProgress, DagsterApi
from elec_assets.operations.report import DONE, FAILED


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What was asked for, and how it ended."""

    backfill_id: str
    asset: str
    first: str
    last: str
    progress: BackfillProgress

    @property
    def exit_code(self) -> int:
        """1 if a partition was not materialized."""
        return DONE if self.progress.succeeded else FAILED

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "backfill_id": self.backfill_id,
            "asset": self.asset,
            "from": self.first,
            "to": self.last,
            "status": self.progress.status,
            "partitions": self.progress.wanted,
            "materialized": self.progress.done,
            "failed": self.progress.failed,
            "error": self.progress.error,
        }

    def lines(self) -> list[str]:
        """For a person."""
        p = self.progress
        told = [f"{self.asset}, {self.first} to {self.last}: {p.done} of {p.wanted} materialized, {p.failed} failed."]
        if self.exit_code != DONE:
            told.append(f"Backfill {self.backfill_id} ended {p.status}; the runs' pages in the UI say why.")
            told += [p.error] if p.error else []
        return told


def backfill(
    api: DagsterApi, asset: str, first: str, last: str, progress: Callable[[BackfillProgress], None]
) -> BackfillReport:
    """Materialize all partitions of an asset from one key or date to another, both included.

    A date stands for all its hours. Partitions of the span that do not exist yet are left out.

    Raises:
        ValueError: no such asset, no partition in the span, or a bound that is no key.
        DagsterUnreachable: no webserver answers, or it refuses.
    """
    for bound in (first, last):
        _check_bound(bound)
    keys = api.partition_keys(asset)
    # Keys sort as their times do; a date sorts before its hours, and "~" after them.
    chosen = [key for key in keys if first <= key <= last + "~"]
    if not chosen:
        known = f"{keys[0]} to {keys[-1]}" if keys else "none"
        raise ValueError(f"{asset} has no partition from {first} to {last}; it has {known}")
    backfill_id = api.launch_backfill([asset], chosen)
    last_seen = api.backfill(backfill_id)
    for last_seen in api.follow(backfill_id):
        progress(last_seen)
    return BackfillReport(backfill_id, asset, chosen[0], chosen[-1], last_seen)


def _check_bound(bound: str) -> None:
    """Keys are compared as text: `2026-11-2` would stand for the 20th."""
    for grain in (Grain.DAY, Grain.HOUR):
        try:
            if key_of(window_of_key(bound, grain), grain) == bound:
                return
        except ValueError:
            continue
    raise ValueError(f"{bound!r} is no date and no partition key; write 2026-11-02 or 2026-11-02-13:00")
