"""The alerts of `elec demo`: another project's prefix on a sandbox of AWS, which stops by itself; the SMS on screen."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from elec_assets.operations.demo_dagster import Say

if TYPE_CHECKING:
    from elec_assets.sandbox.aws import AwsServer

ASSET = "watch/neighbour"
THRESHOLD_S = 120
_PREFIX = "data/raw/neighbour/"
_WATCHES = f"""\
# Made by `elec demo`: a project beside, which writes a file every few seconds.
watches:
  neighbour: {{bucket: BUCKET, prefix: {_PREFIX}, time_threshold: {THRESHOLD_S}, owner: a neighbour}}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the scene goes.

    Attributes:
        every: between two files, and two looks at what SNS was given.
        down_in: until the project stops, from the beginning of the scene on.
        down_after_sms: how long it stays so after its SMS came.
    """

    every: timedelta = timedelta(seconds=5)
    down_in: timedelta = timedelta(minutes=1)
    down_after_sms: timedelta = timedelta(seconds=45)


class Alerts:
    """The project and the phone: a thread that writes files, and says what SNS was given once the scene has begun."""

    def __init__(self, server: "AwsServer", bucket: str, say: Say, pace: Pace) -> None:
        self._server = server
        self._say = say
        self._pace = pace
        self._bucket = S3Store(
            bucket,
            endpoint=server.url,
            region=server.environment()["AWS_REGION"],
            access_key_id="any",
            secret_access_key="any",  # noqa: S106 - the sandbox takes any
            client_options={"allow_http": True},
        )
        self._down_at: datetime | None = None
        self._told_at: datetime | None = None
        self._shown: set[str] = set()
        self.ended = threading.Event()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the demo's processes: the sandbox of AWS, and its topic as who is told."""
        return self._server.environment()

    def begin(self, now: datetime) -> list[str]:
        """Let the project stop soon; from now on what SNS is given is said. Returns what a person is told of it."""
        self._down_at = now + self._pace.down_in
        at, after = f"{self._down_at:%H:%M:%S} UTC", THRESHOLD_S // 60
        return [
            f"A project beside ({ASSET}) writes a file every {self._pace.every.seconds} s. It stops by itself at {at}:",
            f"its SMS is shown here {after} to 5 minutes later. Then it is back, and the SMS that says so follows.",
            "`elec watch ls` shows the same.",
        ]

    def run(self) -> None:
        """Until the end of the demo."""
        while not self.ended.wait(self._pace.every.total_seconds()):
            now = datetime.now(UTC)
            if self._writes(now):
                obstore.put(self._bucket, f"{_PREFIX}{now:%Y%m%d}/{now:%H%M}.csv.gz", b"rows")
            if self._down_at is not None:
                self._show(now)

    def _writes(self, now: datetime) -> bool:
        if self._down_at is None or now < self._down_at:
            return True
        return self._told_at is not None and now - self._told_at >= self._pace.down_after_sms

    def _show(self, now: datetime) -> None:
        for sent in self._server.outbox():
            if sent.message_id not in self._shown:
                self._shown.add(sent.message_id)
                self._say(f"SMS {now:%H:%M:%S} | {sent.sms}")
                if self._told_at is None and f"NEW {ASSET}" in sent.sms:
                    self._told_at = now


@contextmanager
def alerting(folder: Path, say: Say, pace: Pace | None = None) -> Iterator[Alerts]:
    """A sandbox of AWS, and the project whose prefix the demo watches: its folder gets a watches.yaml.

    Raises:
        OSError: the file cannot be written.
    """
    # Here: moto takes some two seconds, which the demo that runs once need not pay.
    from elec_assets.sandbox.aws import BUCKET, AwsServer

    (folder / "watches.yaml").write_text(_WATCHES.replace("BUCKET", BUCKET), encoding="utf-8")
    with AwsServer() as server:
        made = Alerts(server, BUCKET, say, pace or Pace())
        thread = threading.Thread(target=made.run, name="project beside", daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.ended.set()
            thread.join()
