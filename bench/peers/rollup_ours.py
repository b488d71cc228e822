"""From the week's batch files to the weekly file by the project's own code, hour by hour, in one process.

With `bare` in the job it does what the peers do and no more: no candidates are looked for, and no weekly Parquet file
is written.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import polars as pl

from bench import posts
from bench.measure import Figures, Job, Stages
from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain import layout
from elec_assets.domain.matcher import Match, PostText, matcher_at
from elec_assets.domain.registry import Election
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import Window
from elec_assets.transforms import sealing
from elec_assets.transforms.gzips import unpacked
from elec_assets.transforms.weekly import Summary, WeeklyCsv
from elec_assets.transforms.x_documents import RawDocument

GUNZIP, FLATTEN, SEAL, TABLE, WEEK = "gunzip", "decode, flatten, match", "rest of seal", "table", "week"
_UNMATCHED = Match()
_P = ParamSpec("_P")
_T = TypeVar("_T")


def run(job: Job) -> Figures:
    """Seal the hours, then write the week; `stages` tell them apart."""
    stages, about = Stages(), posts.election()
    root = Path(job["out"]).resolve()
    store = open_store(root.as_uri())
    hours = []
    with _flatten_timed(stages):
        for hour, sealed in seal_hours(Path(job["input"]), about, stages, matched=not job.get("bare")):
            hours.append(hour)
            with stages.time(TABLE):
                store.put(layout.tweets_hour(about.key, hour), sealing.table_bytes(sealed.frame))
    stages.rest(SEAL, "seal", GUNZIP, FLATTEN)
    with stages.time(WEEK):
        archive = TweetArchive(store, about.key)
        frames = (frame for hour in hours for frame in archive.rows(hour))
        if job.get("bare"):
            csv = root / "week.csv.gz"
            summary = _csv(csv, frames)
        else:
            written = WeeklyArchive(store, about.key, "twitter", TWEETS).write(posts.WEEK, frames)
            csv, summary = root / written.key, written.summary
    return {
        "csv": str(csv),
        "rows": summary.rows,
        "out_mb": csv.stat().st_size / 1e6,
        "plain_bytes": summary.plain_bytes,
        "stages": stages.cpu_s,
    }


def _csv(path: Path, frames: Iterator[pl.DataFrame]) -> Summary:
    with path.open("wb") as file:
        writer = WeeklyCsv(file, TWEETS)
        for frame in frames:
            writer.add(frame)
        return writer.close()


def _unmatched(_: PostText) -> Match:
    return _UNMATCHED


def seal_hours(
    folder: Path, about: Election, stages: Stages, *, matched: bool = True
) -> Iterator[tuple[Window, sealing.Sealed]]:
    """Each hour of a folder of batch files, sealed; without candidates where not `matched`.

    Raises:
        ValueError: a line was rejected; all that `bench.posts` makes can be read.
    """
    corpus = posts.corpus(folder)
    for hour in corpus.windows:
        documents = _documents(folder, corpus.slots_of(hour), stages)
        with stages.time("seal"):
            match = matcher_at(about, hour.start).match if matched else _unmatched
            sealed = sealing.seal(documents, hour, match)
        if sealed.rejects:
            raise ValueError(f"{hour}: {len(sealed.rejects)} rejects, the first {sealed.rejects[0].reason}")
        yield hour, sealed


def _documents(folder: Path, slots: range, stages: Stages) -> Iterator[RawDocument]:
    for slot in slots:
        path = posts.slot_path(folder, slot)
        with stages.time(GUNZIP):
            body = unpacked(path.read_bytes())
        yield RawDocument(path.name, "stream", posts.slot_start(slot + 1), body, "lines")


@contextmanager
def _flatten_timed(stages: Stages) -> Iterator[None]:
    # `seal` calls it by this name; timed in place, because a second pass would cost half the benchmark.
    flatten = vars(sealing)["flatten"]
    vars(sealing)["flatten"] = _timed(flatten, stages)
    try:
        yield
    finally:
        vars(sealing)["flatten"] = flatten


def _timed(function: Callable[_P, _T], stages: Stages) -> Callable[_P, _T]:
    def timed(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with stages.time(FLATTEN):
            return function(*args, **kwargs)

    return timed
