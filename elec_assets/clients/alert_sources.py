"""What the store tells alerts: coverage of the last day, budgets, refusals of Google, the newest release.

A look is made every 30 s: what cannot have changed is not read again. What cannot be read is no condition here: the
run that needs it fails, and that is told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from elec_assets.clients.kaggle_states import Ledger, LedgerUnreadable, State
from elec_assets.clients.search_fill import page_usd
from elec_assets.clients.spend_ledger import LedgerUnreadable as SpendUnreadable
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store
from elec_assets.clients.trends_pace import Pace
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.domain import layout_releases, layout_trends
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import Prices
from elec_assets.domain.windows import HOUR, Grain, Window, epoch_ms, floor, from_epoch_ms
from elec_assets.transforms import trends_coverage
from elec_assets.transforms.coverage import CoverageUnreadable, HourCoverage

_DAY_HOURS = 24
# As `domain.due` has it: an hour is late half an hour after its end.
_SEALED_AFTER = timedelta(minutes=30)
# Shorter cool-downs are everyday.
_LONG = timedelta(minutes=30)
_RELEASED = (State.VERIFIED, State.DONE)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The part of what was planned that is there, 0 to 1, and the outcome of the newest."""

    share: float
    outcome: Outcome


class AlertSources:
    """Reads one store. `version` of a method tells that something was made anew since: Dagster's storage ids."""

    def __init__(self) -> None:
        self._hours: dict[str, tuple[object, Coverage | None]] = {}
        self._partitions: dict[str, tuple[object, Coverage | None]] = {}
        self._releases: dict[str, tuple[datetime, str, datetime | None]] = {}

    def last_day(self, store: Store, election: str, now: datetime, version: object) -> Coverage | None:
        """Of the sealed hours of the last day; None where none was planned, or none is sealed.

        Raises:
            StoreError: the store refused.
        """
        end = floor(now - _SEALED_AFTER, Grain.HOUR)
        return _kept(self._hours, election, (end, version), lambda: _last_day(TweetArchive(store, election), end))

    def partition(self, store: Store, place: TrendsPlace, version: object) -> Coverage | None:
        """Of a partition of Google Trends; None where it has no coverage row.

        Raises:
            StoreError: the store refused.
        """
        name = f"{place.election}/{place.area}/{place.cadence}"
        return _kept(self._partitions, name, (place.window, version), lambda: _partition(store, place.coverage))

    def released_at(self, store: Store, dataset: str) -> datetime | None:
        """When the newest release of a dataset (`owner/slug`) was verified at Kaggle; None: there is none.

        One that changes nothing counts too: no version is made of it, and the ledger notes when it was found the same.

        Raises:
            StoreError: the store refused.
        """
        releases: dict[str, tuple[datetime, str, datetime | None]] = {}
        for info in store.list(layout_releases.ledgers()):
            name = layout_releases.parse_ledger(info.key)
            held = self._releases.get(info.key)
            if name is None:
                continue
            if held is None or held[:2] != (info.modified, dataset):
                held = info.modified, dataset, _published(Ledger(store), name, dataset)
            releases[info.key] = held
        self._releases = releases
        return max((at for _, _, at in releases.values() if at is not None), default=None)


def search_over_budget(store: Store, owner: str, budget_usd: float, prices: Prices, now: datetime) -> bool:
    """Whether the month's budget allows no further page.

    Raises:
        StoreError: the store refused.
    """
    try:
        return SpendLedger(store, owner, budget_usd, lambda: now).refusal(page_usd(prices)) is not None
    except SpendUnreadable:
        return False


def trends_refused(store: Store, now: datetime) -> tuple[datetime, datetime] | None:
    """Since when, and until when, Google Trends is not asked because it refused; None where it is, or soon will be.

    Raises:
        StoreError: the store refused.
    """
    data = store.find(layout_trends.governor())
    try:
        pace = None if data is None else msgspec.json.decode(data.decode(), type=Pace)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
    if pace is None or pace.resume_at_ms is None or pace.resume_at_ms <= epoch_ms(now):
        return None
    since, until = from_epoch_ms(pace.refused_at_ms or epoch_ms(now)), from_epoch_ms(pace.resume_at_ms)
    return (since, until) if until - since >= _LONG else None


def _kept(
    held: dict[str, tuple[object, Coverage | None]], name: str, version: object, read: Callable[[], Coverage | None]
) -> Coverage | None:
    """What is held of a version, else what is read now."""
    known = held.get(name)
    if known is None or known[0] != version:
        known = held[name] = version, read()
    return known[1]


def _last_day(archive: TweetArchive, end: datetime) -> Coverage | None:
    hours = [Window(end - (back + 1) * HOUR, end - back * HOUR) for back in range(_DAY_HOURS)]
    rows = _rows(archive, hours)
    planned = sum(row.planned_s for row in rows)
    if not planned:
        return None
    newest = next(row.outcome for row in rows if row.planned_s)
    return Coverage(1 - sum(row.missed_s for row in rows) / planned, newest)


def _rows(archive: TweetArchive, hours: Sequence[Window]) -> list[HourCoverage]:
    rows = []
    for hour in hours:
        try:
            row = archive.coverage(hour)
        except CoverageUnreadable:
            continue
        if row is not None:
            rows.append(row)
    return rows


def _partition(store: Store, key: str) -> Coverage | None:
    data = store.find(key)
    try:
        row = None if data is None else trends_coverage.decode(data, key)
    except CoverageUnreadable:
        return None
    return None if row is None or row.outcome is Outcome.NOT_PLANNED else Coverage(row.settled_share, row.outcome)


def _published(ledger: Ledger, release: str, dataset: str) -> datetime | None:
    """When a release was last verified at Kaggle, or found to be the one that is shown."""
    try:
        entry = ledger.read(release)
    except LedgerUnreadable:
        return None
    done = (p.current_at for p in entry.publications if p.dataset == dataset and p.state in _RELEASED)
    return max(done, default=None)
