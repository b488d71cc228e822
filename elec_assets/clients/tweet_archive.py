"""An hour of tweets in the store: its raw objects read together, its table, rejects and coverage row written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import polars as pl

from elec_assets.clients.capture_archive import ArchiveDamaged, CaptureArchive
from elec_assets.clients.store import Store
from elec_assets.clients.tombstones import TombstoneArchive
from elec_assets.domain import layout
from elec_assets.domain.layout import SearchPage, parse_search_page
from elec_assets.domain.windows import Grain, Window, parse_iso
from elec_assets.transforms import coverage
from elec_assets.transforms.capture_coverage import Batch, CaptureObjects, may_hold
from elec_assets.transforms.coverage import HourCoverage
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.scrubbing import scrub
from elec_assets.transforms.sealing import read_table, read_table_pieces
from elec_assets.transforms.search_coverage import META_VERSION, PageMeta, read_meta
from elec_assets.transforms.tombstones import NONE, Tombstones
from elec_assets.transforms.x_documents import RawDocument

__all__ = ["ArchiveDamaged", "RawHour", "TweetArchive"]


@dataclass(frozen=True, slots=True)
class RawHour:
    """The raw objects of an hour: sidecars by page, the keys of the bodies that hold posts, batches, in order.

    `names` are the keys of all of them, `capture` those of live capture: two equal sets make equal tables and coverage
    rows. `batches` are those of its slots, of the hour after, and those that pointers of late posts name. `tombstones`
    are what must not be taken from them.
    """

    hour: Window
    metas: tuple[PageMeta, ...]
    pages: tuple[SearchPage, ...]
    received: tuple[str, ...]
    batches: tuple[Batch, ...]
    capture: CaptureObjects
    names: frozenset[str]
    tombstones: Tombstones = NONE

    @property
    def objects(self) -> int:
        """How many there are."""
        return len(self.names)

    @property
    def with_lines(self) -> tuple[Batch, ...]:
        """The batches whose lines may be posts of the hour."""
        return tuple(batch for batch in self.batches if may_hold(batch, self.hour))

    @property
    def own(self) -> bool:
        """Whether anything is of the hour: what was captured in the hour after alone says nothing about it."""
        return bool(self.metas or self.pages) or any(
            batch.key.slot in self.hour or may_hold(batch, self.hour) for batch in self.batches
        )


class TweetArchive:
    """Reads and writes the hours of one election."""

    def __init__(self, store: Store, election: str) -> None:
        self._store = store
        self._election = election
        self._captured = CaptureArchive(store, election)
        self._tombstones = TombstoneArchive(store, election)

    def changed(self, raw: RawHour) -> bool:
        """Whether an hour has other raw objects by now, or other tombstones."""
        names = frozenset(self._pages(raw.hour)) | self._captured.objects(raw.hour).all
        return names != raw.names or self._tombstones.of(names) != raw.tombstones

    def captured(self, hours: Sequence[Window]) -> dict[Window, CaptureObjects]:
        """The objects of live capture of each hour; two lists a day, nothing is read."""
        return self._captured.objects_of(hours)

    def _pages(self, hour: Window) -> dict[str, SearchPage]:
        listed = self._store.list(layout.search_pages(self._election, hour))
        return {info.key: page for info in listed if (page := parse_search_page(info.key)) is not None}

    def raw(self, hour: Window) -> RawHour:
        """The raw objects of an hour.

        Raises:
            ArchiveDamaged: a sidecar, journal or tombstones are not readable, or are of a newer version.
        """
        keys, capture = self._pages(hour), self._captured.objects(hour)
        metas = {page: self._meta(key) for key, page in keys.items() if key == page.meta}
        bodies = sorted(page for key, page in keys.items() if key == page.body)
        # A body without sidecar is what a crash left: received, and used. One of an error is kept and holds no posts.
        posts = [page for page in bodies if page not in metas or metas[page].status == 200]
        received = tuple(metas[p].received_at or metas[p].asked_at if p in metas else "" for p in posts)
        names = frozenset(keys) | capture.all
        return RawHour(
            hour=hour,
            metas=tuple(metas[p] for p in sorted(metas)),
            pages=tuple(posts),
            received=received,
            batches=self._captured.batches(capture),
            capture=capture,
            names=names,
            tombstones=self._tombstones.of(names),
        )

    def documents(self, raw: RawHour) -> Iterator[RawDocument]:
        """The pages and batches of an hour, as received but for what must not be kept, one at a time.

        Raises:
            ArchiveDamaged: one cannot be unpacked.
        """
        for document in self._received(raw):
            yield replace(document, body=scrub(document.body, document.kind, raw.tombstones).body)

    def _received(self, raw: RawHour) -> Iterator[RawDocument]:
        for held in raw.with_lines:
            yield self._captured.document(held)
        for page, received in zip(raw.pages, raw.received, strict=True):
            received_at = parse_iso(received) if received else page.asked_at
            batch = page.stem.rpartition("/")[2]
            yield RawDocument(
                batch_id=batch, origin="search", received_at=received_at, body=self._body(page.body), kind="page"
            )

    def save(self, hour: Window, *, table: bytes | None, rejects: bytes | None, row: HourCoverage) -> int:
        """Write an hour's table, rejects and coverage row, in that order; returns the bytes of the table.

        No table is written for None: what was there stays.
        """
        if rejects is not None:
            self._store.put(layout.rejects_hour(self._election, hour), rejects)
        elif table is not None:
            self._store.delete(layout.rejects_hour(self._election, hour))
        if table is not None:
            self._store.put(layout.tweets_hour(self._election, hour), table)
        self._store.put(self._coverage_key(hour), coverage.encode(row))
        return len(table or b"")

    def table(self, hour: Window) -> bytes | None:
        """The sealed table of an hour, None where it is not sealed."""
        return self._store.find(layout.tweets_hour(self._election, hour))

    def frame(self, hour: Window) -> pl.DataFrame | None:
        """The rows of an hour, None where it is not sealed.

        Raises:
            ArchiveDamaged: the table cannot be read; the text names it.
        """
        data = self.table(hour)
        with self._told(hour):
            return None if data is None else read_table(data)

    def rows(self, hour: Window) -> Iterator[pl.DataFrame]:
        """The rows of an hour, in order, in frames that fit in memory however busy it was.

        One frame without rows where it is sealed and empty; none where it is not sealed.

        Raises:
            ArchiveDamaged: as `frame`.
        """
        data = self.table(hour)
        if data is not None:
            with self._told(hour):
                yield from read_table_pieces(data)

    @contextmanager
    def _told(self, hour: Window) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            key = layout.tweets_hour(self._election, hour)
            raise ArchiveDamaged(f"{key}: not a table of tweets ({error}); seal the hour again") from error

    def coverage(self, hour: Window) -> HourCoverage | None:
        """The coverage row of an hour, None where it is not sealed."""
        key = self._coverage_key(hour)
        data = self._store.find(key)
        return None if data is None else coverage.decode(data, key)

    def coverages(self, hours: Sequence[Window]) -> list[HourCoverage]:
        """The coverage rows of those hours that have one."""
        return [row for hour in hours if (row := self.coverage(hour)) is not None]

    def _coverage_key(self, hour: Window) -> str:
        return layout.coverage_row(self._election, coverage.TWITTER, hour, Grain.HOUR)

    def _meta(self, key: str) -> PageMeta:
        try:
            meta = read_meta(self._store.get(key))
        except (ValueError, RecursionError) as error:
            raise ArchiveDamaged(
                f"{key}: not a sidecar of a search page ({error}); restore it from a backup"
            ) from error
        if meta.version > META_VERSION:
            raise ArchiveDamaged(f"{key}: version {meta.version}, this program reads up to {META_VERSION}; upgrade")
        return meta

    def _body(self, key: str) -> bytes:
        try:
            return unpacked(self._store.get(key))
        except ValueError as error:
            raise ArchiveDamaged(f"{key}: cannot be unpacked ({error}); restore it from a backup") from error
