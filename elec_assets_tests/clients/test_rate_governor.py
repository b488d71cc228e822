"""The governor on a clock of its own: never more than its limits, whatever is answered and whoever is killed."""

import json
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import filelock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from elec_assets.clients import rate_governor
from elec_assets.clients.rate_governor import LONGEST_WAIT, RateGovernor, lock_path
from elec_assets.clients.store import Store, open_store
from elec_assets.clients.trends_errors import GovernorUnreadable, TrendsCoolingDown
from elec_assets.clients.trends_pace import COOL_DOWNS, TrendsLimits
from elec_assets.domain.outcomes import Outcome
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends import governor
from elec_assets_tests.deployment import REPOSITORY, environment
from elec_assets_tests.examples import examples

NOON = datetime(2027, 2, 10, 12, tzinfo=UTC)
KEY = "state/google_trends/governor.json"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Killed(BaseException):
    """The process ends here."""


class Memory(Store):
    """A store in memory that can end its process at a write, before or after it is made."""

    def __init__(self) -> None:
        self.url = "memory"
        self.objects: dict[str, bytes] = {}
        self.killed: str | None = None

    def find(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, data: bytes) -> None:
        when, self.killed = self.killed, None
        if when == "before":
            raise Killed
        self.objects[key] = data
        if when == "after":
            raise Killed


def in_any(span: timedelta, sent: list[datetime]) -> int:
    """The most requests that lie in any span of this length."""
    ordered = sorted(sent)
    return max((bisect_left(ordered, moment + span) - first for first, moment in enumerate(ordered)), default=0)


def asked_on(
    governed: RateGovernor, clock: Clock, until: datetime, answer: Callable[[datetime], bool]
) -> list[datetime]:
    """Ask as often as allowed until a time; `answer` says whether Google takes a request. What was sent."""
    sent: list[datetime] = []
    while clock.now < until:
        try:
            admitted = governed.admit()
        except TrendsCoolingDown as cooling:
            clock.now = max(cooling.resume_at, clock.now + timedelta(milliseconds=1))
            continue
        sent.append(clock.now)
        if answer(clock.now):
            governed.answered()
        else:
            governed.refused(admitted, None)
    return sent


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "lock"


# One after the other


def test_a_burst_and_then_the_pace_with_jitter(lock: Path) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(), lock=lock)
    times = [governed.admit() for _ in range(60)]
    assert times == sorted(times)
    assert times[:5] == [NOON] * 5
    gaps = [(b - a).total_seconds() for a, b in pairwise(times[5:])]
    assert all(40 * 0.7 <= gap <= 40 * 1.3 for gap in gaps)
    assert len(set(gaps)) > 50
    assert 38 < sum(gaps) / len(gaps) < 42
    assert clock.now == times[-1]


def test_a_request_is_counted_before_it_is_sent_and_for_all_processes(local: Store, clock: Clock) -> None:
    limits = TrendsLimits(daily_cap=3)
    for process in range(3):
        governor(local, clock, limits, seed=process).admit()
        assert len(json.loads(local.get(KEY))["sent_ms"]) == process + 1
    with pytest.raises(TrendsCoolingDown, match=r"before .*Z: the limit of 3 requests in 24 hours is reached") as told:
        governor(local, clock, limits).admit()
    assert told.value.outcome is Outcome.OVER_BUDGET
    assert timedelta(hours=23.9) < told.value.resume_at - clock.now <= DAY


def test_a_run_never_sleeps_long(lock: Path) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(pace_per_h=5, floor_per_h=5, burst=1), lock=lock)
    governed.admit()
    with pytest.raises(TrendsCoolingDown, match="the pace of 5 an hour") as told:
        governed.admit()
    assert (told.value.outcome, clock.slept) == (Outcome.THROTTLED, [])
    clock.now = told.value.resume_at - LONGEST_WAIT
    governed.admit()
    assert clock.slept == [LONGEST_WAIT.total_seconds()]


