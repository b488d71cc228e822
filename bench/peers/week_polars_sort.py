"""polars as one would write it without sorted hours: read all, sort all by id, write_csv(gzip 6)."""

from pathlib import Path

import polars as pl

from bench.measure import Figures, Job
from bench.peers.hours import TIME_FORMAT, csv_columns, files


def run(job: Job) -> Figures:
    """The whole week in memory."""
    csv = Path(job["out"], "week.csv.gz")
    week = pl.concat([pl.read_parquet(file) for file in files(Path(job["input"]))])
    week = week.sort(pl.col("tweet_id").cast(pl.UInt64)).select(csv_columns())
    week.write_csv(csv, compression="gzip", compression_level=6, datetime_format=TIME_FORMAT)
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
