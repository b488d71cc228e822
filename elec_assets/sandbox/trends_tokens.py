"""Tokens of widgets, cookies, and how often each cookie may ask."""

import base64
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.trends_answers import canonical
from elec_assets.sandbox.trends_explore import Exploration

# The recorded tokens name, in the four bytes after this prefix, the second a day after they were given out.
_PREFIX = "APP6_UEAAAAA"
TOKEN_LIFE = timedelta(hours=24)
# A page's own token answers for these too: pytrends sets them.
_FREE = ("resolution", "includeLowSearchVolumeGeos")


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token was given out for: a widget of an exploration. `bound`: the request that it belongs to."""

    exploration: Exploration
    widget: str
    bound: str
    expires: datetime


class Tokens:
    """The tokens given out. Each belongs to one request of one widget, for a day."""

    def __init__(self) -> None:
        self._issued: dict[str, Issued] = {}
        self._lock = threading.Lock()

    def issue(self, exploration: Exploration, widget: str, request: Json, now: datetime) -> str:
        """A new token of 44 characters for a widget's request."""
        expires = now + TOKEN_LIFE
        raw = int(expires.timestamp()).to_bytes(4) + secrets.token_bytes(20)
        token = _PREFIX + base64.urlsafe_b64encode(raw).decode()
        with self._lock:
            # In order of time: those that are over are first.
            while self._issued and next(iter(self._issued.values())).expires <= now:
                del self._issued[next(iter(self._issued))]
            self._issued[token] = Issued(exploration, widget, _bound(request), expires)
        return token

    def find(self, token: str, request: Json, now: datetime) -> Issued | None:
        """What a token stands for; None if it is not known, is over, or was given out for another request."""
        with self._lock:
            found = self._issued.get(token)
        if found is None or found.expires <= now or found.bound != _bound(request):
            return None
        return found


class Quotas:
    """How many requests each cookie may make in the last 30 minutes and 24 hours; None: as many as it likes."""

    def __init__(self, half_hour: int | None, day: int | None) -> None:
        self._limits = [(timedelta(minutes=30), half_hour), (timedelta(hours=24), day)]
        self._taken: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def take(self, cookie: str, now: datetime) -> bool:
        """Whether a request is within both limits; if so, it is counted."""
        with self._lock:
            taken = self._taken.setdefault(cookie, deque())
            while taken and taken[0] <= now - timedelta(hours=24):
                taken.popleft()
            for span, limit in self._limits:
                if limit is not None and sum(moment > now - span for moment in taken) >= limit:
                    return False
            taken.append(now)
            return True


def new_cookie() -> str:
    """The value of a new NID cookie."""
    return f"511={secrets.token_urlsafe(24)}"


def _bound(request: Json) -> str:
    return canonical({name: value for name, value in request.items() if name not in _FREE})
