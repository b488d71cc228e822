"""Secrets on moto, and a place of secrets that answers whatever a test says."""

import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3

from elec_assets_tests.clients.sns_place import environment
from elec_assets_tests.local_http import QuietHandler, serving

REGION = "eu-west-3"


@dataclass(frozen=True)
class Kept:
    """Secrets kept on a server of AWS's, by variable; `place` is what ELEC_SECRETS says."""

    endpoint: str
    place: str

    @property
    def variables(self) -> dict[str, str]:
        """What leads to them, with credentials of no one."""
        return {**environment(self.endpoint), "AWS_REGION": REGION, "ELEC_SECRETS": self.place}


def _client(endpoint: str, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def parameters(endpoint: str, values: Mapping[str, str]) -> Kept:
    """Encrypted parameters of SSM below a path of their own."""
    path = f"/elec/{uuid.uuid4().hex}/"
    for name, value in values.items():
        _client(endpoint, "ssm").put_parameter(Name=f"{path}{name}", Value=value, Type="SecureString")
    return Kept(endpoint, f"ssm:{path}")


def secret(endpoint: str, text: str) -> Kept:
    """One secret of Secrets Manager."""
    name = f"elec/{uuid.uuid4().hex}"
    _client(endpoint, "secretsmanager").create_secret(Name=name, SecretString=text)
    return Kept(endpoint, f"secretsmanager:{name}")


def kept(kind: str, endpoint: str, values: Mapping[str, str]) -> Kept:
    """Secrets in a place of either kind."""
    return parameters(endpoint, values) if kind == "ssm" else secret(endpoint, json.dumps(values))


@dataclass
class Answering:
    """A server that answers every request with an error of AWS's, or keeps silent (status 0)."""

    status: int
    code: str
    said: str = ""
    got: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def answering(told: Answering) -> Iterator[str]:
    """Run it; gives its URL."""

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            told.got.append(self.rfile.read(int(self.headers["content-length"])).decode())
            if not told.status:
                told.ended.wait(20)
                return
            self.answer(told.status, json.dumps({"__type": told.code, "message": told.said}).encode())

    with serving(Handler) as url:
        try:
            yield url
        finally:
            told.ended.set()
