import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from elec_assets.sandbox.serve import start_x
from elec_assets.sandbox.world import Scene
from elec_assets.sandbox.x_http import XServer

RECENT = "/2/tweets/search/recent"
Serve = Callable[..., XServer]
Get = Callable[..., requests.Response]


def test_one_connection_serves_many_pages_without_nagle(serve: Serve, get: Get) -> None:
    server = serve()
    token: dict[str, str] = {}
    for _ in range(30):
        meta = get(server, RECENT, query="essai OR test", **token).json()["meta"]
        token = {"next_token": meta["next_token"]}
    assert len(server.requests) == 30
    (connection,) = server.connections()
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_bound_to_loopback_alone(serve: Serve, get: Get) -> None:
    server = serve()
    get(server, "/2/usage/tweets")
    assert server.url.startswith("http://127.0.0.1:")
    (connection,) = server.connections()
    assert connection.getsockname()[0] == "127.0.0.1"


def test_stop_closes_idle_connections_and_the_port(scene: Scene) -> None:
    before = threading.active_count()
    with start_x(scene=scene) as server, requests.Session() as session:
        session.get(server.url + RECENT, timeout=10)
        assert server.connections()
        port = int(server.url.rsplit(":", 1)[1])
    assert server.connections() == []
    assert threading.active_count() == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_port_can_be_chosen_and_taken_again(scene: Scene) -> None:
    with start_x(scene=scene) as server:
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            start_x(scene=scene, port=port)
    with start_x(scene=scene, port=port) as server:
        assert server.url.endswith(f":{port}")


def test_a_source_is_needed_and_one_alone(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either a scene or files"):
        start_x()
    with pytest.raises(ValueError, match="either a scene or files"):
        start_x(scene=scene, replay=[tmp_path])


def test_the_token_is_checked(serve: Serve, get: Get) -> None:
    assert get(serve(token="other"), RECENT, query="a").status_code == 401


def test_the_log_holds_what_was_asked(serve: Serve, get: Get, quiet: Scene) -> None:
    server = serve(scene=quiet)
    get(server, RECENT, query="Élodie OR co+1", max_results="20")
    (entry,) = server.requests
    assert (entry.method, entry.path, entry.status) == ("GET", RECENT, 200)
    assert entry.params == {"query": "Élodie OR co+1", "max_results": "20"}


def test_many_callers_at_once_get_the_same(serve: Serve) -> None:
    server = serve()
    bodies: list[bytes] = []

    def ask() -> None:
        headers = {"Authorization": "Bearer sandbox-token"}
        params = {"query": "essai OR test", "max_results": "100"}
        bodies.append(requests.get(server.url + RECENT, params=params, headers=headers, timeout=30).content)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 6
    assert len(set(bodies)) == 1
