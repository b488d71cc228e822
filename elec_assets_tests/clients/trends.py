"""Requests to the small world of the sandbox of Google Trends, and the client under test."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import Store
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.domain.trends import Cadence, Endpoint
from elec_assets.domain.trends_requests import Keyword, KeywordKind, TrendsRequest
from elec_assets.domain.windows import DAY, Window
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets_tests.clients.hours import Clock

DATA = (Endpoint.TIMELINE, Endpoint.REGIONS, Endpoint.TOPICS, Endpoint.QUERIES)
START = datetime(2027, 2, 1, tzinfo=UTC)
EXPLORE, WIDGETS, COOKIE = "/trends/api/explore", "/trends/api/widgetdata/*", "/trends/explore*"


def asked(*names: str, geo: str = "FR") -> TrendsRequest:
    """A day of some of the world's people, alone or compared."""
    keywords = tuple(Keyword(name.lower(), name, KeywordKind.TERM) for name in names)
    return TrendsRequest("fr" if geo else "world", geo, Cadence.DAILY, Window(START, START + DAY), keywords)


ONE = asked("Nom1")
OTHER = asked("Nom2")


@dataclass
class Google:
    """A running sandbox, and what asks it: each `backend` is one process."""

    server: TrendsServer
    store: Store
    clock: Clock
    opened: Callable[[TrendsSession], TrendsSession]

    def governor(self, limits: TrendsLimits | None = None) -> RateGovernor:
        return governor(self.store, self.clock, limits or TrendsLimits.none())

    def session(self, timeout_s: float = 10.0, total_s: float | None = None) -> TrendsSession:
        return self.opened(TrendsSession(self.server.url, self.store, timeout_s, self.clock, total_s=total_s))

    def backend(self, limits: TrendsLimits | None = None, *, timeout_s: float = 10.0) -> GoogleTrends:
        return GoogleTrends(
            session=self.session(timeout_s),
            governor=self.governor(limits),
            clock=self.clock,
            sleep=self.clock.sleep,
            uniform=Random(1).uniform,  # noqa: S311 - jitter
        )

    @property
    def endpoints(self) -> list[tuple[str, int]]:
        """Endpoint and status of what was asked so far."""
        return [(request.asked.endpoint, request.status) for request in self.server.requests]


def governor(store: Store, clock: Clock, limits: TrendsLimits, seed: int = 1, lock: Path | None = None) -> RateGovernor:
    """The governor of one process."""
    return RateGovernor(
        store=store,
        limits=limits,
        lock=lock or lock_path(store.url),
        clock=clock,
        sleep=clock.sleep,
        uniform=Random(seed).uniform,  # noqa: S311 - jitter
    )
