"""The clients as Dagster resources. Secrets are `EnvVar`s, so that no configuration page shows them."""

import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from elec_assets.clients.kaggle_process import Credential
from elec_assets.clients.kaggle_staged import Target
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.release_builder import NO_DATASET, ReleasePlan
from elec_assets.clients.release_publishing import Desk
from elec_assets.clients.search_fill import SearchFill
from elec_assets.clients.source_claim import TRENDS, X, claim
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_loan import Loans
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_task import STOP_AFTER_S, TrendsSource
from elec_assets.clients.x_api import XApi
from elec_assets.domain.prices import FREE, Prices
from elec_assets.domain.registry import Election
from elec_assets.domain.rules import query_limit
from elec_assets.domain.trends import SOURCE
from elec_assets.transforms.gate import Allowed

if TYPE_CHECKING:
    from elec_assets.clients.google_trends import TrendsBackend

SEARCH_POOL = "x_search"
KAGGLE_POOL = "kaggle"
TRENDS_POOL = SOURCE


def utc_now() -> datetime:
    """The clock that resources hand to clients."""
    return datetime.now(UTC)


class StoreResource(dg.ConfigurableResource[Store]):
    """The store: a directory (`file:///...`) or `s3://bucket/prefix`."""

    url: str
    allow_http: bool = False

    def open(self) -> Store:
        """The store, opened."""
        return open_store(self.url, allow_http=self.allow_http)


class XSearchResource(dg.ConfigurableResource[SearchFill]):
    """X's search with its spend ledger. Without a token, or without budget at a paid address, it asks nothing."""

    token: str | None = None
    base_url: str
    archive: str
    timeout_s: float
    pace_s: float
    budget_usd: float
    post_usd: float
    user_usd: float
    count_usd: float
    free: bool

    @property
    def configured(self) -> bool:
        """Whether anything may be asked of X."""
        return self.token is not None and (self.free or self.budget_usd > 0)

    @property
    def prices(self) -> Prices:
        """What it bills."""
        return FREE if self.free else Prices(self.post_usd, self.user_usd, self.count_usd)

    @property
    def query_limit(self) -> int:
        """Most characters of a query: 512 for recent search, 1,024 for the full archive."""
        return query_limit(self.archive)

    def fill(self, store: Store) -> SearchFill | None:
        """The search fill over a store; None if nothing may be asked of X.

        Raises:
            StoreError: the store holds posts of a sandbox and X is meant, or the other way round.
        """
        if not self.token or not self.configured:
            return None
        claim(store, X, sandbox=self.free)
        api = XApi(
            token=self.token,
            base_url=self.base_url,
            archive="all" if self.archive == "all" else "recent",
            timeout_s=self.timeout_s,
            pace_s=self.pace_s,
            clock=utc_now,
            sleep=time.sleep,
        )
        ledger = SpendLedger(store, SEARCH_POOL, self.budget_usd, utc_now)
        return SearchFill(store=store, api=api, ledger=ledger, prices=self.prices, clock=utc_now)


class TrendsResource(dg.ConfigurableResource["TrendsBackend"]):
    """Google Trends with its governor. Where it is not switched on, nothing is asked.

    `function` is the AWS Lambda that asks (name or ARN, with `region` for a name); None: the run asks itself.
    `stop_after_s`: after so many seconds an invocation begins no question.
    """

    on: bool
    base_url: str
    loopback: bool
    timeout_s: float
    pace_per_h: float
    burst: int
    floor_per_h: float
    ceiling_per_h: int
    daily_cap: int
    function: str | None = None
    region: str | None = None
    stop_after_s: float = STOP_AFTER_S

    @property
    def source(self) -> TrendsSource:
        """Where and how fast it is asked."""
        return TrendsSource(self.base_url, self.timeout_s, self.limits)

    @property
    def limits(self) -> TrendsLimits:
        """How fast it may be asked; a server on this machine, as fast as it answers."""
        if self.loopback:
            return TrendsLimits.none()
        return TrendsLimits(self.pace_per_h, self.burst, self.floor_per_h, self.ceiling_per_h, self.daily_cap)

    def governor(self, store: Store) -> RateGovernor:
        """The governor over a store, which all processes of a host share."""
        return RateGovernor(
            store=store,
            limits=self.limits,
            lock=lock_path(store.url),
            clock=utc_now,
            sleep=time.sleep,
            uniform=random.uniform,
            loans=Loans(store, utc_now),
        )

    def claim(self, store: Store) -> None:
        """Make sure that a store holds answers of what is asked here, or of nothing yet.

        Raises:
            StoreError: it holds answers of a sandbox and Google is meant, or the other way round.
        """
        claim(store, TRENDS, sandbox=self.loopback)

    @contextmanager
    def backend(self, store: Store) -> Iterator["TrendsBackend | None"]:
        """What asks Google Trends from this process, while the context lasts; None where nothing may be asked from it.

        Raises:
            StoreError: as `claim`.
        """
        if not self.on:
            yield None
            return
        self.claim(store)
        if self.function is not None:
            yield None
            return
        # pytrends imports pandas (0.5 s of CPU): only a run that asks needs it.
        from elec_assets.clients.google_trends import GoogleTrends
        from elec_assets.clients.trends_session import TrendsSession

        with closing(TrendsSession(self.base_url, store, self.timeout_s, utc_now)) as session:
            yield GoogleTrends(
                session=session,
                governor=self.governor(store),
                clock=utc_now,
                sleep=time.sleep,
                uniform=random.uniform,
            )


class KaggleResource(dg.ConfigurableResource[Desk]):
    """Kaggle: what releases are called, and where they go. Without an account nothing is published.

    `problem` says why nothing can be published, None where it can.
    """

    dataset: str | None = None
    title: str
    profile: str
    base_url: str
    username: str | None = None
    key: str | None = None
    token: str | None = None
    problem: str | None = None

    def plan(self, elections: tuple[Election, ...], allowed: Allowed, reason: str = "") -> ReleasePlan:
        """What a release of now is made of."""
        return ReleasePlan(
            elections=elections,
            profile="private" if self.profile == "private" else "public",
            dataset=self.dataset or NO_DATASET,
            title=self.title,
            allowed=allowed,
            reason=reason,
        )

    def target(self) -> Target:
        """Where releases go, and as whom.

        Raises:
            ValueError: there is no account; see `problem`.
        """
        if self.problem is not None or self.dataset is None:
            raise ValueError(self.problem or "no dataset is set")
        return Target(self.dataset, self.base_url, Credential(self.username, self.key, self.token))

    def desk(self, store: Store, elections: tuple[Election, ...], run: str) -> Desk:
        """From where releases go.

        Raises:
            ValueError: as `target`.
        """
        return Desk(store, self.target(), elections, utc_now, run)
