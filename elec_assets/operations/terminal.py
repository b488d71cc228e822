"""What commands share: settings and registry or one sentence and an exit code, reports printed, the wait for Ctrl-C.

Exit codes: 0 done, 1 failed while working, 2 wrong input or settings.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from elec_assets.domain.registry import Registry
    from elec_assets.operations.report import Report
    from elec_assets.settings import Settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")


def utc_now() -> datetime:
    """The time of the command."""
    return datetime.now(UTC)


def as_utc(moment: datetime | None) -> datetime | None:
    """A time as it was typed, which is UTC."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def settings_or_stop(*, secrets: bool = False) -> "Settings":
    """The settings; wrong ones end the command. `secrets`: with what ELEC_SECRETS names, for a command that uses any.

    Without them it asks no one: `elec status` is a health check, once a minute.
    """
    from elec_assets.secrets_source import SecretsUnreadable, read_secrets
    from elec_assets.settings import SettingsInvalid, load_settings

    try:
        return load_settings(read_secrets if secrets else None)
    except SettingsInvalid as error:
        stop(str(error), 2)
    except SecretsUnreadable as error:
        # Not 2, after which systemd does not start capture again: AWS may answer in a minute.
        stop(str(error), 1)


def settings_and_registry(*, secrets: bool = False) -> "tuple[Settings, Registry]":
    """Settings and registry; wrong ones end the command. `secrets`: as above."""
    from elec_assets.clients.registry_source import load_registry
    from elec_assets.domain.registry_file import RegistryInvalid

    settings = settings_or_stop(secrets=secrets)
    try:
        return settings, load_registry(settings.registry_path)
    except RegistryInvalid as error:
        stop(str(error), 2)


def show(report: "Report", *, as_json: bool) -> NoReturn:
    """Print a report, and end with its exit code."""
    click.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else "\n".join(report.lines()))
    sys.exit(report.exit_code)


def progress(line: str) -> None:
    """Tell a person how it goes, on standard error."""
    click.echo(line, err=True)


def stop(message: str, code: int) -> NoReturn:
    """End the command with one sentence."""
    click.echo(f"elec: {message}", err=True)
    sys.exit(code)


def on_interrupt(call: Callable[[], None]) -> None:
    """Call this on Ctrl-C and on SIGTERM."""
    import signal

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda _signal, _frame: call())


def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    import threading

    ended = threading.Event()
    on_interrupt(ended.set)
    ended.wait()
