"""Object keys of alerts: with `layout.py`, the only module that writes a path."""


def alerts() -> str:
    """What alerts remember; the sensor is its one writer."""
    return "state/alerts.json"


def silences() -> str:
    """What is muted, until when, and why; `elec watch silence` is its one writer."""
    return "state/silences.yaml"


def heartbeat() -> str:
    """When everything was last looked at; the sensor is its one writer."""
    return "state/heartbeat.json"


def deadman() -> str:
    """Since when the dead-man switch has been speaking; it is its one writer."""
    return "state/deadman.json"


def watches() -> str:
    """What was last seen of watched prefixes and of batches of the stream; the sensor that looks is its one writer."""
    return "state/watches.json"
