"""Weeks of live capture in a store, as files: what scale-out is measured and tested on. Nothing needs to be asked."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from bench import posts
from elec_assets.domain.intervals import Intervals
from elec_assets.domain.journal import MARGIN_MS, BatchJournal
from elec_assets.domain.layout_capture import BatchKey
from elec_assets.domain.windows import Grain, Window, created_ms, epoch_ms, from_epoch_ms, key_of, split, window_at
from elec_assets.transforms.gzips import packed
from elec_assets.transforms.journals import encode_journal

SPOOL = "0123abcd"
_REGISTRY = Path(__file__).parents[1] / "candidates.yaml"


def hours(number: int) -> list[Window]:
    """The first so many hours from `posts.WEEK` on; a week has 168."""
    first = posts.WEEK.start
    return split(Window(first, from_epoch_ms(epoch_ms(first) + number * 3_600_000)), Grain.HOUR)


def hour_keys(number: int) -> list[str]:
    """Dagster's partition keys of those hours."""
    return [key_of(hour, Grain.HOUR) for hour in hours(number)]


def week_keys(number: int) -> list[str]:
    """Dagster's partition keys of the weeks that hold so many hours."""
    return list(dict.fromkeys(key_of(window_at(hour.start, Grain.WEEK), Grain.WEEK) for hour in hours(number)))


def registry(folder: Path) -> Path:
    """A candidates.yaml in a folder with that election alone, which is over: it has no schedule of its own."""
    whole = yaml.safe_load(_REGISTRY.read_text(encoding="utf-8"))
    path = folder / "candidates.yaml"
    kept = {"elections": {posts.ELECTION: whole["elections"][posts.ELECTION]}}
    path.write_text(yaml.safe_dump(kept, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def captured(store: Path, number: int, a_hour: int, seed: int = 7) -> int:
    """Put the batches of so many hours of capture without a gap into the folder of a store; returns their lines.

    There are `a_hour` posts in an hour, in the mean.
    """
    total = 0
    slots = list(posts.batches(seed, a_hour * number, number))
    # The slot after the end proves the last half minute, and holds nothing.
    for slot, lines in enumerate([*slots, []]):
        total += len(lines)
        _put(store, slot, lines)
    return total


def _put(store: Path, slot: int, lines: Sequence[str]) -> None:
    start = epoch_ms(posts.slot_start(slot))
    ids = [int(json.loads(line)["data"]["id"]) for line in lines]
    of_hours = Counter(key_of(window_at(from_epoch_ms(created_ms(i) or 0), Grain.HOUR), Grain.HOUR) for i in ids)
    journal = BatchJournal(
        spool=SPOOL,
        election=posts.ELECTION,
        slot_ms=start,
        registry_version="bench",
        planned=Intervals.of([(start, start + posts.SLOT_MS)]),
        covered=Intervals.of([(start - (MARGIN_MS if slot else 0), start + posts.SLOT_MS - MARGIN_MS)]),
        connections=(),
        received_ms=tuple(range(start + 1, start + 1 + len(lines))),
        line_connections=(1,) * len(lines),
        hours=dict(of_hours),
        posts=len(lines),
        notices=0,
        unreadable=0,
        causes=(),
    )
    key = BatchKey.of(posts.ELECTION, start, SPOOL)
    for name, data in ((key.journal, encode_journal(journal)), (key.body, packed("".join(lines).encode()))):
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
