"""Hours that live capture has listened to: the sandbox's posts through a real spool into the store."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path

from elec_assets.capture import records
from elec_assets.capture.batches import ElectionBatch, SlotPlan, batches_of
from elec_assets.capture.records import Record
from elec_assets.capture.spool import Spool
from elec_assets.clients.store import Store
from elec_assets.domain import calendar
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import KEEP_ALIVE_MS, MARGIN_MS, SLOT_MS, BatchJournal
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.rules import rule_tag_prefix, search_queries
from elec_assets.domain.windows import Grain, Window, created_ms, epoch_ms, from_epoch_ms, id_bounds, iso_ms, window_at
from elec_assets.sandbox.posts import Json
from elec_assets.sandbox.world import World
from elec_assets.sandbox.x_documents import document, reference
from elec_assets.sandbox.x_fields import EXPANSIONS, Selection
from elec_assets.sandbox.x_query import compile_query
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.journals import encode_journal
from elec_assets_tests.clients.hours import HOUR, election

LAG_MS = 3_000
"""A post is received so long after it was made."""
_ALL = {
    "expansions": ",".join(EXPANSIONS),
    "tweet.fields": "author_id,created_at,entities,lang,note_tweet,public_metrics,referenced_tweets,conversation_id,"
    "edit_history_tweet_ids,in_reply_to_user_id,attachments,geo,withheld,possibly_sensitive",
    "user.fields": "created_at,public_metrics,username,name",
}


@cache
def matching(world: World, window: Window) -> tuple[Json, ...]:
    """The posts of a window that the queries of the test election match, retweets too, oldest first."""
    queries = [compile_query(q) for q in search_queries(election(), window.start, 1024)]
    found = [
        post
        for post in world.newest_first(*id_bounds(window))
        if any(query(document(post, world)) for query in queries)
    ]
    return tuple(reversed(found))


@cache
def originals(world: World, window: Window = HOUR) -> frozenset[str]:
    """Ids of the posts of a window that search can find."""
    return frozenset(post["id"] for post in matching(world, window) if reference(post, "retweeted") is None)


def retweets(world: World, window: Window = HOUR) -> frozenset[str]:
    """Ids of the posts of a window that only the stream brings."""
    return frozenset(post["id"] for post in matching(world, window)) - originals(world, window)


def line_of(post: Json, world: World, key: str = "xx_2027") -> bytes:
    """A post as the stream sends it."""
    page = Selection.read(_ALL, "tweet").page([post], world)
    tag = f"{rule_tag_prefix(key)}person0"
    line = {"data": page["data"][0], "includes": page.get("includes", {}), "matching_rules": [{"id": "1", "tag": tag}]}
    return json.dumps(line, ensure_ascii=False).encode() + b"\r\n"


def minutes(first: float, last: float, hour: Window = HOUR) -> Window:
    """A part of an hour."""
    return Window(hour.start + timedelta(minutes=first), hour.start + timedelta(minutes=last))


def listened(
    folder: Path,
    world: World,
    *,
    outages: Sequence[Window] = (),
    window: Window | None = None,
    lost: Iterable[str] = (),
    extra: Sequence[tuple[int, bytes]] = (),
) -> list[ElectionBatch]:
    """The batches of a service that listened to a window, by default from ten minutes before the hour to after it.

    In the outages it had no connection. Posts with an id in `lost` X never sent. `extra` are further lines, with the
    time of their receipt in ms.
    """
    window = window or Window(HOUR.start - timedelta(minutes=10), HOUR.end + timedelta(minutes=10))
    whole = election()
    gone = set(lost)
    posts = [post for post in matching(world, window) if post["id"] not in gone]
    lines = sorted([*((_received(post), line_of(post, world, whole.key)) for post in posts), *extra])
    with Spool(folder, cap_bytes=10**9) as spool:
        for record in _life(window, lines, outages, whole.key):
            spool.roll(record.at_ms)
            spool.append(record)
        spool.roll(epoch_ms(window.end) + 1)
        made = []
        for segment in spool.closed():
            plan = SlotPlan(whole.key, _planned(segment.slot_ms), rule_tag_prefix(whole.key), "v")
            made += batches_of(segment, spool.read(segment), {whole.key: plan})
        return made


def _planned(slot_ms: int) -> Intervals:
    hour = window_at(from_epoch_ms(slot_ms), Grain.HOUR)
    return calendar.planned(election(), hour) & Intervals.of([(slot_ms, slot_ms + SLOT_MS)])


def _received(post: Json) -> int:
    return _made(int(post["id"])) + LAG_MS


def _life(window: Window, lines: Sequence[tuple[int, bytes]], outages: Sequence[Window], key: str) -> Iterator[Record]:
    """What a spool is told, in order of time."""
    start, end = epoch_ms(window.start), epoch_ms(window.end)
    connected = Intervals.of([(start, end)]) - Intervals.of((epoch_ms(o.start), epoch_ms(o.end)) for o in outages)
    yield records.started(start)
    yield records.rules(start, key, 0, "v")
    for number, (opened, closed) in enumerate(connected.spans, start=1):
        yield records.opened(opened, number)
        alive = [(at, b"") for at in range(opened + KEEP_ALIVE_MS // 2, closed, KEEP_ALIVE_MS // 2)]
        for at, line in sorted([*((at, line) for at, line in lines if opened <= at < closed), *alive, (closed, b"")]):
            yield records.line(at, number, line) if line else records.kept_alive(at, number)
        yield records.closed(closed, number, "cut off")


def quiet(key: str, hour: Window, line: bytes = b"") -> Iterator[tuple[BatchKey, bytes, BatchJournal]]:
    """Batches of a service that was connected all of an hour and heard nothing but keep-alives, and at most a line."""
    start = epoch_ms(hour.start)
    for slot_ms in range(start, start + 13 * SLOT_MS, SLOT_MS):
        body = line if slot_ms == start else b""
        journal = BatchJournal(
            spool="0123abcd",
            election=key,
            slot_ms=slot_ms,
            registry_version="v",
            planned=Intervals.of([(slot_ms, slot_ms + SLOT_MS)]),
            covered=Intervals.of([(max(start, slot_ms - MARGIN_MS), slot_ms + SLOT_MS - MARGIN_MS)]),
            connections=(),
            received_ms=(slot_ms + 1,) * body.count(b"\n"),
            line_connections=(1,) * body.count(b"\n"),
            hours={},
            posts=0,
            notices=0,
            unreadable=0,
            causes=(),
        )
        yield BatchKey.of(key, slot_ms, journal.spool), body, journal


def upload(store: Store, batches: Iterable[ElectionBatch], *, bodies: bool = True, journals: bool = True) -> None:
    """Put batches into a store as the service does."""
    for batch in batches:
        for pointer in batch.late:
            store.create(pointer.key, b"{}")
        if journals:
            store.create(batch.key.journal, encode_journal(batch.journal))
        if bodies:
            store.create(batch.key.body, packed(batch.body))


def counted(world: World) -> str:
    """What X counts of the hour's day, without the posts of its other hours: the sandbox takes 6 s to count a day."""
    at = Counter(_made(post) // 60_000 for post in map(int, originals(world)))
    day = epoch_ms(window_at(HOUR.start, Grain.DAY).start) // 60_000
    moments = [(minute, at[minute]) for minute in range(day, day + 1440)]
    return json.dumps(
        {
            "data": [
                {"start": _stamp(minute), "end": _stamp(minute + 1), "tweet_count": posts} for minute, posts in moments
            ],
            "meta": {"total_tweet_count": len(originals(world))},
        }
    )


def _made(tweet_id: int) -> int:
    return created_ms(tweet_id) or 0


def _stamp(minute: int) -> str:
    return iso_ms(from_epoch_ms(minute * 60_000))


def upload_quiet(store: Store, key: str, hour: Window, line: bytes = b"") -> None:
    """Put the batches of `quiet` into a store."""
    for batch, body, journal in quiet(key, hour, line):
        store.create(batch.journal, encode_journal(journal))
        store.create(batch.body, packed(body))
