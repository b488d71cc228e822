"""Calls that steer X's stream, over tweepy: its rules and its connections. Small, bounded, never retried here."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import requests
import urllib3.exceptions

from elec_assets.clients.x_errors import XError, XUnreachable, XUnreadable
from elec_assets.clients.x_transport import TWEEPY_ROOT, XAdapter

# A whole answer may take so many times the timeout of one read.
_TOTAL = 4
# requests lets some errors of urllib3 through as they are.
_LOST = (requests.RequestException, urllib3.exceptions.HTTPError)

Json = dict[str, Any]


class XControl:
    """tweepy's client for one app, on the base URL. Thread-safe. `timeout_s` bounds each wait for bytes."""

    def __init__(self, *, token: str, base_url: str, timeout_s: float = 10.0) -> None:
        # 0.6 s of CPU for tweepy (measured 2026-11-21), which commands that do not listen do not need.
        import tweepy

        # At DEBUG tweepy writes the Authorization header to its log.
        logging.getLogger("tweepy.client").setLevel(logging.INFO)
        self.client: Any = tweepy.StreamingClient(token, return_type=requests.Response, wait_on_rate_limit=False)
        self.client.session.mount(TWEEPY_ROOT, _Adapter(base_url, timeout_s, _TOTAL * timeout_s))
        self._base_url = base_url
        # The adapter takes one request at a time.
        self._lock = threading.Lock()

    def ask(
        self, method: str, route: str, params: Mapping[str, object] | None = None, json: Json | None = None
    ) -> Json:
        """The answer to one request, for what tweepy has no method. Names of parameters are X's, with `_` for `.`.

        Raises:
            XError: X refused, or could not be reached, or its answer is no JSON object.
        """
        given = dict(params or {})
        known = tuple(name.replace("_fields", ".fields") for name in given)
        return self.answered(lambda: self.client._make_request(method, route, given, known, json))

    def answered(self, call: Callable[[], Any]) -> Json:
        """What X answers to a call of tweepy.

        Raises:
            XError: as `ask`.
        """
        try:
            with self._lock:
                response = call()
        except _LOST as error:
            raise XUnreachable(
                f"no whole answer from {self._base_url} ({type(error).__name__}); it is asked again later"
            ) from error
        return read_object(response.status_code, response.content)


class _Adapter(XAdapter):
    """X answers new rules with 201: elsewhere anything but 200 is an error."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401  # requests' own signature
        """See `XAdapter`."""
        try:
            return super().send(request, *args, **kwargs)
        except XError as answer:
            if answer.status != 201:
                raise
            made = requests.Response()
            made.status_code = answer.status
            made._content = answer.body
            return made


def read_object(status: int, body: bytes) -> Json:
    """A body as a JSON object.

    Raises:
        XUnreadable: it is none.
    """
    try:
        decoded = msgspec.json.decode(body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        decoded = None
    if not isinstance(decoded, dict):
        raise XUnreadable(f"X answered {status} with something else than a JSON object", status=status, body=body)
    return decoded


def rows(answer: Json, name: str) -> list[Json]:
    """The objects in a list of the answer; whatever else is there is left out."""
    held = answer.get(name)
    return [row for row in held if isinstance(row, dict)] if isinstance(held, list) else []


def text(row: Json, name: str) -> str:
    """A field as text; empty where there is none."""
    held = row.get(name)
    return "" if held is None else str(held)


def next_token(answer: Json) -> str:
    """What asks for the next page; empty after the last."""
    meta = answer.get("meta")
    return text(meta, "next_token") if isinstance(meta, dict) else ""
