"""From what is known of a block to the tables, the coverage row and the ladder's state of one of its partitions.

Order of writes: tables, the row that tells of them, and last the state that the next ladder starts from.
"""

from collections.abc import Mapping

import polars as pl

from elec_assets.clients.trends_archive import SavedTable, TrendsArchive
from elec_assets.clients.trends_block import Asked, Tables
from elec_assets.clients.trends_collected import CollectedTable, collected_table
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import REQUESTS, TABLES
from elec_assets.domain.trends import NEEDS, Endpoint, Shape, TrendsTable, endpoints
from elec_assets.domain.windows import iso
from elec_assets.transforms import trends_ladder
from elec_assets.transforms.calibration import Calibration
from elec_assets.transforms.parquet import read_parquet
from elec_assets.transforms.trends import requests_table, table_of
from elec_assets.transforms.trends_coverage import TrendsCoverage, trends_coverage
from elec_assets.transforms.trends_frames import calibrated_frame
from elec_assets.transforms.trends_gaps import Known, answers_of, causes

Frames = dict[TrendsTable, pl.DataFrame]
Answers = Mapping[TrendsTable, set[str]]


class TrendsMaker:
    """Makes the partitions of one election."""

    def __init__(self, election: Election, archive: TrendsArchive) -> None:
        self._election = election
        self._archive = archive

    def make(
        self, place: TrendsPlace, chosen: Tables, people: tuple[str, ...], asked: Asked
    ) -> tuple[TrendsCoverage, dict[TrendsTable, CollectedTable]]:
        """Store what can be made of a partition: its row, and its tables as they are in the store then.

        Args:
            place: the partition.
            chosen: which tables to make.
            people: who is followed in the partition.
            asked: what is known of its block.

        Raises:
            StoreError, ArchiveDamaged: an object cannot be written, or read.
        """
        known = asked.known
        answers = answers_of(known)
        frames, calibration = _frames(place, chosen, people, known)
        saved = {table: self._save(place, table, frames, answers) for table in chosen}
        self._save_requests(place, asked)
        row = self._row(place, people, asked, frames, answers)
        self._archive.save_coverage(place, row)
        self._save_state(place, known, calibration)
        made = {}
        for table in chosen:
            closure = calibration.closure if calibration and table is TrendsTable.CALIBRATED_INTEREST else None
            made[table] = collected_table(table, place.table(table.value), saved[table], frames[table], row, closure)
        return row, made

    def _save(self, place: TrendsPlace, table: TrendsTable, frames: Frames, answers: Answers) -> SavedTable | None:
        """Store a table; `frames` then holds what is stored. Nothing is made of nothing: what was there stays."""
        schema = TABLES[table.value]
        if not answers[table] and self._archive.table(place, schema.name) is None:
            return None
        saved = self._archive.save_table(place, schema, frames[table])
        if saved.lost_rows:
            frames[table] = read_parquet(saved.content, schema)
        return saved

    def _save_requests(self, place: TrendsPlace, asked: Asked) -> None:
        """Every exchange of the block, under its first partition, whichever hour was collected."""
        known = self._archive.table(place.block, REQUESTS.name) is not None
        if known and not asked.requests and place != place.block:
            return  # made by the run that asked, and again whenever the first hour is
        failures = (*asked.own, *asked.others)
        frame = requests_table(asked.known.documents, failures, place.block.window, place.cadence)
        if frame.height:
            self._archive.save_table(place.block, REQUESTS, frame)

    def _row(
        self, place: TrendsPlace, people: tuple[str, ...], asked: Asked, frames: Frames, answers: Answers
    ) -> TrendsCoverage:
        """Units of the tables made, of the plan, and of those that the row had; the latter stay what they were.

        Other tables are not read: of two damaged ones neither could be made again.
        """
        known = asked.known
        units = {table: set(people) for table in frames}
        found = causes(units, known)
        earlier = () if known.earlier is None else known.earlier.units
        kept = [unit for unit in earlier if unit.table not in frames]
        for table in self._election.trends.tables(place.cadence):
            had = {unit.candidate for unit in kept if unit.table is table}
            units.setdefault(table, set(people) - had)
        at = None if asked.resume_at is None else iso(asked.resume_at)
        return trends_coverage(place, units, frames, answers, found, kept=kept, resume_at=at, failures=asked.own)

    def _save_state(self, place: TrendsPlace, known: Known, calibration: Calibration | None) -> None:
        """The order that the next ladder starts from, once this one is whole."""
        if calibration is None or known.ladder.next_of(1, known.quarantine):
            return
        state = trends_ladder.next_state(known.block.window, list(known.ladder.keywords), calibration)
        if state is not None:
            self._archive.save_ladder_state(place.area, place.cadence, state)


def _frames(
    place: TrendsPlace, chosen: Tables, people: tuple[str, ...], known: Known
) -> tuple[Frames, Calibration | None]:
    """The tables of those who are followed in the partition, all usable samples in each; and the calibration."""
    samples = known.ladder.usable(known.quarantine)
    documents = [d for d in known.documents if d.endpoint is not Endpoint.TIMELINE or d.request.sample_no in samples]
    followed = pl.col("candidate_id").is_in(people)
    frames: Frames = {
        table: table_of(NEEDS[table][1], documents, place.window, place.cadence)[0].filter(followed)
        for table in chosen
        if table is not TrendsTable.CALIBRATED_INTEREST
    }
    if not endpoints(chosen, Shape.LADDER):
        return frames, None
    frame, calibration = calibrated_frame(known.ladder, samples, place.window, place.cadence)
    if TrendsTable.CALIBRATED_INTEREST in chosen:
        frames[TrendsTable.CALIBRATED_INTEREST] = frame.filter(followed)
    return frames, calibration
