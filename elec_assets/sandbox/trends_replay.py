"""Recorded exchanges of Google Trends, served byte for byte: a list of `{request, response}` in each JSON file.

A request is known by path and parameters, JSON compared by value. Tokens are valid within their own recording: where
none has the token that is asked with, the request alone decides. What was recorded several times is served in turn.
Of the cookie, domain and expiry are left out: a client would drop it.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.http_server import HttpRequest
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.replay import ReplayError
from elec_assets.sandbox.trends_answers import Asked, TrendsAnswer, canonical, page
from elec_assets.sandbox.trends_faults import spoilt

# Of the connection that was recorded, not of the answer.
_NOT_SENT = ("date", "server", "set-cookie", "content-length", "content-encoding", "transfer-encoding", "connection")
_ENDPOINTS = ("explore", "multiline", "comparedgeo", "relatedsearches", "autocomplete", "multirange")


@dataclass(frozen=True, slots=True)
class _Exchange:
    path: str
    params: str
    token: str
    answer: TrendsAnswer


class TrendsReplay:
    """The exchanges of recordings.

    Raises:
        ReplayError: a file cannot be read or holds no exchange.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._exchanges = [exchange for path in files for exchange in _exchanges(path)]
        self._turns: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    def answer(self, request: HttpRequest, fault: Fault) -> TrendsAnswer:
        """The recorded answer; 404 to what was not recorded."""
        asked = _asked(request.path, request.params)
        wrong = spoilt(fault)
        if wrong is not None:
            return wrong.to(asked)
        params, token = _compared(request.params), request.params.get("token", "")
        found = [e for e in self._exchanges if e.path == request.path and e.params == params]
        found = [e for e in found if e.token == token] or found
        if not found:
            return page(404, "Not among the recorded requests.", outcome="refused").to(asked)
        with self._lock:
            key = (request.path, params, token)
            turn = self._turns[key] = self._turns.get(key, -1) + 1
        return found[turn % len(found)].answer.to(asked)


def _exchanges(path: Path) -> list[_Exchange]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReplayError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(found, list) or not found:
        raise ReplayError(f"{path}: must be a list of exchanges, each with `request` and `response`; holds none")
    return [_exchange(entry, f"{path}: exchange {number}") for number, entry in enumerate(found, start=1)]


def _exchange(entry: Any, where: str) -> _Exchange:  # noqa: ANN401 - anything that JSON can be
    try:
        request, response = entry["request"], entry["response"]
        params = request.get("query") or {}
        answer = TrendsAnswer(int(response["status"]), response["body"].encode(), _headers(response["headers"]))
        return _Exchange(request["path"], _compared(params), params.get("token", ""), answer)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReplayError(f"{where}: not an exchange with `request` and `response`: {error!r}") from error


def _headers(recorded: Json) -> dict[str, str]:
    headers = {name: str(value) for name, value in recorded.items() if name not in _NOT_SENT}
    cookies = recorded.get("set-cookie") or []
    if cookies:
        kept = [p for p in cookies[0].split("; ") if p.split("=")[0].lower() not in ("domain", "expires")]
        headers["set-cookie"] = "; ".join(kept)
    return headers


def _compared(params: Mapping[str, str]) -> str:
    """Parameters without the token, JSON as values, in one form."""
    return canonical({name: _value(value) for name, value in params.items() if name != "token"})


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


def _asked(path: str, params: Mapping[str, str]) -> Asked:
    """What the log can say of a request without reading it closely."""
    last = path.rstrip("/").rsplit("/", 1)[-1]
    endpoint = "cookie" if path.rstrip("/") == "/trends/explore" else last if last in _ENDPOINTS else "unknown"
    request = _value(params.get("req", ""))
    items = request.get("comparisonItem", []) if isinstance(request, dict) and endpoint == "explore" else []
    if not items:
        return Asked(endpoint)
    return Asked(
        endpoint, tuple(i.get("keyword", "") for i in items), items[0].get("geo", ""), items[0].get("time", "")
    )
