"""What the sandbox of Google Trends answers with: documents behind their prefixes, and pages of HTML."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from http import HTTPStatus
from typing import Any, Literal

from elec_assets.sandbox.posts import Json

Outcome = Literal["ok", "empty", "refused", "fault", "reset"]
HTML = "text/html; charset=utf-8"
EXPLORE_PREFIX, WIDGET_PREFIX = ")]}'\n", ")]}',\n"
_NO_STORE = "no-cache, no-store, max-age=0, must-revalidate"
# Recorded: what Google writes as an escape in its JSON.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&="}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request was about, for the log.

    Attributes:
        endpoint: `cookie`, `explore`, `multiline`, `comparedgeo`, `relatedsearches`, `autocomplete` or `unknown`.
        keywords: as they were sent.
        geo: of the first keyword; empty for the world.
        timeframe: as it was asked for at explore.
        widget: id of the widget whose data was asked for, such as `RELATED_QUERIES_0`.
    """

    endpoint: str = "unknown"
    keywords: tuple[str, ...] = ()
    geo: str = ""
    timeframe: str = ""
    widget: str = ""


@dataclass(frozen=True, slots=True)
class TrendsAnswer:
    """An answer, and what it answers."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    outcome: Outcome = "ok"
    asked: Asked = field(default_factory=Asked)

    def to(self, asked: Asked) -> "TrendsAnswer":
        """The same answer, to a known request."""
        return replace(self, asked=asked)


class Refusal(Exception):
    """A request that is refused with a page; `asked` is what is known of it."""

    def __init__(self, status: int, reason: str, asked: Asked, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.answer = page(status, reason, headers, "refused").to(asked)


def document(content: Json, asked: Asked, outcome: Outcome = "ok") -> TrendsAnswer:
    """JSON as Google sends it: prefix, escapes, headers; `explore` and the other calls differ."""
    explore = asked.endpoint == "explore"
    text = json.dumps(content, separators=(",", ":")).translate(_ESCAPES)
    headers = {
        "Content-Type": f"application/json; charset={'utf-8' if explore else 'UTF-8'}",
        "Cache-Control": _NO_STORE if explore else "private, max-age=0",
        "Content-Disposition": 'attachment; filename="json.txt"' + ("; filename*=UTF-8''json.txt" if explore else ""),
        "X-Content-Type-Options": "nosniff",
    }
    return TrendsAnswer(200, f"{EXPLORE_PREFIX if explore else WIDGET_PREFIX}{text}".encode(), headers, outcome, asked)


def page(status: int, reason: str, headers: Mapping[str, str] | None = None, outcome: Outcome = "ok") -> TrendsAnswer:
    """An error page."""
    phrase = HTTPStatus(status).phrase
    text = (
        f"<html lang=en><meta charset=utf-8><title>Error {status} ({phrase})!!1</title>"
        f'<main id="af-error-container" role="main"><p><b>{status}.</b> <ins>That\u2019s an error.</ins>'
        f"<p>{escape(reason)} <ins>That\u2019s all we know.</ins></main>"
    )
    basic = {"Content-Type": HTML, "Cache-Control": _NO_STORE, "X-Content-Type-Options": "nosniff"}
    return TrendsAnswer(status, text.encode(errors="backslashreplace"), {**basic, **(headers or {})}, outcome)


def canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON that is equal for equal values, whatever their order of keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
