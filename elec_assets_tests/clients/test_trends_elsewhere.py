"""Partitions asked by a Lambda: the same bytes as in the run's own process, and nothing lost wherever it stops."""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from _pytest.mark import ParameterSet

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.clients.trends_archive import ArchiveDamaged
from elec_assets.clients.trends_collected import CollectedPartition
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.clients.trends_errors import TrendsCoolingDown
from elec_assets.clients.trends_function import FunctionFailed
from elec_assets.clients.trends_loan import LONGEST, Loans
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_task import TrendsTask
from elec_assets.domain import layout_trends
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.windows import Window
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets_tests.clients.elsewhere import STATE, Far
from elec_assets_tests.clients.fragile import Crash, Fragile
from elec_assets_tests.clients.trends import EXPLORE, WIDGETS, Google, governor
from elec_assets_tests.clients.trends_days import ALL, HOURS, LINES, TODAY, election, questions

StartGoogle = Callable[..., Google]
DAILY, HOURLY = Cadence.DAILY, Cadence.HOURLY
LENT = "state/google_trends/lent/"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of the Lambda, and of its run."""
    made = open_store((tmp_path / "far").as_uri())
    monkeypatch.setenv("ELEC_STORE", made.url)
    return made


@pytest.fixture
def same_tokens(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have Google give the same tokens and cookies once more from the start: they are in what is stored."""
    chance, true = random.Random(), secrets.token_bytes  # noqa: S311 - what tokens look like
    # Of the lengths that Google's have: temporary files of the store are named by shorter ones.
    monkeypatch.setattr(secrets, "token_bytes", lambda n=32: chance.randbytes(n) if n in (20, 24) else true(n))

    def again() -> None:
        chance.seed(1)
        random.seed(1)  # how long both ways wait before they ask once more

    return again


def objects(store: Store) -> dict[str, bytes]:
    """Everything in a store but the registry, which only a Lambda reads there."""
    folders = ("xx_2027/", "state/google_trends/")
    return {info.key: store.get(info.key) for folder in folders for info in store.list(folder)}


FAULTS: dict[str, list[TrendsFault]] = {
    "nothing goes wrong": [],
    "a question is not taken": [TrendsFault(status=400, path=EXPLORE, skip=2, times=1)],
    "questions have no answer": [TrendsFault(preset="server_error", path=WIDGETS, skip=3, times=4)],
    "Google falls silent": [TrendsFault(preset="server_error", path=EXPLORE, skip=2)],
    "Google refuses": [TrendsFault(preset="too_many_requests", path=WIDGETS, skip=5)],
    "a widget is missing": [TrendsFault(drop_widget="RELATED_*", path=EXPLORE, skip=2)],
}


def cases() -> Iterator[ParameterSet]:
    """The quick ones are those that need most of the resume point."""
    for fault in FAULTS:
        for stop_after_s in (0.0, 720.0):
            quick = not stop_after_s and fault in ("a question is not taken", "Google falls silent")
            yield pytest.param(fault, stop_after_s, marks=() if quick else pytest.mark.prove)


@pytest.mark.parametrize(("fault", "stop_after_s"), [*cases()])
def test_both_ways_leave_the_same_bytes(
    google: StartGoogle, store: Store, same_tokens: Callable[[], None], fault: str, stop_after_s: float
) -> None:
    """Raw documents, tables, coverage rows, the ladder, the governor's state and the cookie."""
    chosen = election(3)
    world, other = google(faults=FAULTS[fault]), google(faults=FAULTS[fault])
    world.clock.step = timedelta(0)
    begun = world.clock.now
    far = Far(other, store, chosen, stop_after_s)
    places: list[tuple[Cadence, Window, tuple[TrendsTable, ...]]] = [
        (DAILY, TODAY, ALL),
        (HOURLY, HOURS[5], LINES),
        (HOURLY, HOURS[6], LINES),
    ]
    found: list[list[CollectedPartition]] = []
    for made in (near(replace(far, world=world, store=world.store)), far.collector()):
        same_tokens()
        world.clock.now = begun
        found.append([made.collect("fr", cadence, window, tables) for cadence, window, tables in places])
    assert [vars_of(one) for one in found[0]] == [vars_of(one) for one in found[1]]
    # The cookie is kept with the address that gave it.
    ours, theirs = (urlsplit(one.server.url).netloc.encode() for one in (world, other))
    assert {key: data.replace(theirs, ours) for key, data in objects(store).items()} == objects(world.store)
    assert other.endpoints == world.endpoints
    assert far.left_alone
    partial = [answer for answer in far.answers if answer.outcome == "partial"]
    assert len(partial) > 1 if stop_after_s == 0 and fault != "Google falls silent" else True
    assert not partial if stop_after_s else True


