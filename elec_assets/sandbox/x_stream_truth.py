"""What really happened on the stream, for tests and benchmarks: times are ms since 1970 of the server's clock."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """A post that was sent: its id, when, on which connection. Once more for each time it was sent."""

    id: str
    at_ms: int
    connection: int


@dataclass(frozen=True, slots=True)
class Connect:
    """A request for the stream: when, the status of its answer, why it was refused, the connection that it opened."""

    at_ms: int
    status: int
    why: str | None
    connection: int | None


class Truth:
    """The record. Safe to use from several threads.

    Attributes:
        delivered: every post that was sent, in order. What a client did not read before it died is among them.
        connects: every request for the stream.
    """

    def __init__(self) -> None:
        self.delivered: list[Delivery] = []
        self.connects: list[Connect] = []
        self._sent: set[str] = set()
        self._spans: list[tuple[int, int]] = []
        self._open: dict[int, int] = {}
        self._lock = threading.Lock()

    def sent(self, deliveries: Iterable[Delivery]) -> None:
        """Posts were sent."""
        with self._lock:
            for delivery in deliveries:
                self.delivered.append(delivery)
                self._sent.add(delivery.id)

    def was_sent(self, tweet_id: str) -> bool:
        """Whether a post was sent before."""
        with self._lock:
            return tweet_id in self._sent

    def begin(self, connection: int, at_ms: int) -> None:
        """A connection delivers from now on."""
        with self._lock:
            self._open.setdefault(connection, at_ms)

    def pause(self, connection: int, at_ms: int) -> None:
        """A connection delivers no more: all that was due before this was sent."""
        with self._lock:
            begun = self._open.pop(connection, None)
            if begun is not None and at_ms > begun:
                self._spans.append((begun, at_ms))

    def spans(self, now_ms: int) -> list[tuple[int, int]]:
        """When something was delivering: `[from, to)`, apart and in order; a span that goes on ends now."""
        with self._lock:
            found = sorted([*self._spans, *((begun, now_ms) for begun in self._open.values())])
        joined: list[tuple[int, int]] = []
        for start, end in found:
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((start, end))
        return joined

    def outages(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """When, in `[start, end)`, nothing was delivering: `[from, to)`, apart and in order."""
        at = start_ms
        missing = []
        for start, end in self.spans(end_ms):
            if start > at:
                missing.append((at, min(start, end_ms)))
            at = max(at, end)
            if at >= end_ms:
                return missing
        return [*missing, (at, end_ms)]
