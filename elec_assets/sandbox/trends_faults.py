"""What the sandbox of Google Trends does wrong, by script: the shared faults, and those that only it has."""

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_answers import HTML, TrendsAnswer, page

_CAPTCHA = (
    "<html><head><title>https://trends.google.com/trends/api</title></head><body>"
    '<form id="captcha-form" action="index" method="post"><div id="recaptcha" class="g-recaptcha"></div></form>'
    "Our systems have detected unusual traffic from your computer network.</body></html>"
)
_QUOTA = "We're sorry... you have sent too many requests to us recently. Please try again later."
TOO_MANY = page(429, _QUOTA, outcome="fault")
# Seen in the wild, by status and type; the texts are not Google's.
PRESETS: dict[str, TrendsAnswer] = {
    "too_many_requests": TOO_MANY,
    "too_many_requests_retry_after": page(429, _QUOTA, {"Retry-After": "60"}, "fault"),
    "captcha": TrendsAnswer(200, _CAPTCHA.encode(), {"Content-Type": HTML}, "fault"),
    "server_error_javascript": TrendsAnswer(
        500, b"<html><title>Error 500</title></html>", {"Content-Type": "text/javascript; charset=UTF-8"}, "fault"
    ),
    "server_error": page(500, "The server encountered an error.", outcome="fault"),
    "unauthorized": page(401, "Your client does not have permission.", outcome="fault"),
    "forbidden": page(403, "Your client does not have permission to get this URL.", outcome="fault"),
}


@dataclass(frozen=True, slots=True)
class TrendsFault(Fault):
    """A fault of Google Trends. Paths: `/trends/explore*` (cookie), `/trends/api/explore`, `/trends/api/widgetdata/*`.

    A stall is `delay_s`, JSON cut short `truncate`; further:

    Attributes:
        drop_widget: explore leaves out the widgets whose id has this pattern, such as `TIMESERIES` or `GEO_MAP*`.
        empty: the answer is a document without data: `rankedList`, `timelineData` or `geoMapData` is an empty list.
        user_type: what explore says of the caller, such as `USER_TYPE_EMBED_OVER_QUOTA`.
    """

    presets: ClassVar[Collection[str]] = PRESETS

    drop_widget: str | None = None
    empty: bool = False
    user_type: str | None = None


def spoilt(fault: Fault) -> TrendsAnswer | None:
    """The answer that a fault gives; None if the true one is to follow, whole or not."""
    if fault.redirect is not None:
        return TrendsAnswer(302, b"", {"Location": fault.redirect}, "fault")
    if fault.preset is None and fault.status is None and fault.body is None:
        return None
    model = PRESETS[fault.preset or "server_error"]
    content = model.content if fault.preset else b""
    if fault.body is not None:
        content = str(fault.body).encode()
    known = model.status if fault.preset else 200
    return TrendsAnswer(fault.status or known, content, model.headers, "fault")


def kept(widgets: list[Json], fault: Fault) -> list[Json]:
    """The widgets that a fault leaves."""
    pattern = fault.drop_widget if isinstance(fault, TrendsFault) else None
    return [w for w in widgets if pattern is None or not fnmatch.fnmatchcase(w["id"], pattern)]


def user_type_of(fault: Fault, usual: str) -> str:
    """What explore says of the caller."""
    return (fault.user_type if isinstance(fault, TrendsFault) else None) or usual


def is_empty(fault: Fault) -> bool:
    """Whether the answer must be without data."""
    return isinstance(fault, TrendsFault) and fault.empty