def test_many_good_answers_make_it_faster_up_to_the_ceiling(lock: Path) -> None:
    clock = Clock(NOON)
    limits = TrendsLimits(ceiling_per_h=100, daily_cap=None)
    governed = governor(Memory(), clock, limits, lock=lock)
    for number in range(1, 201):
        governed.answered()
        expected = min(90 * 1.05 ** (number // 50), 100)
        assert governed.look().rate_per_h == pytest.approx(expected)


def test_each_refusal_halves_the_pace_and_climbs_the_ladder(lock: Path) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(), lock=lock)
    waits, rates = [], []
    for _ in range(7):
        admitted = governed.admit()
        clock.now += timedelta(seconds=1)
        resume = governed.refused(admitted, None)
        waits.append(resume - clock.now)
        rates.append(governed.look().rate_per_h)
        with pytest.raises(TrendsCoolingDown, match="refused") as told:
            governed.admit()
        assert (told.value.resume_at, told.value.outcome) == (resume, Outcome.REFUSED)
        clock.now = resume - timedelta(milliseconds=1)
        with pytest.raises(TrendsCoolingDown):
            governed.admit()
        clock.now = resume
    assert waits == [*COOL_DOWNS, COOL_DOWNS[-1], COOL_DOWNS[-1]]
    assert rates == [45, 22.5, 20, 20, 20, 20, 20]


def test_after_a_cool_down_one_request_goes_first(lock: Path) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(), lock=lock)
    clock.now = governed.refused(governed.admit(), None)
    assert governed.admit() == clock.now
    second = governed.admit() - NOON - COOL_DOWNS[0]
    assert timedelta(seconds=80 * 0.7) <= second <= timedelta(seconds=80 * 1.3)


@pytest.mark.parametrize("said", [timedelta(0), timedelta(seconds=7), timedelta(hours=30)])
def test_what_google_says_wins_over_the_ladder(lock: Path, said: timedelta) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(), lock=lock)
    for _ in range(2):
        assert governed.refused(governed.admit(), said) == clock.now + said
        clock.now += said + timedelta(milliseconds=1)


def test_requests_under_way_together_are_refused_once(lock: Path) -> None:
    """Two processes, one block: it is one step of the ladder and not two."""
    clock = Clock(NOON)
    store = Memory()
    one, two = (governor(store, clock, TrendsLimits(), lock=lock) for _ in range(2))
    first, second = one.admit(), two.admit()
    clock.now += timedelta(seconds=2)
    resume = one.refused(first, None)
    clock.now += timedelta(seconds=1)
    assert two.refused(second, None) == resume
    assert two.look().rate_per_h == 45
    assert two.refused(second, timedelta(minutes=9)) == clock.now + timedelta(minutes=9)


def test_who_waits_for_a_turn_does_not_go_when_another_is_refused_meanwhile(lock: Path) -> None:
    clock = Clock(NOON)
    store = Memory()
    limits = TrendsLimits(burst=1)
    first = governor(store, clock, limits, lock=lock).admit()

    def refused_meanwhile(seconds: float) -> None:
        governor(store, clock, limits, lock=lock).refused(first, None)
        clock.sleep(seconds)

    waiting = RateGovernor(
        store=store, limits=limits, lock=lock, clock=clock, sleep=refused_meanwhile, uniform=lambda low, _high: low
    )
    with pytest.raises(TrendsCoolingDown, match="refused"):
        waiting.admit()


def test_good_answers_lead_down_the_ladder_again(lock: Path) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, TrendsLimits(), lock=lock)
    for _ in range(3):
        clock.now = governed.refused(governed.admit(), None)
    rungs = []
    for _ in range(45):
        governed.answered()
        rungs.append(governed.look().rung)
    assert [rungs.index(rung) + 1 for rung in (2, 1, 0)] == [10, 20, 30]


def test_on_this_machine_there_is_no_pace_but_refusals_count(local: Store, clock: Clock) -> None:
    governed = governor(local, clock, TrendsLimits.none())
    for _ in range(20):
        governed.admit()
        governed.answered()
    assert local.find(KEY) is None
    resume = governed.refused(governed.admit(), None)
    with pytest.raises(TrendsCoolingDown):
        governed.admit()
    clock.now = resume
    governed.admit()
    assert clock.slept == []


