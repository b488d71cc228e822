"""Compliance jobs of the sandbox: the stock tweepy client first, then what X documents."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
import tweepy

from elec_assets.sandbox.x_http import XServer
from elec_assets.sandbox.x_stream_options import StreamOptions
from elec_assets_tests.clients.hours import Clock
from elec_assets_tests.sandbox.conftest import NOW

Serve = Callable[..., XServer]
TOKEN = {"Authorization": "Bearer sandbox-token"}
PLAIN = {**TOKEN, "Content-Type": "text/plain"}
IDS = ["1888888888888888888", "1888888888888888889", "20"]


def put(url: str, body: str = "\n".join(IDS), **headers: str) -> requests.Response:
    return requests.put(url, data=body, headers={**PLAIN, **headers}, timeout=10)


def created(server: XServer, **body: object) -> requests.Response:
    return requests.post(f"{server.url}/2/compliance/jobs", json={"type": "tweets", **body}, headers=TOKEN, timeout=10)


def job_of(server: XServer) -> dict[str, str]:
    return dict(created(server).json()["data"])


def test_stock_tweepy_runs_a_job(serve: Serve, tweepy_client: Callable[..., tweepy.Client]) -> None:
    server = serve()
    server.compliance.fates = {IDS[0]: "suspended", IDS[2]: "geo_scrubbed"}
    client = tweepy_client(server, return_type=dict)
    job = client.create_compliance_job("tweets", name="mine")["data"]
    assert (job["status"], job["name"], job["type"]) == ("created", "mine", "tweets")
    assert put(job["upload_url"]).status_code == 200
    listed = client.get_compliance_jobs("tweets", status="complete")["data"]
    assert [each["id"] for each in listed] == [job["id"]]
    done = client.get_compliance_job(job["id"])["data"]
    assert done["status"] == "complete"
    lines = requests.get(done["download_url"], headers=TOKEN, timeout=10).text.splitlines()
    found = [json.loads(line) for line in lines]
    assert [(e["id"], e["action"], e["reason"]) for e in found] == [
        (IDS[0], "delete", "suspended"),
        (IDS[2], "scrub_geo", "geo_scrubbed"),
    ]
    assert found[0]["deleted_at"] == found[0]["redacted_at"] == "2027-02-03T20:00:00.000Z"
    assert found[0]["created_at"] == "2025-02-10T09:52:59.000Z"
    # tweepy's own objects read it as well.
    assert tweepy_client(server).get_compliance_job(job["id"]).data["status"] == "complete"


def test_posts_that_search_leaves_out_as_deleted_are_deleted_here_too(serve: Serve) -> None:
    server = serve(stream=StreamOptions(deleted_share=1.0))
    job = job_of(server)
    put(job["upload_url"], "20\nnot an id\n")
    lines = requests.get(job["download_url"], headers=TOKEN, timeout=10).text.splitlines()
    assert [json.loads(line).get("reason") for line in lines] == ["deleted", None]
    assert json.loads(lines[1]) == {"id": "not an id", "error": "invalid_id"}


def test_one_job_of_a_type_is_active_until_it_is_over_or_ended(serve: Serve) -> None:
    clock = Clock(NOW)
    server = serve(clock=clock)
    server.compliance.works_s = 60
    first = job_of(server)
    refused = created(server)
    assert (refused.status_code, refused.json()["title"]) == (409, "Conflict")
    assert created(server, type="users").status_code == 200
    put(first["upload_url"])
    assert created(server).status_code == 409
    assert requests.get(first["download_url"], headers=TOKEN, timeout=10).status_code == 404
    clock.now += timedelta(seconds=60)
    second = job_of(server)
    gone = requests.delete(f"{server.url}/2/compliance/jobs/{second['id']}", headers=TOKEN, timeout=10)
    assert gone.json() == {"data": {"deleted": True}}
    over = requests.delete(f"{server.url}/2/compliance/jobs/{first['id']}", headers=TOKEN, timeout=10)
    assert over.status_code == 409
    assert requests.get(f"{server.url}/2/compliance/jobs/{second['id']}", headers=TOKEN, timeout=10).status_code == 404


def test_signed_addresses_are_for_one_thing_and_one_time(serve: Serve) -> None:
    clock = Clock(NOW)
    server = serve(clock=clock)
    job = job_of(server)
    assert (
        requests.put(job["upload_url"], data="1", headers={"Content-Type": "text/plain"}, timeout=10).status_code == 401
    )
    assert put(job["upload_url"].replace("signed", "forged")).status_code == 401
    assert put(job["upload_url"].partition("token=")[0] + job["download_url"].partition("?")[2]).status_code == 403
    assert put(job["upload_url"], **{"Content-Type": "application/json"}).status_code == 400
    clock.now += timedelta(minutes=16)
    assert put(job["upload_url"]).status_code == 403
    listed = requests.get(f"{server.url}/2/compliance/jobs", params={"type": "tweets"}, headers=TOKEN, timeout=10)
    assert [each["status"] for each in listed.json()["data"]] == ["expired"]
    again = job_of(server)
    assert put(again["upload_url"]).status_code == 200
    assert put(again["upload_url"]).status_code == 409
    clock.now += timedelta(days=7, minutes=1)
    assert requests.get(again["download_url"], headers=TOKEN, timeout=10).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"type": "posts"},
        {"name": 7},
        {"name": "x" * 65},
        {"resumable": True},
        {"more": 1},
    ],
)
def test_a_body_that_is_not_as_documented_is_refused(serve: Serve, body: dict[str, object]) -> None:
    answer = created(serve(), **body)
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Request")


def test_a_listing_needs_a_type_and_knows_its_values(serve: Serve, get: Callable[..., requests.Response]) -> None:
    server = serve()
    assert get(server, "/2/compliance/jobs").status_code == 400
    assert get(server, "/2/compliance/jobs", type="posts").status_code == 400
    assert get(server, "/2/compliance/jobs", type="tweets", status="done").status_code == 400
    assert get(server, "/2/compliance/jobs", type="tweets").json() == {"meta": {"result_count": 0}}
    assert get(server, "/2/compliance/jobs/1/else").status_code == 404
