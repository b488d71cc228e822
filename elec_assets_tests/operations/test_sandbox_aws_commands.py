"""What `elec sandbox aws` says of messages: each once, as it comes. The server itself: `test_sandbox_aws.py`."""

import threading
from datetime import UTC, datetime
from typing import cast

from elec_assets.operations.sandbox_aws_commands import follow
from elec_assets.sandbox.aws import AwsServer, Sent

NOW = datetime(2027, 2, 1, 12, 0, 30, tzinfo=UTC)


class Slow:
    """An outbox into which another message comes between two looks; told to end at the third."""

    def __init__(self, ended: threading.Event) -> None:
        self.sent: list[Sent] = []
        self.ended = ended

    def outbox(self) -> list[Sent]:
        self.sent.append(Sent(f"id{len(self.sent)}", "topic elec-alerts", f"message {len(self.sent)}"))
        if len(self.sent) == 3:
            self.ended.set()
        return self.sent


def test_each_message_is_said_once_and_the_last_ones_too() -> None:
    ended, said = threading.Event(), list[str]()
    follow(cast(AwsServer, Slow(ended)), ended, said.append, lambda: NOW)
    assert said[:3] == [f"12:00:30 topic elec-alerts: message {n}" for n in range(3)]
    assert len(said) == 4, "what came while it was told to end"
