"""What the stream has to send: the posts of a source in the order in which they are due, or raw lines at a rate."""

import heapq
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from math import inf

from elec_assets.domain.windows import X_EPOCH_MS
from elec_assets.sandbox.posts import Json, PostSource
from elec_assets.sandbox.x_stream_wire import LINE_END

# Slots of posts that are kept: a day and a bit, so that a whole day can be made ahead.
_KEPT_SLOTS = 300


@dataclass(frozen=True, slots=True)
class Due:
    """A post to be sent: when (ms since 1970), its id, itself, and whether it was sent before."""

    due_ms: int
    tweet_id: int
    post: Json
    again: bool = False

    def __lt__(self, other: "Due") -> bool:
        return (self.due_ms, self.tweet_id) < (other.due_ms, other.tweet_id)


class Slots:
    """The posts of a source by slots of 5 minutes, kept and made ahead: making them is the slow part of the stream."""

    LENGTH_MS = 300_000

    def __init__(self, source: PostSource) -> None:
        self._source = source
        self._kept: OrderedDict[int, list[Json]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, slot: int) -> list[Json]:
        """The posts of a slot (number since 1970), by id ascending."""
        with self._lock:
            if slot not in self._kept:
                self._kept[slot] = self._make(slot)
                while len(self._kept) > _KEPT_SLOTS:
                    self._kept.popitem(last=False)
            return self._kept[slot]

    def ahead(self, slot: int) -> None:
        """Begin to make a slot that will be asked for."""
        if slot not in self._kept:
            threading.Thread(target=self.of, args=(slot,), name="x-sandbox slot", daemon=True).start()

    def _make(self, slot: int) -> list[Json]:
        first = max(0, slot * self.LENGTH_MS - X_EPOCH_MS) << 22
        past = max(0, (slot + 1) * self.LENGTH_MS - X_EPOCH_MS) << 22
        return list(self._source.newest_first(first - 1, past))[::-1]


class Feed:
    """The posts that one connection is to get, from the time it opened on.

    Args:
        slots: the posts.
        due_ms: when a post is due, by its id.
        from_ms: posts that are due before this are gone.
        longest_ms: the longest delay.
    """

    def __init__(self, slots: Slots, due_ms: Callable[[int], int], from_ms: int, longest_ms: int) -> None:
        self._slots = slots
        self._due_ms = due_ms
        self._from_ms = from_ms
        self._waiting: list[Due] = []
        self._next_slot = max(0, from_ms - longest_ms) // Slots.LENGTH_MS
        self._asked_ahead = self._next_slot
        self._advance(from_ms)

    def take(self, now_ms: int, most: int) -> list[Due]:
        """At most so many posts that are due now, in the order they were due."""
        self._advance(now_ms)
        taken: list[Due] = []
        while self._waiting and len(taken) < most and self._waiting[0].due_ms <= now_ms:
            taken.append(heapq.heappop(self._waiting))
        return taken

    def put(self, due: Due) -> None:
        """Have a post sent, again or after all."""
        heapq.heappush(self._waiting, due)

    def next_ms(self) -> int:
        """When there is something to do: the next post is due, or the next slot begins."""
        slot_ms = self._next_slot * Slots.LENGTH_MS
        return min(self._waiting[0].due_ms, slot_ms) if self._waiting else slot_ms

    def _advance(self, now_ms: int) -> None:
        while self._next_slot * Slots.LENGTH_MS <= now_ms:
            for post in self._slots.of(self._next_slot):
                tweet_id = int(post["id"])
                due_ms = self._due_ms(tweet_id)
                if due_ms >= self._from_ms:
                    heapq.heappush(self._waiting, Due(due_ms, tweet_id, post))
            self._next_slot += 1
        if self._asked_ahead < self._next_slot and now_ms > self._next_slot * Slots.LENGTH_MS - Slots.LENGTH_MS // 2:
            self._asked_ahead = self._next_slot
            self._slots.ahead(self._next_slot)


class Prepared:
    """Raw lines that are sent at a rate from the first connection on; those due while nobody is connected are dropped.

    Args:
        lines: with or without line end.
        rate: lines a second, or (seconds, lines a second) one after another; after the last there is nothing.

    Attributes:
        sent: lines given to connections so far.
        dropped: lines that were due while nobody was connected.
    """

    def __init__(self, lines: Iterable[bytes], rate: float | Sequence[tuple[float, float]]) -> None:
        phases = [(inf, float(rate))] if isinstance(rate, int | float) else list(rate)
        bounds = [0.0, *accumulate(seconds for seconds, _ in phases)]
        self._phases = [(start, end, rate) for (start, end), (_, rate) in zip(pairwise(bounds), phases, strict=True)]
        self._lines = iter(lines)
        self._began_ms: int | None = None
        self._passed = 0
        self._lock = threading.Lock()
        self.sent = 0
        self.dropped = 0

    def open(self, now_ms: int) -> None:
        """A connection opens: what was due before is gone."""
        with self._lock:
            if self._began_ms is None:
                self._began_ms = now_ms
            missed = self._due(now_ms) - self._passed
            self.dropped += sum(1 for _ in islice(self._lines, missed))
            self._passed += missed

    def take(self, now_ms: int, most: int) -> list[bytes]:
        """At most so many lines that are due now."""
        with self._lock:
            taken = list(islice(self._lines, max(0, min(most, self._due(now_ms) - self._passed))))
            self._passed += len(taken)
            self.sent += len(taken)
        return [line if line.endswith(LINE_END) else line.rstrip(b"\n") + LINE_END for line in taken]

    def _due(self, now_ms: int) -> int:
        """How many lines are due up to a time."""
        passed_s = (now_ms - (self._began_ms or now_ms)) / 1000
        return int(sum(rate * max(0.0, min(passed_s, end) - start) for start, end, rate in self._phases))
