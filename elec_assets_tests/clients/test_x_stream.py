"""One connection to a stream, from servers that do on the socket what the sandbox does not."""

import gzip
import json
import logging
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elec_assets.clients.x_errors import XError, XRateLimited, XServerError, XUnreachable, XUnreadable
from elec_assets.clients.x_lines import MOST_LINE, LineReader
from elec_assets.clients.x_stream import EndKind
from elec_assets.clients.x_wire import RECEIVE_BUFFER, Wire
from elec_assets_tests.clients.streams import (
    CHUNKED,
    HEAD,
    LAST,
    PLAIN,
    TOKEN,
    Ear,
    Play,
    chunk,
    listened,
    now_ms,
    reset,
    serving,
    stopped_after,
    stream,
    until_gone,
)

A, B = b'{"data":{"id":"1"}}\r\n', b'{"data":{"id":"2"}}\r\n'
# A stop takes less than a millisecond (measured); without it these connections last 5 to 30 s. Machines of tests are
# busy.
AT_ONCE_S = 2.0
NOTICE = (
    b'{"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect",'
    b'"type":"https://api.twitter.com/2/problems/operational-disconnect"}]}\r\n'
)


def sends(*parts: bytes, then: Play = lambda _: None, gap_s: float = 0.0) -> Play:
    """A server that sends the parts, waits between them, and does something at the end."""

    def play(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(gap_s)
        then(connection)

    return play


def until(true: Callable[[], object]) -> None:
    """Wait for something, at most 5 s."""
    ends = time.monotonic() + 5.0
    while not true() and time.monotonic() < ends:
        time.sleep(0.005)


def test_lines_come_as_received_and_keep_alives_beside_them() -> None:
    started = now_ms()
    parts = (CHUNKED, chunk(A), chunk(b"\r\n"), chunk(B[:5]), chunk(B[5:] + A + b"\r\n"), LAST)
    end, ear = listened(sends(*parts))
    assert ear.told == ["opened", A, "keep-alive", B, A, "keep-alive"]
    assert (end.kind, end.error, end.notice, end.reached) == (EndKind.CLOSED, None, None, True)
    assert end.why == "X closed the connection in order"
    assert end.opened_ms == ear.at_ms[0]
    assert [started, *ear.at_ms, end.ended_ms] == sorted([started, *ear.at_ms, end.ended_ms])
    assert ear.threads == {threading.get_ident()}


@pytest.mark.parametrize("head", [CHUNKED, PLAIN])
def test_a_line_is_told_before_the_next_one_comes(head: bytes) -> None:
    """Tweepy's own reading held a line of an unchunked body back until 512 bytes were there (0.8 s, measured 2026)."""
    told: list[float] = []

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(3):
            ear.something.clear()
            sent = time.monotonic()
            connection.sendall(chunk(A) if head is CHUNKED else A)
            assert ear.something.wait(5)
            told.append(time.monotonic() - sent)

    ear = Ear()
    with serving(play) as server:
        stream(server.url).listen(ear)
    assert ear.lines == [A, A, A]
    assert min(told) < 0.1


def test_a_packed_line_is_told_before_the_next_one_comes() -> None:
    packer = zlib.compressobj(wbits=31)

    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        for line in (A, B, b"\r\n"):
            ear.something.clear()
            connection.sendall(chunk(packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH)))
            assert ear.something.wait(5)
        connection.sendall(chunk(packer.flush()) + LAST)

    ear = Ear()
    with serving(play) as server:
        end = stream(server.url).listen(ear)
    assert (end.kind, ear.told) == (EndKind.CLOSED, ["opened", A, B, "keep-alive"])
    assert b"gzip" in server.requests[0]


