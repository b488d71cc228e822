"""What `elec release` does: checks, builds, compares, publishes, lists and rolls back releases; without Dagster."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from elec_assets.clients.kaggle_process import Credential, Start, start_child
from elec_assets.clients.kaggle_staged import Target
from elec_assets.clients.kaggle_states import Ledger
from elec_assets.clients.registry_history import RegistryHistory
from elec_assets.clients.release_builder import NO_DATASET, Built, ReleasePlan, build, store_release
from elec_assets.clients.release_history import Staged, published
from elec_assets.clients.release_publishing import Desk, refusal_text
from elec_assets.clients.store import Store, open_store
from elec_assets.domain.layout_releases import is_release_id
from elec_assets.domain.registry import Registry
from elec_assets.domain.release_cadence import release_due
from elec_assets.operations.report import DONE, FAILED, columns
from elec_assets.operations.terminal import utc_now
from elec_assets.settings import Settings, SettingsInvalid
from elec_assets.transforms.gate import Allowed
from elec_assets.transforms.refusals import Refusal
from elec_assets.transforms.release_diff import release_diff

# Publishing needs an account; saying what would be sent does not.
_NOBODY = Credential(username="nobody", key="none")


class ReleaseInputWrong(ValueError):
    """What was asked for cannot be done; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What a command of releases found: an object for programs, lines for people."""

    data: Mapping[str, Any]
    text: tuple[str, ...]
    exit_code: int = DONE

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return dict(self.data)

    def lines(self) -> list[str]:
        """For a person."""
        return list(self.text)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person allows a release, and why."""

    allowed: Allowed = field(default_factory=Allowed)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Releases:
    """Releases of a deployment. `start` says how the publishing process is started; another is for tests."""

    settings: Settings
    registry: Registry
    now: datetime
    start: Start = start_child

    @property
    def store(self) -> Store:
        """The store, opened."""
        return open_store(self.settings.store_url, allow_http=self.settings.store_allows_http)

    @property
    def dataset(self) -> str:
        """`owner/slug`, or what stands for it before one is set."""
        return self.settings.kaggle_dataset or NO_DATASET

    def check(self, asked: Asked) -> ReleaseReport:
        """Whether a release of now passes the gate, whether one is due, and what it would change; stores nothing."""
        with self._built(asked) as (built, _):
            shown = published(self.store, self.dataset)
            due = release_due(self.registry.elections.values(), None if shown is None else shown.began_at, self.now)
            told = _told(built) | {"due": due.due, "why": due.reason}
            return ReleaseReport(told, (*_summary(built), f"Schedule: {due.reason}."), _code(built))

    def build(self, asked: Asked, directory: Path | None) -> ReleaseReport:
        """Stage a release: into the store, or into a directory, where a refused one can be looked at too."""
        if directory is not None:
            if directory.exists() and any(directory.iterdir()):
                raise ReleaseInputWrong(f"{directory} is not empty; name a directory that is empty or not there")
            directory.mkdir(parents=True, exist_ok=True)
            built = build(self.store, self._plan(asked), directory, self.now)
            return ReleaseReport(
                _told(built) | {"directory": str(directory)}, (*_summary(built), f"It is in {directory}."), _code(built)
            )
        with self._built(asked) as (built, folder):
            if built.refusals:
                return ReleaseReport(_told(built), (*_summary(built), "Nothing was stored."), FAILED)
            manifest = store_release(self.store, built, folder)
            return ReleaseReport(_told(built), (*_summary(built), f"Staged: releases/{manifest.release_id}/."))

    def diff(self, release: str | None) -> ReleaseReport:
        """What a release changes of the one before: that of now, or a staged one."""
        if release is None:
            with self._built(Asked()) as (built, _):
                return ReleaseReport(built.diff.as_dict(), (built.diff.changelog_entry(),))
        history = Staged(self.store)
        manifest = history.manifest(_checked(release))
        before = manifest.previous
        found = release_diff(
            None if before is None else history.manifest(before),
            manifest,
            before=None if before is None else history.reader(before),
            now=history.reader(release),
        )
        return ReleaseReport(found.as_dict(), (found.changelog_entry(),))

    def publish(self, release: str | None, asked: Asked, *, again: bool) -> ReleaseReport:
        """Stage a release of now, if none is named, and publish it; nothing where Kaggle shows the same already."""
        desk = self._desk("elec release publish")
        if release is None:
            with self._built(asked) as (built, folder):
                if built.refusals:
                    return ReleaseReport(_told(built), (*_summary(built), "Nothing was sent."), FAILED)
                release = store_release(self.store, built, folder).release_id
        sent = desk.publish(_checked(release), allowed=asked.allowed, reason=asked.reason, again=again)
        outcome = sent.outcome
        words = {"published": "is published", "described": "was there; its description is new"}
        state = words.get(outcome.state, "is what Kaggle shows already; nothing was sent")
        told = {"release": release, "state": outcome.state, "version": outcome.version, "url": outcome.url}
        return ReleaseReport(told, (f"Release {release} {state}: version {outcome.version} of {outcome.url}",))

    def dry_run(self, release: str | None, asked: Asked) -> ReleaseReport:
        """What `publish` would send now, request by request; asks no one, stores nothing, needs no account."""
        desk = self._desk("", dry=True)
        if release is not None:
            found = desk.dry_run(_checked(release), allowed=asked.allowed, reason=asked.reason)
        else:
            with self._built(asked) as (built, folder):
                if built.refusals:
                    return ReleaseReport(_told(built), (*_summary(built), "Nothing would be sent."), FAILED)
                found = desk.planned(folder, built.diff, asked.allowed)
        requests = [msgspec.to_builtins(each) for each in found]
        if not found:
            return ReleaseReport({"requests": []}, ("Nothing would be sent: Kaggle shows the same already.",))
        files = sum(each.file is not None for each in found)
        size = sum(each.bytes or 0 for each in found)
        last = f"{len(found)} requests, {files} files, {size:,} bytes. Nothing was sent."
        return ReleaseReport({"requests": requests}, (*map(str, found), last))

    def list(self) -> ReleaseReport:
        """The releases that are staged, and how far the publication of each is."""
        store = self.store
        shown = published(store, self.dataset)
        staged = Staged(store).ids()
        rows: list[dict[str, Any]] = []
        for entry in Ledger(store).entries():
            for p in entry.publications:
                current = shown is not None and (p.dataset, p.version) == (self.dataset, shown.version)
                rows.append({
                    "release": entry.release_id, "dataset": p.dataset, "state": str(p.state), "version": p.version,
                    "began": p.started_at, "shown": current, "notes": p.notes, "problem": p.problem, "by": p.run,
                })  # fmt: skip
        known = {row["release"] for row in rows}
        waiting = [release for release in staged if release not in known]
        rows.sort(key=lambda row: row["began"])
        head = ("release", "state", "version", "began", "notes")
        lines = [(r["release"], _state(r), r["version"] or "", r["began"], r["notes"].partition("\n")[0]) for r in rows]
        lines += [(release, "staged, not published", "", "", "") for release in waiting]
        problems = [f"{row['release']}: {row['problem']}" for row in rows if row["problem"]]
        shown_text = columns([head, *lines]) if lines else ["No release is staged: `elec release build` makes one."]
        return ReleaseReport({"releases": rows, "staged": staged}, (*shown_text, *problems))

    def rollback(self, release: str) -> ReleaseReport:
        """Publish an older release once more, as a new version."""
        outcome = self._desk("elec release rollback").rollback(_checked(release))
        told = {"release": release, "state": outcome.state, "version": outcome.version, "url": outcome.url}
        if outcome.state != "published":
            return ReleaseReport(told, (f"Release {release} is what {outcome.url} shows already; nothing was sent.",))
        line = f"Release {release} is what people get again: version {outcome.version} of {outcome.url}"
        hold = "What it replaces stays back until its data is another; then releases go on by themselves."
        return ReleaseReport(told, (line, hold))

    def _plan(self, asked: Asked) -> ReleasePlan:
        store, settings = self.store, self.settings
        RegistryHistory(store).check(self.registry, self.now)
        elections = tuple(self.registry.elections.values())
        return ReleasePlan(
            elections, settings.privacy, self.dataset, settings.kaggle_title, asked.allowed, asked.reason
        )

    @contextmanager
    def _built(self, asked: Asked) -> Iterator[tuple[Built, Path]]:
        with tempfile.TemporaryDirectory(prefix="elec-release-") as folder:
            yield build(self.store, self._plan(asked), Path(folder), self.now), Path(folder)

    def _desk(self, run: str, *, dry: bool = False) -> Desk:
        settings = self.settings
        if settings.kaggle_dataset is None or (settings.kaggle_problem is not None and not dry):
            raise SettingsInvalid(settings.kaggle_problem or "set ELEC_KAGGLE_DATASET to owner/slug")
        secrets = (settings.kaggle_username, settings.kaggle_key, settings.kaggle_api_token)
        account = _NOBODY if dry else Credential(*(s.get_secret_value() if s is not None else None for s in secrets))
        target = Target(settings.kaggle_dataset, settings.kaggle_base_url, account)
        return Desk(self.store, target, tuple(self.registry.elections.values()), utc_now, run, self.start)