def vars_of(found: CollectedPartition) -> dict[str, object]:
    """All but the frames, which cannot be compared that way; their bytes are."""
    kept = ("place", "partition", "row", "requests", "resume_at", "yielded", "complete", "stopped_by", "pending")
    return {name: getattr(found, name) for name in kept}


def test_invocations_end_in_between_and_the_next_goes_on_from_the_resume_point(
    google: StartGoogle, store: Store
) -> None:
    far = Far(google(), store, election(3))
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (found.complete, found.stopped_by) == (True, None)
    # The comparison, then each candidate alone.
    assert [answer.outcome for answer in far.answers] == ["partial"] * 3 + ["done"]
    assert [answer.requests for answer in far.answers] == [2, 6, 10, 14]
    assert [answer.resume for answer in far.answers[:2]] == [f"{LENT}far-{n}/asked.json" for n in (0, 1)]
    assert far.said[1] == "invocation 2 of far: partial, 6 requests so far"
    assert max(questions(far.world.server).values()) == 1
    assert not [key for key in objects(store) if key.startswith(LENT) or key == layout_trends.loan()]


def test_what_is_stored_needs_no_invocation(google: StartGoogle, store: Store) -> None:
    far = Far(google(), store, election(3), 720.0)
    far.collector().collect("fr", HOURLY, HOURS[4], LINES)
    before = len(far.answers)
    for hour in HOURS[4:8]:
        assert far.collector().collect("fr", HOURLY, hour, LINES).complete
    assert (before, len(far.answers)) == (1, 1)


def test_a_request_whose_turn_comes_after_the_end_is_neither_counted_nor_sent(
    google: StartGoogle, store: Store
) -> None:
    """At the slowest pace a question lasts longer than an invocation: each comes some documents further."""
    limits = TrendsLimits(pace_per_h=20, burst=1, floor_per_h=20, daily_cap=500)
    far = Far(google(), store, election(2), 720.0, limits)
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert found.complete
    assert len(far.answers) > 2
    assert {answer.outcome for answer in far.answers[:-1]} == {"partial"}
    assert max(questions(far.world.server).values()) == 1
    counted = governor(store, far.clock, limits).look().sent_ms
    assert len(counted) == len(far.world.server.requests) == found.requests + 1


def test_a_long_run_makes_way_as_one_in_its_own_process_does(google: StartGoogle, store: Store) -> None:
    world = google()
    far = Far(world, store, election(3), yield_at=world.clock.now)
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (found.yielded, found.row.outcome) == (True, Outcome.PARTIAL)
    assert [(answer.outcome, answer.requests) for answer in far.answers] == [("done", 2)]


def test_a_refusal_seen_by_an_invocation_holds_for_whoever_comes_next(google: StartGoogle, store: Store) -> None:
    far = Far(google(faults=[TrendsFault(preset="too_many_requests", path=WIDGETS, skip=3)]), store, election(3))
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (found.row.outcome, found.resume_at is not None) == (Outcome.REFUSED, True)
    asked = len(far.world.server.requests)
    cooling = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert len(far.world.server.requests) == asked
    assert (cooling.row.outcome, cooling.resume_at) == (Outcome.REFUSED, found.resume_at)


