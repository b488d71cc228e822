"""What `elec doctor` says of secrets: which are set, and where each comes from. No value is looked at."""

from elec_assets.operations.doctor_check import Check
from elec_assets.secrets_source import SecretsUnreadable, read_secrets
from elec_assets.settings import Settings, load_settings, secret_names, secrets_set

_NAME = "secrets"


def settings_and_secrets() -> tuple[Settings, Check]:
    """The settings with all secrets that can be read, and what is to be said of these.

    Raises:
        SettingsInvalid: as `load_settings`.
    """
    given = secrets_set()
    settings = load_settings()
    known = {"the environment": given, ".env": secrets_set() - given}
    place, local = settings.secrets, secrets_set()
    if place is None:
        return settings, Check(_NAME, "ok", _said(known))
    try:
        settings = load_settings(read_secrets)
    except SecretsUnreadable as error:
        todo = "Capture, alerts and runs do without, or do not start"
        return settings, Check(_NAME, "fail", str(error), todo)
    return settings, Check(_NAME, "ok", _said(known | {place: secrets_set() - local}))


def _said(known: dict[str, frozenset[str]]) -> str:
    """Where each secret comes from, in the order of the settings."""
    parts = [
        f"{', '.join(name for name in secret_names() if name in names)} from {place}"
        for place, names in known.items()
        if names
    ]
    return "; ".join(parts) or "none is set"
