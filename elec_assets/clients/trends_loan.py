"""Who may write the governor's state and the cookie while an invocation of a Lambda asks Google Trends.

They have one writer: the run that holds the pool. An invocation reads them, and writes each request that it counts
into objects of its own (`lent/{invocation}/`), before it is sent. When it has ended the run takes them over. Before it
starts the run writes down to whom it lends the right to ask, and until when no more can come: so a run that is killed
loses nothing, and whoever comes next neither asks beside a forgotten invocation nor forgets what it did.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Protocol

import msgspec

from elec_assets.clients.store import ObjectExists, Store
from elec_assets.clients.trends_errors import GovernorUnreadable, TrendsCoolingDown
from elec_assets.clients.trends_told import Told, decode, encode
from elec_assets.domain import layout_trends
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.windows import iso

VERSION = 1
LONGEST = timedelta(minutes=16)
"""After so long an invocation has ended for certain: Lambda gives it 15 minutes; clocks may differ by a minute."""
_ASKED, _GOVERNOR, _COOKIES = "asked", "governor", "cookies"
_STATE = {layout_trends.governor(): _GOVERNOR, layout_trends.cookies(): _COOKIES}


class StateStore(Protocol):
    """Where the governor's state and the cookie are."""

    def find(self, key: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""

    def put(self, key: str, data: bytes) -> None:
        """Write an object, replacing it whole."""


class Loan(msgspec.Struct, frozen=True, kw_only=True):
    """The right to ask, lent to an invocation of a function until a time (UTC)."""

    version: int = VERSION
    invocation: str
    function: str
    until: Annotated[datetime, msgspec.Meta(tz=True)]


class Loans:
    """The loans of a store, as the run sees them: there is one at most. `clock` gives UTC."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def check(self) -> None:
        """Settle a loan whose invocation has ended.

        Raises:
            TrendsCoolingDown: it may still ask.
            GovernorUnreadable: what is kept of it cannot be read.
            StoreError: the store refused.
        """
        loan = self._read()
        if loan is None:
            return
        told = self._told(loan)
        if self._clock() < loan.until and not (told is not None and told.ended):
            raise _lent(loan)
        self.settle(loan)

    def lend(self, invocation: str, function: str) -> Loan:
        """Lend the right to ask to an invocation that is about to start.

        Raises:
            TrendsCoolingDown, GovernorUnreadable, StoreError: as `check`.
        """
        self.check()
        loan = Loan(invocation=invocation, function=function, until=self._clock() + LONGEST)
        try:
            self._store.create(layout_trends.loan(), msgspec.json.encode(loan))
        except ObjectExists:  # another run, without the pool
            raise _lent(self._read() or loan) from None
        return loan

    def settle(self, loan: Loan) -> Told | None:
        """Take over what an invocation that has ended left; what it told, None where it told nothing.

        Can be cut off at any point and done again: the loan goes last.

        Raises:
            GovernorUnreadable, StoreError: as `check`.
        """
        told = self._told(loan)
        for key, name in _STATE.items():
            data = self._store.find(layout_trends.lent(loan.invocation, name))
            if data is not None:
                self._store.put(key, data)
        for name in (*_STATE.values(), _ASKED):
            self._store.delete(layout_trends.lent(loan.invocation, name))
        self._store.delete(layout_trends.loan())
        return told

    def _read(self) -> Loan | None:
        key = layout_trends.loan()
        data = self._store.find(key)
        try:
            loan = None if data is None else msgspec.json.decode(data, type=Loan)
        except (ValueError, RecursionError) as error:
            raise GovernorUnreadable(f"{key}: not a loan ({error}); delete it 16 minutes after the last run") from error
        if loan is not None and loan.version > VERSION:
            raise GovernorUnreadable(f"{key}: version {loan.version}, this program reads up to {VERSION}; upgrade")
        return loan

    def _told(self, loan: Loan) -> Told | None:
        key = layout_trends.lent(loan.invocation, _ASKED)
        data = self._store.find(key)
        try:
            return None if data is None else decode(data)
        except ValueError as error:
            raise GovernorUnreadable(f"{key}: not what an invocation tells ({error}); delete it") from error


class Lent:
    """The state as one invocation sees it: it reads the run's, and writes its own."""

    def __init__(self, store: Store, invocation: str) -> None:
        self._store = store
        self._invocation = invocation

    def find(self, key: str) -> bytes | None:
        """What this invocation wrote, else what the run left."""
        own = self._store.find(self._own(key))
        return self._store.find(key) if own is None else own

    def put(self, key: str, data: bytes) -> None:
        """Write down, for the run to take over."""
        self._store.put(self._own(key), data)

    def tell(self, told: Told) -> None:
        """Keep what asking came to so far."""
        self._store.put(self.resume_key, encode(told))

    @property
    def resume_key(self) -> str:
        """Where that is kept."""
        return layout_trends.lent(self._invocation, _ASKED)

    def _own(self, key: str) -> str:
        return layout_trends.lent(self._invocation, _STATE[key])


def _lent(loan: Loan) -> TrendsCoolingDown:
    return TrendsCoolingDown(
        f"Google Trends is not asked before {iso(loan.until)}: an invocation of the Lambda {loan.function}, whose run "
        "did not see its end, may still ask; run again then",
        outcome=Outcome.THROTTLED,
        resume_at=loan.until,
    )
