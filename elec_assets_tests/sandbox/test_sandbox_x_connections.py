"""Who may connect to the stream, ghosts, and the endpoints that list and end connections."""

import time
from collections.abc import Callable

import pytest

from elec_assets.domain.windows import epoch_ms, from_epoch_ms
from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.sandbox.conftest import NOW
from elec_assets_tests.sandbox.streams import (
    CONNECTIONS,
    FAST,
    STREAM,
    Live,
    RawStream,
    call,
    wait_for,
)

Serve = Callable[..., XServer]


def test_a_second_connection_is_refused_until_the_first_has_ended(live: Live) -> None:
    server = live()
    with RawStream(server) as first:
        first.take(1)
        refused = call(server, "GET", STREAM)
        assert (refused.status_code, refused.json()["connection_issue"]) == (429, "TooManyConnections")
        assert int(refused.headers["x-rate-limit-remaining"]) == 48
    wait_for(lambda: not server.stream.connections.active())
    with RawStream(server) as second:
        assert second.status == 200
    assert [(c.status, c.why, c.connection) for c in server.stream.connects] == [
        (200, None, 1),
        (429, "TooManyConnections", None),
        (200, None, 2),
    ]
    assert server.stream.ghosts == []


def test_a_client_that_dies_leaves_a_ghost_for_a_time(live: Live) -> None:
    server = live(ghost_s=60)
    with RawStream(server) as first:
        first.take(1)
    wait_for(lambda: len(server.stream.ghosts) == 1)
    (ghost,) = server.stream.ghosts
    assert call(server, "GET", STREAM).status_code == 429
    assert ghost.ended_ms is not None
    assert ghost.ghost_until_ms == ghost.ended_ms + 60_000
    wait_for(lambda: not server.stream.connections.active())
    with RawStream(server) as second:
        assert second.status == 200
    last = server.stream.connects[-1]
    assert ghost.ghost_until_ms <= last.at_ms < ghost.ghost_until_ms + FAST * 2_000


def test_connections_are_listed_and_ghosts_ended_by_request(live: Live) -> None:
    server = live(ghost_s=100_000)
    with RawStream(server) as first:
        first.take(1)
    wait_for(lambda: len(server.stream.ghosts) == 1)
    (shown,) = call(server, "GET", CONNECTIONS, params={"status": "active"}).json()["data"]
    assert shown["endpoint_name"] == "filtered_stream"
    assert shown["disconnect_reason"] == "ClientClosed"
    assert call(server, "GET", CONNECTIONS, params={"status": "inactive"}).json() == {"meta": {"result_count": 0}}
    ended = call(server, "DELETE", CONNECTIONS, json={"uuids": [shown["id"], "nobody"]}).json()["data"]
    assert (ended["successful_kills"], ended["failed_kills"]) == (1, 1)
    assert [r["success"] for r in ended["results"]] == [True, False]
    assert call(server, "GET", CONNECTIONS).json() == {"meta": {"result_count": 0}}
    everything = call(server, "GET", CONNECTIONS, params={"status": "all", "connection.fields": "id"}).json()
    assert everything["data"] == [{"id": shown["id"]}]
    with RawStream(server) as second:
        assert second.status == 200


@pytest.mark.parametrize("path", ["all", "filtered_stream"])
def test_a_running_connection_is_ended_by_request(live: Live, path: str) -> None:
    server = live()
    with RawStream(server) as stream:
        stream.take(1)
        assert call(server, "DELETE", f"{CONNECTIONS}/sample_stream").json()["data"]["successful_kills"] == 0
        assert call(server, "DELETE", f"{CONNECTIONS}/{path}").json()["data"]["successful_kills"] == 1
        stream.to_end()
    assert stream.finished
    assert stream.messages[-1]["errors"][0]["disconnect_type"] == "ForceDisconnect"
    assert call(server, "GET", CONNECTIONS).json()["meta"]["result_count"] == 0


@pytest.mark.parametrize("body", [b"{", b"{}", b'{"uuids": []}', b'{"uuids": "a"}'])
def test_uuids_must_be_given(serve: Serve, body: bytes) -> None:
    assert call(serve(), "DELETE", CONNECTIONS, data=body).status_code == 400


@pytest.mark.parametrize(
    "params", [{"status": "dead"}, {"max_results": "0"}, {"max_results": "x"}, {"connection.fields": "id,colour"}]
)
def test_connections_are_listed_by_known_parameters_only(serve: Serve, params: dict[str, str]) -> None:
    assert call(serve(), "GET", CONNECTIONS, params=params).status_code == 400


def test_fifty_connects_in_a_quarter_of_an_hour(serve: Serve) -> None:
    server = serve(stream=StreamOptions(connect_limit=50))
    statuses = [call(server, "GET", STREAM).status_code for _ in range(50)]
    refused = call(server, "GET", STREAM)
    assert set(statuses) == {409}
    assert (refused.status_code, refused.headers["x-rate-limit-remaining"]) == (429, "0")
    assert int(refused.headers["x-rate-limit-reset"]) == int(NOW.timestamp()) + 900
    assert server.stream.connects[-1].status == 429
    assert [call(serve(stream=StreamOptions(connect_limit=0)), "GET", STREAM).status_code for _ in range(2)] == [
        409
    ] * 2


def test_truth_tells_when_nothing_was_delivering(live: Live) -> None:
    server = live()
    with RawStream(server) as stream:
        stream.take(3)
        (first,) = server.stream.connections.active()
    wait_for(lambda: first.ended_ms is not None)
    time.sleep(0.1)
    with RawStream(server) as stream:
        stream.take(3)
        (second,) = server.stream.connections.active()
        end = from_epoch_ms(server.stream.delivered[-1].at_ms)
        (before, between) = server.stream.outages(NOW, end)
    assert before == (epoch_ms(NOW), first.opened_ms)
    assert between[1] == second.opened_ms
    assert first.ended_ms is not None
    assert first.ended_ms - 2_000 * FAST < between[0] <= first.ended_ms
    assert between[1] - between[0] >= 0.1 * FAST * 1000 - 1
    times = [d.at_ms for d in server.stream.delivered]
    assert not any(start <= at < stop for start, stop in (before, between) for at in times)


def test_a_client_that_does_not_read_is_dropped(serve: Serve) -> None:
    lines = (b"x" * 100_000 for _ in range(10_000))
    server = serve(clock=FastClock(NOW, 100), stream=StreamOptions(lines=lines, rate=1_000, slow_reader_s=10))
    with RawStream(server) as stream:
        wait_for(lambda: not server.stream.connections.active(), seconds=8)
        stream.to_end()
    assert stream.ended == "reset"
    shown = call(server, "GET", CONNECTIONS, params={"status": "inactive"}).json()["data"]
    assert shown[0]["disconnect_reason"] == "SlowReader"
