"""`elec watch ls` and `elec watch silence`: the commands. Their work is imported when they run."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from elec_assets.operations.lengths import Until
from elec_assets.operations.terminal import AS_JSON, settings_and_registry, settings_or_stop, show, stop, utc_now

if TYPE_CHECKING:
    from elec_assets.operations.report import Report


@click.group()
def watch() -> None:
    """What is watched, what is wrong with it, and what is muted."""


@watch.command("ls")
@AS_JSON
def watch_ls(*, as_json: bool) -> None:
    """Every watched prefix and asset with its newest data, incidents that are open or muted, and silences.

    It shows what the sensors of Dagster saw and told, and asks nobody itself.
    """
    from elec_assets.operations.watch import watched

    settings, registry = settings_and_registry()
    show(_done(lambda: watched(settings, registry.elections.values(), utc_now())), as_json=as_json)


@watch.command("silence")
@click.argument("name")
@click.option(
    "--until", required=True, type=Until(), help="2027-02-03T12:00:00Z, or from now: 90m, 2h, 3d. At most 31d."
)
@click.option("--reason", required=True, help="Why, on one line; `elec watch ls` shows it.")
@AS_JSON
def watch_silence(*, name: str, until: datetime | timedelta, reason: str, as_json: bool) -> None:
    """Mute NAME, an asset or alert, until a time: watch/other_project, 'fr_presidential_2027/google_trends/*'.

    What is still wrong then is told then; what was told before is resolved as ever.
    """
    from elec_assets.operations.watch import silence

    settings = settings_or_stop()
    show(_done(lambda: silence(settings, name, until, reason, utc_now())), as_json=as_json)


def _done(work: "Callable[[], Report]") -> "Report":
    """Run a command's work; what it cannot do becomes one sentence and an exit code."""
    from elec_assets.clients.store import StoreError
    from elec_assets.domain.registry_problems import RegistryInvalid
    from elec_assets.transforms.alert_state import AlertStateUnreadable

    try:
        return work()
    except (StoreError, AlertStateUnreadable) as error:
        stop(str(error), 1)
    except (RegistryInvalid, ValueError) as error:
        stop(str(error), 2)
