"""The governor of Google Trends: who may ask when. Shared by all processes of a host, and outliving them.

The state is one object in the store, read and written whole under a file lock of this host; between hosts the Dagster
pool `google_trends` (limit 1) keeps it to one writer. A request is counted, durably, before it is sent: a crash leaves
it counted. See docs/decisions/0007-trends-governor.md.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import filelock
import msgspec

from elec_assets.clients.trends_errors import GovernorUnreadable, TrendsCoolingDown, TrendsPaused
from elec_assets.clients.trends_loan import Loans, StateStore
from elec_assets.clients.trends_pace import VERSION, Pace, Slot, TrendsLimits
from elec_assets.domain import layout_trends
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import epoch_ms, from_epoch_ms, iso

LONGEST_WAIT = timedelta(minutes=5)
"""A run sleeps no longer for the pace. More than the slowest pace leaves between two requests: else a run explores, may
not fetch, and ends, for ever."""
_JITTER = 0.3
# Who holds the lock reads and writes one object, which S3 may draw out to 2 times 150 s.
_LOCK_S = 300.0


class RateGovernor:
    """Admits requests one by one.

    `clock` (UTC), `sleep` (seconds) and `uniform` (a number between two) are passed in. `lock` is the file that
    processes of this host share; see `lock_path`. `loans` tell whether a Lambda may be asking; an invocation of one has
    none, and admits nothing after `ends_at`.
    """

    def __init__(
        self,
        *,
        store: StateStore,
        limits: TrendsLimits,
        lock: Path,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        uniform: Callable[[float, float], float],
        longest_wait: timedelta = LONGEST_WAIT,
        loans: Loans | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._lock = lock
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._longest_ms = longest_wait // timedelta(milliseconds=1)
        self._loans = loans
        self._ends_at = ends_at

    def admit(self) -> datetime:
        """Wait for the turn of one request, which is counted; returns its time, for `refused`.

        Raises:
            TrendsCoolingDown: its turn is not within the longest wait, Google refused lately, or a Lambda may be at
                work; nothing was counted.
            TrendsPaused: its turn comes after `ends_at`; nothing was counted.
            GovernorUnreadable: the state cannot be read.
            StoreError: it cannot be stored.
        """
        if self._loans is not None:
            self._loans.check()
            self._loans = None  # none is made while this process holds the pool
        with self._state() as pace:
            slot = self._slot(pace)
            wait_ms = slot.at_ms - pace.at_ms
            pace.take(slot, self._limits, self._uniform(1 - _JITTER, 1 + _JITTER) if wait_ms > 0 else 1.0)
        if wait_ms > 0:
            self._sleep(wait_ms / 1000)
            with self._state() as pace:
                self._check_circuit(pace)  # another process may have been refused meanwhile
        return from_epoch_ms(slot.at_ms)

    def answered(self) -> None:
        """A good answer came.

        Raises:
            GovernorUnreadable, StoreError: as `admit`.
        """
        with self._state() as pace:
            pace.answered(self._limits)

    def refused(self, admitted: datetime, retry_after: timedelta | None) -> datetime:
        """Google refused the request admitted at a time; returns until when nothing is asked.

        Raises:
            GovernorUnreadable, StoreError: as `admit`.
        """
        with self._state() as pace:
            return from_epoch_ms(pace.refused(epoch_ms(admitted), retry_after, self._limits))

    def look(self) -> Pace:
        """The state as it is now; nothing is written.

        Raises:
            GovernorUnreadable: it cannot be read.
        """
        return self._read()[0]

    def _slot(self, pace: Pace) -> Slot:
        self._check_circuit(pace)
        slot = pace.slot(self._limits)
        if slot.at_ms - pace.at_ms > self._longest_ms:
            resume = from_epoch_ms(slot.at_ms)
            raise TrendsCoolingDown(
                f"Google Trends is not asked before {iso(resume)}: {slot.limit} is reached; run again then",
                outcome=slot.outcome,
                resume_at=resume,
            )
        if self._ends_at is not None and from_epoch_ms(slot.at_ms) > self._ends_at:
            raise TrendsPaused("this invocation ends before the turn of its next request; another goes on")
        return slot

    def _check_circuit(self, pace: Pace) -> None:
        until_ms = pace.circuit_open_until_ms
        if until_ms is not None:
            resume = from_epoch_ms(until_ms)
            raise TrendsCoolingDown(
                f"Google Trends is not asked before {iso(resume)}: it refused to answer; run again then",
                outcome=Outcome.REFUSED,
                resume_at=resume,
            )

    @contextmanager
    def _state(self) -> Iterator[Pace]:
        """The state, brought to now; stored if the body changed it and raised nothing."""
        try:
            with filelock.FileLock(self._lock, timeout=_LOCK_S):
                pace, moved = self._read()
                if moved:
                    self._write(pace)
                before = msgspec.json.encode(pace)
                yield pace
                if msgspec.json.encode(pace) != before:
                    self._write(pace)
        except filelock.Timeout as error:
            raise TrendsCoolingDown(
                f"Google Trends is not asked: another process held {self._lock} for {_LOCK_S:.0f} s; run again",
                outcome=Outcome.THROTTLED,
                resume_at=self._clock() + LONGEST_WAIT,
            ) from error

    def _read(self) -> tuple[Pace, bool]:
        """The state brought to now, and whether the clock was set back since it was stored."""
        key = layout_trends.governor()
        data = self._store.find(key)
        now_ms = epoch_ms(self._clock())
        if data is None:
            return Pace.begun(self._limits, now_ms), False
        try:
            pace = msgspec.json.decode(data.decode(), type=Pace)  # as text: else bytes that are not UTF-8 pass
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
            raise GovernorUnreadable(f"{key}: not a governor's state ({error}); restore it or move it away") from error
        if pace.version > VERSION:
            raise GovernorUnreadable(f"{key}: version {pace.version}, this program reads up to {VERSION}; upgrade")
        return pace, pace.brought_to(now_ms, self._limits)

    def _write(self, pace: Pace) -> None:
        self._store.put(layout_trends.governor(), msgspec.json.encode(pace))


def lock_path(store_url: str) -> Path:
    """The lock file of a store: in its directory, never listed; for S3 in the temporary folder of this host."""
    parts = urlsplit(store_url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)) / ".google_trends.lock"
    name = hashlib.sha256(store_url.encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"elec_assets-{os.getuid()}-{name}.lock"
