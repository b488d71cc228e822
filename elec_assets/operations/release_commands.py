"""The commands of releases, `elec release ...`. Their work is imported when they run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from elec_assets.operations.terminal import AS_JSON, settings_and_registry, show, stop, utc_now

if TYPE_CHECKING:
    from elec_assets.operations.release import Asked, Releases
    from elec_assets.operations.report import Report

_HOTFIX = click.option(
    "--hotfix",
    multiple=True,
    metavar="PATH",
    help="Let this file of a closed week change, shrink or be left out. Repeat for each; give --reason.",
)
_ROWS = click.option(
    "--rows", multiple=True, metavar="PATH", help="This file has the right number of rows, odd as it is. Repeat."
)
_REDACTED = click.option(
    "--redacted",
    multiple=True,
    metavar="WEEK",
    help="ELECTION/GGGG_WW: posts were taken out of this week, as X or their authors asked. Repeat.",
)
_REASON = click.option("--reason", default="", help="Why closed weeks change: stands in the changelog and the notes.")


def _allowing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that allow what the gate refuses."""
    for option in (_REASON, _REDACTED, _ROWS, _HOTFIX):
        command = option(command)
    return command


@click.group("release")
def releases() -> None:
    """Releases: verified versions of the Kaggle dataset. The schedule makes them; here you look and step in.

    A release is staged (all files, and a manifest with their hashes), held to the gate (privacy, schema, history, rows,
    freshness), published, and compared with what Kaggle lists. Start with `check`, then `publish --dry-run`.
    """


@releases.command("check")
@_allowing
@AS_JSON
def check(*, as_json: bool, **asked: tuple[str, ...] | str) -> None:
    """Would a release of now pass the gate, and is one due? Builds it, tells, and stores nothing.

    Ends with 1 where the gate refuses; each line says what, where, and how to allow it.
    """
    _show(lambda found: found.check(_asked(asked)), as_json=as_json)


@releases.command("build")
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Into this empty directory instead of the store, to look at it; a refused release too.",
)
@_allowing
@AS_JSON
def build(*, directory: Path | None, as_json: bool, **asked: tuple[str, ...] | str) -> None:
    """Stage a release of now in the store, if the gate lets it through. Publishes nothing."""
    _show(lambda found: found.build(_asked(asked), directory), as_json=as_json)


@releases.command("diff")
@click.argument("release", required=False)
@AS_JSON
def diff(*, release: str | None, as_json: bool) -> None:
    """What a release changes of the one before: rows by source, days by candidate.

    RELEASE defaults to what would be released now, against what Kaggle shows.
    """
    _show(lambda found: found.diff(release), as_json=as_json)


@releases.command("publish")
@click.argument("release", required=False)
@click.option("--dry-run", is_flag=True, help="Print each request that would be sent. Asks no one, needs no account.")
@click.option("--again", is_flag=True, help="A new version, even if this release was published, or rolled back.")
@_allowing
@AS_JSON
def publish(*, release: str | None, dry_run: bool, again: bool, as_json: bool, **asked: tuple[str, ...] | str) -> None:
    """Stage a release of now, publish it to ELEC_KAGGLE_DATASET, and compare what Kaggle lists with it.

    RELEASE publishes one that is staged already. Killed or cut off, just run it again: it goes on where it was.
    Where Kaggle shows the same already, nothing is sent.
    """

    def work(found: "Releases") -> "Report":
        if dry_run:
            return found.dry_run(release, _asked(asked))
        return found.publish(release, _asked(asked), again=again)

    _show(work, as_json=as_json)


@releases.command("list")
@AS_JSON
def list_releases(*, as_json: bool) -> None:
    """The releases that are staged or published, oldest first, with Kaggle's version and any problem."""
    _show(lambda found: found.list(), as_json=as_json)


@releases.command("rollback")
@click.argument("release")
@AS_JSON
def rollback(*, release: str, as_json: bool) -> None:
    """Publish an older RELEASE once more, as a new version: people then get it again. Deletes nothing.

    What it replaces stays back until its data is mended.
    """
    _show(lambda found: found.rollback(release), as_json=as_json)


def _asked(options: dict[str, tuple[str, ...] | str]) -> "Asked":
    from elec_assets.operations.release import Asked
    from elec_assets.transforms.gate import Allowed

    hotfix, rows, redacted = (frozenset(options[name]) for name in ("hotfix", "rows", "redacted"))
    reason = str(options["reason"])
    if hotfix and not reason.strip():
        stop("--hotfix changes a past week: say why with --reason, for those who use the data", 2)
    return Asked(Allowed(hotfix, rows, redacted), reason)


def _show(work: "Callable[[Releases], Report]", *, as_json: bool) -> NoReturn:
    """Do the work of a command; what it cannot do becomes one sentence and an exit code."""
    from elec_assets.clients.capture_archive import ArchiveDamaged
    from elec_assets.clients.kaggle_metadata import MetadataInvalid
    from elec_assets.clients.kaggle_staged import ReleaseError
    from elec_assets.clients.kaggle_states import LedgerUnreadable
    from elec_assets.clients.registry_history import HistoryUnreadable, PastRewritten
    from elec_assets.clients.release_builder import NothingToRelease
    from elec_assets.clients.release_history import ReleaseMissing
    from elec_assets.clients.store import StoreError
    from elec_assets.clients.weekly_archive import WeeklyDamaged
    from elec_assets.operations.release import ReleaseInputWrong, Releases
    from elec_assets.settings import SettingsInvalid
    from elec_assets.transforms.manifest import ManifestInvalid

    settings, registry = settings_and_registry(secrets=True)
    try:
        report = work(Releases(settings, registry, utc_now()))
    except (SettingsInvalid, ReleaseInputWrong, PastRewritten, ReleaseMissing) as error:
        stop(str(error), 2)
    except (
        ReleaseError, NothingToRelease, WeeklyDamaged, LedgerUnreadable, HistoryUnreadable, StoreError,
        ManifestInvalid, MetadataInvalid, ArchiveDamaged, ValueError,
    ) as error:  # fmt: skip
        stop(str(error), 1)
    show(report, as_json=as_json)
