"""Whether the weekly files of several paths hold the same posts: rows, ids, and some columns written alike by all."""

import gzip
import hashlib

import polars as pl

from bench.measure import Figures, Job
from bench.peers.columns import COMPARED


def run(job: Job) -> Figures:
    """For each path of the job's `csv` (path -> .csv.gz): its rows, columns, and sha256 of ids and of values.

    For the paths of `plain`, which shall write alike, also the sha256 of the uncompressed CSV.
    """
    plain = job.get("plain", ())
    return {
        path: {**_digests(csv), "plain": _plain_sha256(csv) if path in plain else None}
        for path, csv in job["csv"].items()
    }


def _digests(csv: str) -> dict[str, object]:
    header = pl.read_csv(csv, n_rows=0, infer_schema=False).columns
    frame = pl.read_csv(csv, columns=["tweet_id", *COMPARED], infer_schema=False)
    frame = frame.sort(pl.col("tweet_id").cast(pl.UInt64))
    return {
        "rows": frame.height,
        "columns": header,
        "unique": frame["tweet_id"].n_unique(),
        "ids": _sha256(frame.select("tweet_id")),
        "values": _sha256(frame.select(COMPARED)),
    }


def _plain_sha256(csv: str) -> str:
    with gzip.open(csv) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_csv().encode()).hexdigest()
