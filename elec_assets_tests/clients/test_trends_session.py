"""How requests to Google Trends travel: the cookie between processes, and answers without end or measure."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from elec_assets.clients.store import Store
from elec_assets.clients.trends_calls import COOKIE as COOKIE_CALL
from elec_assets.clients.trends_errors import TrendsGarbled, TrendsUnreachable
from elec_assets.clients.trends_session import MOST_BYTES, TrendsSession
from elec_assets.sandbox.trends_faults import TrendsFault
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.clients.trends import Google
from elec_assets_tests.local_http import QuietHandler, serving

StartGoogle = Callable[..., Google]
KEY = "state/google_trends/cookies.json"


@dataclass
class Visits:
    """Processes that visit a baker of cookies one after the other, with one store.

    The baker sets those in `set_cookies`, and keeps in `came` what comes with a request.
    """

    store: Store
    clock: Clock
    port: str = ""
    came: list[str] = field(default_factory=list)
    set_cookies: list[str] = field(default_factory=list)

    def visit(self, times: int = 1, host: str = "127.0.0.1") -> list[str]:
        """Cookies that one process sends."""
        self.came.clear()
        session = TrendsSession(f"http://{host}:{self.port}/trends", self.store, 10, self.clock)
        for _ in range(times):
            session.send(COOKIE_CALL)
        session.close()
        return list(self.came)


@pytest.fixture
def visits(on_disk: Store, clock: Clock) -> Iterator[Visits]:
    made = Visits(on_disk, clock)

    class Baker(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
            made.came.append(self.headers.get("Cookie", ""))
            self.send_response(404)
            for cookie in made.set_cookies:
                self.send_header("Set-Cookie", cookie)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serving(Baker) as url:
        made.port = url.rpartition(":")[2]
        yield made


def test_a_cookie_is_sent_back_by_this_process_and_the_next(visits: Visits) -> None:
    visits.set_cookies[:] = ["NID=511=abc; path=/; HttpOnly"]
    assert visits.visit(2) == ["", "NID=511=abc"]
    assert visits.visit() == ["NID=511=abc"]


def test_a_new_cookie_takes_the_place_of_the_old(visits: Visits) -> None:
    visits.set_cookies[:] = ["NID=old; path=/"]
    visits.visit()
    visits.set_cookies[:] = ["NID=new; path=/"]
    assert visits.visit(2) == ["NID=old", "NID=new"]
    visits.set_cookies.clear()
    assert visits.visit() == ["NID=new"]


def test_no_other_cookie_is_taken(visits: Visits) -> None:
    visits.set_cookies[:] = ["AEC=x; path=/", "NID=; path=/", "nid=y; path=/", "NID=z; domain=.google.com; path=/"]
    assert visits.visit(3) == ["", "", ""]
    assert visits.store.find(KEY) is None


def test_a_cookie_goes_to_the_host_that_gave_it_and_no_other(visits: Visits) -> None:
    """One of the sandbox must never reach Google, nor Google's the sandbox."""
    visits.set_cookies[:] = ["NID=secret; path=/"]
    visits.visit()
    visits.set_cookies.clear()
    assert visits.visit(host="localhost") == [""]
    assert visits.visit() == ["NID=secret"]


def test_a_cookie_is_not_sent_after_its_end(visits: Visits) -> None:
    end = datetime.now(UTC) + timedelta(days=183)  # the library takes no cookie that is over by the machine's clock
    visits.set_cookies[:] = [f"NID=half-a-year; expires={format_datetime(end, usegmt=True)}; path=/"]
    visits.clock.now = end - timedelta(days=183)
    visits.visit()
    visits.set_cookies.clear()
    visits.clock.now = end - timedelta(seconds=5)
    assert visits.visit() == ["NID=half-a-year"]
    visits.clock.now = end
    assert visits.visit() == [""]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b'{"host":"x","nid":3}', b'{"host":"x","nid":"canary","expires_at":"soon"}', b"[" * 50_000],
)
def test_a_damaged_cookie_is_replaced_and_not_shown(
    visits: Visits, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    visits.store.put(KEY, content.replace(b'"x"', f'"127.0.0.1:{visits.port}"'.encode()))
    visits.set_cookies[:] = ["NID=fresh; path=/"]
    with caplog.at_level(logging.DEBUG):
        assert visits.visit(2) == ["", "NID=fresh"]
    assert f"{KEY} is not readable; Google is asked for a new cookie" in caplog.text
    assert "canary" not in caplog.text
    assert visits.visit() == ["NID=fresh"]


def test_a_cookie_of_a_newer_program_is_not_used(visits: Visits) -> None:
    host = f"127.0.0.1:{visits.port}"
    visits.store.put(KEY, f'{{"host":"{host}","nid":"of-2","version":2}}'.encode())
    assert visits.visit() == [""]


def test_an_answer_is_bounded_as_a_whole(google: StartGoogle) -> None:
    """How each of its parts is bounded is shown where X's transport is tested, which is the same."""
    world = google(faults=[TrendsFault(delay_s=0.6)])
    with pytest.raises(
        TrendsUnreachable, match=r"not whole after 0.2 s; run again later, or raise ELEC_TRENDS_TIMEOUT_S"
    ):
        world.session(total_s=0.2).send(COOKIE_CALL)


@pytest.mark.parametrize("gzip", [False, True])
def test_an_answer_without_measure_is_given_up(google: StartGoogle, gzip: bool) -> None:
    fault = TrendsFault(gzip=True, body=" " * (MOST_BYTES + 1)) if gzip else TrendsFault(filler_bytes=1 << 30)
    world = google(faults=[fault])
    with pytest.raises(TrendsGarbled, match="longer than 8 MiB and was given up"):
        world.session().send(COOKIE_CALL)


def test_a_host_that_is_not_there_is_told_without_its_address(google: StartGoogle) -> None:
    """The text of the library's error holds the whole address, and with it the token of a widget."""
    world = google()
    world.server.stop()
    with pytest.raises(TrendsUnreachable) as told:
        world.session().send(COOKIE_CALL)
    assert str(told.value) == "no whole answer from Google Trends (ConnectionError); run again later"
    assert told.value.__suppress_context__
