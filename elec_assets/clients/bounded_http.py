"""HTTP answers bounded in time and size, for clients over the library requests.

The library bounds each read of a socket, not an answer: one that drips a byte at a time never ends, and one of any
length is read into memory. Both are bounded here.
"""

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import requests.adapters
import requests.utils
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions

from elec_assets.settings import is_loopback

_BLOCK = 1 << 16


def proxies_for(url: str) -> dict[str, str]:
    """The proxies of the environment for the address that a request really goes to: none for this machine's own.

    requests may have chosen by another address, tweepy's; and few think of NO_PROXY for a sandbox.
    """
    return {} if is_loopback(url) else requests.utils.get_environ_proxies(url)


class AnswerLate(Exception):
    """The answer was not whole when its time was over."""


class AnswerTooLong(Exception):
    """The answer is longer than allowed, and was not read to its end. `status` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"an answer of status {status} is too long")
        self.status = status


class BoundedAdapter(requests.adapters.HTTPAdapter):
    """Sends requests and reads their answers whole, whatever their status. One request at a time.

    `timeout_s` bounds the connection and each wait for bytes, `total_s` a whole answer, `most_bytes` its unpacked
    length.
    """

    def __init__(self, timeout_s: float, total_s: float, most_bytes: int) -> None:
        self._watch = _Watch()
        super().__init__()
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._most_bytes = most_bytes

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # requests' own signature
        """Make connections that the watch sees."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._watch)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> urllib3.ProxyManager:  # noqa: ANN401  # as above
        """Make connections through a proxy that the watch sees."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._watch)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  # requests' own signature
        """One request, and its whole answer.

        Raises:
            AnswerLate: it was not whole in time.
            AnswerTooLong: it is longer than allowed.
            requests.RequestException, urllib3.exceptions.HTTPError: no whole answer for another reason.
        """
        kwargs["timeout"] = self._timeout_s
        kwargs["proxies"] = proxies_for(request.url or "")
        with self._watch.limit(self._total_s):
            try:
                response = super().send(request, *args, **kwargs)
                body = _read(response, self._most_bytes)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                if self._watch.late:
                    raise AnswerLate from error
                raise
        # An answer without a length ends where its connection does.
        if self._watch.late:
            raise AnswerLate
        # Where requests looks for a body; the true one is read, and its connection given back.
        response.raw = io.BytesIO(body)
        return response


def _read(response: requests.Response, most_bytes: int) -> bytes:
    """The body, unpacked.

    Raises:
        AnswerTooLong: it is longer than allowed; it was not read to its end.
    """
    body = bytearray()
    try:
        for block in response.raw.stream(_BLOCK, decode_content=True):
            body += block
            if len(body) > most_bytes:
                raise AnswerTooLong(response.status_code)
    finally:
        # Of one that was read to its end, the connection is given back already.
        response.close()
    return bytes(body)


class _Watch:
    """Ends the connection that is being read when its time is over, so that the read ends."""

    def __init__(self) -> None:
        self.late = False
        self._lock = threading.Lock()
        self._reading: socket.socket | None = None

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Bound what is read meanwhile; `late` tells whether the bound was met."""
        self.late = False
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._reading = None

    def on(self, connection: socket.socket | None) -> None:
        """Watch this connection."""
        with self._lock:
            self._reading = connection
            late = self.late
        if late:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self.late = True
            if self._reading is None:
                return
            try:
                # The plain socket's own: that of TLS would have its last bytes read undeciphered.
                socket.socket.shutdown(self._reading, socket.SHUT_RDWR)
            except OSError:
                return  # the other side was faster


def _pools(watch: _Watch) -> dict[str, type[urllib3.connectionpool.HTTPConnectionPool]]:
    """Connections that show the watch what is being read."""

    class Plain(urllib3.connection.HTTPConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
            watch.on(self.sock)
            return super().getresponse()

    class Secure(urllib3.connection.HTTPSConnection):
        def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as urllib3's own
            watch.on(self.sock)
            return super().getresponse()

    class PlainPool(urllib3.connectionpool.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.connectionpool.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
