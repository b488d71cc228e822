"""The commands of live capture: `elec capture` and `elec status`. Their work is imported when they run."""

import click

from elec_assets.operations.terminal import AS_JSON, on_interrupt, progress, settings_or_stop, show, stop, utc_now


@click.command()
@click.option("--election", "elections", multiple=True, help="Only this election of the registry; may be repeated.")
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Capture so long, whatever the plan says, upload, and end.",
)
@AS_JSON
def capture(*, elections: tuple[str, ...], for_s: float | None, as_json: bool) -> None:
    """Listen to X's filtered stream for all active elections, until stopped: the long-lived collector.

    What comes goes to ELEC_SPOOL at once, and every 5 minutes to ELEC_STORE. Stop it with Ctrl-C or SIGTERM; after
    a crash just start it again. `elec status` tells how it goes.
    """
    from elec_assets.capture.clock import WallClock
    from elec_assets.capture.options import CaptureRefused
    from elec_assets.capture.records import SpoolDamaged
    from elec_assets.capture.source import OtherSource
    from elec_assets.capture.spool_state import SpoolLocked
    from elec_assets.clients.spend_ledger import LedgerUnreadable
    from elec_assets.domain.registry_file import RegistryInvalid
    from elec_assets.operations.capture import capture as run

    settings = settings_or_stop(secrets=True)
    try:
        _ = settings.store_url  # judged when it is asked for
        report = run(
            settings, elections=elections, for_s=for_s, clock=WallClock(), say=_timed, on_interrupt=on_interrupt
        )
    except (CaptureRefused, RegistryInvalid, OtherSource, ValueError) as error:
        stop(str(error), 2)
    except (SpoolLocked, SpoolDamaged, LedgerUnreadable, OSError) as error:
        stop(str(error), 1)
    show(report, as_json=as_json)


@click.command()
@AS_JSON
def status(*, as_json: bool) -> None:
    """How the capture service goes: connection, rate, lag, spool, spend, plan. Ends with 1 where it does not run."""
    from elec_assets.capture.status import StatusUnreadable
    from elec_assets.operations.status import status as look

    settings = settings_or_stop()
    try:
        report = look(settings.spool_path, utc_now())
    except StatusUnreadable as error:
        stop(str(error), 1)
    show(report, as_json=as_json)


def _timed(line: str) -> None:
    progress(f"{utc_now():%Y-%m-%dT%H:%M:%SZ} {line}")
