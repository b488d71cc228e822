"""Fixtures of the sandbox's tests: servers on a fixed clock, the stock tweepy client, the recordings."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy
from requests.adapters import HTTPAdapter

from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.serve import start_trends, start_x
from elec_assets.sandbox.world import Person, Scene
from elec_assets.sandbox.x_fields import Spelling
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.sandbox import trends
from elec_assets_tests.sandbox.streams import EVERYTHING, FAST, WORLD, Live, add_rules
from elec_assets_tests.worlds import world_of

NOW = datetime(2027, 2, 3, 20, 0, tzinfo=UTC)
REPOSITORY = Path(__file__).parents[2]


class RebaseAdapter(HTTPAdapter):
    """Sends what is meant for X's host to another root: tweepy has no setting for it."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,  # noqa: ANN401 - requests publishes no name for its type
        verify: bool | str = True,
        cert: Any = None,  # noqa: ANN401 - as above
        proxies: Any = None,  # noqa: ANN401 - as above
    ) -> requests.Response:
        request.url = (request.url or "").replace("https://api.twitter.com", self._base)
        return super().send(request, stream, timeout, verify, cert, proxies)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def scene() -> Scene:
    people = tuple(Person(f"person{i}", f"Élodie Numéro{i}", (f"Compte_{i}",), (f"sigle{i}",)) for i in range(8))
    return Scene(seed=11, people=people, posts_per_hour=600)


@pytest.fixture
def quiet() -> Scene:
    """Little to look through: for questions about a whole week."""
    return Scene(seed=1, people=(), posts_per_hour=5)


@pytest.fixture
def serve(scene: Scene) -> Iterator[Callable[..., XServer]]:
    """Start a server over the scene (or a replay), by default at NOW; all are stopped at the end."""
    with ExitStack() as stack:

        def start(**options: Any) -> XServer:  # noqa: ANN401 - what start_x takes
            given = {"clock": lambda: NOW, **({} if "replay" in options else {"scene": scene}), **options}
            if isinstance(given.get("scene"), Scene):
                given["scene"] = world_of(given["scene"])
            return stack.enter_context(start_x(**given))

        yield start


@pytest.fixture
def live(serve: Callable[..., XServer]) -> Live:
    """Start a server on a clock that runs FAST, with faults, and a rule at once that matches every post in French."""

    def start(
        *faults: StreamFault | Fault,
        clock: FastClock | None = None,
        spelling: Spelling = "tweet",
        **options: Any,  # noqa: ANN401 - as StreamOptions
    ) -> XServer:
        stream = StreamOptions(**{"rules_lag_s": 0, **options})
        server = serve(
            scene=WORLD, clock=clock or FastClock(NOW, FAST), spelling=spelling, stream=stream, faults=faults
        )
        add_rules(server, (EVERYTHING, "all"))
        return server

    return start


@pytest.fixture
def tweepy_client() -> Iterator[Callable[..., tweepy.Client]]:
    """A stock tweepy client (or StreamingClient) that talks to a server."""
    with ExitStack() as stack:

        def make(server: XServer, kind: type[tweepy.client.BaseClient] = tweepy.Client, **options: Any) -> Any:  # noqa: ANN401 - tweepy has no types
            client = kind("sandbox-token", **options)
            stack.enter_context(client.session)
            client.session.mount("https://api.twitter.com", RebaseAdapter(server.url))
            return client

        yield make


@pytest.fixture
def get() -> Iterator[Callable[..., requests.Response]]:
    """GET a path of a server with the right token: `get(server, "/2/...", query="cat")`; `.` in names as `__`."""
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer sandbox-token"

        def fetch(server: XServer, path: str, **params: str) -> requests.Response:
            named = {name.replace("__", "."): value for name, value in params.items()}
            return session.get(server.url + path, params=named, timeout=10)

        yield fetch


@pytest.fixture
def clock() -> trends.Clock:
    """The clock of `google`; move it."""
    return trends.Clock()


@pytest.fixture
def google(clock: trends.Clock) -> Iterator[trends.StartTrends]:
    """Start a Google Trends over the small scene (or a replay), and a client of it; all are stopped at the end."""
    with ExitStack() as stack:

        def start(**options: Any) -> trends.Client:  # noqa: ANN401 - what start_trends takes
            source = {} if "replay" in options else {"world": trends.WORLD}
            client = trends.Client(stack.enter_context(start_trends(**{"clock": clock, **source, **options})))
            stack.enter_context(client.session)
            return client

        yield start


@pytest.fixture(scope="session")
def recordings() -> Path:
    return _recordings_of("x")


@pytest.fixture(scope="session")
def trends_recordings() -> Path:
    return _recordings_of("google_trends")


def _recordings_of(system: str) -> Path:
    folder = Path(os.environ.get("ELEC_TEST_RECORDINGS") or REPOSITORY / ".." / "shared" / "data") / system
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}: set ELEC_TEST_RECORDINGS")
    return folder
