"""Publishes a staged release: its bytes fetched, held to the gate once more, sent, and what came of it. No Dagster."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout

from elec_assets.clients.kaggle_job import Patience, is_sandbox
from elec_assets.clients.kaggle_plan import Planned
from elec_assets.clients.kaggle_process import Start, start_child
from elec_assets.clients.kaggle_release import Publisher
from elec_assets.clients.kaggle_staged import Outcome, ReleaseRefused, ReleaseStopped, Target, read_staged
from elec_assets.clients.release_builder import expected_files, reasons
from elec_assets.clients.release_history import Staged, published, rolled_back
from elec_assets.clients.release_removals import Shown, with_removals
from elec_assets.clients.release_taken_out import taken_out
from elec_assets.clients.source_claim import from_sandboxes
from elec_assets.clients.store import Store, StoreError
from elec_assets.domain.registry import Election
from elec_assets.domain.release_cadence import blackout, cadence_at
from elec_assets.transforms.datapackage import columns_of
from elec_assets.transforms.gate import Allowed, Release, evaluate
from elec_assets.transforms.manifest import Manifest
from elec_assets.transforms.refusals import Refusal
from elec_assets.transforms.release_changes import ReleaseDiff
from elec_assets.transforms.release_diff import release_diff
from elec_assets.transforms.release_scan import DATAPACKAGE, scan

# A sandbox answers at once, and settles what it was sent at once.
_LOOPBACK = Patience(
    connect_s=5.0, answer_s=30.0, poll_s=0.05, poll_max_s=0.5, ready_s=60.0, settle_s=2.0, listed_s=5.0, hard_s=600.0
)
_SHOWN = 5


class GateRefused(ReleaseRefused):
    """The gate holds a release back; `refusals` says what, where, and how to allow it."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__(refusal_text(refusals))
        self.refusals = refusals


def refusal_text(refusals: tuple[Refusal, ...] | list[Refusal]) -> str:
    """The first refusals, a line each, and how many more there are."""
    lines = [f"{refusal.rule}: {refusal}" for refusal in refusals[:_SHOWN]]
    more = len(refusals) - _SHOWN
    head = f"the gate refuses this release for {len(refusals)} reason{'s' if len(refusals) > 1 else ''}:"
    return "\n".join([head, *lines, *([f"and {more} more"] if more > 0 else [])])


