"""Gzip by zlib-ng: the same format, half the time of the standard library's zlib at the same level and size.

Measured 2026-11-21 over weekly CSV, level 6: 16 us a row for 29. No time and no name in the header, so the same bytes
in give the same bytes out; those still depend on the version of zlib-ng (docs/decisions/0006).
"""

from zlib_ng import zlib_ng

LEVEL = 6  # Level 9 gains 1 to 2 % at half the speed.
_GZIP_WBITS = 31  # zlib's number for: 32 KiB window, gzip header (time 0, no name) and trailer.


class GzipStream:
    """One gzip member, fed in blocks: the bytes depend on all that is fed, and on how it was cut into blocks."""

    def __init__(self, level: int = LEVEL) -> None:
        self._stream = zlib_ng.compressobj(level, zlib_ng.DEFLATED, _GZIP_WBITS)

    def feed(self, block: bytes | bytearray) -> bytes:
        """What can be written so far."""
        return self._stream.compress(block)

    def end(self) -> bytes:
        """The rest, with the trailer."""
        return self._stream.flush()


def packed(data: bytes) -> bytes:
    """The data as one gzip member."""
    stream = GzipStream()
    return stream.feed(data) + stream.end()


def unpacked(data: bytes) -> bytes:
    """The inverse of `packed`; of several members, all.

    Raises:
        ValueError: it is no gzip, is cut short, or its check sum does not hold.
    """
    if not data:
        raise ValueError("it is empty")
    members = []
    while data:
        stream = zlib_ng.decompressobj(_GZIP_WBITS)
        try:
            members.append(stream.decompress(data))
        except zlib_ng.error as error:  # type: ignore[misc]  # its stub has the exception as a plain object
            raise ValueError(str(error)) from error
        if not stream.eof:
            raise ValueError("it is cut short")
        data = stream.unused_data
    return b"".join(members)
