"""The releases of `elec demo`: its past weeks, then the running one too, published to a sandbox of Kaggle."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from elec_assets.clients.kaggle_states import Ledger, State
from elec_assets.clients.release_history import Staged
from elec_assets.clients.store import open_store
from elec_assets.operations.demo_dagster import Dagster, Say
from elec_assets.operations.demo_setup import DATASET
from elec_assets.sandbox.kaggle_http import KaggleServer
from elec_assets.sandbox.serve_kaggle import command_environment

RELEASE_JOB = "kaggle__release"
"""That of `schedules_releases.py`, whose import is two seconds more of every start of the demo."""


@dataclass(frozen=True, slots=True)
class ReleaseShown:
    """One version on Kaggle: its number, the release that it is, how large, and the notes that tell what changed."""

    version: int
    release_id: str
    files: int
    bytes: int
    notes: str


@dataclass(frozen=True, slots=True)
class ReleasesShown:
    """All versions, and how many more running the job once more has made: none, for nothing had changed."""

    releases: tuple[ReleaseShown, ...]
    again: int

    @property
    def complete(self) -> bool:
        """Whether there is a release, and what did not change was not published again."""
        return bool(self.releases) and not self.again

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"dataset": DATASET, "versions": [asdict(shown) for shown in self.releases], "again": self.again}

    def lines(self) -> Iterator[str]:
        """For a person."""
        for shown in self.releases:
            yield (
                f"Version {shown.version} on the sandbox of Kaggle is release {shown.release_id}: {shown.files} files, "
                f"{shown.bytes / 1e6:.1f} MB, listed there as in its manifest. Its notes:"
            )
            yield from (f"  {line}" for line in shown.notes.splitlines())
        if self.again:
            yield f"The release job was run once more, and made {self.again} new version: nothing had changed."
        else:
            yield "The release job was run once more: no new version, for nothing had changed."


class Releases:
    """Runs the release job of the demo's instance, and reads from the ledger what came of it."""

    def __init__(self, dagster: Dagster, kaggle: KaggleServer, say: Say) -> None:
        self._dagster = dagster
        self._kaggle = kaggle
        self._say = say

    def make(self, what: str) -> None:
        """One run of the job.

        Raises:
            DagsterUnreachable: Dagster stopped.
            DemoFailed: the gate refused the release, or it could not be published.
        """
        self._say(f"Release of {what}: staged, held to the gate, published to the sandbox of Kaggle, and compared")
        self._dagster.run_job(RELEASE_JOB)

    def shown(self) -> ReleasesShown:
        """All releases, after one more run that publishes nothing."""
        made = list(_releases(self._dagster.folder))
        self.make("the same once more")
        return ReleasesShown(tuple(made), len(list(_releases(self._dagster.folder))) - len(made))

    def download_command(self) -> str:
        """How a person gets the dataset with the plain `kaggle` command."""
        env = " ".join(f"{name}={value}" for name, value in command_environment(self._kaggle).items())
        return f"HOME=$(mktemp -d) {env} kaggle datasets download {DATASET} --unzip -p demo-dataset"


def _releases(folder: Path) -> Iterator[ReleaseShown]:
    store = open_store((folder / "data").resolve().as_uri())
    done = [(p.version, e, p) for e, p in Ledger(store).of_dataset(DATASET) if p.state is State.DONE and p.version]
    for version, entry, publication in sorted(done, key=lambda found: found[0]):
        manifest = Staged(store).manifest(entry.release_id)
        yield ReleaseShown(version, entry.release_id, len(manifest.files), manifest.total_bytes, publication.notes)
