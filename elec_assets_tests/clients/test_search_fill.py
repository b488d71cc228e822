"""Money and order of writes while pages are asked for: crashes at every write, against what the sandbox billed."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elec_assets.clients.search_fill import HourQuestion, SearchFill, page_usd
from elec_assets.clients.search_heads import read_head
from elec_assets.clients.spend_ledger import LedgerUnreadable, SpendLedger
from elec_assets.clients.store import ObjectExists, Store
from elec_assets.clients.x_errors import XUnreachable, XUnreadable
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.layout import parse_search_page
from elec_assets.domain.prices import Prices
from elec_assets.domain.windows import Window
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_accounts import Bill
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.fragile import Crash, Fragile
from elec_assets_tests.clients.hours import HOUR, Clock, objects, sealer, search_fill, table, x_api

Serve = Callable[..., XServer]
PAID = Prices(post_usd=Bill.POST_USD, user_usd=Bill.USER_USD)
LEDGER = "state/spend/x_search/202702.json"
QUERY = '"Élodie Numéro3"'


def spent(store: Store, clock: Clock) -> float:
    return SpendLedger(store, "x_search", 0, clock).month().total_usd


def question(query: str = QUERY) -> HourQuestion:
    return HourQuestion("xx_2027", HOUR, "v", {query: Intervals.between(HOUR)})


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_is_mended_by_a_rerun_and_never_understates_the_bill(
    local: Store,
    serve: Serve,
    clock: Clock,
    after: bool,
) -> None:
    server = serve()
    crashes = 0
    for writes in range(1, 40):
        try:
            store = Fragile(local, writes, after=after)
            sealer(store, search_fill(store, server, clock, prices=PAID, budget_usd=1000)).seal(HOUR)
            break
        except Crash:
            crashes += 1
        assert spent(local, clock) >= server.bill.usd
        for key, data in objects(local).items():
            if key.endswith(".json.gz"):
                assert json.loads(gzip.decompress(data))["data"]
    assert crashes >= 5
    whole = table(local)
    for key in objects(local):
        local.delete(key)
    sealer(local, search_fill(local, server, clock)).seal(HOUR)
    assert table(local).equals(whole)


def test_the_budget_holds_whatever_goes_wrong(local: Store, serve: Serve, clock: Clock) -> None:
    """What the sandbox bills never passes the budget, with lost answers and crashes between."""
    budget = 12.0
    faults = [Fault(cut=0.5, skip=1, times=4), Fault(reset=True, times=4), Fault(cut=0.9, times=2)]
    server = serve(faults=faults)
    for writes in (3, 5, 8, 99, 4, 99, 99, 99):
        store = Fragile(local, writes, after=writes % 2 == 0)
        try:
            sealer(store, search_fill(store, server, clock, prices=PAID, budget_usd=budget)).seal(HOUR, refresh=True)
        except Crash:
            continue
    assert server.bill.usd <= spent(local, clock) <= budget
    assert server.requests


def test_an_answer_that_was_lost_is_taken_as_billed(local: Store, serve: Serve, clock: Clock) -> None:
    """X bills a page when it sends it: with the answer cut off, the ledger said that nothing was spent."""
    server = serve(faults=[Fault(cut=0.5, times=4)])
    fill = search_fill(local, server, clock, prices=PAID, budget_usd=10)
    fill.fill(question())
    assert server.bill.usd > 0
    assert spent(local, clock) == page_usd(PAID) >= server.bill.usd


def test_a_lost_answer_counts_also_when_the_last_attempt_is_refused(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(cut=0.5), Fault(preset="unauthorized")])
    search_fill(local, server, clock, prices=PAID, budget_usd=10).fill(question())
    assert spent(local, clock) == page_usd(PAID) >= server.bill.usd > 0


@pytest.mark.parametrize("fault", [Fault(preset="service_unavailable", times=4), Fault(preset="unauthorized")])
def test_an_error_that_x_told_costs_nothing(local: Store, serve: Serve, clock: Clock, fault: Fault) -> None:
    server = serve(faults=[fault])
    search_fill(local, server, clock, prices=PAID, budget_usd=10).fill(question())
    assert (spent(local, clock), server.bill.usd) == (0, 0)


def test_a_network_that_is_down_costs_nothing(local: Store, serve: Serve, clock: Clock) -> None:
    """Else a night without network would use up the month's budget, three dollars a question."""
    server = serve()
    server.stop()
    fill = search_fill(local, server, clock, prices=PAID, budget_usd=10)
    fill.fill(question())
    assert spent(local, clock) == 0
    with pytest.raises(XUnreachable) as told:
        raise x_error(server, clock)
    assert not told.value.billed


