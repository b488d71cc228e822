"""A stream that is read in gulps: the same lines, in fewer readings, and nothing waits for long."""

import io
import socket
import threading
import time
import zlib
from collections.abc import Sequence

import pytest

from elec_assets.clients.x_gather import Gulps
from elec_assets.clients.x_stream import EndKind, XStream
from elec_assets_tests.clients.streams import (
    CHUNKED,
    HEAD,
    LAST,
    PLAIN,
    TOKEN,
    Ear,
    chunk,
    now_ms,
    serving,
    stopped_after,
)

LINES = [b'{"data":{"id":"%d"}}\r\n' % number for number in range(30)]
PACKED = HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"


def gathering(url: str, gather_s: float) -> XStream:
    return XStream(token=TOKEN, base_url=url, clock=now_ms, stall_s=5.0, connect_s=5.0, gather_s=gather_s)


def until_told(ear: Ear) -> None:
    """Wait for a line."""
    ends = time.monotonic() + 4.0
    while not ear.lines and time.monotonic() < ends:
        time.sleep(0.005)
    assert ear.lines


@pytest.mark.parametrize("head", [CHUNKED, PLAIN, PACKED], ids=["chunked", "plain", "packed"])
def test_lines_that_come_soon_after_one_another_are_read_together(head: bytes) -> None:
    """30 lines in 0.3 s were 30 readings, each with a waking up of its own that cost more than all else."""

    def play(connection: socket.socket) -> None:
        packer = zlib.compressobj(wbits=31)
        connection.sendall(head)
        for line in LINES:
            data = packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH) if head is PACKED else line
            connection.sendall(data if head is PLAIN else chunk(data))
            time.sleep(0.01)
        if head is PACKED:
            connection.sendall(chunk(packer.flush()))
        if head is not PLAIN:
            connection.sendall(LAST)

    ear = Ear()
    with serving(play) as server:
        end = gathering(server.url, 0.2).listen(ear)
    assert (end.kind, ear.lines) == (EndKind.CLOSED, LINES)
    assert len(set(ear.at_ms[1:])) <= 8


def test_a_line_that_comes_alone_does_not_wait() -> None:
    told: list[float] = []

    def play(connection: socket.socket) -> None:
        connection.sendall(CHUNKED)
        for line in LINES[:3]:
            time.sleep(0.35)
            ear.something.clear()
            sent = time.monotonic()
            connection.sendall(chunk(line))
            assert ear.something.wait(5)
            told.append(time.monotonic() - sent)

    ear = Ear()
    with serving(play) as server:
        gathering(server.url, 0.3).listen(ear)
    assert ear.lines == LINES[:3]
    assert min(told) < 0.1


def test_a_line_that_comes_with_the_head_does_not_wait_for_the_next() -> None:
    """`readinto1` of a buffered reader that holds some bytes gives them, and waits for more where there is room."""

    def play(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(LINES[0]))
        assert ear.something.wait(5)
        ear.something.clear()
        told.append(bool(ear.lines) or ear.something.wait(2))

    told: list[bool] = []
    ear = Ear()
    with serving(play) as server:
        gathering(server.url, 0.1).listen(ear)
    assert told == [True]


def test_a_stop_does_not_wait_for_the_next_gulp() -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(LINES[0]))
        connection.recv(1)

    with serving(play) as server:
        client, ear = gathering(server.url, 30.0), Ear()
        end, took_s = stopped_after(client, ear, lambda: until_told(ear))
    assert (end.kind, ear.lines) == (EndKind.STOPPED, LINES[:1])
    assert took_s < 2.0


class Records(io.RawIOBase):
    """A source that gives one record a reading, as TLS does; a None among them is an error."""

    def __init__(self, records: Sequence[bytes | None]) -> None:
        super().__init__()
        self.left = list(records)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        record = self.left.pop(0) if self.left else b""
        if record is None:
            raise ConnectionResetError
        memoryview(buffer)[: len(record)] = record  # type: ignore[arg-type]  # a buffer, by whatever name
        return len(record)


def gulps(records: Records, every_s: float = 0.0) -> Gulps:
    return Gulps(io.BufferedReader(records), every_s, lambda: bool(records.left), threading.Event())


def test_a_gulp_takes_all_records_that_are_there() -> None:
    """With TLS a reading gives one record: one in each tenth of a second would have been ten lines a second."""
    read = gulps(Records(LINES))
    assert read.read(1 << 16) == b"".join(LINES)
    assert read.read(1 << 16) == b""


def test_what_came_before_an_error_is_told_before_it() -> None:
    read = gulps(Records([LINES[0], LINES[1], None]))
    assert read.read(1 << 16) == LINES[0] + LINES[1]


def test_a_burst_is_read_without_a_pause() -> None:
    """X drops who reads slowly: as long as all room is taken, more waits."""
    records = Records([b"x" * 1000] * 40)
    read = gulps(records, every_s=60.0)
    began = time.monotonic()
    taken = [read.read(4000) for _ in range(10)]
    assert [len(block or b"") for block in taken] == [4000] * 10
    assert time.monotonic() - began < 5
