"""One run of Google Trends: partition after partition, what was stored of each, what was found, what failed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from elec_assets.assets import parts, trends_records
from elec_assets.clients.store import StoreError
from elec_assets.clients.tweet_archive import ArchiveDamaged
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import SOURCE, Cadence, TrendsTable
from elec_assets.domain.windows import Window, iso, key_of
from elec_assets.transforms.coverage import CoverageUnreadable

if TYPE_CHECKING:
    from elec_assets.clients.trends_collected import CollectedPartition

_OFF = "Google Trends may not be asked: set ELEC_TRENDS=on"


class Collect(Protocol):
    """What makes one partition."""

    def __call__(
        self, area: str, cadence: Cadence, window: Window, tables: tuple[TrendsTable, ...]
    ) -> "CollectedPartition":
        """See `TrendsCollector.collect`."""


def trends_key(election: Election, area: str, cadence: Cadence, table: TrendsTable) -> dg.AssetKey:
    """Key of a table: `fr_presidential_2027/google_trends/fr/daily/interest_over_time`."""
    return parts.key(election, SOURCE, area, cadence, table)


def never() -> bool:
    """For runs that no other may interrupt."""
    return False


class TrendsRun:
    """What a run was asked for, and what became of it so far. `said` is one line about the last partition."""

    def __init__(
        self, election: Election, area: str, cadence: Cadence, tables: tuple[TrendsTable, ...], collect: Collect
    ) -> None:
        self._election = election
        self._area = area
        self._cadence = cadence
        self._tables = tables
        self._collect = collect
        self._done: list[CollectedPartition] = []
        self._damaged: dict[str, str] = {}
        self.said = ""

    @property
    def count(self) -> int:
        """How many partitions were collected."""
        return len(self._done)

    @property
    def yielded(self) -> bool:
        """Whether the last partition stopped for more urgent ones: the run ends, and goes on with the next."""
        return bool(self._done) and self._done[-1].yielded

    def made(self, window: Window) -> Iterator[dg.AssetMaterialization]:
        """Collect a partition; an event for each of its tables that is stored.

        A damaged object fails its own partition, the others of the run go on.

        Raises:
            dg.Failure: the store cannot be used: further partitions would be asked for in vain.
        """
        partition = key_of(window, self._cadence.grain)
        try:
            done = self._collect(self._area, self._cadence, window, self._tables)
        except (ArchiveDamaged, CoverageUnreadable) as error:
            self._damaged[partition] = self.said = f"{partition}: {error}"
            return
        except StoreError as error:
            raise dg.Failure(
                f"{partition}: {error}. The run ends here; what was stored is unchanged.", allow_retries=False
            ) from error
        self._done.append(done)
        self.said = f"{partition}: {done.summary}"
        for table in done.tables.values():
            if table.stored or done.row.outcome is Outcome.NOT_PLANNED:
                yield dg.AssetMaterialization(
                    trends_key(self._election, self._area, self._cadence, table.table),
                    partition=partition,
                    metadata=trends_records.described(done, table),
                    tags={"dagster/data_version": table.sha256[:16]} if table.stored else None,
                )

    def findings(self, table: TrendsTable, check: str) -> dict[str, str]:
        """What a check found wrong in a table, by partition."""
        found = {
            done.partition: "; ".join(f.text for f in trends_records.findings(done, table) if f.check == check)
            for done in self._done
        }
        return {partition: text for partition, text in found.items() if text}

    def raise_for_failures(self, *, asked: bool) -> None:
        """Fail the run where something is wrong that waiting does not mend; a refusal by Google is not.

        Raises:
            dg.Failure: a partition is damaged, has shrunk, or could not be made at all.
        """
        failed = list(self._damaged.values())
        failed += [f"{done.partition}: {why}" for done in self._done if (why := _failed(done, asked=asked))]
        if failed:
            raise dg.Failure(
                f"{len(failed)} of {len(self._done) + len(self._damaged)} partitions were not made; what was stored "
                f"is unchanged. {'; '.join(failed[:3])}",
                allow_retries=False,
            )


def _failed(done: "CollectedPartition", *, asked: bool) -> str | None:
    """Why a partition needs a person; None where a later run will ask for what is missing."""
    findings = [finding.text for table in done.tables.values() for finding in table.findings]
    if findings:
        return "; ".join(findings)
    if done.yielded or any(table.stored for table in done.tables.values()):
        return None
    if done.row.outcome is Outcome.ERROR:
        return done.stopped_by or done.summary
    if done.row.outcome is Outcome.NOT_RUN:
        return f"nothing is asked before {iso(done.resume_at)}" if asked and done.resume_at else _OFF
    return None
