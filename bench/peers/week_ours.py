"""The weekly step by the project's own code: sealed hours, one after the other, into .csv.gz and .parquet.

Of the job: `csv_only` leaves the Parquet file out; `cut` hands the rows on in other pieces than hours
(see `bench.gzip_bytes`).
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from bench import posts
from bench.measure import Figures, Job
from elec_assets.clients.store import open_store
from elec_assets.clients.tweet_archive import TweetArchive
from elec_assets.clients.weekly_archive import WeeklyArchive
from elec_assets.domain.tables import TWEETS
from elec_assets.domain.windows import Grain, split
from elec_assets.transforms.weekly import WeeklyCsv


def run(job: Job) -> Figures:
    """Write the week into the folder `out` from the store `input`."""
    archive = TweetArchive(open_store(Path(job["input"]).resolve().as_uri()), posts.ELECTION)
    hours = (frame for hour in split(posts.WEEK, Grain.HOUR) for frame in archive.rows(hour))
    frames = cut(hours, job.get("cut", "hours"))
    root = Path(job["out"]).resolve()
    if job.get("csv_only"):
        csv = root / "week.csv.gz"
        with csv.open("wb") as file:
            writer = WeeklyCsv(file, TWEETS)
            for frame in frames:
                writer.add(frame)
            rows = writer.close().rows
    else:
        written = WeeklyArchive(open_store(root.as_uri()), posts.ELECTION, "twitter", TWEETS).write(posts.WEEK, frames)
        csv, rows = root / written.key, written.summary.rows
    return {"csv": str(csv), "rows": rows, "out_mb": csv.stat().st_size / 1e6}


def cut(hours: Iterator[pl.DataFrame], into: str) -> Iterator[pl.DataFrame]:
    """The rows of the hours in other pieces: as they are, in seven, in small frames, or in one of small chunks."""
    if into == "hours":
        yield from hours
        return
    whole = pl.concat(hours, rechunk=True)
    if into == "sevenths":
        yield from whole.iter_slices(whole.height // 7 + 1)
    elif into == "1000 rows":
        yield from whole.iter_slices(1000)
    else:
        yield pl.concat(whole.iter_slices(7), rechunk=False)
