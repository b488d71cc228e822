"""The lines of a stream, exactly as received: split at line ends only, and never longer than what memory is for."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import requests

from elec_assets.clients.x_errors import XUnreadable

# A post with all that is sent along is about 10 kB, the longest recorded 64 kB (2022).
MOST_LINE = 4 << 20
_BLOCK = 1 << 16


class Watch(Protocol):
    """What ends a connection that is silent for too long."""

    stopped: bool

    def pause(self) -> None:
        """Nothing is expected."""

    def expect(self, seconds: float) -> None:
        """A line is expected so many seconds from now."""


class LineReader:
    """Reads one stream. The time that counts is that of its line ends: single bytes that drip hold nothing open.

    Attributes:
        received_ms: when the bytes came with which the line told last ended.
        rest: bytes after the last line end. They are never told: a line without its end cannot be told from a part
            of one, and in a batch the first line of the next connection would stick to it. What it was is asked for
            again, since the last seconds of a connection count as not covered.
        patience_s: seconds until a line end is due; may be changed at any time.
    """

    def __init__(self, watch: Watch, clock: Callable[[], int], patience_s: float) -> None:
        self.received_ms = 0
        self.rest = 0
        self.patience_s = patience_s
        self._watch = watch
        self._clock = clock

    def read(self, raw: Any) -> Iterator[bytes]:  # noqa: ANN401  # urllib3's response, which requests leaves untyped
        """Each line with its end, as soon as it is there, until the stream ends or is stopped.

        Raises:
            XUnreadable: a line is longer than 4 MiB.
            urllib3.exceptions.HTTPError, http.client.HTTPException, OSError: the stream was cut or cannot be unpacked.
        """
        parts: list[bytes] = []
        read = _reading(raw)
        while not self._watch.stopped and (block := read(_BLOCK)):
            self.received_ms = self._clock()
            start = 0
            while end := block.find(b"\n", start) + 1:
                parts.append(block[start:end])
                start, self.rest = end, 0
                self._watch.pause()
                yield b"".join(parts)
                parts.clear()
            if start:
                self._watch.expect(self.patience_s)
            if start < len(block):
                parts.append(block[start:])
                self.rest += len(block) - start
            if self.rest > MOST_LINE:
                raise XUnreadable(
                    f"X sent {MOST_LINE >> 20} MiB without a line end; check ELEC_X_BASE_URL, and what stands between "
                    "here and X",
                    status=200,
                )


def _reading(raw: Any) -> Callable[[int], bytes]:  # noqa: ANN401  # as above
    """What reads as much as is there, at least a byte: no line waits for the next, chunked, packed or plain."""
    if raw.chunked and not raw.headers.get("content-encoding"):
        # What urllib3 would ask: at 100 lines a second 136 us of CPU a line instead of 172 (2026-11-22).
        direct: Callable[[int], bytes] = raw._fp.read1
        return direct
    return partial(raw.read1, decode_content=True)


class LineResponse(requests.Response):
    """A response whose lines keep their ends: requests' own takes them off, and gathers a line without end for ever."""

    def __init__(self, response: requests.Response, read: Callable[[Any], Iterator[bytes]]) -> None:
        super().__init__()
        self.__dict__.update(response.__dict__)
        self._read = read

    def iter_lines(self, *_args: object, **_kwargs: object) -> Iterator[bytes]:
        """The lines as received."""
        return self._read(self.raw)
