"""`elec rebuild` of a table of Google Trends: from the documents in the store, without a request."""

from collections.abc import Callable, Iterator
from datetime import datetime

from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_archive import ArchiveDamaged, TrendsArchive
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election, Registry
from elec_assets.domain.tables import TABLES
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.trends_plan import first_partition
from elec_assets.domain.windows import Window, floor, key_of, split
from elec_assets.operations.rebuild import RebuildReport
from elec_assets.operations.terminal import utc_now
from elec_assets.settings import Settings
from elec_assets.transforms.coverage import CoverageUnreadable


def rebuild_trends(
    settings: Settings,
    registry: Registry,
    now: datetime,
    *,
    table: TrendsTable,
    since: datetime,
    progress: Callable[[str, int, int], None],
) -> RebuildReport:
    """Make a table again in every partition since a time that has it; the same documents give the same bytes.

    `progress` is told the partition, its number and how many there are.

    Raises:
        PastRewritten: the registry would change who was followed in the past; nothing was done.
    """
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    RegistryHistory(store).check(registry, now)
    places = [(e, place) for e in registry.elections.values() for place in _places(store, e, table, since, now)]
    changed, failed = [], []
    for number, (election, place) in enumerate(places, start=1):
        name = f"{place.election} {place.area} {place.cadence} {key_of(place.window, place.cadence.grain)}"
        progress(name, number, len(places))
        before = store.find(place.table(table))
        try:
            _collector(registry, store, election).collect(place.area, place.cadence, place.window, (table,))
        except (ArchiveDamaged, CoverageUnreadable) as error:
            failed.append(f"{name}: {error}")
            continue
        if store.find(place.table(table)) != before:
            changed.append(name)
    return RebuildReport(table.value, len(places) - len(failed), tuple(changed), tuple(failed), "partitions")


def _places(
    store: Store, election: Election, table: TrendsTable, since: datetime, now: datetime
) -> Iterator[TrendsPlace]:
    """The partitions since a time that have the table."""
    archive = TrendsArchive(store, election.key)
    for area in election.areas:
        for cadence in Cadence:
            start = max(floor(since, cadence.grain), first_partition(election, cadence))
            end = min(floor(now, cadence.grain), election.calendar.collect_until)
            for window in split(Window(start, end), cadence.grain) if start < end else ():
                place = TrendsPlace(election.key, area, cadence, window)
                if archive.table(place, TABLES[table].name) is not None:
                    yield place


def _collector(registry: Registry, store: Store, election: Election) -> TrendsCollector:
    return TrendsCollector(
        election=election,
        registry_version=registry.version,
        store=store,
        backend=None,
        clock=utc_now,
    )
