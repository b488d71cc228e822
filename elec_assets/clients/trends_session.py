"""How requests to Google Trends travel: one connection kept open, one cookie kept between processes, no redirects.

Google counts requests by address and by cookie, and refuses several new cookies in a row (2026-10): so the NID cookie
is kept in the store and sent again by the next process. It stands for this asker, as a password would: it is sent only
to the host that gave it, and shown nowhere.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3.exceptions

from elec_assets.clients.bounded_http import AnswerLate, AnswerTooLong, BoundedAdapter
from elec_assets.clients.trends_calls import Call
from elec_assets.clients.trends_errors import TrendsGarbled, TrendsUnreachable
from elec_assets.clients.trends_loan import StateStore
from elec_assets.domain import layout_trends
from elec_assets.domain.trends import HL
from elec_assets.domain.windows import from_epoch_ms, iso, parse_iso

VERSION = 1
_NID = "NID"
# An explore answer is about 20 kB, a map of the world 40 kB, a line of 5 keywords and 240 points 60 kB.
MOST_BYTES = 8 << 20
# A whole answer may take so many times the timeout of one read.
_TOTAL = 4
# requests lets some errors of urllib3 through as they are.
_LOST = (requests.RequestException, urllib3.exceptions.HTTPError)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer as received, and when (UTC)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class _Kept(msgspec.Struct):
    """The cookie as stored. `expires_at` (UTC text) is None where it ends with a browser's session."""

    host: str
    nid: str
    expires_at: str | None = None
    version: int = VERSION


class Cookie:
    """The NID cookie of one host, in the store."""

    def __init__(self, store: StateStore, host: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._host = host
        self._clock = clock
        self._loaded = False
        self._value: str | None = None

    def __repr__(self) -> str:
        return f"Cookie({self._host!r})"

    @property
    def value(self) -> str | None:
        """The cookie; None where there is none, or not of this host, or not any more."""
        if not self._loaded:
            self._value, self._loaded = self._read(), True
        return self._value

    def keep(self, response: requests.Response) -> None:
        """Remember and store the cookie that an answer sets, if it is another."""
        for cookie in response.cookies:
            if cookie.name != _NID or not cookie.value or cookie.value == self.value:
                continue
            end = None if cookie.expires is None else from_epoch_ms(1000 * cookie.expires)
            kept = _Kept(self._host, cookie.value, None if end is None else iso(end))
            self._store.put(layout_trends.cookies(), msgspec.json.encode(kept))
            self._value = cookie.value

    def _read(self) -> str | None:
        data = self._store.find(layout_trends.cookies())
        if data is None:
            return None
        try:
            kept = msgspec.json.decode(data.decode(), type=_Kept)
            over = kept.expires_at is not None and parse_iso(kept.expires_at) <= self._clock()
        except (ValueError, RecursionError):
            # Nothing of it is shown. It is no loss: Google gives a new one.
            _LOG.warning("%s is not readable; Google is asked for a new cookie", layout_trends.cookies())
            return None
        return None if over or kept.host != self._host or kept.version > VERSION else kept.nid


class TrendsSession:
    """Sends calls to one base URL, one at a time.

    `timeout_s` bounds the connection and each wait for bytes, `total_s` (4 times it, if not given) a whole answer.
    """

    def __init__(
        self,
        base_url: str,
        store: StateStore,
        timeout_s: float,
        clock: Callable[[], datetime],
        *,
        total_s: float | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._total_s = _TOTAL * timeout_s if total_s is None else total_s
        self._clock = clock
        self._cookie = Cookie(store, urlsplit(base_url).netloc, clock)
        self._session = requests.Session()
        self._session.headers["accept-language"] = HL
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, BoundedAdapter(timeout_s, self._total_s, MOST_BYTES))

    @property
    def has_cookie(self) -> bool:
        """Whether there is a cookie to send."""
        return self._cookie.value is not None

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, call: Call) -> Reply:
        """One exchange, whatever the status.

        Raises:
            TrendsUnreachable: no whole answer.
            TrendsGarbled: the answer is longer than any of Google Trends.
            StoreError: a new cookie could not be stored.
        """
        cookie = self._cookie.value
        headers = {} if cookie is None else {"Cookie": f"{_NID}={cookie}"}
        url = self._base_url + call.path
        try:
            response = self._session.request(
                call.method, url, params=dict(call.params), headers=headers, allow_redirects=False
            )
        # Without their causes, whose texts hold the whole address, and with it the widget's token.
        except AnswerLate:
            text = f"Google Trends' answer was not whole after {self._total_s:g} s"
            raise TrendsUnreachable(f"{text}; run again later, or raise ELEC_TRENDS_TIMEOUT_S") from None
        except AnswerTooLong as error:
            text = f"Google Trends' answer is longer than {MOST_BYTES >> 20} MiB and was given up; check "
            raise TrendsGarbled(f"{text}ELEC_TRENDS_BASE_URL", status=error.status) from error
        except _LOST as error:
            text = f"no whole answer from Google Trends ({type(error).__name__}); run again later"
            raise TrendsUnreachable(text) from None
        self._cookie.keep(response)
        return Reply(response.status_code, response.headers, response.content, self._clock())
