"""One block of Google Trends: what is known of it from the store, what is left to ask, and the run that asks.

The request is always the whole block, whichever of its partitions is collected. It is asked in the run's own process,
or elsewhere: then the run makes the same of what is stored afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from elec_assets.clients.google_trends import TrendsBackend
from elec_assets.clients.trends_archive import TrendsArchive
from elec_assets.clients.trends_asking import Asking, Pausing
from elec_assets.clients.trends_told import Told
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import Cadence, Endpoint, Shape, TrendsTable, block_of, endpoints
from elec_assets.domain.trends_plan import asked_about
from elec_assets.domain.windows import Grain, iso, key_of, parse_iso, split
from elec_assets.transforms import trends_ladder
from elec_assets.transforms.trends_coverage import TrendsCoverage
from elec_assets.transforms.trends_documents import Failure
from elec_assets.transforms.trends_gaps import Known
from elec_assets.transforms.trends_ladder import Pinned
from elec_assets.transforms.trends_questions import Block, Ladder, Wanted, quarantined, singles_wanted
from elec_assets.transforms.trends_read import Documents

Tables = tuple[TrendsTable, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a block after a run, and what the run did.

    `own` are exchanges in vain that the partition's row remembers, `others` those in the rows of the block's other
    hours. `resume_at` is when to ask again.
    """

    known: Known
    own: tuple[Failure, ...]
    others: tuple[Failure, ...]
    requests: int = 0
    yielded: bool = False
    resume_at: datetime | None = None


class Elsewhere(Protocol):
    """Asks for what is left of a block, and stores the documents, in another place than this process."""

    def __call__(self, place: TrendsPlace, tables: Tables, refresh: datetime | None) -> Told:
        """What asking came to.

        Raises:
            StoreError, ArchiveDamaged: as `TrendsBlocks.ask`.
        """


