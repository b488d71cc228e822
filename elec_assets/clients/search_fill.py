"""Asks X for the time of an hour that nothing has answered yet, and stores each page before it is parsed.

Order of writes for a page: the ledger's reservation, the call, the body as received, the ledger's real cost, the
sidecar. A page counts once its sidecar is there; a crash between leaves bytes that sealing still uses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from elec_assets.clients.search_heads import PageHead, read_head
from elec_assets.clients.spend_ledger import OverBudget, SpendLedger
from elec_assets.clients.store import ObjectExists, Store
from elec_assets.clients.x_api import PAGE_POSTS, SearchRequest, XApi, with_token
from elec_assets.clients.x_counts import DayCounts
from elec_assets.clients.x_errors import XError, XOutOfReach, XRateLimited, XUnreadable
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.layout import SearchPage
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import Prices
from elec_assets.domain.windows import Grain, Window, epoch_ms, id_bounds, iso_ms, key_of
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.search_coverage import PageMeta, query_id

# Four digits of a page's key; 100 posts a page make a million posts an hour and query.
_MOST_PAGES = 9999
# X counts requests in quarters of an hour: what a 429 without reset time waits for.
_RATE_PERIOD = timedelta(minutes=15)
# Questions in a row without an answer after which a run asks no more: each may have taken minutes.
_MOST_LOST = 3


def page_usd(prices: Prices) -> float:
    """Upper bound of one page: each post with two referenced posts (a reply that quotes), an author for each."""
    return prices.of(PAGE_POSTS * 3, PAGE_POSTS * 3)


@dataclass(frozen=True, slots=True)
class HourQuestion:
    """What is asked: for each query, the time of the hour it has not answered."""

    election: str
    hour: Window
    registry_version: str
    needed: Mapping[str, Intervals]


class SearchFill:
    """Fills hours by search, within a budget. The text of `stopped` says why it asks no more."""

    def __init__(
        self, *, store: Store, api: XApi, ledger: SpendLedger, prices: Prices, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._api = api
        self._ledger = ledger
        self._prices = prices
        self._clock = clock
        self._asked_at: datetime | None = None
        self._lost = 0
        self._limited: tuple[datetime, XRateLimited] | None = None
        self.stopped: XError | OverBudget | None = None
        self.counts = DayCounts(store=store, api=api, ledger=ledger, count_usd=prices.count_usd, clock=clock)

    def fill(self, question: HourQuestion) -> int:
        """Ask for an hour; returns the number of pages received. What X refuses is recorded in sidecars, not raised.

        After an error that every further question would meet (wrong token, no credits, over budget), and after
        three questions in a row without an answer, each later call only records it; after a 429, until its reset.
        Time that the archive does not reach is recorded and not asked.

        Raises:
            StoreError: a page could not be stored.
            LedgerUnreadable: the spend ledger cannot be read, so nothing may be spent.
        """
        pages = 0
        reached = self._reached(question.hour)
        for query, intervals in question.needed.items():
            for window in (intervals - reached).windows():
                self._out_of_reach(question, query, window)
            for window in (intervals & reached).windows():
                pages += self._ask(question, query, window)
        return pages

    def _reached(self, hour: Window) -> Intervals:
        """The part of an hour that a question may name; the same for all its pages, whatever time they take."""
        reach = self._api.reach
        return Intervals.of([(0 if reach is None else epoch_ms(self._clock() - reach), epoch_ms(hour.end))])

    def _ask(self, question: HourQuestion, query: str, window: Window) -> int:
        key = self._key(question, query)
        request: SearchRequest | None = SearchRequest(query, *id_bounds(window))
        pages = 0
        while request is not None and key.page <= _MOST_PAGES:
            meta = self._meta(question, request, key)
            request = self._page(request, key, meta)
            pages += 1
            key = replace(key, page=key.page + 1)
        return pages

    def _out_of_reach(self, question: HourQuestion, query: str, window: Window) -> None:
        key = self._key(question, query)
        meta = self._meta(question, SearchRequest(query, *id_bounds(window)), key)
        text = "older than the 6 days 22 h that ELEC_X_ARCHIVE=recent can ask for; set ELEC_X_ARCHIVE=all and run again"
        self._record(XOutOfReach(text), key, meta, b"")

    def _key(self, question: HourQuestion, query: str) -> SearchPage:
        return SearchPage(question.election, question.hour.start, self._moment(), query_id(query), 1)

    def _moment(self) -> datetime:
        """Now, in whole milliseconds, and never the same twice: it names the question's pages."""
        now = self._clock()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        if self._asked_at is not None:
            now = max(now, self._asked_at + timedelta(milliseconds=1))
        self._asked_at = now
        return now

    def _page(self, request: SearchRequest, key: SearchPage, meta: PageMeta) -> SearchRequest | None:
        """One page; returns the request of the next one, if any."""
        held = self._held()
        if held is not None:
            self._record(held, key, meta, b"")
            return None
        try:
            head, received_at = self._received(request, key)
        except (XError, OverBudget) as error:
            self._note(error)
            # Of an unreadable answer the body is kept already.
            told = error.body if isinstance(error, XError) and not isinstance(error, XUnreadable) else b""
            self._record(error, key, meta, told)
            return None
        self._lost = 0
        last = head.next_token is None
        received = {"received_at": iso_ms(received_at), "status": 200, "result_count": head.found, "last": last}
        oldest = None if head.oldest_id is None else str(head.oldest_id)
        self._create(key.meta, _encode(msgspec.structs.replace(meta, oldest_id=oldest, **received)))
        # A token that comes again would go on for ever, and does not prove that nothing follows.
        return None if last or head.next_token == request.next_token else with_token(request, str(head.next_token))

    def _received(self, request: SearchRequest, key: SearchPage) -> tuple[PageHead, datetime]:
        self._ledger.reserve(key.stem, page_usd(self._prices))
        try:
            answer = self._api.search(request)
        except XError as error:
            usd = page_usd(self._prices) if error.billed else 0.0
            self._ledger.settle(key.stem, usd=usd, posts=0, users=0)
            raise
        self._create(key.body, packed(answer.body))
        try:
            head = read_head(answer.body)
        except XUnreadable:
            self._ledger.settle(key.stem, usd=page_usd(self._prices), posts=0, users=0)
            raise
        self._ledger.settle(key.stem, usd=self._prices.of(head.posts, head.users), posts=head.posts, users=head.users)
        return head, answer.received_at

    def _held(self) -> XError | OverBudget | None:
        """Why nothing is to be asked now."""
        if self._limited is not None and self._clock() < self._limited[0]:
            return self._limited[1]
        return self.stopped

    def _note(self, error: XError | OverBudget) -> None:
        """What an error means for further questions."""
        if isinstance(error, OverBudget) or error.fatal:
            self.stopped = error
        elif isinstance(error, XRateLimited):
            now = self._clock()
            named = error.reset_at is not None and error.reset_at > now
            self._limited = (error.reset_at if named and error.reset_at else now + _RATE_PERIOD, error)
        elif error.retriable:
            self._lost += 1
            self.stopped = error if self._lost == _MOST_LOST else None

    def _record(self, error: XError | OverBudget, key: SearchPage, meta: PageMeta, body: bytes) -> None:
        outcome = error.outcome if isinstance(error, XError) else Outcome.OVER_BUDGET
        status = error.status if isinstance(error, XError) else None
        # The sidecar first: a body without one counts as a page of posts.
        self._create(
            key.meta, _encode(msgspec.structs.replace(meta, status=status, outcome=outcome, problem=str(error)))
        )
        if body:
            self._create(key.body, packed(body))

    def _meta(self, question: HourQuestion, request: SearchRequest, key: SearchPage) -> PageMeta:
        return PageMeta(
            election=question.election,
            hour=key_of(question.hour, Grain.HOUR),
            query=request.query,
            query_id=key.query,
            since_id=str(request.since_id),
            until_id=str(request.until_id),
            page=key.page,
            endpoint=self._api.endpoint,
            registry_version=question.registry_version,
            asked_at=iso_ms(key.asked_at),
        )

    def _create(self, key: str, data: bytes) -> None:
        try:
            self._store.create(key, data)
        except ObjectExists as error:
            raise ObjectExists(f"{error}; another run asks for this hour at the same millisecond: run again") from error


def _encode(meta: PageMeta) -> bytes:
    return msgspec.json.format(msgspec.json.encode(meta), indent=1) + b"\n"
