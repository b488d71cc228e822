from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from elec_assets.clients.spend_ledger import LedgerUnreadable, OverBudget, SpendLedger
from elec_assets.clients.store import Store, open_store
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.examples import examples

NOON = datetime(2027, 2, 10, 12, tzinfo=UTC)
KEY = "state/spend/x_search/202702.json"


def ledger(store: Store, budget_usd: float = 10.0, clock: Clock | None = None) -> SpendLedger:
    return SpendLedger(store, "x_search", budget_usd, clock or Clock(NOON))


def test_a_call_is_reserved_before_and_settled_after(local: Store) -> None:
    mine = ledger(local)
    mine.reserve("page 1", 3.0)
    assert ledger(local).month().open_usd == {"page 1": 3.0}
    mine.settle("page 1", usd=0.5, posts=100, users=20)
    spend = ledger(local).month()
    assert (spend.settled_usd, spend.open_usd, spend.total_usd) == (0.5, {}, 0.5)
    assert (spend.calls, spend.posts, spend.users) == (1, 100, 20)


def test_the_budget_is_never_passed_and_the_refusal_names_both_sums(local: Store) -> None:
    mine = ledger(local, 10.0)
    for page in range(3):
        mine.reserve(f"page {page}", 3.0)
    before = local.get(KEY)
    with pytest.raises(OverBudget, match=r"9\.00 USD of 10\.00 USD .* may cost 3\.00 USD; raise ELEC_X_BUDGET_USD"):
        mine.reserve("page 3", 3.0)
    assert local.get(KEY) == before
    mine.reserve("page 4", 1.0)
    with pytest.raises(OverBudget):
        mine.reserve("page 5", 0.01)


def test_a_refusal_is_told_without_a_call(local: Store) -> None:
    mine = ledger(local, 10.0)
    mine.reserve("page 1", 8.0)
    before = local.get(KEY)
    assert mine.refusal(2.0) is None
    assert mine.refusal(0.0) is None
    refusal = mine.refusal(2.01)
    assert refusal is not None
    with pytest.raises(OverBudget) as told:
        mine.reserve("page 2", 2.01)
    assert str(told.value) == refusal
    assert local.get(KEY) == before


def test_without_a_budget_no_paid_call_is_made_and_a_free_one_is(local: Store) -> None:
    mine = ledger(local, 0.0)
    with pytest.raises(OverBudget):
        mine.reserve("paid", 0.01)
    mine.reserve("free", 0.0)
    mine.settle("free", usd=0.0, posts=100, users=3)
    assert mine.month().total_usd == 0
    assert mine.month().posts == 100


def test_a_crash_between_leaves_the_bound(local: Store) -> None:
    ledger(local).reserve("lost", 3.0)
    again = ledger(local)
    again.reserve("next", 3.0)
    again.settle("next", usd=1.0, posts=10, users=5)
    assert again.month().total_usd == 4.0


@pytest.mark.parametrize(
    "end", [datetime(2027, 3, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)]
)
def test_a_call_over_midnight_of_the_first_is_settled_where_it_was_reserved(local: Store, end: datetime) -> None:
    clock = Clock(end - timedelta(milliseconds=1))
    mine = ledger(local, 10.0, clock)
    mine.reserve("over the edge", 3.0)
    clock.now = end + timedelta(seconds=2)
    mine.settle("over the edge", usd=0.5, posts=9, users=1)
    assert mine.month().total_usd == 0
    clock.now = end - timedelta(days=1)
    assert (mine.month().settled_usd, mine.month().open_usd) == (0.5, {})


def test_a_new_month_has_the_whole_budget_again(local: Store) -> None:
    clock = Clock(NOON)
    mine = ledger(local, 3.0, clock)
    mine.reserve("february", 3.0)
    with pytest.raises(OverBudget):
        mine.reserve("more", 3.0)
    clock.now += timedelta(days=28)
    mine.reserve("march", 3.0)


