"""Reads a stream in gulps: what waking up for each line costs is shared by those that come soon after one another.

At 50 lines a second, one by one, a process spends most of its time on waking up: the kernel's work, and caches that
others have filled meanwhile. Measured 2026-11-22: 240 us of CPU a line, 100 with ten gulps a second. Nothing waits
longer than the time between two gulps, and a line that comes alone does not wait at all.
"""

import io
import time
from collections.abc import Callable
from threading import Event
from typing import Any

# A gulp: 20 posts of 3 kB.
_BUFFER = 1 << 16


class Gulps(io.RawIOBase):
    """The bytes of a connection, read at most once in `every_s` seconds, and then all that is there.

    `ready` tells whether more can be read without waiting; `ended` is set where nothing is to be waited for any more.
    """

    def __init__(self, source: io.BufferedReader, every_s: float, ready: Callable[[], bool], ended: Event) -> None:
        super().__init__()
        self._source = source
        self._every_s = every_s
        self._ready = ready
        self._ended = ended
        self._next_s = 0.0
        self._full = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  # whatever takes bytes
        """As much as is there, at least a byte; 0 at the end."""
        left_s = self._next_s - time.monotonic()
        if left_s > 0:
            self._ended.wait(left_s)
        room = memoryview(buffer)
        count = self._read(room)
        count += self._more(room[count:]) if count else 0
        # Where all room was taken more waits, and will until a burst is over: X drops who reads slowly.
        before, self._full = self._full, count == len(room)
        self._next_s = 0.0 if self._full or before else time.monotonic() + self._every_s
        return count

    def close(self) -> None:
        """Close what it reads from."""
        super().close()
        self._source.close()

    def _read(self, room: memoryview) -> int:
        # Not readinto1: where its buffer holds some bytes, and there is room for a block more, it waits for that.
        block = self._source.read1(len(room))
        room[: len(block)] = block
        return len(block)

    def _more(self, room: memoryview) -> int:
        """What else is there: of TLS a read gives one record."""
        count = 0
        try:
            while count < len(room) and self._ready() and (more := self._read(room[count:])):
                count += more
        except OSError:  # comes again with the next read; what came before is told first
            return count
        return count


def gather(answer: Any, every_s: float, waiting: Callable[[], bool], ended: Event) -> None:  # noqa: ANN401  # urllib3's response, which requests leaves untyped
    """Have an answer be read in gulps, whatever its coding; nothing changes where `every_s` is 0."""
    source = answer._fp.fp
    if every_s <= 0 or not isinstance(source, io.BufferedReader):
        return
    decrypted = getattr(getattr(source.raw, "_sock", None), "pending", int)
    gulps = Gulps(source, every_s, lambda: bool(decrypted()) or waiting(), ended)
    answer._fp.fp = io.BufferedReader(gulps, _BUFFER)
