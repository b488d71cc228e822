"""Builds a release: every file of it in a directory, its manifest, and what the gate says of it. Knows no Dagster.

Same weekly files, registry and settings, same bytes. The clock says only which weeks are still open (in the manifest,
which is no part of the content hash), which weeks must be there, and how often Kaggle is told that releases come.
A release is compared with the one that Kaggle shows by the ledger, never with one that was only staged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from elec_assets.clients.kaggle_job import page_of
from elec_assets.clients.release_history import Staged, published
from elec_assets.clients.release_removals import Shown, with_removals
from elec_assets.clients.release_snapshot import Snapshot, stage_tables
from elec_assets.clients.store import Store
from elec_assets.domain.calendar import collected
from elec_assets.domain.registry import Election
from elec_assets.domain.release_cadence import ReleaseCadence, cadence_at
from elec_assets.domain.tables import ALL_CANDIDATES, DAILY_SUMMARY
from elec_assets.domain.windows import DAY, WEEK, Grain, Window, floor, year_week
from elec_assets.transforms import release_texts as texts
from elec_assets.transforms.candidates import all_candidates
from elec_assets.transforms.cover import cover, coverage_weeks
from elec_assets.transforms.cover_png import cover_png
from elec_assets.transforms.croissant import croissant
from elec_assets.transforms.data_card import Card, CardElection, data_card
from elec_assets.transforms.datapackage import columns_of, datapackage, kaggle_metadata
from elec_assets.transforms.dictionary import release_dictionary
from elec_assets.transforms.gate import Allowed, Release, evaluate, week_window
from elec_assets.transforms.manifest import COVER, METADATA, Manifest, Profile, make_manifest
from elec_assets.transforms.publication import COVERAGE_PRODUCT, PRODUCTS, TWEETS_PRODUCT, VOLUME_PRODUCT
from elec_assets.transforms.refusals import Refusal
from elec_assets.transforms.release_changes import ReleaseDiff
from elec_assets.transforms.release_diff import CHANGELOG, changelog, release_diff
from elec_assets.transforms.release_scan import COVERAGE_PICTURE, CROISSANT, DATAPACKAGE
from elec_assets.transforms.staging import Staging

BUILT_AFTER = timedelta(hours=28)
"""A week is built 26 hours after its end; two hours later a release must hold it."""
COVER_TITLE, COVERAGE_TITLE = "cover", "coverage_by_week"
NO_DATASET = "OWNER/DATASET"
"""What stands in a release that is built before there is a dataset to publish it to."""
_REDACTED = "posts taken out, as X or their authors asked"


class NothingToRelease(Exception):
    """There is no weekly file to release; the text says what makes one."""


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What a release is made of, and what it is called.

    Attributes:
        elections: all of the registry.
        profile: the privacy profile.
        dataset: `owner/slug` on Kaggle.
        title: of the dataset, 6 to 50 characters.
        allowed: what may be, though the gate refuses it.
        reason: why a hotfix changes closed weeks; it stands in the changelog.
    """

    elections: tuple[Election, ...]
    profile: Profile
    dataset: str
    title: str
    allowed: Allowed = field(default_factory=Allowed)
    reason: str = ""

    @property
    def url(self) -> str:
        """Where people find the dataset."""
        return page_of(self.dataset)


@dataclass(frozen=True, slots=True)
class Built:
    """A release in a directory.

    Attributes:
        manifest: of it.
        snapshot: what was read of the store.
        diff: against the release that Kaggle shows.
        refusals: what the gate says; none where it may be published.
        card: the data card, Markdown.
        pictures: SVG by name.
    """

    manifest: Manifest
    snapshot: Snapshot
    diff: ReleaseDiff
    refusals: tuple[Refusal, ...]
    card: str
    pictures: Mapping[str, str]

    @property
    def unchanged(self) -> bool:
        """Whether Kaggle shows the same already."""
        return self.diff.unchanged


def build(store: Store, plan: ReleasePlan, directory: Path, now: datetime) -> Built:
    """Build the release of now into a clean directory, and hold it to the gate.

    Raises:
        NothingToRelease: there is no weekly file.
        WeeklyDamaged: a weekly file cannot be read.
        ArchiveDamaged: tombstones cannot be read.
        ReleaseMissing, ManifestInvalid: the release before cannot be compared with.
        LedgerUnreadable: the ledger must be restored first.
        StoreError: the store refused.
        ValueError: rows are not those of their table.
    """
    shown, history = published(store, plan.dataset), Staged(store)
    before = None if shown is None else history.gate_view(shown.release_id)
    previous = None if before is None else before.manifest
    staging = Staging(directory, plan.profile, now, previous)
    told = stage_tables(staging, store, plan.elections, all_candidates(plan.elections), plan.profile)
    week = max((week for weeks in told.weeks.values() for week in weeks), default=None)
    if week is None:
        raise NothingToRelease(
            "no week is built yet: weekly files come on Tuesday 02:00 UTC, or by "
            "`elec backfill ELECTION/twitter/weekly --from WEEK --to WEEK`"
        )
    card, pictures = _documents(staging, plan, told, week)
    so_far = make_manifest(
        week,
        staging.entries,
        profile=plan.profile,
        previous=None if previous is None else previous.release_id,
        id_fraction=told.id_fraction,
    )
    kaggle = None if previous is None else Shown(previous, history.reader(previous.release_id))
    allowed = with_removals(plan.allowed, store, plan.elections, kaggle, so_far, directory)
    diff = release_diff(
        previous,
        so_far,
        before=None if kaggle is None else kaggle.read,
        now=lambda path: (directory / path).read_bytes(),
        reasons=reasons(allowed, plan.reason),
    )
    staging.document(CHANGELOG, changelog(None if previous is None else history.changelog(previous), diff))
    manifest = staging.finish(week, told.id_fraction)
    _beside(directory, plan, manifest, card, pictures, cadence_at(plan.elections, now))
    release = Release(manifest, columns_of((directory / DATAPACKAGE).read_bytes()))
    expected = expected_files(plan.elections, now)
    refusals = evaluate(directory, release, before, expected=expected, now=now, allowed=allowed)
    return Built(manifest, told, diff, tuple(refusals), card, pictures)


