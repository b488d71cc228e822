"""`elec sandbox`: servers that speak the protocols of the outside systems. They are imported when they run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from elec_assets.operations.sandbox_aws_commands import PORT, sandbox_all, sandbox_aws
from elec_assets.operations.terminal import settings_and_registry, stop, until_interrupted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@click.group()
def sandbox() -> None:
    """Servers on 127.0.0.1 that speak the protocols of the outside systems, to try everything without an account."""


@sandbox.command("x")
@PORT
@click.option("--seed", default=2027, show_default=True, help="The same seed and time give the same posts.")
@click.option(
    "--posts-per-hour",
    default=200.0,
    type=click.FloatRange(min=0),
    show_default=True,
    help="Mean over a day, of the seeded world.",
)
@click.option(
    "--replay",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve recorded search pages or stream lines (JSONL, .gz allowed) instead of the seeded world.",
)
@click.option("--match", type=click.Choice(["query", "all"]), default="query", help="`all` ignores the query.")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of what goes wrong, in order: see elec_assets/sandbox/faults.py, of the stream x_stream_faults.py.",
)
@click.option("--token", default="sandbox-token", show_default=True, help="Bearer token that requests must carry.")
def sandbox_x(
    *,
    port: int,
    seed: int,
    posts_per_hour: float,
    replay: tuple[Path, ...],
    match: str,
    faults: Path | None,
    token: str,
) -> None:
    """X's search, counts, usage, rules and stream over a seeded world made from the registry, or over recorded pages.

    Use it with ELEC_X_BASE_URL=<the printed address> X_BEARER_TOKEN=sandbox-token, and with an ELEC_STORE of its
    own: a store that holds pages of the sandbox refuses pages of X, and the other way round.
    """
    from elec_assets.operations.sandboxes import scene_of
    from elec_assets.sandbox.serve import start_x
    from elec_assets.sandbox.x_stream_faults import load_x_faults

    try:
        scripted = load_x_faults(faults) if faults else ()
        scene = None
        if not replay:
            _, registry = settings_and_registry()
            scene = scene_of(registry.elections.values(), seed=seed, posts_per_hour=posts_per_hour)
        server = start_x(scene=scene, replay=replay, port=port, token=token, match_all=match == "all", faults=scripted)
    except (ValueError, OSError) as error:
        stop(str(error), 2)
    click.echo(server.url)
    _until_interrupted(server)


def _until_interrupted(server: "AbstractContextManager[object]") -> None:
    click.echo("Stop with Ctrl-C.", err=True)
    with server:
        until_interrupted()


@sandbox.command("trends")
@PORT
@click.option("--seed", default=2027, show_default=True, help="The same seed, day and request give the same numbers.")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of what goes wrong, in order: see elec_assets/sandbox/trends_faults.py.",
)
@click.option(
    "--replay",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve recorded exchanges (JSON) byte for byte instead of the seeded world.",
)
def sandbox_trends(*, port: int, seed: int, faults: Path | None, replay: tuple[Path, ...]) -> None:
    """Google Trends' explore and its widgets over a seeded world made from the registry, or recorded exchanges.

    The printed address stands for https://trends.google.com/trends.
    """
    from elec_assets.operations.sandboxes import trends_scene_of
    from elec_assets.sandbox.faults import load_faults
    from elec_assets.sandbox.serve import start_trends
    from elec_assets.sandbox.trends_faults import TrendsFault

    try:
        scripted = load_faults(faults, TrendsFault) if faults else ()
        world = None
        if not replay:
            _, registry = settings_and_registry()
            world = trends_scene_of(registry.elections.values(), seed=seed)
        server = start_trends(world=world, replay=replay, port=port, faults=scripted)
    except (ValueError, OSError) as error:
        stop(str(error), 2)
    click.echo(server.url)
    _until_interrupted(server)


@sandbox.command("kaggle")
@PORT
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file of what goes wrong, in order: see elec_assets/sandbox/kaggle_faults.py.",
)
def sandbox_kaggle(*, port: int, faults: Path | None) -> None:
    """Kaggle's datasets: create, version, status, files, download, metadata. In memory: all is gone at the end."""
    from elec_assets.sandbox.faults import load_faults
    from elec_assets.sandbox.kaggle_faults import KaggleFault
    from elec_assets.sandbox.serve_kaggle import command_environment, start_kaggle

    try:
        server = start_kaggle(port=port, faults=load_faults(faults, KaggleFault) if faults else ())
    except (ValueError, OSError) as error:
        stop(str(error), 2)
    click.echo(server.url)
    variables = " ".join(f"{name}={value}" for name, value in command_environment(server).items())
    click.echo(f"For the kaggle command: HOME=$(mktemp -d) {variables}", err=True)
    _until_interrupted(server)


sandbox.add_command(sandbox_aws)
sandbox.add_command(sandbox_all)
