"""What is collected in a script, and what of it is there at a moment: healthy but for its outages.

What is found at a look goes through the code under test (`domain.due`, `domain.watches`, `domain.release_due`,
`transforms.alert_conditions`), and the rule of 2021 takes the time of the newest upload. When something is wrong in
truth is neither's to say: the scripts do.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from elec_assets.domain.due import BATCHES, WINDOWS, Late, late, late_batches
from elec_assets.domain.registry import Election
from elec_assets.domain.release_due import LateRelease, late_release
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, floor
from elec_assets.transforms.alert_conditions import conditions as judged
from elec_assets.transforms.alert_facts import CheckFailed, Facts, Product
from elec_assets.transforms.alert_facts import Watched as Seen
from elec_assets.transforms.alert_state import Condition
from elec_assets.transforms.watch_state import SeenWatch
from elec_assets.transforms.watched import Listed, newest_of

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SLOT = 5 * MINUTE
FILLED = 2 * MINUTE
"""After an outage, until what it kept back is there."""
_REACH = 60
_BY_AREA = ("google_trends/hourly", "google_trends/daily", "google_trends/weekly")


@dataclass(frozen=True, slots=True)
class Found:
    """What a look finds of one feed; the fields are those of `Facts`."""

    products: Sequence[Product] = ()
    watched: Sequence[Seen] = ()
    checks: Sequence[CheckFailed] = ()
    release: LateRelease | None = None


def conditions(feeds: Sequence["Feed"], now: datetime) -> list[Condition]:
    """What is wrong now, as the code under test judges what is found."""
    looked = [feed.found(now) for feed in feeds]
    facts = Facts(
        now,
        "Europe/Paris",
        products=[product for each in looked for product in each.products],
        watching=True,
        seen_at=now,
        watched=[watched for each in looked for watched in each.watched],
        checks=[check for each in looked for check in each.checks],
        release=next((each.release for each in looked if each.release is not None), None),
    )
    return list(judged(facts))


class Feed(Protocol):
    """Something that is watched.

    `threshold_s` is the one that the rule of 2021 holds it to; None: it could not watch such a thing.
    """

    @property
    def asset(self) -> str:
        """Its name in messages."""
        ...

    @property
    def threshold_s(self) -> int | None:
        """See above."""
        ...

    def found(self, now: datetime) -> Found:
        """What a look finds of it."""
        ...

    def modified(self, now: datetime) -> datetime | None:
        """When its newest object was uploaded; None where there is none."""
        ...


def grid(moment: datetime, step: timedelta) -> datetime:
    """The last multiple of a step, counted from midnight, that is not after a moment."""
    midnight = floor(moment, Grain.DAY)
    return midnight + step * ((moment - midnight) // step)


def jitter(what: str, moment: datetime, most: timedelta) -> timedelta:
    """Up to `most`, always the same for the same thing."""
    return most * (zlib.crc32(f"{what} {moment}".encode()) / 2**32)


@dataclass(frozen=True)
class Batches:
    """X's stream in slots of 5 minutes; `outages`: X sends nothing."""

    election: Election
    outages: Sequence[Window] = ()
    threshold_s: int | None = 600

    @property
    def asset(self) -> str:
        """Its name in messages."""
        return f"{self.election.key}/{BATCHES}"

    def there_at(self, slot: datetime) -> datetime:
        """When the batch of a slot is there, by the slot's start."""
        return slot + SLOT + 15 * SECOND + jitter(self.asset, slot, MINUTE)

    def covered_to(self, now: datetime) -> datetime:
        """The end of what batches cover."""
        slot = grid(now, SLOT) - SLOT
        while self.there_at(slot) > now:
            slot -= SLOT
        end = min(slot + SLOT, self.election.calendar.collect_until)
        for outage in sorted(self.outages, key=lambda each: each.start, reverse=True):
            if outage.start < end <= outage.end:
                end = outage.start
        return end

    def found(self, now: datetime) -> Found:
        """As `Feed`."""
        return _product(self.election, BATCHES, late_batches(self.election, now, self.covered_to(now)))

    def modified(self, now: datetime) -> datetime | None:
        """As `Feed`."""
        # Of the batch that ends what is covered.
        return self.there_at(grid(self.covered_to(now) - SECOND, SLOT))


