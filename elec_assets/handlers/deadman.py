"""The dead-man switch: says that the alerts themselves have fallen silent, from outside the host that they run on.

`elec deadman --max-age 15m` in a cron of another host, or a Lambda on a schedule of a few minutes, whose handler is
`elec_assets.handlers.deadman.handler`. It reads one object of the store, publishes by SNS itself, and imports no
Dagster. What it cannot read is as bad as what is old: then it speaks too.

Rights: `s3:GetObject` on `state/heartbeat.json` and `state/deadman.json` (with `s3:ListBucket`), `s3:PutObject` on the
latter, `sns:Publish` on the target. Where the store refuses, it remembers in a note on its machine (in Lambda as long
as the environment is warm); where that fails too, it speaks at every run.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elec_assets.clients.alert_state import Publisher
from elec_assets.clients.deadman_memory import DeadmanMemory, note_path
from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.clients.store import Store, StoreError, open_store
from elec_assets.domain import layout_alerts
from elec_assets.transforms.alert_state import Message
from elec_assets.transforms.heartbeat import Over, alive_again, dead_message, silent_since, spoken

MAX_AGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to: whether the alerts live, what is wrong, and the message that was sent, if any."""

    alive: bool
    wrong: str = ""
    told: Message | None = None


def check(
    store: Store,
    publisher: Publisher,
    now: datetime,
    *,
    max_age: timedelta = MAX_AGE,
    label: str,
    note: Path | None = None,
) -> Verdict:
    """Read the heartbeat and speak if it is older than `max_age`: at once, every 4 hours, and when it beats again.

    `note` is where it remembers that beside the store: see `note_path`.

    Raises:
        SnsError: it had to speak, and could not; the next run tries again.
    """
    silent = _silent(store, now, max_age)
    memory = DeadmanMemory(store, note)
    before = memory.speaking(now)
    if silent is None:
        told = None
        if before is not None:
            told = alive_again(before, now, label)
            publisher.publish(told)
            memory.keep(Over(over_at=now))
        return Verdict(alive=True, told=told)
    since, wrong = silent
    said = spoken(since, before, now)
    if said is None:
        return Verdict(alive=False, wrong=wrong)
    message = dead_message(wrong, said, label)
    publisher.publish(message)
    memory.keep(said)
    return Verdict(alive=False, wrong=wrong, told=message)


def handler(event: dict[str, object], context: object) -> dict[str, object]:  # noqa: ARG001 - Lambda passes both
    """The Lambda: `event` may hold `max_age_s` and `label`; store and target come from the environment.

    Raises:
        SnsTargetInvalid, StoreError, SnsError: it cannot do its work; Lambda counts it as an error.
    """
    # Not from settings: pydantic takes 0.3 s of a cold start (2026-11-22), and its checks are of no use here.
    target = SnsTarget(
        topic_arn=os.environ.get("ELEC_ALERT_TOPIC_ARN") or None,
        phone=os.environ.get("ELEC_ALERT_PHONE") or None,
        region=os.environ.get("AWS_REGION"),
    )
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    store = open_store(os.environ.get("ELEC_STORE", ""), allow_http=endpoint.startswith("http://"))
    max_age = timedelta(seconds=float(str(event.get("max_age_s", MAX_AGE.total_seconds()))))
    label = str(event.get("label", "elec"))
    note = note_path(store.url, endpoint)
    verdict = check(store, Sns(target), datetime.now(UTC), max_age=max_age, label=label, note=note)
    return {"alive": verdict.alive, "wrong": verdict.wrong, "told": verdict.told is not None}


def _silent(store: Store, now: datetime, max_age: timedelta) -> tuple[datetime | None, str] | None:
    try:
        return silent_since(store.find(layout_alerts.heartbeat()), now, max_age)
    except StoreError:
        return None, "the store cannot be read"
