"""SNS on this machine: what moto was sent, and a server that refuses as told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from elec_assets.transforms.alert_state import Message, Severity
from elec_assets_tests.local_http import QuietHandler, serving

PHONE = "+33611223344"
MESSAGE = Message(
    7, Severity.CRITICAL, "[elec CRIT] NEW fr/a #abc123", "elec CRIT: NEW fr/a: late #abc123", "whole text"
)


def environment(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "CANARY-SECRET-KEY",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        # No configuration of this machine's user.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def sent_sms(endpoint: str) -> list[tuple[str, str]]:
    """(number, text) of all SMS that moto was asked to send."""
    return [(sms["phone_number"], sms["message"]) for sms in _held(endpoint).get("SMS", [])]


def sent_to_topics(endpoint: str) -> list[list[Any]]:
    """[message id, message, subject, attributes, group] of all that was published to topics of moto."""
    return [notification for topic in _held(endpoint).get("Topic", []) for notification in topic["sent_notifications"]]


def _held(endpoint: str) -> dict[str, list[Any]]:
    """What moto holds of SNS, by kind: nothing before it was first asked."""
    found: dict[str, list[Any]] = requests.get(f"{endpoint}/moto-api/data.json", timeout=10).json().get("sns", {})
    return found


@contextmanager
def refusing(status: int, code: str, said: str = "") -> Iterator[tuple[str, list[str]]]:
    """A server that answers everything so, or hangs up (status 0); gives its URL, and the requests it got."""
    got: list[str] = []

    class Handler(QuietHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
            got.append(self.rfile.read(int(self.headers["content-length"])).decode())
            if not status:
                self.close_connection = True
                return
            body = (
                f"<ErrorResponse><Error><Code>{code}</Code><Message>{said}</Message></Error></ErrorResponse>".encode()
            )
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

    with serving(Handler) as url:
        yield url, got
