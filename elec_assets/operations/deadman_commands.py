"""`elec deadman`: the command. Its work is imported when it runs, and no Dagster at all."""

from datetime import timedelta

import click

from elec_assets.operations.lengths import Length
from elec_assets.operations.terminal import AS_JSON, settings_or_stop, show, stop, utc_now


@click.command()
@click.option(
    "--max-age", default="15m", type=Length(), show_default=True, help="How old the heartbeat of the alerts may be."
)
@AS_JSON
def deadman(*, max_age: timedelta, as_json: bool) -> None:
    """Tell, by SNS itself, when the alerts have fallen silent. For a cron of another host than theirs.

    Reads the heartbeat in ELEC_STORE and speaks when it is older than that, every 4 hours while it is, and when it
    beats again. Ends with 0 where the alerts live, with 3 where they are dead and somebody was told, with 1 where it
    could not judge or could not speak, and with 2 where a setting is wrong.
    """
    from elec_assets.clients.sns import SnsTargetInvalid
    from elec_assets.clients.sns_errors import SnsError
    from elec_assets.clients.store import StoreError
    from elec_assets.operations.deadman import deadman as look

    settings = settings_or_stop(secrets=True)
    try:
        report = look(settings, utc_now(), max_age)
    except (SnsTargetInvalid, ValueError) as error:
        stop(str(error), 2)
    except (SnsError, StoreError) as error:
        stop(str(error), 1)
    show(report, as_json=as_json)