def _checked(release: str) -> str:
    if not is_release_id(release):
        raise ReleaseInputWrong(f"{release!r} is no release, as 2027_05-9f3ac2d1 is; `elec release list` names them")
    return release


def _code(built: Built) -> int:
    return FAILED if built.refusals else DONE


def _told(built: Built) -> dict[str, Any]:
    return {
        "release": built.diff.previous if built.unchanged else built.manifest.release_id,
        "publishable": not built.refusals,
        "unchanged": built.unchanged,
        "rows_added": built.diff.rows_added,
        "files": len(built.manifest.files) + 1,
        "bytes": built.manifest.total_bytes,
        "refusals": [asdict(refusal) for refusal in built.refusals],
    }


def _summary(built: Built) -> list[str]:
    manifest = built.manifest
    size = f"{len(manifest.files) + 1} files, {manifest.total_bytes:,} bytes"
    if built.refusals:
        return [*refusal_text(built.refusals).splitlines(), *_hints(built.refusals)]
    if built.unchanged:
        return [f"Kaggle shows the same already (release {built.diff.previous}): {size}."]
    return [f"Release {manifest.release_id}: {size}, {built.diff.rows_added:+,} rows. The gate lets it through."]


def _hints(refusals: tuple[Refusal, ...]) -> list[str]:
    """Which option allows what, where one does."""
    rules = {refusal.rule for refusal in refusals}
    hints = []
    if "history" in rules:
        hints.append("A correction on purpose: --hotfix PATH --reason TEXT (each file by its path).")
    if "rows" in rules:
        hints.append("A number of rows that is right: --rows PATH.")
    return hints


def _state(row: Mapping[str, Any]) -> str:
    return f"{row['state']}, shown" if row["shown"] else str(row["state"])
