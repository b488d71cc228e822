"""Each fault of the stream, as it is on the wire."""

import json
import time
import zlib
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from elec_assets.domain.windows import epoch_ms, from_epoch_ms
from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_seeds import Lag
from elec_assets_tests.sandbox.conftest import NOW
from elec_assets_tests.sandbox.streams import (
    CONNECTIONS,
    FAST,
    STREAM,
    Live,
    RawStream,
    call,
    ended,
    ids_of,
    made_ms,
    wait_for,
)


@pytest.mark.parametrize(
    ("kind", "finished", "how"),
    [("close", True, "eof"), ("disconnect", True, "eof"), ("reset", False, "reset"), ("cut", False, "eof")],
)
def test_a_connection_ends_after_so_many_lines(live: Live, kind: str, finished: bool, how: str) -> None:
    server = live(StreamFault(kind, after_lines=7))
    with RawStream(server) as stream:
        stream.to_end()
    assert (stream.finished, stream.ended) == (finished, how)
    ended(server)
    assert len(server.stream.delivered) == 7
    messages = stream.messages
    assert ids_of(messages) == [d.id for d in server.stream.delivered]
    assert [h.fault.do for h in server.stream.faults.happened] == [kind]
    rest = stream.content.rpartition(b"\r\n")[2]
    assert bool(rest) == (kind == "cut")
    notices = [m["errors"][0]["disconnect_type"] for m in messages if "errors" in m and "data" not in m]
    assert notices == (["OperationalDisconnect"] if kind == "disconnect" else [])
    with RawStream(server) as again:
        assert again.take(1)


def test_a_slow_reader_is_told(live: Live) -> None:
    with RawStream(live(StreamFault("disconnect", after_lines=1, disconnect_type="SlowReader"))) as stream:
        stream.to_end()
    assert stream.messages[-1]["errors"][0]["title"] == "operational-disconnect"
    assert stream.messages[-1]["errors"][0]["disconnect_type"] == "SlowReader"


def test_a_stall_sends_nothing_and_keeps_the_connection(live: Live) -> None:
    server = live(StreamFault("stall", after_lines=5, ghost_s=50))
    with RawStream(server) as stream:
        assert len(stream.take(5)) == 5
        stream.socket.settimeout(60 / FAST)
        before = stream.raw
        with pytest.raises(TimeoutError):
            stream.read()
        assert stream.raw == before
        now = from_epoch_ms(server.stream.delivered[-1].at_ms + 60_000)
        outage = server.stream.outages(NOW, now)[-1]
        (shown,) = call(server, "GET", CONNECTIONS).json()["data"]
        assert "disconnected_at" not in shown
    assert abs(outage[0] - server.stream.delivered[-1].at_ms) < FAST * 1_000
    ended(server)
    (ghost,) = server.stream.ghosts
    assert (ghost.ghost_until_ms or 0) - (ghost.ended_ms or 0) == 50_000


def test_a_short_stall_is_made_good(live: Live) -> None:
    server = live(StreamFault("stall", after_lines=5, for_s=40))
    with RawStream(server) as stream:
        stream.take(5)
        stall = time.monotonic()
        stream.take(6)
        assert time.monotonic() - stall >= 40 / FAST - 0.02
        sent = set(ids_of(stream.take(60)))
    first, last = min(map(made_ms, sent)), max(map(made_ms, sent))
    matched = server.stream.matching(from_epoch_ms(first + 15_000), from_epoch_ms(last - 30_000))
    assert len(matched) > 10
    assert matched.keys() <= sent


@pytest.mark.parametrize(
    "fault", [StreamFault("reset", after_lines=3, ghost_s=60), StreamFault("ghost", after_lines=3, for_s=60)]
)
def test_a_ghost_keeps_the_place_of_a_connection_that_was_reset(live: Live, fault: StreamFault) -> None:
    server = live(fault)
    with RawStream(server) as stream:
        assert stream.to_end().ended == "reset"
    ended(server)
    assert call(server, "GET", STREAM).json()["connection_issue"] == "TooManyConnections"
    (ghost,) = server.stream.ghosts
    assert call(server, "DELETE", f"{CONNECTIONS}/all").json()["data"]["results"] == [
        {"uuid": ghost.id, "success": True}
    ]
    with RawStream(server) as stream:
        assert stream.status == 200


