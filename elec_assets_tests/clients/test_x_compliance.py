"""The client of compliance jobs against the sandbox: it is bounded, says what is wrong, and tells no secret."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from elec_assets.clients.x_compliance import Job, Status, XCompliance, XJobFailed, XJobRunning
from elec_assets.clients.x_errors import (
    XError,
    XForbidden,
    XRateLimited,
    XServerError,
    XUnauthorized,
    XUnreachable,
    XUnreadable,
)
from elec_assets.sandbox.faults import Fault
from elec_assets.sandbox.x_api import TOKEN
from elec_assets.sandbox.x_http import XServer
from elec_assets.transforms.compliance_events import Action, Event
from elec_assets_tests.clients.hours import Clock

Serve = Callable[..., XServer]
Client = Callable[..., XCompliance]
JOBS = "/2/compliance/jobs"
IDS = [1888888888888888888, 1888888888888888889, 20]


@pytest.fixture
def client(clock: Clock) -> Iterator[Client]:
    """A client whose waits move the clock of the sandbox, and take no time."""
    with ExitStack() as stack:

        def seconds() -> float:
            return clock.now.timestamp()

        def make(server: XServer, **changes: Any) -> XCompliance:  # noqa: ANN401 - arguments of XCompliance
            given = {
                "token": TOKEN,
                "base_url": server.url,
                "timeout_s": 5.0,
                "sleep": clock.sleep,
                "now": seconds,
            }
            made = XCompliance(**{**given, **changes})
            stack.callback(made.close)
            return made

        yield make


def checked(x: XCompliance, ids: list[int]) -> list[Event]:
    job = x.create("mine")
    x.upload(job, ids)
    done = x.wait(job, 3600)
    assert done is not None
    return x.results(done)


def test_a_job_tells_of_the_posts_that_are_gone_and_of_no_other(serve: Serve, client: Client, clock: Clock) -> None:
    server = serve()
    server.compliance.works_s = 100
    server.compliance.fates = {str(IDS[0]): "protected", str(IDS[1]): "geo_scrubbed", str(IDS[2]): "tweet_edited"}
    assert checked(client(server), [*IDS, 7]) == [
        Event(str(IDS[0]), Action.DELETE, "protected"),
        Event(str(IDS[1]), Action.SCRUB_GEO, "geo_scrubbed"),
        Event(str(IDS[2]), Action.REHYDRATE, "tweet_edited"),
    ]
    assert clock.slept == [10.0, 20.0, 40.0, 60.0]
    (job,) = server.compliance.jobs
    assert job.ids == [str(x) for x in [*IDS, 7]]


def test_a_job_that_takes_too_long_is_left_at_x(serve: Serve, client: Client, clock: Clock) -> None:
    server = serve()
    server.compliance.works_s = 10_000
    x = client(server)
    job = x.create("mine")
    x.upload(job, IDS)
    assert x.wait(job, 600) is None
    assert sum(clock.slept) <= 600
    clock.now += timedelta(hours=3)
    again = client(server).job(job.id)
    assert again is not None
    assert again.status is Status.COMPLETE


def test_a_job_of_our_own_that_was_forgotten_makes_room(serve: Serve, client: Client) -> None:
    """A run that died between creating a job and writing it down."""
    server = serve()
    lost = client(server).create("mine")
    job = client(server).create("mine")
    assert job.id != lost.id
    assert [each.id for each in server.compliance.jobs] == [job.id]


def test_a_job_of_another_program_is_left_alone(serve: Serve, client: Client) -> None:
    server = serve()
    other = client(server).create("theirs")
    with pytest.raises(XJobRunning, match="one at a time; run again later"):
        client(server).create("mine")
    assert [each.id for each in server.compliance.jobs] == [other.id]


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_a_job_without_results_says_so(serve: Serve, client: Client, status: str) -> None:
    server = serve()
    x = client(server)
    job = x.create("mine")
    server.compliance.jobs[0].status = status
    with pytest.raises(XJobFailed, match=f"is {status}; run again later"):
        x.wait(job, 60)
    server.compliance.jobs.clear()
    assert x.job(job.id) is None
    with pytest.raises(XJobFailed, match="not known to X any more"):
        x.wait(job, 60)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(path=JOBS, preset="unauthorized"), XUnauthorized),
        (Fault(path=JOBS, preset="client_not_enrolled"), XForbidden),
        (Fault(path=JOBS, preset="rate_limit"), XRateLimited),
        (Fault(path=JOBS, preset="service_unavailable"), XServerError),
        (Fault(path=JOBS, reset=True), XUnreachable),
        (Fault(path=JOBS, status=200, body="no json"), XUnreadable),
        (Fault(path=JOBS, status=200, body={"data": {"id": "seven"}}), XUnreadable),
        (Fault(path=JOBS, status=200, body={"data": {"id": "7", "status": "thinking"}}), XUnreadable),
        (Fault(path="*/upload", status=404, body="", times=4), XServerError),
        (Fault(path="*/upload", status=403, body={"title": "Forbidden"}, times=9), XForbidden),
        (Fault(path="*/download", preset="service_unavailable", times=4), XServerError),
        (Fault(path="*/download", cut=0.5, times=4), XUnreachable),
        (Fault(path="*/download", filler_bytes=257 << 20, times=4), XUnreadable),
        (Fault(path="*/download", status=200, body="no json\n"), XUnreadable),
        (Fault(path="*/download", status=200, body='{"action":"delete"}\n'), XUnreadable),
    ],
    ids=lambda value: str(getattr(value, "path", "")),
)
def test_what_goes_wrong_has_a_type_and_tells_no_address(
    serve: Serve, client: Client, fault: Fault, error: type[XError]
) -> None:
    server = serve(faults=[fault])
    server.compliance.fates = {str(IDS[0]): "deleted"}
    with pytest.raises(error) as raised:
        checked(client(server), IDS)
    told = str(raised.value) + repr(raised.value.__cause__)
    assert "signed" not in told
    assert TOKEN not in told
    assert str(IDS[0]) not in told


@pytest.mark.parametrize("path", [f"{JOBS}/*", "*/upload", "*/download"])
def test_what_may_pass_is_tried_again(serve: Serve, client: Client, path: str) -> None:
    server = serve(faults=[Fault(path=path, preset="service_unavailable"), Fault(path=path, reset=True)])
    server.compliance.fates = {str(IDS[0]): "deleted"}
    assert [event.action for event in checked(client(server), IDS)] == [Action.DELETE]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ('{"id":7,"action":"delete","reason":"bounced","created_at":null}', Event("7", Action.DELETE, "bounced")),
        ('{"id":"7","action":"delete","reason":"scrub_geo"}', Event("7", Action.SCRUB_GEO, "scrub_geo")),
        ('{"id":"7","action":"scrub_geo","reason":"geo_scrubbed"}', Event("7", Action.SCRUB_GEO, "geo_scrubbed")),
        ('{"id":"x","error":"invalid_id"}', Event("x", Action.INVALID, "invalid_id")),
        ('{"id":"7","action":"embalm"}', Event("7", Action.UNKNOWN, "embalm")),
    ],
)
def test_results_are_read_as_x_wrote_them_and_writes_them(
    serve: Serve, client: Client, line: str, event: Event
) -> None:
    server = serve(faults=[Fault(path="*/download", status=200, body=f"{line}\r\n\n")])
    assert checked(client(server), IDS) == [event]


def test_the_token_goes_to_x_and_to_nobody_else(serve: Serve, client: Client) -> None:
    """Until 2026 the addresses were Google's, and a header of X would have given the token away."""
    server, other = serve(), serve(token="another")
    x = client(server)
    job = x.create("mine")
    elsewhere = Job(job.id, job.name, job.status, f"{other.url}/2/compliance/jobs/1/upload?token=1", "")
    with pytest.raises(XUnauthorized):
        x.upload(elsewhere, IDS)
    assert other.requests[-1].status == 401
    for address in ("http://storage.example/upload", "ftp://127.0.0.1/x", ""):
        with pytest.raises(XUnreadable, match="not https"):
            x.upload(Job(job.id, job.name, job.status, address, ""), IDS)


def test_a_job_shows_no_address() -> None:
    assert "token" not in repr(Job("7", "mine", Status.CREATED, "https://x/?token=1", "https://x/?token=2"))