def test_a_new_pace_in_the_settings_is_taken_and_limits_hold_at_once(lock: Path) -> None:
    clock = Clock(NOON)
    store = Memory()
    for _ in range(50):
        governor(store, clock, TrendsLimits(), lock=lock).answered()
    for limits, expected in (
        (TrendsLimits(), 94.5),
        (TrendsLimits(ceiling_per_h=92), 92),
        (TrendsLimits(pace_per_h=40), 40),
        (TrendsLimits(pace_per_h=40, floor_per_h=50), 50),
    ):
        made = governor(store, clock, limits, lock=lock)
        made.admit()
        assert made.look().rate_per_h == pytest.approx(expected)


@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(hours=3), 4 * 365 * DAY])
def test_a_clock_set_back_allows_no_more_and_blocks_for_no_longer(lock: Path, back: timedelta) -> None:
    """A machine that began in 2031 for a minute would else have asked nothing until then."""
    clock = Clock(NOON)
    store = Memory()
    governed = governor(store, clock, TrendsLimits(daily_cap=3), lock=lock)
    governed.admit()
    governed.admit()
    clock.now = governed.refused(governed.admit(), None) - timedelta(seconds=20)
    clock.now -= back
    for seconds in (20, 10):
        with pytest.raises(TrendsCoolingDown) as told:
            governed.admit()
        assert told.value.resume_at - clock.now <= timedelta(seconds=60)
        clock.now += timedelta(seconds=10)
        assert seconds
    clock.now += timedelta(seconds=60)
    with pytest.raises(TrendsCoolingDown, match="24 hours"):
        governed.admit()
    clock.now += DAY
    governed.admit()


# Any order


class Governed(RuleBasedStateMachine):
    """Processes that ask, are answered, refused and killed, on a clock that only goes on.

    The limits are small, so that each of them is met: 12 an hour, 30 in 24 hours.
    """

    limits = TrendsLimits(pace_per_h=10, burst=4, floor_per_h=5, ceiling_per_h=12, daily_cap=30)

    def __init__(self) -> None:
        super().__init__()
        self.store = Memory()
        self.clock = Clock(NOON)
        self.lock = Path(_lock_of_machine)
        self.sent: list[datetime] = []
        self.closed_until = NOON
        self.named: datetime | None = None
        self.processes = [self.started(seed) for seed in range(2)]

    def started(self, seed: int) -> RateGovernor:
        return RateGovernor(
            store=self.store,
            limits=self.limits,
            lock=self.lock,
            clock=self.clock,
            sleep=self.clock.sleep,
            uniform=lambda low, high: low if seed % 2 else high,
            longest_wait=timedelta(minutes=20),
        )

    @rule(
        process=st.integers(0, 1),
        refused=st.booleans(),
        said=st.none() | st.integers(0, 9000),
        killed=st.sampled_from([None, None, None, "before", "after"]),
        at_answer=st.booleans(),
    )
    def ask(self, process: int, refused: bool, said: int | None, killed: str | None, at_answer: bool) -> None:
        governed = self.processes[process]
        try:
            self.store.killed = None if at_answer else killed
            admitted = governed.admit()
            self.store.killed = None
            assert self.clock.now >= self.closed_until
            self.sent.append(self.clock.now)
            self.store.killed = killed
            if refused:
                self.closed_until = governed.refused(admitted, None if said is None else timedelta(seconds=said))
            else:
                governed.answered()
        except TrendsCoolingDown as cooling:
            self.named = cooling.resume_at
        except Killed:
            self.processes[process] = self.started(process)
        self.store.killed = None

    @rule(minutes=st.sampled_from([0.5, 5, 40, 300]))
    def wait(self, minutes: float) -> None:
        self.clock.now += timedelta(minutes=minutes)

    @precondition(lambda self: len(self.sent) > 0)
    @rule()
    def until_allowed(self) -> None:
        """The time that an error names is the time: not later."""
        for _ in range(3):
            try:
                self.processes[0].admit()
            except TrendsCoolingDown as cooling:
                self.clock.now = cooling.resume_at
            else:
                self.sent.append(self.clock.now)
                return
        raise AssertionError("no request at the times that were named")

    @invariant()
    def the_time_that_is_named_lies_ahead(self) -> None:
        assert self.named is None or self.named > self.clock.now
        self.named = None

    @invariant()
    def the_limits_hold_in_any_hour_and_any_day(self) -> None:
        assert in_any(HOUR, self.sent) <= 12
        assert in_any(DAY, self.sent) <= 30


