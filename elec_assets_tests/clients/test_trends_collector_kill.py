"""Runs over Google Trends that are cut off anywhere: nothing stored is asked again, nobody gets a neighbour's data."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import pytest

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import open_store
from elec_assets.clients.trends_collected import CollectedPartition
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Cadence
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets_tests.clients import trends_runner
from elec_assets_tests.clients.fragile import Crash, Fragile
from elec_assets_tests.clients.trends import WIDGETS, Google
from elec_assets_tests.clients.trends_days import (
    ALL,
    TODAY,
    Question,
    collector,
    election,
    question_of,
    questions,
    said,
    stored_documents,
)

StartGoogle = Callable[..., Google]
DAILY = Cadence.DAILY
REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(("writes", "after"), [(1, True), (2, False)])
def test_a_crash_at_any_write_is_mended_by_the_next_run(
    google: StartGoogle, tmp_path: Path, writes: int, after: bool
) -> None:
    world, chosen = google(), election(2)
    crashes = 0
    for _ in range(99):
        with suppress(Crash):
            fragile = Fragile(world.store, writes, after=after)
            backend = Google(world.server, fragile, world.clock, world.opened).backend()
            found = collector(fragile, world.clock, backend, chosen).collect("fr", DAILY, TODAY, ALL)
            break
        crashes += 1
    assert crashes > 12
    assert (found.complete, found.row.outcome) == (True, Outcome.OK)
    # Killed before a write, the answer was not stored: it is asked once more.
    assert max(questions(world.server).values()) == (1 if after else 2)
    calm = google()
    store = open_store((tmp_path / "calm").as_uri())
    backend = Google(calm.server, store, calm.clock, calm.opened).backend()
    other = collector(store, calm.clock, backend, chosen).collect("fr", DAILY, TODAY, ALL)
    assert list(stored_documents(store)) == list(stored_documents(world.store))
    for table, frame in said(other).items():
        assert frame.equals(said(found)[table])


# Real processes

# Requests from the start of a run to its end by a kill.
_MOST = 4


@dataclass
class Runner:
    """What starts runs that can be killed."""

    process: subprocess.Popen[str]
    told: IO[str]
    asked: IO[str]
    url: str

    def start(self) -> int:
        print(self.url, file=self.asked, flush=True)
        return int(self.told.readline())

    def status(self) -> int:
        return int(self.told.readline())


@contextmanager
def runner(store: str, url: str, days: int, count: int) -> Iterator[Runner]:
    command = [sys.executable, "-m", "elec_assets_tests.clients.trends_runner", store, str(days), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Runner(process, process.stdout, process.stdin, url)
        process.stdin.close()


def kill_somewhere(process: Runner, server: TrendsServer, chance: random.Random) -> bool:
    """Start a run and kill it some requests later; false if it was done by then."""
    target = len(server.requests) + chance.randint(1, _MOST)
    pid = process.start()
    until = time.monotonic() + 60
    while len(server.requests) < target and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(chance.random() * 0.02)
    os.kill(pid, signal.SIGKILL)
    return process.status() == signal.SIGKILL


def killed_runs(server: TrendsServer, folder: Path, kills: int, days: int, count: int) -> None:
    store = open_store(folder.as_uri())
    known: set[str] = set()
    stored: set[Question] = set()
    repeated: list[Question] = []
    chance = random.Random(kills)  # noqa: S311 - when to kill
    with runner(store.url, server.url, days, count) as process:
        for number in range(kills + 1):
            start = len(server.requests)
            if number < kills:
                assert kill_somewhere(process, server, chance), "all was collected before the last kill"
            else:
                process.start()
                assert process.status() == 0
            repeated += [question for question in questions(server, start) if question in stored]
            new = stored_documents(store, known)
            known |= new.keys()
            stored |= {question_of(document) for document in new.values()}
    assert not repeated
    assert stored == set(questions(server))


def same_as_undisturbed(server: TrendsServer, folder: Path, days: int, count: int) -> None:
    """Every table says what one quiet run makes of the same answers, and every document is of its own candidates."""
    store, calm = open_store(folder.as_uri()), open_store(f"{folder.as_uri()}-calm")
    trends_runner.collect(calm.url, server.url, days, count)
    assert list(stored_documents(store)) == list(stored_documents(calm))
    for area, day in trends_runner.plan(days):
        found, other = (
            collector(each, trends_runner.clock, None, election(count)).collect(area, DAILY, day, ALL)
            for each in (store, calm)
        )
        assert found.row == other.row
        assert found.row.outcome is Outcome.OK
        for table, frame in said(other).items():
            assert frame.equals(said(found)[table])


@pytest.mark.parametrize(("kills", "days", "count"), [(5, 1, 4), pytest.param(100, 2, 20, marks=pytest.mark.prove)])
def test_killed_processes_never_repeat_what_is_stored_and_never_mix_candidates(
    google: StartGoogle, tmp_path: Path, kills: int, days: int, count: int
) -> None:
    server = google().server
    killed_runs(server, tmp_path / "killed", kills, days, count)
    same_as_undisturbed(server, tmp_path / "killed", days, count)


# Refusals


def patient(world: Google, limits: TrendsLimits) -> GoogleTrends:
    """One process that waits 5 minutes for its turn, which at the slowest pace comes every 3 to 4."""
    uniform = random.Random(1).uniform  # noqa: S311 - jitter
    governor = RateGovernor(
        store=world.store,
        limits=limits,
        lock=lock_path(world.store.url),
        clock=world.clock,
        sleep=world.clock.sleep,
        uniform=uniform,
        longest_wait=timedelta(minutes=5),
    )
    return GoogleTrends(
        session=world.session(), governor=governor, clock=world.clock, sleep=world.clock.sleep, uniform=uniform
    )


@pytest.mark.parametrize(
    ("count", "quota", "limits"),
    [
        (6, 15, TrendsLimits(pace_per_h=90, burst=5, floor_per_h=20, ceiling_per_h=50, daily_cap=60)),
        pytest.param(20, 30, TrendsLimits(), marks=pytest.mark.prove),
    ],
)
def test_a_storm_of_refusals_is_sat_out_within_the_limits_and_leaves_no_gap(
    google: StartGoogle, count: int, quota: int, limits: TrendsLimits
) -> None:
    storm = TrendsFault(preset="too_many_requests", path=WIDGETS, skip=7, times=4)
    world = google(half_hour_quota=quota, faults=[storm])
    chosen = election(count)
    runs: list[CollectedPartition] = []
    while not runs or not runs[-1].complete:
        assert len(runs) < 60
        backend = patient(world, limits)
        runs.append(collector(world.store, world.clock, backend, chosen).collect("fr", DAILY, TODAY, ALL))
        if runs[-1].resume_at is not None:
            for unit in runs[-1].row.units:
                assert unit.outcome.settled or unit.reason
            assert runs[-1].row.outcome in (Outcome.REFUSED, Outcome.THROTTLED, Outcome.OVER_BUDGET)
            world.clock.now = max(world.clock.now, runs[-1].resume_at)
    assert len(runs) > 4
    assert runs[-1].row.outcome is Outcome.OK
    assert max(questions(world.server).values()) == 1
    times = [request.at for request in world.server.requests]
    an_hour, a_day = (
        max(sum(t - span < other <= t for other in times) for t in times)
        for span in (timedelta(hours=1), timedelta(days=1))
    )
    refused = sum(request.status == 429 for request in world.server.requests)
    assert an_hour <= limits.ceiling_per_h
    assert a_day <= (limits.daily_cap or 0)
    assert refused < 30
    told = f"{count} candidates: {len(times)} requests, {refused} refused, {len(runs)} runs, {times[-1] - times[0]};"
    print(told, f"at most {an_hour} an hour, {a_day} a day")  # noqa: T201 - shown with -s
