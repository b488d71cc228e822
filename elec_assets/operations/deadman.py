"""`elec deadman`: whether the alerts live, from outside what they run on. Imports no Dagster."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from elec_assets.clients.deadman_memory import note_path
from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.clients.store import open_store
from elec_assets.handlers.deadman import Verdict, check
from elec_assets.operations.report import DONE
from elec_assets.settings import Settings

TOLD_DEAD = 3
"""Not 1, which is also what a crash ends with: deploy/compose.yaml takes 3 for work that was done."""


@dataclass(frozen=True, slots=True)
class DeadmanReport:
    """What was found, and who was told of it."""

    verdict: Verdict
    target: str

    @property
    def exit_code(self) -> int:
        """3 where the alerts are dead, which somebody was told."""
        return DONE if self.verdict.alive else TOLD_DEAD

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        told = self.verdict.told
        said = None if told is None else told.sms
        return {"alive": self.verdict.alive, "wrong": self.verdict.wrong, "told": said, "target": self.target}

    def lines(self) -> list[str]:
        """For a person, or the mail of a cron."""
        found = "alive" if self.verdict.alive else f"DEAD: {self.verdict.wrong}"
        if self.verdict.told is not None:
            return [f"{found}; told {self.target}"]
        return [found if self.verdict.alive else f"{found}; {self.target} was told less than 4 hours ago"]


def deadman(settings: Settings, now: datetime, max_age: timedelta) -> DeadmanReport:
    """Look at the heartbeat, and speak if it is too old, or beats again.

    Raises:
        SnsTargetInvalid: who is told is not set, or not in its form.
        SnsError: it had to speak, and could not.
        StoreError: the place of the store is none.
    """
    phone = settings.alert_phone
    target = SnsTarget(
        topic_arn=settings.alert_topic_arn,
        phone=None if phone is None else phone.get_secret_value(),
        region=settings.aws_region,
    )
    store = open_store(settings.store_url, allow_http=settings.store_allows_http)
    note = note_path(store.url, settings.aws_endpoint_url or "")
    verdict = check(store, Sns(target), now, max_age=max_age, label=settings.alert_label, note=note)
    return DeadmanReport(verdict, str(target))
