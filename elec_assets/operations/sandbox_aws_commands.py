"""`elec sandbox aws` and `elec sandbox all`. Their servers are imported when they run."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import click

from elec_assets.operations.terminal import on_interrupt, settings_and_registry, stop, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from elec_assets.sandbox.aws import AwsServer, Sent

_POLL_S = 0.5
PORT = click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Port on 127.0.0.1; 0 takes a free one and prints it."
)


@click.command("aws")
@PORT
def sandbox_aws(*, port: int) -> None:
    """S3 and SNS of AWS (moto) with a bucket and a topic. What SNS is given is printed as it comes. All in memory.

    The first lines are those to export: AWS_ENDPOINT_URL, credentials of no use elsewhere, ELEC_ALERT_TOPIC_ARN. The
    bucket is elec-sandbox. All that was sent is at ADDRESS/moto-api/data.json too.
    """
    from elec_assets.sandbox.aws import AwsServer

    try:
        server = AwsServer(port)
    except OSError as error:
        stop(str(error), 2)
    with server:
        _exported(server.environment())
        click.echo("What SNS is given follows. Stop with Ctrl-C.", err=True)
        _told_as_it_comes(server)


@click.command("all")
@click.option("--seed", default=2027, show_default=True, help="The same seed and time give the same answers.")
def sandbox_all(*, seed: int) -> None:
    """X, Google Trends, Kaggle and AWS at once, on free ports; the first lines are those to export.

    With them, an ELEC_STORE and an ELEC_SPOOL of its own, all of the program runs without an account.
    """
    from elec_assets.operations.sandboxes import scene_of, trends_scene_of
    from elec_assets.sandbox.aws import AwsServer
    from elec_assets.sandbox.kaggle_api import KaggleOptions
    from elec_assets.sandbox.serve import start_trends, start_x
    from elec_assets.sandbox.serve_kaggle import start_kaggle
    from elec_assets.sandbox.x_api import TOKEN

    _, registry = settings_and_registry()
    elections = list(registry.elections.values())
    with ExitStack() as stack:
        x = stack.enter_context(start_x(scene=scene_of(elections, seed=seed, posts_per_hour=200.0)))
        trends = stack.enter_context(start_trends(world=trends_scene_of(elections, seed=seed)))
        kaggle = stack.enter_context(start_kaggle())
        aws = stack.enter_context(AwsServer())
        account = KaggleOptions()
        _exported(
            {
                "ELEC_X_BASE_URL": x.url,
                "X_BEARER_TOKEN": TOKEN,
                "ELEC_TRENDS_BASE_URL": trends.url,
                "ELEC_KAGGLE_BASE_URL": kaggle.url,
                "KAGGLE_USERNAME": account.username,
                "KAGGLE_KEY": account.key,
                **aws.environment(),
            }
        )
        click.echo("What SNS is given follows. Stop with Ctrl-C.", err=True)
        _told_as_it_comes(aws)


def _exported(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        click.echo(f"export {name}={value}")


def _told_as_it_comes(server: "AwsServer") -> None:
    from threading import Event

    ended = Event()
    on_interrupt(ended.set)
    follow(server, ended, click.echo, utc_now)


def follow(server: "AwsServer", ended: "Event", say: "Callable[[str], None]", now: "Callable[[], datetime]") -> None:
    """Say each message once, as it comes, until told to end."""
    shown: set[str] = set()
    over = False
    while not over:
        over = ended.wait(_POLL_S)
        for sent in server.outbox():
            if sent.message_id not in shown:
                shown.add(sent.message_id)
                say(line(sent, now()))


def line(sent: "Sent", at: datetime) -> str:
    """A message on one line, as a phone would show it."""
    return f"{at:%H:%M:%S} {sent.to}: {sent.sms}"
