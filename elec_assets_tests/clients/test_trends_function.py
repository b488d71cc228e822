"""The Lambda as boto3 calls it: once for a call, and each way of failing in a sentence of its own."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from elec_assets.clients.trends_function import FunctionFailed, TrendsFunction
from elec_assets.clients.trends_task import TrendsAnswer
from elec_assets.domain.outcomes import Outcome
from elec_assets_tests.local_http import QuietHandler, serving

SECRET = "NID=511=do-not-tell"


@dataclass
class Service:
    """What AWS answers, and how often it was asked. Without a status the connection is cut; a stall never ends."""

    status: int | None = 200
    body: bytes = b'{"outcome": "done", "requests": 3}'
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: bool = False
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def aws(service: Service) -> Iterator[str]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            service.asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            if service.stall:
                service.ended.wait(30)
            if service.status is None or service.stall:
                self.close_connection = True
                return
            self.send_response(service.status)
            for name, value in {**service.headers, "Content-Length": str(len(service.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(service.body)

    with serving(Handler) as url:
        try:
            yield url
        finally:
            service.ended.set()


Invoke = Callable[..., tuple[TrendsFunction, Any]]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Invoke a function of a service once; gives the function, and what came back or was raised."""

    def once(service: Service, *, read_s: float = 5.0, name: str = "trends") -> tuple[TrendsFunction, Any]:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(variable, "testing")
        function = TrendsFunction(name, "eu-west-3", read_s=read_s)
        with aws(service) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            try:
                return function, function.invoke(FunctionName=name, Payload="{}", LogType="Tail")
            except FunctionFailed as error:
                return function, error

    return once


def test_the_answer_is_kept_and_the_tail_of_the_log_handed_on(invoke: Invoke) -> None:
    log = base64.b64encode(b"line\n").decode()
    function, response = invoke(Service(headers={"X-Amz-Log-Result": log}))
    assert function.answer == TrendsAnswer(outcome="done", requests=3)
    assert response == {"LogResult": log}


def test_a_log_cut_within_a_letter_can_be_read(invoke: Invoke) -> None:
    """The last 4,096 bytes may begin with the second byte of an é: PipesLambdaClient would fail to decode them."""
    cut = "éa\n".encode()[1:]
    _, response = invoke(Service(headers={"X-Amz-Log-Result": base64.b64encode(cut).decode()}))
    assert base64.b64decode(response["LogResult"]).decode().endswith("a\n")


@pytest.mark.parametrize(
    ("status", "code", "outcome", "ended", "told"),
    [
        (429, "TooManyRequestsException", Outcome.THROTTLED, True, "AWS starts no more invocations now"),
        (404, "ResourceNotFoundException", Outcome.ERROR, True, "there is no such function; check ELEC_TRENDS_LAMBDA"),
        (403, "AccessDeniedException", Outcome.ERROR, True, "no right lambda:InvokeFunction on it"),
        (413, "RequestTooLargeException", Outcome.ERROR, True, "AWS answered 413 RequestTooLargeException"),
        (500, "ServiceException", Outcome.ERROR, False, "AWS answered 500 ServiceException"),
        (502, "EC2UnexpectedException", Outcome.ERROR, False, "AWS answered 502"),
    ],
)
def test_what_aws_refuses_is_told_and_asked_once(
    invoke: Invoke, status: int, code: str, outcome: Outcome, ended: bool, told: str
) -> None:
    body = json.dumps({"Message": SECRET}).encode()
    service = Service(status, body, {"x-amzn-ErrorType": code})
    function, error = invoke(service)
    assert isinstance(error, FunctionFailed)
    assert (error.outcome, error.ended) == (outcome, ended)
    assert str(error).startswith("the Lambda trends: ")
    assert told in str(error)
    assert SECRET not in str(error)
    assert service.asked == ["/2015-03-31/functions/trends/invocations"]
    assert function.answer is None


@pytest.mark.parametrize("service", [Service(status=None), Service(stall=True)], ids=["cut", "stall"])
def test_a_connection_without_an_answer_may_hide_an_invocation_at_work_and_is_not_repeated(
    invoke: Invoke, service: Service
) -> None:
    _, error = invoke(service, read_s=0.3)
    assert isinstance(error, FunctionFailed)
    assert not error.ended
    assert "the connection was lost before it answered" in str(error)
    assert len(service.asked) == 1


def test_where_nothing_listens_nothing_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with aws(Service()) as gone:
        pass
    for variable, value in {
        "AWS_ENDPOINT_URL": gone, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }.items():  # fmt: skip
        monkeypatch.setenv(variable, value)
    with pytest.raises(FunctionFailed, match="AWS cannot be reached") as raised:
        TrendsFunction("trends", "eu-west-3").invoke(FunctionName="trends", Payload="{}")
    assert raised.value.ended
    with pytest.raises(FunctionFailed, match="NoRegionError; set AWS_REGION"):
        TrendsFunction("trends", None).invoke(FunctionName="trends", Payload="{}")


def test_without_credentials_the_sentence_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(FunctionFailed, match="no AWS credentials; set AWS_ACCESS_KEY_ID"):
        TrendsFunction("trends", "eu-west-3").invoke(FunctionName="trends", Payload="{}")


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 900.00 seconds"}, "after 900.00 s"),
        ({"errorType": "CollectionBroke", "errorMessage": "KeyError at trends_block.py:9"}, "KeyError at trends_block"),
        ({"errorType": "ValueError", "errorMessage": SECRET}, "(ValueError)"),
        ([SECRET], "(unknown)"),
    ],
)
def test_an_error_of_the_function_is_told_by_its_kind_and_nobody_elses_text(
    invoke: Invoke, payload: object, shown: str
) -> None:
    service = Service(body=json.dumps(payload).encode(), headers={"X-Amz-Function-Error": "Unhandled"})
    _, error = invoke(service)
    assert isinstance(error, FunctionFailed)
    assert error.ended
    assert shown in str(error)
    assert SECRET not in str(error)


def test_an_arn_names_its_region(invoke: Invoke) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:trends"
    service = Service()
    function, _ = invoke(service, name=arn)
    assert function.answer is not None
    assert service.asked[0].endswith("%3Afunction%3Atrends/invocations")


def test_boto3_waits_longer_than_any_invocation_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda ends one after 900 s; boto3's own 60 s would end the call while it works."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = TrendsFunction("trends", "eu-west-3")._client()
    config = client.meta.config
    assert config.read_timeout > 900
    assert config.retries == {"total_max_attempts": 1, "mode": "legacy"} or config.retries["total_max_attempts"] == 1
    assert config.tcp_keepalive is True
