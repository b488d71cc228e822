"""pandas: read_parquet of all hours, concat, sort, lists by json.dumps, to_csv at gzip level 6 (its own is 9)."""

import json
from pathlib import Path

import pandas as pd

from bench.measure import Figures, Job
from bench.peers.hours import files
from elec_assets.domain.tables import TWEETS, Kind


def run(job: Job) -> Figures:
    """The whole week in memory."""
    csv = Path(job["out"], "week.csv.gz")
    week = pd.concat([pd.read_parquet(file) for file in files(Path(job["input"]))])
    week = week.sort_values("tweet_id", key=lambda ids: ids.astype("int64"))
    for column in TWEETS.columns:
        if column.kind is Kind.STRINGS:
            week[column.name] = [json.dumps(list(cell), ensure_ascii=False) for cell in week[column.name]]
    week.to_csv(csv, index=False, compression={"method": "gzip", "compresslevel": 6})
    return {"csv": str(csv), "out_mb": csv.stat().st_size / 1e6}