def x_error(server: XServer, clock: Clock) -> BaseException:
    try:
        x_api(server.url, clock).usage()
    except XUnreachable as error:
        return error
    raise AssertionError("somebody answered")


def test_the_real_cost_replaces_the_bound(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    pages = search_fill(local, server, clock, prices=PAID, budget_usd=100).fill(question())
    ledger = SpendLedger(local, "x_search", 0, clock).month()
    assert pages == len(server.requests) == ledger.calls > 1
    assert ledger.open_usd == {}
    # The ledger counts each page; X bills a post or user once a day.
    assert server.bill.usd <= ledger.total_usd + 1e-9 < page_usd(PAID) * pages
    assert ledger.posts >= server.bill.posts
    assert ledger.users >= server.bill.users


def test_a_damaged_ledger_stops_the_run_before_anything_is_asked(local: Store, serve: Serve, clock: Clock) -> None:
    server = serve()
    local.put(LEDGER, b"{")
    with pytest.raises(LedgerUnreadable, match="restore it or move it away"):
        search_fill(local, server, clock).fill(question())
    assert server.requests == []


def test_two_runs_at_the_same_millisecond_do_not_write_over_each_other(
    local: Store, serve: Serve, clock: Clock
) -> None:
    server = serve()
    first, second = (Clock(clock.now) for _ in range(2))
    search_fill(local, server, first).fill(question())
    before = objects(local)
    with pytest.raises(ObjectExists, match="another run asks for this hour at the same millisecond: run again"):
        search_fill(local, server, second).fill(question())
    assert {key: data for key, data in objects(local).items() if key in before} == before


def test_a_clock_that_stands_still_names_every_question_anew(local: Store, serve: Serve, clock: Clock) -> None:
    fill = search_fill(local, serve(), Clock(clock.now))
    for _ in range(3):
        fill.fill(question())
    pages = [page for key in objects(local) if (page := parse_search_page(key)) is not None]
    assert len({page.asked_at for page in pages}) == 3


HOURS = [Window(HOUR.start + timedelta(hours=i), HOUR.end + timedelta(hours=i)) for i in range(8)]


def ask_all(fill: SearchFill) -> None:
    for hour in HOURS:
        fill.fill(HourQuestion("xx_2027", hour, "v", {QUERY: Intervals.between(hour)}))


def problems(store: Store) -> list[str]:
    metas = [json.loads(data) for key, data in objects(store).items() if key.endswith(".meta.json")]
    return [meta["problem"] for meta in sorted(metas, key=lambda m: str(m["asked_at"])) if meta["problem"]]


def test_a_rate_limit_is_not_asked_against_until_it_ends(local: Store, serve: Serve, clock: Clock) -> None:
    """Each further hour of the run was asked too, and refused with the same 429, which X counts."""
    reset = clock.now + timedelta(minutes=14)
    server = serve(faults=[Fault(preset="rate_limit", headers={"x-rate-limit-reset": str(int(reset.timestamp()))})])
    fill = search_fill(local, server, clock)
    ask_all(fill)
    assert len(server.requests) == 1
    assert len(set(problems(local))) == 1
    assert len(problems(local)) == len(HOURS)
    clock.now = reset
    ask_all(fill)
    assert len(server.requests) > len(HOURS)
    assert len(problems(local)) == len(HOURS)


@pytest.mark.parametrize("reset", ["", "soon", "1901000000000", "-5", "12.5", "0"])
def test_a_rate_limit_without_a_usable_end_holds_for_a_quarter_of_an_hour(
    local: Store, serve: Serve, clock: Clock, reset: str
) -> None:
    """No header, none that is a time, milliseconds, the past: four attempts, then nothing for the rest of a period."""
    server = serve(faults=[Fault(preset="rate_limit", headers={"x-rate-limit-reset": reset}, times=9)])
    fill = search_fill(local, server, clock)
    ask_all(fill)
    assert len(server.requests) == 4
    assert sum(clock.slept) <= 14
    clock.now += timedelta(minutes=15)
    fill.fill(question())
    assert len(server.requests) == 8


@pytest.mark.parametrize("fault", [Fault(preset="service_unavailable", times=999), Fault(reset=True, times=999)])
def test_while_x_is_down_a_run_asks_three_questions_and_no_more(
    local: Store, serve: Serve, clock: Clock, fault: Fault
) -> None:
    """A run of 24 hours waited for each of them: hours of attempts, with the pool of all searches held."""
    server = serve(faults=[fault])
    ask_all(search_fill(local, server, clock))
    assert len(server.requests) == 3 * 4
    assert sum(clock.slept) == 3 * 14
    assert len(problems(local)) == len(HOURS)


def test_a_bad_moment_now_and_then_does_not_end_a_run(local: Store, serve: Serve, clock: Clock) -> None:
    faults = [Fault(preset="service_unavailable", times=4, skip=skip) for skip in (0, 0, 1, 0)]
    server = serve(faults=faults)
    fill = search_fill(local, server, clock)
    ask_all(fill)
    assert fill.stopped is None
    assert server.faults.left == 0
    assert len(problems(local)) == len(faults)


def test_errors_in_place_of_posts_say_what_x_said() -> None:
    body = b'{"errors":[{"title":"Not Found Error","detail":"Could not find it.","type":"about:blank"}]}'
    with pytest.raises(XUnreadable, match=r"with no search page \(Not Found Error: Could not find it.\); .* run again"):
        read_head(body)


# Heads of pages.
POSTS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(1, 10**18).map(str)},
        optional={"text": st.text(), "x": st.none()},
    ),
    max_size=5,
)


