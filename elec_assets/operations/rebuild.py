"""`elec rebuild`: make tables of tweets again from the raw objects in the store, without asking anyone anything.

Those of Google Trends are made by `rebuild_trends.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from elec_assets.clients.hour_sealer import HourSealer
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.tweet_archive import ArchiveDamaged, TweetArchive
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.rules import query_limit
from elec_assets.domain.trends import TrendsTable
from elec_assets.domain.windows import Grain, Window, floor, split
from elec_assets.operations.report import DONE, FAILED
from elec_assets.settings import Settings

TWEETS = "tweets"
TABLES = (TWEETS, *TrendsTable)


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """How many partitions were made again, how many of them have other bytes now, and which could not be made."""

    table: str
    rebuilt: int
    changed: tuple[str, ...]
    failed: tuple[str, ...]
    unit: str = "hours"

    @property
    def exit_code(self) -> int:
        """1 if a partition could not be made."""
        return FAILED if self.failed else DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "table": self.table,
            "rebuilt": self.rebuilt,
            "changed": list(self.changed),
            "failed": list(self.failed),
        }

    def lines(self) -> list[str]:
        """For a person."""
        told = [f"{self.table}: {self.rebuilt} {self.unit} made again from raw objects, {len(self.changed)} changed."]
        told += [f"  changed: {name}" for name in self.changed[:20]]
        told += [f"  failed: {name}" for name in self.failed]
        if self.changed:
            told.append(f"Weekly files of changed {self.unit} are as before: materialize their weeks again.")
        return told


def rebuild(
    settings: Settings,
    registry: Registry,
    now: datetime,
    *,
    since: datetime,
    progress: Callable[[str, int, int], None],
) -> RebuildReport:
    """Seal every hour since a time that has raw objects; the same objects give the same bytes.

    `progress` is told the hour, its number and how many there are.

    Raises:
        PastRewritten: the registry would change who was followed in the past; nothing was done.
    """
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    RegistryHistory(store).check(registry, now)
    hours = [(e, hour) for e in registry.elections.values() for hour in _hours(e, since, now)]
    changed, failed, rebuilt = [], [], 0
    for number, (election, hour) in enumerate(hours, start=1):
        name = f"{election.key} {hour.start:%Y-%m-%d-%H:%M}"
        progress(name, number, len(hours))
        archive = TweetArchive(store, election.key)
        try:
            if not archive.raw(hour).objects:
                continue
            before = archive.table(hour)
            sealed = _sealer(settings, registry, store, election).seal(hour)
        except ArchiveDamaged as error:
            failed.append(f"{name}: {error}")
            continue
        rebuilt += 1
        if archive.table(hour) != before:
            changed.append(name)
        if not sealed.stored and before is not None:
            why = "; ".join(finding.text for finding in sealed.findings)
            failed.append(f"{name}: {sealed.summary}; the table is kept: {why or 'nothing was received'}")
    return RebuildReport(TWEETS, rebuilt, tuple(changed), tuple(failed))


def _hours(election: Election, since: datetime, now: datetime) -> Iterator[Window]:
    start = max(floor(since, Grain.HOUR), floor(election.calendar.collect_from, Grain.HOUR))
    end = min(floor(now, Grain.HOUR), election.calendar.collect_until)
    if start < end:
        yield from split(Window(start, end), Grain.HOUR)


def _sealer(settings: Settings, registry: Registry, store: Store, election: Election) -> HourSealer:
    return HourSealer(
        election=election,
        registry_version=registry.version,
        store=store,
        fill=None,
        query_limit=query_limit(settings.x_archive),
    )
