import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from elec_assets.sandbox.faults import Fault, FaultScript, load_faults
from elec_assets.sandbox.world import Scene
from elec_assets.sandbox.x_http import XServer

RECENT, COUNTS = "/2/tweets/search/recent", "/2/tweets/counts/recent"
Serve = Callable[..., XServer]
Get = Callable[..., requests.Response]


def test_faults_are_used_up_in_order_by_path() -> None:
    script = FaultScript([Fault(status=500, times=2), Fault(path="/b*", status=402, skip=1)])
    taken = [script.take(p) for p in ("/a", "/b", "/b", "/a", "/b", "/b")]
    assert [f.status if f else None for f in taken] == [500, 500, None, None, 402, None]
    assert script.left == 0


def test_status_body_and_headers(serve: Serve, get: Get, quiet: Scene) -> None:
    server = serve(scene=quiet, faults=[Fault(status=429, body={"a": 1}, headers={"x-rate-limit-remaining": "0"})])
    answer = get(server, RECENT, query="a")
    assert (answer.status_code, answer.json(), answer.headers["x-rate-limit-remaining"]) == (429, {"a": 1}, "0")
    assert get(server, RECENT, query="a").status_code == 200
    assert [r.status for r in server.requests] == [429, 200]


def test_a_preset_and_a_text_body(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(preset="credits_depleted"), Fault(status=503, body="<html>no</html>")])
    assert get(server, RECENT, query="a").json()["title"] == "CreditsDepleted"
    assert get(server, RECENT, query="a").text == "<html>no</html>"
    assert server.bill.posts == 0


def test_a_cut_body(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(cut=0.5)])
    with pytest.raises(requests.exceptions.RequestException):
        get(server, RECENT, query="essai")
    assert get(server, RECENT, query="essai").status_code == 200


def test_a_reset_connection(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(reset=True)])
    with pytest.raises(requests.exceptions.ConnectionError, match="Connection reset"):
        get(server, RECENT, query="essai")
    assert get(server, RECENT, query="essai").status_code == 200
    assert [r.status for r in server.requests] == [0, 200]


def test_a_redirect(serve: Serve, get: Get, quiet: Scene) -> None:
    server = serve(scene=quiet)
    server.faults.add(Fault(redirect=f"{server.url}{COUNTS}?query=essai"))
    answer = get(server, RECENT, query="essai")
    assert "total_tweet_count" in answer.json()["meta"]
    assert [r.status for r in server.requests] == [302, 200]


def test_a_delay(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(delay_s=0.2)])
    start = time.monotonic()
    assert get(server, "/2/usage/tweets").status_code == 200
    assert time.monotonic() - start >= 0.2


def test_a_packed_body_with_and_without_length(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(gzip=True), Fault(gzip=True, no_length=True)])
    whole, ended = (get(server, RECENT, query="essai") for _ in range(2))
    assert whole.json() == ended.json() == get(server, RECENT, query="essai").json()
    assert whole.headers["Content-Encoding"] == ended.headers["Content-Encoding"] == "gzip"
    assert int(whole.headers["Content-Length"]) < len(whole.content)
    assert "Content-Length" not in ended.headers


def test_a_body_that_drips_and_one_of_spaces(serve: Serve, get: Get) -> None:
    server = serve(faults=[Fault(body="x" * 40, drip_s=0.005), Fault(filler_bytes=3_000_000)])
    start = time.monotonic()
    assert get(server, RECENT, query="essai").text == "x" * 40
    assert time.monotonic() - start >= 0.2
    assert get(server, RECENT, query="essai").content == b" " * 3_000_000


def test_a_small_body_drips_byte_by_byte(serve: Serve) -> None:
    """Bodies below 8 kB stayed in the writer's buffer and came at once, after the time that they should have taken.

    So nothing that waits for slow bytes was tested by them: a client that gives up in the middle saw no byte at all.
    """
    server = serve(faults=[Fault(body="x" * 40, drip_s=0.01)])
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as client:
        client.sendall(b"GET /2/usage/tweets HTTP/1.1\r\nHost: sandbox\r\n\r\n")
        received = client.recv(1 << 16)
        while b"\r\n\r\n" not in received:
            received += client.recv(1 << 16)
        reads = 0
        while not received.endswith(b"x" * 40):
            received += client.recv(1 << 16)
            reads += 1
    assert reads >= 10


def test_faults_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"path": "/2/*", "preset": "rate_limit", "times": 3}, {"cut": 0.1}]))
    assert load_faults(path) == [Fault(path="/2/*", preset="rate_limit", times=3), Fault(cut=0.1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "must hold a list"),
        ('[{"cut": 0.1}, {"statsu": 500}]', "fault 2: statsu is not known"),
        ("[5]", "fault 1: 5 is not known"),
        ('[{"preset": "nothing"}]', "fault 1: preset is 'nothing', must be one of usage_cap_exceeded"),
        ('[{"cut": 2}]', "fault 1: cut is 2"),
        ('[{"times": 0}]', "fault 1: times"),
        ('[{"drip_s": -1}]', "fault 1: times must be 1 or more; skip, delay_s, drip_s and filler_bytes 0 or more"),
        ('[{"times": "x"}]', "fault 1"),
    ],
)
def test_bad_fault_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_faults(path)
    assert str(path) in str(error.value)
