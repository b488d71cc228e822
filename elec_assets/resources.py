"""The clients as Dagster resources. Secrets are `EnvVar`s, so that no configuration page shows them."""

import time
from datetime import UTC, datetime

import dagster as dg

from elec_assets.clients.search_fill import Prices, SearchFill
from elec_assets.clients.spend_ledger import SpendLedger
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.x_api import XApi
from elec_assets.clients.x_source import claim
from elec_assets.domain.rules import query_limit

SEARCH_POOL = "x_search"


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
    free: bool

    @property
    def configured(self) -> bool:
        """Whether anything may be asked of X."""
        return self.token is not None and (self.free or self.budget_usd > 0)

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
        claim(store, sandbox=self.free)
        api = XApi(
            token=self.token,
            base_url=self.base_url,
            archive="all" if self.archive == "all" else "recent",
            timeout_s=self.timeout_s,
            pace_s=self.pace_s,
            clock=utc_now,
            sleep=time.sleep,
        )
        prices = Prices(0.0, 0.0) if self.free else Prices(self.post_usd, self.user_usd)
        ledger = SpendLedger(store, SEARCH_POOL, self.budget_usd, utc_now)
        return SearchFill(store=store, api=api, ledger=ledger, prices=prices, clock=utc_now)
