"""What a deployment under load has already: an election, uploaded batches of hours that are over, and records.

`run` is called in a process of its own (`bench.measure`), in the environment of the deployment.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import dagster as dg

from bench.measure import Figures, Job
from bench.peers.load_server import lines
from elec_assets.clients.store import Store, open_store
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import SLOT_MS, BatchJournal, ConnectionSpan
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.windows import X_EPOCH_MS, Grain, Window, epoch_ms, from_epoch_ms, key_of, split, window_at
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.journals import encode_journal

ELECTION = "xx_load"
"""That of the tag of the lines that `bench.peers.load_server` sends."""
_SPOOL = "0a1b2c3d"
_FIRST = 10**18
_REGISTRY = """\
elections:
  {election}:
    name: Made-up election
    country: FR
    timezone: Europe/Paris
    languages: [fr, en]
    capture: continuous
    calendar:
      collect_from: {start:%Y-%m-%d}
      collect_until: {end:%Y-%m-%d}
      rounds: ["{round:%Y-%m-%d}"]
      inauguration: {inauguration:%Y-%m-%d}
    candidates:
      anyone: {{name: Agathe Martin, status: 1}}
"""


def write_registry(path: Path, now: datetime, days: int) -> None:
    """An election collected for so many days, with all tables of Google Trends, which nobody asks for here."""
    dates = {"start": -days, "round": 30, "inauguration": 40, "end": 60}
    moments = {name: now + timedelta(days=number) for name, number in dates.items()}
    path.write_text(_REGISTRY.format(election=ELECTION, **moments), encoding="utf-8")


def write_hours(store: Path, hours: Sequence[Window], posts: int, seed: int) -> None:
    """Twelve batches for each hour, as if capture had heard all of it and uploaded them: so many posts an hour."""
    opened = open_store(store.as_uri())
    # The same for each slot, but for the ids: making them takes a second.
    patterns = list(islice(lines(_FIRST, seed), posts // 12))
    for hour in hours:
        for slot in range(epoch_ms(hour.start), epoch_ms(hour.end), SLOT_MS):
            _write_slot(opened, slot, patterns)


def _write_slot(store: Store, slot_ms: int, patterns: Sequence[bytes]) -> None:
    key = BatchKey.of(ELECTION, slot_ms, _SPOOL)
    first, posts = (slot_ms + 1000 - X_EPOCH_MS) << 22, len(patterns)
    body = [line.replace(b"%d" % (_FIRST + n), b"%d" % (first + n)) for n, line in enumerate(patterns)]
    size, end_ms = sum(map(len, body)), slot_ms + SLOT_MS
    whole = Intervals.of([(slot_ms, end_ms)])
    journal = BatchJournal(
        spool=_SPOOL,
        election=ELECTION,
        slot_ms=slot_ms,
        registry_version="0123456789ab",
        planned=whole,
        covered=whole,
        connections=(ConnectionSpan(1, slot_ms, end_ms - 1, None, None, posts, 0, size),),
        received_ms=tuple(slot_ms + 2000 + (SLOT_MS - 4000) * number // posts for number in range(posts)),
        line_connections=(1,) * posts,
        hours={key_of(window_at(from_epoch_ms(slot_ms), Grain.HOUR), Grain.HOUR): posts},
        posts=posts,
        notices=0,
        unreadable=0,
        causes=(),
    )
    store.put(key.body, packed(b"".join(body)))
    store.put(key.journal, encode_journal(journal))


def run(job: Job) -> Figures:
    """Record hours of tweets from `start` to `end` (ISO times) as made, each with what a run tells of it."""
    window = Window(datetime.fromisoformat(job["start"]), datetime.fromisoformat(job["end"]))
    with dg.DagsterInstance.get() as instance:
        count = 0
        for event in _events(window):
            instance.report_runless_asset_event(event)
            count += 1
    return {"recorded": count}


def _events(window: Window) -> Iterator[dg.AssetMaterialization]:
    for number, hour in enumerate(split(window, Grain.HOUR)):
        told: dict[str, str | float] = {
            "dagster/partition_row_count": 1000 + number % 500,
            "outcome": "ok",
            "planned_s": 3600.0,
        }
        yield dg.AssetMaterialization(
            dg.AssetKey([ELECTION, "twitter", "tweets"]), partition=key_of(hour, Grain.HOUR), metadata=told
        )
