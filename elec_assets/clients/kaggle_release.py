"""Publish a staged release to Kaggle: once, whole, and proved; or say why not.

The states (`kaggle_states.State`) are written to the ledger before the next step is taken, so that whatever is killed,
the next run knows what may have happened. Only one run at a time may publish to a dataset.

A creation is sent once. Where its answer is lost, Kaggle's versions are read for our marker, until they had the time
to settle; only a version that is not there then is made again, and by the next run. `Patience.settle_s` is the promise
that this stands on: a creation that Kaggle carries out later than that would be a second version.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from elec_assets.clients.kaggle_job import Event, Job, Patience, Result, Step
from elec_assets.clients.kaggle_plan import Planned, planned
from elec_assets.clients.kaggle_process import Start, run_child, start_child
from elec_assets.clients.kaggle_staged import (
    Outcome,
    ReleaseFailed,
    ReleaseRefused,
    ReleaseStopped,
    Staged,
    Target,
    marked,
)
from elec_assets.clients.kaggle_states import UNFINISHED, Entry, Ledger, Publication, State, newest
from elec_assets.clients.store import Store
from elec_assets.domain.windows import iso, parse_iso
from elec_assets.transforms.manifest import differences

_FRESH: tuple[Step, ...] = ("look", "upload", "create", "ready", "verify", "describe")
_RESUMED: dict[State, tuple[Step, ...]] = {
    State.CREATING: ("find", "ready", "verify", "describe"),
    State.CREATED: ("ready", "verify", "describe"),
    State.READY: ("verify", "describe"),
    State.VERIFIED: ("verify", "describe"),
}
_SETTLED: dict[State, tuple[Step, ...]] = {State.CREATING: ("find", "ready"), State.CREATED: ("ready",)}


class Publisher:
    """Publishes releases of one store to one dataset."""

    def __init__(
        self,
        store: Store,
        target: Target,
        clock: Callable[[], datetime],
        *,
        patience: Patience | None = None,
        run: str = "",
        start: Start = start_child,
    ) -> None:
        """`run` says in the ledger who published; `start` is for tests."""
        self._ledger = Ledger(store)
        self._target = target
        self._clock = clock
        self._patience = patience or Patience()
        self._run = run
        self._start = start

    def publish(self, staged: Staged, *, notes: str, again: bool = False) -> Outcome:
        """Publish a release, or go on with it where the last run stopped.

        Args:
            staged: what to publish.
            notes: of the version; the marker is added to the first line.
            again: make a new version even if this content was published before, whole or not.

        Raises:
            ReleaseRefused: nothing was made.
            ReleaseStopped: run again.
            ReleaseFailed: Kaggle holds something else.
            LedgerUnreadable: the ledger must be restored first.
            StoreError: the ledger cannot be written; the child was ended, the next run goes on.
        """
        self._check(staged)
        self._settle_others(staged)
        entry = self._ledger.read(staged.manifest.release_id)
        mine = [p for p in entry.publications if p.dataset == self._target.dataset]
        last = mine[-1] if mine else None
        if last is not None and last.state in UNFINISHED:
            return self._go_on(staged, entry, last, notes)
        if last is not None and last.state is State.FAILED and not again:
            raise ReleaseFailed(_failed(entry.release_id, last))
        known = self._published(staged)
        if known is not None and not again:
            return self._unchanged(staged, *known)
        return self._publish(staged, entry, self._begun(entry, last, staged, notes), take_held=not again)

    def rollback(self, staged: Staged) -> Outcome:
        """Publish an older release once more, as a new version.

        Raises:
            ReleaseRefused: nothing was published yet; and see `publish`.
        """
        current = newest([p for _, p in self._ledger.of_dataset(self._target.dataset)])
        if current is None:
            raise ReleaseRefused(f"{self._target.dataset}: nothing was published yet, so nothing can be rolled back")
        return self.publish(staged, notes=f"rollback of v{current.version} | {staged.manifest.release_id}")

    def dry_run(self, staged: Staged, *, notes: str) -> list[Planned]:
        """What `publish` would send now, if all goes well; nothing is asked of Kaggle, and nothing is written.

        Whether Kaggle has the dataset, and the same content already (then nothing is sent), is taken from the ledger.

        Raises:
            ReleaseRefused: the directory is not what its manifest says.
        """
        self._check(staged)
        done = self._published(staged)
        if done is not None and done[1].metadata_sha256 == staged.metadata.sha256:
            return []
        known = [p for _, p in self._ledger.of_dataset(self._target.dataset)]
        made = self._new(staged)
        made.notes = marked(notes, staged.marker)
        return planned(self._job(staged, made, _FRESH), exists=newest(known) is not None)

    def _check(self, staged: Staged) -> None:
        problems = differences(staged.directory, staged.manifest)
        if problems:
            shown = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")
            raise ReleaseRefused(f"{staged.directory}: not what its manifest says: {shown}")

    def _published(self, staged: Staged) -> tuple[Entry, Publication] | None:
        """The publication that Kaggle shows, if it is done and has this content."""
        known = list(self._ledger.of_dataset(self._target.dataset))
        current = newest([p for _, p in known])
        if current is None or current.state is not State.DONE:
            return None
        if current.content_sha256 != staged.manifest.content_sha256:
            return None
        return next((entry, p) for entry, p in known if p is current)

    def _unchanged(self, staged: Staged, entry: Entry, done: Publication) -> Outcome:
        if done.metadata_sha256 == staged.metadata.sha256:
            # A release that changes nothing is one on time: its dataset is not late (2026-11-22).
            done.checked_at = iso(self._clock())
            self._ledger.write(entry)
            return Outcome("unchanged", entry.release_id, done.version, done.url, usability=done.usability)
        # It stays done meanwhile: killed, the next run does the same again.
        result = self._in_child(self._job(staged, done, _RESUMED[State.VERIFIED]), lambda _event: None)
        if result.end == "ok":
            done.metadata_sha256 = staged.metadata.sha256
        return self._ended(result, entry, done, "described")

    def _begun(self, entry: Entry, last: Publication | None, staged: Staged, notes: str) -> Publication:
        """The publication to work on: a new one, or that of which nothing is at Kaggle."""
        if last is None or last.state not in (State.STAGED, State.UPLOADED, State.CREATING):
            last = self._new(staged)
            entry.publications.append(last)
        last.state, last.problem, last.base_version, last.version = State.STAGED, "", None, None
        last.notes, last.metadata_sha256, last.run = marked(notes, staged.marker), staged.metadata.sha256, self._run
        self._write(entry, last)
        return last

    def _new(self, staged: Staged) -> Publication:
        now = iso(self._clock())
        return Publication(
            dataset=self._target.dataset,
            state=State.STAGED,
            notes="",
            content_sha256=staged.manifest.content_sha256,
            metadata_sha256=staged.metadata.sha256,
            started_at=now,
            changed_at=now,
        )

    def _go_on(self, staged: Staged, entry: Entry, last: Publication, notes: str) -> Outcome:
        last.metadata_sha256 = staged.metadata.sha256
        result = self._do(self._job(staged, last, _RESUMED[last.state]), entry, last)
        if result.end != "absent":
            return self._ended(result, entry, last, "published")
        return self._publish(staged, entry, self._begun(entry, last, staged, notes), take_held=True)

    def _publish(self, staged: Staged, entry: Entry, begun: Publication, *, take_held: bool) -> Outcome:
        job = self._job(staged, begun, _FRESH, take_held=take_held)
        return self._ended(self._do(job, entry, begun), entry, begun, "published")

    def _settle_others(self, staged: Staged) -> None:
        """Other releases that were begun and not done: nothing of them may come after ours."""
        for entry, other in list(self._ledger.of_dataset(self._target.dataset)):
            begun = other.state in UNFINISHED or other.state in (State.STAGED, State.UPLOADED)
            if entry.release_id == staged.manifest.release_id or not begun:
                continue
            if other.state in _SETTLED:
                self._settle(staged, entry, other)
            other.state = State.FAILED if other.state is State.FAILED else State.SUPERSEDED
            self._write(entry, other)

    def _settle(self, staged: Staged, entry: Entry, other: Publication) -> None:
        steps = _SETTLED[other.state]
        job = self._job(staged, other, steps, marker=f"content {other.content_sha256[:8]}")
        result = self._do(job, entry, other)
        other.problem = result.problem
        if result.end == "failed":
            other.state = State.FAILED
        elif result.end not in ("ok", "absent"):
            raise ReleaseStopped(f"release {entry.release_id} before this one is not done: {result.problem}")

    def _job(
        self,
        staged: Staged,
        publication: Publication,
        steps: tuple[Step, ...],
        *,
        take_held: bool = False,
        marker: str | None = None,
    ) -> Job:
        settle_s = self._patience.settle_s
        if publication.state is State.CREATING:  # sent before this run
            settle_s -= (self._clock() - parse_iso(publication.changed_at)).total_seconds()
        return Job(
            endpoint=self._target.endpoint,
            dataset=self._target.dataset,
            directory=str(staged.directory.resolve()),
            steps=steps,
            notes=publication.notes,
            marker=marker or staged.marker,
            files=staged.files,
            metadata=staged.metadata,
            cover=staged.cover,
            base_version=publication.base_version,
            version=publication.version,
            take_held=take_held,
            settle_left_s=max(0.0, settle_s),
            patience=self._patience,
            result="",
        )

    def _do(self, job: Job, entry: Entry, publication: Publication) -> Result:
        """Run a job in a child, each of its steps written down before the next."""

        def tell(event: Event) -> None:
            publication.state = State(event.state)
            publication.base_version = publication.base_version if event.base_version is None else event.base_version
            publication.version = publication.version if event.version is None else event.version
            self._write(entry, publication)

        return self._in_child(job, tell)

    def _in_child(self, job: Job, tell: Callable[[Event], None]) -> Result:
        def made(result: str) -> Job:
            return msgspec.structs.replace(job, result=result)

        return run_child(made, self._target.credential, tell, start=self._start)

    def _ended(
        self, result: Result, entry: Entry, publication: Publication, state: Literal["published", "described"]
    ) -> Outcome:
        publication.problem, publication.url = result.problem, result.url or publication.url
        publication.version = publication.version if result.version is None else result.version
        publication.usability = publication.usability if result.usability is None else result.usability
        if result.end in ("refused", "failed"):
            publication.state = State(result.end)
        self._write(entry, publication)
        if result.end == "refused":
            raise ReleaseRefused(result.problem)
        if result.end == "failed":
            raise ReleaseFailed(_failed(entry.release_id, publication))
        if result.end != "ok":
            raise ReleaseStopped(result.problem)
        return Outcome(
            state, entry.release_id, publication.version, publication.url, result.invalid_tags, publication.usability
        )

    def _write(self, entry: Entry, publication: Publication) -> None:
        publication.changed_at = iso(self._clock())
        self._ledger.write(entry)


def _failed(release: str, publication: Publication) -> str:
    return (
        f"release {release}: {publication.problem}; look at version {publication.version or 'the last'} of "
        f"{publication.url or publication.dataset}, then publish again with a new version, or roll back"
    )
