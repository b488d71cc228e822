"""X's filtered stream, over tweepy: one connection, its lines as received, and how it ended.

tweepy 4.17 is the transport only. Its own loop connects again without any delay after a clean close (408 connects in
2 s, measured 2026-11-21; X allows 50 in 15 minutes), asks for ever where X refuses, ends for good on a line that is no
JSON, and waits up to 20 s before it stops. So it is made one-shot here: whatever happens ends it, after one connect,
and what to do next is decided by who listens.
"""

import threading
from collections.abc import Callable
from typing import Any

from elec_assets.clients.x_attempt import Attempt, EndKind, Listener, StreamEnd
from elec_assets.clients.x_errors import XInvalidRequest
from elec_assets.clients.x_fields import MEDIA_FIELDS, PLACE_FIELDS, USER_FIELDS, spelt
from elec_assets.clients.x_transport import TWEEPY_ROOT
from elec_assets.clients.x_wire import StreamAdapter, Wire

__all__ = ["CONNECT_S", "GATHER_S", "STALL_S", "EndKind", "Listener", "StreamEnd", "XStream"]

# X keeps a stream alive with a line end at least every 20 s.
STALL_S = 21.0
CONNECT_S = 10.0
# Lines that come within so long are read together: half of the CPU at 50 a second (see `x_gather`).
GATHER_S = 0.1


class XStream:
    """The stream of one app. One `listen` at a time; `stop` from any thread.

    `stall_s`, `connect_s` and `gather_s` are seconds of the wall; `clock` tells ms since 1970, for what the listener
    is told. No line is told more than `gather_s` late.
    """

    def __init__(
        self,
        *,
        token: str,
        base_url: str,
        clock: Callable[[], int],
        stall_s: float = STALL_S,
        connect_s: float = CONNECT_S,
        gather_s: float = 0.0,
    ) -> None:
        self._token = token
        self._base_url = base_url
        self._clock = clock
        self._stall_s = stall_s
        self._connect_s = connect_s
        self._gather_s = gather_s
        self._lock = threading.Lock()
        self._wire: Wire | None = None
        self._stop_next = False
        self._renamed = False

    def stop(self) -> None:
        """End the `listen` under way, within 50 ms whatever it waits for; if there is none, the next one at once."""
        with self._lock:
            wire = self._wire
            self._stop_next = wire is None
        if wire is not None:
            wire.stop()

    def listen(self, listener: Listener) -> StreamEnd:
        """Connect once, and tell the listener what comes, until it ends. Nothing that the network does is raised.

        A line that is cut is not told (see `LineReader.rest`); `why` says how many bytes that were.
        """
        wire = Wire()
        with self._lock:
            if self._stop_next:
                self._stop_next = False
                return StreamEnd(EndKind.STOPPED, "stopped before it began", ended_ms=self._clock(), reached=False)
            self._wire = wire
        attempt = Attempt(wire, listener, self._clock, self._stall_s)
        try:
            wire.watch(self._connect_s + self._stall_s)
            self._connect(attempt, wire)
        finally:
            with self._lock:
                self._wire = None
            wire.close()
        end = attempt.end()
        # X took only old names in 2026-08, and its search renamed them (OpenAPI 2.167).
        self._renamed ^= isinstance(end.error, XInvalidRequest) and end.error.names_tweet_fields
        return end

    def _connect(self, attempt: Attempt, wire: Wire) -> None:
        # 0.6 s of CPU for tweepy (measured 2026-11-21), which commands that do not listen do not need.
        import tweepy

        client: Any = tweepy.StreamingClient(self._token)
        attempt.take_over(client)
        times_s = (self._connect_s, self._stall_s)
        adapter = StreamAdapter(self._base_url, wire, *times_s, attempt.lines, self._gather_s)
        client.session.mount(TWEEPY_ROOT, adapter)
        client._connect("GET", "search", params=_parameters(renamed=self._renamed))


def _parameters(*, renamed: bool) -> dict[str, str]:
    """What every post is to come with: the same as from search."""
    posts, expansions = spelt(renamed=renamed)
    lists = {
        "post.fields" if renamed else "tweet.fields": posts,
        "expansions": expansions,
        "user.fields": USER_FIELDS,
        "media.fields": MEDIA_FIELDS,
        "place.fields": PLACE_FIELDS,
    }
    return {name: ",".join(values) for name, values in lists.items()}
