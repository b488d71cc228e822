"""The bytes of a stream on its socket: chunks, gzip, waiting for what comes first, and the ways to end."""

import selectors
import socket
import zlib
from collections.abc import Sequence
from enum import StrEnum
from types import TracebackType
from typing import Self

LINE_END = b"\r\n"
_GZIP = 31  # zlib's number for a gzip frame of the largest window


class Coding(StrEnum):
    """How the body is sent: in chunks, in gzip-coded chunks, or plain until the connection ends."""

    CHUNKED = "chunked"
    GZIP = "gzip"
    PLAIN = "plain"


class Slow(Exception):
    """The other side did not take what was sent to it in time."""


class Gone(Exception):
    """The other side closed the connection, or reset it."""


class Wire:
    """One open answer. Use it as a context manager: it owns the pair of sockets that `wake` works with.

    Args:
        connection: what the head of the answer was sent on already.
        coding: see `Coding`.
        patience_s: real seconds that one `send` may take.
    """

    def __init__(self, connection: socket.socket, coding: Coding, patience_s: float) -> None:
        self._connection = connection
        self._coding = coding
        self._packer = zlib.compressobj(wbits=_GZIP) if coding is Coding.GZIP else None
        connection.settimeout(patience_s)
        self._bell, self._ringer = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def send(self, lines: Sequence[bytes]) -> None:
        """Send lines, each a chunk of its own, at once.

        Raises:
            Slow: they were not taken in time; how much of them was is not known.
            Gone: nobody is there to take them.
        """
        if self._packer is not None:
            packed = self._packer.compress(b"".join(lines)) + self._packer.flush(zlib.Z_SYNC_FLUSH)
            self._write(_chunk(packed))
        elif self._coding is Coding.CHUNKED:
            self._write(b"".join(map(_chunk, lines)))
        else:
            self._write(b"".join(lines))

    def finish(self) -> None:
        """End the body in good order.

        Raises:
            Slow, Gone: as `send`.
        """
        if self._packer is not None:
            self._write(_chunk(self._packer.flush()))
        if self._coding is not Coding.PLAIN:
            self._write(b"0\r\n\r\n")

    def send_half(self, line: bytes) -> None:
        """Send the head of a chunk and half of the line that it promises.

        Raises:
            Slow, Gone: as `send`.
        """
        if self._packer is not None:
            line = self._packer.compress(line) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        head = b"" if self._coding is Coding.PLAIN else b"%x\r\n" % len(line)
        self._write(head + line[: len(line) // 2])

    def wait(self, seconds: float) -> None:
        """Wait so many real seconds, or less if `wake` is called.

        Raises:
            Gone: the other side closed the connection, or reset it.
        """
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.fileobj is self._bell:
                self._bell.recv(1024)
            else:
                self._look()

    def wake(self) -> None:
        """End a `wait`, from another thread."""
        try:
            self._ringer.send(b"!")
        except OSError:
            return  # this wire has ended by itself

    def _look(self) -> None:
        """A client of a stream says nothing: what can be read is its end."""
        try:
            told = self._connection.recv(1024)
        except OSError as error:
            raise Gone from error
        if not told:
            raise Gone

    def _write(self, data: bytes) -> None:
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise Slow from error
        except OSError as error:
            raise Gone from error


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
