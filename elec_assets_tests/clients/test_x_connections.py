from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from elec_assets.clients.x_connections import Held, XConnections
from elec_assets.clients.x_control import XControl
from elec_assets.clients.x_errors import XError, XForbidden
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer

Serve = Callable[..., XServer]


def connections(url: str) -> XConnections:
    return XConnections(XControl(token=TOKEN, base_url=url, timeout_s=5.0))


def answer(**body: Any) -> Fault:  # noqa: ANN401 - JSON
    return Fault(path="/2/connections*", status=200, body=body)


def test_open_streams_are_read_from_every_page(serve: Serve) -> None:
    first = {
        "id": "a",
        "endpoint_name": "filtered_stream",
        "connected_at": "2027-02-01T12:00:00.000Z",
        "client_ip": "192.0.2.1",
    }
    faults = [answer(data=[first], meta={"next_token": "more"}), answer(data=[{"id": "b"}], meta={})]
    server = serve(faults=faults)
    assert connections(server.url).active() == (
        Held("a", "filtered_stream", datetime(2027, 2, 1, 12, tzinfo=UTC), "192.0.2.1"),
        Held("b", "", None, ""),
    )
    assert server.requests[0].params["status"] == "active"
    assert server.requests[0].params["connection.fields"] == "client_ip,connected_at,endpoint_name,id"
    assert [request.params.get("pagination_token") for request in server.requests] == [None, "more"]


def test_the_app_s_streams_of_other_endpoints_are_left_alone(serve: Serve) -> None:
    rows = [{"id": "a", "endpoint_name": "sample_stream"}, {"endpoint_name": "filtered_stream"}, "odd", None]
    assert connections(serve(faults=[answer(data=rows)]).url).active() == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2027-02-01T12:00:00+01:00", datetime(2027, 2, 1, 11, tzinfo=UTC)),
        ("2027-02-01T12:00:00", datetime(2027, 2, 1, 12, tzinfo=UTC)),
        (1800000000, None),
        ("soon", None),
        (None, None),
    ],
)
def test_a_time_that_cannot_be_read_is_none(serve: Serve, written: object, read: datetime | None) -> None:
    (held,) = connections(serve(faults=[answer(data=[{"id": "a", "connected_at": written}])]).url).active()
    assert held.connected_at == read
    assert held.connected_at is None or held.connected_at.tzinfo in (UTC, timezone(timedelta(0)))


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ({"data": {"successful_kills": 1, "failed_kills": 1}}, 1),
        ({"data": {"results": [{"success": True, "uuid": "a"}, {"success": False}]}}, 1),
        ({"data": {}}, 2),
        ({"data": []}, 2),
        ({}, 2),
    ],
)
def test_how_many_were_ended_is_read_as_far_as_x_says_it(serve: Serve, said: dict[str, Any], ended: int) -> None:
    server = serve(faults=[answer(**said)])
    assert connections(server.url).end(["a", "b"]) == ended
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/2/connections")


def test_many_are_ended_in_parts_that_x_takes(serve: Serve) -> None:
    server = serve(faults=[Fault(path="/2/connections*", status=200, body={}, times=3)])
    assert connections(server.url).end([str(n) for n in range(201)]) == 201
    assert len(server.requests) == 3
    assert connections(server.url).end([]) == 0


def test_all_are_ended_at_once(serve: Serve) -> None:
    server = serve()
    connections(server.url).end_all()
    assert (server.requests[0].method, server.requests[0].path) == ("DELETE", "/2/connections/all")


def test_a_list_without_end_is_given_up(serve: Serve) -> None:
    body = {"data": [], "meta": {"next_token": "x"}}
    server = serve(faults=[Fault(path="/2/connections*", status=200, body=body, times=50)])
    assert connections(server.url).active() == ()
    assert len(server.requests) == 10


def test_an_app_that_may_not_is_told_so(serve: Serve) -> None:
    server = serve(faults=[Fault(path="/2/connections*", preset="client_not_enrolled")])
    with pytest.raises(XError) as raised:
        connections(server.url).active()
    assert type(raised.value) is XForbidden
