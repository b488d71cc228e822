"""What `elec demo` makes of Google Trends: its past weeks, and of the last one some days and hours."""

from collections.abc import Iterable
from dataclasses import dataclass

from elec_assets.clients.store import Store
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_weekly import PRODUCTS, TrendsWeek
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import SOURCE, Cadence
from elec_assets.domain.windows import Grain, Window, key_of, split, year_week

_DAYS, _HOURS = 3, 24
Row = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True)
class Seed:
    """Partitions of one cadence that the demo asks for, in some areas. The schedules go on from there."""

    cadence: Cadence
    areas: tuple[str, ...]
    windows: tuple[Window, ...]

    def assets(self, election: Election) -> list[str]:
        """The tables of the plan."""
        folders = [f"{election.key}/{SOURCE}/{area}/{self.cadence}" for area in self.areas]
        return [f"{folder}/{table}" for folder in folders for table in election.trends.tables(self.cadence)]

    def partitions(self) -> list[str]:
        """Their partition keys."""
        return [key_of(window, self.cadence.grain) for window in self.windows]

    def places(self, election: Election) -> list[TrendsPlace]:
        """Where they are kept."""
        return [TrendsPlace(election.key, area, self.cadence, w) for area in self.areas for w in self.windows]


def seeds(election: Election, weeks: list[Window]) -> list[Seed]:
    """All weeks in all areas; the last days and hours of them in the first area, which takes a quarter of a minute.

    Where the last week is collected in part alone no hours, so that tests are sooner done.
    """
    areas, since = tuple(election.areas), election.calendar.collect_from
    days = [day for day in split(weeks[-1], Grain.DAY)[-_DAYS:] if day.start >= since]
    made = [Seed(Cadence.WEEKLY, areas, tuple(weeks)), Seed(Cadence.DAILY, areas[:1], tuple(days))]
    if weeks[-1].start >= since:
        made.append(Seed(Cadence.HOURLY, areas[:1], tuple(split(weeks[-1], Grain.HOUR)[-_HOURS:])))
    return made


def summary_rows(store: Store, election: Election, weeks: list[Window]) -> tuple[list[Row], bool]:
    """A row a cadence and one for the weekly files; and whether all that was asked for has an answer."""
    rows, complete = [], True
    archive = TrendsArchive(store, election.key)
    for seed in seeds(election, weeks):
        places = seed.places(election)
        found = archive.coverages(places)
        units = [unit for row in found for unit in row.units]
        answered = sum(unit.outcome.settled for unit in units)
        complete = complete and len(found) == len(places) and answered == len(units) > 0
        name = f"{election.key}/{SOURCE}/{_named(seed.areas)}/{seed.cadence}/*"
        rows.append((name, len(found), sum(unit.rows for unit in units), f"{answered} of {len(units)} units answered"))
    return [*rows, _files(store, election, weeks)], complete


def _files(store: Store, election: Election, weeks: Iterable[Window]) -> Row:
    files, rows = [], 0
    for week in weeks:
        parts = TrendsWeek(store, election, week)
        frames = [parts.archive(product).read(week, [product.table.key[0]]) for product in PRODUCTS]
        heights = [frame.height for frame in frames if frame is not None]
        rows += sum(heights)
        files += [f"{year_week(week)}.csv.gz"] if len(heights) == len(PRODUCTS) else []
    return f"{election.key}/{SOURCE}/weekly", len(files), rows, ", ".join(files)


def _named(areas: tuple[str, ...]) -> str:
    return areas[0] if len(areas) == 1 else f"{{{','.join(areas)}}}"
