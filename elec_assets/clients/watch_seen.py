"""What was last seen of watched prefixes; and how far the stream's batches prove an election's time.

Batches are judged by the evidence in their journals, never by the time of their upload.
"""

from datetime import datetime

from elec_assets.clients.store import ObjectMissing, Store
from elec_assets.domain import layout_alerts, layout_capture
from elec_assets.domain.layout_capture import BatchKey, parse_batch
from elec_assets.domain.windows import DAY, Grain, from_epoch_ms, window_at
from elec_assets.transforms.journals import JournalUnreadable, decode_journal
from elec_assets.transforms.watch_state import Seen, SeenBatches, WatchStateUnreadable, decode_seen

# Of each spool: a slot is proven by its own journal and by the next one.
_NEWEST = 3


def read_seen(store: Store) -> Seen | None:
    """What was last seen; None where nothing was, or it cannot be read: the next look replaces it.

    Raises:
        StoreError: the store refused.
    """
    data = store.find(layout_alerts.watches())
    try:
        return None if data is None else decode_seen(data, layout_alerts.watches())
    except WatchStateUnreadable:
        return None


class BatchesSeen:
    """Looks at the newest journals of elections; each is read once a process."""

    def __init__(self) -> None:
        self._ends: dict[str, dict[str, datetime | None]] = {}

    def look(self, store: Store, election: str, now: datetime) -> SeenBatches | None:
        """What the newest journals of today prove, or of yesterday if there is none; None: there are none.

        Raises:
            StoreError: the store refused.
        """
        for back in range(2):
            day = window_at(now - back * DAY, Grain.DAY)
            named = ((parse_batch(info.key), info) for info in store.list(layout_capture.batches_day(election, day)))
            journals = sorted((each, info.modified) for each, info in named if each and info.key == each.journal)
            if journals:
                return self._proven(store, election, journals)
        return None

    def _proven(self, store: Store, election: str, journals: list[tuple[BatchKey, datetime]]) -> SeenBatches:
        of_spool: dict[str, list[tuple[BatchKey, datetime]]] = {}
        for batch, uploaded in journals:
            of_spool.setdefault(batch.spool, []).append((batch, uploaded))
        newest = {batch.journal: at for each in of_spool.values() for batch, at in each[-_NEWEST:]}
        known = self._ends.get(election, {})
        self._ends[election] = ends = {key: known[key] if key in known else _end(store, key) for key in newest}
        # A clock that is ahead proves nothing beyond the upload.
        proven = [min(end, newest[key]) for key, end in ends.items() if end is not None]
        return SeenBatches(covered_to=max(proven, default=None), key=journals[-1][0].journal)


def _end(store: Store, key: str) -> datetime | None:
    """The end of what a journal proves; None where it proves nothing, or cannot be read: sealing tells of that."""
    try:
        journal = decode_journal(store.get(key), key)
    except (JournalUnreadable, ObjectMissing):
        return None
    return from_epoch_ms(journal.covered.spans[-1][1]) if journal.covered else None
