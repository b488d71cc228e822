"""To seal an hour: from all raw documents that may hold its posts to one deduplicated, sorted, typed table.

A post belongs to the hour of its id, so copies of a post can only meet here. The table is a pure function of the set
of documents: their order, and how often one is given, change nothing.
"""

import base64
import gc
import json
from array import array
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
from zlib_ng.zlib_ng import crc32

from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import Window, id_bounds
from elec_assets.transforms.frames import from_columns
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.parquet import parquet_bytes, read_parquet, read_pieces
from elec_assets.transforms.tweets import MatchPost, flatten
from elec_assets.transforms.x_documents import RawDocument, Reject

_TWEET_ID, _RETWEETED_ID, _TAGS, _ORIGIN, _RECEIVED = map(
    TWEETS.names.index, ("tweet_id", "retweeted_id", "matched_rule_tags", "origin", "received_at")
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed window: its table, what could not be read, and what became of the posts that could.

    `received == frame.height + duplicates + strays + removed`. `strays` are posts of other hours, `removed` copies of
    tombstoned posts and of retweets of them. Every count and list is of distinct documents.
    """

    frame: pl.DataFrame
    rejects: list[Reject]
    received: int
    duplicates: int
    strays: int
    removed: int = 0


def seal(
    documents: Iterable[RawDocument], window: Window, match: MatchPost, tombstones: Collection[str] = ()
) -> Sealed:
    """The table of a window.

    Of several copies of a post the last received gives the values (by receive time, then batch_id, then position);
    `origin` and `matched_rule_tags` are united over all copies. `tombstones` are ids of posts that must not be kept:
    they, retweets of them and their text in posts that quote them are left out. Rows are sorted by id as a number.
    """
    hour = _Hour(window, frozenset(tombstones))
    with _uncollected():
        for document in documents:
            hour.take(document, match)
        frame = hour.frame()
    duplicates = hour.received - hour.strays - hour.removed - frame.height
    return Sealed(frame, sorted(hour.rejects), hour.received, duplicates, hour.strays, hour.removed)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector: what a seal makes has no cycles, and looking for them took a tenth."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class _Hour:
    """All copies of the posts of a window, column by column, and which copy of each post counts."""

    def __init__(self, window: Window, tombstones: frozenset[str]) -> None:
        self._within = id_bounds(window)
        self._tombstones = tombstones
        self._seen: set[int] = set()
        self._columns: list[list[object]] = [[] for _ in TWEETS.columns]
        self._orders: list[tuple[str, int]] = []  # of the documents
        self._places: list[tuple[int, int]] = []  # of the copies: document, position in it
        self._counts: dict[int, int] = {}  # id -> the copy that counts
        self.rejects: list[Reject] = []
        self.received = self.strays = self.removed = 0

    def take(self, document: RawDocument, match: MatchPost) -> None:
        """Take in a document, unless it was taken already."""
        check_sum = _sum(document)
        if check_sum in self._seen:
            return
        self._seen.add(check_sum)
        flat = flatten(document, match, self._tombstones, self._within)
        self.rejects += flat.rejects
        self.received += len(flat.positions) + flat.strays
        self.strays += flat.strays
        first, number = len(self._places), len(self._orders)
        for column, more in zip(self._columns, flat.columns, strict=True):
            column.extend(more)
        self._orders.append((document.batch_id, check_sum))
        self._places += [(number, position) for position in flat.positions]
        for copy in range(first, len(self._places)):
            self._take_copy(copy)

    def _take_copy(self, copy: int) -> None:
        if self._tombstones and {self._columns[_TWEET_ID][copy], self._columns[_RETWEETED_ID][copy]} & self._tombstones:
            self.removed += 1
            return
        tweet_id = int(str(self._columns[_TWEET_ID][copy]))
        other = self._counts.setdefault(tweet_id, copy)
        if other != copy:
            last, earlier = (copy, other) if self._order(copy) > self._order(other) else (other, copy)
            self._unite(last, earlier)
            self._counts[tweet_id] = last

    def _order(self, copy: int) -> tuple[object, str, int, int]:
        """Receive time, batch and position; a sum of the document for two that say to be the same batch."""
        number, position = self._places[copy]
        batch_id, check_sum = self._orders[number]
        return (self._columns[_RECEIVED][copy], batch_id, position, check_sum)

    def _unite(self, values: int, other: int) -> None:
        """Give one copy the origins and tags of both."""
        for index in (_TAGS, _ORIGIN):
            cells = self._columns[index]
            if cells[values] != cells[other]:
                cells[values] = tuple(sorted({*_strings(cells[values]), *_strings(cells[other])}))

    def frame(self) -> pl.DataFrame:
        """The copies that count, by id."""
        chosen = [self._counts[tweet_id] for tweet_id in sorted(self._counts)]
        return from_columns(self._columns, TWEETS)[chosen]


def _sum(document: RawDocument) -> int:
    """Tells two documents of one batch apart. Names of batches are unique in a store, so a CRC is enough.

    zlib-ng's costs 0.2 us for a line of 3 kB, a blake2b digest 5.5 (2026-11-21).
    """
    head = json.dumps([document.batch_id, document.origin, document.kind, document.received_at.isoformat()])
    times = array("q", document.received_ms or ())
    return crc32(document.body, crc32(times, crc32(head.encode()))) << 64 | len(document.body)


def _strings(cell: object) -> tuple[str, ...]:
    if not isinstance(cell, tuple):
        raise TypeError(f"a tuple of strings expected, {cell!r} found")
    return cell


def table_bytes(frame: pl.DataFrame) -> bytes:
    """A sealed table as Parquet (zstd); the same rows give the same bytes, whatever chunks they came in.

    Raises:
        ValueError: the frame is no table `tweets`.
    """
    return parquet_bytes(frame, TWEETS)


def read_table(content: bytes) -> pl.DataFrame:
    """The inverse of `table_bytes`.

    Raises:
        ValueError: the file is no table `tweets` of this schema version.
    """
    return read_parquet(content, TWEETS)


def read_table_pieces(content: bytes) -> Iterator[pl.DataFrame]:
    """The same rows, in frames of at most a row group: memory of one, however busy the hour was.

    Raises:
        ValueError: as `read_table`.
    """
    return read_pieces(content, TWEETS)


def rejects_bytes(rejects: Iterable[Reject]) -> bytes:
    """Rejects as gzip JSON lines, sorted; time 0 and no name in the header.

    Each line holds batch_id, position, reason and the text received: as `raw` where it is UTF-8, else as `raw_base64`.
    """
    lines = []
    for reject in sorted(rejects):
        line = {"batch_id": reject.batch_id, "position": reject.position, "reason": reject.reason}
        lines.append(json.dumps(line | _raw(reject.raw), ensure_ascii=False).encode() + b"\n")
    return packed(b"".join(lines))


def _raw(raw: bytes) -> dict[str, str]:
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}