@pytest.fixture(scope="module", autouse=True)
def _lock_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _lock_of_machine  # noqa: PLW0603 - hypothesis makes the machines
    _lock_of_machine = str(tmp_path_factory.mktemp("governor") / "lock")


_lock_of_machine = ""
TestGoverned = Governed.TestCase
TestGoverned.settings = settings(max_examples=examples(25), stateful_step_count=40, deadline=None)


# A tenth of the default, so that days pass quickly.
TENTH = TrendsLimits(pace_per_h=9, burst=5, floor_per_h=2, ceiling_per_h=20, daily_cap=120)
AT_ITS_SIZE = pytest.param(TrendsLimits(), marks=pytest.mark.prove)


@pytest.mark.parametrize(
    "limits",
    [TENTH, TrendsLimits(pace_per_h=20, burst=15, floor_per_h=2, ceiling_per_h=20, daily_cap=100), AT_ITS_SIZE],
)
def test_asking_without_pause_for_three_days_keeps_every_limit(lock: Path, limits: TrendsLimits) -> None:
    clock = Clock(NOON)
    sent = asked_on(governor(Memory(), clock, limits, lock=lock), clock, NOON + 3 * DAY, lambda _at: True)
    assert limits.daily_cap is not None
    assert in_any(HOUR, sent) <= limits.ceiling_per_h
    assert in_any(DAY, sent) == limits.daily_cap
    for day in range(11, 14):
        assert sum(moment.day == day for moment in sent) <= limits.daily_cap
    assert len(sent) >= 2.9 * limits.daily_cap


def test_a_storm_of_refusals_is_met_with_six_requests_a_day(lock: Path) -> None:
    clock = Clock(NOON)
    sent = asked_on(governor(Memory(), clock, TrendsLimits(), lock=lock), clock, NOON + 5 * DAY, lambda _at: False)
    assert in_any(HOUR, sent) <= 4
    assert in_any(DAY, sent) <= 6
    assert len(sent) <= 10


@pytest.mark.parametrize("limits", [TENTH, AT_ITS_SIZE])
def test_after_a_storm_the_pace_recovers(lock: Path, limits: TrendsLimits) -> None:
    clock = Clock(NOON)
    governed = governor(Memory(), clock, limits, lock=lock)
    asked_on(governed, clock, NOON + timedelta(hours=2), lambda _at: False)
    assert governed.look().rate_per_h < limits.pace_per_h / 3
    sent = asked_on(governed, clock, NOON + 4 * DAY, lambda _at: True)
    assert governed.look().rate_per_h > limits.floor_per_h * 1.1
    assert (governed.look().rung, in_any(HOUR, sent) <= limits.ceiling_per_h) == (0, True)
    assert len(sent) > 1.2 * (limits.daily_cap or 0)


@pytest.mark.parametrize(
    ("limits", "quota"),
    [(replace(TENTH, burst=1), quota) for quota in (4, 2)]
    + [pytest.param(TrendsLimits(), quota, marks=pytest.mark.prove) for quota in (100, 50, 30, 12)],
)
def test_a_quota_of_half_an_hour_is_found_and_kept(lock: Path, limits: TrendsLimits, quota: int) -> None:
    """Google's, as told in 2026: so many requests in 30 minutes, then refusals. Less than half of it is left unused."""
    clock = Clock(NOON)
    taken: list[datetime] = []
    refused: list[datetime] = []

    def takes(at: datetime) -> bool:
        allowed = sum(moment > at - timedelta(minutes=30) for moment in taken[-quota:]) < quota
        (taken if allowed else refused).append(at)
        return allowed

    asked_on(governor(Memory(), clock, limits, lock=lock), clock, NOON + 4 * DAY, takes)
    # Five a day: at the slowest pace its jitter alone finds the edge of a quota of 24 an hour, 16 to 19 times in these
    # four days (2026-11).
    assert len(refused) <= 20
    assert len(taken) >= 2 * min(limits.daily_cap or 0, quota * 48)