@given(POSTS, POSTS, st.lists(st.just({"id": "1"}), max_size=3), st.none() | st.text(min_size=1))
def test_a_head_is_that_of_the_page(
    data: list[dict[str, object]], sent_along: list[dict[str, object]], users: list[dict[str, str]], token: str | None
) -> None:
    meta = {"result_count": len(data)} | ({} if token is None else {"next_token": token})
    for name in ("tweets", "posts"):
        body = {"data": data, "includes": {name: sent_along, "users": users}, "meta": meta}
        head = read_head(json.dumps(body).encode())
        assert (head.posts, head.users, head.found) == (len(data) + len(sent_along), len(users), len(data))
        assert head.oldest_id == min((int(str(p["id"])) for p in data), default=None)
        assert head.next_token == token


def test_a_page_without_posts_says_so() -> None:
    head = read_head(b'{"meta":{"result_count":0}}')
    assert (head.posts, head.oldest_id, head.next_token, head.found) == (0, None, None, 0)


@given(st.binary() | st.sampled_from([b"[" * 50_000, b'{"data":[{"id":"\xff"}]}', b'{"meta":{"next_token":"\xff"}}']))
def test_whatever_comes_is_a_page_or_is_told_to_be_none(body: bytes) -> None:
    """Bytes that are not UTF-8, and nesting without end, ended the run with the reservation open."""
    with suppress(XUnreadable):
        assert read_head(body).found >= 0


def test_the_bound_of_a_page_is_one() -> None:
    """A reply that quotes refers to two posts, each with an author of its own: 300 posts and 300 users a page."""
    posts = [{"id": str(n)} for n in range(1, 101)]
    along = {"tweets": [{"id": str(n)} for n in range(200)], "users": [{"id": str(n)} for n in range(300)]}
    head = read_head(json.dumps({"data": posts, "includes": along, "meta": {"result_count": 100}}).encode())
    assert PAID.of(head.posts, head.users) <= page_usd(PAID)
