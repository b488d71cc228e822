import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elec_assets.capture.connects import BACK_MS, BURST, ConnectBudget, ConnectsSpent

SPAN_MS = 15 * 60_000
WALL_MS = 1_800_000_000_000


@dataclass
class Machine:
    """True time, and two clocks that tell it: the wall's may be set, the steady one begins again with the machine."""

    true_ms: int = 0
    wall_off_ms: int = WALL_MS
    started_ms: int = -50_000

    @property
    def wall_ms(self) -> int:
        return self.true_ms + self.wall_off_ms

    @property
    def steady_ms(self) -> int:
        return self.true_ms - self.started_ms

    def budget(self, folder: Path) -> ConnectBudget:
        return ConnectBudget(folder, wall_ms=self.wall_ms, steady_ms=self.steady_ms)


def taken(budget: ConnectBudget, machine: Machine) -> bool:
    """Whether a connect was left."""
    wait_s = budget.wait_s(machine.steady_ms)
    if wait_s == 0:
        budget.take(machine.wall_ms, machine.steady_ms)
        return True
    with pytest.raises(ConnectsSpent) as spent:
        budget.take(machine.wall_ms, machine.steady_ms)
    assert spent.value.wait_s == wait_s
    return False


# What may happen between two attempts to connect.
HAPPENINGS = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 400_000)),
    st.tuples(st.just("at once"), st.integers(1, 12)),
    st.tuples(st.just("restart"), st.integers(0, 10_000)),
    st.tuples(st.just("machine restart"), st.integers(0, 100_000)),
    st.tuples(st.just("clock set"), st.integers(-10_000_000, 10_000_000)),
)


@settings(deadline=None, max_examples=15)
@given(st.lists(HAPPENINGS, max_size=15))
def test_never_more_than_40_in_any_15_minutes(happenings: list[tuple[str, int]]) -> None:
    spend(happenings)


@pytest.mark.prove
@settings(deadline=None, max_examples=500, suppress_health_check=list(HealthCheck))
@given(st.lists(HAPPENINGS, max_size=60))
def test_never_more_than_40_in_any_15_minutes_over_hundreds_of_histories(happenings: list[tuple[str, int]]) -> None:
    spend(happenings)


def spend(happenings: list[tuple[str, int]]) -> None:
    """Connect whenever it is allowed, while all that happens: never above the limit."""
    machine = Machine()
    at: list[int] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        budget = machine.budget(folder)
        for what, amount in happenings:
            if what == "clock set":
                machine.wall_off_ms += amount
            elif what == "at once":
                at += [machine.true_ms for _ in range(amount) if taken(budget, machine)]
            else:
                machine.true_ms += amount
            if what == "machine restart":
                machine.started_ms = machine.true_ms - min(amount, 5_000)
            if "restart" in what:
                budget = machine.budget(folder)
            if taken(budget, machine):
                at.append(machine.true_ms)
    assert all(sum(t <= other < t + SPAN_MS for other in at) <= 40 for t in at)


@settings(deadline=None, max_examples=8)
@given(st.lists(HAPPENINGS, max_size=15))
def test_a_connect_is_left_within_half_a_minute_whatever_happened(happenings: list[tuple[str, int]]) -> None:
    machine = Machine()
    with TemporaryDirectory() as name:
        folder = Path(name)
        budget = machine.budget(folder)
        for what, amount in happenings:
            machine.wall_off_ms += amount if what == "clock set" else 0
            while taken(budget, machine):
                pass
            budget = machine.budget(folder) if what == "restart" else budget
            wait_s = budget.wait_s(machine.steady_ms)
            assert 0 < wait_s <= BACK_MS / 1000
            machine.true_ms += round(wait_s * 1000)
            assert taken(budget, machine)


def test_ten_may_follow_each_other_and_then_one_each_half_minute(tmp_path: Path) -> None:
    machine = Machine()
    budget = machine.budget(tmp_path)
    assert [taken(budget, machine) for _ in range(BURST + 1)] == [True] * BURST + [False]
    machine.true_ms += BACK_MS - 1
    assert not taken(budget, machine)
    machine.true_ms += 1
    assert [taken(budget, machine), taken(budget, machine)] == [True, False]


def test_a_connect_that_reached_nobody_is_given_back(tmp_path: Path) -> None:
    """A night without a network must leave all of them for the moment when it is there again."""
    machine = Machine()
    budget = machine.budget(tmp_path)
    for _ in range(20):
        assert taken(budget, machine)
        budget.give_back()
    assert [taken(budget, machine) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_what_was_taken_is_on_disk_before_the_connect(tmp_path: Path) -> None:
    machine = Machine()
    assert taken(machine.budget(tmp_path), machine)
    held = json.loads((tmp_path / "connects.json").read_text(encoding="utf-8"))
    assert held["left_ms"] == (BURST - 1) * BACK_MS
    # Each start of a service that dies at once counts.
    tries = [taken(machine.budget(tmp_path), machine) for _ in range(BURST)]
    assert tries == [True] * (BURST - 1) + [False]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"left_ms": "many"}', '{"left_ms":9,"wall_ms":1,"steady_ms":1,"x":1}']
)
def test_a_damaged_file_counts_as_all_spent(tmp_path: Path, text: str) -> None:
    (tmp_path / "connects.json").write_text(text, encoding="utf-8")
    machine = Machine()
    budget = machine.budget(tmp_path)
    assert not taken(budget, machine)
    machine.true_ms += BACK_MS
    assert taken(budget, machine)


def test_a_file_of_a_later_version_counts_as_all_spent(tmp_path: Path) -> None:
    later = {"left_ms": 300_000, "wall_ms": WALL_MS, "steady_ms": 0, "version": 2}
    (tmp_path / "connects.json").write_text(json.dumps(later), encoding="utf-8")
    assert not taken(Machine().budget(tmp_path), Machine())


def test_nothing_is_taken_where_it_cannot_be_written(tmp_path: Path) -> None:
    machine = Machine()
    folder = tmp_path / "spool"
    folder.mkdir()
    budget = machine.budget(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        budget.take(machine.wall_ms, machine.steady_ms)
    folder.mkdir()
    assert [taken(budget, machine) for _ in range(BURST + 1)] == [True] * BURST + [False]


def test_the_sentence_says_how_long_to_wait() -> None:
    assert str(ConnectsSpent(12.3)) == "no connect to X is left for 12 s: at most 40 in any 15 minutes"