def test_a_lost_connection_leaves_the_loan_and_nobody_asks_until_the_invocation_must_have_ended(
    google: StartGoogle, store: Store
) -> None:
    def lost(number: int) -> None:
        if number == 2:
            # It is at work still: its account is not final.
            store.delete(f"{LENT}far-1/asked.json")
            raise FunctionFailed("the connection was lost", ended=False)

    far = Far(google(), store, election(3), fail=lost)
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (found.stopped_by, found.complete) == ("the connection was lost", False)
    assert found.resume_at is not None
    asked = len(far.world.server.requests)
    beside = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert "may still ask; run again then" in str(beside.stopped_by)
    assert (len(far.world.server.requests), len(far.answers)) == (asked, 2)
    until = found.resume_at
    assert beside.resume_at == until
    assert timedelta(minutes=15) < until - far.clock.now < LONGEST
    assert "may still ask" in str(near(far).collect("fr", DAILY, TODAY, ALL).stopped_by)
    assert len(far.world.server.requests) == asked
    far.clock.now = until
    # Also what the forgotten invocation stored is not asked again.
    assert far.collector().collect("fr", DAILY, TODAY, ALL).complete
    assert max(questions(far.world.server).values()) == 1
    assert not [key for key in objects(store) if key.startswith(LENT) or key == layout_trends.loan()]


def near(far: Far) -> TrendsCollector:
    """A run on the same store that asks in its own process, as `TrendsResource` has it do."""
    own = RateGovernor(
        store=far.store,
        limits=far.limits,
        lock=lock_path(far.store.url),
        clock=far.clock,
        sleep=far.clock.sleep,
        uniform=random.uniform,
        loans=Loans(far.store, far.clock),
    )
    backend = GoogleTrends(
        session=far.world.session(), governor=own, clock=far.clock, sleep=far.clock.sleep, uniform=random.uniform
    )
    return TrendsCollector(
        election=far.chosen,
        registry_version=far.version,
        store=far.store,
        backend=backend,
        clock=far.clock,
    )


def test_a_killed_run_blocks_nobody_once_its_invocation_has_ended(google: StartGoogle, store: Store) -> None:
    """The account that an invocation leaves at its end says that it asks no more: no need to wait 16 minutes."""

    def killed(_number: int) -> None:
        raise Crash

    far = Far(google(), store, election(3), fail=killed)
    with pytest.raises(Crash):
        far.collector().collect("fr", DAILY, TODAY, ALL)
    assert store.find(layout_trends.loan()) is not None
    cookie = store.find(f"{LENT}far-0/cookies.json")
    assert cookie is not None
    assert near(far).collect("fr", DAILY, TODAY, ALL).complete
    assert store.get(layout_trends.cookies()) == cookie
    assert max(questions(far.world.server).values()) == 1


@pytest.mark.parametrize("after", [False, pytest.param(True, marks=pytest.mark.prove)])
def test_a_run_killed_at_any_write_loses_no_count_and_no_answer(google: StartGoogle, store: Store, after: bool) -> None:
    world = google()
    for writes in range(1, 40):
        far = Far(world, Fragile(store, writes, after=after), election(2), limits=TrendsLimits(burst=100))
        far.name = f"{writes:04d}"
        try:
            found = far.collector().collect("fr", DAILY, TODAY, ALL)
        except Crash:
            far.clock.now += LONGEST
            continue
        if found.complete:
            break
    assert found.complete
    assert writes > 3
    assert max(questions(world.server).values()) == 1
    near(replace(far, store=store)).collect("fr", DAILY, TODAY, ALL)  # takes over what is left, if any is
    counted = governor(store, far.clock, TrendsLimits(burst=100)).look().sent_ms
    assert len(counted) == len(world.server.requests)


def failing(error: Exception) -> Callable[[int], None]:
    def fail(number: int) -> None:
        if number == 2:
            raise error

    return fail


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (FunctionFailed("it ended with an error"), Outcome.ERROR),
        (FunctionFailed("too many at once", outcome=Outcome.THROTTLED), Outcome.THROTTLED),
    ],
)
def test_an_invocation_that_fails_leaves_what_it_stored_and_the_next_run_goes_on(
    google: StartGoogle, store: Store, error: FunctionFailed, outcome: Outcome
) -> None:
    far = Far(google(), store, election(3), fail=failing(error))
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (found.row.outcome, found.stopped_by, found.requests) == (outcome, str(error), 6)
    assert {unit.reason for unit in found.row.units if not unit.outcome.settled} == {str(error)}
    assert any(table.stored for table in found.tables.values())
    whole = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert (whole.complete, whole.row.outcome) == (True, Outcome.OK)
    assert max(questions(far.world.server).values()) == 1