# State and processes


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version":1}', b"\xff", b"[" * 50_000, b'{"version":1,"sent_ms":3}']
)
def test_a_damaged_state_stops_all_asking(local: Store, clock: Clock, content: bytes) -> None:
    local.put(KEY, content)
    mine = governor(local, clock, TrendsLimits())
    for ask in (mine.admit, mine.answered, mine.look, lambda: mine.refused(NOON, None)):
        with pytest.raises(GovernorUnreadable, match=f"{KEY}: not a governor's state .*; restore it or move it away"):
            ask()
    assert local.get(KEY) == content


def test_a_newer_state_is_left_alone(local: Store, clock: Clock) -> None:
    local.put(KEY, b'{"version":2,"at_ms":0,"start_per_h":90,"rate_per_h":90,"other":1}')
    with pytest.raises(GovernorUnreadable, match="version 2, this program reads up to 1; upgrade"):
        governor(local, clock, TrendsLimits()).admit()


@settings(deadline=None, max_examples=30)
@given(
    st.fixed_dictionaries(
        {"version": st.just(1), "at_ms": st.integers(), "start_per_h": st.floats(), "rate_per_h": st.floats()},
        optional={
            "clean": st.integers(),
            "rung": st.integers(),
            "empty_at_ms": st.integers(),
            "resume_at_ms": st.none() | st.integers(),
            "refused_at_ms": st.none() | st.integers(),
            "sent_ms": st.lists(st.integers(), max_size=5),
        },
    )
)
def test_whatever_stands_there_is_read_or_refused(content: dict[str, object]) -> None:
    store = Memory()
    store.put(KEY, json.dumps(content).encode())
    clock = Clock(NOON)
    governed = governor(store, clock, TrendsLimits(), lock=Path(_lock_of_machine))
    told: list[str] = []
    for ask in (governed.admit, governed.answered, lambda: governed.refused(NOON, None)):
        try:
            ask()
        except (GovernorUnreadable, TrendsCoolingDown) as error:
            told.append(str(error))
    assert all(told)


def test_two_processes_together_keep_the_cap(tmp_path: Path) -> None:
    """Without the lock both read the same state, and the later write forgets the request of the other."""
    store = open_store((tmp_path / "store").as_uri())
    code = f"""
import random, sys, time
from datetime import UTC, datetime
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import open_store
from elec_assets.clients.trends_errors import TrendsCoolingDown
from elec_assets.clients.trends_pace import TrendsLimits
store = open_store({store.url!r})
governed = RateGovernor(store=store, limits=TrendsLimits(pace_per_h=0, daily_cap=120), lock=lock_path(store.url),
                        clock=lambda: datetime.now(UTC), sleep=time.sleep, uniform=random.uniform)
print("ready", flush=True)
sys.stdin.readline()
sent = 0
try:
    while True:
        governed.admit()
        sent += 1
except TrendsCoolingDown:
    print(sent)
"""
    with ExitStack() as stack:
        two = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    cwd=REPOSITORY,
                    env=environment(tmp_path),
                    text=True,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            for _ in range(2)
        ]
        for process in two:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        sent = [int(process.communicate("go\n", timeout=60)[0]) for process in two]
    assert sum(sent) == 120
    assert len(json.loads(store.get(KEY))["sent_ms"]) == 120


def test_a_lock_that_is_never_given_back_ends_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: Path
) -> None:
    monkeypatch.setattr(rate_governor, "_LOCK_S", 0.05)
    with filelock.FileLock(lock), pytest.raises(TrendsCoolingDown, match=r"another process held .*lock for 0 s"):
        governor(open_store(tmp_path.as_uri()), Clock(NOON), TrendsLimits(), lock=lock).admit()


def test_the_lock_lies_beside_the_state_that_it_guards(on_disk: Store, directory: Path) -> None:
    assert lock_path(on_disk.url) == directory / ".google_trends.lock"
    governor(on_disk, Clock(NOON), TrendsLimits()).admit()
    assert [info.key for info in on_disk.list("state/")] == [KEY]
    one, two = lock_path("s3://bucket/one"), lock_path("s3://bucket/two")
    assert one != two
    assert one == lock_path("s3://bucket/one")
    assert one.parent.is_dir()
