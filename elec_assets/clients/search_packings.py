"""The queries by which an hour may have been searched: today's, and those of the registry as it was when it was asked.

An answer proves nothing alone: that an hour is filled takes the answers of all queries that hold the words together. An
edit of words or languages packs them into other queries, and the sidecars name the version that was asked with.
"""

from collections.abc import Iterator, Sequence

from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.store import Store
from elec_assets.domain import calendar
from elec_assets.domain.registry import Election
from elec_assets.domain.rules import query_limit, search_queries
from elec_assets.domain.windows import Window
from elec_assets.transforms.search_coverage import Packings, PageMeta, filled

_ARCHIVES = ("recent", "all")


class SearchPackings:
    """The packings of hours of one election; versions of the registry are read once each, and only where needed."""

    def __init__(self, election: Election, registry_version: str, store: Store, limit: int) -> None:
        self._election = election
        self._registry_version = registry_version
        self._history = RegistryHistory(store)
        self._limit = limit
        self._before: dict[str, Election | None] = {}

    def queries(self, hour: Window) -> tuple[str, ...]:
        """Today's queries for an hour, in the length of the archive that is asked."""
        return search_queries(self._election, hour.start, self._limit)

    def today(self, hour: Window, metas: Sequence[PageMeta]) -> Packings:
        """Today's queries; with them those that another ELEC_X_ARCHIVE packs, where some were asked."""
        queries = self.queries(hour)
        if all(meta.query in queries for meta in metas):
            return (queries,)
        return tuple(dict.fromkeys([queries, *self._packings(self._election, hour)]))

    def ever(self, hour: Window, metas: Sequence[PageMeta]) -> Packings:
        """With today's, those of every version of the registry that the sidecars name.

        A version that did not follow everybody who is followed at the hour by today's is left out: it says nothing
        about them. So is one that is not kept, cannot be read, or lacks the election.

        Raises:
            StoreError: the store refused.
        """
        today = self.today(hour, metas)
        others = sorted({meta.registry_version for meta in metas} - {self._registry_version})
        planned = calendar.planned(self._election, hour)
        if not others or not planned - filled(planned, today, metas):
            return today
        before = [packing for version in others for packing in self._asked_by(version, hour)]
        return tuple(dict.fromkeys([*map(tuple, today), *before]))

    def _asked_by(self, version: str, hour: Window) -> Iterator[tuple[str, ...]]:
        if version not in self._before:
            self._before[version] = self._history.election(version, self._election.key)
        before = self._before[version]
        if before is not None and _followed(self._election, hour) <= _followed(before, hour):
            yield from self._packings(before, hour)

    def _packings(self, election: Election, hour: Window) -> Iterator[tuple[str, ...]]:
        for limit in dict.fromkeys([self._limit, *map(query_limit, _ARCHIVES)]):
            try:
                packing = search_queries(election, hour.start, limit)
            except ValueError:  # a term that only the longer queries hold
                continue
            if packing:
                yield packing


def _followed(election: Election, hour: Window) -> frozenset[str]:
    return frozenset(candidate.key for candidate in election.as_of(hour.start))
