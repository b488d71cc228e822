"""The stream against the sandbox: what it says it sent is what is told, whatever goes wrong."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from elec_assets.capture.backoff import Backoff
from elec_assets.clients.x_connections import XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_errors import (
    XCreditsDepleted,
    XError,
    XForbidden,
    XNoRules,
    XRateLimited,
    XServerError,
    XTooManyConnections,
    XUnauthorized,
    XUsageCapExceeded,
)
from elec_assets.clients.x_rules import XRules
from elec_assets.clients.x_stream import EndKind, StreamEnd, XStream
from elec_assets.domain.rules import stream_rules
from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.clients.hours import HOUR, SCENE, election
from elec_assets_tests.clients.streams import Ear
from elec_assets_tests.worlds import world_of

STREAM = "/2/tweets/search/stream"
SPEED = 300.0
# Lines that need no rules, as many as are read.
LINES = [json.dumps({"data": {"id": str(n), "text": "x" * 200}}).encode() + b"\r\n" for n in range(2_000)]

Start = Callable[..., XServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a sandbox with a clock that runs fast, with faults and `StreamOptions`."""
    with ExitStack() as stack:

        def made(*faults: Fault | StreamFault, **options: object) -> XServer:
            clock = FastClock(HOUR.start, SPEED)
            given = StreamOptions(**{"keep_alive_s": 10.0, **options})  # type: ignore[arg-type]  # any of its fields
            return stack.enter_context(start_x(scene=world_of(SCENE), clock=clock, faults=faults, stream=given))

        yield made


def stream(server: XServer, stall_s: float = 2.0) -> XStream:
    return XStream(
        token=TOKEN, base_url=server.url, clock=lambda: time.time_ns() // 1_000_000, stall_s=stall_s, connect_s=5.0
    )


def control(server: XServer) -> XControl:
    return XControl(token=TOKEN, base_url=server.url)


def listened(
    server: XServer, *, until: int | None = None, seconds: float = 5.0, stall_s: float = 2.0
) -> tuple[StreamEnd, Ear]:
    """How one connection ends, by itself or after so many lines, or seconds."""
    made = stream(server, stall_s)

    class Counting(Ear):
        def line(self, raw: bytes, at_ms: int) -> None:
            super().line(raw, at_ms)
            if len(self.lines) == until:
                made.stop()

    timer = threading.Timer(seconds, made.stop)
    timer.start()
    ear = Counting()
    end = made.listen(ear)
    timer.cancel()
    return end, ear


def ids(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["data"]["id"] for line in lines]


@pytest.mark.parametrize("coding", [None, "gzip", "plain"])
def test_every_post_that_x_sends_is_told_as_sent(start: Start, coding: str | None) -> None:
    """From the registry to the line: rules set, posts matched, tags and all that is sent along."""
    server = start(*[StreamFault(coding, after_s=0.001, for_s=100_000.0)] if coding else [])
    XRules(control(server)).sync(stream_rules(election(), HOUR.start))
    end, ear = listened(server, until=12)
    # What has come with the twelfth is told too.
    assert (end.kind, len(ear.lines) >= 12) == (EndKind.STOPPED, True)
    delivered = [delivery.id for delivery in server.stream.delivered]
    assert ids(ear.lines) == [str(one) for one in delivered[: len(ear.lines)]]
    first = json.loads(ear.lines[0])
    assert first["matching_rules"][0]["tag"].startswith("elec:xx_2027:person")
    assert {"text", "author_id", "created_at", "public_metrics"} <= first["data"].keys()
    assert first["includes"]["users"][0]["username"]
    assert all(line.endswith(b"\r\n") for line in ear.lines)


def test_an_idle_stream_is_kept_alive(start: Start) -> None:
    server = start(lines=[], keep_alive_s=10.0)
    end, ear = listened(server, seconds=0.4, stall_s=0.3)
    assert end.kind is EndKind.STOPPED
    assert ear.told.count("keep-alive") >= 3


