"""Who is told: the sensor that looks at everything twice a minute and turns what is wrong into messages, once each.

One writer of what alerts remember: Dagster's daemon evaluates a sensor in one process at a time, and looks take turns
by a file lock. What cannot be judged (Dagster's records or the store do not answer) raises: then nothing is told or
taken to be over, there is no heartbeat, and the dead-man switch speaks.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from elec_assets.assets import parts
from elec_assets.assets.watched import INCIDENTS
from elec_assets.clients.alert_state import AlertDesk, Look
from elec_assets.clients.rate_governor import lock_path
from elec_assets.clients.sns import Sns, SnsTarget
from elec_assets.domain.registry import Election
from elec_assets.domain.watches import Watch
from elec_assets.domain.windows import iso
from elec_assets.resources import StoreResource, utc_now
from elec_assets.sensors_facts import Gatherer
from elec_assets.settings import Settings
from elec_assets.transforms.alert_conditions import conditions
from elec_assets.transforms.alert_state import Rules, State
from elec_assets.transforms.charts_alerts import phase, shown, timeline

NAME = "alerts"
_EVERY_S = 30
_TABLE = 50
_COLUMNS = {
    "incident": "string",
    "state": "string",
    "severity": "string",
    "condition": "string",
    "wrong": "string",
    "since": "string",
    "until": "string",
    "muted": "string",
}
_NOBODY = "nobody to tell: set ELEC_ALERT_TOPIC_ARN or ELEC_ALERT_PHONE"


def alert_target(settings: Settings) -> SnsTarget | None:
    """Who is told; None where neither a topic nor a number is set.

    Raises:
        SnsTargetInvalid: both are set, or one that is not in its form.
    """
    if settings.alert_topic_arn is None and settings.alert_phone is None:
        return None
    phone = None if settings.alert_phone is None else settings.alert_phone.get_secret_value()
    return SnsTarget(topic_arn=settings.alert_topic_arn, phone=phone, region=settings.aws_region)


def alerts_sensor(
    settings: Settings,
    elections: Iterable[Election],
    watches: Mapping[str, Watch],
    blocking: Mapping[dg.AssetCheckKey, bool],
    *,
    clock: Callable[[], datetime] = utc_now,
) -> dg.SensorDefinition:
    """The sensor `alerts`; `blocking` holds all asset checks, and whether each holds back what comes after.

    Raises:
        SnsTargetInvalid: who is told is not set as SNS takes it.
    """
    target = alert_target(settings)
    gatherer = Gatherer(settings, elections, watches, blocking)
    publisher = None if target is None else Sns(target)

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Looks twice a minute at freshness, planned partitions, runs, checks, coverage, budgets, disks, releases "
            "and watched prefixes, and tells by SNS what is wrong and what is over, each once. Starts no run."
        ),
    )
    def alerts(context: dg.SensorEvaluationContext, store: StoreResource) -> dg.SkipReason:
        if publisher is None:
            return dg.SkipReason(_NOBODY)
        now = clock().replace(microsecond=0)
        opened = store.open()
        facts = gatherer.facts(context.instance, opened, now, _assets_of(context.repository_def))
        found = conditions(facts)
        rules = Rules(
            label=settings.alert_label,
            timezone=facts.timezone,
            per_hour=settings.alert_per_hour,
            per_month=settings.alert_per_month,
        )
        look = AlertDesk(store=opened, publisher=publisher, rules=rules, lock=_lock(opened.url)).look(found, now)
        if look.state is None:
            return dg.SkipReason("another look is under way")
        _show(context, look.state, now)
        return dg.SkipReason(_said(context, look, len(found)))

    return alerts


def _lock(store_url: str) -> Path:
    """Beside the lock of Google Trends: in the store's directory, or in the temporary folder of this host."""
    other = lock_path(store_url)
    return other.with_name(".alerts.lock" if store_url.startswith("file:") else f"{other.stem}-alerts.lock")


def _said(context: dg.SensorEvaluationContext, look: Look, found: int) -> str:
    """What the tick shows; a message that was not sent is an error in its log."""
    if look.error is not None:
        context.log.error(f"alerts could not be sent: {look.error}")
        return f"{found} things are wrong; the message could not be sent: {look.error}"
    told = f", message {look.published.number} sent" if look.published is not None else ""
    return f"{found} things are wrong{told}"


def _assets_of(repository: dg.RepositoryDefinition | None) -> Callable[[str], Collection[dg.AssetKey]]:
    """The assets that a job makes, by its name; none of a job that is not there any more."""

    def assets(job: str) -> Collection[dg.AssetKey]:
        if repository is None or not repository.has_job(job):
            return ()
        return repository.get_job(job).asset_layer.selected_asset_keys

    return assets


def _show(context: dg.SensorEvaluationContext, state: State, now: datetime) -> None:
    """Record the incidents of the last days with `alerts/incidents`, when they changed; each hour while any is open."""
    incidents = shown(state, now)
    phases = [f"{i.id} {phase(i)} {i.severity}" for i in incidents]
    hour = f"{now:%Y%m%d%H}" if any(i.ended_at is None for i in incidents) else ""
    digest = hashlib.sha256("\n".join([hour, *phases]).encode()).hexdigest()[:16]
    if digest == context.cursor or (not incidents and not context.cursor):
        return
    counts = {name: sum(phase(i) == name for i in incidents) for name in ("open", "muted")}
    rows = [
        {
            "incident": f"#{i.id}",
            "state": phase(i),
            "severity": i.loudest.value,
            "condition": i.condition.key,
            "wrong": i.condition.wrong,
            "since": iso(i.condition.since.replace(microsecond=0)),
            "until": "" if i.ended_at is None else iso(i.ended_at.replace(microsecond=0)),
            "muted": i.muted,
        }
        for i in incidents[:_TABLE]
    ]
    metadata: dict[str, Any] = {
        **counts,
        "timeline": parts.picture(timeline(state, now), "incidents of the last 7 days"),
        "incidents": parts.preview(rows, _COLUMNS),
        "messages_this_month": state.sent_in_month,
    }
    context.instance.report_runless_asset_event(dg.AssetMaterialization(INCIDENTS, metadata=metadata))
    context.update_cursor(digest)
