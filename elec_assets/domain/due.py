"""What should be there by now: the newest planned partition of a product, from the calendar alone. Pure.

Dagster judges the last materialization of any partition and knows no pauses (`freshness.py` has those policies). Here
the newest partition that the calendar plans is judged, so a backfill of an old one hides nothing, and nothing is due
outside collection. A product's windows are those of the architecture, section 4: the policy counts from one
materialization to the next, so a partition is late the policy's window less one period after its own end.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.domain.calendar import collected, planned
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.registry import Election
from elec_assets.domain.trends import BLOCK_HOURS, Cadence
from elec_assets.domain.trends_plan import asked_about
from elec_assets.domain.trends_plan import planned as trends_planned
from elec_assets.domain.windows import DAY, HOUR, WEEK, Grain, Window, epoch_ms, floor, from_epoch_ms, window_at

_MINUTE = timedelta(minutes=1)
BATCHES = "twitter/batches"
BATCHES_WARN, BATCHES_FAIL = 7 * _MINUTE, 10 * _MINUTE
"""How long after planned time that no batch covers."""
_BATCHES_REACH = 2 * DAY


@dataclass(frozen=True, slots=True)
class Lateness:
    """Partitions of a product: their grain, how long after the end of its block one is late, and how far back to look.

    `block` is the span that becomes there at once: four hours for the hourly tables of Google Trends.
    """

    grain: Grain
    block: timedelta
    warn: timedelta
    fail: timedelta
    reach: int


WINDOWS: Mapping[str, Lateness] = {
    "twitter/tweets": Lateness(Grain.HOUR, HOUR, 30 * _MINUTE, 90 * _MINUTE, 200),
    "twitter/weekly": Lateness(Grain.WEEK, WEEK, 2 * DAY, 3 * DAY, 5),
    "twitter/volume": Lateness(Grain.WEEK, WEEK, 2 * DAY, 3 * DAY, 5),
    "google_trends/hourly": Lateness(Grain.HOUR, BLOCK_HOURS * HOUR, HOUR, 2 * HOUR, 50),
    "google_trends/daily": Lateness(Grain.DAY, DAY, 6 * HOUR, 12 * HOUR, 31),
    "google_trends/weekly": Lateness(Grain.WEEK, WEEK, DAY, 2 * DAY, 5),
    "google_trends/rollup": Lateness(Grain.WEEK, WEEK, 2 * DAY, 3 * DAY, 5),
    "coverage/weekly": Lateness(Grain.WEEK, WEEK, 2 * DAY, 3 * DAY, 5),
}
"""By product, as in `freshness.POLICIES`."""


@dataclass(frozen=True, slots=True)
class Late:
    """A product is late.

    Attributes:
        partition: the newest planned partition that should be there; None for a product without partitions.
        missing: how many planned partitions in a row are missing, as far back as is looked.
        since: when the first of them was late.
        fail: whether it is past the longer window too.
    """

    partition: Window | None
    missing: int
    since: datetime
    fail: bool


def due(product: str, election: Election, now: datetime) -> bool:
    """Whether a freshness policy of the product counts now: collection runs, and something planned should be there."""
    if product == BATCHES:
        return election.active_at(now) and bool(_uncovered(election, now - BATCHES_WARN, now))
    return newest_due(product, election, now) is not None


def newest_due(product: str, election: Election, now: datetime) -> Window | None:
    """The newest planned partition that is late if it is not there now; None outside collection, or if none is planned.

    Raises:
        KeyError: there is no such product.
    """
    lateness = WINDOWS[product]
    return next(_due(product, election, now, lateness.warn), None)


def late(product: str, election: Election, now: datetime, stored: Callable[[Window], bool]) -> Late | None:
    """Whether the newest planned partition of a product is late; older ones never speak for it.

    `stored` says of a partition whether it is there.

    Raises:
        KeyError: there is no such product.
    """
    lateness = WINDOWS[product]
    missing: list[Window] = []
    for partition in _due(product, election, now, lateness.warn):
        if stored(partition):
            break
        missing.append(partition)
    if not missing:
        return None
    fails = next(_due(product, election, now, lateness.fail), None)
    since = _block_end(missing[-1], lateness) + lateness.warn
    return Late(missing[0], len(missing), since, fails is not None and fails in missing)


def late_batches(election: Election, now: datetime, covered_to: datetime | None) -> Late | None:
    """Whether the stream's batches are late: time that was planned, is some minutes old, and no batch covers.

    `covered_to` is the end of what the newest journal covers; None: there is none. Planned time is looked for 2 days
    back at most.
    """
    if not election.active_at(now):
        return None
    missing = _uncovered(election, covered_to, now)
    if not missing:
        return None
    since = from_epoch_ms(missing.spans[0][0])
    return Late(None, 1, since, now - since > BATCHES_FAIL) if now - since > BATCHES_WARN else None


def _uncovered(election: Election, covered_to: datetime | None, now: datetime) -> Intervals:
    """The planned time after `covered_to`."""
    start = max(covered_to or now - _BATCHES_REACH, now - _BATCHES_REACH)
    if start >= now:
        return Intervals()
    hour, spans = floor(start, Grain.HOUR), Intervals()
    while hour < now:
        window = Window(hour, hour + HOUR)
        if asked_about(election, window):
            spans |= planned(election, window)
        hour += HOUR
    return spans & Intervals.of([(epoch_ms(start), epoch_ms(now))])


def _due(product: str, election: Election, now: datetime, after: timedelta) -> Iterator[Window]:
    """The planned partitions whose block ended so long ago, newest first."""
    if not election.active_at(now):
        return
    lateness = WINDOWS[product]
    length = lateness.grain.length
    last = window_at(now - after, lateness.grain)
    # Back to the last partition of a block that is over.
    end = last.start if lateness.block == length else floor(last.start, Grain.DAY)
    while end + lateness.block <= now - after:
        end += lateness.block
    for back in range(lateness.reach):
        partition = Window(end - (back + 1) * length, end - back * length)
        if _is_planned(product, election, partition):
            yield partition


def _block_end(partition: Window, lateness: Lateness) -> datetime:
    if lateness.block == lateness.grain.length:
        return partition.end
    midnight = floor(partition.start, Grain.DAY)
    return midnight + lateness.block * ((partition.start - midnight) // lateness.block + 1)


def _is_planned(product: str, election: Election, partition: Window) -> bool:
    """Whether the calendar, the capture plan and the dates of candidates ask for it."""
    if product.startswith("google_trends/") and product.rpartition("/")[2] in tuple(Cadence):
        return bool(trends_planned(election, Cadence(product.rpartition("/")[2]), partition))
    if not collected(election, partition) or not asked_about(election, partition):
        return False
    return product != "twitter/tweets" or bool(planned(election, partition))
