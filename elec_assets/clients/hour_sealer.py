"""Sealing one hour of tweets: ask for what is missing, then raw objects to table, rejects and coverage row."""

import hashlib
from dataclasses import dataclass, field, replace

import polars as pl

from elec_assets.clients.search_fill import HourQuestion, SearchFill
from elec_assets.clients.search_packings import SearchPackings
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import ArchiveDamaged, RawHour, TweetArchive
from elec_assets.clients.x_counts import CountsArchive, DayCounts
from elec_assets.domain import calendar, layout
from elec_assets.domain.intervals import NOWHERE, Intervals
from elec_assets.domain.matcher import matcher_at
from elec_assets.domain.outcomes import Outcome
from elec_assets.domain.registry import Election
from elec_assets.domain.windows import Grain, Window, key_of
from elec_assets.transforms import capture_coverage, search_coverage, verification
from elec_assets.transforms.completeness import Completeness, completeness
from elec_assets.transforms.coverage import TWITTER, Counts, HourCoverage, hour_coverage
from elec_assets.transforms.parquet import stored_rows
from elec_assets.transforms.sealing import Sealed, read_table, rejects_bytes, seal, table_bytes
from elec_assets.transforms.stored_versions import row_version, table_version, too_new
from elec_assets.transforms.tombstones import Tombstones, kept_rows
from elec_assets.transforms.verification import Finding

# Times that an hour is sealed again because another run stored raw objects or tombstones meanwhile.
_CONVERGE = 3
_UNSEALED = "nothing was ever received for this hour, and X may not be asked: set X_BEARER_TOKEN and ELEC_X_BUDGET_USD"


@dataclass(frozen=True, slots=True)
class SealedHour:
    """What became of one hour. `stored` is false where there was nothing to make a table of."""

    partition: str
    stored: bool
    summary: str
    key: str = ""
    size: int = 0
    frame: pl.DataFrame | None = None
    row: HourCoverage | None = None
    findings: list[Finding] = field(default_factory=list)
    sha256: str = ""
    unaudited: str | None = None