ENDS: dict[str, tuple[StreamFault, EndKind, str | None]] = {
    "close": (StreamFault("close", after_lines=5), EndKind.CLOSED, None),
    "reset": (StreamFault("reset", after_lines=5), EndKind.LOST, None),
    "cut": (StreamFault("cut", after_lines=5), EndKind.LOST, None),
    "stall": (StreamFault("stall", after_lines=5, for_s=10_000.0), EndKind.STALLED, None),
    "disconnect": (
        StreamFault("disconnect", after_lines=5, disconnect_type="ForceDisconnect"),
        EndKind.CLOSED,
        "ForceDisconnect",
    ),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS)
def test_each_end_of_a_stream_is_told_apart_and_no_line_before_it_is_lost(
    start: Start, case: tuple[StreamFault, EndKind, str | None]
) -> None:
    fault, kind, notice = case
    server = start(fault, lines=LINES, rate=1.0)
    end, ear = listened(server, stall_s=0.4)
    assert (end.kind, end.notice) == (kind, notice)
    told = [line for line in ear.lines if b'"errors"' not in line]
    # A reset may take what the kernel holds with it.
    assert told == LINES[: len(told)]
    assert len(told) >= 5 or kind is EndKind.LOST
    assert len(server.stream.connects) == 1


REFUSALS: dict[str, tuple[StreamFault, type[XError]]] = {
    "503": (StreamFault("refuse", after_s=0.001, preset="service_unavailable"), XServerError),
    "429 with reset": (StreamFault("refuse", after_s=0.001, preset="rate_limit", reset_s=30.0), XRateLimited),
    "429 without": (StreamFault("refuse", after_s=0.001, preset="rate_limit", bare=True), XRateLimited),
    "402": (StreamFault("refuse", after_s=0.001, preset="credits_depleted"), XCreditsDepleted),
    "403": (StreamFault("refuse", after_s=0.001, preset="client_not_enrolled"), XForbidden),
    "cap": (StreamFault("refuse", after_s=0.001, preset="usage_cap_exceeded"), XUsageCapExceeded),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
def test_each_refusal_is_typed(start: Start, case: tuple[StreamFault, type[XError]]) -> None:
    fault, kind = case
    server = start(fault, lines=LINES)
    time.sleep(0.01)
    end, ear = listened(server)
    assert (end.kind, type(end.error), ear.told) == (EndKind.REFUSED, kind, [])
    if isinstance(end.error, XRateLimited):
        reset_at = end.error.reset_at
        assert (reset_at is None) == bool(fault.bare)
        assert reset_at is None or HOUR.start < reset_at < HOUR.start + timedelta(hours=1)


def test_a_wrong_token_and_an_app_without_rules_are_told(start: Start) -> None:
    server = start()
    wrong = XStream(token="wrong", base_url=server.url, clock=lambda: 0)
    assert type(wrong.listen(Ear()).error) is XUnauthorized
    end, _ = listened(server)
    assert type(end.error) is XNoRules
    assert Backoff().after(end, 0).sync_rules


def test_a_ghost_is_found_and_ended_and_the_place_is_free_again(start: Start) -> None:
    """People were locked out for up to a day (xdevplatform/samples#140)."""
    server = start(lines=LINES * 100, ghost_s=3_600_000.0)
    assert listened(server, until=3)[0].kind is EndKind.STOPPED
    refused, _ = listened(server, until=3)
    assert type(refused.error) is XTooManyConnections
    assert Backoff().after(refused, 0).end_ghosts
    connections = XConnections(control(server))
    (ghost,) = connections.active()
    assert ghost.endpoint == "filtered_stream"
    assert connections.end([ghost.id]) == 1
    assert connections.active() == ()
    again, ear = listened(server, until=3)
    assert (again.kind, len(ear.lines)) == (EndKind.STOPPED, 3)
    connections.end_all()
    assert connections.active() == ()
