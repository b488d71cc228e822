"""Answers without end, without measure and without their last part."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from elec_assets.clients.search_heads import read_head
from elec_assets.clients.x_api import SearchRequest, XApi
from elec_assets.clients.x_errors import XError, XServerError, XUnreachable, XUnreadable
from elec_assets.clients.x_transport import MOST_BYTES
from elec_assets.domain.windows import id_bounds
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets_tests.clients.hours import HOUR, Clock, x_api

Serve = Callable[..., XServer]
REQUEST = SearchRequest('"Élodie Numéro3"', *id_bounds(HOUR))
TIMEOUT_S, TOTAL_S = 10.0, 0.3


def bounded(url: str, clock: Clock, total_s: float = TOTAL_S) -> XApi:
    """A client whose whole answers may take less than one wait for bytes."""
    return XApi(
        token=TOKEN,
        base_url=url,
        archive="all",
        timeout_s=TIMEOUT_S,
        pace_s=0,
        clock=clock,
        sleep=clock.sleep,
        total_s=total_s,
    )


@contextmanager
def dripping(*parts: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that sends the last part of its answer a byte at a time, for ever: each byte well within a timeout."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not ended.is_set():
                connection, _ = listening.accept()
                with suppress(OSError), secured(connection) as opened:  # the client has gone
                    drip(opened)

        def secured(connection: socket.socket) -> socket.socket:
            return tls.wrap_socket(connection, server_side=True) if tls else connection

        def drip(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(b"".join(parts[:-1]))
            while not ended.is_set():
                for byte in parts[-1]:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.005)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
        ended.set()
        with socket.create_connection(listening.getsockname()):
            thread.join(5)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "the status line": (b"H",),
    "the headers": (HEAD, b"X-More: and so on, and on\r\n"),
    "a body of known length": (HEAD + b"Content-Length: 100000000\r\n\r\n", b" "),
    "a body without length": (HEAD + b"Connection: close\r\n\r\n", b" "),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.mark.parametrize("parts", DRIPS.values(), ids=DRIPS)
def test_an_answer_that_drips_without_end_is_given_up(clock: Clock, parts: tuple[bytes, ...]) -> None:
    """A timeout of the library bounds the wait for a byte: an answer of one byte a second never ended."""
    started = time.monotonic()
    with dripping(*parts) as url, pytest.raises(XUnreachable) as told:
        bounded(url, clock).search(REQUEST)
    assert f"X's answer was not whole after {TOTAL_S:g} s; run again later" in str(told.value)
    assert told.value.billed
    assert clock.slept == [2.0, 4.0, 8.0]
    assert time.monotonic() - started < TIMEOUT_S


def test_an_answer_over_tls_that_drips_without_end_is_given_up(
    clock: Clock, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X is reached over TLS, whose connections are of another class."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with dripping(*DRIPS["a body of known length"], tls=context) as url, pytest.raises(XUnreachable) as told:
        bounded(url, clock, total_s=0.6).search(REQUEST)
    assert "X's answer was not whole after 0.6 s" in str(told.value)
    assert len(clock.slept) == 3


def test_what_comes_slowly_but_in_time_is_taken(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(body='{"meta":{"result_count":0}}', drip_s=0.002)])
    assert json.loads(x_api(server.url, clock).search(REQUEST).body)["meta"]
    assert clock.slept == []


def test_a_time_that_is_over_ends_no_later_answer(serve: Serve, clock: Clock) -> None:
    """Connections are used again: the watch over one answer must not outlive it."""
    server = serve()
    api = bounded(server.url, clock, total_s=0.9)
    api.search(REQUEST)
    time.sleep(0.9)
    server.faults.add(Fault(delay_s=0.2))
    assert read_head(api.search(REQUEST).body).found
    assert len(server.connections()) == 1
    assert clock.slept == []


def test_an_answer_without_measure_is_given_up_at_the_first_attempt(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(filler_bytes=10 << 30, times=9)])
    with pytest.raises(XUnreadable, match="longer than 32 MiB and was given up") as told:
        x_api(server.url, clock).search(REQUEST)
    assert (told.value.billed, len(server.requests)) == (True, 1)
    assert server.faults.left == 8


def test_an_answer_that_unpacks_without_measure_is_given_up(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(gzip=True, body=" " * (MOST_BYTES + 1))])
    with pytest.raises(XUnreadable, match="longer than 32 MiB"):
        x_api(server.url, clock).search(REQUEST)


def test_an_error_with_a_long_body_is_that_error(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(status=503, body="x" * 5_000_000, times=4)])
    with pytest.raises(XServerError) as told:
        x_api(server.url, clock).search(REQUEST)
    assert len(str(told.value)) < 200


def test_a_packed_answer_is_unpacked(serve: Serve, clock: Clock) -> None:
    plain = x_api(serve().url, clock).search(REQUEST)
    packed = x_api(serve(faults=[Fault(gzip=True, body=plain.body.decode())]).url, clock).search(REQUEST)
    assert packed.body == plain.body


@pytest.mark.parametrize("cut", [0.0, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("gzipped", [False, True])
def test_an_answer_of_known_length_that_is_cut_is_asked_again(
    serve: Serve, clock: Clock, cut: float, gzipped: bool
) -> None:
    server = serve(faults=[Fault(cut=cut, gzip=gzipped)])
    assert read_head(x_api(server.url, clock).search(REQUEST).body).found
    assert len(server.requests) == 2


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("gzipped", [False, True])
def test_an_answer_without_length_that_is_cut_is_no_page(serve: Serve, clock: Clock, cut: float, gzipped: bool) -> None:
    """Nothing tells that it is cut but what it says; a packed one unpacks to its beginning without complaint."""
    page = json.dumps({"data": [{"id": str(n), "text": str(n) * 50} for n in range(99)], "meta": {"result_count": 99}})
    server = serve(faults=[Fault(cut=cut, gzip=gzipped, no_length=True, body=page, times=4)])
    with pytest.raises(XError):
        read_head(x_api(server.url, clock).search(REQUEST).body)


def test_packed_bytes_that_are_none_are_lost(serve: Serve, clock: Clock) -> None:
    server = serve(faults=[Fault(body="{}", headers={"Content-Encoding": "gzip"}, times=4)])
    with pytest.raises(XUnreachable, match=r"no whole answer from X \(DecodeError\)"):
        x_api(server.url, clock).search(REQUEST)