def test_writers_keep_ledgers_of_their_own(local: Store) -> None:
    ledger(local).reserve("a", 3.0)
    assert SpendLedger(local, "capture", 1.0, Clock(NOON)).month().total_usd == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"settled_usd":"x"}', b"\xff", b'{"open_usd":{"\xff":1}}', b"[" * 50_000, b'{"open_usd":[]}'],
)
def test_a_damaged_ledger_stops_all_spending(local: Store, content: bytes) -> None:
    """A byte that is not UTF-8 raised another error than a missing brace."""
    local.put(KEY, content)
    mine = ledger(local)
    for ask in (mine.month, lambda: mine.reserve("x", 0.0), lambda: mine.settle("x", usd=0, posts=0, users=0)):
        with pytest.raises(LedgerUnreadable, match=f"{KEY}: not a spend ledger .*; restore it or move it away"):
            ask()
    assert local.get(KEY) == content


def test_a_newer_ledger_is_left_alone(local: Store) -> None:
    local.put(KEY, b'{"version":2,"other":1}')
    with pytest.raises(LedgerUnreadable, match="version 2, this program reads up to 1; upgrade"):
        ledger(local).reserve("x", 0.0)
    local.put(KEY, b'{"version":1,"settled_usd":2.5,"open_usd":{},"calls":1,"posts":1,"users":0,"unknown":{}}')
    assert ledger(local).month().total_usd == 2.5


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=40))
def test_whatever_stands_there_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    store = open_store(Path(tmp_path_factory.mktemp("ledger")).as_uri())
    store.put(KEY, content)
    with suppress(LedgerUnreadable):
        assert ledger(store).month().total_usd >= 0


class Spending(RuleBasedStateMachine):
    """Calls, answers and crashes in any order: the ledger may say too much, never too little, never over budget."""

    calls: Bundle[str] = Bundle("calls")
    budget_usd = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.clock = Clock(datetime(2027, 2, 27, tzinfo=UTC))
        self.true_usd: dict[tuple[int, int], float] = {}
        self.bounds: dict[str, tuple[tuple[int, int], float]] = {}
        self.number = 0
        self.restart()

    @rule()
    def restart(self) -> None:
        """A crash: whatever was not settled never will be."""
        self.ledger = SpendLedger(Memory(self.objects), "x_search", self.budget_usd, self.clock)

    @rule(target=calls, cents=st.integers(0, 90))
    def reserve(self, cents: int) -> str | MultipleResults[str]:
        self.number += 1
        call = f"call {self.number}"
        month = (self.clock.now.year, self.clock.now.month)
        before = dict(self.objects)
        try:
            self.ledger.reserve(call, cents / 100)
        except OverBudget:
            assert self.objects == before
            return multiple()
        self.bounds[call] = (month, cents / 100)
        return call

    @rule(call=consumes(calls), share=st.floats(0, 1), crash=st.booleans())
    def answer(self, call: str, share: float, crash: bool) -> None:
        month, bound = self.bounds[call]
        self.true_usd[month] = self.true_usd.get(month, 0.0) + bound * share
        if not crash:
            self.ledger.settle(call, usd=bound * share, posts=1, users=1)

    @rule(hours=st.integers(0, 30))
    def wait(self, hours: int) -> None:
        self.clock.now += timedelta(hours=hours)

    @invariant()
    def recorded_is_at_least_the_truth_and_within_budget(self) -> None:
        for (year, month), usd in self.true_usd.items():
            at = SpendLedger(
                Memory(self.objects), "x_search", self.budget_usd, Clock(datetime(year, month, 1, tzinfo=UTC))
            )
            assert at.month().total_usd >= usd - 1e-9
            assert at.month().total_usd <= self.budget_usd + 1e-9


class Memory(Store):
    """A store in memory: hundreds of small writes without waiting for a disk."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self._objects = objects

    def find(self, key: str) -> bytes | None:
        return self._objects.get(key)

    def put(self, key: str, data: bytes) -> None:
        self._objects[key] = data


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
