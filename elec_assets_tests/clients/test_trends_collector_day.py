"""A whole Monday of the default plan against the sandbox, at the pace that Google gets: every table full, on time."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from elec_assets.clients.google_trends import GoogleTrends
from elec_assets.clients.rate_governor import RateGovernor, lock_path
from elec_assets.clients.store import Store
from elec_assets.clients.trends_collected import CollectedPartition
from elec_assets.clients.trends_collector import TrendsCollector, until_block_ends
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_session import TrendsSession
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.trends import Cadence, TrendsTable
from elec_assets.domain.trends_plan import requests_a_day
from elec_assets.domain.windows import DAY, HOUR, Grain, Window, split
from elec_assets.sandbox.serve import start_trends
from elec_assets.sandbox.trends_http import TrendsServer
from elec_assets.sandbox.trends_world import Subject, TrendsScene
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends_days import MONDAY, TODAY, WEEK, collector, election, questions

LATE = timedelta(minutes=10)
LISTS = (TrendsTable.RELATED_TOPICS, TrendsTable.RELATED_QUERIES)
SUNDAY = Window(MONDAY - DAY, MONDAY)
Job = tuple[str, Cadence, Window]


@dataclass
class Monday:
    """One machine over the day: what is due, most urgent first; what came of it; how late it was."""

    collector: TrendsCollector
    clock: Clock
    areas: tuple[str, ...]
    count: int
    blocks: int
    found: dict[Job, CollectedPartition] = field(default_factory=dict)
    done_at: dict[Job, datetime] = field(default_factory=dict)
    runs: int = 0

    @property
    def jobs(self) -> int:
        """How many partitions there are to collect."""
        return len(self.areas) * (4 * self.blocks + 2)

    def due(self) -> list[Job]:
        """Hours first, by block, then the day, then the week."""
        hours = split(TODAY, Grain.HOUR)[: 4 * self.blocks]
        jobs = [(area, Cadence.HOURLY, hour) for hour in hours for area in self.areas]
        jobs += [(area, Cadence.DAILY, SUNDAY) for area in self.areas]
        jobs += [(area, Cadence.WEEKLY, WEEK) for area in self.areas]
        return [job for job in jobs if job not in self.done_at and _over(job) + LATE <= self.clock.now]

    def run(self) -> None:
        """Until all of it is collected."""
        while self.clock.now < MONDAY + 2 * DAY and len(self.done_at) < self.jobs:
            jobs = self.due()
            if not jobs:
                self.clock.now += LATE
                continue
            self._collect(jobs[0])

    def _collect(self, job: Job) -> None:
        area, cadence, window = job
        self.runs += 1
        gives_way = (lambda: False) if cadence is Cadence.HOURLY else until_block_ends(self.clock)
        tables = election(self.count).trends.tables(cadence)
        self.found[job] = made = self.collector.collect(area, cadence, window, tables, should_yield=gives_way)
        if made.complete:
            self.done_at[job] = self.clock.now
        elif made.resume_at is not None:
            self.clock.now = max(self.clock.now, made.resume_at)


def _over(job: Job) -> datetime:
    _, cadence, window = job
    return window.end if cadence is not Cadence.HOURLY else window.end + (-window.end.hour % 4) * HOUR


@pytest.fixture
def monday(on_disk: Store) -> Iterator[Callable[[int, int], tuple[Monday, TrendsServer]]]:
    """The day, for so many candidates, and what is asked."""
    with ExitStack() as stack:

        def start(count: int, blocks: int) -> tuple[Monday, TrendsServer]:
            subjects = tuple(Subject(f"Nom{i}", mid=f"/m/0nom{i}") for i in range(count))
            clock = Clock(datetime(2027, 2, 1, 0, 10, tzinfo=UTC), timedelta(milliseconds=1))
            server = stack.enter_context(start_trends(world=TrendsScene(seed=3, subjects=subjects), clock=clock))
            session = TrendsSession(server.url, on_disk, 10.0, clock)
            stack.callback(session.close)
            uniform = random.Random(1).uniform  # noqa: S311 - jitter
            governor = RateGovernor(
                store=on_disk,
                limits=TrendsLimits(),
                lock=lock_path(on_disk.url),
                clock=clock,
                sleep=clock.sleep,
                uniform=uniform,
                longest_wait=timedelta(minutes=5),
            )
            backend = GoogleTrends(session=session, governor=governor, clock=clock, sleep=clock.sleep, uniform=uniform)
            chosen = election(count)
            return Monday(collector(on_disk, clock, backend, chosen), clock, tuple(chosen.areas), count, blocks), server

        yield start


@pytest.mark.parametrize(("count", "blocks"), [(6, 1), pytest.param(40, 6, marks=pytest.mark.prove)])
def test_a_monday_of_the_default_plan_is_collected_in_time_and_within_the_plan(
    monday: Callable[[int, int], tuple[Monday, TrendsServer]], count: int, blocks: int
) -> None:
    day, server = monday(count, blocks)
    day.run()
    assert len(day.done_at) == day.jobs
    for (area, cadence, _), made in day.found.items():
        assert made.complete, made.summary
        assert made.row.outcome is Outcome.OK
        for table in made.tables.values():
            assert table.frame is not None
            # Nothing is searched for together with some: Google says so, with lists that are empty.
            empty = {u.candidate for u in made.row.units if u.table is table.table and not u.rows}
            assert table.frame["candidate_id"].n_unique() == count - len(empty), (area, cadence, table.table)
            assert len(empty) <= (count // 8 if table.table in LISTS else 0)
            assert not table.missing

    costs = requests_a_day(election(count).trends, count, 2)
    most = sum(
        (cost.mean + cost.repairs) * {Cadence.WEEKLY: 7, Cadence.HOURLY: blocks / 6}.get(cost.cadence, 1)
        for cost in costs.tables
        if cost.sample_no == 1
    )
    asked = [request for request in server.requests if request.asked.endpoint != "cookie"]
    assert len(asked) <= min(most, 1200)
    assert max(questions(server).values()) == 1
    alone = Counter(k for q in questions(server).elements() if q.widget != "TIMESERIES" for k in q.keywords)
    assert len(alone) == count
    assert set(alone.values()) == {3 * 2 * 2}  # tables, areas, cadences

    late = {job: at - _over(job) for job, at in day.done_at.items()}
    assert max(span for (_, cadence, _), span in late.items() if cadence is Cadence.HOURLY) < timedelta(hours=5)
    assert max(span for (_, cadence, _), span in late.items() if cadence is Cadence.DAILY) < timedelta(hours=30)
    told = f"{count} candidates: {len(asked)} requests of at most {most:.0f}, {day.runs} runs"
    slowest = {str(c): str(max(s for (_, k, _), s in late.items() if k is c)) for c in Cadence}
    print(told, slowest)  # noqa: T201 - shown with -s