def test_a_ghost_comes_though_nobody_is_connected(live: Live) -> None:
    server = live(StreamFault("ghost", after_s=0, for_s=80))
    time.sleep(0.01)
    assert call(server, "GET", STREAM).status_code == 429
    wait_for(lambda: not server.stream.connections.active())
    with RawStream(server) as stream:
        assert stream.status == 200


@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        ({"preset": "service_unavailable"}, 503, "Service Unavailable"),
        ({"preset": "credits_depleted"}, 402, "CreditsDepleted"),
        ({"preset": "client_not_enrolled"}, 403, "Client Forbidden"),
        ({"preset": "usage_cap_exceeded"}, 429, "UsageCapExceeded"),
        ({"preset": "too_many_connections"}, 429, "ConnectionException"),
        ({"preset": "unauthorized"}, 401, "Unauthorized"),
        ({"status": 500, "body": {"title": "odd"}}, 500, "odd"),
    ],
)
def test_connections_are_refused(live: Live, fault: dict[str, Any], status: int, title: str) -> None:
    server = live(StreamFault("refuse", after_s=0, times=2, **fault))
    for _ in range(2):
        answer = call(server, "GET", STREAM)
        assert (answer.status_code, answer.json()["title"]) == (status, title)
        assert int(answer.headers["x-rate-limit-remaining"]) > 0
    with RawStream(server) as stream:
        assert stream.status == 200
    assert [c.status for c in server.stream.connects] == [status, status, 200]


def test_a_rate_limit_with_and_without_its_end(live: Live) -> None:
    server = live(
        StreamFault("refuse", after_s=0, preset="rate_limit", reset_s=30),
        StreamFault("refuse", after_s=0, preset="rate_limit", bare=True, headers={"via": "edge"}),
    )
    told = call(server, "GET", STREAM)
    assert (told.status_code, told.headers["x-rate-limit-remaining"]) == (429, "0")
    reset_ms = int(told.headers["x-rate-limit-reset"]) * 1000
    assert 29_000 <= reset_ms - server.stream.connects[0].at_ms <= 30_000 + FAST * 1_000
    untold = call(server, "GET", STREAM)
    assert (untold.status_code, untold.json()["errors"][0]["code"], untold.headers["via"]) == (429, 88, "edge")
    assert not [name for name in untold.headers if name.startswith("x-rate-limit")]


def test_connections_are_refused_for_a_time(live: Live) -> None:
    server = live(StreamFault("refuse", after_s=0, for_s=60, preset="service_unavailable"), connect_limit=0)
    wait_for(lambda: call_status(server) == 200)
    *refused, opened = server.stream.connects
    assert {c.status for c in refused} == {503}
    assert opened.at_ms >= epoch_ms(NOW) + 60_000


def call_status(server: XServer) -> int:
    with RawStream(server) as stream:
        return stream.status


