"""What X keeps about a caller: rate windows, and the bill with its UTC-day dedupe."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from elec_assets.sandbox.x_errors import preset

QUARTER_S = 900
STREAM = "/2/tweets/search/stream"
# Connects to the stream that X allows in 15 minutes.
CONNECTS = 50
# Requests allowed a window, by endpoint; search/all has a second window of one second.
LIMITS: dict[str, tuple[tuple[int, int], ...]] = {
    "/2/tweets/search/recent": ((450, QUARTER_S),),
    "/2/tweets/search/all": ((300, QUARTER_S), (1, 1)),
    "/2/tweets/counts/recent": ((300, QUARTER_S),),
    "/2/tweets/counts/all": ((300, QUARTER_S),),
    "/2/usage/tweets": ((50, QUARTER_S),),
    STREAM: ((CONNECTS, QUARTER_S),),
    "DELETE /2/connections/all": ((25, QUARTER_S),),
    "GET /2/tweets/search/stream/rules": ((450, QUARTER_S),),
    "POST /2/tweets/search/stream/rules": ((100, QUARTER_S),),
    "/2/tweets/search/stream/rules/counts": ((450, QUARTER_S),),
    "/2/compliance/jobs": ((150, QUARTER_S),),
}


class RateLimits:
    """Counts requests by endpoint in fixed windows. Limits are multiplied by `factor`; 0 counts nothing."""

    def __init__(self, factor: float = 0.0) -> None:
        self._factor = factor
        self._used: Counter[tuple[str, int, int]] = Counter()
        self._lock = threading.Lock()

    def take(self, method: str, path: str, now: datetime) -> dict[str, str]:
        """Count one request and give its rate headers.

        Raises:
            ApiError: 429, with the headers of the exhausted window.
        """
        windows = LIMITS.get(path) or LIMITS.get(f"{method} {path}") or ((900, QUARTER_S),)
        headers: dict[str, str] = {}
        with self._lock:
            # The longest window last is the one whose headers X sends.
            for limit, length_s in reversed(windows):
                headers = self._count(f"{method} {path}", limit, length_s, int(now.timestamp()))
        return headers

    def _count(self, endpoint: str, limit: int, length_s: int, now_s: int) -> dict[str, str]:
        start = now_s - now_s % length_s
        allowed = max(1, int(limit * self._factor)) if self._factor else limit
        key = (endpoint, length_s, start)
        if self._factor and self._used[key] >= allowed:
            raise preset("rate_limit", **_headers(allowed, 0, start + length_s))
        if self._factor:
            self._used[key] += 1
        return _headers(allowed, allowed - max(1, self._used[key]), start + length_s)


def _headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }


@dataclass(slots=True)
class DayBill:
    """What one UTC day costs: ids of posts and users, each billed once a day, and count requests by price in USD."""

    posts: set[str] = field(default_factory=set)
    referenced_posts: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    count_requests: list[float] = field(default_factory=list)


class Bill:
    """The bill by UTC day. X does not say whether `includes` cost; `usd` takes the upper bound, that they do."""

    POST_USD = 0.005
    USER_USD = 0.010
    COUNT_USD = MappingProxyType({"recent": 0.005, "all": 0.010})

    def __init__(self) -> None:
        self.days: dict[date, DayBill] = {}
        self._lock = threading.Lock()

    def day(self, day: date) -> DayBill:
        """The bill of one UTC day, empty if nothing was read."""
        with self._lock:
            return self.days.setdefault(day, DayBill())

    def read(self, day: date, posts: set[str], referenced: set[str], users: set[str]) -> None:
        """Posts of `data`, posts and users of `includes` were read."""
        bill = self.day(day)
        with self._lock:
            bill.posts |= posts
            bill.referenced_posts |= referenced
            bill.users |= users

    def counted(self, day: date, reach: str) -> None:
        """One counts request (`recent` or `all`) was answered."""
        bill = self.day(day)
        with self._lock:
            bill.count_requests.append(self.COUNT_USD[reach])

    @property
    def posts(self) -> int:
        """Posts billed, referenced ones included: distinct within each UTC day."""
        return sum(len(d.posts | d.referenced_posts) for d in self.days.values())

    @property
    def users(self) -> int:
        """Users billed: distinct within each UTC day."""
        return sum(len(d.users) for d in self.days.values())

    @property
    def usd(self) -> float:
        """Upper bound of what X would have billed, in USD."""
        counts = sum(sum(d.count_requests) for d in self.days.values())
        return self.posts * self.POST_USD + self.users * self.USER_USD + counts