def store_release(store: Store, built: Built, directory: Path) -> Manifest:
    """Store a release that the gate let through; returns the manifest of what is to be published.

    Where nothing changed, that is the release that Kaggle shows; only what is said beside its files is stored anew.

    Raises:
        ValueError: the gate refused it.
        StoreError: the store refused; nothing of it is there.
    """
    if built.refusals:
        raise ValueError("a release that the gate refuses is not stored")
    history = Staged(store)
    if built.diff.previous is not None and built.unchanged:
        history.describe(directory, built.diff.previous)
        return history.manifest(built.diff.previous)
    return history.put(directory, built.manifest)


def expected_files(elections: tuple[Election, ...], now: datetime) -> frozenset[str]:
    """Paths of the newest weekly files of posts that must be in a release: of elections collected in that week."""
    end = floor(now - BUILT_AFTER, Grain.WEEK)
    week = Window(end - WEEK, end)
    return frozenset(
        product.weekly(election.key, year_week(week))
        for election in elections
        if collected(election, week)
        for product in (TWEETS_PRODUCT, VOLUME_PRODUCT, COVERAGE_PRODUCT)
    )


def reasons(allowed: Allowed, reason: str) -> dict[str, str]:
    """Why closed weeks change, by path or by `{election}/{week}`."""
    told = dict.fromkeys([*allowed.redacted, *allowed.removals], _REDACTED)
    return told | (dict.fromkeys(allowed.hotfix, reason) if reason else {})


def _documents(staging: Staging, plan: ReleasePlan, told: Snapshot, week: str) -> tuple[str, dict[str, str]]:
    """Write what describes the tables; returns the card, and the pictures by name."""
    elections = [e for e in sorted(plan.elections, key=lambda e: e.key) if e.key in told.weeks]
    tables = tuple(staging.entries)
    shown = [CardElection(e.key, e.name, len(e.candidates), texts.sampling(e), told.coverage[e.key]) for e in elections]
    card = data_card(Card(plan.title, plan.dataset, plan.profile, told.id_fraction, texts.CADENCE, shown, tables))
    staging.document("README.md", card)
    published_tables = [ALL_CANDIDATES, DAILY_SUMMARY, *dict.fromkeys(p.table(plan.profile) for p in PRODUCTS)]
    staging.document("DATA_DICTIONARY.md", release_dictionary(published_tables).encode())
    newest = max(elections, key=lambda e: (e.calendar.collect_from, e.key))
    names = {c.key: c.name for e in elections for c in e.candidates.values()}
    days = told.daily.filter(pl.col("day") >= newest.calendar.collect_from)
    pictures = {
        COVER_TITLE: cover(plan.title, texts.COVER_SUBTITLE, days, names),
        COVERAGE_TITLE: coverage_weeks(newest.key, told.coverage[newest.key]),
    }
    staging.document(COVERAGE_PICTURE, pictures[COVERAGE_TITLE].encode())
    staging.document(DATAPACKAGE, datapackage(tables, texts.PACKAGE, plan.title, texts.LICENCE))
    described = croissant(
        tables,
        title=plan.title,
        description=texts.DESCRIPTION,
        url=plan.url,
        cite=f"{plan.title}. Kaggle, {plan.url}",
        day=f"{week_window(week).end - DAY:%Y-%m-%d}",
    )
    staging.document(CROISSANT, described)
    return card.decode(), pictures


def _beside(
    directory: Path,
    plan: ReleasePlan,
    manifest: Manifest,
    card: str,
    pictures: Mapping[str, str],
    cadence: ReleaseCadence | None,
) -> None:
    """Write what Kaggle is told beside the files: metadata and cover."""
    frequency = "never" if cadence in (None, ReleaseCadence.FINAL) else str(cadence)
    metadata = kaggle_metadata(
        manifest.files,
        title=plan.title,
        subtitle=texts.SUBTITLE,
        card=card,
        licence=texts.LICENCE,
        private=plan.profile == "private",
        keywords=texts.KEYWORDS,
        frequency=frequency,
        sources=texts.SOURCES,
    )
    (directory / METADATA).write_bytes(metadata)
    (directory / COVER).write_bytes(cover_png(pictures[COVER_TITLE]))
