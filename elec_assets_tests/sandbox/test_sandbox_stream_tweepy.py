"""The stock StreamingClient of tweepy against the stream: it works, and fails as it was measured to fail."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
import tweepy

from elec_assets.sandbox.clock import FastClock
from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_faults import StreamFault
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.sandbox.conftest import NOW
from elec_assets_tests.sandbox.streams import CONNECTIONS, EVERYTHING, WORLD, add_rules, call, wait_for

FAST = 300
Client = Callable[..., Any]
Live = Callable[..., XServer]


class Listener(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy has no types
    """Stock but for callbacks that remember what they were told."""

    def __init__(self, token: str, **options: Any) -> None:  # noqa: ANN401 - as tweepy's
        super().__init__(token, **options)
        self.posts: list[tweepy.Tweet] = []
        self.tags: list[str] = []
        self.told: list[str] = []
        self.errors: list[Any] = []

    def on_connect(self) -> None:
        self.told.append("connect")

    def on_tweet(self, tweet: tweepy.Tweet) -> None:
        self.posts.append(tweet)

    def on_matching_rules(self, matching_rules: list[tweepy.StreamRule]) -> None:
        self.tags += [rule.tag for rule in matching_rules]

    def on_errors(self, errors: list[Any]) -> None:
        self.errors += errors

    def on_keep_alive(self) -> None:
        self.told.append("keep-alive")

    def on_closed(self, response: requests.Response) -> None:
        self.told.append(f"closed {response.status_code}")

    def on_request_error(self, status_code: int) -> None:
        self.told.append(f"refused {status_code}")
        self.disconnect()

    def on_connection_error(self) -> None:
        self.told.append("lost")

    def on_exception(self, exception: Exception) -> None:
        self.told.append(f"exception {exception!r}")

    def on_disconnect(self) -> None:
        self.told.append("disconnect")


@pytest.fixture
def live(serve: Callable[..., XServer]) -> Live:
    def start(*faults: StreamFault, **options: Any) -> XServer:  # noqa: ANN401 - as StreamOptions
        stream = StreamOptions(**{"rules_lag_s": 0, **options})
        return serve(scene=WORLD, clock=FastClock(NOW, FAST), stream=stream, faults=faults)

    return start


def listening(client: Listener) -> threading.Thread:
    thread: threading.Thread = client.filter(threaded=True, expansions=["author_id"], tweet_fields=["created_at"])
    return thread


def stopped(server: XServer, client: Listener, thread: threading.Thread) -> None:
    """Stock tweepy stops at the next byte, and not between two connects: end its stream as well."""
    client.disconnect()
    call(server, "DELETE", f"{CONNECTIONS}/all")
    thread.join(5)
    assert not thread.is_alive()


def test_rules_posts_keep_alives_and_a_disconnect(live: Live, tweepy_client: Client) -> None:
    server = live(keep_alive_s=1)
    client: Listener = tweepy_client(server, Listener)
    made = client.add_rules([tweepy.StreamRule(EVERYTHING, tag="elec:all"), tweepy.StreamRule("nobody", tag="x")])
    assert made.meta["summary"]["created"] == 2
    client.delete_rules([made.data[1].id])
    assert [rule.tag for rule in client.get_rules().data] == ["elec:all"]
    thread = listening(client)
    wait_for(lambda: len(client.posts) >= 5 and "keep-alive" in client.told)
    stopped(server, client, thread)
    assert client.told[0] == "connect"
    assert client.told[-1] == "disconnect"
    sent = [d.id for d in server.stream.delivered]
    assert [str(post.id) for post in client.posts] == sent[: len(client.posts)]
    assert set(client.tags) == {"elec:all"}
    assert all(post.created_at is not None and post.author_id is not None for post in client.posts)


def test_a_duplicate_rule_is_told_without_an_exception(live: Live, tweepy_client: Client) -> None:
    client: Listener = tweepy_client(live(), Listener)
    client.add_rules(tweepy.StreamRule("essai", tag="a"))
    again = client.add_rules(tweepy.StreamRule("essai", tag="b"))
    assert (again.data, again.errors[0]["title"]) == (None, "DuplicateRule")
    assert client.add_rules(tweepy.StreamRule("autre"), dry_run=True).meta["summary"]["created"] == 1
    assert len(client.get_rules().data) == 1


def test_a_clean_close_is_followed_by_a_connect_at_once(live: Live, tweepy_client: Client) -> None:
    """Measured: 408 connects in 2 s. X allows 50 in 15 minutes: the sandbox counts them."""
    server = live(*[StreamFault("close", after_lines=n) for n in range(1, 80)])
    add_rules(server, (EVERYTHING, None))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    wait_for(lambda: "refused 429" in client.told, seconds=10)
    stopped(server, client, thread)
    connects = server.stream.connects
    assert [c.status for c in connects] == [200] * 50 + [429]
    assert connects[-1].why == "Rate limit exceeded"
    assert client.told.count("closed 200") == 50


def test_an_operational_disconnect_is_told_as_errors(live: Live, tweepy_client: Client) -> None:
    server = live(StreamFault("disconnect", after_lines=2))
    add_rules(server, (EVERYTHING, None))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    wait_for(lambda: "closed 200" in client.told and len(client.posts) > 2)
    stopped(server, client, thread)
    assert client.errors[0]["disconnect_type"] == "OperationalDisconnect"


@pytest.mark.parametrize(
    ("fault", "exception"), [("no_tag", "KeyError('tag')"), ("bad_json", "JSONDecodeError"), ("cut", None)]
)
def test_one_odd_line_ends_the_stream_for_good(
    live: Live, tweepy_client: Client, caplog: pytest.LogCaptureFixture, fault: str, exception: str | None
) -> None:
    """Measured: a rule without tag, or a line that is no JSON. One that is cut is dropped, and the stream goes on."""
    caplog.set_level(logging.CRITICAL, "tweepy")
    server = live(StreamFault(fault, after_lines=3))
    add_rules(server, (EVERYTHING, None))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    if exception is None:
        wait_for(lambda: len(client.posts) > 5)
        stopped(server, client, thread)
        assert "lost" in client.told or "closed 200" in client.told
        assert len(server.stream.connects) == 2
        return
    thread.join(5)
    assert not thread.is_alive()
    assert any(exception in told for told in client.told)
    assert client.told[-1] == "disconnect"
    assert len(server.stream.connects) == 1


def test_a_reset_is_followed_by_another_connect(live: Live, tweepy_client: Client) -> None:
    server = live(StreamFault("reset", after_lines=3))
    add_rules(server, (EVERYTHING, None))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    wait_for(lambda: len(client.posts) > 5)
    stopped(server, client, thread)
    assert client.told.count("connect") == 2
    assert [c.status for c in server.stream.connects] == [200, 200]


@pytest.mark.parametrize(("preset", "status"), [("credits_depleted", 402), ("client_not_enrolled", 403)])
def test_a_refusal_is_told_by_its_status_alone(live: Live, tweepy_client: Client, preset: str, status: int) -> None:
    """Stock tweepy would ask again for ever; a client that disconnects when it is told does so at once."""
    server = live(StreamFault("refuse", after_s=0, preset=preset))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    thread.join(4)
    assert not thread.is_alive()
    assert client.told == [f"refused {status}", "disconnect"]
    assert [c.status for c in server.stream.connects] == [status]


def test_a_stream_in_gzip_is_read(live: Live, tweepy_client: Client) -> None:
    server = live(StreamFault("gzip", after_s=0))
    add_rules(server, (EVERYTHING, None))
    client: Listener = tweepy_client(server, Listener)
    thread = listening(client)
    wait_for(lambda: len(client.posts) >= 5)
    stopped(server, client, thread)
    sent = [d.id for d in server.stream.delivered]
    assert [str(post.id) for post in client.posts] == sent[: len(client.posts)]
