"""Why an incident is not told now: a cause upstream speaks for it, or it is a warning at night."""

from collections.abc import Mapping
from datetime import datetime

from elec_assets.transforms.alert_state import Incident, Rules


def muted_by(
    incident: Incident, incidents: Mapping[str, Incident], now: datetime, rules: Rules
) -> tuple[str, datetime | None]:
    """Why it is muted (empty: it is not), and until when at least, should its cause end."""
    cause = speaker(incident, incidents)
    if cause is not None:
        until = now + rules.cause_grace if cause.fired_at is not None else incident.muted_until
        return f"cause: {cause.condition.key}", until
    if incident.muted_until is not None and now < incident.muted_until:
        return "its cause has just ended", incident.muted_until
    quiet = rules.is_quiet(incident.severity, incident.condition.timezone, now)
    return ("quiet hours" if quiet else ""), None


def speaker(incident: Incident, incidents: Mapping[str, Incident]) -> Incident | None:
    """The incident upstream that speaks for this one: the nearest at least as severe; None: it speaks for itself.

    A warning never mutes what is critical. Of causes that go round in a circle the most severe speaks, then the first
    by key, or nobody would.
    """
    chain = [incident]
    while True:
        cause = incidents.get(chain[-1].condition.cause or "")
        if cause is None:
            break
        if cause in chain:
            circle = chain[chain.index(cause) :]
            if incident in circle and incident == min(circle, key=lambda i: (-i.severity.rank, i.condition.key)):
                return None
            break
        chain.append(cause)
    return next((i for i in chain[1:] if i.severity.rank >= incident.severity.rank), None)
