"""How requests to X travel: to the base URL, without redirects, within a time and a size, errors typed."""

from typing import Any

import requests
import urllib3.exceptions

from elec_assets.clients.bounded_http import AnswerLate, AnswerTooLong, BoundedAdapter
from elec_assets.clients.x_errors import XUnreachable, XUnreadable, classify

TWEEPY_ROOT = "https://api.twitter.com"  # fixed inside tweepy
# A page of 100 posts with all that is sent along is about 0.6 MB; nothing that X sends comes near.
MOST_BYTES = 32 << 20


class XAdapter(BoundedAdapter):
    """Sends tweepy's requests to the base URL; anything but 200 becomes an `XError`.

    `timeout_s` bounds the connection and each wait for bytes, `total_s` the whole answer. One request at a time.
    """

    def __init__(self, base_url: str, timeout_s: float, total_s: float) -> None:
        super().__init__(timeout_s, total_s, MOST_BYTES)
        self._base_url = base_url.rstrip("/")

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  # requests' own signature
        """One request, and its whole answer.

        Raises:
            XError: the answer is none of status 200, is longer than any page, or was not whole in time.
            requests.RequestException: no whole answer for another reason.
        """
        request.url = self._base_url + (request.url or "").removeprefix(TWEEPY_ROOT)
        try:
            response = super().send(request, *args, **kwargs)
        except AnswerLate as error:
            text = f"X's answer was not whole after {self._total_s:g} s; run again later, or raise ELEC_X_TIMEOUT_S"
            raise XUnreachable(text, billed=True) from error
        except AnswerTooLong as error:
            raise XUnreadable(
                f"X's answer is longer than {MOST_BYTES >> 20} MiB and was given up: no page is; check "
                "ELEC_X_BASE_URL, and what stands between here and X",
                status=error.status,
                billed=True,
            ) from error
        if response.status_code != 200:
            raise classify(response.status_code, response.headers, response.content)
        return response


def may_be_billed(error: Exception) -> bool:
    """Whether X may have counted a request that has no whole answer: not one that was never sent."""
    cause = error.args[0] if error.args else None
    unsent = isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError | requests.exceptions.SSLError)
    return not unsent and not isinstance(getattr(cause, "reason", None), urllib3.exceptions.NewConnectionError)
