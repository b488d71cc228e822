"""Sealing one hour of tweets: ask for what is missing, then raw objects to table, rejects and coverage row."""

import hashlib
from dataclasses import dataclass, field

import polars as pl

from elec_assets.clients.search_fill import HourQuestion, SearchFill
from elec_assets.clients.store import Store
from elec_assets.clients.tweet_archive import RawHour, TweetArchive
from elec_assets.domain import calendar, layout
from elec_assets.domain.intervals import NOWHERE
from elec_assets.domain.matcher import matcher_at
from elec_assets.domain.registry import Election
from elec_assets.domain.rules import search_queries
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import Grain, Window, key_of
from elec_assets.transforms import search_coverage, verification
from elec_assets.transforms.coverage import Counts, HourCoverage, hour_coverage
from elec_assets.transforms.parquet import stored_rows
from elec_assets.transforms.sealing import Sealed, rejects_bytes, seal, table_bytes
from elec_assets.transforms.verification import Finding

# Times that an hour is sealed again because another run stored raw objects meanwhile.
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


class HourSealer:
    """Seals hours of one election. `fill` is None where X may not be asked: then only what is stored is used."""

    def __init__(
        self,
        *,
        election: Election,
        registry_version: str,
        store: Store,
        fill: SearchFill | None,
        query_limit: int,
    ) -> None:
        self._election = election
        self._registry_version = registry_version
        self._archive = TweetArchive(store, election.key)
        self._fill = fill
        self._query_limit = query_limit

    def seal(self, hour: Window, *, refresh: bool = False) -> SealedHour:
        """Ask for what is missing, then make the hour of all its raw objects.

        Raises:
            StoreError: the store refused; what was there is unchanged.
            ArchiveDamaged: a raw object cannot be read; the hour is unchanged.
        """
        partition = key_of(hour, Grain.HOUR)
        queries = search_queries(self._election, hour.start, self._query_limit)
        raw = self._archive.raw(hour)
        asked = self._ask(hour, queries, raw, refresh=refresh)
        planned = calendar.planned(self._election, hour)
        # Planned, and nobody followed: nothing is to be asked, and the hour is known to be empty.
        if not asked and not raw.objects and (queries or not planned):
            return self._without_raw(hour, partition)
        for _ in range(_CONVERGE):
            raw = self._archive.raw(hour)
            result = self._store_sealed(hour, queries, raw)
            if self._archive.raw(hour).names == raw.names:
                break
        return result

    def _ask(self, hour: Window, queries: tuple[str, ...], raw: RawHour, *, refresh: bool) -> bool:
        planned = calendar.planned(self._election, hour)
        metas = () if refresh else raw.metas
        needed = search_coverage.needed(planned, queries, metas)
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

    def _store_sealed(self, hour: Window, queries: tuple[str, ...], raw: RawHour) -> SealedHour:
        sealed = seal(self._archive.documents(raw), hour, matcher_at(self._election, hour.start).match)
        row = self._coverage(hour, queries, raw, sealed)
        before = self._archive.table(hour)
        before_rows = None if before is None else stored_rows(before)
        findings = _findings(sealed.frame, hour, row, before_rows)
        wrong = [f.text for f in findings if f.check != verification.COMPLETE]
        if wrong:
            return SealedHour(row.partition, stored=False, summary="; ".join(wrong), row=row, findings=findings)
        table = table_bytes(sealed.frame) if raw.pages or row.filled_s else None
        rejects = rejects_bytes(sealed.rejects) if sealed.rejects else None
        size = self._archive.save(hour, table=table, rejects=rejects, row=row)
        return SealedHour(
            partition=row.partition,
            stored=table is not None,
            summary=f"{row.outcome}, {row.rows} rows" + (f" ({row.reason})" if row.reason else ""),
            key=layout.tweets_hour(self._election.key, hour),
            size=size,
            frame=sealed.frame,
            row=row,
            findings=findings,
            sha256=hashlib.sha256(table).hexdigest() if table else "",
        )

    def _coverage(self, hour: Window, queries: tuple[str, ...], raw: RawHour, sealed: Sealed) -> HourCoverage:
        planned = calendar.planned(self._election, hour)
        return hour_coverage(
            self._election.key,
            hour,
            planned=planned,
            captured=NOWHERE,
            filled=search_coverage.filled(planned, queries, raw.metas),
            causes=search_coverage.causes(planned, queries, raw.metas),
            counts=Counts(
                rows=sealed.frame.height,
                received=sealed.received,
                duplicates=sealed.duplicates,
                strays=sealed.strays,
                rejects=len(sealed.rejects),
                raw_objects=raw.objects,
                queries=len(queries),
            ),
        )


def _findings(frame: pl.DataFrame, hour: Window, row: HourCoverage, before: int | None) -> list[Finding]:
    found = verification.columns(frame.schema, TWEETS)
    found += verification.ids_unique(frame["tweet_id"])
    found += verification.times_inside(frame["created_at"], hour)
    found += verification.not_shrunk(frame.height, before)
    if row.missed_s:
        found.append(Finding(verification.COMPLETE, f"{row.missed_s:.0f} s missing: {row.outcome} ({row.reason})"))
    return found
