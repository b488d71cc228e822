"""The script of a running stream: which fault is due for a connection, a new connection, a line, a post."""

import threading
from dataclasses import dataclass

from elec_assets.domain.windows import epoch_ms
from elec_assets.sandbox.x_stream_faults import CONNECTS, DELAYS, ENDINGS, LINES, StreamFault
from elec_assets.sandbox.x_stream_seeds import unit


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that struck: when (ms since 1970), and which connection, None for one that was refused."""

    at_ms: int
    fault: StreamFault
    connection: int | None


@dataclass(slots=True)
class _Entry:
    fault: StreamFault
    at_ms: int | None
    left: int

    def started(self, now_ms: int, lines: int) -> bool:
        if self.at_ms is None:
            return lines >= (self.fault.after_lines or 0)
        return now_ms >= self.at_ms

    def works(self, now_ms: int, lines: int) -> bool:
        """Whether a lasting fault works now."""
        if self.at_ms is not None and self.fault.for_s:
            return self.at_ms <= now_ms < self.at_ms + self.fault.for_s * 1000
        return self.left > 0 and self.started(now_ms, lines)

    @property
    def counted(self) -> bool:
        return self.at_ms is None or not self.fault.for_s


class StreamScript:
    """Faults in order, with what is left of them; `happened` tells which struck. Safe to use from several threads."""

    def __init__(self, start_ms: int, seed: int) -> None:
        self.happened: list[Happened] = []
        self._start_ms = start_ms
        self._seed = seed
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def add(self, fault: StreamFault) -> None:
        """Append a fault while the server runs; `after_s` still counts from its start.

        Add `late` and `shuffle` well before their time: posts that wait to be sent keep their places.
        """
        with self._lock:
            self._entries.append(self._entry(fault))

    def strikes(self, now_ms: int, lines: int, connection: int) -> StreamFault | None:
        """The fault that is due for the running connection; it is used up."""
        with self._lock:
            for entry in self._entries:
                if entry.left and entry.fault.do in ENDINGS and entry.started(now_ms, lines):
                    entry.left = 0
                    self.happened.append(Happened(now_ms, entry.fault, connection))
                    return entry.fault
        return None

    def missed(self, now_ms: int) -> list[tuple[int, StreamFault]]:
        """The faults whose time (given too) passed while nobody was connected; they are used up."""
        gone = []
        with self._lock:
            for entry in self._entries:
                if entry.at_ms is None or now_ms < entry.at_ms:
                    continue
                if entry.left and entry.fault.do in ENDINGS:
                    entry.left = 0
                    gone.append((entry.at_ms, entry.fault))
        return gone

    def next_ms(self) -> int | None:
        """When the next fault of the running connection is due, as far as a time says so."""
        with self._lock:
            times = [e.at_ms for e in self._entries if e.left and e.at_ms is not None and e.fault.do in ENDINGS]
        return min(times, default=None)

    def lines_left(self, lines: int) -> int | None:
        """How many lines may be sent until a fault that counts them is due; None for any number."""
        with self._lock:
            counts = [
                max(1, (e.fault.after_lines or 0) - lines)
                for e in self._entries
                if e.left and e.at_ms is None and e.fault.do in ENDINGS
            ]
        return min(counts, default=None)

    def connecting(self, now_ms: int, lines: int) -> list[StreamFault]:
        """The faults of a new connection; one that counts connections is used up by it."""
        with self._lock:
            working = [e for e in self._entries if e.fault.do in CONNECTS and e.works(now_ms, lines)]
            refusal = next((e for e in working if e.fault.do == "refuse"), None)
            taken = [refusal] if refusal else working
            for entry in taken:
                entry.left -= entry.counted
                if entry.fault.do == "refuse":
                    self.happened.append(Happened(now_ms, entry.fault, None))
            return [e.fault for e in taken]

    def spoiling(self, now_ms: int, lines: int, tweet_id: int, connection: int) -> list[StreamFault]:
        """The faults of one line; those that count lines are used up by it."""
        with self._lock:
            taken = []
            for number, entry in enumerate(self._entries):
                fault = entry.fault
                if fault.do not in LINES or not entry.works(now_ms, lines):
                    continue
                if fault.share < 1 and unit(self._seed, f"line {number}", tweet_id) >= fault.share:
                    continue
                entry.left -= entry.counted
                self.happened.append(Happened(now_ms, fault, connection))
                taken.append(fault)
            return taken

    def delay(self, created_ms: int, tweet_id: int) -> tuple[int, bool]:
        """How much later than it would a post made at this time comes, in ms, and whether it waits for a connection."""
        delay_ms, held = 0, False
        with self._lock:
            for number, entry in enumerate(self._entries):
                fault = entry.fault
                if fault.do not in DELAYS or not entry.works(created_ms, 0):
                    continue
                if unit(self._seed, f"share {number}", tweet_id) >= fault.share:
                    continue
                late = fault.do == "late"
                held |= late
                drawn = 1.0 if late else unit(self._seed, f"delay {number}", tweet_id)
                delay_ms += round(1000 * fault.delay_s * drawn)
        return delay_ms, held

    def longest_delay_ms(self) -> int:
        """No post is delayed by more, in ms."""
        with self._lock:
            return round(1000 * sum(e.fault.delay_s for e in self._entries if e.fault.do in DELAYS))

    def _entry(self, fault: StreamFault) -> _Entry:
        at_ms = None if fault.at is None else epoch_ms(fault.at)
        if fault.after_s is not None:
            at_ms = self._start_ms + round(fault.after_s * 1000)
        return _Entry(fault, at_ms, fault.times if fault.do not in ENDINGS else 1)
