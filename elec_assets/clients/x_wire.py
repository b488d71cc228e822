"""The one connection of one attempt to listen to X's stream, which can be ended at any time from any thread.

requests bounds the wait for a byte, and nothing ends a name that is being resolved, a connection or a handshake that
is being made, or headers that drip. So the socket is made here, a second handle of it is kept, and whoever wants an
end shuts it down through that: the thread that reads wakes at once, whatever it is doing.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool

from elec_assets.clients.bounded_http import proxies_for
from elec_assets.clients.x_errors import classify
from elec_assets.clients.x_gather import gather
from elec_assets.clients.x_lines import LineResponse
from elec_assets.clients.x_transport import TWEEPY_ROOT

# Posts that wait in the kernel are paid for and not yet counted, so what waits there is bounded. Linux would let it
# grow to 6 MiB (tcp_rmem of 2026): 1,000 posts of 6 kB, 5,000 packed. 1 MiB are 170 (850 packed), and at a round trip
# of 150 ms still take four times the 250 posts a second that X sends at most. Linux cuts it to its rmem_max: with
# the usual 208 KiB just that rate unpacked, five times as much packed, as X sends it.
RECEIVE_BUFFER = 1 << 20
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER),
)
# Bytes of an answer that is no stream which are read: an error is some hundred.
_MOST_ERROR = 1 << 16

# As the standard library tells them: family, kind, protocol, name, address.
_Addresses = Sequence[tuple[int, int, int, str, Any]]
# Lines of the raw answer.
Lines = Callable[[Any], Iterator[bytes]]


class WireEnded(OSError):
    """The attempt was ended, from outside or by its time, before there was an answer."""


class Wire:
    """The connection of one attempt: its end, and its time. `watch` first, `close` last, each once.

    Attributes:
        stopped: whether `stop` was called.
        late: whether a time that `expect` set was over.
        ended: set once one of these ended the attempt, or it is over.
        reached: whether a connection stood: X may have counted it.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.late = False
        self.reached = False
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._held: socket.socket | None = None
        self._found: SimpleQueue[_Addresses | OSError | None] = SimpleQueue()
        self._closed = False
        self._bell = threading.Event()
        self._asleep_until = 0.0
        self._busy = False
        self._span_s = 0.0
        self._deadline = 0.0

    def watch(self, seconds: float) -> None:
        """Start the watch; the first time is over after so many seconds."""
        self.expect(seconds)
        threading.Thread(target=self._watch, name="X stream watch", daemon=True).start()

    def expect(self, seconds: float) -> None:
        """End the attempt so many seconds from now (unless told otherwise before)."""
        self._span_s = seconds
        self._deadline = time.monotonic() + seconds
        self._busy = False
        if self._deadline < self._asleep_until:
            self._bell.set()

    def pause(self) -> None:
        """Nothing is expected of X while what it sent is worked on; until `expect`."""
        self._busy = True

    def stop(self) -> None:
        """End the attempt: the thread that uses it wakes. Any thread, any number of times."""
        self.stopped = True
        self._end()

    def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        self.ended.set()
        self._bell.set()
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            # Else the handle would keep the connection open.
            _shut(held)
            held.close()

    def connect(self, host: str, port: int, timeout_s: float | None) -> socket.socket:
        """A connection to the first address of a host that takes one; `timeout_s` for each address.

        Raises:
            OSError: the name is not known, or none took it.
            WireEnded: the attempt was ended.
        """
        failure: OSError = OSError(f"no address is known of {host}")
        for family, kind, protocol, _, address in self._addresses(host.strip("[]"), port):
            made = socket.socket(family, kind, protocol)
            try:
                for option in _OPTIONS:
                    made.setsockopt(*option)
                made.settimeout(timeout_s)
                self._hold(made)
                made.connect(address)
            except OSError as error:
                made.close()
                failure = error
                continue
            self.reached = True
            return made
        raise failure

    def _addresses(self, host: str, port: int) -> _Addresses:
        """Resolve a name in a thread that nobody needs to wait for: nothing can end it (5 s and more offline)."""

        def resolve() -> None:
            try:
                self._found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except OSError as error:
                self._found.put(error)
            except UnicodeError as error:
                self._found.put(OSError(f"{host} is no name of a host ({error})"))

        threading.Thread(target=resolve, name="X stream address", daemon=True).start()
        found = None
        with contextlib.suppress(Empty):
            found = self._found.get(timeout=max(self._deadline - time.monotonic(), 0.0))
        if isinstance(found, OSError):
            raise found
        if found is None or self.stopped or self.late:
            raise WireEnded("ended while the name was resolved")
        return found

    def _hold(self, made: socket.socket) -> None:
        """Keep a handle of its own: that of the plain socket is taken away where TLS begins."""
        handle = made.dup()
        with self._lock:
            before, self._held = self._held, handle
            ended = self.stopped or self.late
        if before is not None:
            before.close()
        if ended:
            raise WireEnded("ended before the connection was made")

    def _end(self) -> None:
        self.ended.set()
        self._found.put(None)
        with self._lock:
            if self._held is not None:
                _shut(self._held)

    def _watch(self) -> None:
        again = False
        while not self._closed:
            if self._busy or time.monotonic() < self._deadline:
                again = False
                self._sleep(self._span_s if self._busy else self._deadline - time.monotonic())
            elif not again and self.waiting():
                # Bytes lie there: it is this process that was held up (a pause of the machine, all its cores busy).
                again = True
                self._sleep(self._span_s)
            else:
                self.late = True
                self._end()
                return

    def _sleep(self, seconds: float) -> None:
        self._asleep_until = time.monotonic() + seconds
        self._bell.wait(max(seconds, 0.0))
        self._bell.clear()

    def waiting(self) -> bool:
        """Whether the kernel has bytes that nobody read yet."""
        with self._lock:
            if self._held is None:
                return False
            ready = select.poll()
            ready.register(self._held, select.POLLIN)
            return bool(ready.poll(0))