class TrendsBlocks:
    """The blocks of one election. `backend` is None where this process asks nothing; `elsewhere` asks instead of it."""

    def __init__(
        self,
        election: Election,
        registry_version: str,
        archive: TrendsArchive,
        backend: TrendsBackend | None,
        clock: Callable[[], datetime],
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._election = election
        self._registry_version = registry_version
        self._archive = archive
        self._backend = backend
        self._clock = clock
        self._elsewhere = elsewhere

    def look(self, place: TrendsPlace, earlier: TrendsCoverage | None) -> Asked:
        """What is known of the block of a partition; nothing is asked or written. `earlier` is its coverage row.

        Raises:
            StoreError, ArchiveDamaged, CoverageUnreadable: an object cannot be read.
        """
        block = self._block(place)
        own = () if earlier is None else earlier.failures
        others = self._failures_of_others(place)
        documents = Documents(self._archive.documents(place))
        ladder = Ladder(block, self._pinned(place, block, documents), documents)
        halt = None if self.is_over(place) else (Outcome.NOT_RUN, _too_early(block))
        known = Known(block, ladder, documents, quarantined([*own, *others]), halt=halt, earlier=earlier)
        resume_at = None if earlier is None or earlier.resume_at is None else parse_iso(earlier.resume_at)
        return Asked(known, own, others, resume_at=resume_at if halt is None else block.window.end)

    def ask(
        self,
        place: TrendsPlace,
        tables: Tables,
        before: Asked,
        refresh: datetime | None,
        should_yield: Callable[[], bool],
    ) -> Asked:
        """Ask for what is left, as far as that goes; `before` is what `look` found, and returned if nothing is asked.

        Raises:
            StoreError, ArchiveDamaged: an object cannot be written, or read.
        """
        if not self.is_over(place):
            return before
        if self._elsewhere is not None:
            return self._ask_elsewhere(place, tables, before, refresh, self._elsewhere)
        if self._backend is None:
            return before
        asking = Asking(self._archive, place, self._backend, should_yield, before.known.documents)
        ladder = self._ask_all(place, tables, before.known, refresh, asking)
        return _after(before, ladder, asking.told)

    def ask_part(
        self,
        place: TrendsPlace,
        tables: Tables,
        refresh: datetime | None,
        should_yield: Callable[[], bool],
        pausing: Pausing,
    ) -> Told:
        """Ask for what is left, until that is done or the time is over: what one invocation of a Lambda does.

        Raises:
            StoreError, ArchiveDamaged, CoverageUnreadable: as `look` and `ask`.
        """
        known = self.look(place, self._archive.coverage(place)).known
        if self._backend is None or not self.is_over(place):
            return pausing.told
        asking = Asking(self._archive, place, self._backend, should_yield, known.documents, pausing)
        self._ask_all(place, tables, known, refresh, asking)
        return asking.told

    def _ask_all(
        self, place: TrendsPlace, tables: Tables, known: Known, refresh: datetime | None, asking: Asking
    ) -> Ladder:
        """Ask what is left; the ladder as it is then."""
        ladder = known.ladder
        if endpoints(tables, Shape.LADDER):
            ladder = self._climb(place, known, asking, refresh)
        given_up = {**known.quarantine, **asking.given_up}
        alone = endpoints(tables, Shape.SINGLE)
        for wanted in singles_wanted(known.block, alone, asking.documents, given_up, refresh):
            asking.ask(wanted)
        return ladder

    def _ask_elsewhere(
        self, place: TrendsPlace, tables: Tables, before: Asked, refresh: datetime | None, elsewhere: Elsewhere
    ) -> Asked:
        known, told, pinned = before.known, Told(), None
        if endpoints(tables, Shape.LADDER):
            pinned = self._pin(place, known.block, known.documents)
        if self.wanted(known, tables, refresh):
            told = elsewhere(place, tables, refresh)
            known = replace(known, documents=Documents(self._archive.documents(place)))
        ladder = known.ladder
        if endpoints(tables, Shape.LADDER):
            ladder = Ladder(known.block, pinned, known.documents)
        return _after(replace(before, known=known), ladder, told)

    def is_over(self, place: TrendsPlace) -> bool:
        """Whether the block of a partition lies in the past: what is asked before that would stay without its end."""
        return block_of(place.window, place.cadence.grain).end <= self._clock()

    def wanted(self, known: Known, tables: Tables, refresh: datetime | None = None) -> list[Wanted]:
        """What is left to ask, as far as it can be told before there are answers."""
        found = []
        if endpoints(tables, Shape.LADDER):
            samples = known.ladder.samples(self._clock(), refresh)
            asked = [request for number in samples for request in known.ladder.next_of(number, known.quarantine)]
            found = [Wanted(request, (Endpoint.TIMELINE,)) for request in asked]
        alone = endpoints(tables, Shape.SINGLE)
        return found + singles_wanted(known.block, alone, known.documents, known.quarantine, refresh)

    def _climb(self, place: TrendsPlace, known: Known, asking: Asking, refresh: datetime | None) -> Ladder:
        """Ask the ladder's comparisons, and those that its answers call for; first of all it is pinned."""
        pinned = self._pin(place, known.block, asking.documents)
        ladder = Ladder(known.block, pinned, asking.documents)
        for number in ladder.samples(self._clock(), refresh):
            while not asking.stopped:
                requests = ladder.next_of(number, {**known.quarantine, **asking.given_up})
                if not requests:
                    break
                for request in requests:
                    asking.ask(Wanted(request, (Endpoint.TIMELINE,)))
                ladder = Ladder(known.block, pinned, asking.documents)
        return ladder

    def _block(self, place: TrendsPlace) -> Block:
        window = block_of(place.window, place.cadence.grain)
        people = tuple(self._election.candidates[key] for key in asked_about(self._election, window))
        drawn_by = f"{place.area} {place.cadence} {key_of(place.block.window, place.cadence.grain)}"
        return Block(place.area, self._election.areas[place.area], place.cadence, window, people, drawn_by)

    def _failures_of_others(self, place: TrendsPlace) -> tuple[Failure, ...]:
        """Exchanges in vain of the block's other hours: each hour's row remembers its own runs."""
        if place.cadence is not Cadence.HOURLY:
            return ()
        hours = split(block_of(place.window, Grain.HOUR), Grain.HOUR)
        others = [replace(place, window=hour) for hour in hours if hour != place.window]
        return tuple(failure for row in self._archive.coverages(others) for failure in row.failures)

    def _pin(self, place: TrendsPlace, block: Block, documents: Documents) -> Pinned | None:
        """The pinned ladder: pinned now, if it was not."""
        pinned = self._pinned(place, block, documents)
        if pinned is not None and self._archive.pinned(place) is None:
            pinned = self._archive.pin(place, pinned)
        return pinned

    def _pinned(self, place: TrendsPlace, block: Block, documents: Documents) -> Pinned | None:
        """The pinned ladder, or what would be pinned now; None where it was lost, and documents tell what it was."""
        pinned = self._archive.pinned(place)
        if pinned is not None or any(d.endpoint is Endpoint.TIMELINE for d in documents):
            return pinned
        state = self._archive.ladder_state(place.area, place.cadence)
        return trends_ladder.pin(block.candidates, state, block.partition, self._registry_version)


def _after(before: Asked, ladder: Ladder, told: Told) -> Asked:
    """What is known once asking came to this."""
    own = (*before.own, *told.failures)
    after = replace(
        before.known,
        ladder=ladder,
        quarantine=quarantined([*own, *before.others]),
        errors=told.errors,
        given_up=told.given_up,
        halt=told.halt,
    )
    return Asked(after, own, before.others, told.requests, told.yielded, told.resume_at)


def _too_early(block: Block) -> str:
    return f"its block ends at {iso(block.window.end)}: it is asked for after that"
