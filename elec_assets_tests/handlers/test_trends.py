"""Google Trends asked by a Lambda: the real runtime client over a Runtime API of our own, from asset to table."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import dagster as dg
import pytest

from elec_assets.domain import layout_trends
from elec_assets.settings import Settings
from elec_assets_tests.deployment import Deployment, failure
from elec_assets_tests.handlers.runtime_api import Invocation, LocalLambda, local_lambda
from elec_assets_tests.trends_place import BLOCK, DAY, PEOPLE, Searched, product, searched

# The 4 KB of log that come back hold nothing but what Pipes wrote last.
HANDLER = "elec_assets_tests.handlers.noisy.handler"
AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
TAIL = 4096
# Made of a comparison, and of each candidate alone.
WANTED = product("fr", "daily", "interest_over_time", "related_topics")


@dataclass(frozen=True)
class OnLambda(Deployment):
    """A deployment whose runs have Google asked by a Lambda; an invocation ends after one question."""

    def settings(self) -> Settings:
        far = {"trends_lambda": "trends", "trends_lambda_stop_s": 0.0, "aws_region": "us-east-1"}
        return super().settings().model_copy(update=far)


@dataclass(frozen=True)
class Far:
    """A deployment, its Lambda, and the Google that this asks."""

    place: Searched
    function: LocalLambda

    def run(self, *products: str, **options: object) -> dg.ExecuteInProcessResult:
        return self.place.run(*products, **options)

    def logged(self, result: dg.ExecuteInProcessResult) -> str:
        return "\n".join(str(entry) for entry in self.place.place.instance.all_logs(result.run_id))


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """One for all tests: each takes partitions of its own, in one warm environment."""
    folder = tmp_path_factory.mktemp("far")
    with pytest.MonkeyPatch.context() as m, dg.DagsterInstance.ephemeral() as instance:
        for name in [n for n in os.environ if n.startswith(("ELEC_", "X_", "AWS_", "DAGSTER_"))]:
            m.delenv(name)
        with (
            searched(folder, instance) as near,
            local_lambda(HANDLER, {"ELEC_STORE": (folder / "store").resolve().as_uri(), **AWS}) as function,
        ):
            place = near.place
            on_lambda = OnLambda(folder, place.registry, instance, place.x_url, None, near.google.url)
            for name, value in {**AWS, "AWS_ENDPOINT_URL": function.url}.items():
                m.setenv(name, value)
            yield Far(replace(near, place=on_lambda), function)


@pytest.fixture(scope="module")
def made(far: Far) -> dg.ExecuteInProcessResult:
    """A day, asked question by question."""
    return far.run(*WANTED, partition=DAY)


@pytest.fixture
def since(far: Far) -> int:
    """How many invocations there were before the test."""
    return len(far.function.invocations)


def of_day(far: Far) -> list[Invocation]:
    """The invocations of `made`, which are the first."""
    return [one for one in far.function.invocations if one.read.get("partition") == DAY][: 1 + len(PEOPLE)]


def lines(log: bytes) -> list[str]:
    """The lines of the tail of a log, which may begin within a letter."""
    return log[-TAIL:].decode(errors="replace").splitlines()


def test_a_day_is_asked_invocation_by_invocation_and_its_tables_are_recorded(
    far: Far, made: dg.ExecuteInProcessResult, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    assert made.success, failure(made)
    outcomes = [json.loads(invocation.payload)["outcome"] for invocation in of_day(far)]
    assert outcomes == ["partial"] * len(PEOPLE) + ["done"]
    assert far.function.starts == 1
    recorded = [event.step_materialization_data.materialization for event in made.get_asset_materialization_events()]
    assert sorted(m.asset_key.path[-1] for m in recorded) == ["interest_over_time", "related_topics"]
    assert {m.metadata["requests"].value for m in recorded} == {2 + 2 * len(PEOPLE)}
    assert all(check.passed for check in made.get_asset_check_evaluations())
    # The same of the same answers as in the run's own process.
    place = far.place.place
    objects = place.objects()
    shutil.copytree(place.store, tmp_path / "store")
    for derived in ("tables", "coverage"):
        shutil.rmtree(tmp_path / "store" / place.election.key / "data" / derived)
    own = Deployment(tmp_path, place.registry, instance, place.x_url)
    assert own.run(*WANTED, partition=DAY).success
    assert own.objects() == objects


def test_what_the_lambda_says_comes_back_whatever_else_it_logs(far: Far, made: dg.ExecuteInProcessResult) -> None:
    logged = far.logged(made)
    assert "[pipes] did not receive" not in logged
    for invocation in of_day(far):
        assert len(invocation.log) > 2 * TAIL
        # Also the first message is in the tail, and the answer with it.
        [opened, said, told, closed] = [json.loads(line) for line in lines(invocation.log)[-4:]]
        assert (opened["method"], closed["method"]) == ("opened", "closed")
        assert told["params"]["payload"] == json.loads(invocation.payload)
        assert said["params"]["message"] in logged
        assert sum(map(len, lines(invocation.log)[-4:])) < TAIL / 4
        assert len(invocation.event) < 20_000


def test_the_run_alone_keeps_the_state_and_the_cookie_is_told_nowhere(
    far: Far, made: dg.ExecuteInProcessResult
) -> None:
    objects = far.place.place.objects("state/")
    cookie = json.loads(objects[layout_trends.cookies()])["nid"]
    assert len(cookie) > 20
    assert not [key for key in objects if "/lent/" in key or key == layout_trends.loan()]
    assert {request.cookie for request in far.place.google.requests} == {"", cookie}
    shown = [i.log + i.payload + i.event for i in far.function.invocations]
    assert not [text for text in shown if cookie.encode() in text]
    assert cookie not in far.logged(made)


def test_the_lambda_loads_no_dagster(far: Far, made: dg.ExecuteInProcessResult) -> None:
    assert made.success
    logs = "".join(one.log.decode() for one in of_day(far))
    [loaded] = set(re.findall(r"loaded: (.+)", logs))
    assert "dagster_pipes" in loaded
    assert not {"dagster", "dagster_aws", "boto3"} & set(loaded.replace("'", " ").split())


def test_an_error_of_its_own_is_told_without_its_text_and_the_next_invocation_works(
    far: Far, made: dg.ExecuteInProcessResult
) -> None:
    assert made.success
    before = far.function.starts
    event = far.function.invocations[0].read
    client = boto3.session.Session().client("lambda", region_name="us-east-1")

    def invoke(changed: dict[str, object], *without: str) -> dict[str, object]:
        sent = {name: value for name, value in {**event, **changed}.items() if not name.startswith(without or "-")}
        response = client.invoke(FunctionName="trends", Payload=json.dumps(sent))
        told: dict[str, object] = json.loads(response["Payload"].read())
        return told

    # Which urllib3 refuses, in a sentence of its own.
    broken = invoke({"source": {**event["source"], "timeout_s": -1}, "partition": "2026-02-09", "told": None})
    assert broken["errorType"] == "CollectionBroke"
    assert re.fullmatch(r"ValueError at \w+\.py:\d+; report this message", str(broken["errorMessage"]))
    log = far.function.invocations[-1].log
    assert b"imeout" not in log + json.dumps(broken).encode()
    assert invoke({"told": None})["outcome"] == "done"
    # `aws lambda invoke` by hand: Pipes is not there.
    assert invoke({"told": None}, "DAGSTER_PIPES")["outcome"] == "done"
    refused = invoke({"format": 99})
    assert refused["problem"] == "the event has format 99, this Lambda reads up to 1: deploy the same image"
    assert invoke({"tables": ["nonsense"]})["kind"] == "event"
    assert far.function.starts == before


def test_a_throttle_makes_no_failed_run_and_the_next_takes_one_invocation_for_a_block_of_hours(
    far: Far, since: int
) -> None:
    wanted = product("fr", "hourly", "interest_over_time")
    far.function.refusals += [(429, "TooManyRequestsException")] * 4
    result = far.run(*wanted, span=BLOCK)
    assert result.success, failure(result)
    assert not result.get_asset_materialization_events()
    assert "AWS starts no more invocations now (too many at once in this account); run again" in far.logged(result)
    assert len(far.function.invocations) == since
    assert len(far.run(*wanted, span=BLOCK).get_asset_materialization_events()) == 4
    assert len(far.function.invocations) == since + 1


@pytest.mark.prove  # three runs: 3 s of CPU
def test_a_connection_that_is_cut_leaves_an_invocation_at_work_beside_which_nobody_asks(far: Far, since: int) -> None:
    """As with a killed run: nothing ends the invocation, and what it does is not lost."""
    place, google, function = far.place.place, far.place.google, far.function
    function.cuts_after_s.append(0.1)
    function.released.clear()
    day = "2026-02-10"
    asked = len(google.requests)
    cut = far.run(*WANTED, partition=day)
    assert "the connection was lost before it answered (ConnectionClosedError); it may still be at work" in failure(cut)
    [at_work] = function.invocations[since:]
    assert not at_work.done.is_set()
    beside = far.run(*WANTED, partition=day)
    assert beside.success, failure(beside)
    assert "may still ask; run again then" in far.logged(beside)
    assert function.invocations[since:] == [at_work]
    function.released.set()
    assert at_work.done.wait(60)
    after = far.run(*WANTED, partition=day)
    assert len(after.get_asset_materialization_events()) == 2, failure(after)
    repeated = Counter((r.asked.widget, r.asked.keywords) for r in google.requests[asked:] if r.asked.widget)
    assert set(repeated.values()) == {1}
    left = place.objects("state/google_trends/")
    assert not [key for key in left if at_work.read["invocation"] in key or key == layout_trends.loan()]


@pytest.mark.prove  # a second start of the environment: 2 s of CPU
def test_an_invocation_that_lambda_ends_fails_the_run_in_a_sentence_and_the_next_goes_on(far: Far) -> None:
    before = far.function.starts
    wanted = product("fr", "daily", "related_queries")
    far.function.timeout_s = 0.0
    result = far.run(*wanted, partition="2026-02-08")
    assert not result.success
    assert (
        "the Lambda trends ended with an error (Sandbox.Timedout: Task timed out after 0.00 seconds); what it stored "
        "stays, look at its log, and run again"
    ) in failure(result)
    far.function.timeout_s = 900.0
    result = far.run(*wanted, partition="2026-02-08")
    assert result.success, failure(result)
    assert far.function.starts > before