@dataclass(frozen=True, slots=True)
class Sent:
    """A release that was sent, or was there already: what came of it, its manifest, and what it changes.

    `diff` is None where Kaggle shows it already: nothing is sent, so nothing is compared. `removed`: snapshots of older
    releases that were removed after it, or why none could be.
    """

    outcome: Outcome
    manifest: Manifest
    diff: ReleaseDiff | None
    removed: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """From where releases of a store go to one dataset.

    Attributes:
        store: with the staged releases and their ledger.
        target: where to.
        elections: all of the registry.
        clock: the time, UTC.
        run: who publishes, for the ledger: a run id or a command.
        start: how the publishing process is started; another is for tests.
    """

    store: Store
    target: Target
    elections: tuple[Election, ...]
    clock: Callable[[], datetime]
    run: str = ""
    start: Start = start_child

    def publish(self, release: str, *, allowed: Allowed | None = None, reason: str = "", again: bool = False) -> Sent:
        """Publish a staged release, or go on with it where the last run stopped; nothing where Kaggle shows it.

        Args:
            release: its id.
            allowed: what may be, though the gate refuses it: as it was staged with.
            reason: why closed weeks change, for the notes.
            again: a new version even if it was published before, whole or not, or was rolled back.

        Raises:
            GateRefused: the gate holds it back, on the bytes about to be sent.
            ReleaseError: see `Publisher.publish`; also in a blackout, of what was rolled back, made up by a sandbox, or
                taken out since it was staged.
            ArchiveDamaged: tombstones cannot be read.
            ReleaseMissing, ManifestInvalid, MetadataInvalid: the snapshot cannot be used.
            LedgerUnreadable, StoreError: see `Publisher.publish`.
        """
        self._check_source()
        held = blackout(self.elections, self.clock())
        if held is not None:
            raise ReleaseRefused(f"{held}; the schedule goes on by itself after it")
        gone = None if again else rolled_back(self.store, self.target.dataset, release)
        if gone is not None:
            raise ReleaseRefused(
                f"release {release} was rolled back (version {gone.version}), and its data is as it was: mend the "
                f"data so that another release is made, or insist with `elec release publish {release} --again`"
            )
        with self._fetched(release) as (directory, manifest), self._alone():
            diff = self._gate(directory, manifest, allowed, reason, again=again)
            if diff is not None:
                self._check_taken_out(directory, manifest)
            outcome = self._publisher(allowed).publish(
                read_staged(directory), notes=self._notes(diff, allowed), again=again
            )
            return Sent(outcome, manifest, diff, self._prune() if outcome.state == "published" else "")

    def dry_run(self, release: str, *, allowed: Allowed | None = None, reason: str = "") -> list[Planned]:
        """What `publish` would send now; nothing is asked of Kaggle, nothing is written.

        Raises:
            GateRefused, ReleaseError, ReleaseMissing, ManifestInvalid, MetadataInvalid: as `publish`.
        """
        with self._fetched(release) as (directory, manifest):
            diff = self._gate(directory, manifest, allowed, reason, again=False)
            return self.planned(directory, diff, allowed)

    def planned(self, directory: Path, diff: ReleaseDiff | None, allowed: Allowed | None = None) -> list[Planned]:
        """What would be sent of a release in a directory, which the gate let through; nothing is asked or written.

        Raises:
            ReleaseError, ManifestInvalid, MetadataInvalid: as `publish`.
        """
        return self._publisher(allowed).dry_run(read_staged(directory), notes=self._notes(diff, allowed))

    def rollback(self, release: str) -> Outcome:
        """Publish an older release once more, as a new version; in a blackout too. What it holds is looked through.

        Raises:
            GateRefused: it holds what its privacy profile does not let out, or files that cannot be read.
            ReleaseRefused: it holds posts that were taken out since, as X or their authors asked.
            ReleaseError, ReleaseMissing, ManifestInvalid, MetadataInvalid, ArchiveDamaged: as `publish`.
        """
        self._check_source()
        with self._fetched(release) as (directory, manifest), self._alone():
            refusals = scan(directory, manifest.profile).refusals
            if refusals:
                raise GateRefused(tuple(refusals))
            self._check_taken_out(directory, manifest)
            return self._publisher(None).rollback(read_staged(directory))

    def _check_source(self) -> None:
        """Made-up data never leaves this machine."""
        names = [] if is_sandbox(self.target.endpoint) else from_sandboxes(self.store)
        if names:
            raise ReleaseRefused(
                f"the store {self.store.url} holds answers of a sandbox ({', '.join(names)}), and Kaggle is Kaggle's "
                "own; set ELEC_KAGGLE_BASE_URL to that of `elec sandbox kaggle`, or ELEC_STORE to a store of real data"
            )

    def _check_taken_out(self, directory: Path, manifest: Manifest) -> None:
        """What compliance took out since a snapshot was built stays out: snapshots are not rewritten."""
        held = taken_out(self.store, directory, manifest)
        if held:
            raise ReleaseRefused(
                f"release {manifest.release_id} holds {held}, and sending it would publish them again; publish the "
                "newest build instead: `elec release publish`, after `elec comply` if that has not ended, and with "
                "`--hotfix PATH --reason TEXT` for each file of a past week that you mend"
            )

    def _prune(self) -> str:
        """Remove old snapshots; that it cannot be done is told, and fails nothing: the release is out."""
        try:
            return ", ".join(Staged(self.store).prune(self.clock()))
        except StoreError as error:
            return f"none: {error}"

    @contextmanager
    def _fetched(self, release: str) -> Iterator[tuple[Path, Manifest]]:
        with tempfile.TemporaryDirectory(prefix="elec-release-") as folder:
            yield Path(folder), Staged(self.store).fetch(release, Path(folder))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One publisher of a machine at a time; Dagster's pool does the same for all of its runs."""
        try:
            with FileLock(_lock_path(self.store.url), timeout=0):
                yield
        except Timeout:
            raise ReleaseStopped(
                "another process of this machine is publishing; wait until it is done, then do the same again"
            ) from None

    def _gate(
        self, directory: Path, manifest: Manifest, allowed: Allowed | None, reason: str, *, again: bool
    ) -> ReleaseDiff | None:
        """Hold the bytes about to be sent to the gate; what they change, for the notes.

        The release that Kaggle shows already was let through when it was sent, and is not sent now.
        """
        history, shown = Staged(self.store), published(self.store, self.target.dataset)
        is_shown = shown is not None and shown.release_id == manifest.release_id
        if is_shown and not again:
            return None
        release = manifest.previous if is_shown or shown is None else shown.release_id
        before = None if release is None else history.gate_view(release)
        now = self.clock()
        staged = Release(manifest, columns_of((directory / DATAPACKAGE).read_bytes()))
        expected = expected_files(self.elections, now)
        kaggle = None if before is None or release is None else Shown(before.manifest, history.reader(release))
        permitted = with_removals(allowed or Allowed(), self.store, self.elections, kaggle, manifest, directory)
        refusals = evaluate(directory, staged, before, expected=expected, now=now, allowed=permitted)
        if refusals:
            raise GateRefused(tuple(refusals))
        return release_diff(
            None if before is None else before.manifest,
            manifest,
            before=None if kaggle is None else kaggle.read,
            now=lambda path: (directory / path).read_bytes(),
            reasons=reasons(permitted, reason),
        )

    def _notes(self, diff: ReleaseDiff | None, allowed: Allowed | None) -> str:
        if diff is None:
            return ""
        if allowed is not None and allowed.hotfix:
            return diff.notes("hotfix")
        return diff.notes(str(cadence_at(self.elections, self.clock()) or "manual"))

    def _publisher(self, allowed: Allowed | None) -> Publisher:
        patience = _LOOPBACK if is_sandbox(self.target.endpoint) else None
        run = "; ".join([self.run, *allowed_words(allowed)]).removeprefix("; ")
        return Publisher(self.store, self.target, self.clock, patience=patience, run=run, start=self.start)


def allowed_words(allowed: Allowed | None) -> list[str]:
    """What a person allowed, for the ledger and for people; nothing where nothing was."""
    if allowed is None:
        return []
    named = {"hotfix": allowed.hotfix, "odd number of rows": allowed.rows, "posts taken out": allowed.redacted}
    return [f"allowed, {what}: {', '.join(sorted(paths))}" for what, paths in named.items() if paths]


def _lock_path(store_url: str) -> Path:
    """The lock file of a store: in its directory, never listed; for S3 in the temporary folder of this host."""
    parts = urlsplit(store_url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)) / ".kaggle.lock"
    return Path(tempfile.gettempdir()) / f"elec_assets-kaggle-{sha256(store_url.encode()).hexdigest()[:16]}.lock"
