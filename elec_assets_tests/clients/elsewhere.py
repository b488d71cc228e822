"""A run that has partitions asked by the Lambda's handler, in this process and on the test's clock."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from elec_assets.clients.store import Store
from elec_assets.clients.trends_block import Tables
from elec_assets.clients.trends_collector import TrendsCollector
from elec_assets.clients.trends_elsewhere import AskElsewhere
from elec_assets.clients.trends_loan import Loans
from elec_assets.clients.trends_pace import TrendsLimits
from elec_assets.clients.trends_task import TrendsAnswer, TrendsSource, TrendsTask, answer_of, event_of, task_for
from elec_assets.clients.trends_told import Told
from elec_assets.domain import layout, layout_trends
from elec_assets.domain.layout_trends import TrendsPlace
from elec_assets.domain.registry import Election
from elec_assets.domain.registry_content import registry_of
from elec_assets.handlers import trends
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends import Google

STATE = (layout_trends.governor(), layout_trends.cookies())


@dataclass
class Far:
    """The Lambda as a run sees it.

    `before` is called when an invocation begins, `fail` before it answers, with its number.
    """

    world: Google
    store: Store
    chosen: Election
    stop_after_s: float = 0.0
    limits: TrendsLimits = field(default_factory=TrendsLimits.none)
    lasts: timedelta = timedelta(minutes=15)
    before: Callable[[TrendsTask], None] = lambda _task: None
    fail: Callable[[int], None] = lambda _number: None
    name: str = "far"
    yield_at: datetime | None = None
    registry: str | None = None  # another version than the run's
    answers: list[TrendsAnswer] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    # The run's state as it was when an invocation began.
    left_alone: bool = True

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def version(self) -> str:
        """The registry's, which the store keeps."""
        registry = registry_of({self.chosen.key: self.chosen}, "test")
        self.store.put(layout.registry_version(registry.version), registry.content.encode())
        return registry.version

    def collector(self) -> TrendsCollector:
        elsewhere = AskElsewhere(
            function="far",
            loans=Loans(self.store, self.clock),
            task=self.task,
            invoke=self.invoke,
            named=lambda: f"{self.name}-{len(self.answers)}",
            say=self.said.append,
        )
        return TrendsCollector(
            election=self.chosen,
            registry_version=self.version,
            store=self.store,
            backend=None,
            clock=self.clock,
            elsewhere=elsewhere,
        )

    def task(
        self, place: TrendsPlace, tables: Tables, refresh: datetime | None, invocation: str, told: Told
    ) -> TrendsTask:
        return task_for(
            place,
            store=self.store.url,
            registry=self.registry or self.version,
            tables=tables,
            source=TrendsSource(self.world.server.url, 10.0, self.limits),
            invocation=invocation,
            stop_after_s=self.stop_after_s,
            refresh=refresh,
            yield_at=self.yield_at,
            told=told,
        )

    def invoke(self, task: TrendsTask) -> TrendsAnswer | None:
        """Through JSON, as AWS carries it."""
        self.before(task)
        kept = [self.store.find(key) for key in STATE]
        event = json.loads(json.dumps(event_of(task)))
        answer = trends.answered(event, self.clock.now + self.lasts, self.clock, self.clock.sleep)
        self.left_alone &= kept == [self.store.find(key) for key in STATE]
        self.answers.append(answer)
        self.fail(len(self.answers))
        return answer_of(json.dumps(trends.plain(answer)).encode())
