"""What X counts of a day, by minute: asked once a query and day, kept as received, read back for each of its hours.

A request costs the same for a minute and for a day, so the first hour of a day that is sealed a second time asks for
all of them. Order of writes: the ledger's reservation, the call, the answer as received, the ledger's cost.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from elec_assets.clients.capture_archive import ArchiveDamaged
from elec_assets.clients.spend_ledger import OverBudget, SpendLedger
from elec_assets.clients.store import Store
from elec_assets.clients.x_api import XApi
from elec_assets.clients.x_errors import XError
from elec_assets.domain import layout
from elec_assets.domain.layout import CountsAnswer, parse_counts_answer
from elec_assets.domain.registry import Candidate
from elec_assets.domain.windows import DAY, HOUR, HOUR_MS, Grain, Window, epoch_ms, floor, window_at
from elec_assets.transforms.completeness import MINUTE_MS, QueryCounts, asked_for, read_counts
from elec_assets.transforms.gzips import packed, unpacked
from elec_assets.transforms.search_coverage import query_id

# An hour is audited when it has been over for so long: at its second sealing, when also its day is over.
AUDIT_AFTER = DAY


class CountsArchive:
    """The counts of one election in the store."""

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election

    def of_hour(self, hour: Window, queries: Iterable[str], candidates: Sequence[Candidate]) -> list[QueryCounts]:
        """What X counted of an hour: those of its queries for which all minutes of the hour are there.

        An answer that X gave and nobody can read is passed over: it only audits.

        Raises:
            ArchiveDamaged: an answer cannot be unpacked.
        """
        counted = self._counted(hour, queries)
        return [QueryCounts(asked_for(query, candidates), minutes) for query, minutes in counted.items()]

    def uncounted(self, hour: Window, queries: Sequence[str]) -> list[str]:
        """The queries without counts of an hour.

        Raises:
            ArchiveDamaged: see `of_hour`.
        """
        counted = self._counted(hour, queries)
        return [query for query in queries if query not in counted]

    def _counted(self, hour: Window, queries: Iterable[str]) -> dict[str, dict[int, int]]:
        """Posts by minute for the queries that are counted for the whole of an hour."""
        told, start = self._told(hour), epoch_ms(hour.start)
        whole = range(start, start + HOUR_MS, MINUTE_MS)
        found = {query: told.get(query_id(query), {}) for query in queries}
        return {
            q: {at: minutes[at] for at in whole} for q, minutes in found.items() if all(at in minutes for at in whole)
        }

    def _told(self, hour: Window) -> dict[str, dict[int, int]]:
        """Posts by query and minute of the hour's day; of several answers the last counts."""
        listed = self._store.list(layout.counts_day(self._election, window_at(hour.start, Grain.DAY)))
        answers = [answer for info in listed if (answer := parse_counts_answer(info.key)) is not None]
        found: dict[str, dict[int, int]] = {}
        for answer in sorted(answers, key=lambda each: each.asked_at):
            found.setdefault(answer.query, {}).update(self._read(answer.key))
        return found

    def _read(self, key: str) -> dict[int, int]:
        try:
            body = unpacked(self._store.get(key))
        except ValueError as error:
            raise ArchiveDamaged(f"{key}: cannot be unpacked ({error}); restore it from a backup") from error
        return _counts(body)


def _counts(body: bytes) -> dict[int, int]:
    """Posts by minute, none where it cannot be read."""
    try:
        return read_counts(body)
    except (ValueError, OverflowError, RecursionError):  # not counts, times outside the calendar, endless nesting
        return {}


class DayCounts:
    """Asks X for the counts of days, within the budget of searches."""

    def __init__(
        self, *, store: Store, api: XApi, ledger: SpendLedger, count_usd: float, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._api = api
        self._ledger = ledger
        self._count_usd = count_usd
        self._clock = clock
        self._asked_at: datetime | None = None
        self._why_not: str | None = None

    def ask(self, election: str, hour: Window, queries: Sequence[str]) -> str | None:
        """Have the counts of an hour stored, with those of its day, if it is due to be audited and they are not there.

        Returns why X was not asked or did not answer, None where nothing is wrong. After the first such reason
        nothing more is asked: an audit is worth no retries.

        Raises:
            StoreError: an answer could not be stored.
            LedgerUnreadable: the spend ledger cannot be read, so nothing may be spent.
            ArchiveDamaged: counts that are stored cannot be read.
        """
        now = self._clock()
        window = self._window(hour, now)
        if now < hour.end + AUDIT_AFTER or window is None:
            return None
        for query in CountsArchive(self._store, election).uncounted(hour, queries):
            if self._why_not is not None:
                return self._why_not
            key = CountsAnswer(election, window_at(hour.start, Grain.DAY).start, self._moment(now), query_id(query))
            self._why_not = self._count(key.key, query, window)
        return self._why_not

    def _window(self, hour: Window, now: datetime) -> Window | None:
        """What of the hour's day can be asked for; None where the hour is out of reach."""
        day = window_at(hour.start, Grain.DAY)
        reach = self._api.reach
        start = day.start if reach is None else max(day.start, floor(now - reach, Grain.HOUR) + HOUR)
        return Window(start, day.end) if start <= hour.start else None

    def _count(self, key: str, query: str, window: Window) -> str | None:
        try:
            self._ledger.reserve(key, self._count_usd)
        except OverBudget as error:
            return str(error)
        try:
            answer = self._api.counts(query, window)
        except XError as error:
            # X may have counted before it failed; a request that it refused is not billed.
            self._ledger.settle(key, usd=self._count_usd if error.billed else 0.0, posts=0, users=0)
            return str(error)
        self._store.create(key, packed(answer.body))
        self._ledger.settle(key, usd=self._count_usd, posts=0, users=0)
        return None if _counts(answer.body) else f"X answered 200 with no counts by minute; it is kept in {key}"

    def _moment(self, now: datetime) -> datetime:
        """Now, in whole milliseconds, and never the same twice: it names the answer."""
        moment = now.replace(microsecond=now.microsecond // 1000 * 1000)
        if self._asked_at is not None:
            moment = max(moment, self._asked_at + timedelta(milliseconds=1))
        self._asked_at = moment
        return moment
