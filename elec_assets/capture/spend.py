"""What the stream cost this month, written before it can be spent, and the stop before the budget is passed.

X bills a post when it sends it: a line that arrives is already paid for, and so is what is on its way. So money is
reserved ahead, on disk, before the connection and again before less is left than what may be on its way; each line is
counted against it as it is received. A crash leaves the reservation counted: the ledger may say too much, never too
little (`docs/decisions/0010-what-is-under-way.md`). Months are UTC.
One file a month, `spend/{YYYYMM}.json` in the spool's folder, with one writer: who holds the spool.
"""

import threading
from contextlib import suppress
from datetime import date
from pathlib import Path

import msgspec

from elec_assets.capture.billing import MOST, DayIds, Read
from elec_assets.capture.clock import CaptureClock
from elec_assets.capture.files import replace_file
from elec_assets.capture.peak import Peak
from elec_assets.capture.spend_month import VERSION, CaptureMonth, read_month
from elec_assets.domain.prices import Prices
from elec_assets.domain.windows import from_epoch_ms

# A post sent just before midnight may be billed to the day before: in the first seconds of a day none is remembered.
_MIDNIGHT_MS = 30_000
_DAY_MS = 86_400_000
# Lines: what X may send within a second, out of any silence (its limit, 2026); what may be under way besides what came
# in the busiest second; and what is reserved besides what may be under way.
MOST_A_SECOND = 250
_UNDER_WAY = 25
_RESERVED = 10
# Lines of a month after which their mean says what one costs.
_KNOWN_FROM = 100


def least_share_usd(prices: Prices) -> float:
    """The smallest share of a month that the stream can be listened with, USD: what may be under way at its start."""
    return MOST_A_SECOND * MOST.usd(prices)


