"""One connection to X's stream: what is told of it while it lives, and how it ended."""

import http.client
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import msgspec
import requests
import urllib3.exceptions

from elec_assets.clients.x_errors import XError, XUnreachable
from elec_assets.clients.x_lines import LineReader
from elec_assets.clients.x_wire import Wire

# X says that it ends a stream, and ends it at once; a socket that it forgot is not waited for.
_AFTER_NOTICE_S = 1.0
_LOST = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class Listener(Protocol):
    """Who is told what comes, from the thread of `listen`. Must be quick: X drops who reads slowly.

    What it raises ends the connection, and is raised by `listen`.
    """

    def opened(self, at_ms: int) -> None:
        """X accepted the connection."""

    def line(self, raw: bytes, at_ms: int) -> None:
        """A line came: as received, with its line end."""

    def keep_alive(self, at_ms: int) -> None:
        """An empty line came: X has nothing to say, and is there."""


class EndKind(StrEnum):
    """How a connection ended.

    The server closed it in order; it was cut, or never made; no line came in time; X answered something else than 200;
    `stop` was called.
    """

    CLOSED = "closed"
    LOST = "lost"
    STALLED = "stalled"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """How a connection ended.

    Attributes:
        kind: see `EndKind`.
        why: a sentence for a person, without secrets and texts of posts.
        error: the typed error: always with REFUSED and LOST, else None.
        notice: `disconnect_type` of the last line in which X said that it ends the stream.
        opened_ms: when X accepted it; None where it did not.
        ended_ms: when it was over.
        reached: whether a connection stood, so that X may have counted the connect.
    """

    kind: EndKind
    why: str
    error: XError | None = None
    notice: str | None = None
    opened_ms: int | None = None
    ended_ms: int = 0
    reached: bool = True

    @property
    def connected_s(self) -> float:
        """Seconds for which X served the stream."""
        return 0.0 if self.opened_ms is None else (self.ended_ms - self.opened_ms) / 1000


class Attempt:
    """One connection: what tweepy tells of it, and what is told of it."""

    def __init__(self, wire: Wire, listener: Listener, clock: Callable[[], int], stall_s: float) -> None:
        self._wire = wire
        self._listener = listener
        self._clock = clock
        self._stall_s = stall_s
        self._reader = LineReader(wire, clock, stall_s)
        self._client: Any = None
        self._opened_ms: int | None = None
        self._notice: str | None = None
        self._failure: BaseException | None = None
        self._raised: Exception | None = None

    def take_over(self, client: Any) -> None:  # noqa: ANN401  # tweepy has no types
        """Answer all that tweepy tells, and log nothing of it."""
        self._client = client
        client.on_connect = self._opened
        client.on_data = self._line
        client.on_connection_error = self._failed
        client.on_exception = self._failed
        client.on_closed = _ignored
        client.on_disconnect = _ignored

    def lines(self, raw: Any) -> Iterator[bytes]:  # noqa: ANN401  # urllib3's response, which requests leaves untyped
        """The lines of the answer; afterwards tweepy does not connect again."""
        try:
            yield from self._reader.read(raw)
        finally:
            self._client.running = False

    def end(self) -> StreamEnd:
        """How it ended.

        Raises:
            Exception: the listener raised it, or it is a fault of this program.
        """
        if self._raised is not None:
            raise self._raised
        kind, why, error = self._told()
        if self._reader.rest:
            why += f"; {self._reader.rest} bytes of an unfinished line were dropped"
        return StreamEnd(kind, why, error, self._notice, self._opened_ms, self._clock(), self._wire.reached)

    def _told(self) -> tuple[EndKind, str, XError | None]:
        failure = self._failure
        if self._wire.stopped:
            return EndKind.STOPPED, "stopped from here", None
        if self._wire.late:
            return self._late()
        if isinstance(failure, XError):
            kind = EndKind.REFUSED if self._opened_ms is None else EndKind.LOST
            return kind, str(failure), failure
        if failure is None:
            said = f", as it said before ({self._notice})" if self._notice else ""
            return EndKind.CLOSED, f"X closed the connection in order{said}", None
        if not isinstance(failure, _LOST):
            raise failure
        return self._lost(f"{self._stage()} ({_cause(failure)})")

    def _late(self) -> tuple[EndKind, str, XError | None]:
        if self._opened_ms is None:
            if isinstance(self._failure, XError):
                return EndKind.REFUSED, str(self._failure), self._failure
            return self._lost("X did not answer in time")
        if self._notice:
            return EndKind.CLOSED, f"X said that it ends the stream ({self._notice}), and sent no more", None
        return EndKind.STALLED, f"X sent no line for {self._stall_s:g} s: the connection is dead", None

    def _stage(self) -> str:
        if not self._wire.reached:
            return "there is no connection to X"
        return "X did not answer" if self._opened_ms is None else "the connection was cut"

    @staticmethod
    def _lost(why: str) -> tuple[EndKind, str, XError]:
        return EndKind.LOST, why, XUnreachable(why)

    def _opened(self) -> None:
        self._opened_ms = self._clock()
        self._tell(self._listener.opened, self._opened_ms)

    def _line(self, raw: bytes) -> None:
        if not raw.strip():
            self._tell(self._listener.keep_alive, self._reader.received_ms)
            return
        self._tell(self._listener.line, raw, self._reader.received_ms)
        notice = _notice(raw)
        if notice is not None:
            self._notice = notice
            self._reader.patience_s = min(self._stall_s, _AFTER_NOTICE_S)

    def _tell(self, call: Callable[..., None], *values: object) -> None:
        try:
            call(*values)
        except Exception as error:
            self._raised = error
            raise

    def _failed(self, _error: Exception | None = None) -> None:
        self._failure = sys.exception()
        self._client.running = False


def _ignored(*_: object) -> None:
    """Tell nobody: how it ended is known already."""


def _notice(raw: bytes) -> str | None:
    """`disconnect_type` of a line in which X says that it ends the stream; None of any other."""
    # Inside a text of JSON the quotation marks would be escaped: hardly another line is looked into.
    if b'"disconnect_type"' not in raw:
        return None
    try:
        said = msgspec.json.decode(raw, type=_Said)
    except (ValueError, RecursionError):  # not JSON, not of this form, not UTF-8, or nested without end
        return None
    return next((error.disconnect_type[:99] for error in said.errors if error.disconnect_type), None)


class _Problem(msgspec.Struct):
    disconnect_type: str = ""


class _Said(msgspec.Struct):
    errors: list[_Problem] = []


def _cause(error: BaseException) -> str:
    """The innermost class of an error: requests wraps that of urllib3, which wraps that of the system."""
    while inner := next((e for e in (getattr(error, "reason", None), *error.args) if isinstance(e, Exception)), None):
        error = inner
    return type(error).__name__