@pytest.mark.parametrize(
    ("lasts", "pace_per_h", "asked"),
    [
        # No time for any request; for one only at a pace that leaves minutes between two: explore, without its answer.
        (timedelta(seconds=1), 90, 0),
        (timedelta(minutes=15), 20, 2),
    ],
)
def test_an_invocation_that_comes_to_no_answer_does_not_follow_itself_for_ever(
    google: StartGoogle, store: Store, lasts: timedelta, pace_per_h: float, asked: int
) -> None:
    limits = TrendsLimits(pace_per_h=pace_per_h, burst=2, floor_per_h=20)
    far = Far(google(), store, election(3), limits=limits, lasts=lasts)
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert len(far.answers) == 1
    assert len(far.world.server.requests) == asked
    assert found.stopped_by == (
        "the Lambda far came to no answer in a whole invocation at this pace; raise ELEC_TRENDS_LAMBDA_STOP_S"
    )
    assert len(found.row.failures) == max(0, asked - 1)  # the cookie's is none


def test_another_store_or_registry_is_refused_by_name(
    google: StartGoogle, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Far(google(), store, election(3))
    monkeypatch.setenv("ELEC_STORE", "s3://other/place")
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert found.stopped_by == (
        f"the Lambda far: ELEC_STORE is {store.url} for the run and s3://other/place for this Lambda: set both alike"
    )
    monkeypatch.setenv("ELEC_STORE", store.url)
    far.registry = "0123456789ab"
    found = far.collector().collect("fr", DAILY, TODAY, ALL)
    assert "0123456789ab.json does not hold xx_2027" in str(found.stopped_by)
    assert not far.world.server.requests


def test_a_damaged_object_and_a_refusing_store_end_the_run_as_in_its_own_process(
    google: StartGoogle, store: Store, tmp_path: Path
) -> None:
    far = Far(google(), store, election(3), 720.0)
    assert far.collector().collect("fr", DAILY, TODAY, LINES).complete

    def spoil(task: TrendsTask) -> None:
        document = next(info.key for info in store.list(task.place.documents) if info.key.endswith(".gz"))
        store.put(document, b"not gzip")

    far.before = spoil
    with pytest.raises(ArchiveDamaged, match=r"the Lambda far: .*no whole gzip file"):
        far.collector().collect("fr", DAILY, TODAY, ALL)

    def block(task: TrendsTask) -> None:
        folder = tmp_path / "far" / task.place.documents
        folder.rename(folder.with_name("moved"))
        folder.write_text("a file where a folder should be")

    far.before = block
    with pytest.raises(StoreError, match="the Lambda far: cannot read"):
        far.collector().collect("world", HOURLY, HOURS[0], LINES)


def test_a_loan_that_cannot_be_read_stops_asking_and_is_named(google: StartGoogle, store: Store) -> None:
    far = Far(google(), store, election(3))
    for data in (b"{", b"\xff", b'{"invocation": "x", "function": "f", "until": "2027-02-01T00:00:00"}'):
        store.put(layout_trends.loan(), data)
        found = far.collector().collect("fr", DAILY, TODAY, ALL)
        assert "state/google_trends/loan.json: not a loan" in str(found.stopped_by)
    assert not far.world.server.requests


def test_only_one_run_lends(store: Store, google: StartGoogle) -> None:
    clock = google().clock
    first = Loans(store, clock).lend("a", "f")
    with pytest.raises(TrendsCoolingDown) as refused:
        Loans(store, clock).lend("b", "f")
    assert refused.value.resume_at == first.until
    Loans(store, clock).settle(first)
    assert Loans(store, clock).lend("c", "f").invocation == "c"
    assert STATE[0] not in objects(store)
