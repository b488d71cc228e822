"""polars on its own over the sorted hours: scan_parquet -> sink_csv(gzip 6), streaming."""

from pathlib import Path

import polars as pl

from bench.measure import Figures, Job
from bench.peers.hours import TIME_FORMAT, csv_columns, files


def run(job: Job) -> Figures:
    """Hours that are sorted already: no sort."""
    csv = Path(job["out"], "week.csv.gz")
    hours = pl.scan_parquet(files(Path(job["input"])))
    hours.select(csv_columns()).sink_csv(csv, compression="gzip", compression_level=6, datetime_format=TIME_FORMAT)
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