class CaptureSpend:
    """The ledger of the stream against its share of the monthly budget. Thread-safe. Free prices: counts nothing.

    `under_way_s`: seconds of the busiest second's lines that X may have sent when a connection is ended.

    Raises:
        LedgerUnreadable: the month's ledger is damaged, or of a newer version.
        OSError: the folder cannot be made or read.
    """

    def __init__(
        self, folder: Path, *, budget_usd: float, prices: Prices, clock: CaptureClock, under_way_s: float = 3.0
    ) -> None:
        self.budget_usd = budget_usd
        self.free = not prices.post_usd and not prices.user_usd
        self._folder = folder / "spend"
        self._prices = prices
        self._clock = clock
        self._under_way_s = under_way_s
        self._lock = threading.Lock()
        self._peak = Peak()
        self._unwritten_usd = 0.0
        self._over: str | None = None
        self._problem: str | None = None
        if self.free:
            self._month = CaptureMonth(VERSION, _month(clock.now_ms()))
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._month = self._opened(_month(clock.now_ms()))
        self._ids = DayIds(self._folder, _day(clock.now_ms()))

    @property
    def month(self) -> CaptureMonth:
        """This month as it is now, with what the file does not say yet."""
        with self._lock:
            settled = self._month.settled_usd + self._unwritten_usd
            reserved = max(self._month.reserved_usd - self._unwritten_usd, 0.0)
            return msgspec.structs.replace(self._month, settled_usd=settled, reserved_usd=reserved)

    def allowed(self) -> str | None:
        """Why nothing more may be spent, and what to do; None where it may. Once over, until the month ends."""
        if self.free:
            return None
        with self._lock:
            self._turn(self._clock.now_ms())
            if self._over is None:
                self._over = self._refusal()
            return self._over or self._problem

    def connecting(self) -> None:
        """Reserve, on disk, before a connection.

        Raises:
            OSError: the ledger cannot be written; nothing may be spent.
        """
        if self.free:
            return
        with self._lock:
            self._turn(self._clock.now_ms())
            self._write(self._step_usd())

    def count(self, raw: bytes, at_ms: int) -> None:
        """Count a received line. A ledger that cannot be written is told by `allowed`."""
        if self.free:
            return
        with self._lock:
            self._turn(at_ms)
            self._add(self._ids.read(raw, remember=at_ms % _DAY_MS >= _MIDNIGHT_MS))
            self._peak.add(at_ms)
            left = self._month.reserved_usd - self._unwritten_usd
            if left < self._under_way_usd() + self._ahead_usd() / 2:
                self._topped_up()

    def tick(self) -> None:
        """To be called each second while connected: reserves ahead, so that `count` hardly ever has to."""
        if self.free:
            return
        with self._lock:
            self._turn(self._clock.now_ms())
            if self._month.reserved_usd and self._unwritten_usd > self._ahead_usd() / 4:
                self._topped_up()

    def disconnected(self) -> None:
        """A connection has ended: its reservation is given back, less what may have been under way.

        One that was ended because of the budget may have been ended within a burst: its reservation is kept.
        """
        if self.free:
            return
        with self._lock:
            self._unwritten_usd += self._peak.last_second(self._clock.now_ms()) * self._usual_usd()
            with suppress(OSError):  # then the reservation stays counted
                self._write(0.0 if self._over is None else self._under_way_usd())

    def close(self) -> None:
        """Write what was counted, and give back what was reserved, but for what is over."""
        if self.free:
            return
        with self._lock, suppress(OSError):
            self._write(0.0 if self._over is None else self._month.reserved_usd)

    def _add(self, read: Read) -> None:
        self._unwritten_usd += read.usd(self._prices)
        self._month.lines += 1
        self._month.posts += read.posts
        self._month.users += read.users

    def _topped_up(self) -> None:
        try:
            self._write(self._step_usd())
        except OSError as error:
            self._problem = (
                f"the spend ledger {self._path(self._month.month)} cannot be written ({error.strerror}), and what is "
                "not written down is not spent; free space or mend the rights of ELEC_SPOOL"
            )

    def _refusal(self) -> str | None:
        spent = self._month.settled_usd + self._unwritten_usd
        under_way = self._under_way_usd()
        if spent + under_way <= self.budget_usd:
            return None
        return (
            f"over budget: {spent:.2f} USD of {self.budget_usd:.2f} USD are spent this month for the stream, and "
            f"what X may send before it hears of an end may cost {under_way:.2f} USD; raise ELEC_X_BUDGET_USD or lower "
            "ELEC_X_FILL_SHARE and start again, or wait for the next month"
        )

    def _under_way_usd(self) -> float:
        """What may be sent and not be counted yet, at any time."""
        lines = max(MOST_A_SECOND, _UNDER_WAY + self._under_way_s * self._peak.most)
        return lines * self._usual_usd()

    def _ahead_usd(self) -> float:
        """What is reserved besides, so that not every line has to be."""
        return (_RESERVED + 2 * self._peak.most) * self._usual_usd()

    def _step_usd(self) -> float:
        return self._under_way_usd() + self._ahead_usd()

    def _usual_usd(self) -> float:
        """What a line costs, rather too much: twice the month's mean, once there is one."""
        most = MOST.usd(self._prices)
        if self._month.lines < _KNOWN_FROM:
            return most
        return min(most, 2 * (self._month.settled_usd + self._unwritten_usd) / self._month.lines)

    def _turn(self, now_ms: int) -> None:
        """Begin a new day, and a new month, where one has begun."""
        if _day(now_ms) <= self._ids.day:
            return
        self._ids = DayIds(self._folder, _day(now_ms))
        if _month(now_ms) == self._month.month:
            return
        reserved = self._month.reserved_usd
        with suppress(OSError):  # then the old month says too much
            # What was sent before midnight, and comes after it, is billed to the old month.
            self._write(self._under_way_usd() if reserved else 0.0)
        self._unwritten_usd = 0.0
        self._over = None
        self._month = self._opened(_month(now_ms))
        if reserved:
            self._topped_up()

    def _write(self, reserve_usd: float) -> None:
        """Write down what was counted, and a new reservation, not above the budget."""
        settled = self._month.settled_usd + self._unwritten_usd
        written = msgspec.structs.replace(
            self._month, settled_usd=settled, reserved_usd=max(min(reserve_usd, self.budget_usd - settled), 0.0)
        )
        replace_file(self._path(written.month), msgspec.json.encode(written))
        self._month = written
        self._unwritten_usd = 0.0
        self._problem = None

    def _opened(self, month: str) -> CaptureMonth:
        """A month's ledger. What is reserved in it was left by a crash."""
        held = read_month(self._path(month), month)
        held.settled_usd += held.reserved_usd
        held.lost_usd += held.reserved_usd
        held.reserved_usd = 0.0
        return held

    def _path(self, month: str) -> Path:
        return self._folder / f"{month}.json"


def _day(at_ms: int) -> date:
    return from_epoch_ms(at_ms).date()


def _month(at_ms: int) -> str:
    return f"{from_epoch_ms(at_ms):%Y%m}"
