"""DuckDB over the sorted hours: read_parquet -> COPY gzip, in the order of the files; its own gzip level."""

from pathlib import Path

import duckdb

from bench.measure import Figures, Job
from bench.peers.hours import files
from bench.peers.rollup_duckdb import settings
from elec_assets.domain.tables import TWEETS, Kind


def run(job: Job) -> Figures:
    """Hours that are sorted already: no sort."""
    csv = Path(job["out"], "week.csv.gz")
    lists = [f'to_json("{c.name}") AS "{c.name}"' for c in TWEETS.columns if c.kind is Kind.STRINGS]
    with duckdb.connect(config=settings(job)) as connection:
        paths = [str(file) for file in files(Path(job["input"]))]
        connection.execute("SET VARIABLE files = $files", {"files": paths})
        select = f"SELECT * REPLACE ({', '.join(lists)}) FROM read_parquet(getvariable('files'))"  # noqa: S608 - columns
        connection.execute(f"COPY ({select}) TO '{csv}' (FORMAT csv, HEADER, COMPRESSION gzip)")
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
