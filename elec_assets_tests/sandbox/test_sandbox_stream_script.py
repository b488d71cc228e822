"""The script of faults: its times, its file, its seed, and what is true of a stream that follows it."""

import json
import signal
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from elec_assets.domain.windows import epoch_ms
from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import KINDS, StreamFault, faults_from_seed, load_x_faults
from elec_assets.sandbox.x_stream_seeds import Lag
from elec_assets_tests.sandbox.conftest import NOW
from elec_assets_tests.sandbox.streams import (
    CONNECTIONS,
    FAST,
    STREAM,
    TOKEN,
    Live,
    RawStream,
    call,
    ended,
    ids_of,
    made_ms,
)


def test_faults_come_at_their_time(live: Live) -> None:
    at = NOW + timedelta(seconds=60)
    server = live(StreamFault("close", at=at), StreamFault("reset", after_s=360))
    for how in ("eof", "reset"):
        with RawStream(server) as stream:
            assert stream.to_end().ended == how
        ended(server)
    first, second = server.stream.faults.happened
    assert 0 <= first.at_ms - epoch_ms(at) < FAST * 1_000
    assert 0 <= second.at_ms - epoch_ms(NOW) - 360_000 < FAST * 1_000
    assert (first.connection, second.connection) == (1, 2)


def test_a_fault_whose_time_comes_while_nobody_is_connected_strikes_nobody(live: Live) -> None:
    server = live(StreamFault("close", after_s=0))
    time.sleep(0.01)
    with RawStream(server) as stream:
        assert len(stream.take(3)) >= 3
    assert server.stream.faults.happened == []


def test_faults_can_be_added_while_the_stream_runs(live: Live) -> None:
    server = live()
    with RawStream(server) as stream:
        stream.take(2)
        server.stream.faults.add(StreamFault("close", after_s=0))
        assert stream.to_end().finished