CUTS: dict[str, tuple[Play, str, int]] = {
    "between chunks": (sends(CHUNKED, chunk(A), chunk(B[:7])), "IncompleteRead", 7),
    "inside a chunk": (sends(CHUNKED, chunk(A), chunk(B)[:11]), "IncompleteRead", 7),
    "by a reset": (sends(CHUNKED, chunk(A), then=reset, gap_s=0.05), "ConnectionResetError", 0),
    "by no chunk": (sends(CHUNKED, chunk(A), b"so it goes\r\n"), "IncompleteRead", 0),
    "by no gzip": (sends(HEAD + b"Content-Encoding: gzip\r\n\r\n", b"no gzip"), "error", 0),
    "before its length": (sends(HEAD + b"Content-Length: 99\r\n\r\n", A + B[:3]), "IncompleteRead", 3),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_cut_is_told_and_no_part_of_a_line(cut: tuple[Play, str, int]) -> None:
    play, cause, dropped = cut
    end, ear = listened(play)
    assert ear.lines in ([A], [])
    assert end.kind is EndKind.LOST
    assert type(end.error) is XUnreachable
    assert end.why.startswith(f"the connection was cut ({cause})")
    assert end.why.endswith(f"; {dropped} bytes of an unfinished line were dropped") == (dropped > 0)
    assert end.reached


@pytest.mark.parametrize("parts", [(CHUNKED, chunk(A + B[:7]), LAST), (PLAIN, A + B[:7])])
def test_a_part_of_a_line_at_a_close_in_order_is_no_line(parts: tuple[bytes, ...]) -> None:
    """It cannot be told from a whole one, and in a batch the next connection's first line would stick to it."""
    end, ear = listened(sends(*parts))
    assert (end.kind, ear.lines) == (EndKind.CLOSED, [A])
    assert end.why == "X closed the connection in order; 7 bytes of an unfinished line were dropped"


def test_one_connect_is_made_whatever_happens() -> None:
    """Tweepy 4.17 alone connects 408 times in 2 s to a server that closes in order."""
    for play in (sends(CHUNKED, LAST), sends(CHUNKED, then=reset), sends(b"HTTP/1.1 503 No\r\n\r\n"), reset):
        with serving(play) as server:
            stream(server.url).listen(Ear())
        assert len(server.requests) == 1


SILENT: dict[str, tuple[Play, EndKind]] = {
    "silence": (sends(CHUNKED, chunk(A), then=until_gone), EndKind.STALLED),
    "a drip without line end": (sends(CHUNKED, chunk(A), *[chunk(b"x")] * 400, gap_s=0.005), EndKind.STALLED),
    "a drip inside a chunk": (sends(CHUNKED, chunk(A), b"ffff\r\n", *[b"x"] * 400, gap_s=0.005), EndKind.STALLED),
    "no answer": (until_gone, EndKind.LOST),
    "dripping headers": (sends(HEAD, *[b"X-More: and so on\r\n"] * 90, gap_s=0.02), EndKind.LOST),
}


@pytest.mark.parametrize("case", SILENT.values(), ids=SILENT)
def test_who_sends_no_line_is_given_up_in_time(case: tuple[Play, EndKind]) -> None:
    play, kind = case
    started = time.monotonic()
    end, ear = listened(play, stall_s=0.2, connect_s=0.1)
    assert end.kind is kind
    assert 0.15 < time.monotonic() - started < 5.0
    assert ear.lines == ([A] if kind is EndKind.STALLED else [])
    assert ("X sent no line for 0.2 s" in end.why) == (kind is EndKind.STALLED)
    assert ("X did not answer in time" in end.why) == (kind is EndKind.LOST)


def test_the_first_line_is_waited_for_no_longer_than_any_other() -> None:
    """Found here: the time for the answer's head was waited for once more before a silence after it was seen."""
    started = time.monotonic()
    end, _ = listened(sends(CHUNKED, then=until_gone), stall_s=0.2, connect_s=4.0)
    assert end.kind is EndKind.STALLED
    assert time.monotonic() - started < 2.0


def test_keep_alives_hold_a_connection_open() -> None:
    end, ear = listened(sends(CHUNKED, *[chunk(b"\r\n")] * 10, LAST, gap_s=0.1), stall_s=0.8)
    assert (end.kind, ear.told.count("keep-alive")) == (EndKind.CLOSED, 10)


def test_what_the_listener_takes_is_not_counted_against_x() -> None:
    """A spool on a slow disk must not end a connection that is well."""

    class Slow(Ear):
        def line(self, raw: bytes, at_ms: int) -> None:
            super().line(raw, at_ms)
            time.sleep(0.4)

    ear = Slow()
    with serving(sends(CHUNKED, chunk(A), chunk(B), LAST)) as server:
        end = stream(server.url, stall_s=0.15).listen(ear)
    assert (end.kind, ear.lines) == (EndKind.CLOSED, [A, B])


def test_bytes_that_wait_to_be_read_are_no_silence() -> None:
    """A machine that is held up for a while finds its stream alive; one that drips is given up at the second look."""
    with serving(sends(CHUNKED, then=until_gone)) as server:
        wire = Wire()
        started = time.monotonic()
        wire.watch(0.2)
        connection = wire.connect("127.0.0.1", server.port, 5.0)
        connection.sendall(b"GET")
        until(lambda: wire.late)
        assert 0.39 < time.monotonic() - started < 5.0
        connection.close()
        wire.close()


WAITING: dict[str, Play] = {
    "silent": sends(CHUNKED, chunk(A), then=until_gone),
    "flowing": sends(CHUNKED, *[chunk(A)] * 200_000),
    "dripping": sends(CHUNKED, *[chunk(b"x")] * 1_000, gap_s=0.01),
    "without an answer": until_gone,
    "inside the headers": sends(HEAD, then=until_gone),
    "inside an error": sends(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n", then=until_gone),
}


@pytest.mark.parametrize("play", WAITING.values(), ids=WAITING)
def test_a_stop_ends_it_at_once(play: Play) -> None:
    """Tweepy's own `disconnect` waits for the next byte: up to 20 s."""
    ear = Ear()
    with serving(play) as server:
        made = stream(server.url, stall_s=30.0)
        end, took = stopped_after(made, ear, lambda: ear.something.wait(0.1))
    assert (end.kind, end.why.split(";")[0], end.error) == (EndKind.STOPPED, "stopped from here", None)
    assert took < AT_ONCE_S


def test_a_stop_ends_a_connection_that_is_being_made() -> None:
    """A host that drops packets: the system would try for 2 minutes."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        try:
            for one in waiting:
                one.settimeout(0)
                one.connect_ex(("127.0.0.1", port))
            made = stream(f"http://127.0.0.1:{port}", connect_s=30.0)
            end, took = stopped_after(made, Ear(), lambda: time.sleep(0.1))
        finally:
            for one in waiting:
                one.close()
    assert (end.kind, end.reached) == (EndKind.STOPPED, False)
    assert took < AT_ONCE_S


def test_a_stop_ends_the_search_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline a resolver takes 5 s and more, and nothing in Python ends it."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(5) and [])
    end, took = stopped_after(stream("http://x.test"), Ear(), lambda: time.sleep(0.1))
    over.set()
    assert (end.kind, end.reached) == (EndKind.STOPPED, False)
    assert took < AT_ONCE_S


def test_a_stop_before_the_beginning_holds_for_one_connection() -> None:
    with serving(sends(CHUNKED, LAST)) as server:
        made = stream(server.url)
        made.stop()
        first, second = made.listen(Ear()), made.listen(Ear())
    assert (first.kind, first.why, first.reached) == (EndKind.STOPPED, "stopped before it began", False)
    assert (second.kind, len(server.requests)) == (EndKind.CLOSED, 1)


def test_a_stream_over_tls_is_read_stopped_and_given_up(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """X is reached over TLS, whose sockets take the plain one's place."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ear = Ear()
    with serving(sends(CHUNKED, chunk(A), then=until_gone), context) as server:
        end, took = stopped_after(stream(server.url), ear, lambda: ear.something.wait(5))
        assert (end.kind, took < AT_ONCE_S) == (EndKind.STOPPED, True)
        assert stream(server.url, stall_s=0.3).listen(ear).kind is EndKind.STALLED
    assert ear.lines == [A, A]


def test_a_stop_ends_a_handshake() -> None:
    with serving(until_gone) as server:
        made = stream(server.url.replace("http:", "https:"), connect_s=30.0)
        end, took = stopped_after(made, Ear(), lambda: until(lambda: server.requests))
    assert (end.kind, took < AT_ONCE_S) == (EndKind.STOPPED, True)


def test_a_certificate_that_nobody_trusts_is_no_connection(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(until_gone, context) as server:
        end = stream(server.url).listen(Ear())
    assert end.kind is EndKind.LOST
    assert "SSLCertVerificationError" in end.why


def test_without_a_server_nothing_was_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    end = stream(f"http://127.0.0.1:{port}").listen(Ear())
    assert (end.kind, end.reached, end.opened_ms, end.connected_s) == (EndKind.LOST, False, None, 0.0)
    assert end.why == "there is no connection to X (ConnectionRefusedError)"


def test_a_name_that_nobody_knows_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    end = stream("http://x.test").listen(Ear())
    assert (end.kind, end.why, end.reached) == (EndKind.LOST, "there is no connection to X (gaierror)", False)


def answer(status: int, body: object, *headers: str) -> Play:
    written = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} Some", *headers, f"Content-Length: {len(written)}", "", ""]
    return sends("\r\n".join(head).encode() + written)


def test_a_limit_says_until_when() -> None:
    end, ear = listened(answer(429, {"title": "Too Many Requests"}, "x-rate-limit-reset: 1800000000"))
    assert (end.kind, ear.told) == (EndKind.REFUSED, [])
    assert isinstance(end.error, XRateLimited)
    assert end.error.reset_at == datetime.fromtimestamp(1_800_000_000, UTC)
    assert end.why == str(end.error)


@pytest.mark.parametrize("body", [b"x" * 2_000_000, b'{"title":"Serv'], ids=["without measure", "cut"])
def test_an_error_whose_body_cannot_be_read_is_that_error(body: bytes) -> None:
    end, _ = listened(sends(b"HTTP/1.1 503 No\r\nContent-Length: 9999999\r\n\r\n", body))
    assert (end.kind, type(end.error)) == (EndKind.REFUSED, XServerError)


def test_an_error_whose_body_stays_away_is_that_error() -> None:
    play = sends(b"HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n", then=until_gone)
    end, _ = listened(play, stall_s=0.2, connect_s=0.1)
    assert (end.kind, type(end.error)) == (EndKind.REFUSED, XServerError)


def test_a_packed_error_is_read() -> None:
    body = gzip.compress(b'{"title":"ConnectionException","detail":"so it is"}')
    head = b"HTTP/1.1 429 No\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    end, _ = listened(sends(head, body))
    assert "so it is" in end.why


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere() -> None:
    with serving(until_gone) as elsewhere:
        end, _ = listened(answer(302, {}, f"Location: {elsewhere.url}/2/tweets"))
    assert (end.kind, elsewhere.requests) == (EndKind.REFUSED, [])
    assert "set ELEC_X_BASE_URL to the final address" in end.why


@pytest.mark.parametrize("closes", [True, False])
def test_what_x_says_before_it_ends_a_stream_is_told_and_kept(closes: bool) -> None:
    """X announces a disconnect in the stream and then closes; should it forget to, it is not waited for."""
    play = sends(CHUNKED, chunk(A), chunk(NOTICE), then=(lambda c: c.sendall(LAST)) if closes else until_gone)
    started = time.monotonic()
    end, ear = listened(play, stall_s=30.0)
    assert (end.kind, end.notice) == (EndKind.CLOSED, "UpstreamOperationalDisconnect")
    assert ear.lines == [A, NOTICE]
    assert "UpstreamOperationalDisconnect" in end.why
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize(
    "line",
    [
        b'{"data":{"id":"1","text":"\\"disconnect_type\\""}}\r\n',
        b'{"data":{"id":"1"},"includes":{"users":[{"username":"disconnect_type"}]}}\r\n',
        b'{"data":{"id":"1"},"errors":"disconnect_type"}\r\n',
        b'{"errors":[{"disconnect_type"\r\n',
        b'{"errors":[{"title":"Not Found","disconnect_type":""}]}\r\n',
        b"[" * 100_000 + b'"disconnect_type"\r\n',
    ],
)
def test_a_post_about_disconnects_is_none(line: bytes) -> None:
    end, ear = listened(sends(CHUNKED, chunk(line), LAST))
    assert (end.notice, ear.lines) == (None, [line])


def test_a_line_without_end_is_given_up() -> None:
    block = chunk(b"x" * 65_536)
    end, ear = listened(sends(CHUNKED, chunk(A), *[block] * 80))
    assert (end.kind, type(end.error), ear.lines) == (EndKind.LOST, XUnreadable, [A])
    assert end.why.startswith("X sent 4 MiB without a line end")


def test_a_line_just_below_the_measure_is_told() -> None:
    line = b"x" * (MOST_LINE - 2) + b"\r\n"
    end, ear = listened(sends(CHUNKED, chunk(line), LAST))
    assert (end.kind, ear.lines == [line]) == (EndKind.CLOSED, True)


@pytest.mark.parametrize("moment", ["opened", "line", "keep_alive"])
@pytest.mark.parametrize("kind", [OSError(28, "No space left on device"), KeyError("tag"), ValueError()])
def test_what_the_listener_raises_ends_the_connection_and_is_raised(
    moment: str, kind: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that is full must not look like a network that is down."""

    def refuse(*_: object) -> None:
        raise kind

    ear = Ear()
    monkeypatch.setattr(ear, moment, refuse)
    with serving(sends(CHUNKED, chunk(A), chunk(b"\r\n"), then=until_gone)) as server:
        with pytest.raises(type(kind)) as raised:
            stream(server.url).listen(ear)
        assert raised.value is kind


def test_the_request_is_the_one_that_search_makes_too() -> None:
    with serving(sends(CHUNKED, LAST)) as server:
        stream(server.url + "/base/").listen(Ear())
    head, *headers = server.requests[0].decode().split("\r\n")
    assert head.startswith("GET /base/2/tweets/search/stream?tweet.fields=attachments%2Cauthor_id")
    assert "expansions=attachments.media_keys%2Cauthor_id" in head
    assert f"Authorization: Bearer {TOKEN}" in headers


def test_a_server_that_knows_only_new_names_gets_them_at_the_next_connect() -> None:
    refusal = {"title": "Invalid Request", "errors": [{"parameters": {"tweet.fields": ["x"]}, "message": "no"}]}
    with serving(answer(400, refusal)) as server:
        made = stream(server.url)
        ends = [made.listen(Ear()) for _ in range(3)]
    asked = [request.decode().split(" ")[1] for request in server.requests]
    assert {end.kind for end in ends} == {EndKind.REFUSED}
    assert ["tweet.fields=" in path for path in asked] == [True, False, True]
    assert "post.fields=" in asked[1]
    assert "referenced_posts.id" in asked[1]


def test_the_token_and_the_posts_reach_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = b'{"data":{"id":"1","text":"what somebody said"}}\r\n'
    for play in (sends(CHUNKED, chunk(secret), LAST), sends(CHUNKED, chunk(secret)), answer(503, {"detail": "no"})):
        listened(play)
    assert TOKEN not in caplog.text
    assert "somebody" not in caplog.text


def test_what_waits_in_the_kernel_is_bounded() -> None:
    """Posts there are paid for and not yet counted: the guard of the budget can only leave room for so many."""
    with serving(until_gone) as server:
        wire = Wire()
        wire.watch(5.0)
        with wire.connect("127.0.0.1", server.port, 5.0) as connection:
            # Linux doubles what it is asked for, for its own bookkeeping, after it has cut it to its own limit.
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 2 * RECEIVE_BUFFER
        wire.close()


class Blocks:
    """An answer that gives the blocks of a script."""

    chunked = False

    def __init__(self, blocks: list[bytes]) -> None:
        self._blocks = iter(blocks)

    def read1(self, _most: int, *, decode_content: bool) -> bytes:
        assert decode_content
        return next(self._blocks, b"")


@settings(deadline=None, max_examples=25)
@given(st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"_"))), st.data())
def test_lines_are_the_same_however_they_are_cut_into_blocks(texts: list[bytes], data: st.DataObject) -> None:
    lines = [text + b"\r\n" for text in texts]
    whole = b"".join(lines) + b"rest"
    at = sorted(data.draw(st.lists(st.integers(1, len(whole) - 1), unique=True)))
    blocks = [whole[a:b] for a, b in zip([0, *at], [*at, len(whole)], strict=True)]
    reader = LineReader(Wire(), lambda: 7, 1.0)
    assert list(reader.read(Blocks(blocks))) == lines
    assert reader.rest == 4


def test_an_end_without_an_answer_is_typed() -> None:
    for play in (reset, sends(b"no HTTP at all\r\n\r\n"), sends(b"HTTP/1.1 200 OK\r\n")):
        end, _ = listened(play)
        assert (end.kind, end.opened_ms) in ((EndKind.LOST, None), (EndKind.CLOSED, end.opened_ms))
        assert isinstance(end.error, XError) == (end.kind is EndKind.LOST)
