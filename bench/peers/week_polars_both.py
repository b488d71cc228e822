"""polars on its own over the sorted hours, into the same two files that ours makes: .csv.gz and .parquet, streaming."""

from pathlib import Path

import polars as pl

from bench.measure import Figures, Job
from bench.peers.hours import TIME_FORMAT, csv_columns, files


def run(job: Job) -> Figures:
    """Both sinks of one scan at once."""
    csv = Path(job["out"], "week.csv.gz")
    hours = pl.scan_parquet(files(Path(job["input"])))
    parquet = hours.sink_parquet(Path(job["out"], "week.parquet"), compression="zstd", row_group_size=16_384, lazy=True)
    text = hours.select(csv_columns()).sink_csv(
        csv, compression="gzip", compression_level=6, datetime_format=TIME_FORMAT, lazy=True
    )
    pl.collect_all([text, parquet])
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