def test_faults_of_answers_and_of_the_stream_from_one_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    entries = [
        {"path": "/2/tweets/search/recent", "status": 500},
        {"do": "close", "at": "2027-02-01T13:05:00Z"},
        {"do": "refuse", "after_s": 60, "for_s": 30, "preset": "service_unavailable"},
        {"do": "duplicate", "after_lines": 100, "times": 5},
    ]
    path.write_text(json.dumps(entries))
    assert load_x_faults(path) == [
        Fault(path="/2/tweets/search/recent", status=500),
        StreamFault("close", at=datetime(2027, 2, 1, 13, 5, tzinfo=UTC)),
        StreamFault("refuse", after_s=60, for_s=30, preset="service_unavailable"),
        StreamFault("duplicate", after_lines=100, times=5),
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"do": "explode", "after_s": 1}, "fault 1: do is 'explode', must be one of close, reset, cut"),
        ({"do": ["close"], "after_s": 1}, "fault 1: do is"),
        ({"do": "close"}, "fault 1: close needs exactly one of at, after_s and after_lines"),
        ({"do": "close", "after_s": 1, "after_lines": 1}, "needs exactly one of"),
        ({"do": "close", "at": "noon"}, "fault 1: at is 'noon', must be a UTC time"),
        ({"do": "close", "at": 5}, "fault 1: at is 5, must be a UTC time"),
        ({"do": "close", "at": "2027-02-01T13:05:00"}, "at is 2027-02-01 13:05:00, must be a UTC time"),
        ({"do": "close", "at": "2027-02-01T13:05:00+01:00"}, "must be a UTC time"),
        ({"do": "close", "after_s": -1}, "all other numbers 0 or more"),
        ({"do": "close", "after_s": "soon"}, "fault 1"),
        ({"do": "close", "after_s": 1, "share": 0}, "share above 0"),
        ({"do": "late", "after_lines": 5, "for_s": 1}, "late needs a time"),
        ({"do": "shuffle", "after_s": 5}, "shuffle needs a time: at or after_s, and for_s"),
        ({"do": "refuse", "after_s": 5}, "refuse needs one of preset, status and redirect"),
        ({"do": "refuse", "after_s": 5, "preset": "x"}, "preset is 'x', must be one of usage_cap_exceeded"),
        ({"do": "disconnect", "after_s": 5, "disconnect_type": "x"}, "disconnect_type is 'x', must be one of"),
        ({"do": "close", "after_s": 5, "wehn": 1}, "fault 1: wehn is not known"),
        ({"statsu": 1}, "fault 1: statsu is not known"),
        ("close", "fault 1: 'close' is not known"),
    ],
)
def test_bad_faults_of_the_stream_are_named(tmp_path: Path, entry: object, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(ValueError, match=r"faults\.json") as error:
        load_x_faults(path)
    assert message in str(error.value)


class Collector:
    """Connects again and again, as a client of the stream must; `ids` are those of the posts that came."""

    def __init__(self, server: XServer, clock: FastClock, end: datetime) -> None:
        self.ids: list[str] = []
        while clock() < end:
            with RawStream(server) as stream:
                if stream.status == 200:
                    stream.socket.settimeout(25 / clock.speed)
                    self._read(stream, clock, end)
            if stream.status != 200:
                call(server, "DELETE", f"{CONNECTIONS}/all")
            time.sleep(1 / clock.speed)

    def _read(self, stream: RawStream, clock: FastClock, end: datetime) -> None:
        with suppress(TimeoutError):
            while stream.ended is None and clock() < end:
                stream.read()
        content = stream.content
        if "content-encoding" in stream.headers:
            content = zlib.decompressobj(wbits=31).decompress(content)
        for line in content.split(b"\r\n")[:-1]:
            with suppress(ValueError):
                self.ids += ids_of([json.loads(line)])


@pytest.mark.parametrize(
    ("seed", "minutes"), [(1, 5), *(pytest.param(seed, 60, marks=pytest.mark.prove) for seed in (2, 3))]
)
def test_what_a_collector_lacks_was_due_while_nothing_was_delivering(live: Live, seed: int, minutes: int) -> None:
    """The truth that benchmarks stand on: nothing is lost outside the outages, nothing is invented."""
    clock, end = FastClock(NOW, FAST), NOW + timedelta(minutes=minutes)
    # What is late at the end of the hour comes after it.
    late = end - timedelta(minutes=12)
    script = [f for f in faults_from_seed(seed, NOW, 1) if f.do != "late" or (f.at or end) < late]
    if minutes < 60:
        kinds = ("close", "cut", "stall", "reset")
        script = [StreamFault(kind, after_s=50 + 60 * n) for n, kind in enumerate(kinds)]
    server = live(*script, clock=clock, keep_alive_s=10, connect_limit=0, lag=Lag(most_s=12))
    got = Collector(server, clock, end).ids
    delivered = {d.id for d in server.stream.delivered}
    assert set(got) <= delivered
    # A client that gives up does not read what comes in that moment.
    assert len(delivered - set(got)) <= 2 * len(server.stream.connects)
    matched = server.stream.matching(NOW, end - timedelta(minutes=1))
    outages = server.stream.outages(NOW - timedelta(minutes=1), end)
    lacking = [made_ms(i) for i in matched.keys() - delivered]
    assert [m for m in lacking if not any(a - 30_000 <= m < b for a, b in outages)] == []
    assert len(lacking) < len(matched) / 2
    assert len(server.stream.connects) > 3


def test_the_command_takes_faults_of_the_stream(tmp_path: Path) -> None:
    recorded, script = tmp_path / "recorded.jsonl", tmp_path / "faults.json"
    recorded.write_text(json.dumps({"data": {"id": "1440717170493689900", "text": "x"}}) + "\n")
    script.write_text(json.dumps([{"do": "refuse", "after_s": 0, "preset": "credits_depleted"}]))
    command = [
        sys.executable,
        "-m",
        "elec_assets.cli",
        "sandbox",
        "x",
        "--replay",
        str(recorded),
        "--faults",
        str(script),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            answer = requests.get(url + STREAM, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
            assert (answer.status_code, answer.json()["title"]) == (402, "CreditsDepleted")
        finally:
            process.send_signal(signal.SIGINT)


def test_a_seed_draws_every_kind_in_every_hour() -> None:
    start = datetime(2027, 2, 1, 13, tzinfo=UTC)
    script = faults_from_seed(7, start, 3)
    assert script == faults_from_seed(7, start, 3) != faults_from_seed(8, start, 3)
    for hour in range(3):
        begin = start + timedelta(hours=hour)
        drawn = [f for f in script if f.at is not None and begin <= f.at < begin + timedelta(hours=1)]
        assert {f.do for f in drawn} == set(KINDS) - {"plain"}
        assert {"service_unavailable", "rate_limit"} == {f.preset for f in drawn} - {None}
    assert script == sorted(script, key=lambda f: str(f.at))
    fatal = {f.preset for seed in range(30) for f in faults_from_seed(seed, start, 1, fatal=True)}
    assert {"credits_depleted", "client_not_enrolled", "usage_cap_exceeded"} <= fatal
