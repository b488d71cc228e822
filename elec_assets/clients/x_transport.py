"""How requests to X travel: to the base URL, without redirects, within a time and a size, errors typed.

The library requests bounds each read of a socket, not an answer: one that drips a byte at a time never ends, and one
of any length is read into memory. Both are bounded here.
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

from elec_assets.clients.x_errors import XUnreachable, XUnreadable, classify

TWEEPY_ROOT = "https://api.twitter.com"  # fixed inside tweepy
# A page of 100 posts with all that is sent along is about 0.6 MB; nothing that X sends comes near.
MOST_BYTES = 32 << 20
_BLOCK = 1 << 16


class XAdapter(requests.adapters.HTTPAdapter):
    """Sends tweepy's requests to the base URL; anything but 200 becomes an `XError`.

    `timeout_s` bounds the connection and each wait for bytes, `total_s` the whole answer. One request at a time.
    """

    def __init__(self, base_url: str, timeout_s: float, total_s: float) -> None:
        self._watch = _Watch()
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._total_s = total_s

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
            XError: the answer is none of status 200, is longer than any page, or was not whole in time.
            requests.RequestException: no whole answer for another reason.
        """
        request.url = self._base_url + (request.url or "").removeprefix(TWEEPY_ROOT)
        kwargs["timeout"] = self._timeout_s
        # requests chose by tweepy's address; NO_PROXY is to be asked about the true one.
        kwargs["proxies"] = requests.utils.get_environ_proxies(request.url)
        with self._watch.limit(self._total_s):
            try:
                response = super().send(request, *args, **kwargs)
                body = _read(response)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                if self._watch.late:
                    raise self._late() from error
                raise
        # An answer without a length ends where its connection does.
        if self._watch.late:
            raise self._late()
        if response.status_code != 200:
            raise classify(response.status_code, response.headers, body)
        # Where requests looks for a body; the true one is read, and its connection given back.
        response.raw = io.BytesIO(body)
        return response

    def _late(self) -> XUnreachable:
        text = f"X's answer was not whole after {self._total_s:g} s; run again later, or raise ELEC_X_TIMEOUT_S"
        return XUnreachable(text, billed=True)


def may_be_billed(error: Exception) -> bool:
    """Whether X may have counted a request that has no whole answer: not one that was never sent."""
    cause = error.args[0] if error.args else None
    unsent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError)
    return not unsent and not isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)


def _read(response: requests.Response) -> bytes:
    """The body, unpacked.

    Raises:
        XUnreadable: it is longer than any page; it was not read to its end.
    """
    body = bytearray()
    for block in response.raw.stream(_BLOCK, decode_content=True):
        body += block
        if len(body) > MOST_BYTES:
            response.close()
            raise XUnreadable(
                f"X's answer is longer than {MOST_BYTES >> 20} MiB and was given up: no page is; check "
                "ELEC_X_BASE_URL, and what stands between here and X",
                status=response.status_code,
                billed=True,
            )
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