@dataclass(frozen=True)
class Table:
    """Partitions of a product, each there `delay` after its block's end; during `outages` none is made.

    `backfills`: times at which old partitions were made again.
    """

    election: Election
    product: str
    delay: timedelta
    threshold_s: int | None
    outages: Sequence[Window] = ()
    backfills: Sequence[datetime] = ()
    _judged: dict[datetime, Found] = field(default_factory=dict, compare=False)

    @property
    def asset(self) -> str:
        """Its name in messages."""
        return _product(self.election, self.product, None).products[0].asset

    def there_at(self, partition: Window) -> datetime:
        """When a partition is there."""
        block = WINDOWS[self.product].block
        end = partition.end if block >= DAY else grid(partition.start, block) + block
        at = end + self.delay + jitter(self.asset, end, self.delay / 2)
        for outage in self.outages:
            if at in outage:
                at = outage.end + FILLED
        return at

    def found(self, now: datetime) -> Found:
        """As `Feed`."""
        # Tables of days and weeks are judged once in half an hour, or all would take twice as long (2026-11).
        at = now if self.outages or WINDOWS[self.product].block < DAY else grid(now, 30 * MINUTE)
        if at not in self._judged:
            found = late(self.product, self.election, at, lambda partition: self.there_at(partition) <= at)
            self._judged.clear()
            self._judged[at] = _product(self.election, self.product, found)
        return self._judged[at]

    def modified(self, now: datetime) -> datetime | None:
        """As `Feed`."""
        made = [at for at in self.backfills if at <= now]
        made += next(([at] for at in self._newest_first(now) if at <= now), [])
        return max(made, default=None)

    def _newest_first(self, now: datetime) -> Iterator[datetime]:
        grain = WINDOWS[self.product].grain
        end = floor(min(now, self.election.calendar.collect_until), grain)
        for _ in range(_REACH):
            yield self.there_at(Window(end - grain.length, end))
            end -= grain.length


@dataclass(frozen=True)
class Watched:
    """A prefix of another project, one object every `every`, except in `outages`.

    During `stuck` its old objects are uploaded again and again, and no new ones are.
    """

    watch: Watch
    every: timedelta = SLOT
    outages: Sequence[Window] = ()
    stuck: Sequence[Window] = ()

    @property
    def asset(self) -> str:
        """Its name in messages."""
        return f"watch/{self.watch.name}"

    @property
    def threshold_s(self) -> int | None:
        """As `Feed`."""
        return self.watch.threshold_s

    def there_at(self, made: datetime) -> datetime:
        """When the object that begins at a time is there."""
        return made + self.every + 5 * SECOND

    def listed(self, now: datetime) -> list[Listed]:
        """The three newest objects."""
        found: list[Listed] = []
        made = grid(now, self.every)
        resent = grid(now, SLOT) if any(now in window for window in self.stuck) else None
        while len(found) < 3:
            gap = next((window for window in (*self.outages, *self.stuck) if made in window), None)
            if gap is not None:
                made = grid(gap.start - SECOND, self.every)
            elif self.there_at(made) > now:
                made -= self.every
            else:
                key = f"{self.watch.prefix}{made:%Y%m%d}/{made:%H%M}.csv.gz"
                found.append(Listed(key, 1000, max(self.there_at(made), resent or self.there_at(made))))
                made -= self.every
        return found

    def found(self, now: datetime) -> Found:
        """As `Feed`."""
        newest = newest_of(self.listed(now), by_key=self.watch.judged_by == "key")
        fresh_at = None if newest is None else newest.fresh_at
        return Found(watched=[Seen(self.watch, SeenWatch(state="found", since=now, fresh_at=fresh_at))])

    def modified(self, now: datetime) -> datetime | None:
        """As `Feed`."""
        return max(each.modified for each in self.listed(now))


@dataclass(frozen=True)
class Direct:
    """A check that holds back what comes after, and fails during `spans`: seen at once."""

    asset: str
    spans: Sequence[Window]
    threshold_s: int | None = None

    def found(self, now: datetime) -> Found:
        """As `Feed`."""
        failing = [span for span in self.spans if now in span]
        return Found(checks=[CheckFailed(self.asset, "complete", blocking=True, since=s.start) for s in failing])

    def modified(self, now: datetime) -> datetime | None:  # noqa: ARG002 - as `Feed`
        """As `Feed`."""
        return None


@dataclass(frozen=True)
class Releases:
    """A release every day but in blackouts."""

    election: Election
    asset: str = "kaggle/dataset"
    threshold_s: int | None = None

    def found(self, now: datetime) -> Found:
        """As `Feed`."""
        at = floor(now - 4 * HOUR, Grain.DAY) + 4 * HOUR
        while any(at in blackout for blackout in self.election.calendar.blackouts):
            at -= DAY
        return Found(release=late_release([self.election], at, now))

    def modified(self, now: datetime) -> datetime | None:  # noqa: ARG002 - as `Feed`
        """As `Feed`."""
        return None


def _product(election: Election, product: str, found: Late | None) -> Found:
    name = product.replace("google_trends/", "google_trends/fr/") if product in _BY_AREA else product
    return Found(products=[Product(election.key, name, product, election.timezone, late=found)])