class HourSealer:
    """Seals hours of one election. `fill` is None where X may not be asked: then only what is stored is used.

    With `counts`, an hour of live capture that has been over for a day is audited against what X counts of it.
    """

    def __init__(
        self,
        *,
        election: Election,
        registry_version: str,
        store: Store,
        fill: SearchFill | None,
        query_limit: int,
        counts: DayCounts | None = None,
    ) -> None:
        self._election = election
        self._registry_version = registry_version
        self._store = store
        self._archive = TweetArchive(store, election.key)
        self._fill = fill
        self._packings = SearchPackings(election, registry_version, store, query_limit)
        self._counts = counts
        self._counted = CountsArchive(store, election.key)

    def seal(self, hour: Window, *, refresh: bool = False) -> SealedHour:
        """Ask for what is missing, then make the hour of all its raw objects.

        Raises:
            StoreError: the store refused; what was there is unchanged.
            ArchiveDamaged: a raw object or tombstones cannot be read, or the hour was sealed by a newer version; it is
                unchanged.
            LedgerUnreadable: the spend ledger cannot be read, so nothing was asked; the hour is unchanged.
        """
        partition = key_of(hour, Grain.HOUR)
        raw = self._archive.raw(hour)
        row_key = layout.coverage_row(self._election.key, TWITTER, hour, Grain.HOUR)
        _refuse_newer(row_key, row_version(self._store.find(row_key) or b""))
        asked = self._ask(hour, raw, refresh=refresh)
        planned = calendar.planned(self._election, hour)
        # Planned, and nobody followed: nothing is to be asked, and the hour is known to be empty.
        if not asked and not raw.own and (self._packings.queries(hour) or not planned):
            return self._without_raw(hour, partition)
        unaudited = self._count(hour, raw)
        for _ in range(_CONVERGE):
            raw = self._archive.raw(hour)
            result = self._store_sealed(hour, raw)
            if not self._archive.changed(raw):
                break
        return replace(result, unaudited=unaudited)

    def _count(self, hour: Window, raw: RawHour) -> str | None:
        """Have X count the hour; returns why it did not.

        Only where something was captured: search has no evidence of ours to be wrong, and answers from the index that
        is counted.
        """
        planned = calendar.planned(self._election, hour)
        if self._counts is None or not planned & capture_coverage.captured(raw.batches):
            return None
        if self._fill is not None and self._fill.stopped is not None:
            return str(self._fill.stopped)
        return self._counts.ask(self._election.key, hour, self._packings.queries(hour))

    def _ask(self, hour: Window, raw: RawHour, *, refresh: bool) -> bool:
        """Ask for the planned time that is neither captured nor answered; all of it with `refresh`."""
        planned = calendar.planned(self._election, hour)
        metas = () if refresh else raw.metas
        missing = planned if refresh else planned - capture_coverage.captured(raw.batches)
        # By today's words: what an edit has made them is asked for once an hour is materialized again.
        needed = search_coverage.needed(missing, self._packings.today(hour, metas), metas)
        if self._fill is None or not needed:
            return False
        self._fill.fill(HourQuestion(self._election.key, hour, self._registry_version, needed))
        return True

    def _without_raw(self, hour: Window, partition: str) -> SealedHour:
        planned = calendar.planned(self._election, hour)
        if planned:
            return SealedHour(partition, stored=False, summary=_UNSEALED)
        counts = Counts(rows=0, received=0, duplicates=0, strays=0, rejects=0, raw_objects=0, queries=0)
        row = hour_coverage(
            self._election.key, hour, planned=planned, captured=NOWHERE, filled=NOWHERE, causes={}, counts=counts
        )
        self._archive.save(hour, table=None, rejects=None, row=row)
        return SealedHour(partition, stored=True, summary="not_planned", row=row)

    def _store_sealed(self, hour: Window, raw: RawHour) -> SealedHour:
        key = layout.tweets_hour(self._election.key, hour)
        before = self._archive.table(hour)
        _refuse_newer(key, table_version(before or b""))
        sealed = seal(self._archive.documents(raw), hour, matcher_at(self._election, hour.start).match)
        sealed = _without_rejects_of_others(sealed, raw)
        row = self._coverage(hour, raw, sealed)
        before_rows = None if before is None else _rows_that_stay(before, raw.tombstones)
        findings = verification.of_hour(sealed.frame, hour, row, before_rows)
        wrong = [f.text for f in findings if f.check not in verification.SUSPICIONS]
        if wrong:
            return SealedHour(row.partition, stored=False, summary="; ".join(wrong), row=row, findings=findings)
        known = raw.pages or row.filled_s or row.captured_s or sealed.frame.height
        table = table_bytes(sealed.frame) if known else None
        rejects = rejects_bytes(sealed.rejects) if sealed.rejects else None
        size = self._archive.save(hour, table=table, rejects=rejects, row=row)
        return SealedHour(
            partition=row.partition,
            stored=table is not None or not row.planned_s,
            summary=_summary(row, layout.rejects_hour(self._election.key, hour)),
            key=key,
            size=size,
            frame=sealed.frame,
            row=row,
            findings=findings,
            sha256=hashlib.sha256(table).hexdigest() if table else "",
        )

    def _coverage(self, hour: Window, raw: RawHour, sealed: Sealed) -> HourCoverage:
        planned = calendar.planned(self._election, hour)
        packings = self._packings.ever(hour, raw.metas)
        captured = capture_coverage.captured(raw.batches)
        filled = search_coverage.filled(planned, packings, raw.metas)
        audit = self._audit(hour, raw, sealed, captured)
        dates = self._election.calendar
        return hour_coverage(
            self._election.key,
            hour,
            planned=planned,
            captured=captured,
            filled=filled,
            causes=_causes(raw, packings, planned - captured, planned - captured - filled),
            counts=Counts(
                rows=sealed.frame.height,
                received=sealed.received,
                duplicates=sealed.duplicates,
                strays=sealed.strays,
                rejects=len(sealed.rejects),
                raw_objects=raw.objects,
                queries=len(packings[0]),
                batches=len(raw.with_lines),
                outside=capture_coverage.outside(raw.batches, hour, Window(dates.collect_from, dates.collect_until)),
                capture_first=raw.capture.first_digest,
                capture_all=raw.capture.digest,
                counted=None if audit is None else audit.counted,
                held=None if audit is None else audit.held,
            ),
        )

    def _audit(self, hour: Window, raw: RawHour, sealed: Sealed, captured: Intervals) -> Completeness | None:
        """The hour against what X counted of it, where that is stored.

        X counts by today's words, so that time which only other words have filled is not compared.
        """
        planned = calendar.planned(self._election, hour)
        today = self._packings.today(hour, raw.metas)
        covered = planned & (captured | search_coverage.filled(planned, today, raw.metas))
        counts = self._counted.of_hour(hour, today[0], self._election.as_of(hour.start))
        return completeness(sealed.frame, covered, counts)


def _causes(
    raw: RawHour, packings: search_coverage.Packings, uncaptured: Intervals, missed: Intervals
) -> dict[Outcome, str]:
    """Why time is missed: what search said where it was asked, and the capture service where it was not."""
    never_asked = missed - search_coverage.asked(raw.metas)
    told = search_coverage.causes(uncaptured, packings, raw.metas)
    return {**capture_coverage.causes(raw.batches, never_asked), **told}


def _without_rejects_of_others(sealed: Sealed, raw: RawHour) -> Sealed:
    """Without the rejects of batches of other hours: each is told once, in the hour in which it was received."""
    others = {batch.name for batch in raw.with_lines if batch.key.slot not in raw.hour}
    return replace(sealed, rejects=[reject for reject in sealed.rejects if reject.batch_id not in others])


def _rows_that_stay(table: bytes, tombstones: Tombstones) -> int | None:
    """Rows of a stored table without those that must not be kept: a table may lose those."""
    if not tombstones:
        return stored_rows(table)
    try:
        return kept_rows(read_table(table), tombstones)
    except ValueError:  # damaged, or of another schema version
        return None


def _refuse_newer(key: str, version: int | None) -> None:
    why = too_new(version)
    if why is not None:
        raise ArchiveDamaged(f"{key}: {why}")


def _summary(row: HourCoverage, rejects_key: str) -> str:
    """What a run shows of an hour: outcome, rows, where the rest is, and why."""
    aside = f", {row.rejects} unreadable kept in {rejects_key}" if row.rejects else ""
    return f"{row.outcome}, {row.rows} rows{aside}" + (f" ({row.reason})" if row.reason else "")
