"""S3 and SNS on 127.0.0.1: moto's, with an outbox that can be read. In memory: all is gone at the end.

A process has one such AWS: moto keeps its state in the modules themselves, and a new server begins with none.
"""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Thread
from types import TracebackType
from typing import Self

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from werkzeug.serving import make_server

REGION = "eu-west-3"
BUCKET = "elec-sandbox"
TOPIC = "elec-alerts"
_KEY = "sandbox"  # moto takes any


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that SNS was given.

    Attributes:
        message_id: the id that SNS gave it.
        to: the name of the topic, or the number with its middle hidden.
        sms: what a phone would show.
        subject, text, severity: of an e-mail; empty for a message to a number.
    """

    message_id: str
    to: str
    sms: str
    subject: str = ""
    text: str = ""
    severity: str = ""


class _Quiet(MotoRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the outbox is what is to be seen."""


class AwsServer:
    """A running server with one bucket and one topic; leave the context or call `stop` to end it."""

    def __init__(self, port: int = 0) -> None:
        """Start it.

        Args:
            port: 0 for any free one.

        Raises:
            OSError: the port is taken.
        """
        # Bound here: werkzeug ends the whole process where a port is taken.
        with socket.socket() as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", port))
            bound.listen(128)
            app = DomainDispatcherApplication(create_backend_app)
            self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, fd=bound.fileno())
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = Thread(target=self._server.serve_forever, name="sandbox of AWS", daemon=True)
        self._thread.start()
        self.topic_arn = self._made()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """The variables that lead to it, with its topic as who is told."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "ELEC_ALERT_TOPIC_ARN": self.topic_arn,
        }

    def outbox(self) -> list[Sent]:
        """All that SNS was given, in the order of its coming to each topic, then to numbers."""
        return [*_to_topics(), *_to_numbers()]

    def _made(self) -> str:
        """A bucket, and the ARN of a topic, in an empty AWS."""
        for backends in (s3_backends, sns_backends):
            backends.reset()
        session = boto3.session.Session(_KEY, _KEY, region_name=REGION)
        where = {"LocationConstraint": REGION}
        session.client("s3", endpoint_url=self.url).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        return str(session.client("sns", endpoint_url=self.url).create_topic(Name=TOPIC)["TopicArn"])


def _to_topics() -> Iterator[Sent]:
    for backend in list(sns_backends[DEFAULT_ACCOUNT_ID].values()):
        for topic in list(backend.topics.values()):
            for message_id, body, subject, attributes, _ in list(topic.sent_notifications):
                texts = _texts(body)
                severity = str((attributes or {}).get("severity", {}).get("Value", ""))
                yield Sent(message_id, f"topic {topic.name}", texts["sms"], subject or "", texts["email"], severity)


def _texts(body: str) -> dict[str, str]:
    """The texts by kind of subscriber; one text alone is that of all."""
    try:
        texts = json.loads(body)
    except ValueError:
        texts = None
    held = texts if isinstance(texts, dict) and isinstance(texts.get("default"), str) else {"default": body}
    return {kind: str(held.get(kind, held["default"])) for kind in ("sms", "email")}


def _to_numbers() -> Iterator[Sent]:
    for backend in list(sns_backends[DEFAULT_ACCOUNT_ID].values()):
        for message_id, (number, text) in list(backend.sms_messages.items()):
            yield Sent(message_id, f"{number[:3]}***{number[-2:]}", text)