def test_a_redirect_leads_elsewhere(live: Live) -> None:
    server = live(StreamFault("refuse", after_s=0, redirect="http://127.0.0.1:9/elsewhere"))
    answer = call(server, "GET", STREAM, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.1:9/elsewhere")


@pytest.mark.parametrize("fault", [StreamFault("gzip", after_s=0), Fault(path=STREAM, gzip=True)])
def test_a_stream_in_gzip_comes_line_by_line(live: Live, fault: StreamFault | Fault) -> None:
    server = live(fault, StreamFault("close", after_lines=6))
    with RawStream(server) as stream:
        stream.to_end()
    assert stream.headers["content-encoding"] == "gzip"
    unpacker = zlib.decompressobj(wbits=31)
    lines = unpacker.decompress(stream.content).split(b"\r\n")
    assert unpacker.eof
    assert stream.finished
    assert ids_of(json.loads(line) for line in lines if line) == [d.id for d in server.stream.delivered]
    ended(server)
    with RawStream(server) as stream:
        assert "content-encoding" not in stream.headers


@pytest.mark.parametrize("kind", ["cut", "close"])
def test_a_stream_that_is_not_chunked_ends_with_its_connection(live: Live, kind: str) -> None:
    """A proxy may do this: then half a line is the last that comes."""
    server = live(StreamFault("plain", after_s=0), StreamFault(kind, after_lines=3))
    with RawStream(server) as stream:
        stream.to_end()
    assert "transfer-encoding" not in stream.headers
    whole, _, rest = stream.raw.rpartition(b"\r\n")
    assert len([line for line in whole.split(b"\r\n") if line]) == 3
    assert bool(rest) == (kind == "cut")


def test_lines_come_twice(live: Live) -> None:
    server = live(StreamFault("duplicate", after_lines=3, times=4))
    with RawStream(server) as stream:
        sent = ids_of(stream.take(40))
    twice = [i for i in dict.fromkeys(sent) if sent.count(i) == 2]
    assert len(sent) - len(set(sent)) == len(twice) == 4
    assert [d.id for d in server.stream.delivered[: len(sent)]] == sent
    assert server.bill.day(NOW.date()).posts >= set(sent)


def test_posts_come_late_and_wait_for_a_connection(live: Live) -> None:
    late = StreamFault("late", at=NOW + timedelta(seconds=20), for_s=60, delay_s=120)
    # Slower than in other tests: the first connection is to be over before anything late is due.
    server = live(late, clock=FastClock(NOW, 60), lag=Lag(median_s=1))
    with RawStream(server) as stream:
        stream.take(3)
    ended(server)
    wait_for(lambda: clock_ms(server) > epoch_ms(NOW) + 215_000, seconds=20)
    with RawStream(server) as stream:
        sent = set(ids_of(stream.take(30)))
    start = NOW + timedelta(seconds=20)
    matched = set(server.stream.matching(start, start + timedelta(seconds=60)))
    assert matched
    assert matched <= {d.id for d in server.stream.delivered}
    assert matched & sent
    assert all(d.at_ms - made_ms(d.id) >= 120_000 for d in server.stream.delivered if d.id in matched)
    # What was not late and due while nobody was there is gone.
    gone = set(server.stream.matching(start + timedelta(seconds=100), start + timedelta(seconds=150)))
    assert gone - {d.id for d in server.stream.delivered}


def clock_ms(server: XServer) -> int:
    sent = call(server, "GET", f"{STREAM}/rules").json()["meta"]["sent"]
    return epoch_ms(datetime.fromisoformat(sent))


def test_posts_come_out_of_order(live: Live) -> None:
    server = live(StreamFault("shuffle", at=NOW, for_s=600, delay_s=25), lag=Lag(median_s=0))
    with RawStream(server) as stream:
        made = [made_ms(i) for i in ids_of(stream.take(50))]
    turned = sum(a > b for a, b in pairwise(made))
    assert turned > 10
    delays = [d.at_ms - made_ms(d.id) for d in server.stream.delivered]
    assert max(delays) > 15_000


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("no_tag", [{"id": "1900000000000000001"}]),
        ("empty_tag", [{"id": "1900000000000000001", "tag": ""}]),
        ("null_tag", [{"id": 1900000000000000001, "tag": None}]),
        ("no_rules", None),
    ],
)
def test_matching_rules_as_they_were_in_other_years(live: Live, kind: str, rules: list[object] | None) -> None:
    server = live(StreamFault(kind, after_lines=1, times=2))
    with RawStream(server) as stream:
        found = [m.get("matching_rules") for m in stream.take(5)[:5]]
    usual = [{"id": "1900000000000000001", "tag": "all"}]
    assert found == [usual, rules, rules, usual, usual]


def test_a_line_that_is_no_json_and_one_of_unknown_type(live: Live) -> None:
    notice = {"unheard": {"of": [1]}}
    server = live(StreamFault("bad_json", after_lines=1), StreamFault("notice", after_lines=2, body=notice))
    with RawStream(server) as stream:
        while len(stream.lines) < 6:
            stream.read()
        first, broken, second, told, third = stream.lines[:5]
    assert json.loads(told) == notice
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter|decode"):
        json.loads(broken)
    assert second.startswith(broken)
    assert ids_of(map(json.loads, (first, second, third))) == [d.id for d in server.stream.delivered[:3]]


def test_lines_in_the_new_spelling_for_a_time(live: Live) -> None:
    server = live(StreamFault("post_spelling", at=NOW, for_s=3_600, share=0.5))
    with RawStream(server) as stream:
        new = ["edit_history_post_ids" in m["data"] for m in stream.take(40)]
    assert 5 < sum(new) < 35
    assert len(server.stream.faults.happened) >= sum(new)
