"""Where the lines of a batch go: kept as they are, or packed as they come."""

from typing import Protocol

from elec_assets.transforms.gzips import GzipStream

_BLOCK_BYTES = 1 << 20


class Body(Protocol):
    """Where the lines of a batch go, one after another."""

    def add(self, raw: bytes) -> None:
        """A line, with its end."""
        ...

    def end(self) -> bytes:
        """All of them, in the form of this body; once."""
        ...


class PlainBody:
    """The lines as received."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, raw: bytes) -> None:
        """See `Body`."""
        self._lines.append(raw)

    def end(self) -> bytes:
        """See `Body`."""
        return b"".join(self._lines)


class PackedBody:
    """The lines of a batch as one gzip member, packed as they come: a busy slot (220 MB) is never held whole."""

    def __init__(self) -> None:
        self._stream = GzipStream()
        self._packed: list[bytes] = []
        self._block = bytearray()

    def add(self, raw: bytes) -> None:
        """See `Body`."""
        self._block += raw
        if len(self._block) >= _BLOCK_BYTES:
            self._packed.append(self._stream.feed(self._block))
            self._block = bytearray()

    def end(self) -> bytes:
        """See `Body`."""
        self._packed += self._stream.feed(self._block), self._stream.end()
        return b"".join(self._packed)