def _shut(held: socket.socket) -> None:
    # The other side may have been faster.
    with contextlib.suppress(OSError):
        held.shutdown(socket.SHUT_RDWR)


class StreamAdapter(requests.adapters.HTTPAdapter):
    """Sends tweepy's request for a stream to the base URL, over a wire; anything but 200 becomes an `XError`."""

    def __init__(
        self, base_url: str, wire: Wire, connect_s: float, stall_s: float, lines: Lines, gather_s: float
    ) -> None:
        self._wire = wire
        super().__init__()
        self._lines = lines
        self._base_url = base_url.rstrip("/")
        self._connect_s = connect_s
        self._stall_s = stall_s
        self._gather_s = gather_s

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # requests' own signature
        """Make connections over the wire."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._wire)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:  # noqa: ANN401  # as above
        """Make connections through a proxy over the wire."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._wire)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  # requests' own signature
        """One request, and the head of its answer.

        Raises:
            XError: the answer is none of status 200.
            requests.RequestException, WireEnded: no answer.
        """
        request.url = self._base_url + (request.url or "").removeprefix(TWEEPY_ROOT)
        # The watch bounds the wait for bytes: all of it, not each.
        kwargs["timeout"] = (self._connect_s, None)
        kwargs["proxies"] = proxies_for(request.url)
        response = super().send(request, *args, **kwargs)
        if response.status_code != 200:
            with response:
                raise classify(response.status_code, response.headers, _beginning(response))
        if self._wire.stopped or self._wire.late:
            # The standard library takes headers that were cut for whole ones.
            response.close()
            raise WireEnded("ended before the answer came")
        gather(response.raw, self._gather_s, self._wire.waiting, self._wire.ended)
        self._wire.expect(self._stall_s)
        return LineResponse(response, self._lines)


def _beginning(response: requests.Response) -> bytes:
    """The body of an answer that is no stream; nothing where it does not come whole in time."""
    try:
        body: bytes = response.raw.read(_MOST_ERROR, decode_content=True)
    except (urllib3.exceptions.HTTPError, OSError):
        return b""
    return body


def _pools(wire: Wire) -> dict[str, type[urllib3.connectionpool.HTTPConnectionPool]]:
    """Connections over the wire."""

    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(self.host, self.port, _seconds(self.timeout))

    class Secure(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return wire.connect(self.host, self.port, _seconds(self.timeout))

    class PlainPool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _seconds(timeout: object) -> float | None:
    return float(timeout) if isinstance(timeout, int | float) else None
