"""What was spent on X this month, written before each call, and the stop before the budget is passed.

One ledger object a month and writer (`state/spend/{owner}/{YYYYMM}.json`). A call's upper bound is reserved and
durable before the call; its real cost replaces the reservation after. A crash between leaves the bound: a ledger may
say too much, never too little. Months are UTC.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec

from elec_assets.clients.store import Store
from elec_assets.domain import layout

VERSION = 1


class OverBudget(Exception):
    """The next call could pass the budget; nothing was asked. The text names both sums."""


class LedgerUnreadable(Exception):
    """The ledger in the store is not one that this version can read: nothing paid is asked until it is."""


_Usd = Annotated[float, msgspec.Meta(ge=0)]
_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Versioned(msgspec.Struct):
    version: int


class Spend(msgspec.Struct):
    """A month's ledger: settled USD, open reservations by call, and counts."""

    version: int
    settled_usd: _Usd
    open_usd: dict[str, _Usd]
    calls: _Count
    posts: _Count
    users: _Count

    @classmethod
    def none(cls) -> "Spend":
        """A month in which nothing was spent."""
        return cls(version=VERSION, settled_usd=0.0, open_usd={}, calls=0, posts=0, users=0)

    @property
    def total_usd(self) -> float:
        """Settled and reserved, USD."""
        return self.settled_usd + sum(self.open_usd.values())


class SpendLedger:
    """The ledger of one writer, here the searches (`x_search`), against a monthly budget in USD."""

    def __init__(self, store: Store, owner: str, budget_usd: float, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._owner = owner
        self._budget_usd = budget_usd
        self._clock = clock

    def month(self) -> Spend:
        """This month's ledger.

        Raises:
            LedgerUnreadable: it is damaged, or of a newer version.
        """
        return self._read(self._key())

    def reserve(self, call: str, usd: float) -> None:
        """Write a call's upper bound, before the call.

        Raises:
            OverBudget: budget, and what is spent, do not allow it; nothing was written.
            LedgerUnreadable: see `month`.
        """
        key = self._key()
        spend = self._read(key)
        refusal = self._refusal(spend, usd)
        if refusal is not None:
            raise OverBudget(refusal)
        spend.open_usd[call] = usd
        self._write(key, spend)

    def refusal(self, usd: float) -> str | None:
        """Why a call of this cost would not be made now; None where it would. Writes nothing.

        Raises:
            LedgerUnreadable: see `month`.
        """
        return self._refusal(self.month(), usd)

    def _refusal(self, spend: Spend, usd: float) -> str | None:
        if usd <= 0 or spend.total_usd + usd <= self._budget_usd:
            return None
        return (
            f"over budget: {spend.total_usd:.2f} USD of {self._budget_usd:.2f} USD are spent or reserved this "
            f"month for searches, and the next page may cost {usd:.2f} USD; raise ELEC_X_BUDGET_USD or "
            "ELEC_X_FILL_SHARE, or wait for the next month"
        )

    def settle(self, call: str, *, usd: float, posts: int, users: int) -> None:
        """Replace a call's reservation by what it cost."""
        key = self._key_of(call)
        spend = self._read(key)
        spend.open_usd.pop(call, None)
        spend.settled_usd += usd
        spend.calls += 1
        spend.posts += posts
        spend.users += users
        self._write(key, spend)

    def _key_of(self, call: str) -> str:
        """The month that holds the reservation: a call at midnight of the 1st settles where it was reserved."""
        key = self._key()
        if call in self._read(key).open_usd:
            return key
        now = self._clock()
        before = now.replace(year=now.year - (now.month == 1), month=(now.month - 2) % 12 + 1, day=1)
        earlier = layout.spend_ledger(self._owner, before)
        return earlier if call in self._read(earlier).open_usd else key

    def _key(self) -> str:
        return layout.spend_ledger(self._owner, self._clock())

    def _read(self, key: str) -> Spend:
        data = self._store.find(key)
        if data is None:
            return Spend.none()
        try:
            text = data.decode()  # else msgspec passes over names that are not UTF-8
            version = msgspec.json.decode(text, type=_Versioned).version
            if version > VERSION:
                raise LedgerUnreadable(f"{key}: version {version}, this program reads up to {VERSION}; upgrade")
            return msgspec.json.decode(text, type=Spend)
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or nested without end
            raise LedgerUnreadable(f"{key}: not a spend ledger ({error}); restore it or move it away") from error

    def _write(self, key: str, spend: Spend) -> None:
        self._store.put(key, msgspec.json.encode(spend))
