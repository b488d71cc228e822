"""The loop of the stream, on ends that a script gives and a clock that only waits move."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from elec_assets.capture.connects import ConnectBudget
from elec_assets.capture.listening import Listening
from elec_assets.capture.meter import Meter
from elec_assets.capture.parts import Parts
from elec_assets.capture.records import Kind, Record, Stop
from elec_assets.capture.spend import CaptureSpend
from elec_assets.capture.spool import Spool
from elec_assets.capture.wanted import Want
from elec_assets.clients.x_connections import Held
from elec_assets.clients.x_errors import (
    XCreditsDepleted,
    XError,
    XServerError,
    XTooManyConnections,
    XUnauthorized,
    XUnreachable,
)
from elec_assets.clients.x_stream import EndKind, Listener, StreamEnd
from elec_assets.domain.journal import SLOT_MS
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.prices import FREE, Prices
from elec_assets_tests.capture.times import HandClock

NOON = datetime(2027, 2, 10, 12, tzinfo=UTC)
ALWAYS = Want(connected=True, begin=True)
Act = Callable[["World", Listener], StreamEnd]


@dataclass
class World:
    """A script of connections, and what became of them. After the last one the loop is stopped."""

    folder: Path
    script: list[Act]
    clock: HandClock = field(default_factory=lambda: HandClock(NOON))
    cap_bytes: int = 10_000_000
    prices: Prices = FREE
    want: Callable[[int], Want] = lambda _: ALWAYS
    ghosts: list[str] = field(default_factory=list)
    rules: list[XError] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    stops: int = 0
    alerts: list[str | None] = field(default_factory=list)

    def run(self) -> list[Record]:
        """Play the script; the records of the spool."""
        with Spool(self.folder, cap_bytes=self.cap_bytes) as self.spool:
            spend = CaptureSpend(self.folder, budget_usd=15.0, prices=self.prices, clock=self.clock)
            budget = ConnectBudget(self.folder, wall_ms=self.clock.ms, steady_ms=self.clock.ms)
            self.listening = Listening(
                Parts(
                    stream=self,
                    connections=self,
                    sync_rules=self.sync_rules,
                    want=self.want,
                    spool=self.spool,
                    spend=spend,
                    connects=budget,
                    clock=self.clock,
                    meter=Meter(),
                    say=self.said.append,
                )
            )
            self.listening.run()
            if self.listening.failed is not None:
                raise self.listening.failed
            self.spool.roll(self.clock.ms, early=True)
            return [record for segment in self.spool.closed() for record in self.spool.read(segment)]

    def listen(self, listener: Listener) -> StreamEnd:
        self.at.append(self.clock.ms)
        self.alerts.append(self.listening.alert)
        act = self.script.pop(0)
        if not self.script:
            self.listening._stop.set()
        return act(self, listener)

    def stop(self) -> None:
        self.stops += 1

    def sync_rules(self) -> None:
        if self.rules:
            raise self.rules.pop(0)

    def active(self) -> tuple[Held, ...]:
        return tuple(Held(each, "filtered_stream", NOON, "") for each in self.ghosts)

    def end(self, ids: Sequence[str]) -> int:
        self.ghosts = [each for each in self.ghosts if each not in ids]
        return len(ids)

    @property
    def gaps_s(self) -> list[float]:
        """Seconds between two connects."""
        return [(b - a) / 1000 for a, b in zip(self.at, self.at[1:], strict=False)]


class Watched(HandClock):
    """Lets the test do something whenever somebody waits."""

    def __init__(self, start: datetime, waited: Callable[[float], None]) -> None:
        super().__init__(start)
        self._waited = waited

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._waited(seconds)
        return super().wait(event, seconds)


def lives(seconds: int, kind: EndKind = EndKind.CLOSED, why: str = "X closed the connection in order") -> Act:
    """A connection with a line a second."""

    def act(world: World, listener: Listener) -> StreamEnd:
        opened = world.clock.ms
        listener.opened(opened)
        before = world.stops
        for n in range(seconds):
            world.clock.ms += 1000
            listener.line(b'{"data":{"id":"%d"}}\r\n' % (opened + n), world.clock.ms)
            if world.stops > before:
                return StreamEnd(EndKind.STOPPED, "stopped from here", opened_ms=opened, ended_ms=world.clock.ms)
        error = XUnreachable(why) if kind is EndKind.LOST else None
        return StreamEnd(kind, why, error, opened_ms=opened, ended_ms=world.clock.ms)

    return act


def refused(error: XError) -> Act:
    return lambda world, _: StreamEnd(EndKind.REFUSED, str(error), error, ended_ms=world.clock.ms)


def unreachable(world: World, _: Listener) -> StreamEnd:
    why = "there is no connection to X"
    return StreamEnd(EndKind.LOST, why, XUnreachable(why), ended_ms=world.clock.ms, reached=False)


def kinds(records: Sequence[Record]) -> list[str]:
    """What the spool says, lines left out."""
    return [record.kind.name for record in records if record.kind not in (Kind.LINE, Kind.CARRY)]


def causes(records: Sequence[Record]) -> list[tuple[Outcome, str]]:
    said = [msgspec.json.decode(r.payload, type=Stop) for r in records if r.kind is Kind.STOP]
    return [(stop.outcome, stop.sentence) for stop in said]


def test_after_a_close_in_order_it_connects_again_at_once_and_both_are_written_down(tmp_path: Path) -> None:
    world = World(tmp_path, [lives(10), lives(5), lives(3)])
    records = world.run()
    assert kinds(records) == ["START", *["OPEN", "CLOSE"] * 3]
    assert [r.connection for r in records if r.kind is Kind.OPEN] == [1, 2, 3]
    assert sum(r.kind is Kind.LINE for r in records) == 18
    assert world.gaps_s == [10, 5]
    assert any("connection 1 ended: X closed the connection in order" in text for text in world.said)


def test_a_network_that_is_away_is_tried_more_and_more_slowly_and_uses_no_connects_up(tmp_path: Path) -> None:
    world = World(tmp_path, [unreachable] * 80 + [lives(1)])
    records = world.run()
    assert world.gaps_s == sorted(world.gaps_s)
    assert world.gaps_s[0] <= 1
    assert world.gaps_s[-1] == 16
    assert causes(records) == [(Outcome.ERROR, "there is no connection to X")], "once"


def test_no_more_than_40_connects_are_made_in_15_minutes(tmp_path: Path) -> None:
    world = World(tmp_path, [lives(1)] * 90)
    world.run()
    assert all(sum(a <= at < a + 900_000 for at in world.at) <= 40 for a in world.at)
    again = World(tmp_path, [lives(1)] * 30, clock=HandClock(NOON))
    again.clock.ms = world.clock.ms
    again.run()
    every = world.at + again.at
    assert all(sum(a <= at < a + 900_000 for at in every) <= 40 for a in every), "over a restart too"


def test_ghosts_are_ended_at_the_start_and_when_x_says_that_another_connection_is_open(tmp_path: Path) -> None:
    def ghost(world: World, listener: Listener) -> StreamEnd:
        world.ghosts.append("b")
        return refused(XTooManyConnections("X answered 429 (ConnectionException)", status=429))(world, listener)

    world = World(tmp_path, [ghost, lives(2)], ghosts=["a"])
    records = world.run()
    assert not world.ghosts
    assert world.said[0] == "ended 1 connection that X held open since 2027-02-10T12:00:00Z"
    assert world.gaps_s == [5]
    assert causes(records) == [(Outcome.THROTTLED, "X answered 429 (ConnectionException)")]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(XCreditsDepleted("X answered 402"), Outcome.OVER_BUDGET), (XUnauthorized("X answered 401"), Outcome.REFUSED)],
)
def test_what_only_a_person_can_mend_is_an_alert_and_tried_again_after_a_long_pause(
    tmp_path: Path, error: XError, outcome: Outcome
) -> None:
    world = World(tmp_path, [refused(error), refused(error), lives(1)])
    seen: list[str | None] = []
    world.clock = Watched(NOON, lambda _: seen.append(world.listening.alert))
    records = world.run()
    assert world.gaps_s == [900, 900]
    assert set(seen) == {str(error)}
    assert causes(records) == [(outcome, str(error))]
    assert world.listening.alert is None


def test_rules_that_cannot_be_synchronized_keep_it_from_connecting(tmp_path: Path) -> None:
    """A connection without its rules would prove what it cannot have heard."""
    world = World(tmp_path, [lives(1)], rules=[XServerError("X answered 503"), XServerError("X answered 503")])
    records = world.run()
    assert world.at == [world.clock.ms - 1000]
    assert world.at[0] - HandClock(NOON).ms == 15_000, "5 s, then 10"
    assert causes(records) == [(Outcome.ERROR, "X answered 503")]


def test_a_full_spool_ends_the_connection_and_waits_for_room(tmp_path: Path) -> None:
    world = World(tmp_path, [lives(10_000), lives(2)], cap_bytes=100_000)
    heard: list[Record] = []

    def freed(seconds: float) -> None:
        if seconds >= 10 and not heard:
            world.clock.ms += SLOT_MS
            world.spool.roll(world.clock.ms)
            for segment in world.spool.closed():
                heard.extend(world.spool.read(segment))
                world.spool.forget(segment)

    world.clock = Watched(NOON, freed)
    world.run()
    assert [kind for kind in kinds(heard) if kind != "STOP"] == ["START", "OPEN", "CLOSE"]
    assert all("ELEC_SPOOL_MAX_BYTES" in why for _, why in causes(heard))
    assert sum(r.kind is Kind.LINE for r in heard) > 500
    assert len(world.at) == 2


def test_over_budget_nothing_is_asked_until_the_month_ends(tmp_path: Path) -> None:
    world = World(tmp_path, [lives(10_000), lives(1)], prices=Prices(0.005, 0.010))
    world.clock = HandClock(datetime(2027, 2, 28, 20, tzinfo=UTC))
    records = world.run()
    assert datetime.fromtimestamp(world.at[1] / 1000, UTC).strftime("%Y%m%d") == "20270301"
    [(outcome, why)] = causes(records)
    assert outcome is Outcome.OVER_BUDGET
    assert "of 15.00 USD are spent this month for the stream" in why


def test_outside_the_plan_nothing_is_asked_and_no_cause_is_given(tmp_path: Path) -> None:
    begin = HandClock(NOON).ms + 3_600_000

    def want(now: int) -> Want:
        return ALWAYS if now >= begin else Want(connected=False, next_ms=begin)

    world = World(tmp_path, [lives(1)], want=want)
    records = world.run()
    assert world.at == [begin]
    assert causes(records) == []


def test_a_connection_ends_with_the_first_byte_after_what_was_wanted(tmp_path: Path) -> None:
    until = HandClock(NOON).ms + 20_000

    def want(now: int) -> Want:
        return Want(connected=True, begin=now < until - 5000, until_ms=until) if now < until + 600_000 else ALWAYS

    world = World(tmp_path, [lives(100), lives(1)], want=want)
    records = world.run()
    assert sum(r.kind is Kind.LINE for r in records) == 20 + 1
    assert world.at[1] >= until + 600_000


def test_a_fault_of_the_program_ends_the_loop_and_is_told(tmp_path: Path) -> None:
    def fault(world: World, listener: Listener) -> StreamEnd:
        raise ZeroDivisionError(f"{world.folder} {listener}")

    with pytest.raises(ZeroDivisionError):
        World(tmp_path, [fault, lives(1)]).run()
